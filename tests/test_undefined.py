"""What has no finite real value or slope: named with firm, formula, inputs, cause and place; never a number."""

from decimal import Decimal

import mpmath
import pytest
from support import run

import chainprice
from chainprice.arithmetic import DECIMALS, digits
from chainprice.errors import PrecisionError, UndefinedError


def spec(formula, quantity="4"):
    return (
        f'firms:\n  mill: {{production: {{flour: "{formula}"}}}}\n'
        f"supply: {{a: {{quantity: {quantity}}}}}\ndemand: {{flour: {{price: 1}}}}\n"
    )


COLUMN = 29
"""Where the formula begins on line 2."""

NO_VALUE = {  # formula, quantity: cause, and the part that it is in
    ("2*ln(a-5)", "4"): ("the logarithm of -1, which is not above 0", "ln(a-5)"),
    ("a*ln(a)", "0"): ("the logarithm of 0, which is not above 0", "ln(a)"),
    ("log(a, a-4)", "4"): ("a logarithm to the base 0, which is not above 0", "log(a, a-4)"),
    ("log(a, a-3)", "4"): ("a logarithm to the base 1", "log(a, a-3)"),
    ("1+sqrt(a-5)", "4"): ("the square root of -1, which is negative", "sqrt(a-5)"),
    ("2+(a-5)^0.5", "4"): ("the negative number -1 to the power 0.5 is not real", "(a-5)^0.5"),
    ("(a-5)^(1/3)", "4"): ("the negative number -1 to the power 0.333333 is not real", "(a-5)^(1/3)"),
    ("1+1/(a-4)", "4"): ("1 is divided by 0", "1/(a-4)"),
    ("1/(a-a)", "4"): ("1 is divided by 0", "1/(a-a)"),
    ("cosh(a/(a-a))", "4"): ("4 is divided by 0", "a/(a-a)"),  # over which sympy stumbles
    ("sin(a)/a", "0"): ("0 is divided by 0", "sin(a)/a"),
    ("a^0", "0"): ("0^0 is not defined", "a^0"),
    ("1+a^a", "0"): ("0^0 is not defined", "a^a"),
    ("a^-1", "0"): ("0 to the power -1 divides by 0", "a^-1"),
    ("asin(a)", "4"): ("asin of 4, which is not between -1 and 1", "asin(a)"),
    ("a+acos(-a)", "4"): ("acos of -4, which is not between -1 and 1", "acos(-a)"),
    ("1+exp(exp(a))", "1e3"): ("exp(1.97007e+434) is beyond 10^(10^18)", "exp(exp(a))"),
    ("exp(-exp(a))", "100"): ("exp(-2.68812e+43) is nearer to 0 than 1/10^(10^18)", "exp(-exp(a))"),
    ("a+sinh(a)", "1e30"): ("sinh(1e+30) is beyond 10^(10^18)", "sinh(a)"),
    ("sin(exp(a))", "1e6"): ("sin of an angle beyond 10^10000, which cannot be told", "sin(exp(a))"),
    ("ln(a^0.3+a)*atan(ln(a-a))", "4"): ("the logarithm of 0, which is not above 0", "ln(a-a)"),
}

NO_SLOPE = {
    ("sqrt(a)", "0"): ("the slope of the square root grows without end at 0", "sqrt(a)"),
    ("3*a^0.9999", "0"): ("the slope of the power grows without end at 0", "a^0.9999"),
    ("1+sqrt(a-4)", "4"): ("the slope of the square root grows without end at 0", "sqrt(a-4)"),
    ("1+acos(a-3)", "4"): ("the slope of acos grows without end at 1", "acos(a-3)"),
    ("asin(-a/4)", "4"): ("the slope of asin grows without end at -1", "asin(-a/4)"),
    ("sqrt(a^2)", "0"): ("it bends there: its slope is -1 below, 1 above", "sqrt(a^2)"),
    ("abs(a)^0.5", "0"): ("the slope of the power grows without end at 0", "abs(a)^0.5"),
    ("(a^2)^0.75", "0"): ("nearby it is 0, but its formula has no value there", "(a^2)^0.75"),
    ("tanh(a)", "1e30"): ("in its slope cosh(1e+30) is beyond 10^(10^18)", "tanh(a)"),
    ("erf(a)", "1e30"): ("in its slope exp(-1e+60) is nearer to 0 than 1/10^(10^18)", "erf(a)"),
}


