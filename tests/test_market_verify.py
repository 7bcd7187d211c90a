"""The verifier of markets is tested with wrong answers, and on random markets."""

import copy
import json
import random

import pytest
from support import ROOT, spec
from test_market import MARKETS

import chainprice
from chainprice import limits
from chainprice.errors import TableError
from chainprice.verification import table_of

NAMES = [
    "a rival good goes where it is worth most",
    "merit order",
    "a recycle loop",
    "Leontief prices with loops",
    "a non-rival design, made for sale",
    "a stated split still holds",
    "what nobody wants is thrown away",
    "a supply with a limit",
]
LOADED = {name: spec(MARKETS[name][0]) for name in NAMES}
TABLES = {name: chainprice.solve(loaded).to_dict() for name, loaded in LOADED.items()}


def verdict(name, table):
    return chainprice.verify(LOADED[name], table_of(table))


def set_price(table, good, price):
    """Change a price everywhere in a table, as one who believed in it would."""
    for row in table["goods"]:
        if row["good"] == good:
            row["price"], row["value"] = price, price * row["quantity"]
            for use in row["uses"]:
                use["price"] = price
    for firm in table["firms"]:
        for row in [*firm["outputs"], *firm["inputs"]]:
            if row["good"] == good:
                row["price"] = price


@pytest.mark.parametrize("name", NAMES)
def test_one_wrong_price_fails(name):
    for row in TABLES[name]["goods"]:
        table = copy.deepcopy(TABLES[name])
        wrong = -1e-6 if "price_range" in row else 1e-6  # any price within its range would be right
        set_price(table, row["good"], row["price"] * (1 + wrong) if row["price"] else 1e-3)
        result = verdict(name, table)
        assert row["good"] in {check.good for check in result.checks if not check.passed}


@pytest.mark.parametrize("name", NAMES)
def test_a_right_price_in_the_wrong_row_fails(name):
    table = copy.deepcopy(TABLES[name])
    prices = {row["good"]: row["price"] for row in table["goods"]}
    pairs = [(a, b) for a in prices for b in prices if prices[a] != prices[b]]
    if not pairs:
        return
    first, second = pairs[0]
    set_price(table, first, prices[second])
    set_price(table, second, prices[first])
    assert not verdict(name, table).verified


@pytest.mark.parametrize("name", NAMES)
def test_all_prices_wrong_by_one_factor_fail(name):
    table = copy.deepcopy(TABLES[name])
    for row in TABLES[name]["goods"]:
        set_price(table, row["good"], row["price"] * 1.001)
    assert not verdict(name, table).verified


def test_quantities_that_are_no_optimum_fail():
    """The right prices with a feasible plan that is a little worse."""
    name = "a rival good goes where it is worth most"
    table = copy.deepcopy(TABLES[name])
    uses = next(row for row in table["goods"] if row["good"] == "w")["uses"]
    uses[0]["quantity"], uses[1]["quantity"] = 37.0, 63.0
    for row in table["goods"]:
        if row["good"] in "xy":
            factor = {"x": 37 / 36, "y": 63 / 64}[row["good"]] ** 0.5
            row["quantity"] *= factor
            row["uses"][0]["quantity"] *= factor
    failed = {row.condition for row in verdict(name, table).conditions if not row.passed}
    assert "stationarity" in failed


def test_more_than_there_is_fails():
    name = "a rival good goes where it is worth most"
    table = copy.deepcopy(TABLES[name])
    next(row for row in table["goods"] if row["good"] == "w")["uses"][0]["quantity"] *= 1.01
    failed = {row.condition for row in verdict(name, table).conditions if not row.passed}
    assert "feasibility" in failed


