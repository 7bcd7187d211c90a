"""Markets that choose their quantities, against closed forms; and markets that have no answer."""

import importlib.util
import json
import math
import sys
from dataclasses import replace

import pytest
from support import GIVEN, ROOT, run, spec
from support import MARKETS as SPEC_FILES

import chainprice
from chainprice.errors import (
    IncreasingReturnsError,
    InfeasibleError,
    MarketMustChooseError,
    MissingExtraError,
    UnboundedError,
    UndefinedError,
)

# Each market with what it must come to: {good: (quantity available, price)}.
MARKETS = {
    "buy at a price, sell along a curve": (
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {price: 3}}\ndemand: {y: {price: 10 - q}}",
        {"x": (4.25, 3), "y": (8.5, 1.5)},
    ),
    "a single chain maximises profit": (
        "firms: {f: {production: {y: 'ln(x - 3)'}}}\nsupply: {x: {price: 0.1}}\ndemand: {y: {price: 2}}",
        {"x": (23, 0.1), "y": (math.log(20), 2)},
    ),
    "a rival good goes where it is worth most": (
        "firms: {a: {production: {x: 6*sqrt(w)}}, b: {production: {y: 8*sqrt(w)}}}\n"
        "supply: {w: {quantity: 100}}\ndemand: {x: {price: 1}, y: {price: 1}}",
        {"w": (100, 0.5), "x": (36, 1), "y": (64, 1)},
    ),
    "used and sold": (
        "firms: {a: {production: {x: 6*sqrt(w)}}}\nsupply: {w: {quantity: 100}}\n"
        "demand: {x: {price: 1}, w: {price: 10 - q}}",
        None,
    ),
    "merit order": (
        "firms:\n"
        "  nuclear: {production: {power: 'min(uranium, 50)'}}\n"
        "  gas_plant: {production: {power: 'min(gas/2, 50)'}}\n"
        "  peaker: {production: {power: 'min(oil/3, 10)'}}\n"
        "supply: {uranium: {price: 10}, gas: {price: 15}, oil: {price: 30}}\n"
        "demand: {power: {price: 100 - q}}",
        {"uranium": (50, 10), "gas": (40, 15), "oil": (0, 10), "power": (70, 30)},
    ),
    "a firm buys none of an input that is too dear": (
        "firms: {f: {production: {y: sqrt(a + b)}}}\nsupply: {a: {price: 1}, b: {price: 2}}\n"
        "demand: {y: {price: 4}}",
        {"a": (4, 1), "b": (0, 1), "y": (2, 4)},
    ),
    "a demand of nothing": (
        "firms: {a: {production: {y: x}}, b: {production: {z: sqrt(x)}}}\nsupply: {x: {price: 2}}\n"
        "demand: {y: {price: 10, quantity: 0}, z: {price: 3}}",
        {"x": (0.5625, 2), "y": (0, 0), "z": (0.75, 3)},
    ),
    "a farm that the town just outbids": (  # a tie: the last unit is worth 5 to both
        "firms: {farm: {production: {corn: water}}, city: {production: {tap: water}}}\n"
        "supply: {water: {quantity: 10}}\ndemand: {corn: {price: 5}, tap: {price: 15 - q}}",
        {"water": (10, 5), "corn": (0, 5), "tap": (10, 5)},
    ),
    "a farm that the town just outbids, at two for one": (
        "firms: {farm: {production: {corn: 2*water}}, city: {production: {tap: water}}}\n"
        "supply: {water: {quantity: 10}}\ndemand: {corn: {price: 5}, tap: {price: 20 - q}}",
        {"water": (10, 10), "corn": (0, 5), "tap": (10, 10)},
    ),
    "the first unit of what there is none of": (  # 10^2/(4*1): the gain of one more a, at the best b
        "firms: {f: {production: {y: a^0.5*b^0.5}}, g: {production: {z: b}}}\n"
        "supply: {a: {quantity: 0}, b: {quantity: 3}}\ndemand: {y: {price: 10}, z: {price: 1}}",
        {"a": (0, 25), "b": (3, 1), "y": (0, 10), "z": (3, 1)},
    ),
    "what nobody wants is thrown away": (
        "firms: {f: {production: {iron: sqrt(ore), slag: 3*ore}}, g: {production: {road: ln(1 + slag)}}}\n"
        "supply: {ore: {quantity: 4}}\ndemand: {iron: {price: 10}, road: {price: 1, quantity: 1}}",
        {"ore": (4, 2.5), "iron": (2, 10), "slag": (12, 0), "road": (None, 0)},
    ),
    "delivered whatever it costs": (
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {price: 2 + q}}\ndemand: {y: {quantity: 10}}",
        {"x": (5, 7), "y": (10, 3.5)},
    ),
    "a demand with a limit": (
        "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 1 + q}}\ndemand: {y: {price: 10, quantity: 3}}",
        {"x": (3, 4), "y": (3, 4)},
    ),
    "a supply with a limit": (
        "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 1 + q, quantity: 3}}\ndemand: {y: {price: 10}}",
        {"x": (3, 10), "y": (3, 10)},
    ),
    "a recycle loop": (
        "firms: {smelt: {production: {metal: ore + scrap}}, collect: {production: {scrap: used/2}},\n"
        "  use: {production: {used: metal, service: metal}}}\n"
        "supply: {ore: {quantity: 6}}\ndemand: {service: {price: 4}}",
        # one unit of ore makes 1 + 1/2 + 1/4 + ... = 2 units of service
        {"ore": (6, 8), "metal": (12, 8), "scrap": (6, 8), "used": (12, 4), "service": (12, 4)},
    ),
    "Leontief prices with loops": (
        "firms:\n"
        "  agriculture: {production: {food: 'min(food/0.1, cloth/0.3, labour/2)'}}\n"
        "  textiles: {production: {cloth: 'min(food/0.2, cloth/0.1, labour/5)'}}\n"
        "supply: {labour: {price: 1}}\ndemand: {food: {quantity: 7}, cloth: {quantity: 3}}",
        # p = (I - A')^-1 l and x = (I - A)^-1 d
        {"labour": (50.4, 1), "food": (9.2, 4.4), "cloth": (6.4, 98 / 15)},
    ),
    "min inside other functions, nested": (
        "firms: {f: {production: {y: 'sqrt(min(a, 2*min(b, c/3)))'}}}\n"
        "supply: {a: {price: 1}, b: {price: 2}, c: {price: 4/3}}\ndemand: {y: {price: 28}}",
        # y = sqrt(t) with a = t, b = t/2, c = 3t/2: a unit of t costs 1 + 1 + 2 = 4
        {"a": (12.25, 1), "b": (6.125, 2), "c": (18.375, 4 / 3), "y": (3.5, 28)},
    ),
    "constant returns: zero profit, scale set by supply": (
        "firms: {f: {production: {y: labour^0.5*land^0.5}}}\nsupply: {labour: {quantity: 4}, land: {quantity: 9}}\n"
        "demand: {y: {price: 2}}\nallocation: competitive",
        {"labour": (4, 1.5), "land": (9, 2 / 3), "y": (6, 2)},
    ),
    "a non-rival design, made for sale": (
        "goods: {design: {rival: false}}\n"
        "firms: {lab: {production: {design: 2*work}}, a: {production: {x: 3*sqrt(design)}},\n"
        "  b: {production: {y: 5*sqrt(design)}}}\n"
        "supply: {work: {price: 1}}\ndemand: {x: {price: 1}, y: {price: 1}}",
        # marginal values add: (3 + 5)/(2 sqrt(design)) = 1/2
        {"work": (32, 1), "design": (64, 0.5), "x": (24, 1), "y": (40, 1)},
    ),
    "a stated split still holds": (
        "goods: {steel: {split: {a: 0.75, b: 0.25}}}\n"
        "firms: {m: {production: {steel: ore}}, a: {production: {x: 4*sqrt(steel)}}, b: {production: {y: 2*sqrt(steel)}}}\n"
        "supply: {ore: {price: 0.5}}\ndemand: {x: {price: 1}, y: {price: 1}}",
        None,
    ),
    "a curve with a bend": (
        "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 'max(2, q)'}}\n"
        "demand: {y: {price: 'max(0, 10 - q)'}}",
        {"x": (5, 5), "y": (5, 5)},
    ),
    "a curve without an integral from 0": (
        "firms: {f: {production: {y: x^0.5}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 100/q}}",
        {"x": (50, 1), "y": (math.sqrt(50), 100 / math.sqrt(50))},
    ),
    "an idle firm of constant returns": (
        "firms: {old: {production: {y: coal^0.5*labour^0.5}}, new: {production: {y: 2*labour}}}\n"
        "supply: {coal: {price: 4}, labour: {price: 1}}\ndemand: {y: {price: 10 - q}}",
        # a gift of coal would earn P_y^2/(4 P_labour), with P_y = 1/2
        {"coal": (0, 1 / 16), "labour": (4.75, 1), "y": (9.5, 0.5)},
    ),
}


