"""Markets where many bounds meet: idle firms, demand that is sated, ties, limits that bind for nothing."""

import copy
import math
import time

import pytest
from support import ROOT, spec
from test_market_verify import set_price

import chainprice
from chainprice.equilibrium import market as markets
from chainprice.errors import InfeasibleError, PrecisionError
from chainprice.verification import table_of

IDLE_BENDS = """
firms:
  f0: {production: {m0: p1^(1/3), m3: ln(1 + p1)}}
  f1: {production: {m1: "min(0.382*p1, 0.42*sqrt(0.382*p1))"}}
  f2: {production: {m2: "min(1.528*p1 + 2.834*m0, 1.156*sqrt(1.528*p1 + 2.834*m0))"}}
  f3: {production: {m3: "min(1.997*p1, 2.237*sqrt(1.997*p1))"}}
supply: {p1: {price: 2.753}, m2: {quantity: 2}}
demand:
  m1: {price: 4.245, quantity: 20}
  m2: {price: 4.895 - 2.685*q}
  m3: {price: 4.929, quantity: 10}
"""
"""f1 is too dear to run, f2 makes what is there for free, and both have a bend that is endlessly steep at 0."""

SATED = """
allocation: competitive
firms:
  f0: {production: {m0: "2.647*sqrt(min(2.031*p0, 2))"}}
  f1: {production: {m1: "0.641*p1^(1/3)", m0: "min(2.476*p1, 2.486*sqrt(2.476*p1))"}}
  f2: {production: {m2: "0.932*ln(1 + 2.725*m0)"}}
  f3: {production: {m2: "0.617*ln(1 + 2.513*m1 + 2.455*m0)"}}
  f4: {production: {m1: "1.497*sqrt(min(0.777*p1, 2))"}}
  f5: {production: {m0: "0.653*ln(1 + 1.625*p1 + 0.936*p0)", m1: "0.654*sqrt(min(1.462*p1, 2))"}}
supply: {p0: {price: 0.907}, p1: {price: 2.025}, m2: {quantity: 10}}
demand: {m2: {price: 8.525 - 2.074*q, quantity: 5}}
"""
"""There is more of m2 than anybody wants: no firm has anything to do."""

FREE_INPUTS = """
goods: {p0: {split: {f0: 2/3, f1: 1/3}}}
firms:
  f0: {production: {m0: "0.504*sqrt(min(0.847*p0, 0.5*p1, 2))"}}
  f1: {production: {m1: "1.039*ln(1 + 2.119*p0 + 2.926*m0 + 2.765*p1)"}}
  f2: {production: {m2: "min(2.19*m1, 1)"}}
  f3: {production: {m3: "2.801*sqrt(m2) + 2.801*sqrt(m0)"}}
supply: {p0: {price: 0.438 + 0.465*q}, p1: {quantity: 10}, m0: {quantity: 20}, m3: {price: 0.487, quantity: 20}}
demand: {m2: {price: 12.325/(1 + q)}, m3: {price: 6.402, quantity: 5}}
"""
"""The capacity of f2 and the demand for m3 are all that is scarce."""

TIED = """
goods: {p2: {rival: false}, m0: {split: {f1: 3/5, demand: 2/5}}}
firms:
  f0: {production: {m0: "min(0.5*p0, 10)"}}
  f1: {production: {m1: "min(0.25*m0, 10)"}}
  f2: {production: {m2: "min(3*m1, 1)", m5: "min(2*m1, 3*m1+1, 3)*2"}}
  f5: {production: {m5: 1.5*p2}}
  f7: {production: {m7: 1.5*m11}}
  f8: {production: {m8: "min(4*m5, 1)"}}
  f9: {production: {m9: 0.5*m8+1*p0, m6: 0.5*p0}}
  f10: {production: {m10: "min(2*p2, 2)"}}
  f11: {production: {m11: "min(5*p1, 1*p3)"}}
supply:
  p0: {quantity: 10}
  p1: {price: 2, quantity: 20}
  p2: {quantity: 5}
  p3: {price: 2}
  m11: {price: 0.5}
demand:
  p1: {price: 15, quantity: 2}
  m0: {price: 10, quantity: 2}
  m6: {price: 9, quantity: 2}
  m7: {quantity: 0.5}
  m9: {price: 4.5}
  m10: {price: 6, quantity: 2}
"""
"""A linear programme whose optimum is a corner where more limits meet than there are quantities."""


