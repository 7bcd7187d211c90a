"""Out of equilibrium: where paths end, what agents see, what is written down of it."""

import csv
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
from support import ROOT, SPECS, run

import chainprice
from chainprice import network, technology
from chainprice.dynamics import Shock, simulate
from chainprice.dynamics.agents import Agents
from chainprice.dynamics.verdict import Course, ending
from chainprice.dynamics.world import world
from chainprice.equilibrium.programme import build
from chainprice.errors import UsageError
from chainprice.report.plots import picture, simulation_svg

INCREASING = ROOT / "tests/specs/contract/increasing-returns.yaml"


def load(name, *settings):
    return chainprice.load(ROOT / "specs" / f"{name}.yaml", settings)


def farthest(simulation, solution):
    """How far the farthest price is from that of `solve`, or from its interval."""
    errors = []
    for row in solution.goods:
        low, high = row.price_range or (row.price, row.price)
        price = simulation.prices[row.good]
        off = max(float(low) - price, price - (math.inf if high is None else float(high)), 0.0)
        errors.append(off / abs(float(row.price)) if row.price else off)
    return max(errors)


CONCAVE = [(path.stem, maker) for path in SPECS for maker in ("quadratic", "exponential")]


@pytest.mark.parametrize(("name", "maker"), CONCAVE)
def test_from_cold_every_concave_spec_comes_to_the_prices_of_solve(name, maker):
    simulation = simulate(load(name), maker=maker)
    assert simulation.outcome == "converged"
    assert farthest(simulation, chainprice.solve(load(name))) < 1e-6
    assert simulation.distance <= 1e-7


def test_it_arrives_at_quantities_too():
    simulation, solution = simulate(load("cars_and_bridges")), chainprice.solve(load("cars_and_bridges"))
    for row in solution.goods:
        for use in row.uses:
            assert simulation.uses[use.user][row.good] == pytest.approx(use.quantity, rel=1e-4)


MARKET = """
goods: {design: {rival: false}, fuel: {split: {mill: 0.3, kiln: 0.7}}}
parameters: {k: 3}
firms:
  mill: {parameters: {a: 0.4}, production: {flour: k*wheat^a * fuel^0.2, bran: wheat/5}}
  kiln: {production: {brick: "min(2*clay, fuel)^0.7 * design^0.1"}}
  studio: {production: {design: sqrt(wheat)}}
supply: {wheat: {price: 1 + q/10, quantity: 8}, fuel: {quantity: 5}, clay: {quantity: 4}}
demand: {flour: {price: 10 - q}, bran: {price: 2}, brick: {price: 5/q^0.5}, design: {price: 1}}
"""


def lagrangian(x, multipliers, names):
    """W + sum of multipliers * slacks of MARKET, written down by hand."""
    v = dict(zip(names, x, strict=True))
    wheat, q = v["purchase wheat"], lambda good: v[f"sale {good}"]
    value = 10 * q("flour") - q("flour") ** 2 / 2 + 2 * q("bran") + 10 * q("brick") ** 0.5 + q("design")
    value -= wheat + wheat**2 / 20
    design = v["use wheat studio"] ** 0.5
    slacks = {
        ("wheat", None): wheat - v["use wheat mill"] - v["use wheat studio"],
        ("fuel", "mill"): 0.3 * 5 - v["use fuel mill"],
        ("fuel", "kiln"): 0.7 * 5 - v["use fuel kiln"],
        ("clay", None): 4 - v["use clay kiln"],
        ("flour", None): 3 * v["use wheat mill"] ** 0.4 * v["use fuel mill"] ** 0.2 - q("flour"),
        ("bran", None): v["use wheat mill"] / 5 - q("bran"),
        ("brick", None): v["bend brick kiln"] ** 0.7 * v["use design kiln"] ** 0.1 - q("brick"),
        ("design", "kiln"): design - v["use design kiln"],
        ("design", "demand"): design - q("design"),
        ("bend", 0): 2 * v["use clay kiln"] - v["bend brick kiln"],
        ("bend", 1): v["use fuel kiln"] - v["bend brick kiln"],
    }
    return value + sum(multipliers[key] * slack for key, slack in slacks.items()), slacks