@pytest.mark.parametrize("name", MARKETS)
def test_closed_forms_and_verification(name):
    text, expected = MARKETS[name]
    loaded = spec(text)
    solution = chainprice.solve(loaded)
    assert solution.allocation == "competitive"
    if expected is not None:
        for row in solution.goods:
            quantity, price = expected[row.good]
            assert row.price == pytest.approx(price, rel=1e-12, abs=1e-15), row.good
            if quantity is not None:
                assert row.quantity == pytest.approx(quantity, rel=1e-12, abs=1e-15), row.good
    verdict = chainprice.verify(loaded, solution)
    assert verdict.verified, verdict
    incomes = solution.incomes
    assert incomes.profits + incomes.factor_incomes + incomes.buyer_surplus == pytest.approx(
        solution.total_value, rel=1e-12
    )


def test_sizes_from_1e_minus_6_to_1e9_in_one_spec():
    loaded = spec(
        "firms: {f: {production: {y: 1e-9*sqrt(x)}}, g: {production: {z: 1e5*y^0.5}}}\n"
        "supply: {x: {quantity: 1e9}}\ndemand: {z: {price: 3}, y: {price: 1e9}}"
    )
    solution = chainprice.solve(loaded)
    # all that x makes is y = 1e-9 sqrt(1e9); its price is the demand price, so z is bought until
    # 3 * 1e5/(2 sqrt(y_z)) = 1e9
    assert solution.prices["y"] == pytest.approx(1e9, rel=1e-12)
    assert solution.quantities["z"] == pytest.approx(1e5 * (3e5 / 2e9), rel=1e-12)
    assert solution.prices["x"] == pytest.approx(1e9 * 1e-9 / (2 * math.sqrt(1e9)), rel=1e-12)
    assert chainprice.verify(loaded, solution).verified