def test_a_bend_that_is_steep_at_nothing_does_not_start_an_idle_firm():
    loaded = spec(IDLE_BENDS)
    solution = chainprice.solve(loaded)
    by_f0 = 4.929 / 2.753 - 1
    by_f3 = (4.929 * 2.237 * math.sqrt(1.997) / (2 * 2.753)) ** 2
    goods = {row.good: row for row in solution.goods}
    assert goods["p1"].quantity == pytest.approx(by_f0 + by_f3, rel=1e-12)
    assert goods["m1"].price_range == pytest.approx((4.245, 2.753 / 0.382), rel=1e-9)
    assert chainprice.verify(loaded, solution).verified


def test_where_demand_is_sated_all_is_idle_and_worth_nothing():
    loaded = spec(SATED)
    solution = chainprice.solve(loaded)
    assert solution.total_value == pytest.approx(8.525**2 / (2 * 2.074), rel=1e-12)
    assert set(solution.prices.values()) == {0}
    ranges = {row.good: row.price_range for row in solution.goods}
    assert ranges["p0"] == pytest.approx((0, 0.907))
    assert chainprice.verify(loaded, solution).verified


def test_what_makes_only_what_is_free_takes_up_nothing():
    loaded = spec(FREE_INPUTS)
    solution = chainprice.solve(loaded)
    assert solution.total_value == pytest.approx(12.325 * math.log(2) + 5 * 6.402, rel=1e-12)
    assert solution.prices["m0"] == 0
    assert chainprice.verify(loaded, solution).verified


def test_split_among_all_that_use_all():
    text = (
        "goods: {x: {split: {f: 1/2, g: 1/4, h: 1/4}}}\n"
        "firms:\n"
        "  f: {production: {y: 'min(2*x, 4*sqrt(2*x))'}}\n"
        "  g: {production: {y: 'min(3*x, 2*sqrt(3*x))'}}\n"
        "  h: {production: {y: 2*x^0.5}}\n"
        "supply: {x: {price: 3, quantity: 10}}\n"
        "demand: {y: {quantity: 0.1}}\n"
    )
    loaded = spec(text)
    solution = chainprice.solve(loaded)
    root = (math.sqrt(1 + 4 * 1.75 * 0.1) - 1) / (2 * 1.75)  # 1.75 x + sqrt(x) = 0.1
    quantities = {row.good: row.quantity for row in solution.goods}
    assert quantities["x"] == pytest.approx(root**2, rel=1e-12)
    assert chainprice.verify(loaded, solution).verified


def test_every_price_of_a_linear_market_is_verified_at_its_corner(monkeypatch):
    """No gift needs the solver again, and no good is left without its derivative."""
    loaded = spec(TIED)
    solution = chainprice.solve(loaded)
    solved = []
    monkeypatch.setattr(markets.Nlp, "solve", lambda *_: solved.append(1))
    verdict = chainprice.verify(loaded, solution)
    assert verdict.verified
    assert all(check.direct is not None for check in verdict.checks)
    assert not solved


def test_wrong_prices_at_a_corner_fail():
    loaded = spec(TIED)
    right = chainprice.solve(loaded).to_dict()
    for row in right["goods"]:
        table = copy.deepcopy(right)
        low, high = row.get("price_range", (row["price"], row["price"]))
        wrong = 1.001 * low - 1e-3 if high is None else 1.001 * high + 1e-3
        set_price(table, row["good"], wrong)
        assert not chainprice.verify(loaded, table_of(table)).verified, row["good"]