def test_agents_see_the_slopes_of_the_lagrangian():
    spec = chainprice.load(MARKET)
    graph = network.build(spec)
    programme = build(spec, graph, technology.build(spec, graph))
    agents = Agents(programme)
    names = [f"{v.kind} {v.good} {v.user}".strip() for v in programme.variables]
    keys = [(b.good, b.use and b.use.user) for b in programme.balances]
    keys += [("bend", argument.position) for argument in programme.arguments]
    random = np.random.default_rng(5)
    x, held = random.uniform(0.5, 2, len(names)), random.uniform(0.5, 2, len(keys))
    sight = agents.look(x, held)
    multipliers = dict(zip(keys, held, strict=True))
    slacks = lagrangian(x, multipliers, names)[1]
    np.testing.assert_allclose(sight.slacks, [slacks[key] for key in keys], rtol=1e-12)
    for place in range(len(names)):
        step = np.zeros(len(names))
        step[place] = 1e-6
        ends = [lagrangian(x + way, multipliers, names)[0] for way in (step, -step)]
        assert sight.gains[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-8)
    seen = agents.goods_seen(x, held, sight)
    at = {good: place for place, good in enumerate(agents.goods)}
    assert seen.prices[at["design"]] == pytest.approx(
        multipliers["design", "kiln"] + multipliers["design", "demand"]
    )
    fuel = 0.3 * multipliers["fuel", "mill"] + 0.7 * multipliers["fuel", "kiln"]
    assert seen.prices[at["fuel"]] == pytest.approx(fuel)
    assert seen.excess[at["wheat"]] == pytest.approx(-slacks["wheat", None])
    v = dict(zip(names, x, strict=True))  # what is made of what is used, whatever the firm plans
    brick = min(2 * v["use clay kiln"], v["use fuel kiln"]) ** 0.7 * v["use design kiln"] ** 0.1
    assert seen.quantities[at["brick"]] == pytest.approx(brick)
    assert seen.excess[at["brick"]] == pytest.approx(v["sale brick"] - brick)


@pytest.mark.parametrize(("maker", "posted"), [("quadratic", lambda p: p), ("exponential", math.log)])
def test_a_market_maker_posts_what_her_inventory_says(maker, posted):
    """P = C'(Q): C' is linear in her net sales Q, or its logarithm is."""
    start = chainprice.solve(load("steel")).prices
    settings = {"maker": maker, "foresight": 0.0, "step_size": 0.01, "steps": 200, "every": 1}
    simulation = simulate(load("steel"), start={"prices": {**start, "coil": start["coil"] * 1.1}}, **settings)
    path = next(path for path in simulation.goods if path.good == "scrap")
    sold = np.cumsum([0, *path.excess_demands[:-1]])
    prices = np.array([posted(price) for price in path.prices])
    depth = (prices[-1] - prices[0]) / sold[-1]
    assert depth > 0
    np.testing.assert_allclose(prices - prices[0], depth * sold, rtol=1e-6, atol=1e-9)


def test_a_deeper_market_maker_moves_prices_less():
    first = {}
    for liquidity in (1, 10):
        simulation = simulate(load("tupperware"), liquidity=liquidity, step_size=0.01, steps=5, every=1)
        path = next(path for path in simulation.goods if path.good == "tupperware")
        first[liquidity] = path.prices[1] - path.prices[0]
    assert first[1] == pytest.approx(10 * first[10])


