"""An observed market against its equilibrium: who would move, what is wrong with each good, what that costs."""

import copy
import csv
import io
import json
import math

import jsonschema
import pytest
from scipy.optimize import minimize_scalar
from support import ROOT, SPECS, run, spec

import chainprice
from chainprice.errors import NumeraireError, ObservationError, UndefinedError, UsageError

CARS = ROOT / "specs" / "cars_and_bridges.yaml"
MERIT = ROOT / "tests" / "specs" / "market" / "merit-order.yaml"
OBSERVED = ROOT / "tests" / "observed"

FARM = """
firms:
  mill: {production: {flour: 'grain^0.5'}}
  brewery: {production: {beer: '2*grain^0.5'}}
supply:
  grain: {quantity: 10}
demand:
  flour: {price: 3}
  beer: {price: 6 - q/10}
"""
"""Grain shared by two firms: all of it can be worked out by hand."""


def seen(solution):
    """What somebody would have seen of a market that is in equilibrium, as plain data."""
    data = solution.to_dict()
    uses, demand = {}, {}
    for row in data["goods"]:
        for use in row["uses"]:
            if use["kind"] == "demand":
                demand[row["good"]] = use["quantity"]
            else:
                uses.setdefault(use["user"], {})[row["good"]] = use["quantity"]
    return {"prices": dict(solution.prices), "uses": uses, "demand": demand}


def market(text=FARM):
    loaded = spec(text)
    return loaded, seen(chainprice.solve(loaded))


def row_of(diagnosis, good, firm=None):
    if firm is None:
        (row,) = [row for row in diagnosis.goods if row.good == good]
    else:
        (row,) = [row for row in diagnosis.gaps if (row.good, row.firm) == (good, firm)]
    return row


def verdicts(diagnosis):
    return {row.good: row.verdict for row in diagnosis.goods}


# What is in equilibrium has no gap.


@pytest.mark.parametrize("path", [*SPECS, MERIT, *sorted((ROOT / "tests/specs/contract").glob("[!i]*.yaml"))], ids=lambda path: path.stem)  # fmt: skip
def test_its_own_solution_has_no_gap(path):
    loaded = chainprice.load(path)
    solution = chainprice.solve(loaded)
    text = json.dumps(solution.to_dict())
    diagnosis = chainprice.diagnose(loaded, text)
    assert diagnosis.within_tolerance
    assert diagnosis.missing == ()
    assert {row.verdict for row in diagnosis.goods} == {"in equilibrium"}
    assert {row.move for row in diagnosis.gaps} <= {"stay", None}
    assert all(row.corner or row.gap in (None, 0) for row in diagnosis.gaps)
    assert diagnosis.total_value == pytest.approx(solution.total_value, rel=1e-12)
    assert diagnosis.to_gain == 0
    assert chainprice.diagnose(loaded, solution).goods == diagnosis.goods


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_in_a_pipe(path):
    solved = run("solve", str(path), "-f", "json").stdout
    done = run("diagnose", str(path), "--observed", "-", "-f", "json", stdin=solved)
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert data["within_tolerance"] is True
    assert all(row["gain"] in (0, None) for row in data["gaps"])


@pytest.mark.parametrize("name", ["tupperware", "cars_and_bridges", "two_stage_economy"])
def test_in_units_of_a_good(name):
    loaded = chainprice.load(ROOT / "specs" / f"{name}.yaml")
    numeraire = {"tupperware": "natgas", "cars_and_bridges": "steel", "two_stage_economy": "labour"}[name]
    diagnosis = chainprice.diagnose(loaded, chainprice.solve(loaded, numeraire=numeraire))
    assert diagnosis.within_tolerance
    assert (diagnosis.numeraire, diagnosis.money) == (numeraire, numeraire)
    assert row_of(diagnosis, numeraire).price == 1
    assert {row.verdict for row in diagnosis.goods} == {"in equilibrium"}


@pytest.mark.parametrize(
    "text",
    [
        "firms: {f: {production: {y: 'ln(1 + x)'}}}\nsupply: {x: {quantity: 1e-40}}\ndemand: {y: {price: 1}}",
        "firms: {f: {production: {y: 'x^0.5'}}}\nsupply: {x: {quantity: 9}}\ndemand: {y: {price: 0.7 - 0.3*q}}\nallocation: competitive",
        "firms: {f: {production: {y: 'x*(7/3 - x/2)'}}}\nsupply: {x: {quantity: 9}}\ndemand: {y: {price: 1}}\nallocation: competitive",
        "firms: {f: {production: {y: 'sqrt(min(x, 3*z))'}}, g: {production: {w: '9*x'}}}\nsupply: {x: {quantity: 2}, z: {quantity: 1}}\ndemand: {y: {price: 0.001}, w: {price: 5}}",
    ],
    ids=["cancels", "satiated buyer", "satiated firm", "idle at a bend"],
)
def test_rounding_is_no_gap(text):
    loaded = spec(text)
    diagnosis = chainprice.diagnose(loaded, chainprice.solve(loaded))
    assert diagnosis.within_tolerance, diagnosis


def test_in_units_of_a_good_only_relative_prices_count():
    loaded, data = market(f"numeraire: flour\n{FARM}")
    doubled = {good: 2 * price for good, price in data["prices"].items()}
    assert chainprice.diagnose(loaded, data | {"prices": doubled}).within_tolerance
    wrong = chainprice.diagnose(loaded, data | {"prices": doubled | {"grain": 3 * data["prices"]["grain"]}})
    assert row_of(wrong, "grain").price == pytest.approx(1.5 * row_of(wrong, "grain").equilibrium_price)
    assert row_of(wrong, "grain").verdict == "overpriced"


def test_quantities_of_six_digits_are_near_enough_for_a_tolerance_of_five():
    loaded, data = market()
    for section in ("prices", "demand"):
        data[section] = {good: float(f"{value:.6g}") for good, value in data[section].items()}
    data["uses"] = {f: {g: float(f"{q:.6g}") for g, q in uses.items()} for f, uses in data["uses"].items()}
    assert not chainprice.diagnose(loaded, data, tolerance=1e-12).within_tolerance
    assert chainprice.diagnose(loaded, data, tolerance=1e-4).within_tolerance


