"""Forms by name mean exactly their formulas: against textbook definitions in mpmath, and against free formulas."""

import itertools
import json
import re
from contextlib import suppress
from decimal import Decimal

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from outputs import FORMS as PAGE
from outputs import as_shown, readme_blocks, readme_examples, shell
from support import spec

import chainprice
from chainprice.arithmetic import digits, evaluate
from chainprice.errors import SpecError, UsageError
from chainprice.spec.forms import WRITERS
from chainprice.spec.language import FORMS


def text(form, parameters="", demand="3", supply=None):
    """A spec with one firm that makes y of x and z in this form."""
    supply = supply or {"x": 5, "z": 2}
    goods = ", ".join(f"{good}: {{quantity: {amount}}}" for good, amount in supply.items())
    return (
        f"parameters: {{{parameters}}}\nfirms: {{f: {{production: {{y: {form}}}}}}}\n"
        f"supply: {{{goods}}}\ndemand: {{y: {{price: {demand}}}}}"
    )


def formula(form, parameters="", *settings):
    return spec(text(form, parameters), *settings).firms["f"].production["y"]


def value(form, parameters="", **goods):
    """What a form makes of goods, to 40 digits."""
    read = spec(text(form, parameters))
    function = read.firms["f"].production["y"]
    with digits(50):
        known = {name: evaluate(constant) for name, constant in read.parameters.items()}
        known |= {good: Decimal(str(amount)) for good, amount in goods.items()}
        return mpf(str(evaluate(function, known)))


@pytest.fixture(autouse=True)
def _many_digits():
    with mpmath.workdps(45):
        yield


def test_every_form_is_written_and_described():
    assert set(WRITERS) == set(FORMS)


# The textbook.


def ces(scale, sigma, shares, returns, goods):
    rho = (sigma - 1) / sigma
    total = mpmath.fsum(share * goods[good] ** rho for good, share in shares.items())
    return scale * total ** (returns / rho)


NUMBERS = st.sampled_from(["0.25", "1/3", "0.5", "2/3", "0.9", "1.1", "5/3", "2", "3.7", "40"])


def exact(number):
    above, _, below = number.partition("/")
    return mpf(above) / mpf(below or 1)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["1/3", "0.5", "0.9"]), st.booleans())
def test_constant_elasticity_of_substitution(scale, sigma, returns, x, z, share, by_parameters):
    numbers = {"scale": scale, "elasticity": sigma, "returns": returns}
    shares = f"{{x: {share}, z: 1 - {share}}}"
    parameters = ""
    if by_parameters:
        parameters = ", ".join(f"p{key}: {number}" for key, number in numbers.items()) + f", a: {share}"
        numbers = {key: f"p{key}" for key in numbers}
        shares = "{x: a, z: 1 - a}"
    form = ", ".join(f"{key}: {number}" for key, number in numbers.items())
    with mpmath.workdps(45):
        goods = {"x": exact(x), "z": exact(z)}
        expected = ces(
            exact(scale),
            exact(sigma),
            {"x": exact(share), "z": 1 - exact(share)},
            exact(returns),
            goods,
        )
        found = value(
            f"{{form: ces, {form}, shares: {shares}}}",
            parameters,
            **{good: mpmath.nstr(amount, 50) for good, amount in goods.items()},
        )
        assert abs(found - expected) <= mpf(10) ** -36 * abs(expected)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{form: cobb_douglas, scale: 2, shares: {x: 0.4, z: 0.6}, returns: 0.9}", lambda x, z: 2 * x ** mpf("0.36") * z ** mpf("0.54")),
        ("{form: cobb_douglas, exponents: {x: 1/3, z: 1}}", lambda x, z: mpmath.cbrt(x) * z),
        ("{form: leontief, scale: 3, requirements: {x: 1.6, z: 0.5}}", lambda x, z: 3 * min(x / mpf("1.6"), z / mpf("0.5"))),
        ("{form: leontief, requirements: {x: 2, z: 1/3}, returns: 0.5}", lambda x, z: mpmath.sqrt(min(x / 2, z * 3))),
        ("{form: leontief, requirements: {x: 2, z: 0}, returns: 0.5}", lambda x, z: mpmath.sqrt(x / 2)),
        ("{form: linear, scale: 3, coefficients: {x: 1, z: -0.5}}", lambda x, z: 3 * (x - z / 2)),
        ("{form: linear, coefficients: {x: -1 + 2, z: 1/3}, returns: 2}", lambda x, z: (x + z / 3) ** 2),
        (
            "{form: translog, scale: 2, first_order: {x: 0.4, z: 0.5}, second_order: {x: {x: 0.1, z: -0.05}, z: {z: 1/3}}}",
            lambda x, z: mpmath.exp(
                mpmath.log(2)
                + mpf("0.4") * mpmath.log(x)
                + mpf("0.5") * mpmath.log(z)
                + (mpf("0.1") * mpmath.log(x) ** 2 - mpf("0.1") * mpmath.log(x) * mpmath.log(z) + mpmath.log(z) ** 2 / 3) / 2
            ),
        ),
        ("{form: translog, first_order: {x: 0}, second_order: {z: {x: 1}, x: {z: 1}}}", lambda x, z: mpmath.exp(mpmath.log(x) * mpmath.log(z))),
    ],
)  # fmt: skip
def test_other_forms(form, expected):
    for x, z in (("5", "2"), ("0.3", "7")):
        assert abs(value(form, x=x, z=z) / expected(mpf(x), mpf(z)) - 1) < mpf(10) ** -38


