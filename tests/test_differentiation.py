"""Derivatives with numbers left open, against central differences by mpmath and against exact texts."""

from decimal import Decimal

import mpmath
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from chainprice import differentiation
from chainprice.differentiation import Bound, derivative, template
from chainprice.formula import read

MPMATH = {
    "number": lambda number: mpmath.mpf(str(number)),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda a: -a,
    "ln": mpmath.log,
    "log": mpmath.log,
    **{name: getattr(mpmath, name) for name in ("exp", "sqrt", "erf", "sin", "cosh", "tanh", "pi")},
}

NUMBERS = st.sampled_from(["0", "0.2", "0.25", "0.4", "0.5", "1", "1.2", "1.5", "2", "3", "10", "1e-4"])

TEMPLATES = (
    "{} * x^{} * y^{}",
    "{} * (x^{} + {}*y^{})^{} * z^{}",
    "{}*x - {}*x + {}*y*x^{}",
    "({}*x/{})^{} / ({} + y)",
    "{} - {}*exp(-{}*x) + ln({}*y + {})",
    "sqrt({}*x)*y^(1 - {}) + x^{}/x^{}",
    "{}/({} + {}/x + y^-{})",
    "-({}*x - {}*y)*z^(-{})/{}",
    "x^y*{} + (1 + {})^x + tanh({}*x*y)",
    "({} + {})*x^({}/{}) + erf(y/{})",
)


def texts(text: str) -> list[str]:
    formula = read(text)
    bound = Bound(formula.shape, formula.numbers)
    return [template(bound, slot).filled(formula.names) for slot in range(len(formula.names))]


@settings(deadline=None)
@given(st.sampled_from(TEMPLATES), st.data())
def test_every_text_has_the_value_of_a_central_difference(template, data):
    formula = read(template.format(*(data.draw(NUMBERS) for _ in range(template.count("{}")))))
    point = {name: mpmath.mpf(data.draw(st.integers(1, 30))) / 10 for name in formula.names}
    step = mpmath.mpf("1e-20")
    with mpmath.workdps(60):
        for slot, name in enumerate(formula.names):
            try:
                ends = [formula.evaluate(MPMATH, {**point, name: point[name] + h}) for h in (step, -step)]
                expected = (ends[0] - ends[1]) / (2 * step)
                size = max(map(abs, ends))
            except ZeroDivisionError:
                reject()
            assume(mpmath.isfinite(expected) and not isinstance(expected, mpmath.mpc))
            slope = derivative(Bound(formula.shape, formula.numbers), slot)
            named = {f"x{i}": point[other] for i, other in enumerate(formula.names)} | {"pi": +mpmath.pi}
            value = slope.evaluate(MPMATH, {n: named[n] for n in slope.names})
            assert abs(value - expected) <= mpmath.mpf("1e-15") * (abs(expected) + size), (formula, slope)


def test_a_shape_is_differentiated_once_whatever_its_numbers(monkeypatch):
    seen = []
    original = differentiation._diff
    monkeypatch.setattr(differentiation, "_diff", lambda *of: seen.append(of) or original(*of))
    for count in range(200):
        a, b = Decimal(count) / 1000 + Decimal("0.101"), Decimal("0.899") - Decimal(count) / 1000
        assert texts(f"{count + 2}*ore{count}^{a}*coal^{b} + 0.25*tin")
    assert len(seen) <= 3


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("3*x^0.4*y^0.3", ["1.2*y**0.3/x**0.6", "0.9*x**0.4/y**0.7"]),
        ("2.5*x^0.4", ["1/x**0.6"]),
        ("x^1.4", ["1.4*x**0.4"]),
        ("x^1.5", ["1.5*sqrt(x)"]),
        ("4*x^-0.7", ["-2.8/x**1.7"]),
        ("7*sqrt(x)", ["7/(2*sqrt(x))"]),
        ("sqrt(4*x)", ["1/sqrt(x)"]),
        ("(x/15)^0.13", ["13/(1500*(x/15)**0.87)"]),
        ("x^(1/3)", ["1/(3*x**(2/3))"]),
        ("1.005*x - 0.77*x", ["0.235"]),
        ("2*x - 2*x", ["0"]),
        ("0.2*x - x^2/1000", ["0.2 - x/500"]),
        ("x - 0.25*x^2", ["1 - x/2"]),
        ("x/(x + 2*y)", ["1/(x + 2*y) - x/(x + 2*y)**2", "-2*x/(x + 2*y)**2"]),
        ("3*(1 - exp(-0.3*x))", ["0.9*exp(-0.3*x)"]),
        ("x^y", ["x**y*y/x", "x**y*ln(x)"]),
        ("2^x", ["2**x*ln(2)"]),
        ("(2*x + y)^0.5*y", ["y/sqrt(2*x + y)", "y/(2*sqrt(2*x + y)) + sqrt(2*x + y)"]),
    ],
)
def test_as_a_person_would_write_it(formula, expected):
    assert texts(formula) == expected