def test_after_a_shock_it_goes_to_the_prices_of_the_new_world():
    change = "supply.iron_ore.quantity=6000"
    simulation = simulate(load("steel"), shocks=[Shock(change, 300)], every=1)
    assert simulation.outcome == "converged"
    assert farthest(simulation, chainprice.solve(load("steel", change))) < 1e-6
    assert [era.step for era in simulation.eras] == [0, 300]
    ore = next(path for path in simulation.goods if path.good == "iron_ore")
    before, after = chainprice.solve(load("steel")).prices["iron_ore"], simulation.prices["iron_ore"]
    assert ore.prices[299] == pytest.approx(before, rel=1e-4)
    assert ore.prices[300] == pytest.approx(ore.prices[299], rel=1e-4)  # nobody knows yet
    assert ore.excess_demands[300] == pytest.approx(6480, rel=1e-3)
    assert after > 1.5 * before


def test_two_shocks_come_one_after_the_other_and_the_second_undoes_the_first():
    shocks = [Shock("supply.natgas.quantity=4", 120), Shock("supply.natgas.quantity=9", 60)]
    simulation = simulate(load("tupperware"), shocks=shocks)
    assert [era.change for era in simulation.eras[1:]] == [shock.setting for shock in reversed(shocks)]
    assert farthest(simulation, chainprice.solve(load("tupperware"))) < 1e-6


def test_a_shock_moves_nobody_at_once_even_where_limits_come_or_bends_go():
    text = (
        "firms: {f: {production: {y: 'min(a,b)+min(c,d)'}}}\nsupply: {a: {quantity: 5}, b: {price: 1},"
        " c: {price: 1 + q, quantity: 9}, d: {price: 1}}\ndemand: {y: {price: 20 - q}}"
    )
    spec = chainprice.load(text)
    start = chainprice.solve(spec).to_dict()
    for change in ("supply.a.price=0.5", "supply.c.quantity=8"):
        simulation = simulate(spec, start=start, shocks=[Shock(change, 5)], steps=8, every=1, tolerance=1e-15)
        for path in simulation.goods:
            if path.good not in ("a", "c"):
                assert path.quantities[5] == pytest.approx(path.quantities[4], rel=1e-3), change


def test_shocks_stand_on_the_settings_that_the_spec_was_read_with():
    spec = load("steel", "melt_shop.metal=0.7")
    simulation = simulate(spec, shocks=[Shock("supply.scrap.quantity=1000", 50)])
    wanted = load("steel", "melt_shop.metal=0.7", "supply.scrap.quantity=1000")
    assert farthest(simulation, chainprice.solve(wanted)) < 1e-6


def test_linear_markets_circle_without_foresight_and_their_averages_are_the_centre():
    simulation = simulate(load("input_output"), foresight=0.0, steps=40_000)
    assert simulation.outcome == "cycles"
    assert "averages" in simulation.reason
    assert "foresight is less than 1" in simulation.reason
    assert simulation.averages_distance < simulation.distance / 5


def test_a_step_that_is_too_long_is_named():
    simulation = simulate(load("steel"), step_size=5.0, steps=2_000)
    assert simulation.outcome != "converged"
    assert simulation.distance > 0.1
    assert f"longer than the safe {simulation.safe_step:.3g}" in simulation.reason


def test_without_an_equilibrium_it_says_so():
    simulation = simulate(
        chainprice.load(INCREASING), start={"prices": {"bridges": 2}, "uses": {"builder": {"steel": 5}}}
    )
    assert "increasing returns" in simulation.reason
    assert simulation.distance is None
    assert simulation.eras[0].prices is None
    assert simulation.reason.startswith(
        "nothing moves any more"
    )  # idle: the first unit of steel makes nothing
    assert simulation.uses["builder"]["steel"] == 0


@pytest.mark.parametrize("formula", ["steel^2", "3*steel"])
def test_a_market_without_a_limit_grows_without_end(formula):
    spec = chainprice.load(
        f"firms: {{builder: {{production: {{bridges: {formula}}}}}}}\n"
        "supply: {steel: {price: 1}}\ndemand: {bridges: {price: 2}}"
    )
    simulation = simulate(spec, start={"prices": {"bridges": 2}, "uses": {"builder": {"steel": 5}}})
    assert simulation.outcome == "diverged"
    assert "without end" in simulation.reason
    assert "no limit" in simulation.reason