# The limits of the elasticity, as texts and as limits.


@pytest.mark.parametrize(
    ("sigma", "near", "limit"),
    [
        ("1", ("0.9999999", "1.0000001"), "2*x^0.36*z^0.54"),
        ("0", ("0.0005",), "2*min(x, z)^0.9"),
        (".inf", ("1e7",), "2*(0.4*x + 0.6*z)^0.9"),
    ],
)
def test_limits_of_the_elasticity(sigma, near, limit):
    def form(sigma):
        return f"{{form: ces, scale: 2, elasticity: {sigma}, shares: {{x: 0.4, z: 0.6}}, returns: 0.9}}"

    assert formula(form(sigma)).text == limit
    at = value(form(sigma), x=5, z=2)
    for other in near:
        assert abs(value(form(other), x=5, z=2) / at - 1) < 1e-3


@pytest.mark.parametrize("endless", [".inf", "inf", "infinity", "Infinity", "infinite", ".Inf"])
def test_an_elasticity_without_end(endless):
    assert (
        formula(f"{{form: ces, elasticity: {endless}, shares: {{x: 0.4, z: 0.6}}}}").text == "0.4*x + 0.6*z"
    )


def test_infinity_in_json_and_a_parameter_called_inf():
    json = '{"firms": {"f": {"production": {"y": {"form": "ces", "elasticity": Infinity, "shares": {"x": 1}}}}}, "supply": {"x": {"quantity": 1}}, "demand": {"y": {"price": 1}}}'
    assert chainprice.load(json).firms["f"].production["y"].text == "x"
    assert formula("{form: ces, elasticity: inf, shares: {x: 0.5, z: 0.5}}", "inf: 0.5").text == (
        "(0.5*x^((inf - 1)/inf) + 0.5*z^((inf - 1)/inf))^(inf/(inf - 1))"
    )


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{form: ces, scale: 2, elasticity: 0.5, shares: {x: 0.4, z: 0.6}, returns: 0.9}", "2*(0.4*x^-1 + 0.6*z^-1)^-0.9"),
        ("{form: ces, elasticity: 3, shares: {x: 0.4, z: 0.6}}", "(0.4*x^(2/3) + 0.6*z^(2/3))^1.5"),
        ("{form: ces, elasticity: 0.6, shares: {x: 1/3, z: 2/3}, scale: 1/2}", "(1/2)*((1/3)*x^(-2/3) + (2/3)*z^(-2/3))^-1.5"),
        ("{form: ces, elasticity: 2, shares: {x: 1}, scale: 2, returns: 0.5}", "2*x^0.5"),
        ("{form: ces, elasticity: 2, shares: {x: 1, z: 0}, scale: 2, returns: 0.5}", "2*x^0.5"),
        ("{form: ces, elasticity: 2, shares: {x: 0.5, z: 0.5}, returns: nu}", "(0.5*x^0.5 + 0.5*z^0.5)^(2*nu)"),
        ("{form: ces, elasticity: 0.5, shares: {x: 0.5, z: 0.5}, returns: nu}", "(0.5*x^-1 + 0.5*z^-1)^(-nu)"),
        ("{form: ces, elasticity: 2*nu, scale: nu, shares: {x: 0.5, z: 0.5}, returns: nu}", "nu*(0.5*x^(((2*nu) - 1)/(2*nu)) + 0.5*z^(((2*nu) - 1)/(2*nu)))^(nu*(2*nu)/((2*nu) - 1))"),
        ("{form: ces, elasticity: sqrt(2), shares: {x: 0.5, z: 0.5}}", "(0.5*x^(((sqrt(2)) - 1)/(sqrt(2))) + 0.5*z^(((sqrt(2)) - 1)/(sqrt(2))))^((sqrt(2))/((sqrt(2)) - 1))"),
        ("{form: cobb_douglas, shares: {x: nu, z: 1 - nu}}", "x^nu*z^(1 - nu)"),
        ("{form: cobb_douglas, shares: {x: nu, z: 1 - nu}, returns: 0.5}", "x^(0.5*nu)*z^(0.5*(1 - nu))"),
        ("{form: cobb_douglas, shares: {x: nu, z: 1 - nu}, returns: nu}", "x^(nu*nu)*z^((1 - nu)*nu)"),
        ("{form: cobb_douglas, shares: {x: 1}}", "x"),
        ("{form: leontief, requirements: {x: 2}}", "x/2"),
        ("{form: leontief, requirements: {x: 2}, returns: nu}", "(x/2)^nu"),
        ("{form: leontief, requirements: {x: 1, z: 2*nu}, scale: 1}", "min(x, z/(2*nu))"),
        ("{form: linear, coefficients: {x: nu, z: -2}, scale: 4}", "4*(nu*x - 2*z)"),
        ("{form: linear, coefficients: {x: -1, z: 2}}", "-x + 2*z"),
        ("{form: translog, first_order: {x: 1}, second_order: {x: {x: nu}}}", "exp(ln(x) + (nu/2)*ln(x)^2)"),
    ],
)  # fmt: skip
def test_formulas_as_they_are_shown(form, text):
    assert formula(form, "nu: 0.8").text == text