def test_prices_without_an_upper_end_are_the_least_ones():
    """All that there is of a must be delivered as b: one more unit of a has other uses, one fewer has no price."""
    text = (
        "firms: {f: {production: {b: 2*a}}, g: {production: {c: 'min(3*b, 2)', d: 5*b}}, h: {production: {c: 0.5*a}}}\n"
        "supply: {a: {quantity: 1}}\n"
        "demand: {b: {quantity: 2}, c: {price: 4.5, quantity: 5}, d: {price: 1.5, quantity: 1}}\n"
        "allocation: competitive"
    )
    loaded = spec(text)
    solution = chainprice.solve(loaded)
    goods = {row.good: row for row in solution.goods}
    worth = 3 * 4.5 + 5 * 1.5
    assert goods["b"].price_range == (pytest.approx(worth), None)
    assert goods["b"].price == pytest.approx(worth)
    assert goods["a"].price == pytest.approx(2 * worth)
    assert chainprice.verify(loaded, solution).verified


@pytest.mark.parametrize("missing", ["1e-5", "1e-7", "1e-9"])
def test_what_is_missing_is_named_however_little(missing):
    text = (
        "goods: {d: {rival: false}}\n"
        "firms: {a: {production: {y: 'min(l, d)'}}, b: {production: {z: sqrt(d)}}}\n"
        "supply: {l: {quantity: 10, price: 1}, d: {quantity: 4}}\n"
        "demand: {y: {quantity: 4}, z: {quantity: '2 + SHORT'}}"
    )
    with pytest.raises(InfeasibleError, match="of .z. .* are missing"):
        chainprice.solve(spec(text.replace("SHORT", missing)))
    assert chainprice.solve(spec(text.replace("+ SHORT", f"- {missing}"))).prices["z"] == 0


def test_a_good_whose_first_unit_costs_nothing_has_one_price():
    text = (
        "firms: {a: {production: {oil: sqrt(coal)}}, b: {production: {paint: 1 - 1/(oil + 1)}},"
        " c: {production: {steel: coal/(coal + 3)}}}\n"
        "supply: {coal: {quantity: 1}}\ndemand: {steel: {price: 100}}"
    )
    solution = chainprice.solve(spec(text))
    oil = next(row for row in solution.goods if row.good == "oil")
    assert oil.price == 0
    assert oil.price_range is None
    assert chainprice.verify(spec(text), solution).verified


def test_who_makes_less_than_nothing_of_what_nobody_wants_must_be_stopped():
    text = (
        "firms: {a: {production: {ore: 'INPUT'}}, b: {production: {steel: sqrt(x)}}}\n"
        "supply: {x: {quantity: 4}, y: {quantity: 9, price: q}}\ndemand: {steel: {price: 100 - q}}\n"
        "allocation: competitive"
    )
    with pytest.raises(InfeasibleError, match="of 'ore' 1.5 are missing"):
        chainprice.solve(spec(text.replace("INPUT", "min(-1.5, 3) + 0*y")))
    solution = chainprice.solve(spec(text.replace("INPUT", "y - 2")))  # so somebody has to make up for it
    assert solution.prices["ore"] == pytest.approx(2)
    assert solution.quantities["ore"] == pytest.approx(0, abs=1e-12)
    assert chainprice.verify(spec(text.replace("INPUT", "y - 2"))).verified


def test_a_first_unit_whose_cost_rises_by_any_power_costs_nothing():
    text = (
        "firms: {a: {production: {coal: E^0.9}}, b: {production: {steel: 'min(pi, x)'}}}\n"
        "supply: {E: {price: q, quantity: 9}, x: {quantity: 1}}\ndemand: {steel: {price: 100 - q}}"
    )
    solution = chainprice.solve(spec(text))
    (coal,) = (row for row in solution.goods if row.good == "coal")
    assert (coal.price, coal.price_range) == (0, None)
    assert chainprice.verify(spec(text), solution).verified