def problem(formula, quantity, error=UndefinedError):
    with pytest.raises(error) as caught:
        chainprice.solve(chainprice.load(spec(formula, quantity)))
    (found,) = caught.value.problems
    return found


def assert_names(found, formula, quantity, part):
    assert f"'{formula}'" in found.message
    assert f"a = {Decimal(quantity):.6g}" in found.message
    assert "production of 'flour' by firm 'mill'" in found.message
    assert found.hint
    place = found.place
    assert place.line == 2
    assert place.text[place.column - 1 : place.column - 1 + place.length] in (part, f'"{part}"')


@pytest.mark.parametrize(("formula", "quantity"), [*NO_VALUE, *NO_SLOPE])
def test_a_formula_without_a_value_or_a_slope_says_why(formula, quantity):
    is_value = (formula, quantity) in NO_VALUE
    what = "value" if is_value else "slope in 'a'"
    cause, part = (NO_VALUE if is_value else NO_SLOPE)[formula, quantity]
    found = problem(formula, quantity)
    real = "finite real" if is_value else "finite"
    assert f"has no {real} {what} at a = {Decimal(quantity):.6g}: {cause} (" in found.message
    assert_names(found, formula, quantity, part)


def test_the_command_ends_with_3_and_points_at_the_part():
    done = run("solve", "-", stdin=spec("2*ln(a-5)"))
    assert done.returncode == 3
    assert done.stdout == ""
    first, _, caret = done.stderr.splitlines()
    assert first.startswith("<stdin>:2:33: error: '2*ln(a-5)' has no finite real value at a = 4: ")
    assert caret.index("^") == len("      | ") + 32
    assert "^^^^^^^ change" in caret


def test_a_long_formula_is_shortened():
    formula = "+".join(["a"] * 1000) + "+ln(a-5)"
    assert len(problem(formula, "4").message) < 500


def test_many_inputs_are_counted():
    names = [f"a{i}" for i in range(200)]
    text = (
        f"firms:\n  mill: {{production: {{flour: {'+'.join(names)}+ln(a0-5)}}}}\nsupply:\n"
        + "".join(f"  {name}: {{quantity: 4}}\n" for name in names)
        + "demand: {flour: {price: 1}}\n"
    )
    with pytest.raises(UndefinedError) as caught:
        chainprice.solve(chainprice.load(text))
    assert "a19 = 4 and 180 more: the logarithm of -1" in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "quantity"), [("tan(pi/2)*a", "4"), ("ln(1+exp(-a))", "3000"), ("a*tan(3*pi/2)", "4")]
)
def test_what_drowns_or_cancels_in_all_digits_is_no_number(formula, quantity):
    found = problem(formula, quantity, PrecisionError)
    assert "17 digits of the quantity of 'flour' could not be reached" in found.message
    assert f"'{formula}' (production of 'flour' by firm 'mill')" in found.message
    assert (found.place.line, found.place.length) == (2, len(formula) + 2)


def test_a_zero_that_a_limit_hides_is_found_with_more_digits():
    """erf(14) is 1 in 80 digits, and the logarithm of it 0: the second firm sees a 1."""
    text = (
        "firms: {f: {production: {y: erf(x)}}, g: {production: {z: ln(y)^2}}}\n"
        "supply: {x: {quantity: 14}}\ndemand: {z: {price: 1}}\n"
    )
    _, y, z = chainprice.solve(chainprice.load(text)).goods
    with mpmath.workdps(300):
        log = mpmath.log(mpmath.erf(14))
        assert abs(mpmath.mpf(z.quantity) / log**2 - 1) < 1e-15
        assert abs(mpmath.mpf(y.price) / (2 * log / mpmath.erf(14)) - 1) < 1e-15
    text = text.replace("14", "99")
    with pytest.raises(PrecisionError, match=r"in 'ln\(y\)\^2'"):
        chainprice.solve(chainprice.load(text))


