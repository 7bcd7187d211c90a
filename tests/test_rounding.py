"""One run in decimals is enough only where no number has lost its digits."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import chain as chain_text
from support import spec

import chainprice
from chainprice import network, pricing, technology
from chainprice.arithmetic import digits
from chainprice.formula import read
from chainprice.gradients import gradient
from chainprice.programs import bounds

FORMULAS = [
    "2*a^0.3*b^0.6",
    "a - 0.9999*b",
    "a/(b + 0.01*a) - b/a",
    "ln(1 + 0.001*a) + sqrt(b)",
    "ln(a/b)*(1 - exp(-b))",
    "(a + 100*b)^7 - 100*b",
    "exp(a)/(1 + exp(a - b))",
    "-(a - b)^2 + 3*a",
]
QUANTITIES = st.decimals(min_value="1e-3", max_value="30", places=9).filter(lambda x: x > 0)

COARSE, FINE = 20, 80


@settings(deadline=None)
@given(st.sampled_from(FORMULAS), QUANTITIES, QUANTITIES)
def test_errors_are_within_their_bounds(text, a, b):
    formula = read(text)
    slopes = gradient(formula.shape)
    variables = len(formula.names)
    follow = bounds(slopes.program, (slopes.value, *slopes.results.values()), variables)
    numbers = [*map(float, formula.numbers), *map(float, slopes.literals)]
    try:
        names = [float(a), float(b)][:variables]
        _, errors = follow(names, [1.0] * len(names), numbers)
        with digits(COARSE):
            coarse = slopes.in_order([+a, +b], formula.numbers)
    except (ArithmeticError, ValueError):
        return  # nothing is claimed
    with digits(FINE):
        fine = slopes.in_order([a, b], formula.numbers)
        for seen, true, error in zip(coarse, fine, errors, strict=True):
            assert abs(seen - true) <= abs(true) * Decimal(error).scaleb(1 - COARSE)


def one(formula: str, x: str) -> str:
    return f"firms: {{f: {{production: {{y: '{formula}'}}}}}}\nsupply: {{x: {{quantity: {x}}}}}\ndemand: {{y: {{price: 1}}}}"


HARMLESS = {
    "powers": chain_text("3*x^0.9", 50),
    "sums": chain_text("0.9*x + 0.0001*sqrt(x)", 50),
    "quotients": chain_text("x/(0.9 + 0.0001*x)", 50),
    "split": (
        "goods: {x: {split: {f: 0.25, g: 0.75}}}\n"
        "firms: {f: {production: {y: 2*x^0.5, w: x^0.3}}, g: {production: {z: 3*x^0.5}}}\n"
        "supply: {x: {quantity: 2, price: 0.1}}\n"
        "demand: {y: {price: 1}, w: {price: 3}, z: {price: 2}}"
    ),
}

HARMFUL = {
    "a difference of nearly equal numbers": one("sqrt(x + 1) - sqrt(x)", "1e30"),
    "a number that drowns": one("ln(1 + x)", "1e-40"),
    "a number that drowns and comes back": one("(x + 1e25) - 1e25", "1e-15"),
    "a number that drowns at the first firm": (
        "firms: {f: {production: {y: 1 + x}}, g: {production: {z: y - 1}}}\n"
        "supply: {x: {quantity: 1e-36}}\ndemand: {z: {price: 1}}"
    ),
    "errors that grow firm by firm": chain_text("x^2", 55, "1.00000000000000001"),
    "slopes that cancel": (
        "goods: {x: {rival: false}}\n"
        "firms: {f: {production: {y: 2*sqrt(x)}}, g: {production: {z: 2 - 2*sqrt(x)}}}\n"
        "supply: {x: {quantity: 2}}\n"
        "demand: {y: {price: 1}, z: {price: 1.00000000000000000000001}}"
    ),
    "outputs that cancel": (
        "firms: {f: {production: {y: ln(x), z: 1/x}}}\n"
        "supply: {x: {quantity: 1 + 1e-24}}\ndemand: {y: {price: 1}, z: {price: 1}}"
    ),
    "sales and purchases that cancel": (
        "firms: {f: {production: {y: 3*x^0.5}}}\n"
        "supply: {x: {quantity: 9, price: 1 + 1e-24}}\ndemand: {y: {price: 1}}"
    ),
    "a zero": one("x - 3*(x/3)", "1"),
}


def is_priced_once(text: str) -> bool:
    """Whether one run in decimals was found to be enough."""
    loaded = spec(text)
    graph = network.build(loaded)
    firms = technology.build(loaded, graph)
    priced = pricing.price(pricing.Chain(loaded, graph, firms, None), 17)
    return priced.digits == 17 + pricing.FOLLOWED_GUARD_DIGITS


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_once_is_enough_where_nothing_is_lost(text):
    assert is_priced_once(text)


@pytest.mark.parametrize("text", HARMFUL.values(), ids=HARMFUL)
def test_once_is_not_enough_where_much_is_lost(text):
    assert not is_priced_once(text)


@pytest.mark.parametrize("text", [*HARMLESS.values(), *HARMFUL.values()], ids=[*HARMLESS, *HARMFUL])
def test_digits_are_right_either_way(text):
    usual = chainprice.solve(spec(text))
    exact = chainprice.solve(spec(text), count=120)
    for seen, true in [
        (usual.total_value, exact.total_value),
        *((usual.prices[good], exact.prices[good]) for good in exact.prices),
        *((usual.quantities[good], exact.quantities[good]) for good in exact.quantities),
    ]:
        assert float(seen) == float(true)


@pytest.mark.parametrize(
    "text", [one("min(x, 3)", "2"), one("sin(x)", "2"), one("x", "2").replace("price: 1", "price: 3 - q")]
)
def test_what_is_not_followed_is_priced_again(text):
    assert not is_priced_once(text)


@pytest.mark.parametrize("quantity", ["1e-300", "1e300"])
def test_doubles_that_lose_digits_are_not_trusted(quantity):
    assert is_priced_once(one("x*1e-20/x^0.9*1e20", "2"))
    assert not is_priced_once(one("x*1e-200/x^0.9*1e200", quantity))