def test_as_many_digits_as_are_asked_for():
    from mpmath import mp, mpf

    loaded = spec(MARKETS["a curve without an integral from 0"][0])
    found = chainprice.solve(loaded, count=60).prices["y"]
    with mp.workdps(80):
        assert abs(mpf(str(found)) / (100 / mp.sqrt(50)) - 1) < mpf("1e-58")


def test_labour_shared_by_every_firm():
    """A Cobb-Douglas economy: each factor earns its constant share of the final good's value."""
    loaded = spec(
        "firms:\n"
        "  a: {production: {steel: labour^0.5*ore^0.5}}\n"
        "  b: {production: {cars: steel^0.4*labour^0.6}}\n"
        "  c: {production: {food: labour^0.7*land^0.3}}\n"
        "  u: {production: {utility: cars^0.3*food^0.7}}\n"
        "supply: {labour: {quantity: 100}, ore: {quantity: 20}, land: {quantity: 50}}\n"
        "demand: {utility: {price: 1}}"
    )
    solution = chainprice.solve(loaded)
    total = solution.total_value
    assert solution.prices["labour"] == pytest.approx(
        total * (0.3 * (0.6 + 0.4 * 0.5) + 0.7 * 0.7) / 100, rel=1e-12
    )
    assert solution.prices["ore"] == pytest.approx(total * 0.3 * 0.4 * 0.5 / 20, rel=1e-12)
    assert solution.prices["land"] == pytest.approx(total * 0.7 * 0.3 / 50, rel=1e-12)
    assert [firm.profit for firm in solution.firms] == [0.0] * 4