def test_a_slope_that_rounding_makes_infinite_is_found_with_more_digits():
    solution = chainprice.solve(chainprice.load(spec("asin(erf(a))", "20")))
    with mpmath.workdps(400):
        slope = 2 * mpmath.exp(-400) / mpmath.sqrt(mpmath.pi) / mpmath.sqrt(1 - mpmath.erf(20) ** 2)
        assert abs(mpmath.mpf(solution.goods[0].price) / slope - 1) < 1e-15


def test_a_bend_next_to_nothing_away_is_not_here():
    text = spec("sqrt(max(a-a, a*a))", "7.52e-38")
    solution = chainprice.solve(chainprice.load(text))
    assert solution.goods[0].price == 1
    assert not solution.warnings


def test_what_is_the_same_twice_is_no_bend():
    assert not chainprice.solve(chainprice.load(spec("max(sqrt(a), sqrt(a))"))).warnings


def test_a_bend_beside_an_edge_has_its_prices():
    """With less of a there would be no square root: how far the prices reach cannot be told."""
    text = (
        "firms: {f: {production: {y: (a-4)^1.5}}, g: {production: {z: 'max(y, 2*y) + y'}}}\n"
        "supply: {a: {quantity: 4}}\ndemand: {z: {price: 1}}\n"
    )
    solution = chainprice.solve(chainprice.load(text))
    assert [warning.code for warning in solution.warnings if warning.code == "kink"] == ["kink"]
    assert solution.goods[0].price == 0


@pytest.mark.parametrize(
    ("formula", "quantity", "amount", "price"),
    [
        ("(a-4)*(a+1e-600)", "4", 0, 4),  # a true zero beside a number that drowns
        ("exp(a)-exp(a)", "10", 0, 0),
        ("erf(a)*0 + (a-a)*erf(a) + (erf(a)-erf(a))", "99", 0, 0),
        ("ln(erf(a)/erf(a))", "99", 0, 0),
        ("a*(1 - 0.5 - 0.5)", "4", 0, 0),  # 1 - 0.5 is 0.5: nothing drowned
        ("(a-5)^3", "4", -1, 3),
        ("sqrt(a)*sqrt(a)", "0", 0, 1),
        ("a^1.5", "0", 0, 0),
        ("a^1.01", "0", 0, 0),
        ("abs(a)^1.5", "0", 0, 0),
        ("(1+a)-a-1+1e-30*a", "1e30", 1, 1e-30),
        ("((a-a)/(a+a))^0.25*a", "4", 0, 0),  # sympy leaves a 0^x in the derivative
    ],
)
def test_what_has_a_value_at_a_special_point_has_it(formula, quantity, amount, price):
    solution = chainprice.solve(chainprice.load(spec(formula, quantity)))
    a, flour = solution.goods
    assert (a.price, flour.quantity) == (price, amount)


def test_a_price_beyond_doubles_keeps_its_digits():
    solution = chainprice.solve(chainprice.load(spec("tanh(a)", "1000")))
    with mpmath.workdps(30):
        expected = 1 / mpmath.cosh(1000) ** 2
        assert abs(mpmath.mpf(str(solution.goods[0].price)) / expected - 1) < 1e-16


@pytest.mark.parametrize("price", ["1/(q-3)", "ln(q-3)", "sqrt(q-5)"])
def test_a_price_curve_that_has_no_value_says_why(price):
    quantity = {"1/(q-3)": "3"}.get(price, "2")
    text = (
        f"allocation: given\nfirms: {{mill: {{production: {{flour: a}}}}}}\nsupply: {{a: {{quantity: {quantity}}}}}\n"
        f"demand: {{flour: {{price: {price}}}}}\n"
    )
    with pytest.raises(UndefinedError) as caught:
        chainprice.solve(chainprice.load(text))
    (found,) = caught.value.problems
    assert (
        f"the price '{price}' of 'flour' has no finite real value at q = {quantity}.00000: " in found.message
        or (f"the price '{price}' of 'flour' has no finite real value at q = {quantity}: " in found.message)
    )
    assert found.place.line == 4