# A wrong price.


@pytest.mark.parametrize(("factor", "verdict", "move", "sign"), [(1.25, "overpriced", "less", -1), (0.8, "underpriced", "more", 1)])  # fmt: skip
def test_a_wrong_price_of_an_input(factor, verdict, move, sign):
    loaded, data = market()
    data["prices"]["grain"] *= factor
    diagnosis = chainprice.diagnose(loaded, data)
    assert verdicts(diagnosis) == {"grain": verdict, "flour": "in equilibrium", "beer": "in equilibrium"}
    grain = row_of(diagnosis, "grain")
    assert f"{grain.equilibrium_price:.6g}" in grain.reason
    for firm in ("mill", "brewery"):
        row = row_of(diagnosis, "grain", firm)
        assert row.move == move
        assert row.gap == pytest.approx(grain.equilibrium_price * (1 - factor))
        assert math.copysign(1, row.gap) == sign
    assert not diagnosis.within_tolerance


def test_a_wrong_price_of_an_output_shows_at_its_maker_and_its_demand():
    loaded, data = market()
    data["prices"]["flour"] = 4
    diagnosis = chainprice.diagnose(loaded, data)
    assert row_of(diagnosis, "flour").verdict == "overpriced"
    assert row_of(diagnosis, "flour", "demand").gap == -1
    assert row_of(diagnosis, "grain", "mill").move == "more"
    assert row_of(diagnosis, "grain", "brewery").move == "stay"
    assert row_of(diagnosis, "grain").verdict == "misallocated"


def test_a_price_in_the_range_is_not_wrong():
    loaded, data = market(MERIT.read_text())
    for price, verdict in [
        (10, "in equilibrium"),
        (29.9, "in equilibrium"),
        (30.1, "overpriced"),
        (9.9, "underpriced"),
    ]:
        data["prices"]["oil"] = price
        assert row_of(chainprice.diagnose(loaded, data), "oil").verdict == verdict


def test_a_price_between_the_two_sides_of_a_bend_is_no_gap():
    loaded, data = market(MERIT.read_text())
    del data["demand"]["power"]
    for price, gap in [(0.5, 0), (29, 0), (31, -1)]:
        data["prices"]["uranium"] = price
        row = row_of(chainprice.diagnose(loaded, data), "uranium", "nuclear")
        assert row.gap == gap
        assert row.marginal_range == (0, 30)


def test_no_gap_leads_below_nothing_or_beyond_a_limit():
    text = "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 2, quantity: 5}}\ndemand: {y: {price: 3, quantity: 4}}"
    loaded = spec(text)
    data = {"prices": {"x": 2, "y": 2}, "uses": {"f": {"x": 4}}, "demand": {"y": 4}}
    assert row_of(chainprice.diagnose(loaded, data), "y", "demand")[-5:] == (None, 1, True, "stay", 0)
    assert chainprice.diagnose(loaded, data).within_tolerance
    idle = {"prices": {"x": 5, "y": 3}, "uses": {"f": {"x": 0}}, "demand": {"y": 0}, "supply": {"x": 0}}
    row = row_of(chainprice.diagnose(loaded, idle), "x", "f")
    assert (row.gap, row.corner, row.move, row.gain) == (-2, True, "stay", 0)
    full = {"prices": {"x": 3, "y": 3}, "uses": {"f": {"x": 5}}, "demand": {"y": 4}, "supply": {"x": 5}}
    row = row_of(chainprice.diagnose(loaded, full), "x", "supply")
    assert (row.gap, row.corner, row.move) == (1, True, "stay")


# A wrong quantity.


def test_a_shared_good_in_the_wrong_hands_is_misallocated():
    loaded, data = market()
    moved = 2
    data["uses"]["mill"]["grain"] += moved
    data["uses"]["brewery"]["grain"] -= moved
    del data["demand"]
    diagnosis = chainprice.diagnose(loaded, data)
    prices, uses = data["prices"], data["uses"]
    mill = prices["flour"] * 0.5 * uses["mill"]["grain"] ** -0.5
    brewery = prices["beer"] * uses["brewery"]["grain"] ** -0.5
    grain = row_of(diagnosis, "grain")
    assert (grain.verdict, grain.excess_demand) == ("misallocated", 0)
    assert grain.spread == pytest.approx(brewery - mill)
    assert row_of(diagnosis, "grain", "mill").gap == pytest.approx(mill - prices["grain"])
    assert row_of(diagnosis, "grain", "mill").move == "less"
    assert row_of(diagnosis, "grain", "brewery").move == "more"


def test_what_the_equilibrium_would_add():
    loaded, data = market()

    def value(mill):
        beer = 2 * (10 - mill) ** 0.5
        return 3 * mill**0.5 + 6 * beer - beer**2 / 20

    best = -minimize_scalar(lambda mill: -value(mill), bounds=(0, 10), method="bounded", options={"xatol": 1e-12}).fun  # fmt: skip
    for mill in (0.5, 3, 9):
        data["uses"] = {"mill": {"grain": mill}, "brewery": {"grain": 10 - mill}}
        diagnosis = chainprice.diagnose(loaded, {"prices": data["prices"], "uses": data["uses"]})
        assert diagnosis.total_value == pytest.approx(value(mill), rel=1e-12)
        assert diagnosis.equilibrium_value == pytest.approx(best, rel=1e-9)
        assert diagnosis.to_gain == pytest.approx(best - value(mill), rel=1e-6)


def test_purchases_count_in_total_value():
    loaded, data = market(
        "firms: {f: {production: {y: x^0.5}}}\nsupply: {x: {price: 1 + q}}\ndemand: {y: {price: 6}}"
    )
    data["uses"]["f"]["x"] = 2
    diagnosis = chainprice.diagnose(loaded, {"prices": data["prices"], "uses": data["uses"]})
    assert diagnosis.total_value == pytest.approx(6 * 2**0.5 - 2 - 2)


@pytest.mark.parametrize(("amount", "verdict", "excess"), [(1, "short", 1), (-1, "in surplus", -1)])
def test_too_much_or_too_little(amount, verdict, excess):
    loaded, data = market()
    data["uses"]["brewery"]["grain"] += amount
    diagnosis = chainprice.diagnose(loaded, data)
    grain = row_of(diagnosis, "grain")
    assert (grain.verdict, grain.available) == (verdict, 10)
    assert grain.excess_demand == pytest.approx(excess)
    assert grain.used == pytest.approx(10 + amount)
    assert [note.code for note in diagnosis.warnings] == ["not-feasible"]