def test_waste_at_a_price_fails():
    name = "a rival good goes where it is worth most"
    table = copy.deepcopy(TABLES[name])
    next(row for row in table["goods"] if row["good"] == "w")["uses"][0]["quantity"] *= 0.99
    failed = {row.condition for row in verdict(name, table).conditions if not row.passed}
    assert "complementarity" in failed


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        (lambda t: t.update(total_value=t["total_value"] * 1.00001), "total value"),
        (lambda t: t["incomes"].update(profits=t["incomes"]["profits"] + 1), "total value"),
        (lambda t: t["firms"][0].update(profit=t["firms"][0]["profit"] + 1), "accounts"),
        (lambda t: t["goods"][0].update(value=t["goods"][0]["value"] + 1), "values"),
    ],
)
def test_all_else_in_the_table_is_checked_too(change, condition):
    name = "merit order"
    table = copy.deepcopy(TABLES[name])
    change(table)
    failed = {row.condition for row in verdict(name, table).conditions if not row.passed}
    assert condition in failed


def test_a_wrong_range_or_rent_fails():
    table = copy.deepcopy(TABLES["merit order"])
    next(row for row in table["goods"] if "price_range" in row)["price_range"] = [10.0, 29.0]
    failed = {row.condition for row in verdict("merit order", table).conditions if not row.passed}
    assert failed == {"price ranges"}
    table = copy.deepcopy(TABLES["a supply with a limit"])
    table["limits"][0]["rent"] *= 1.01
    failed = {row.condition for row in verdict("a supply with a limit", table).conditions if not row.passed}
    assert failed == {"rents"}


def test_a_firm_that_would_rather_do_something_else_fails():
    """A local maximum: right marginal values everywhere, and a loss that the firm need not make."""
    loaded = spec(
        "firms: {f: {production: {y: 'x^2'}}}\nsupply: {x: {quantity: 5}}\ndemand: {y: {price: 1}}\n"
        "allocation: competitive"
    )
    given = spec("firms: {f: {production: {y: 'x^2'}}}\nsupply: {x: {quantity: 5}}\ndemand: {y: {price: 1}}")
    table = chainprice.solve(given).to_dict()
    result = chainprice.verify(loaded, table_of(table))
    assert "profits" in {row.condition for row in result.conditions if not row.passed}


def test_goods_that_are_not_solved_for_one_by_one_are_verified_together(monkeypatch):
    monkeypatch.setattr(limits, "ENVELOPE_GOODS", 1)
    loaded = chainprice.load(ROOT / "specs" / "input_output.yaml")
    table = chainprice.solve(loaded).to_dict()
    result = chainprice.verify(loaded, table_of(table))
    assert result.verified
    assert [row.direct for row in result.checks].count(None) >= 1
    for row in table["goods"]:
        wrong = copy.deepcopy(table)
        set_price(wrong, row["good"], row["price"] * (1 + 1e-6))
        result = chainprice.verify(loaded, table_of(wrong))
        assert row["good"] in {check.good for check in result.checks if not check.passed}


def test_idle_firms_with_several_open_prices():
    """One more a goes with bought b: 2*sqrt(P_a*4) = 3 at P_a = 9/16; with both free it would be worth more."""
    loaded = spec(
        "firms: {f: {production: {y: a^0.5*b^0.5}}, g: {production: {y: a/10}}}\n"
        "supply: {a: {price: 1}, b: {price: 4}}\ndemand: {y: {price: 3}}"
    )
    solution = chainprice.solve(loaded)
    ranges = {row.good: row.price_range for row in solution.goods}
    assert ranges["a"] == pytest.approx((9 / 16, 1), rel=1e-9)
    assert ranges["b"] == pytest.approx((9 / 4, 4), rel=1e-9)
    assert ranges["y"] == pytest.approx((3, 4), rel=1e-9)
    assert chainprice.verify(loaded, solution).verified


def test_a_table_without_uses_is_refused():
    table = copy.deepcopy(TABLES["merit order"])
    for row in table["goods"]:
        del row["uses"]
    with pytest.raises(TableError, match="lacks what is needed"):
        verdict("merit order", table)