@pytest.mark.parametrize("maker", ["quadratic", "exponential"])
def test_a_long_chain_arrives_though_its_first_prices_are_tiny(maker):
    firms = {f"f{i}": {"production": {f"g{i + 1}": f"1.1*g{i}^0.9"}} for i in range(200)}
    spec = {"firms": firms, "supply": {"g0": {"quantity": 4}}, "demand": {"g200": {"price": 1}}}
    simulation = simulate(chainprice.load(json.dumps(spec)), maker=maker)
    assert simulation.outcome == "converged"
    assert simulation.prices["g0"] == pytest.approx(0.9**200 * 1.1**10 / 4, rel=1e-3)


@pytest.mark.parametrize("name", ["steel", "tupperware", "two_stage_economy"])
@pytest.mark.parametrize("what", ["prices", "uses"])
def test_a_market_comes_back_from_far_away(name, what):
    spec = load(name)
    solution = chainprice.solve(spec)
    factors = {"prices": 1000 if what == "prices" else 1, "uses": 1000 if what == "uses" else 1}
    start = {
        "prices": {good: factors["prices"] * price for good, price in solution.prices.items()},
        "uses": {},
    }
    for row in solution.goods:
        for use in row.uses:
            if use.kind != "demand":
                start["uses"].setdefault(use.user, {})[row.good] = factors["uses"] * use.quantity
    simulation = simulate(spec, start=start)
    assert simulation.outcome == "converged"
    assert farthest(simulation, solution) < 1e-6


def test_a_function_without_a_value_ends_the_path_and_is_named():
    spec = chainprice.load(
        "firms: {f: {production: {y: sqrt(4 - x)}}}\nsupply: {x: {quantity: 3}}\ndemand: {y: {price: 1}}"
    )
    simulation = simulate(spec, start={"uses": {"f": {"x": 5}}}, steps=50)
    assert simulation.outcome == "diverged"
    assert "production of 'y' by firm 'f' has no value" in simulation.reason


def test_what_has_no_value_is_null_and_an_empty_cell():
    text = "firms: {f: {production: {y: ln(x-5)}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 1}}"
    document = json.loads(run("simulate", "-", "-f", "json", stdin=text).stdout)
    (y,) = (path for path in document["goods"] if path["good"] == "y")
    assert y["quantities"] == y["excess_demands"] == [None]
    for form in ("csv", "table", "svg"):
        done = run("simulate", "-", "-f", form, stdin=text)
        assert done.returncode == 0
        assert not re.search(r"\bnan\b", done.stdout.lower())


def test_noise_is_the_same_for_the_same_seed_and_averages_out():
    paths = [simulate(load("steel"), noise=0.05, seed=seed, steps=4_000) for seed in (1, 1, 2)]
    assert paths[0].to_dict() == paths[1].to_dict()
    assert paths[0].prices != paths[2].prices
    for path in paths:
        assert path.outcome == "fluctuates"
        assert path.averages_distance < path.distance / 3


@pytest.mark.parametrize("name", ["cars_and_bridges", "aluminium", "electricity", "refinery", "steel"])
def test_who_starts_in_equilibrium_stays_there(name):
    solution = chainprice.solve(load(name)).to_dict()
    simulation = simulate(load(name), start=solution, steps=200, tolerance=1e-13)
    assert simulation.outcome == "converged" or max(simulation.distances) < 1e-9


def test_a_start_in_a_numeraire_is_a_start_in_money():
    spec = chainprice.load(
        "numeraire: x\nfirms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 3}}"
    )
    simulation = simulate(spec, start=chainprice.solve(spec).to_dict(), tolerance=1e-12)
    assert simulation.steps == 0
    assert simulation.prices["y"] == pytest.approx(3)