def test_what_is_free_may_be_left_over():
    text = "firms: {f: {production: {y: 'min(x, 2)'}}}\nsupply: {x: {quantity: 5}}\ndemand: {y: {price: 1}}"
    loaded = chainprice.load(f"allocation: competitive\n{text}")
    data = {"prices": {"x": 0, "y": 1}, "uses": {"f": {"x": 2}}}
    diagnosis = chainprice.diagnose(loaded, data)
    assert (row_of(diagnosis, "x").verdict, row_of(diagnosis, "x").excess_demand) == ("in equilibrium", -3)
    assert diagnosis.within_tolerance
    data["prices"]["x"] = 0.5
    assert row_of(chainprice.diagnose(loaded, data), "x").verdict == "in surplus"


def test_a_delivery_that_is_not_made_is_short():
    loaded = spec("firms: {f: {production: {y: x}}}\nsupply: {x: {price: 2}}\ndemand: {y: {quantity: 4}}")
    good = {"prices": {"x": 2, "y": 2}, "uses": {"f": {"x": 4}}}
    assert chainprice.diagnose(loaded, good).within_tolerance
    late = {"prices": {"x": 2, "y": 2}, "uses": {"f": {"x": 3}}, "demand": {"y": 3}}
    row = row_of(chainprice.diagnose(loaded, late), "y")
    assert (row.verdict, row.excess_demand, row.used) == ("short", 1, 4)


def test_the_right_prices_with_a_quantity_that_is_wrong():
    loaded = spec("firms: {f: {production: {y: x^0.5}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 4}}")
    diagnosis = chainprice.diagnose(loaded, {"prices": {"x": 1, "y": 4}, "uses": {"f": {"x": 1}}})
    assert verdicts(diagnosis) == {"x": "misallocated", "y": "in equilibrium"}
    assert row_of(diagnosis, "x", "f").gap == 1
    assert "f would gain 1 by one more unit" in row_of(diagnosis, "x").reason


# Money on the table.


def best_by_scipy(profit, low, high, now):
    found = minimize_scalar(
        lambda z: -profit(z), bounds=(low, high), method="bounded", options={"xatol": 1e-10}
    )
    return max(-found.fun, profit(low), profit(high)) - profit(now)


@pytest.mark.parametrize("price", [0.2, 0.9, 1.1, 2, 40])
@pytest.mark.parametrize("mill", [0.3, 4, 9.7])
def test_the_gain_is_the_most_that_one_quantity_alone_can_earn(price, mill):
    loaded = spec(FARM)
    data = {"prices": {"grain": price, "flour": 3, "beer": 5}, "uses": {"mill": {"grain": mill}, "brewery": {"grain": 10 - mill}}}  # fmt: skip
    diagnosis = chainprice.diagnose(loaded, data)
    for firm, (factor, now) in {"mill": (3, mill), "brewery": (10, 10 - mill)}.items():
        expected = best_by_scipy(lambda z, k=factor: k * z**0.5 - price * z, 0, 10, now)
        assert row_of(diagnosis, "grain", firm).gain == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_the_gain_of_joint_outputs_and_of_a_second_input():
    text = """
firms:
  f: {production: {y: 'min(a, 9)^0.6*b^0.3', w: 'ln(1 + a)'}}
  g: {production: {y: '0.1*a'}}
supply: {a: {quantity: 12}, b: {quantity: 3}}
demand: {y: {price: 10}, w: {price: 5}}
"""
    data = {"prices": {"a": 1.5, "b": 2, "y": 9, "w": 4}, "uses": {"f": {"a": 2, "b": 3}, "g": {"a": 10}}}
    diagnosis = chainprice.diagnose(spec(text), data)

    def profit(a):
        return 9 * min(a, 9) ** 0.6 * 3**0.3 + 4 * math.log(1 + a) - 1.5 * a

    gap = 9 * 0.6 * 2**-0.4 * 3**0.3 + 4 / 3 - 1.5
    row = row_of(diagnosis, "a", "f")
    assert row.gap == pytest.approx(gap)
    assert row.gain == pytest.approx(best_by_scipy(profit, 0, 12, 2), rel=1e-6)
    assert row_of(diagnosis, "a", "g").gain == pytest.approx(10 * (1.5 - 0.9))


def test_what_a_buyer_and_a_seller_would_gain():
    loaded = spec(
        "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 1 + q}}\ndemand: {y: {price: 10 - q}}"
    )
    data = {"prices": {"x": 3, "y": 8}, "uses": {"f": {"x": 4}}, "demand": {"y": 4}, "supply": {"x": 4}}
    diagnosis = chainprice.diagnose(loaded, data)
    buyer, seller = row_of(diagnosis, "y", "demand"), row_of(diagnosis, "x", "supply")
    assert (buyer.kind, buyer.marginal_value, buyer.gap, buyer.move) == ("demand", 6, -2, "less")
    assert buyer.gain == pytest.approx(best_by_scipy(lambda q: 10 * q - q * q / 2 - 8 * q, 0, 4, 4))
    assert (seller.kind, seller.marginal_value, seller.gap, seller.move) == ("supply", 5, -2, "less")
    assert seller.gain == pytest.approx(best_by_scipy(lambda q: 3 * q - q - q * q / 2, 0, 4, 4))


def test_rows_come_by_the_money_on_the_table():
    data = json.loads(
        run("diagnose", str(CARS), "--observed", str(OBSERVED / "cars.json"), "-f", "json").stdout
    )
    gains = [row["gain"] for row in data["gaps"]]
    known = [gain for gain in gains if gain is not None]
    assert known == sorted(known, reverse=True)
    assert known[0] > 0
    assert gains[len(known) :] == [None] * (len(gains) - len(known))
    assert None in gains