@pytest.mark.parametrize("other", ["7*(x - x**2/20)", "1*x", "7*ln(1+x)"])
def test_where_all_is_idle_prices_that_run_off_come_back(other):
    text = (
        f"firms: {{a: {{production: {{y: '1000*(x - x**2/20)'}}}}, b: {{production: {{z: '{other}'}}}}}}\n"
        "supply: {x: {quantity: 0, price: 2}}\ndemand: {y: {price: 1}, z: {price: 3}}"
    )
    solution = chainprice.solve(spec(text))
    (row,) = (row for row in solution.goods if row.good == "x")
    assert (row.price, row.price_range) == (1000, (1000, None))
    assert [limit.rent for limit in solution.limits] == [998]
    assert chainprice.verify(spec(text), solution).verified


def test_a_use_of_next_to_nothing_is_found():
    """Firm b's marginal product is 0.0009*x^-0.1, and x is worth 100/(1 + 7)^2: 4e-16 of 7 units."""
    text = (
        "firms: {a: {production: {y: 2*x/(1+x)}}, b: {production: {z: 0.001*x**0.9}}}\n"
        "supply: {x: {quantity: 7}}\ndemand: {y: {price: 50}, z: {price: 50}}"
    )
    solution = chainprice.solve(spec(text))
    uses = {use.user: use.quantity for row in solution.goods if row.good == "x" for use in row.uses}
    assert uses["b"] == pytest.approx((0.045 / 1.5625) ** 10)
    assert chainprice.verify(spec(text), solution).verified


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("allocation", ["given", "competitive"])
def test_a_table_that_leaves_out_firms_fails(allocation, rows):
    text = (
        f"allocation: {allocation}\nfirms: {{f: {{production: {{y: sqrt(x)}}}}, g: {{production: {{z: sqrt(y)}}}}}}\n"
        "supply: {x: {quantity: 4}}\ndemand: {z: {price: 1}}"
    )
    loaded = spec(text)
    table = chainprice.solve(loaded).to_dict()
    table["firms"] = table["firms"][:rows]
    assert not chainprice.verify(loaded, table_of(table)).verified
    del table["firms"]  # a table of goods alone
    assert chainprice.verify(loaded, table_of(table)).verified


def test_a_unit_of_which_there_can_be_none_is_not_looked_for():
    """Without it `verify` tried for seconds to find a market with less than no supply."""
    text = (
        "firms: {firm0: {production: {steel: S^0.5}}, firm1: {production: {E: steel^0.3*steel^0.6}}, "
        "firm2: {production: {I: -(steel)}}}\nsupply: {S: {quantity: 0}}\ndemand: {I: {price: 1/3}}"
    )
    solution = chainprice.solve(spec(text))
    begun = time.process_time()
    assert chainprice.verify(spec(text), solution).verified
    assert time.process_time() - begun < 1


FREE_FOR_ALL = (
    "firms: {a: {production: {y: 1 - exp(-x)}}}\nsupply: {x: {price: 0}}\ndemand: {y: {price: 9/(q + 1)}}"
)


def test_what_a_firm_takes_of_a_free_good_it_always_wants_is_not_printed():
    with pytest.raises(PrecisionError, match="the price of 'x' cannot be told from 0"):
        chainprice.solve(spec(FREE_FOR_ALL))


CHEAP_AND_FAR = """
firms:
  a: {production: {u: x}}
  b: {production: {v: 1/3*u}}
  c: {production: {y: 1e-9*v}}
supply: {x: {price: 1/3}}
demand: {y: {price: 5}}
"""
"""Nothing is made: a unit of y would cost 1e9."""


def test_ranges_end_at_the_least_prices_though_the_greatest_are_far_above():
    solution = chainprice.solve(spec(CHEAP_AND_FAR))
    ranges = {row.good: row.price_range for row in solution.goods}
    least = {"x": 5e-9 / 3, "u": 5e-9 / 3, "v": 5e-9, "y": 5}
    assert {good: low for good, (low, _) in ranges.items()} == pytest.approx(least)
    assert {good: high for good, (_, high) in ranges.items()} == pytest.approx(
        {"x": 1 / 3, "u": 1 / 3, "v": 1, "y": 1e9}
    )
    assert chainprice.verify(spec(CHEAP_AND_FAR), solution).verified