FAR = ["1e400", "-1e400", "1e100000", "1e1000000000", "1e400000000000000000", "-1e400000000000000000"]


@pytest.mark.parametrize("name", ["atan", "tanh", "erf"])
@pytest.mark.parametrize("far", FAR)
def test_functions_with_a_limit_have_it_far_out(name, far):
    with digits(30), mpmath.workdps(40):
        limit = mpmath.pi / 2 if name == "atan" else mpmath.mpf(1)
        value = mpmath.mpf(str(DECIMALS[name](Decimal(far))))
        assert abs(value - (limit if Decimal(far) > 0 else -limit)) < 1e-29


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "asin", "acos", "sinh", "cosh"])
@pytest.mark.parametrize("far", FAR[2:])
def test_other_functions_have_no_value_far_out(name, far):
    if name in ("sinh", "cosh") and far == "1e100000":
        far = "1e19"
    with digits(30), pytest.raises(ArithmeticError):
        DECIMALS[name](Decimal(far))


@pytest.mark.parametrize("name", ["sin", "tan", "asin", "atan", "sinh", "tanh", "cos", "cosh", "acos", "erf"])
@pytest.mark.parametrize("near", ["1e-31", "-3e-29", "2e-16", "1e-400000000000000000"])
def test_functions_near_zero(name, near):
    with digits(30), mpmath.workdps(60):
        value = DECIMALS[name](Decimal(near))
        if value.adjusted() < -1000:
            assert abs(value / Decimal(near)) < Decimal("1.2")
            return
        x = mpmath.mpf(near) if "400000" not in near else mpmath.mpf(0)
        expected = getattr(mpmath, name)(x)
        assert abs(mpmath.mpf(str(value)) / expected - 1) < mpmath.mpf("1e-29")


@pytest.mark.parametrize("text", [".nan", ".inf", "-.inf", "1/0", "sqrt(-1)", "0^0", "ln(0)", "0^-1"])
@pytest.mark.parametrize("where", ["supply", "demand", "price", "set"])
def test_no_number_of_a_spec_is_nan_or_infinite(text, where):
    values = {"supply": "4", "demand": "4", "price": "1"}
    values[where] = text
    yaml = (
        f"allocation: competitive\nfirms: {{mill: {{production: {{flour: sqrt(a)}}}}}}\n"
        f"supply: {{a: {{quantity: {values['supply']}}}}}\n"
        f"demand: {{flour: {{price: {values['price']}, quantity: {values['demand']}}}}}\n"
    )
    extra = ["--set", f"supply.a.quantity={text}"] if where == "set" else []
    done = run("solve", "-", *extra, stdin=yaml)
    # A price is a formula: that it has no value is found when it is worked out.
    assert done.returncode == (3 if where == "price" and "." not in text else 2)
    assert done.stdout == ""
    assert ("--set" if where == "set" else "<stdin>:") in done.stderr.splitlines()[0]


@pytest.mark.parametrize(("name", "value"), [("supply.a.quantity", "-4"), ("demand.flour.quantity", "-1")])
def test_a_negative_quantity_is_refused_on_the_command_line_too(name, value):
    text = spec("a").replace("{price: 1}", "{price: 1, quantity: 9}")
    done = run("solve", "-", "--set", f"{name}={value}", stdin=text)
    assert done.returncode == 2
    assert "cannot be negative" in done.stderr