def test_a_start_beyond_all_numbers_is_refused():
    with pytest.raises(UsageError, match="beyond 1e100"):
        simulate(load("steel"), start={"prices": {"coil": "1e999"}})


def test_a_negative_price_is_no_start():
    with pytest.raises(UsageError) as caught:
        simulate(load("steel"), start={"prices": {"coil": -1, "scrap": -2}})
    assert [problem.message for problem in caught.value.problems] == [
        "the price of 'coil' to start from is negative: -1",
        "the price of 'scrap' to start from is negative: -2",
    ]


def test_a_firm_that_all_but_closes_does_so_at_once():
    """Its curvature in equilibrium, at 1e-6 of a unit, is that of nothing that it does on the way."""
    spec = chainprice.load(
        "parameters: {A: 2}\nfirms: {a: {production: {x: 2*l^0.9}}, b: {production: {x: A*l^0.9}}}\n"
        "supply: {l: {quantity: 10}}\ndemand: {x: {price: 40-q}}"
    )
    simulation = simulate(spec, start=chainprice.solve(spec).to_dict(), shocks=[Shock("A=0.4", 10)])
    assert simulation.outcome == "converged"
    assert simulation.steps < 1_000
    assert simulation.uses["b"]["l"] < 1e-4


@pytest.mark.parametrize("maker", ["quadratic", "exponential"])
def test_a_market_with_firms_that_all_but_close_arrives_from_cold(maker):
    spec = chainprice.load(
        "firms: {a: {production: {x: 2*l^0.6*k^0.3}}, b: {production: {x: 0.3*l^0.3*k^0.6}}}\n"
        "supply: {l: {quantity: 10}, k: {quantity: 10}}\ndemand: {x: {price: 40-q}}"
    )
    simulation = simulate(spec, maker=maker)
    assert simulation.outcome == "converged"
    assert simulation.steps < 1_000
    assert farthest(simulation, chainprice.solve(spec)) < 1e-6


def test_each_use_of_a_non_rival_good_starts_with_its_part_of_the_price():
    spec = chainprice.load(
        "goods: {design: {rival: false}, fuel: {split: {f1: 0.2, f2: 0.6}}}\n"
        "firms: {f1: {production: {x: design^0.3*l^0.4*fuel^0.1}}, f2: {production: {y: design^0.5*fuel^0.2}}}\n"
        "supply: {design: {quantity: 10}, l: {quantity: 3}, fuel: {quantity: 2}}\n"
        "demand: {x: {price: 4}, y: {price: 1}}"
    )
    simulation = simulate(spec, start={"prices": {"design": 0.5, "fuel": 3}}, steps=1, every=1)
    begun = {path.good: path.prices[0] for path in simulation.goods}
    assert (begun["design"], begun["fuel"]) == pytest.approx((0.5, 3))


@pytest.mark.parametrize("steps", [1_800, 2_000, 2_200, 2_500])
def test_a_market_that_converges_slowly_does_not_circle(steps):
    assert simulate(load("input_output"), steps=steps).outcome == "unfinished"


def test_a_wrong_shock_is_named_as_a_shock():
    done = run("simulate", "specs/electricity.yaml", "--shock", "demand.power.quantity=x@600")
    assert done.returncode == 2
    assert "--shock demand.power.quantity=x@600" in done.stderr
    assert "--set" not in done.stderr


def test_without_an_equilibrium_prices_are_drawn_over_their_means():
    simulation = simulate(chainprice.load(INCREASING), steps=300)
    drawing = picture(simulation)
    assert {line.good for line in drawing.lines} == {"bridges", "steel"}
    assert np.mean(drawing.lines[0].ratios) == pytest.approx(1)
    assert "price / mean price on the way" in simulation_svg(simulation)