STEEP_FIRST_UNIT = """
firms:
  a: {production: {v: -(1/3 - 1/3)}}
  b: {production: {u: v/(v + 1e-9)}}
  c: {production: {y: ln(u + 1)}}
supply: {x: {price: 2 + q/10, quantity: 100}}
demand: {y: {price: 5}}
"""


def test_a_first_unit_is_measured_by_steps_that_are_short_enough():
    solution = chainprice.solve(spec(STEEP_FIRST_UNIT))
    (row,) = (row for row in solution.goods if row.good == "v")
    assert row.price_range == (pytest.approx(5e9), None)
    assert chainprice.verify(spec(STEEP_FIRST_UNIT), solution).verified


def test_at_the_end_of_a_demand_curve_the_quantity_has_lost_the_digits_of_the_price():
    text = "firms: {a: {production: {y: 17500*x}}}\nsupply: {x: {price: q, quantity: 9}}\ndemand: {y: {price: 100 - q}}"
    solution = chainprice.solve(spec(text))
    assert chainprice.verify(spec(text), solution).verified
    table = solution.to_dict()
    set_price(table, "y", solution.goods[-1].price * (1 + 1e-6))
    assert not chainprice.verify(spec(text), table_of(table)).verified


CONSTANTS = {
    "a min of constants": "min(exp(1), 100)",
    "the same twice": "min(1e-9, pi, 1e-9)",
    "one in another": "min(min(1e-9, pi), min(4, 1e-9))",
    "where less is more": "cos(min(7, 1e-9))",
}


@pytest.mark.parametrize("formula", CONSTANTS.values(), ids=CONSTANTS)
def test_a_min_of_constants_is_no_capacity(formula):
    text = (
        f"firms: {{a: {{production: {{y: '{formula}'}}}}, b: {{production: {{z: sqrt(x)}}}}}}\n"
        "supply: {x: {price: 2}}\ndemand: {y: {price: 5}}"
    )
    solution = chainprice.solve(spec(text))
    assert not [limit for limit in solution.limits if limit.kind == "capacity"]
    assert chainprice.verify(spec(text), solution).verified


def test_each_of_several_capacities_of_a_firm_is_verified():
    text = "firms: {a: {production: {y: 'min(x, 2, 3)'}}}\nsupply: {x: {price: 2}}\ndemand: {y: {price: 5}}"
    solution = chainprice.solve(spec(text))
    assert [(row.quantity, row.rent) for row in solution.limits] == [(2, 3), (3, 0)]
    assert chainprice.verify(spec(text), solution).verified
    table = copy.deepcopy(solution.to_dict())
    table["limits"][0]["rent"] = 2
    assert not chainprice.verify(spec(text), table_of(table)).verified


@pytest.mark.parametrize("price", [1, 100, 500])
def test_a_firm_next_to_nothing_beside_the_market_sells_what_it_makes(price):
    """Quantities go with the 9th power of the price, down to 1e-33 of a span."""
    text = (ROOT / "specs" / "cars_and_bridges.yaml").read_text(encoding="utf-8")
    loaded = chainprice.load(text, [f"demand.bridges.price={price}"])
    solution = chainprice.solve(loaded)
    (bridges,) = (row for row in solution.goods if row.good == "bridges")
    assert bridges.price == price
    assert bridges.quantity == pytest.approx(4.010527e-33 * price**9, rel=1e-5)
    assert chainprice.verify(loaded, solution).verified


def test_at_a_kink_where_there_is_none_of_an_input_its_first_unit_counts():
    """min(0, x) is 0 from there on, though its branches have a mean."""
    text = "firms: {a: {production: {y: '-sin(min(0, x) + 23)'}}}\nsupply: {x: {price: 1/3}}\ndemand: {y: {price: 5}}"
    assert chainprice.solve(spec(text)).goods[0].price == 0