MARKETS = {  # production, supply, demand: what the market is refused for
    ("(a-5)^0.5", "{quantity: 4}", "{price: 1}"): "'(a-5)^0.5' has no value at any quantities",
    ("a", "{price: 1, quantity: 5}", "{price: 1/(q-3)}"): "the price '1/(q-3)' of 'flour' has no value",
    ("a^0.5", "{quantity: 0}", "{price: 1}"): "firm 'mill' has no finite marginal product of 'a'",
    ("1/(3-a)", "{price: 1}", "{price: 5}"): "increasing returns",
    ("2-1/(a-3)", "{price: 1}", "{price: 4}"): "increasing returns",
    ("a/(a-2)", "{price: 1}", "{price: 3}"): "increasing returns",
    ("-1/(a-3)^2", "{price: 1}", "{price: 5}"): "no equilibrium was found",
}


@pytest.mark.parametrize(("production", "supply", "demand"), MARKETS)
def test_a_market_with_a_pole_or_an_edge_ends_with_a_reason(production, supply, demand):
    text = (
        f"allocation: competitive\nfirms: {{mill: {{production: {{flour: {production}}}}}}}\n"
        f"supply: {{a: {supply}}}\ndemand: {{flour: {demand}}}\n"
    )
    with pytest.raises(chainprice.errors.NoAnswerError) as caught:
        chainprice.solve(chainprice.load(text))
    assert MARKETS[production, supply, demand] in str(caught.value)


@pytest.mark.parametrize(
    ("price", "quantity"),
    [("ln(q)", mpmath.e**2), ("exp(q)", mpmath.log(2)), ("q*exp(q)", mpmath.lambertw(2).real)],
)
def test_a_market_with_a_price_curve_without_numbers(price, quantity):
    """Its integral is sympy's, not a sum over nodes that a pole at 0 spoils."""
    text = (
        f"allocation: competitive\nfirms: {{mill: {{production: {{flour: a}}}}}}\n"
        f"supply: {{a: {{price: {price}}}}}\ndemand: {{flour: {{price: 2}}}}\n"
    )
    a, _ = chainprice.solve(chainprice.load(text)).goods
    assert (a.quantity, a.price) == pytest.approx((float(quantity), 2), rel=1e-15)


@pytest.mark.parametrize(
    "formula", ["min(abs(a), tan(a))", "min(a, 2*a)+max(a, 2*a)", "3*a+abs(a)-max(a, -a)"]
)
def test_where_bends_meet_and_cancel_the_price_is_what_one_more_unit_adds(formula):
    text = spec(formula, "0")
    solution = chainprice.solve(chainprice.load(text))
    slope = 1 if "tan" in formula else 3
    assert float(solution.prices["a"]) == slope
    assert solution.firms[0].derivatives[0].value == slope
    assert chainprice.verify(chainprice.load(text)).verified


@pytest.mark.parametrize("formula", ["tanh(a)", "1 - exp(-a)", "2 - exp(-a) - exp(-2*a)"])
def test_a_market_never_says_0_where_a_firm_would_gain(formula):
    text = (
        f"firms:\n  f: {{production: {{y: '{formula}'}}}}\n  g: {{production: {{w: 1 - exp(-a)}}}}\n"
        "supply: {a: {quantity: 5000}}\ndemand: {y: {price: 1}, w: {price: 1}}"
    )
    with pytest.raises(PrecisionError, match="the price of 'a' cannot be told from 0") as caught:
        chainprice.solve(chainprice.load(text))
    assert [found.place.line for found in caught.value.problems] == [2, 3]


def test_a_use_that_is_not_small_is_not_called_so():
    """Newton's method went astray beside the limit of 2; that says nothing of what f uses."""
    text = (
        "goods: {r: {rival: false}}\n"
        "firms: {f: {production: {y: sqrt(a)*r^0.3}}, g: {production: {z: 'min(r, 2)*3'}}}\n"
        "supply: {a: {quantity: 4, price: 0.1}, r: {quantity: 2.000001, price: 0.5}}\n"
        "demand: {y: {price: 9 - q, quantity: 2}, z: {price: 1}}\n"
    )
    with pytest.raises(chainprice.errors.NoConvergenceError) as caught:
        chainprice.solve(chainprice.load(text))
    assert "next to nothing" not in str(caught.value)