def test_a_path_in_csv_is_gone_on_with(tmp_path):
    path = tmp_path / "path.csv"
    done = run("simulate", "specs/steel.yaml", "--steps", "100", "-f", "csv", "-o", path)
    assert done.returncode == 0
    whole, begun = simulate(load("steel"), steps=100), simulate(load("steel"), start=path, steps=1, every=1)
    assert {good.good: good.prices[0] for good in begun.goods} == pytest.approx(dict(whole.prices), rel=1e-12)


def test_records_are_evenly_spaced_and_few():
    simulation = simulate(load("mill"), steps=2_500, tolerance=1e-15)
    steps = simulation.recorded_steps
    assert 500 <= len(steps) <= 1_001
    assert steps[0] == 0
    assert steps[-1] == simulation.steps
    for count in (1_999, 2_003):
        odd = simulate(load("mill"), steps=count, tolerance=1e-15)
        assert odd.recorded_steps[-1] == odd.steps == count
        assert odd.prices == simulate(load("mill"), steps=count, every=1, tolerance=1e-15).prices
    assert len({later - former for former, later in pairwise(steps[:-1])}) == 1
    chosen = simulate(load("mill"), steps=70, every=7)
    assert chosen.recorded_steps == (*range(0, 70, 7), 70)


FALLING = [10.0 ** (-place / 25) for place in range(100)]
SLOW = [1 - place / 1000 for place in range(100)]
WAVES = [1 + 0.1 * math.sin(place) for place in range(100)]
SHRINKING = [wave * 0.994**place for place, wave in enumerate(WAVES)]
RISING = [10.0 ** (place / 25) for place in range(100)]
STEADY = [1.0] * 100

ENDINGS = [
    (Course(FALLING, 1.0, 0.5, 0.1, 0.01, is_measured=True), "unfinished"),
    (Course(WAVES, 9.0, 0.1, 0.01, 0.01, is_measured=True), "cycles"),
    (Course(WAVES, 9.0, 0.1, 0.9, 0.01, is_measured=True), "unfinished"),  # the averages are no centre
    (Course([99 * wave for wave in WAVES], 900.0, 10.0, 40.0, 0.01, is_measured=True), "unfinished"),
    (Course(WAVES, 0.2, 0.1, 0.01, 0.01, is_measured=True), "unfinished"),  # this is straight on
    (Course(SLOW, 9.0, 0.01, 0.01, 0.01, is_measured=True), "unfinished"),  # this has no peaks
    (Course([1.0, 1.2, 1.0], 9.0, 0.1, 0.01, 0.01, is_measured=True), "unfinished"),
    (Course(RISING, 9.0, 9.0, 1.0, 0.01, is_measured=True), "diverged"),
    (Course(RISING, 9.0, 9.0, math.nan, 0.01, is_measured=False), "diverged"),
    (Course(STEADY, 9.0, 9.0, math.nan, 0.01, is_measured=False), "diverged"),  # straight on
    (Course(STEADY[:50], 9.0, 9.0, math.nan, 0.01, is_measured=False), "unfinished"),
    (Course(STEADY, 9.0, 5.0, math.nan, 0.01, is_measured=False), "unfinished"),
    (Course(WAVES, 9.0, 0.1, math.nan, 0.5, is_measured=False), "unfinished"),  # their averages rise
    (Course(SHRINKING, 9.0, 0.1, 0.01, 0.01, is_measured=True), "unfinished"),  # they settle, if slowly
    (Course(WAVES, 9.0, 0.1, math.nan, 0.01, is_measured=False), "cycles"),
    (Course(FALLING, 1.0, 0.5, math.nan, 0.01, is_measured=False), "unfinished"),
]


@pytest.mark.parametrize(("course", "outcome"), ENDINGS)
def test_how_a_path_ends(course, outcome):
    assert ending(course, 1_000, 1e-7).outcome == outcome