# What comes of them.


def test_prices_are_those_of_the_formula():
    form = "{form: ces, scale: 2, elasticity: 0.5, shares: {x: 0.4, z: 0.6}, returns: 0.9}"
    by_form, by_formula = (spec(text(one)) for one in (form, '"2*(0.4*x^-1 + 0.6*z^-1)^-0.9"'))
    assert by_form.firms == by_formula.firms
    assert chainprice.solve(by_form).prices == chainprice.solve(by_formula).prices
    assert chainprice.verify(by_form).verified


def test_the_elasticity_of_substitution_is_what_it_says():
    """The ratio of inputs moves against that of their prices by just this elasticity (Hicks)."""
    for sigma in ("0.3", "0.999", "1", "1.5", "4"):
        form = f"{{form: ces, elasticity: {sigma}, shares: {{x: 0.3, z: 0.7}}, returns: 0.8}}"
        ratios = []
        for amount in ("5", "5.0001"):
            prices = chainprice.solve(spec(text(form, supply={"x": amount, "z": 2}))).prices
            ratios.append((mpmath.log(mpf(amount) / 2), mpmath.log(mpf(prices["z"]) / mpf(prices["x"]))))
        (x0, p0), (x1, p1) = ratios
        assert float((x1 - x0) / (p1 - p0)) == pytest.approx(float(sigma), rel=1e-6)


def test_returns_to_scale_are_what_they_say():
    for form in (
        "{form: ces, elasticity: 0.5, shares: {x: 0.3, z: 0.7}, returns: 0.8}",
        "{form: cobb_douglas, shares: {x: 0.3, z: 0.7}, returns: 0.8}",
        "{form: linear, coefficients: {x: 3, z: 7}, returns: 0.8}",
        "{form: cobb_douglas, exponents: {x: 0.3, z: 0.5}}",
    ):
        (firm,) = chainprice.solve(spec(text(form))).firms
        assert firm.returns_to_scale == pytest.approx(0.8, rel=1e-14)