def test_where_nothing_is_used_the_first_unit_counts():
    loaded, data = market()
    data["uses"] = {"mill": {"grain": 0}, "brewery": {"grain": 10}}
    row = row_of(chainprice.diagnose(loaded, data), "grain", "mill")
    assert row.move == "more"
    assert row.gap > 1000
    price = data["prices"]["grain"]
    assert row.gain == pytest.approx(best_by_scipy(lambda z: 3 * z**0.5 - price * z, 0, 10, 0), rel=1e-6)


# Goods whose uses have prices of their own.

DESIGN = """
goods: {design: {rival: false}}
firms:
  studio: {production: {design: hours^0.5}}
  a: {production: {y: 2*design^0.5}}
  b: {production: {w: 3*design^0.5}}
supply: {hours: {quantity: 16}}
demand: {y: {price: 1}, w: {price: 1}}
"""


def test_the_price_of_a_non_rival_good_is_the_sum():
    loaded, data = market(DESIGN)
    assert data["prices"]["design"] == pytest.approx(1.25)
    diagnosis = chainprice.diagnose(loaded, data)
    assert diagnosis.within_tolerance
    assert row_of(diagnosis, "design").marginal_value == pytest.approx(1.25)
    assert row_of(diagnosis, "design").excess_demand == 0
    assert (row_of(diagnosis, "design", "a").price, row_of(diagnosis, "design", "a").gap) == (None, None)
    data["prices"] |= {"y": 1.2, "hours": 0.1}
    wrong = chainprice.diagnose(loaded, data)
    assert row_of(wrong, "design").verdict == "underpriced"
    assert row_of(wrong, "design").marginal_value == pytest.approx(1.35)


def test_what_a_use_of_a_non_rival_good_paid_is_compared_where_it_was_seen():
    loaded, _ = market(DESIGN)
    table = "good,firm,price,quantity\ny,,1,\nw,,1,\nhours,,0.15625,\ndesign,,1.25,\ndesign,a,0.4,4\ndesign,b,0.75,4\n"
    diagnosis = chainprice.diagnose(loaded, table)
    assert row_of(diagnosis, "design", "a").gap == pytest.approx(0.1)
    assert row_of(diagnosis, "design", "a").move == "more"
    assert row_of(diagnosis, "design", "b").gap == 0
    assert not diagnosis.within_tolerance


def test_a_stated_split_is_judged_by_its_mean():
    text = """
goods: {x: {split: {f: 0.25, demand: 0.75}}}
firms: {f: {production: {y: 8*x}}}
supply: {x: {quantity: 4}}
demand: {x: {price: 4}, y: {price: 1}}
"""
    loaded, data = market(text)
    diagnosis = chainprice.diagnose(loaded, data)
    assert data["prices"]["x"] == 5
    assert diagnosis.within_tolerance
    assert row_of(diagnosis, "x").spread == 4
    data["uses"]["f"]["x"] = 2
    assert row_of(chainprice.diagnose(loaded, data), "x").verdict == "short"


def test_a_market_may_leave_over_a_share_that_its_user_has_no_need_of():
    text = """
allocation: competitive
goods: {x: {split: {f: 0.5, g: 0.5}}}
firms: {f: {production: {y: 'min(x, 1)'}}, g: {production: {w: x}}}
supply: {x: {quantity: 4}}
demand: {y: {price: 2}, w: {price: 3}}
"""
    loaded, data = market(text)
    data["uses"]["f"]["x"] = 1
    assert chainprice.diagnose(loaded, data).within_tolerance
    assert chainprice.diagnose(loaded, chainprice.solve(loaded)).within_tolerance
    data["uses"]["g"]["x"] = 1
    assert row_of(chainprice.diagnose(loaded, data), "x").verdict == "in surplus"


# What was not seen.


def inferred(diagnosis):
    return {(row.what, row.good, row.firm): row.value for row in diagnosis.inferred}


def missing(diagnosis):
    return {(row.what, row.good, row.firm) for row in diagnosis.missing}


def test_everything_follows_in_a_given_chain():
    loaded = chainprice.load(ROOT / "specs/tupperware.yaml")
    diagnosis = chainprice.diagnose(
        loaded, {"prices": {"natgas": 1 / 24, "ethylene": 1 / 6, "polyethylene": 1.5}}
    )
    assert diagnosis.within_tolerance
    assert diagnosis.missing == ()
    found = inferred(diagnosis)
    assert found["bought", "natgas", None] == 4
    assert found["used", "natgas", "cracker"] == 4
    assert found["made", "ethylene", "cracker"] == 2
    assert found["used", "ethylene", "polymeriser"] == 2
    assert found["sold", "tupperware", None] == pytest.approx(math.log(2 / 3))
    assert found["price", "tupperware", None] == 1
    assert all(row.reason for row in diagnosis.inferred)


def test_a_quantity_that_was_seen_comes_before_one_that_follows():
    loaded = chainprice.load(ROOT / "specs/tupperware.yaml")
    data = {
        "prices": {"natgas": 1 / 24, "ethylene": 1 / 6, "polyethylene": 1.5},
        "uses": {"polymeriser": {"ethylene": 1}},
    }
    diagnosis = chainprice.diagnose(loaded, data)
    assert row_of(diagnosis, "ethylene").verdict == "in surplus"
    assert row_of(diagnosis, "ethylene").excess_demand == -1
    assert row_of(diagnosis, "ethylene", "polymeriser").marginal_value == pytest.approx(1.5 / 4)


def test_a_missing_price_is_named_and_nothing_is_guessed():
    loaded, data = market()
    del data["prices"]["beer"]
    diagnosis = chainprice.diagnose(loaded, data)
    assert missing(diagnosis) == {("price", "beer", None)}
    row = row_of(diagnosis, "grain", "brewery")
    assert (row.marginal_value, row.gap, row.move, row.gain) == (None, None, None, None)
    assert row_of(diagnosis, "grain").spread is None
    assert row_of(diagnosis, "beer").verdict == "not known"
    assert row_of(diagnosis, "grain", "mill").gap == 0
    assert diagnosis.within_tolerance
    del data["prices"]["flour"]
    assert inferred(chainprice.diagnose(loaded, data))["price", "flour", None] == 3
    del data["prices"]["grain"]
    assert row_of(chainprice.diagnose(loaded, data), "grain").verdict == "not known"