def test_all_of_a_chain_is_used_where_given_and_market_agree():
    path = ROOT / "specs/polyethylene.yaml"
    given = chainprice.solve(chainprice.load(path))
    text = path.read_text(encoding="utf-8").replace("\nfirms:", "\nallocation: competitive\nfirms:", 1)
    market = chainprice.solve(spec(text))
    assert (given.allocation, market.allocation) == ("given", "competitive")
    assert dict(market.prices) == pytest.approx(dict(given.prices), rel=1e-12)


def test_uses_limits_and_incomes():
    result = chainprice.solve(spec(MARKETS["merit order"][0])).to_dict()
    power = next(row for row in result["goods"] if row["good"] == "power")
    assert [(use["user"], use["corner"], use["gap"]) for use in power["uses"]] == [("demand", False, 0.0)]
    oil = next(row for row in result["goods"] if row["good"] == "oil")
    assert [(use["user"], use["quantity"], use["corner"]) for use in oil["uses"]] == [("peaker", 0.0, True)]
    assert oil["price_range"] == [10.0, 30.0]
    assert result["limits"] == [
        {
            "kind": "capacity",
            "good": "power",
            "firm": firm,
            "quantity": size,
            "binding": bool(rent),
            "rent": rent,
        }
        for firm, size, rent in [("gas_plant", 50.0, 0.0), ("nuclear", 50.0, 20.0), ("peaker", 10.0, 0.0)]
    ]
    assert result["incomes"] == {"profits": 1000.0, "factor_incomes": 0.0, "buyer_surplus": 2450.0}
    assert result["total_value"] == 3450.0
    assert [warning["code"] for warning in result["warnings"]] == ["price-not-unique"]


def test_a_limit_that_binds_exactly():
    loaded = spec(
        "firms: {f: {production: {y: x}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 5, quantity: 2}}"
    )
    solution = chainprice.solve(loaded)
    assert [(row.price, row.price_range) for row in solution.goods] == [(0.0, (0.0, 5.0))] * 2
    assert chainprice.verify(loaded, solution).verified


def test_a_price_that_nothing_bounds_from_above():
    loaded = spec("firms: {f: {production: {y: x}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {quantity: 2}}")
    row = chainprice.solve(loaded).to_dict()["goods"][0]
    assert row["price_range"] == [0.0, None]


NO_ANSWER = {
    "infeasible": (
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {quantity: 3}}\ndemand: {y: {quantity: 10}}",
        InfeasibleError,
        "of 'y' 4 of the 10 to be delivered are missing",
    ),
    "unbounded": (
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}",
        UnboundedError,
        "every further unit of 'x' adds to it",
    ),
    "increasing returns": (
        "firms: {f: {production: {y: x^1.5}}}\nsupply: {x: {price: 3}}\ndemand: {y: {price: 1, quantity: 50}}",
        IncreasingReturnsError,
        "increasing returns: at the prices of the optimum firm 'f' would gain",
    ),
    "a maximum only because a supply ends": (
        "firms: {f: {production: {y: x^2}}, g: {production: {z: x}}}\nsupply: {x: {quantity: 5}}\n"
        "demand: {y: {price: 1}, z: {price: 0.01}}",
        IncreasingReturnsError,
        "firm 'f'",
    ),
    "a fixed cost": (
        "firms: {f: {production: {y: '2*max(x - 5, 0)'}}, g: {production: {z: sqrt(x)}}}\n"
        "supply: {x: {quantity: 7}}\ndemand: {y: {price: 1}, z: {price: 1}}",
        IncreasingReturnsError,
        "firm 'f'",
    ),
    "a demand that rises": (
        "firms: {f: {production: {y: x}}}\nsupply: {x: {quantity: 5}}\ndemand: {y: {price: 1 + q}}\n"
        "allocation: competitive",
        IncreasingReturnsError,
        "'y' bends the wrong way",
    ),
    "an infinite slope at the only point": (
        "firms: {f: {production: {y: sqrt(x)}}, g: {production: {z: x}}}\nsupply: {x: {quantity: 0}}\n"
        "demand: {y: {price: 2}, z: {price: 1}}",
        UndefinedError,
        "firm 'f' has no finite marginal product of 'x'",
    ),
}


