"""Total value, where next to nothing is left of it."""

from decimal import Decimal

import chainprice
from chainprice.arithmetic import digits
from chainprice.quantities import Quantities
from chainprice.value import total_value


def test_a_total_that_is_nothing_but_rounding_is_0():
    spec = chainprice.load(
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {price: 3}}\ndemand: {y: {price: 1.5}}\n"
    )
    totals, differences = [], []
    for count in range(20, 120):
        with digits(count):
            x = Decimal(6) / 7
            flow = Quantities({"x": x, "y": 2 * x}, {"x": x}, {}, {}, {"y": 2 * x})
            totals.append(total_value(spec, flow))
            differences.append(Decimal("1.5") * (2 * x) - 3 * x)
    assert set(totals) == {0}
    assert any(differences)


def test_a_total_that_is_more_than_rounding_is_kept():
    spec = chainprice.load(
        "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}\n"
    )
    with digits(30):
        sold = 1 + Decimal("1e-25")
        flow = Quantities({}, {"x": Decimal(1)}, {}, {}, {"y": sold})
        assert total_value(spec, flow) == Decimal("1e-25")
