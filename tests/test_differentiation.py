"""Derivatives with numbers left open, against central differences by mpmath and against exact texts."""

from decimal import Decimal
from fractions import Fraction

import mpmath
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from chainprice import algebra, differentiation
from chainprice.arithmetic import RATIONALS, NotRationalError, digits, evaluate
from chainprice.bound import Bound
from chainprice.differentiation import derivative, template
from chainprice.errors import UndefinedError
from chainprice.figures import NotWritableError, figure
from chainprice.formula import DERIVED, read
from chainprice.notation import Writer
from chainprice.opening import left_open

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
    for slot, name in enumerate(formula.names):
        difference = central_difference(formula, point, name)
        slope = derivative(Bound(formula.shape, formula.numbers), slot)
        assert_agrees(slope, formula, point, *difference)


def central_difference(formula, point, name):
    """By a name at a point, and how large what it is the difference of is."""
    step = mpmath.mpf("1e-20")
    with mpmath.workdps(60):
        try:
            ends = [formula.evaluate(MPMATH, {**point, name: point[name] + h}) for h in (step, -step)]
            expected = (ends[0] - ends[1]) / (2 * step)
            size = max(map(abs, ends))
        except ZeroDivisionError:
            reject()
        assume(mpmath.isfinite(expected) and not isinstance(expected, mpmath.mpc))
        return expected, size


def assert_agrees(slope, formula, point, expected, size):
    """A formula in the names of slots has the expected value at a point."""
    with mpmath.workdps(60):
        named = {f"x{i}": point[other] for i, other in enumerate(formula.names)} | {"pi": +mpmath.pi}
        value = slope.evaluate(MPMATH, {n: named[n] for n in slope.names})
        assert abs(value - expected) <= mpmath.mpf("1e-15") * (abs(expected) + size), (formula, slope)


WHOLE = st.sampled_from(["0", "1", "2", "3", "5", "8", "10", "32", "625"])
BROKEN = st.sampled_from(
    ["0.5", "0.1", "0.0001", "0.25", "0.75", "0.96", "1.5", "2.5", "0.9999", "0.123456789012345678"]
) | st.decimals("0.001", 50, places=4).map(str)
FRACTIONS = st.fractions(-3, 3, max_denominator=12)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(TEMPLATES), st.sampled_from([WHOLE, WHOLE | BROKEN]), st.booleans(), st.data())
def test_a_text_filled_in_is_the_text_written_with_its_numbers(template_text, numbers, is_parametric, data):
    words, values = [], {}
    for place in range(template_text.count("{}")):
        if is_parametric and data.draw(st.booleans()):
            words.append(f"p{place}")
            values[f"p{place}"] = data.draw(FRACTIONS)
        else:
            words.append(data.draw(numbers))
    formula = read(template_text.format(*words))
    constants = [(slot, values[name]) for slot, name in enumerate(formula.names) if name in values]
    bound = Bound(formula.shape, formula.numbers, tuple(constants))
    with mpmath.workdps(60):
        point = {name: mpmath.mpf(value.numerator) / value.denominator for name, value in values.items()}
    goods = [name for name in formula.names if name not in values]
    point |= {name: mpmath.mpf(data.draw(st.integers(1, 30))) / 10 for name in goods}
    for name in goods:
        slot = formula.names.index(name)
        difference = central_difference(formula, point, name)
        try:
            text = template(bound, slot).filled([f"x{i}" for i in range(len(formula.names))])
        except UndefinedError:  # the slope of 0^x by x has the logarithm of 0 in it
            reject()
        assert text == written_directly(bound, slot)
        assert_agrees(read(text, DERIVED), formula, point, *difference)


def written_directly(bound, slot):
    """With each number's own texts, worked out in fractions."""
    for opened in (left_open(bound.shape, bound.known, bound.named), ()):
        settled = tuple(
            (place, Fraction(value))
            for place, value in bound.known.items()
            if place in bound.shape.used and place not in opened
        )
        form = differentiation._Derivatives(bound.shape, settled, opened).derivative(slot)
        known = {f"x{place}": Fraction(bound.known[place]) for place in opened}
        try:
            figures = {
                number: figure(number.evaluate(RATIONALS, known), bound.is_decimal)
                for number in form.open_numbers()
            }
            text = Writer(figures, decimal=bound.is_decimal).write(form)
        except (NotRationalError, ZeroDivisionError, NotWritableError):
            continue
        if not {f"x{place}" for place in opened} & set(read(text, DERIVED).names):
            return text
    return None


def test_a_shape_is_differentiated_once_whatever_its_numbers(monkeypatch):
    seen = []
    original = algebra.diff
    monkeypatch.setattr(algebra, "diff", lambda *of: seen.append(of) or original(*of))
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
        ("y*y^5000 + x", ["5001*y**5000", "1"]),
        ("x + (-y)^5000", ["1", "5000*y**4999"]),
    ],
)
def test_as_a_person_would_write_it(formula, expected):
    assert texts(formula) == expected


@pytest.mark.parametrize(
    "formula",
    [
        "ln((4*x)^0.3) + x",
        "x*(4*x)^0.3/(4*x)^1.3 + x",
        "ln((4*x)^2000) + x",
        "sqrt((4*x)^4000) + x",
        "ln(1 + (4*x)^2000/(4*x)^2001)",
        "y*(x/7)^0.3/(x/7)^1.3",
        "exp((2*x)^0.7/(2*x)^1.7)*(3*y)^0.2",
    ],
)
def test_a_multiple_that_stands_under_a_bar_is_divided_by_as_a_whole(formula):
    shape, names, numbers = read(formula)[1:]
    point = {name: Decimal(17 + place) / 60 for place, name in enumerate(names)}
    step = Decimal("1e-25")
    with digits(80):
        for slot, name in enumerate(names):
            written = evaluate(
                derivative(Bound(shape, numbers), slot), {f"x{i}": v for i, v in enumerate(point.values())}
            )
            ends = [evaluate(read(formula), {**point, name: point[name] + way * step}) for way in (1, -1)]
            assert abs((ends[0] - ends[1]) / (2 * step) - written) <= abs(written) * Decimal("1e-40")