@pytest.mark.parametrize("name", NO_ANSWER)
def test_what_has_no_answer_is_named(name):
    text, error, sentence = NO_ANSWER[name]
    with pytest.raises(error) as caught:
        chainprice.solve(spec(text))
    assert sentence in str(caught.value)
    assert caught.value.problems[0].place.line is not None
    done = run("solve", "-", stdin=text)
    assert (done.returncode, done.stdout) == (3, "")
    assert sentence in done.stderr


def test_auto_is_given_wherever_that_applies():
    for path in GIVEN:
        assert chainprice.solve(chainprice.load(path)).allocation == "given"
    for path in SPEC_FILES:
        with pytest.raises(MarketMustChooseError):
            chainprice.solve(replace(chainprice.load(path), allocation="given"))


def test_without_the_solver_the_command_says_what_to_install(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "chainprice.allocation.find_spec", lambda name: None if name == "casadi" else found(name)
    )
    with pytest.raises(MissingExtraError) as caught:
        chainprice.solve(spec(MARKETS["merit order"][0]))
    assert "the market must choose how much 'uranium' to buy" in str(caught.value)
    assert "pip install 'chainprice[equilibrium]'" in str(caught.value)


def test_given_chains_never_load_the_solver():
    import subprocess
    import sys

    code = (
        "import sys, chainprice\n"
        f"chainprice.solve(chainprice.load({str(ROOT / 'specs/tupperware.yaml')!r}))\n"
        "sys.exit('casadi' in sys.modules or 'numpy' in sys.modules)"
    )
    path = ROOT / "specs/tupperware.yaml"
    code = code.replace(repr(str(path)), f"__import__('pathlib').Path({str(path)!r})")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_market_in_every_format(tmp_path):
    path = tmp_path / "market.yaml"
    path.write_text(MARKETS["merit order"][0], encoding="utf-8")
    table = run("solve", str(path)).stdout
    assert "allocation competitive" in table
    assert "P_power = 100 - q" in table
    assert "0.0,10.0" in run("solve", str(path), "-f", "csv").stdout
    assert r"\begin{tabular}" in run("solve", str(path), "-f", "latex").stdout
    text = run("explain", str(path)).stdout
    assert "Quantities: the market's choice" in text
    good = run("explain", str(path), "--good", "oil").stdout
    assert "peaker takes none" in good
    assert "The next unit is worth 10 and the last one is worth 30" in good
    verdict = json.loads(run("verify", str(path), "-f", "json").stdout)
    assert verdict["verified"]
    assert verdict["specs"][0]["allocation"] == "competitive"
    assert {row["method"] for row in verdict["specs"][0]["checks"]} == {"composed", "envelope"}
    conditions = {row["condition"] for row in verdict["specs"][0]["conditions"]}
    assert conditions >= {"stationarity", "feasibility", "signs", "profits", "envelope", "total value"}


@pytest.mark.parametrize("path", SPEC_FILES, ids=lambda path: path.stem)
def test_every_market_spec_is_verified(path):
    loaded = chainprice.load(path)
    solution = chainprice.solve(loaded)
    assert solution.allocation == "competitive"
    assert chainprice.verify(loaded, solution).verified


def test_a_refinery_earns_what_the_literature_says():
    """Williams' optimum, 211,365.13 pounds, less the 750 that the lube oil delivered brings in there."""
    solution = chainprice.solve(chainprice.load(ROOT / "specs/refinery.yaml"))
    assert solution.total_value / 100 + 750 == pytest.approx(211365.134768933, rel=1e-12)