def test_a_missing_use_is_named_and_nothing_is_guessed():
    loaded, data = market()
    del data["uses"]["brewery"], data["demand"]
    diagnosis = chainprice.diagnose(loaded, data)
    assert missing(diagnosis) == {("used", "grain", "brewery"), ("sold", "beer", None)}
    assert row_of(diagnosis, "grain").excess_demand is None
    assert row_of(diagnosis, "beer").available is None
    assert (diagnosis.total_value, diagnosis.to_gain) == (None, None)
    assert row_of(diagnosis, "grain", "mill").gap == 0
    assert inferred(diagnosis)["sold", "flour", None] == data["uses"]["mill"]["grain"] ** 0.5


def test_purchases_follow_from_uses_up_to_their_limit():
    loaded = spec(
        "allocation: competitive\nfirms: {f: {production: {y: x}}}\nsupply: {x: {price: 2, quantity: 5}}\ndemand: {y: {price: 3}}"
    )
    data = {"prices": {"x": 3, "y": 3}, "uses": {"f": {"x": 4}}}
    assert inferred(chainprice.diagnose(loaded, data))["bought", "x", None] == 4
    data["uses"]["f"]["x"] = 6
    diagnosis = chainprice.diagnose(loaded, data)
    assert inferred(diagnosis)["bought", "x", None] == 5
    assert (row_of(diagnosis, "x").verdict, row_of(diagnosis, "x").excess_demand) == ("short", 1)


def test_a_loop_is_followed_from_what_was_seen():
    path = ROOT / "specs/aluminium.yaml"
    loaded, data = market(path.read_text())
    del data["demand"], data["uses"]["collector"]["used_cans"], data["uses"]["can_maker"]
    diagnosis = chainprice.diagnose(loaded, data)
    assert missing(diagnosis) >= {("used", "metal", "can_maker"), ("used", "used_cans", "collector")}
    loaded, data = market(path.read_text())
    del data["demand"], data["uses"]["collector"]["used_cans"], data["uses"]["remelter"]["scrap"]
    diagnosis = chainprice.diagnose(loaded, data)
    assert diagnosis.missing == ()
    assert diagnosis.within_tolerance


# No equilibrium, no value.


def test_without_an_equilibrium_gaps_are_told_all_the_same():
    loaded = chainprice.load(OBSERVED / "unbounded.yaml")
    diagnosis = chainprice.diagnose(loaded, OBSERVED / "unbounded.json")
    (note,) = diagnosis.warnings
    assert note.code == "no-equilibrium"
    assert "increasing returns" in note.message
    assert (diagnosis.equilibrium_value, diagnosis.to_gain, diagnosis.total_value) == (None, None, -2)
    assert {row.equilibrium_price for row in diagnosis.goods} == {None}
    assert row_of(diagnosis, "x", "maker").gap == 1
    assert row_of(diagnosis, "x").verdict == "underpriced"
    with pytest.raises(NumeraireError, match="nothing says what a price in 'x' is in money"):
        chainprice.diagnose(loaded, {"prices": {"x": 1, "y": 2}, "numeraire": "x"})


def test_an_undefined_function_is_named_with_the_others():
    text = """
firms:
  f: {production: {y: 'ln(x - 2)'}}
  g: {production: {w: 'sqrt(z - 1)'}}
supply: {x: {price: 1}, z: {price: 1}}
demand: {y: {price: 9}, w: {price: 9}}
"""
    data = {"prices": {"x": 1}, "uses": {"f": {"x": 1}, "g": {"z": 0.5}}}
    with pytest.raises(UndefinedError, match=r"'ln\(x - 2\)' has no finite real value at x = 1") as caught:
        chainprice.diagnose(spec(text), data)
    assert len(caught.value.problems) == 2
    assert "firm 'g'" in str(caught.value)
    with pytest.raises(UndefinedError, match="no finite slope in 'z'"):
        chainprice.diagnose(spec(text), data | {"uses": {"g": {"z": 1}}, "prices": {"w": 9}})


# Forms of what was seen.

AS_JSON = '{"prices": {"grain": 1.5, "flour": 3, "beer": 5}, "uses": {"mill": {"grain": 2}, "brewery": {"grain": 7}}, "demand": {"beer": 5}}'
AS_YAML = "prices: {grain: 1.5, flour: 3, beer: 5}\nuses:\n  mill: {grain: 2}\n  brewery: {grain: 7}\ndemand: {beer: 5}\n"
AS_CSV = "good,price,firm,quantity\ngrain,1.5,mill,2\ngrain,,brewery,7\nflour,3,,\nbeer,5,demand,5\n"
AS_SIMULATED = json.dumps({"format": "chainprice.simulate/1", "steps": [1], **json.loads(AS_JSON)})


@pytest.mark.parametrize("text", [AS_YAML, AS_CSV, AS_SIMULATED, AS_CSV.replace("\n", "\r\n")])
def test_every_form_says_the_same(text):
    loaded = spec(FARM)
    assert chainprice.diagnose(loaded, text).goods == chainprice.diagnose(loaded, AS_JSON).goods
    assert chainprice.diagnose(loaded, text).gaps == chainprice.diagnose(loaded, json.loads(AS_JSON)).gaps


def test_sales_and_purchases_may_stand_among_the_uses():
    loaded = spec("firms: {f: {production: {y: x}}}\nsupply: {x: {price: 2}}\ndemand: {y: {price: 3 - q}}")
    uses = {"f": {"x": 1}, "demand": {"y": 0.9}, "supply": {"x": 1.1}}
    diagnosis = chainprice.diagnose(
        loaded, {"format": "chainprice.simulate/1", "prices": {"x": 2}, "uses": uses}
    )
    assert row_of(diagnosis, "y", "demand").quantity == 0.9
    assert row_of(diagnosis, "x", "supply").quantity == 1.1
    with pytest.raises(ObservationError, match=r"uses\.demand\.x: the spec has no demand of 'x'"):
        chainprice.diagnose(loaded, {"uses": {"demand": {"x": 1}}})