def test_another_numeraire():
    table = chainprice.solve(LOADED["merit order"], numeraire="power").to_dict()
    assert {row["good"]: row["price"] for row in table["goods"]}["gas"] == 0.5
    assert verdict("merit order", table).verified
    set_price(table, "gas", 0.5001)
    assert not verdict("merit order", table).verified


def random_market(seed):
    """Two to five firms in a chain that is no tree, with shared, bought, limited and fixed goods."""
    rng = random.Random(seed)
    goods = [f"p{i}" for i in range(rng.randint(1, 3))]
    supply = {
        good: rng.choice(
            [
                {"quantity": f"{rng.uniform(1, 20):.3g}"},
                {"price": f"{rng.uniform(0.2, 2):.3g}"},
                {"price": f"{rng.uniform(0.1, 1):.3g} + {rng.uniform(0.05, 1):.3g}*q"},
                {"price": f"{rng.uniform(0.1, 1):.3g}", "quantity": f"{rng.uniform(1, 5):.3g}"},
            ]
        )
        for good in goods
    }
    firms = {}
    for index in range(rng.randint(2, 5)):
        inputs = rng.sample(goods, min(len(goods), rng.randint(1, 3)))
        weights = [rng.uniform(0.2, 1) for _ in inputs]
        total = sum(weights) / rng.uniform(0.4, 0.8)
        formula = rng.choice(
            [
                f"{rng.uniform(1, 5):.3g}*"
                + "*".join(f"{g}^{w / total:.3g}" for g, w in zip(inputs, weights, strict=True)),
                " + ".join(f"{3 * w:.3g}*ln(1 + {g})" for g, w in zip(inputs, weights, strict=True)),
                "4*sqrt(" + " + ".join(f"{w:.3g}*{g}" for g, w in zip(inputs, weights, strict=True)) + ")",
                "3*min(" + ", ".join(f"{g}/{w:.3g}" for g, w in zip(inputs, weights, strict=True)) + ")^0.6",
            ]
        )
        firms[f"f{index}"] = {"production": {f"g{index}": formula}}
        goods.append(f"g{index}")
    demand = {
        good: rng.choice(
            [
                {"price": f"{rng.uniform(1, 5):.3g}"},
                {"price": f"{rng.uniform(2, 8):.3g} - {rng.uniform(0.1, 1):.3g}*q"},
                {"price": f"{rng.uniform(2, 8):.3g}/(1 + q)"},
            ]
        )
        for good in goods
        if good.startswith("g") and (good == goods[-1] or rng.random() < 0.5)
    }
    return json.dumps({"firms": firms, "supply": supply, "demand": demand, "allocation": "competitive"})


@pytest.mark.parametrize("seed", range(40))
def test_random_markets_are_solved_and_verified(seed):
    loaded = chainprice.load(random_market(seed))
    solution = chainprice.solve(loaded)
    result = chainprice.verify(loaded, solution)
    assert result.verified, result


def test_where_one_fewer_is_impossible_one_more_is_told_without_its_curvature():
    """A gift of y is worth 72 a unit less 18 times the gift; without a unit of it there is no market."""
    text = """
firms:
  f: {production: {y: "b^0.5"}}
  g: {production: {z: "2*b"}}
supply: {b: {quantity: 4}}
demand: {y: {quantity: 2}, z: {price: 9}}
"""
    loaded = spec(text)
    solution = chainprice.solve(loaded)
    assert {row.good: row.price_range for row in solution.goods} == {
        "b": (18, None),
        "y": (72, None),
        "z": (9, None),
    }
    assert chainprice.verify(loaded).verified
    wrong = solution.to_dict()
    for row in wrong["goods"]:
        if row["good"] == "y":
            row["price_range"][0] *= 1 + 1e-6
    assert not chainprice.verify(loaded, table_of(wrong)).verified