def test_leontief_prices_and_quantities():
    solution = chainprice.solve(chainprice.load(ROOT / "specs/input_output.yaml"))
    assert solution.prices == pytest.approx({"labour": 20, "steel": 1600 / 13, "coal": 1700 / 13}, rel=1e-15)
    assert solution.quantities["steel"] == pytest.approx(2250 / 13, rel=1e-15)


def test_the_closed_form_of_the_two_stage_economy():
    solution = chainprice.solve(chainprice.load(ROOT / "specs/two_stage_economy.yaml"))
    total = solution.total_value
    assert solution.prices["labour"] == pytest.approx(0.0073 * total, rel=1e-15)
    assert solution.prices["ore"] == pytest.approx(0.003 * total, rel=1e-15)
    assert solution.prices["land"] == pytest.approx(0.0042 * total, rel=1e-15)


DEGENERATE = {
    "a limit that binds exactly where the curves meet": (
        "firms: {f: {production: {y: a}}}\nsupply: {a: {price: 2, quantity: 8}}\ndemand: {y: {price: 10-q}}\n"
        "allocation: competitive",
        {"a": 2, "y": 2},
    ),
    "a tie between two uses": (
        "firms: {f: {production: {y: a}}}\nsupply: {a: {quantity: 1}}\n"
        "demand: {y: {price: q^-2}, a: {price: 1}}",
        {"a": 1, "y": 1},
    ),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_markets(name):
    text, prices = DEGENERATE[name]
    loaded = spec(text)
    solution = chainprice.solve(loaded)
    assert dict(solution.prices) == pytest.approx(prices, rel=1e-12)
    assert chainprice.verify(loaded, solution).verified


def test_a_price_curve_with_a_hole_is_named():
    text = "firms: {f: {production: {y: a}}}\nsupply: {a: {price: 5 + abs(q-3)/(q-3)}}\ndemand: {y: {price: 10-q}}"
    with pytest.raises(UndefinedError, match="has no value somewhere"):
        chainprice.solve(spec(text))


def test_the_price_of_an_idle_input_is_what_its_first_unit_adds():
    """One more c2 takes a ninth of an s, worth 3 elsewhere, to make a ninth of what sells at 5."""
    solution = chainprice.solve(
        spec(
            "firms:\n  r1: {production: {d1: 'min(s, c1)'}}\n  r2: {production: {d2: 'min(s, c2/9)'}}\n"
            "supply: {s: {quantity: 10}, c1: {price: 1}, c2: {price: 1}}\n"
            "demand: {d1: {price: 4}, d2: {price: 5}}"
        )
    )
    row = next(row for row in solution.goods if row.good == "c2")
    assert row.price == pytest.approx(2 / 9, rel=1e-12)
    assert row.price_range == pytest.approx((2 / 9, 1), rel=1e-9)


def test_many_firms_of_very_different_sizes():
    """300 firms that share goods, the smallest a billionth of the largest, against a model by hand in CasADi."""
    source = importlib.util.spec_from_file_location("markets", ROOT / "benchmarks" / "markets.py")
    markets = importlib.util.module_from_spec(source)
    sys.modules["markets"] = markets
    source.loader.exec_module(markets)
    market = markets.generate(300)
    solution = chainprice.solve(spec(markets.spec(market)))
    by_hand = markets.by_hand(market)
    traded = [row for row in solution.goods if row.value > 1e-6 * solution.total_value]
    assert len(traded) > 100
    for row in traded:
        assert by_hand[row.good] == pytest.approx(row.price, rel=1e-5), row.good


def test_a_bend_under_a_root_has_the_slope_of_its_branch():
    loaded = chainprice.load(
        'firms: {f: {production: {m: "sqrt(min(0.5*x, 2))"}}}\n'
        "supply: {x: {quantity: 2}}\ndemand: {m: {price: 6}}"
    )
    solution = chainprice.solve(loaded)
    assert solution.prices["x"] == pytest.approx(6 * 0.5 / 2, rel=1e-14)
    assert "x2" not in solution.goods[0].rule


def test_goods_that_lead_nowhere_cost_what_it_takes_to_make_one():
    loaded = chainprice.load(
        "allocation: competitive\n"
        'firms: {f: {production: {y: "min(a, 3)"}}, g: {production: {b: a}}, h: {production: {c: b}}, '
        "k: {production: {b: c/2}}}\n"
        "supply: {a: {price: 5}}\ndemand: {y: {price: 8}}"
    )
    rows = {row.good: row for row in chainprice.solve(loaded).goods}
    assert (rows["b"].price, rows["c"].price) == (0, 0)
    assert rows["b"].price_range == pytest.approx((0, 5))
    assert rows["c"].price_range == pytest.approx((0, 5))
    assert chainprice.verify(loaded).verified


def test_a_good_that_is_sold_to_the_end_of_its_curve_is_worth_nothing():
    loaded = chainprice.load(
        "firms: {f: {production: {y: ln(1+x)}}}\n"
        "supply: {x: {price: 1}, z: {quantity: 20}}\n"
        "demand: {y: {price: 3}, z: {price: 8.875 - 2.657*q}}"
    )
    solution = chainprice.solve(loaded)
    assert solution.prices["z"] == 0
    sold = next(use.quantity for row in solution.goods if row.good == "z" for use in row.uses)
    assert sold == pytest.approx(8.875 / 2.657, rel=1e-14)
    assert chainprice.verify(loaded, solution).verified


def test_an_idle_bend_stands_on_its_gentle_branch():
    loaded = chainprice.load(
        'firms: {f: {production: {y: "2.7*sqrt(x)"}}, g: {production: {y: "min(x, sqrt(x))"}}}\n'
        "supply: {x: {price: 1}}\ndemand: {y: {price: 3 - q}}"
    )
    assert chainprice.solve(loaded).prices["y"] == pytest.approx(3 / 4.645, rel=1e-14)
    alone = chainprice.load(
        'firms: {g: {production: {y: "min(x, sqrt(x))"}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 0.5}}'
    )
    row = chainprice.solve(alone).goods[0]
    assert (row.quantity, row.price) == (0, 0.5)
    assert row.price_range == pytest.approx((0.5, 1))


def test_an_idle_input_is_worth_least_beside_other_goods_that_are_degenerate():
    loaded = chainprice.load(
        "allocation: competitive\n"
        'firms: {f11: {production: {m: "min(5*a, b)"}}, f7: {production: {y: 1.5*m}}, '
        'f0: {production: {z: "min(0.5*c, 10)"}}, f1: {production: {w: "min(0.25*z, 10)"}}, '
        'f2: {production: {v: "min(3*w, 1)"}}}\n'
        "supply: {a: {price: 2, quantity: 20}, b: {price: 2}, m: {price: 0.5}, c: {quantity: 10}}\n"
        "demand: {y: {quantity: 0.5}, c: {price: 4.5}, z: {price: 8, quantity: 2}}"
    )
    row = next(row for row in chainprice.solve(loaded).goods if row.good == "b")
    assert row.price_range == pytest.approx((0.1, 2))  # a further b saves 0.5, and takes 0.2 a at 2


@pytest.mark.parametrize("size", [1e-9, 1e-20, 1e-30])
def test_a_firm_next_to_nothing_is_not_nothing(size):
    """Two makers whose outputs differ by a power of ten or thirty: the small one's first unit is dear."""
    cost = size**0.1
    loaded = chainprice.load(
        f"firms: {{big: {{production: {{y: x^0.9}}}}, small: {{production: {{y: {cost}*x^0.9}}}}}}\n"
        "supply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\nallocation: competitive"
    )
    uses = {use.user: use.quantity for use in chainprice.solve(loaded).goods[0].uses}
    assert uses["small"] / uses["big"] == pytest.approx(float(str(cost)) ** 10, rel=1e-9)