@pytest.mark.parametrize("name", ["seen.yaml", "seen.json", "seen.csv", "-"])
def test_every_form_is_read_from_a_file_or_standard_input(name, tmp_path):
    (tmp_path / "farm.yaml").write_text(FARM)
    text = {".yaml": AS_YAML, ".json": AS_JSON, ".csv": AS_CSV}.get(name[4:], AS_CSV)
    if name != "-":
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    done = run("diagnose", "farm.yaml", "--observed", name, "-f", "json", stdin=text, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    data = json.loads(done.stdout)
    assert data["observed"] == ("<stdin>" if name == "-" else name)
    assert data["goods"] == chainprice.diagnose(spec(FARM), AS_JSON).to_dict()["goods"]


def test_the_csv_of_solve_tells_prices_and_no_uses():
    table = run("solve", str(CARS), "-f", "csv").stdout
    loaded = chainprice.load(CARS)
    diagnosis = chainprice.diagnose(loaded, table)
    assert diagnosis.within_tolerance
    assert {row.price == row.equilibrium_price for row in diagnosis.goods} == {True}
    assert ("used", "steel", "carmaker") in missing(diagnosis)


def test_purchases_and_a_firm_named_like_the_demand():
    text = "firms: {demand: {production: {y: x}}}\nsupply: {x: {price: 2}}\ndemand: {y: {price: 3 - q}}"
    loaded = spec(text)
    table = "good,firm,price,quantity\nx,supply,2,1\nx,demand,2,0.75\ny,,2,\n"
    diagnosis = chainprice.diagnose(loaded, table)
    assert row_of(diagnosis, "x", "demand").quantity == 0.75
    assert row_of(diagnosis, "x", "supply").quantity == 1
    assert row_of(diagnosis, "x").excess_demand == -0.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"prices": {"grian": 1}}', "unknown good 'grian'"),
        ('{"prices": {"grain": "much"}}', "the price of 'grain' is not a number: 'much'"),
        ('{"prices": {"grain": NaN}}', "is not a number: 'NaN'"),
        ('{"prices": {"grain": true}}', "is not a number"),
        ('{"prices": {"grain": 1e9999}}', "is not a number"),
        ('{"prices": {"grain": 1, "grain": 2}}', "key 'grain' is given twice"),
        ('{"prices": [1]}', "'prices' must be an object"),
        ('{"price": {"grain": 1}}', "unknown key 'price'"),
        ('{"uses": {"mil": {"grain": 1}}}', "unknown firm 'mil'"),
        ('{"uses": {"mill": {"beer": 1}}}', "firm 'mill' does not use 'beer'"),
        ('{"uses": {"mill": {"grain": -1}}}', "the quantity of 'grain' is negative: -1"),
        ('{"uses": {"mill": 3}}', "'mill' must be an object"),
        ('{"demand": {"grain": 1}}', "the spec has no demand of 'grain'"),
        ('{"supply": {"beer": 1}}', "the spec has no supply of 'beer'"),
        ('{"numeraire": "gold", "prices": {"grain": 1}}', "unknown good 'gold'"),
        ("{}", "nothing is observed here"),
        ('["grain"]\n', "this is no observed market"),
        ("prices: {grain: 1\n", "not YAML"),
        ('{"format": "chainprice.verify/1"}', "a result of the format 'chainprice.verify/1' is no observed market"),
        ('{"format": "chainprice.solve/1", "goods": [{"good": "gold", "price": 1}]}', "unknown good 'gold'"),
        ('{"format": "chainprice.solve/1", "goods": [{"good": "grain"}]}', "'grain' has no price"),
        ("good,price\ngrian,1\n", "unknown good 'grian'"),
        ("good,price\ngrain,1\ngrain,1\n", "the price of 'grain' is given twice"),
        ("good,firm,price,quantity\ngrain,mill,1,1\ngrain,brewery,2,1\n", "the price of 'grain' is given twice"),
        ("good,firm,quantity\ngrain,mill,1\ngrain,mill,1\n", "the quantity of 'grain' is given twice"),
        ("good,price\ngrain,1_000\n", "is not a number: '1_000'"),
        ("good,price\ngrain\n", "a row must have 2 cells"),
        ("good,price\ngrain,'\n", "is not a number"),
        ("good,firm,quantity\nbeer,supply,1\n", "the spec has no supply of 'beer'"),
        ("good,unit\ngrain,t\n", "names no columns of an observed market"),
        ("good,price,price\ngrain,1,2\n", "the column 'price' is there twice"),
    ],
)  # fmt: skip
def test_what_is_no_observation_is_refused(text, said):
    with pytest.raises(ObservationError) as caught:
        chainprice.diagnose(spec(FARM), f"{text}\n")
    assert said in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once_with_its_place(tmp_path):
    (tmp_path / "farm.yaml").write_text(FARM)
    (tmp_path / "seen.yaml").write_text("prices:\n  grian: 1\n  beer: five\nuses:\n  mill: {grain: -2}\n")
    done = run("diagnose", "farm.yaml", "--observed", "seen.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "seen.yaml:2:3: error: unknown good 'grian'" in done.stderr
    assert "did you mean 'grain'?" in done.stderr
    assert "seen.yaml:3:9: error: the price of 'beer' is not a number: 'five'" in done.stderr
    assert "seen.yaml:5:17: error: the quantity of 'grain' is negative: -2" in done.stderr
    (tmp_path / "seen.csv").write_text("good,price\ngrain,1\nbear,2\nflour,x\n")
    done = run("diagnose", "farm.yaml", "--observed", "seen.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "seen.csv:3:1: error: unknown good 'bear'\n    3 | bear,2\n      | ^^^^ did you mean 'beer'?"
        in done.stderr
    )
    assert (
        "seen.csv:4:7: error: the price of 'flour' is not a number: 'x'\n    4 | flour,x\n      |       ^"
        in done.stderr
    )
    with pytest.raises(ObservationError, match=r"uses\.mill\.grain: the quantity of 'grain' is negative"):
        chainprice.diagnose(spec(FARM), {"uses": {"mill": {"grain": -1}}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "\n\ngood,price,price\n",
            "3:12: error: the column 'price' is there twice\n    3 | good,price,price\n",
        ),
        (
            "\r\ngood , price\r\nsteel , x\r\n",
            "3:9: error: the price of 'steel' is not a number: 'x'\n    3 | steel , x\n      |         ^",
        ),
        (
            'good,price\nsteel,"1\n2"\nlabour,1,3\n',
            "4:1: error: a row must have 2 cells\n    4 | labour,1,3\n      | ^^^^^^^^^^",
        ),
        ('good,price\nsteel,"1', '2:1: error: not CSV: unexpected end of data\n    2 | steel,"1\n'),
        ("good,price,firm,quantity\nsteel,1,nobody,2\n", "2:9: error: unknown firm 'nobody'\n"),
        (
            "good,price,firm,quantity\nsteel,1,carmaker,-2\n",
            "2:18: error: the quantity of 'steel' is negative: -2\n",
        ),
        ("good,price,firm,quantity\ncars,,carmaker,2\n", "2:7: error: firm 'carmaker' does not use 'cars'\n"),
        ("\n\n", " error: the first line names no columns of an observed market\n  the columns are"),
    ],
)
def test_a_fault_of_a_csv_is_shown_where_it_is(text, said, tmp_path):
    seen = tmp_path / "seen.csv"
    seen.write_bytes(text.encode())
    done = run("diagnose", str(CARS), "--observed", str(seen))
    assert done.returncode == 2
    assert f"seen.csv:{said}" in done.stderr