def test_settings_reach_the_parameters_of_forms():
    form = "{form: ces, elasticity: sigma, shares: {x: alpha, z: 1 - alpha}}"
    parameters = "sigma: 2, alpha: 0.4"
    assert formula(form, parameters, "sigma=1").text == "x^alpha*z^(1 - alpha)"
    assert formula(form, parameters, "f.sigma=1").text == "x^alpha*z^(1 - alpha)"
    plain = spec(text(form.replace("sigma", "0.5").replace("1 - alpha", "0.3").replace("alpha", "0.7")))
    by_settings = spec(text(form, parameters), "sigma=0.5", "f.alpha=0.7")
    a, b = (chainprice.solve(one).prices for one in (plain, by_settings))
    assert a == pytest.approx(b, rel=1e-14)
    with pytest.raises(SpecError, match="the shares sum to 1.5, and not to 1"):
        formula(form.replace("1 - alpha", "0.6"), parameters, "alpha=0.9")
    with pytest.raises(UsageError):
        formula(form, parameters, "alhpa=0.9")


def test_a_market_of_forms_is_verified():
    market = spec(
        """
firms:
  furnace: {production: {iron: {form: ces, elasticity: 0.4, scale: 3, shares: {ore: 0.3, coal: 0.7}, returns: 0.8}}}
  mill: {production: {coil: {form: cobb_douglas, shares: {iron: 0.6, power: 0.4}, returns: 0.9}}}
supply: {ore: {price: 1}, coal: {quantity: 9, price: 0.5}, power: {price: 0.7 + q/10}}
demand: {coil: {price: 20 - q}}"""
    )
    assert chainprice.verify(market).verified


def test_forms_of_one_kind_share_their_shapes():
    """Numbers are lifted out, so that a thousand firms are differentiated as a few."""
    for form in ("ces, elasticity: {}", "cobb_douglas", "leontief", "linear"):
        key = {"leontief": "requirements", "linear": "coefficients"}.get(form, "shares")
        shapes = set()
        for number, share in itertools.product((0.15, 0.37, 0.5, 0.83), (0.11, 0.42, 0.77)):
            one = f"{{form: {form.format(number)}, scale: {2 + number}, {key}: {{x: {share}, z: 1 - {share}}}, returns: {number}}}"
            shapes.add(formula(one).shape)
        assert len(shapes) <= (4 if "ces" in form else 1), form


def test_an_undefined_form_is_said_where_it_stands():
    bad = "firms:\n  f:\n    production:\n      y: {form: ces, elasticity: 0.5, shares: {x: 0.5, z: 0.5}}\nsupply: {x: {quantity: 0}, z: {quantity: 1}}\ndemand: {y: {price: 1}}\n"
    with pytest.raises(chainprice.NoAnswerError) as refused:
        chainprice.solve(spec(bad))
    (problem,) = refused.value.problems
    assert (problem.place.line, problem.place.column, problem.place.length) == (4, 17, 3)
    assert "'(0.5*x^-1 + 0.5*z^-1)^-1' is undefined" in problem.message or "divides by 0" in problem.message


def test_a_broken_parameter_is_the_only_problem():
    with pytest.raises(SpecError) as refused:
        formula("{form: ces, elasticity: s, shares: {x: a, z: 1 - a}}", "a: 1/0, s: sqrt(-1)")
    assert [problem.message for problem in refused.value.problems] == [
        "'1/0' is not a finite real number",
        "'sqrt(-1)' is not a finite real number",
    ]


def test_a_form_too_large_is_refused_where_it_stands():
    goods = [f"g{i}" for i in range(200)]
    rows = (
        "{"
        + ", ".join(f"{a}: {{{', '.join(f'{b}: 0.1' for b in goods[: i + 1])}}}" for i, a in enumerate(goods))
        + "}"
    )
    first = "{" + ", ".join(f"{a}: 0.1" for a in goods) + "}"
    with pytest.raises(SpecError, match="the formula of this form: a formula of more than 10,000 operations"):
        formula(f"{{form: translog, first_order: {first}, second_order: {rows}}}")


