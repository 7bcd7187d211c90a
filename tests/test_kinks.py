"""At bends: which side counts, what is a tie, and what is only rounding."""

import math

import pytest

import chainprice
from chainprice.errors import PrecisionError, UndefinedError


def spec(formula, quantity):
    return chainprice.load(
        f'firms: {{f: {{production: {{y: "{formula}"}}}}}}\nsupply: {{x: {{quantity: {quantity}}}}}\ndemand: {{y: {{price: 1}}}}'
    )


def good(formula, quantity):
    of = spec(formula, quantity)
    solution = chainprice.solve(of)
    assert chainprice.verify(of, solution).verified
    return solution.goods[0]


BESIDE_LARGE_NUMBERS = {
    "min(exp(x), abs(x))": ("1000", 1.0),
    "abs(x)+exp(1000)": ("1", 1.0),
    "abs(x)+1e300": ("1", 1.0),
    "max(x,0)+1": ("1e-300", 1.0),
    "exp(-1000)*(exp(abs(x)))": ("1000", 1.0),
    "abs(x) - 1/x^300": ("0.01", None),
}


@pytest.mark.parametrize("formula", BESIDE_LARGE_NUMBERS)
def test_a_bend_is_judged_by_its_own_arguments(formula):
    quantity, price = BESIDE_LARGE_NUMBERS[formula]
    row = good(formula, quantity)
    assert row.price_range is None
    assert price is None or float(row.price) == pytest.approx(price)


AT_THE_EDGE = {
    "x^1.5 + abs(x)": 1.0,
    "x^0.5*x + max(x,0)": 1.0,
    "x^2.5 + min(x,2*x)": 1.0,
    "abs(x^1.5)+abs(x)": 1.0,
    "max(1,sqrt(x))-abs(x)": -1.0,
    "max(1,x**0.7)+max(x,0)": 1.0,
}


@pytest.mark.parametrize("formula", AT_THE_EDGE)
def test_where_there_is_nothing_to_the_left_the_next_unit_counts(formula):
    row = good(formula, "0")
    assert float(row.price) == AT_THE_EDGE[formula]
    assert row.price_range is None


LEVEL = [
    "abs(x)**1.01",
    "max(x,-x)**1.02",
    "max(x,0)**1.01",
    "abs(x)^0.5*abs(x)^0.51",
    "abs(x)**2",
    "max(x^2,x^3)",
]


@pytest.mark.parametrize("formula", [*LEVEL, "abs(x*x)", "abs(x)*ln(1+abs(x))"])
def test_a_bend_that_is_level_to_both_sides_leaves_nothing_open(formula):
    row = good(formula, "0")
    assert row.price == 0
    assert row.price_range is None


TIES = {
    ("max(x+2/3, 1-1/3)", "0"): (0, 1),
    ("max(abs(x-2/3), 1-1/3)", "0"): (-1, 0),
    ("abs(x-0.3+0.1+0.2)", "0"): (-1, 1),
    ("max(x,x**2)", "0"): (0, 1),
    ("min(x/3, 2 - 5*x/3)", "1"): (-5 / 3, 1 / 3),
}


@pytest.mark.parametrize(("formula", "quantity"), TIES)
def test_what_is_equal_but_for_rounding_is_a_tie(formula, quantity):
    assert good(formula, quantity).price_range == pytest.approx(TIES[formula, quantity])


@pytest.mark.parametrize(
    "formula",
    ["erf(tanh(x))", "asin(tanh(x)/2)", "erf(erf(x/300))", "acos(0.5*tanh(x))", "erf(cosh(1)+tanh(x))"],
)
def test_what_is_saturated_is_verified_without_millions_of_digits(formula):
    assert good(formula, "60000").price != 0


HAIRS = {
    "abs(1 - exp(-100*x) - 1)": -100 * math.exp(-100),
    "abs(1 - exp(-400*x) - 1)": -400 * math.exp(-400),
    "max(1 - exp(-221*x), 1)": 0,
    "max(erf(9*x), 1)": 0,
    "min(erf(9*x), 1)": 18 / math.sqrt(math.pi) * math.exp(-81),
}


@pytest.mark.parametrize("formula", HAIRS)
def test_what_is_a_hair_beside_a_kink_is_not_on_it(formula):
    row = good(formula, 1)
    assert row.price_range is None
    assert float(row.price) == pytest.approx(HAIRS[formula], rel=1e-12)


def test_a_kink_that_no_digits_tell_from_a_branch_is_refused():
    with pytest.raises(PrecisionError, match="stands on a kink cannot be told"):
        chainprice.solve(spec("max(erf(x), 1)", 2000))


KINKS_ONE_AFTER_THE_OTHER = """
firms:
  a: {production: {u: 3*x}}
  b: {production: {v: "-min(u, 0)"}}
  c: {production: {y: "-min(v, 0)"}}
supply: {x: {quantity: 0}}
demand: {y: {price: 1}}
"""
"""y is 0 whatever x is: with more than none of x v is 0, and with less it is above."""


def test_kinks_of_two_firms_whose_branches_never_meet_have_no_mean():
    with pytest.raises(UndefinedError, match="by the chain rule, but one more unit adds 0"):
        chainprice.solve(chainprice.load(KINKS_ONE_AFTER_THE_OTHER))


@pytest.mark.parametrize(
    ("formula", "price"), [("asin(tanh(x))", 1 / math.cosh(100)), ("ln(1 - tanh(x))", -2)]
)
def test_what_is_saturated_but_for_many_digits_is_verified(formula, price):
    assert float(good(formula, 100).price) == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize("formula", ["(-2)**x", "min(1, 2, (-2)**x)", "max(5, (-2)^x)"])
def test_powers_that_are_real_at_whole_numbers_only_have_no_slope(formula):
    """Not even behind a bend: with a little more of x there would be no value."""
    with pytest.raises(
        UndefinedError, match="with a little more or less it has no value, as only whole powers"
    ):
        chainprice.solve(spec(formula, 2))