def test_of_very_many_problems_the_first_are_said():
    data = {"prices": {f"good{i}": 1 for i in range(300)}}
    with pytest.raises(ObservationError) as caught:
        chainprice.diagnose(spec(FARM), data)
    assert len(caught.value.problems) == 101
    assert str(caught.value).endswith("and 200 more problems")


@pytest.mark.parametrize("tolerance", [-1, math.inf, math.nan])
def test_a_tolerance_is_a_number_from_0_up(tolerance):
    with pytest.raises(UsageError, match="tolerance"):
        chainprice.diagnose(spec(FARM), AS_JSON, tolerance=tolerance)


# The command.


def test_exit_codes(tmp_path):
    (tmp_path / "farm.yaml").write_text(FARM)
    solved = run("solve", "farm.yaml", "-f", "json", cwd=tmp_path).stdout
    (tmp_path / "solved.json").write_text(solved)
    wrong = json.loads(solved)
    wrong["goods"][0]["price"] *= 1.001
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))

    def code(*arguments, stdin=""):
        done = run("diagnose", *arguments, cwd=tmp_path, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done.returncode

    assert code("farm.yaml", "--observed", "solved.json") == 0
    assert code("farm.yaml", "--observed", "wrong.json") == 1
    assert code("farm.yaml", "--observed", "wrong.json", "--tolerance", "0.01") == 0
    assert code("farm.yaml", "--observed", "solved.json", "--set", "supply.grain.quantity=11") == 1
    assert code("-", "--observed", "solved.json", stdin=FARM) == 0
    assert code("farm.yaml", "--observed", "nowhere.json") == 2
    assert code("farm.yaml") == 2
    assert code("-", "--observed", "-", stdin=FARM) == 2
    assert code("farm.yaml", "--observed", "solved.json", "-o", "solved.json") == 2
    assert code("farm.yaml", "--observed", "solved.json", "--tolerance", "-1") == 2
    log = "firms: {f: {production: {y: ln(x)}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 9}}\n"
    (tmp_path / "log.yaml").write_text(log)
    assert code("log.yaml", "--observed", "-", stdin='{"uses": {"f": {"x": 0}}}') == 3


def test_the_table_is_read_in_80_columns_and_what_is_missing_goes_to_standard_error():
    done = run("diagnose", str(CARS), "--observed", str(OBSERVED / "cars.json"))
    assert done.returncode == 1
    assert "steel: in surplus: there is 123.335 and its uses have 122: 1.33508 is left" in done.stdout
    assert "price of coal = 230: it is bought at a fixed price" in done.stdout
    assert "warning: not observed, and it does not follow: sales of bridges" in done.stderr
    assert "[not-feasible]" in done.stderr
    short = run("diagnose", str(MERIT), "--observed", str(OBSERVED / "merit-order.csv")).stdout
    assert max(map(len, short.splitlines())) <= 80
    tables = done.stdout.split("\n\n")[1:3]
    assert all(len(line) <= 80 for table in tables for line in table.splitlines())
    quiet = run("diagnose", str(CARS), "--observed", str(OBSERVED / "cars.json"), "-f", "json")
    assert quiet.stderr == ""


def test_a_long_table_shows_what_is_wrong():
    firms = "".join(f"  f{i}: {{production: {{y: 'x{i}^0.5'}}}}\n" for i in range(60))
    supply = "".join(f"  x{i}: {{quantity: 4}}\n" for i in range(60))
    text = f"firms:\n{firms}supply:\n{supply}demand:\n  y: {{price: 4}}\n"
    prices = {f"x{i}": 1 for i in range(60)} | {"y": 4, "x7": 2}
    from chainprice.report.diagnoses import diagnosis_text

    lines = diagnosis_text(chainprice.diagnose(spec(text), {"prices": prices}), None).splitlines()
    assert len([line for line in lines if line.startswith("f7 ")]) == 1
    assert not any(line.startswith("f8 ") for line in lines)


def test_csv_has_a_row_for_each_use_and_each_good():
    text = run("diagnose", str(CARS), "--observed", str(OBSERVED / "cars.json"), "-f", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    diagnosis = chainprice.diagnose(chainprice.load(CARS), OBSERVED / "cars.json")
    assert len(rows) == len(diagnosis.gaps) + len(diagnosis.goods)
    assert [row["good"] for row in rows if row["kind"] == "good"] == [row.good for row in diagnosis.goods]
    first, best = rows[0], diagnosis.gaps[0]
    assert (first["firm"], first["good"], first["kind"]) == (best.firm, best.good, "firm")
    assert float(first["gain"]) == best.gain
    assert (first["verdict"], first["move"]) == ("in surplus", "less")


@pytest.mark.parametrize(
    ("path", "observed"),
    [(CARS, "cars.json"), (MERIT, "merit-order.csv"), (MERIT, "merit-order.bend.json"), (OBSERVED / "unbounded.yaml", "unbounded.json")],
)  # fmt: skip
def test_json_is_what_the_schema_says(path, observed):
    data = chainprice.diagnose(chainprice.load(path), OBSERVED / observed).to_dict()
    jsonschema.validate(data, chainprice.schema("diagnose"))
    assert data["format"] == "chainprice.diagnose/1"
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    done = run("diagnose", str(path), "--observed", str(OBSERVED / observed), "-f", "json")
    assert json.loads(done.stdout)["goods"] == data["goods"]


def test_the_readme_shows_the_file_that_it_diagnoses():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```csv\n{(OBSERVED / 'merit-order.csv').read_text()}```" in text


def test_what_was_observed_is_left_as_it_was():
    data = json.loads(AS_JSON)
    before = copy.deepcopy(data)
    chainprice.diagnose(spec(FARM), data)
    assert data == before


@pytest.mark.parametrize("maker", ["quadratic", "exponential"])
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_where_a_simulation_arrives_there_is_no_gap(path, maker):
    """Also where something is free: there a price of 1e-12 is as good as 0."""
    market = chainprice.load(path)
    diagnosis = chainprice.diagnose(
        market, chainprice.simulate(market, maker=maker).to_dict(), tolerance=1e-4
    )
    assert diagnosis.within_tolerance, [row for row in diagnosis.goods if row.verdict != "in equilibrium"]


def test_a_good_that_is_free_in_equilibrium_is_overpriced_or_left_over_where_it_costs_something():
    text = "allocation: competitive\nfirms: {f: {production: {y: 'min(x, 2)'}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 3}}"
    for price, verdict in (("1e-12", "in equilibrium"), ("0.1", "in surplus")):
        seen = {"prices": {"x": price, "y": 3}, "uses": {"f": {"x": 2}}, "demand": {"y": 2}}
        assert row_of(chainprice.diagnose(spec(text), seen), "x").verdict == verdict


def test_a_market_that_does_better_than_what_the_spec_gives_is_not_told_to_gain_less_than_nothing(tmp_path):
    text = "firms: {f: {production: {y: x - x^2}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 3}}"
    observed = tmp_path / "observed.json"
    observed.write_text(json.dumps(chainprice.solve(spec(f"allocation: competitive\n{text}")).to_dict()))
    done = run("diagnose", "-", "--observed", observed, stdin=text)
    assert "total value 0.75; at the prices of solve it is 36.75 less" in done.stdout


def test_a_chain_of_thousands_and_tiny_quantities_are_diagnosed():
    firms = {f"f{i}": {"production": {f"g{i + 1}": f"1.1*g{i}^0.9"}} for i in range(2_000)}
    long = spec(
        json.dumps({"firms": firms, "supply": {"g0": {"quantity": 4}}, "demand": {"g2000": {"price": 1}}})
    )
    solution = chainprice.solve(long)
    assert chainprice.diagnose(long, solution).within_tolerance
    wrong = seen(solution)
    wrong["prices"]["g500"] *= 2
    diagnosis = chainprice.diagnose(long, wrong)
    assert {row.good for row in diagnosis.goods if row.verdict == "overpriced"} == {"g500"}
    tiny = spec(
        "firms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {quantity: 1e-360}}\ndemand: {y: {price: 3}}"
    )
    assert chainprice.diagnose(tiny, chainprice.solve(tiny)).within_tolerance


NUMERAIRE = """
numeraire: x
firms: {a: {production: {x: sqrt(l)}}, b: {production: {y: sqrt(m)}}}
supply: {l: {quantity: 4}, m: {price: 1}}
demand: {x: {price: 10-q}, y: {price: 20}}
"""


def test_sentences_are_in_the_unit_of_the_table():
    observed = {"prices": {"x": 1, "l": 0.5}}
    row = row_of(chainprice.diagnose(spec(NUMERAIRE), observed), "l")
    assert (row.price, row.equilibrium_price) == pytest.approx((0.5, 0.25))
    assert row.reason == "its price 0.5 is above 0.25 in equilibrium"


def test_what_simulate_prints_is_in_money_in_every_form(tmp_path):
    """And so may an observer say; who says nothing uses the spec's numeraire."""
    market, paths = spec(NUMERAIRE), {}
    for form in ("csv", "json"):
        paths[form] = tmp_path / f"path.{form}"
        done = run("simulate", "-", "--steps", "15", "-f", form, "-o", paths[form], stdin=NUMERAIRE)
        assert done.returncode == 0
    prices = chainprice.simulate(market, steps=15).prices
    observations = [*paths.values(), {"numeraire": None, "prices": prices}]
    for observed in observations:
        row = row_of(chainprice.diagnose(market, observed), "l")
        assert (row.price, row.equilibrium_price) == pytest.approx((prices["l"], 2)), observed
    begun = [chainprice.simulate(market, start=observed, steps=1, every=1) for observed in observations]
    assert [simulation.goods[0].prices[0] for simulation in begun] == pytest.approx([prices["l"]] * 3)
    implied = chainprice.diagnose(market, {"prices": {"l": 0.25}})
    assert row_of(implied, "l").verdict == "in equilibrium"


@pytest.mark.parametrize(
    "text",
    [
        "firms: {a: {production: {x: 2*l}}}\nsupply: {l: {quantity: 10}}\ndemand: {x: {price: 12-q}}",
        "firms: {a: {production: {x: 10*l - l^2}}}\nsupply: {l: {quantity: 7}}\ndemand: {x: {price: 3}}",
    ],
)
def test_a_simulation_that_arrives_where_all_is_free_has_no_gap(text):
    market = spec(f"allocation: competitive\n{text}")
    assert chainprice.diagnose(market, chainprice.simulate(market).to_dict(), tolerance=1e-4).within_tolerance


def test_a_quantity_of_nobody_is_an_error():
    with pytest.raises(ObservationError, match="whose quantity of 'beer' is this"):
        chainprice.diagnose(spec(FARM), "good,price,firm,quantity\nbeer,5,,3\n")


def test_who_observes_no_price_needs_no_numeraire():
    text = (
        "numeraire: w\nfirms: {f: {production: {y: 2*a^0.5}}}\nsupply: {a: {price: 1}, w: {quantity: 2}}\n"
        "demand: {y: {price: 3 - q}, w: {price: 1, quantity: 1}}\n"
    )
    diagnosis = chainprice.diagnose(spec(text), {"uses": {"f": {"a": 1}}})
    assert diagnosis.numeraire is None
    assert diagnosis.total_value == pytest.approx(4)