def test_sums_beyond_a_double_are_said():
    with pytest.raises(SpecError, match="the shares sum to 1.00000e[+]999, and not to 1"):
        formula("{form: ces, elasticity: 2, shares: {x: 1e999}}")
    with pytest.raises(SpecError, match="the shares of 'x' sum to more than 1, by 1.00000e[+]999"):
        spec(
            "goods: {x: {split: {f: 1e999, g: 1}}}\nfirms: {f: {production: {y: x}}, g: {production: {y: x}}}\n"
            "supply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}"
        )


def test_numbers_may_not_depend_on_goods():
    with pytest.raises(SpecError, match="unknown parameter 'x'"):
        formula("{form: linear, coefficients: {z: x}}")
    with pytest.raises(SpecError, match="'e' is both a good and a parameter here"):
        spec(text("{form: linear, coefficients: {x: e}}", supply={"x": 1, "e": 2}))


# Whatever stands there.

NUMBERS_AND_NOT = st.sampled_from([
    "1", "0", "0.5", "-1", "x", "a", "1/3", "1 - a", ".inf", "inf", "1e999", "1e-999", "1/0", "sqrt(2)", "", "e", "pi", "2*(",
    "0.99999999", None, True, ["x"],
])  # fmt: skip
BY_GOOD = st.dictionaries(st.sampled_from(["x", "z", "y", "e", "1x"]), NUMBERS_AND_NOT, max_size=3)
SOUND = st.sampled_from([{"x": "0.4", "z": "0.6"}, {"x": "a", "z": "1 - a"}, {"x": "1"}])
VALUES = NUMBERS_AND_NOT | SOUND | BY_GOOD | st.dictionaries(st.sampled_from(["x", "z"]), BY_GOOD, max_size=2)


@st.composite
def written_forms(draw):
    name = draw(st.sampled_from([*FORMS]))
    inputs = {"shares", "exponents", "requirements", "coefficients", "first_order"}
    form = {"form": name}
    for key in FORMS[name].keys:
        if key != "form" and draw(st.booleans()):
            form[key] = draw(SOUND if key in inputs and draw(st.booleans()) else VALUES)
    return form | draw(
        st.dictionaries(st.sampled_from(["form", "returns", "shares", "k"]), VALUES, max_size=1)
    )


@settings(deadline=None)
@given(written_forms(), st.sampled_from(["0.4", "0", "1"]))
def test_whatever_stands_in_a_form_it_is_read_or_refused(form, a):
    tree = {
        "parameters": {"a": a},
        "firms": {"f": {"production": {"y": form}}},
        "supply": {"x": {"quantity": 3}, "z": {"quantity": 2}},
        "demand": {"y": {"price": 1}},
    }
    with suppress(SpecError, chainprice.NoAnswerError):
        chainprice.solve(chainprice.load(json.dumps(tree))).to_dict()


# The page about them.


@pytest.mark.parametrize(("command", "output"), list(readme_examples(PAGE)), ids=lambda text: text[:60])
def test_outputs_of_the_page(command, output):
    assert as_shown(shell(command)) == output


def test_the_page_has_every_form_and_key():
    table = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            form, keys, *_ = line.strip("| ").split(" | ")
            table[form.strip("`")] = set(re.findall(r"`(\w+)`", keys))
        elif line.startswith("| | `") and "elasticity:" not in line:
            table[next(reversed(table))] |= set(re.findall(r"`(\w+)`", line.split(" | ")[1]))
    assert table == {form: {*part.keys} - {"form"} for form, part in FORMS.items()}


def test_the_example_of_the_page_is_a_form():
    (example,) = readme_blocks("yaml", PAGE)
    whole = f"{example}supply: {{pig_iron: {{quantity: 1}}, scrap: {{quantity: 1}}}}\ndemand: {{iron: {{price: 1}}}}"
    assert chainprice.solve(spec(whole)).prices["iron"] == 1