def test_what_is_left_to_go_is_estimated():
    """A decade takes 250 steps: from 1e-3.96 to 1e-7 it is 760 steps."""
    reason = ending(ENDINGS[0][0], 1_000, 1e-7).reason
    more = int(re.search(r"some ([\d,]+) steps", reason)[1].replace(",", ""))
    assert more == pytest.approx(760, rel=0.05)


@pytest.mark.parametrize(
    "name", ["cars_and_bridges", "two_stage_economy", "mill", "electricity", "aluminium"]
)
@pytest.mark.parametrize("steps", [100, 150, 200, 300, 500])
def test_who_will_arrive_is_never_said_to_go_round(name, steps):
    assert simulate(load(name), steps=steps).outcome in ("unfinished", "converged")


def test_what_grows_steadily_diverges():
    text = "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {quantity: 5}}"
    assert simulate(chainprice.load(text), steps=3_000).outcome == "diverged"


def test_a_price_that_falls_to_0_has_not_grown():
    text = "firms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 10}}"
    for change in ("demand.y.price=0", "supply.x.price=1/10"):
        simulation = simulate(chainprice.load(text), shocks=[Shock(change, 300)], steps=400)
        assert "grow without end" not in simulation.reason


def test_units_change_nothing():
    """A path in thousands is the same path."""
    text = "firms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 3 - q}}"
    scaled = "firms: {f: {production: {y: 'sqrt(x/1000)'}}}\nsupply: {x: {quantity: 4000}}\ndemand: {y: {price: 3 - q}}"
    one, other = (simulate(chainprice.load(spec)) for spec in (text, scaled))
    assert one.steps == other.steps
    for path, thousand in zip(one.goods, other.goods, strict=True):
        factor = 1000 if path.good == "x" else 1
        np.testing.assert_allclose(path.prices, np.array(thousand.prices) * factor, rtol=1e-6, atol=1e-9)


def test_many_firms_are_one_column_and_give_the_same(monkeypatch):
    firms = "\n".join(f"  f{i}: {{production: {{y: {1 + i / 10}*sqrt(x)}}}}" for i in range(12))
    text = f"firms:\n{firms}\nsupply: {{x: {{quantity: 4}}}}\ndemand: {{y: {{price: 30 - q}}}}"
    columns = simulate(chainprice.load(text), steps=50)
    monkeypatch.setattr("chainprice.dynamics.pieces.FEW", 100)
    floats = simulate(chainprice.load(text), steps=50)
    for good, price in columns.prices.items():
        assert floats.prices[good] == pytest.approx(price, rel=1e-9)


def test_the_world_of_a_spec_that_disposes_of_nothing_is_its_given_one():
    assert world(load("tupperware")).solution.allocation == "given"
    text = "firms: {f: {production: {y: 4*x - x^2}}}\nsupply: {x: {quantity: 3}}\ndemand: {y: {price: 1}}"
    simulation = simulate(chainprice.load(text))  # given, x would cost -2: nobody need take it all
    assert world(chainprice.load(text)).solution.allocation == "competitive"
    assert simulation.outcome == "converged"
    assert simulation.prices["x"] == pytest.approx(0, abs=1e-6)
    assert "so this is the competitive one" in simulation.reason


def test_choices_that_make_no_sense_are_named_all_at_once():
    with pytest.raises(UsageError) as caught:
        simulate(
            load("steel"), liquidity=0, steps=0, step_size=-1, foresight=2, noise=-1, every=0, tolerance=2
        )
    assert len(caught.value.problems) == 7


# The command.


def test_the_command_shows_the_path():
    done = run("simulate", "specs/steel.yaml", "--shock", "supply.iron_ore.quantity=6000@300")
    assert done.returncode == 0
    assert "converged: every price is within 1e-07 of equilibrium" in done.stdout
    assert "shock at step 300: supply.iron_ore.quantity=6000" in done.stdout
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("iron_ore"))
    assert re.search(r"[▁▂▃▄▅▆▇█]{24}", row)
    assert done.stderr == ""


def test_csv_has_every_good_at_every_step():
    done = run("simulate", "specs/tupperware.yaml", "--steps", "20", "--every", "5", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["step"] for row in rows[::4]] == ["0", "5", "10", "15", "20"]
    assert {row["good"] for row in rows} == {"natgas", "ethylene", "polyethylene", "tupperware"}
    document = json.loads(
        run("simulate", "specs/tupperware.yaml", "--steps", "20", "--every", "5", "-f", "json").stdout
    )
    for row in rows:
        path = next(path for path in document["goods"] if path["good"] == row["good"])
        record = document["recorded_steps"].index(int(row["step"]))
        assert float(row["price"]) == path["prices"][record]
        assert float(row["quantity"]) == path["quantities"][record]
        assert float(row["excess_demand"]) == path["excess_demands"][record]
        assert float(row["equilibrium_price"]) == document["eras"][0]["prices"][row["good"]]


def test_the_picture_stands_alone_and_says_what_it_shows():
    done = run("simulate", "specs/steel.yaml", "--shock", "supply.iron_ore.quantity=6000@300", "-f", "svg")
    root = ET.fromstring(done.stdout)
    name = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{name}title").text == "Steel from ore to hot-rolled coil"
    words = root.find(f"{name}desc").text
    assert "converged" in words
    assert "supply.iron_ore.quantity=6000" in words
    assert "prefers-color-scheme:dark" in done.stdout
    assert not re.search(r"href|<script|url\(|@import", done.stdout)
    paths = [path.get("d") for path in root.iter(f"{name}path")]
    numbers = [float(n) for path in paths for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", path)]
    assert len(paths) > 12
    assert all(0 <= n <= 760 for n in numbers)
    assert "nan" not in done.stdout


def test_no_title_breaks_the_picture():
    text = "title: '</text><script>&'\nfirms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 1}}"
    done = run("simulate", "-", "-f", "svg", stdin=text)
    assert ET.fromstring(done.stdout).find("{http://www.w3.org/2000/svg}title").text == "</text><script>&"


def test_png_needs_a_file_and_matplotlib(tmp_path):
    target = tmp_path / "steel.png"
    assert run("simulate", "specs/steel.yaml", "-f", "png", "-o", str(target)).returncode == 0
    assert target.read_bytes().startswith(b"\x89PNG\r\n")
    done = run("simulate", "specs/steel.yaml", "-f", "png")
    assert done.returncode == 2
    assert "--output" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shock", "supply.scrap.quantity=1"], "write --shock NAME=VALUE@STEP"),
        (["--shock", "supply.scarp.quantity=1@9"], "did you mean 'scrap'?"),
        (["--shock", "supply.scrap.quantity=1@100000"], "its step must be from 0 to 99,999"),
        (["--shock", "supply.scrap.quantity=1@1e2"], "must end in @ and the number of a step"),
        (["--shock", "supply.scarp.quantity=1@99999"], "did you mean 'scrap'?"),
        (["--foresight", "2"], "foresight must be from 0 to 1"),
        (["--start", "nowhere.json"], "nowhere.json"),
    ],
)
def test_mistakes_are_named(arguments, message):
    done = run("simulate", "specs/steel.yaml", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_the_end_of_one_path_is_the_start_of_another(tmp_path):
    first = tmp_path / "half.json"
    whole = simulate(load("steel"))
    run("simulate", "specs/steel.yaml", "--steps", "150", "-f", "json", "-o", str(first))
    done = run("simulate", "specs/steel.yaml", "--start", str(first), "-f", "json")
    document = json.loads(done.stdout)
    assert document["outcome"] == "converged"
    assert document["steps"] < whole.steps
    assert (
        document["goods"][0]["prices"][0]
        == json.loads(first.read_text())["prices"][document["goods"][0]["good"]]
    )
