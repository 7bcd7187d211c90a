"""How total value and prices change: against solving again with the text changed, closed forms, and HiGHS."""

import csv
import io
import json
import math
from decimal import Decimal

import jsonschema
import numpy as np
import pytest
import yaml
from scipy.optimize import linprog
from support import GIVEN, MARKETS, ROOT, run, spec

import chainprice
from chainprice.errors import NoAnswerError, UsageError

MERIT = ROOT / "tests" / "specs" / "market" / "merit-order.yaml"

STEP = Decimal("1e-9")


def tree_of(path):
    """The tree of a spec; a chain that is in a file stands under its firm."""
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    for firm in tree["firms"].values():
        if "chain" in firm:
            inside = tree_of(path.with_name(firm.pop("chain")))
            firm |= {"firms": inside["firms"], "parameters": inside.get("parameters", {})}
            firm["goods"] = {good: note for good, note in inside["goods"].items() if "split" not in note}
    return tree


def read_back(tree):
    return chainprice.load(json.dumps(tree))


def scaled(formula, factor):
    """A production function times a factor: a form by name has a scale of its own."""
    if isinstance(formula, dict):
        return formula | {"scale": f"({formula.get('scale', 1)})*{factor}"}
    return f"{factor}*({formula})"


def moved(tree, name, by):
    """The spec as its author would have to write it anew with a number moved: the oracle's own way."""
    tree = json.loads(json.dumps(tree))
    match name.split("."):
        case ["productivity", *firms]:
            firm = inside(tree, firms)
            firm["production"] = {o: scaled(f, f"(1 + ({by}))") for o, f in firm["production"].items()}
        case ["split", good, user]:
            share = tree["goods"][good]["split"][user]
            tree["goods"][good]["split"][user] = f"{share} + ({by})"
        case ["supply" | "demand" as trade, good, key]:
            tree[trade][good][key] = f"({tree[trade][good][key]}) + ({by})"
        case [*firms, parameter]:
            parameters = inside(tree, firms)["parameters"]
            parameters[parameter] = f"({parameters[parameter]}) + ({by})"
    return tree


def inside(tree, firms):
    for firm in firms:
        tree = tree["firms"][firm]
    return tree


def solved(tree):
    return chainprice.solve(read_back(tree), count=40, details=False)


def slope(tree, name, standing, of=None):
    """By a central difference in 40 digits."""
    step = STEP * (abs(Decimal(repr(standing))) or 1)

    def at(by):
        solution = solved(moved(tree, name, format(by, "f")))
        return Decimal(solution.total_value if of is None else solution.prices[of])

    return float((at(step) - at(-step)) / (2 * step))


def near(a, b, scale=0.0):
    return a == pytest.approx(b, rel=1e-7, abs=1e-9 * scale + 1e-12)


def rows_of(rows):
    return {row.name: row for row in rows}


def total(text, **options):
    result = chainprice.sensitivity(spec(text), **options)
    return result, rows_of(result.rows)


# Every number of every spec, by solving again.


@pytest.mark.parametrize(
    "path", [*GIVEN, *(p for p in MARKETS if p.stem != "refinery")], ids=lambda p: p.stem
)
def test_every_row_of_every_spec_is_what_solving_again_says(path):
    tree = tree_of(path)
    result = chainprice.sensitivity(chainprice.load(path))
    assert len(result.rows) >= 5
    for row in result.rows:
        if row.kind == "split":  # a split that sums to more than 1 is no spec
            continue
        expected = slope(tree, row.name, row.value)
        assert near(row.derivative, expected, abs(result.total_value)), row
        assert near(row.elasticity, expected * row.value / result.total_value), row


@pytest.mark.parametrize(
    ("stem", "goods"),
    [
        ("tupperware", ["natgas", "ethylene", "tupperware"]),
        ("bakery", ["flour", "cakes"]),
        ("mill", ["wheat", "bags"]),
        ("chipmaker", ["design", "wafers_car"]),
        ("steel", ["scrap", "coil"]),
        ("power", ["power", "gas"]),
        ("polyethylene", ["ethane"]),
        ("cars_and_bridges", ["steel", "labour"]),
        ("electricity", ["power", "gas"]),
        ("two_stage_economy", ["labour", "steel"]),
        ("input_output", ["coal"]),
        ("aluminium", ["metal"]),
    ],
)
def test_every_price_answers_as_solving_again_says(stem, goods):
    path = ROOT / "specs" / f"{stem}.yaml"
    tree = tree_of(path)
    result = chainprice.sensitivity(chainprice.load(path), of=goods)
    assert [of.good for of in result.prices] == goods
    for of in result.prices:
        assert of.price == pytest.approx(chainprice.solve(chainprice.load(path)).prices[of.good], rel=1e-14)
        assert any(row.derivative for row in of.rows)
        for row in of.rows:
            if row.kind == "split":
                continue
            expected = slope(tree, row.name, row.value, of.good)
            assert near(row.derivative, expected, abs(of.price / row.value)), (of.good, row)


def test_a_split_is_moved_like_any_number():
    """Shares that leave something over can move to both sides."""
    text = """
firms:
  f: {production: {y: "sqrt(x)"}}
  g: {production: {z: "2*x^0.25"}}
goods: {x: {split: {f: 0.5, g: 0.25}}}
supply: {x: {quantity: 16}}
demand: {y: {price: 3}, z: {price: 5 - q/10}}
"""
    for allocation in ("auto", "competitive"):
        tree = yaml.safe_load(text) | {"allocation": allocation}
        result = chainprice.sensitivity(read_back(tree), of=["x"])
        for row in result.rows:
            assert near(row.derivative, slope(tree, row.name, row.value)), row
        for row in result.prices[0].rows:
            assert near(row.derivative, slope(tree, row.name, row.value, "x")), row
        split = rows_of(result.rows)["split.x.f"]
        assert (split.kind, split.good, split.firm) == ("split", "x", "f")
        assert near(split.derivative, 16 * 3 / (2 * math.sqrt(8)))


# Closed forms.


def test_hulten_in_the_textbook_economy():
    """Elasticities of utility are shares; those of productivity are Domar weights, which sum to more than 1."""
    result = chainprice.sensitivity(chainprice.load(ROOT / "specs" / "two_stage_economy.yaml"), of=["labour"])
    rows = rows_of(result.rows)
    shares = {"supply.labour.quantity": 0.73, "supply.ore.quantity": 0.06, "supply.land.quantity": 0.21}
    weights = {"steelworks": 0.3 * 0.4, "machine_maker": 0.3, "farm": 0.7, "household": 1}
    for name, share in (shares | {f"productivity.{firm}": w for firm, w in weights.items()}).items():
        assert rows[name].elasticity == pytest.approx(share, rel=1e-12)
    answers = rows_of(result.prices[0].rows)  # P_labour = 0.73 U / labour
    for name, share in shares.items():
        assert answers[name].elasticity == pytest.approx(
            share - (name == "supply.labour.quantity"), rel=1e-12
        )
    assert answers["productivity.steelworks"].elasticity == pytest.approx(0.12, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_domar_weights_of_random_networks_are_the_leontief_inverse(seed):
    """In a Cobb-Douglas network with one consumer: sales over income are (1 - A')^-1 b (Acemoglu and others 2012)."""
    random = np.random.default_rng(seed)
    n = 5
    shares = random.dirichlet(np.ones(n + 1), n)  # of inputs, labour last
    final = random.dirichlet(np.ones(n))
    weights = np.linalg.solve(np.eye(n) - shares[:, :n].T, final)
    firms = {
        f"f{i}": {
            "production": {
                f"g{i}": " * ".join(
                    [
                        *(f"g{j}^{shares[i, j]:.15f}" for j in range(n)),
                        f"labour^(1 - ({'+'.join(f'{shares[i, j]:.15f}' for j in range(n))}))",
                    ]
                )
            }
        }
        for i in range(n)
    }
    firms["household"] = {"production": {"utility": " * ".join(f"g{i}^{final[i]:.15f}" for i in range(n))}}
    tree = {"firms": firms, "supply": {"labour": {"quantity": 3}}, "demand": {"utility": {"price": 1}}}
    rows = rows_of(chainprice.sensitivity(read_back(tree), of=["labour"]).rows)
    for i in range(n):
        assert rows[f"productivity.f{i}"].elasticity == pytest.approx(weights[i], rel=1e-9)
    assert rows["supply.labour.quantity"].elasticity == pytest.approx(1, rel=1e-9)


def test_a_chain_of_powers_has_elasticities_that_multiply():
    text = """
parameters: {a: 0.5, scale: 3}
firms:
  one: {production: {y: scale*x^a}}
  two: {parameters: {a: 0.25}, production: {z: y^a}}
supply: {x: {quantity: 7}}
demand: {z: {price: 2}}
"""
    result, rows = total(text, of=["x", "y"])
    value = 2 * (3 * 7**0.5) ** 0.25
    assert rows["supply.x.quantity"].elasticity == pytest.approx(0.125, rel=1e-14)
    assert rows["scale"].elasticity == pytest.approx(0.25, rel=1e-14)
    assert rows["productivity.one"].elasticity == pytest.approx(0.25, rel=1e-14)
    assert rows["a"].derivative == pytest.approx(
        value * 0.25 * math.log(7), rel=1e-13
    )  # the first firm's only
    assert rows["two.a"].derivative == pytest.approx(value * math.log(3 * 7**0.5), rel=1e-13)
    prices = {of.good: rows_of(of.rows) for of in result.prices}
    assert prices["x"]["supply.x.quantity"].elasticity == pytest.approx(0.125 - 1, rel=1e-13)
    assert prices["y"]["supply.x.quantity"].elasticity == pytest.approx(0.5 * (0.25 - 1), rel=1e-13)
    assert prices["x"]["two.a"].derivative == pytest.approx(
        value / 7 * (0.5 + 0.125 * math.log(3 * 7**0.5)), rel=1e-13
    )


CURVES = """
parameters: {A: 12, e: 0.5, floor: 1, s: 0.25, unused: 3}
firms: {f: {production: {y: x}}}
supply: {x: {price: floor + s*q}}
demand: {y: {price: A*q^(-e)}}
"""


@pytest.mark.parametrize(
    "price", ["A*q^(-e)", "A*exp(-e*q/4) + 2*e", "max(e, A - 2*q)", "A/(e + q)", "A/q^e + q^2*0"]
)
def test_parameters_in_curves(price):
    tree = yaml.safe_load(CURVES)
    tree["demand"]["y"]["price"] = price
    result = chainprice.sensitivity(read_back(tree), of=["y"])
    for row in (*result.rows, *result.prices[0].rows):
        of = None if row in result.rows else "y"
        assert near(row.derivative, slope(tree, row.name, row.value, of), 1), row
    assert rows_of(result.rows)["unused"].derivative == 0


def test_the_exponent_of_a_constant_elasticity_demand_in_closed_form():
    """W = A*q^(1-e)/(1-e) - floor*q - s*q^2/2 from 0, although ln(q) is endless there."""
    result, rows = total(CURVES)
    q = float(chainprice.solve(spec(CURVES)).quantities["y"])
    expected = 12 * (q**0.5 / 0.25 - math.log(q) * q**0.5 / 0.5)
    assert rows["e"].derivative == pytest.approx(expected, rel=1e-13)
    assert rows["A"].derivative == pytest.approx(q**0.5 / 0.5, rel=1e-14)
    assert rows["floor"].derivative == pytest.approx(-q, rel=1e-14)
    assert rows["s"].derivative == pytest.approx(-(q**2) / 2, rel=1e-14)
    assert rows["supply.x.price"].value == pytest.approx(1 + q / 4, rel=1e-14)
    assert result.total_value == pytest.approx(12 * q**0.5 / 0.5 - q - q**2 / 8, rel=1e-14)


LIMITS = """
parameters: {most: 4}
firms:
  f: {production: {y: "min(x, most)"}}
  g: {production: {y: "2*sqrt(w)"}}
supply:
  x: {price: 1}
  w: {quantity: 9, price: 0.1 + q/100}
  v: {quantity: 5}
demand:
  y: {price: 20 - q}
  v: {price: 3, quantity: 2}
"""


def test_limits_capacities_and_what_does_not_bind():
    tree = yaml.safe_load(LIMITS)
    result = chainprice.sensitivity(read_back(tree), of=["y", "v"])
    rows = rows_of(result.rows)
    for row in result.rows:
        assert near(row.derivative, slope(tree, row.name, row.value), 1), row
    price = 20 - (4 + 6)
    assert rows["most"].derivative == pytest.approx(price - 1)
    assert rows["supply.w.quantity"].derivative == pytest.approx(price / 3 - 0.19)
    assert rows["demand.v.quantity"].derivative == 3
    assert rows["supply.v.quantity"].derivative == 0
    answers = rows_of(result.prices[0].rows)
    assert answers["most"].derivative == pytest.approx(-1)
    assert answers["supply.w.quantity"].derivative == pytest.approx(-1 / 3)
    for row in result.prices[0].rows:
        assert near(row.derivative, slope(tree, row.name, row.value, "y"), 1), row


def test_what_must_be_delivered():
    text = """
firms: {f: {production: {y: "sqrt(x)"}}}
supply: {x: {price: 3}}
demand: {y: {quantity: 5}}
"""
    result, rows = total(text, of=["y"])
    assert rows["demand.y.quantity"].derivative == pytest.approx(-30)  # costs 3*y^2
    assert rows["supply.x.price"].derivative == pytest.approx(-25)
    assert rows["productivity.f"].derivative == pytest.approx(150)
    assert rows_of(result.prices[0].rows)["demand.y.quantity"].derivative == pytest.approx(6)


def test_elasticities_of_nothing_are_null():
    text = """
parameters: {zero: 0}
firms: {f: {production: {y: x + zero}}}
supply: {x: {quantity: 2, price: 3}}
demand: {y: {price: 3}}
"""
    result, rows = total(text)
    assert result.total_value == 0
    for name in ("supply.x.price", "zero"):
        assert rows[name].derivative
        assert rows[name].elasticity is None
        assert rows[name].reason.startswith("no elasticity")


# Where there is no one derivative.


def test_on_a_kink_both_sides_are_told():
    text = """
firms: {f: {production: {y: "min(x, 2)"}}, g: {production: {z: "sqrt(y)"}}}
supply: {x: {quantity: 2}}
demand: {z: {price: 4}}
"""
    result, rows = total(text, of=["x"])
    supply = rows["supply.x.quantity"]
    assert supply.derivative is None
    assert supply.elasticity is None
    assert supply.one_sided == (0, pytest.approx(math.sqrt(2), rel=1e-9))
    assert supply.reason
    assert rows["productivity.g"].derivative == pytest.approx(4 * math.sqrt(2), rel=1e-9)
    jump = rows_of(result.prices[0].rows)["supply.x.quantity"]
    assert jump.derivative is None
    assert jump.reason


def test_in_a_market_with_many_price_systems_both_sides_are_told():
    """One good for two firms whose capacities it just fills: one more is worth nothing, one fewer 5."""
    text = """
firms: {f: {production: {y: "min(x, 3)"}}}
supply: {x: {quantity: 3}}
demand: {y: {price: 5}}
allocation: competitive
"""
    _, rows = total(text)
    assert rows["supply.x.quantity"].one_sided == (pytest.approx(0, abs=1e-9), pytest.approx(5))
    assert rows["supply.x.quantity"].derivative is None
    assert rows["demand.y.price"].derivative == 3
    assert rows["productivity.f"].derivative == pytest.approx(15)


def test_of_several_plans_that_are_as_good_each_side_takes_its_own():
    """Two firms make the same of the same: a better one would make all, a worse one nothing."""
    text = """
firms: {f: {production: {y: 2*x}}, g: {production: {y: 2*x}}}
supply: {x: {quantity: 3}}
demand: {y: {price: 5}}
"""
    _, rows = total(text)
    for firm in ("f", "g"):
        row = rows[f"productivity.{firm}"]
        assert row.derivative is None
        assert row.one_sided == (pytest.approx(30), pytest.approx(0, abs=1e-9))
    assert rows["supply.x.quantity"].derivative == pytest.approx(10)
    assert rows["demand.y.price"].derivative == pytest.approx(6)


def test_the_refinery_by_highs():
    """Its plan is not unique, so that a firm's productivity has two sides: those of the linear programme itself."""
    path = ROOT / "specs" / "refinery.yaml"
    tree = tree_of(path)
    rows = rows_of(chainprice.sensitivity(chainprice.load(path)).rows)
    sides = 0
    for name, row in rows.items():
        step = 1e-6 * max(1.0, row.value)
        base, up, down = (by_highs(moved(tree, name, repr(by))) for by in (0.0, step, -step))
        right, left = (up - base) / step, (base - down) / step
        expected = (row.derivative, row.derivative) if row.one_sided is None else row.one_sided
        sides += row.one_sided is not None
        # What the last digits of an optimum come to over a step, and a corner that the step goes beyond.
        near = 2e-13 * abs(base) / step + 3e-4 * max(abs(right), abs(left))
        assert expected == (pytest.approx(right, abs=near), pytest.approx(left, abs=near)), row
    assert sides == 10


def by_highs(tree):
    """The optimum of a linear spec as a linear programme of its own: no line of it is chainprice's.

    Formulas are sums of multiples of goods, or a multiple of a min over such; each firm's use of each good is a
    variable, and so are sales and each min.
    """
    import sympy

    names, columns, rows, right = {}, [], [], []

    def column(key, gain=0.0):
        names[key] = len(columns)
        columns.append(gain)
        return names[key]

    goods = {good: {} for good in tree["supply"]}
    fixed = {good: float(sympy.sympify(trade["quantity"])) for good, trade in tree["supply"].items()}
    for firm, of_firm in tree["firms"].items():
        for output, text in of_firm["production"].items():
            expression = sympy.sympify(text, {"Min": sympy.Min, "min": sympy.Min})
            inputs = {
                str(symbol): column((firm, str(symbol)))
                for symbol in expression.free_symbols
                if (firm, str(symbol)) not in names
            }
            for good, index in inputs.items():
                goods.setdefault(good, {})[index] = -1.0
            made = goods.setdefault(output, {})
            for bend in expression.atoms(sympy.Min):
                stand_in = sympy.Symbol(f"bend_{firm}_{output}")
                index = column((firm, str(stand_in)))
                for argument in bend.args:
                    row = {index: 1.0}
                    for symbol, factor in argument.as_coefficients_dict().items():
                        row[names[firm, str(symbol)]] = -float(factor)
                    rows.append(row)
                    right.append(0.0)
                expression = expression.subs(bend, stand_in)
            for symbol, factor in expression.expand().as_coefficients_dict().items():
                made[names[firm, str(symbol)]] = made.get(names[firm, str(symbol)], 0.0) + float(factor)
    for good, trade in tree["demand"].items():
        if "price" in trade:
            goods[good][column(("sale", good), float(sympy.sympify(trade["price"])))] = -1.0
        else:
            fixed[good] = fixed.get(good, 0.0) - float(sympy.sympify(trade["quantity"]))
    for good, balance in goods.items():
        rows.append({index: -factor for index, factor in balance.items()})
        right.append(fixed.get(good, 0.0))
    matrix = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, factor in row.items():
            matrix[i, j] = factor
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(-np.array(columns), A_ub=matrix, b_ub=right, method="highs-ds", options=options)
    assert found.status == 0
    return -found.fun


# How far supplies can move.

DAKOTA = """
firms:
  desks:  {production: {desk: "min(lumber/8, finish/4, carpentry/2)"}}
  tables: {production: {table: "min(lumber/6, finish/2, carpentry/1.5)"}}
  chairs: {production: {chair: "min(lumber/1, finish/1.5, carpentry/0.5)"}}
supply: {lumber: {quantity: 48}, finish: {quantity: 20}, carpentry: {quantity: 8}}
demand: {desk: {price: 60}, table: {price: 30, quantity: 5}, chair: {price: 20}}
"""
"""Winston, Operations Research, chapter 6: the Dakota furniture problem and its sensitivity report."""


def test_the_ranges_of_a_textbook():
    result = chainprice.sensitivity(spec(DAKOTA))
    found = {r.good: (r.low, r.high, r.price) for r in result.ranges}
    assert found["lumber"] == (pytest.approx(24), None, 0)
    assert found["finish"] == (pytest.approx(16), pytest.approx(24), pytest.approx(10))
    assert found["carpentry"] == (pytest.approx(20 / 3), pytest.approx(10), pytest.approx(10))
    assert {(r.holds, r.method) for r in result.ranges} == {("price", "linear programme")}


@pytest.mark.parametrize("seed", range(4))
def test_prices_hold_within_the_range_and_not_beyond_by_highs(seed):
    """Random linear markets: the slope of the linear programme's optimum is the price in, and another one out."""
    random = np.random.default_rng(seed)
    goods, plants = 4, 5
    needs = random.integers(1, 9, (plants, goods))
    there, earns = random.integers(20, 90, goods), random.integers(10, 60, plants)
    firms = {
        f"p{i}": {
            "production": {f"y{i}": "min(" + ", ".join(f"x{j}/{needs[i, j]}" for j in range(goods)) + ")"}
        }
        for i in range(plants)
    }
    tree = {
        "firms": firms,
        "supply": {f"x{j}": {"quantity": int(there[j])} for j in range(goods)},
        "demand": {f"y{i}": {"price": int(earns[i])} for i in range(plants)},
    }

    def price(j, quantity):
        right = there.astype(float)
        right[j] = quantity
        found = linprog(-earns, A_ub=needs.T, b_ub=right, method="highs-ds")
        return -found.ineqlin.marginals[j]

    ranges = chainprice.sensitivity(read_back(tree)).ranges
    ended = 0
    for j, row in enumerate(ranges):
        assert (row.good, row.value, row.method) == (f"x{j}", there[j], "linear programme")
        high = 10 * row.value if row.high is None else row.high
        for part in (0.01, 0.5, 0.99):
            assert price(j, row.low + part * (high - row.low)) == pytest.approx(row.price, abs=1e-9)
        if row.high is not None:
            ended += 1
            assert price(j, row.high * 1.001) < row.price - 1e-6
        if row.low:
            ended += 1
            assert price(j, row.low * 0.999) > row.price + 1e-6
    assert ended >= 4


def binding(text):
    solution = chainprice.solve(spec(text))
    idle = {(f.firm, i.good) for f in solution.firms for i in f.inputs if not i.quantity}
    return {(r.kind, r.good, r.firm) for r in solution.limits if r.binding and r.rent}, idle


SMOOTH = """
firms:
  f: {production: {y: "min(2*sqrt(x), 5)"}}
  g: {production: {z: "3*ln(1 + x)"}}
supply: {x: {quantity: QUANTITY}, w: {price: WAGE}}
demand: {y: {price: 10 - q}, z: {price: 2}, w: {price: 7 - 2*q}}
"""


def test_a_smooth_market_keeps_its_pattern_within_the_range_and_not_beyond():
    def text(quantity=4, wage=3):
        return SMOOTH.replace("QUANTITY", repr(quantity)).replace("WAGE", repr(wage))

    ranges = rows_of(chainprice.sensitivity(spec(text())).ranges)
    row, wage = ranges["supply.x.quantity"], ranges["supply.w.price"]
    assert (row.method, row.holds) == ("path", "pattern")
    inside = binding(text())
    for end, beyond in ((row.low, 0.999), (row.high, 1.001)):
        assert binding(text(quantity=end * (2 - beyond))) == inside
        assert binding(text(quantity=end * beyond)) != inside
    assert wage.high == pytest.approx(7, rel=1e-9)
    assert wage.low == 0


def test_the_ranges_of_a_market_hold_when_it_is_solved_there():
    """Cars and bridges: just inside of each end the same capacities bind and the same uses are there."""
    path = ROOT / "specs" / "cars_and_bridges.yaml"
    tree = tree_of(path)
    ranges = rows_of(chainprice.sensitivity(read_back(tree)).ranges)
    inside = binding(json.dumps(tree))
    for name in ("supply.ore.price", "supply.coal.price"):
        row = ranges[name]
        for part, is_same in ((0.999, True), (1.001, False)):
            there = moved(tree, name, repr(row.high * part - row.value))
            assert (binding(json.dumps(there)) == inside) is is_same, (name, part)


def test_a_large_market_is_estimated_by_its_slopes(monkeypatch):
    """In a market of linear functions and curves, slopes go on as they begin: both ways say the same."""
    text = MERIT.read_text(encoding="utf-8")
    followed = chainprice.sensitivity(spec(text)).ranges
    monkeypatch.setattr("chainprice.limits.FOLLOWED_WORK", 0)
    estimated = chainprice.sensitivity(spec(text)).ranges
    assert {row.method for row in followed} == {"path"}
    assert {row.method for row in estimated} == {"slopes"}
    a, b = (rows_of(ranges)["supply.uranium.price"] for ranges in (followed, estimated))
    assert (a.high, a.at_high) == (pytest.approx(30), "the capacity of nuclear (power) stops to bind")
    assert (b.high, b.at_high) == (pytest.approx(30), a.at_high)


def test_a_limit_that_does_not_bind_can_fall_to_what_is_bought():
    ranges = rows_of(chainprice.sensitivity(spec(LIMITS.replace("quantity: 9", "quantity: 900"))).ranges)
    bought = chainprice.solve(spec(LIMITS.replace("quantity: 9", "quantity: 900"))).quantities["w"]
    assert ranges["supply.w.quantity"].low == pytest.approx(bought, rel=1e-9)
    assert ranges["supply.w.quantity"].high is None


def test_a_given_chain_goes_on_until_it_bends_or_ends():
    text = """
firms:
  f: {production: {y: "min(3*x, 30)"}}
  g: {production: {z: "sqrt(40 - v)"}}
supply: {x: {quantity: 4}, v: {quantity: 15}}
demand: {y: {price: 2}, z: {price: 1}}
"""
    ranges = rows_of(chainprice.sensitivity(spec(text)).ranges)
    x, v = ranges["supply.x.quantity"], ranges["supply.v.quantity"]
    assert (x.low, x.high, x.holds, x.method) == (0, pytest.approx(10), "price", "search")
    assert "f (y)" in x.at_high
    assert (v.high, v.holds) == (pytest.approx(40), "pattern")
    assert "no value" in v.at_high


# Who bears a tax.

STALLS = """
firms: {f: {production: {y: x}}}
supply: {x: {price: 1 + 2*q}}
demand: {y: {price: 10 - q}}
"""


def test_the_textbooks_tax():
    """By slopes: buyers bear b/(b+s), sellers s/(b+s); the loss is a triangle."""
    result, _ = total(STALLS, taxes=["y=0.3", "x=0.3", "y=-0.3"])
    for tax in result.taxes[:2]:
        assert tax.price == pytest.approx(7)
        assert tax.buyers_price == pytest.approx(7.1)
        assert tax.sellers_price == pytest.approx(6.8)
        assert (tax.quantity_before, tax.quantity) == (pytest.approx(3), pytest.approx(2.9))
        assert (tax.buyers_share, tax.sellers_share) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
        assert tax.pass_through == pytest.approx(1 / 3)
        assert tax.revenue == pytest.approx(0.87)
        assert tax.dead_weight_loss == pytest.approx(0.3 * 0.1 / 2)
        assert tax.rate is None
    subsidy = result.taxes[2]
    assert subsidy.buyers_price == pytest.approx(6.9)
    assert subsidy.revenue == pytest.approx(-0.3 * 3.1)
    assert subsidy.dead_weight_loss == pytest.approx(0.3 * 0.1 / 2)


def test_a_tax_of_so_many_percent_is_of_the_sellers_price():
    (tax,) = total(STALLS, taxes=["y=10%"])[0].taxes
    sellers = 19 / 3.2  # 10 - q = 1.1*(1 + 2*q)
    quantity = 8.9 / 3.2
    assert tax.quantity == pytest.approx(quantity, rel=1e-12)
    assert tax.sellers_price == pytest.approx(1 + 2 * quantity, rel=1e-12)
    assert tax.buyers_price == pytest.approx(1.1 * tax.sellers_price, rel=1e-12)
    assert tax.rate == 0.1
    assert sellers


def test_who_cannot_turn_away_bears_it_all():
    fixed = STALLS.replace("price: 1 + 2*q", "quantity: 3")
    (tax,) = total(fixed + "allocation: competitive\n", taxes=["x=0.5"])[0].taxes
    assert (tax.buyers_share, tax.sellers_share, tax.dead_weight_loss) == (0, 1, 0)
    assert tax.pass_through == 0


@pytest.mark.parametrize(
    ("stem", "good", "amount"), [("cars_and_bridges", "bridges", 100), ("electricity", "power", 3)]
)
def test_a_tax_on_what_is_sold_is_a_lower_demand_curve(stem, good, amount):
    """The same wedge, written by hand in the spec."""
    path = ROOT / "specs" / f"{stem}.yaml"
    tree = tree_of(path)
    (tax,) = chainprice.sensitivity(chainprice.load(path), taxes=[f"{good}={amount}"]).taxes
    lower = solved(moved(tree, f"demand.{good}.price", -amount))
    assert tax.sellers_price == pytest.approx(float(lower.prices[good]), rel=1e-12)
    assert tax.quantity == pytest.approx(float(lower.quantities[good]), rel=1e-12)
    before = solved(tree)
    loss = before.total_value - lower.total_value - amount * lower.quantities[good]
    assert tax.dead_weight_loss == pytest.approx(float(loss), rel=1e-9)
    assert tax.buyers_share + tax.sellers_share == pytest.approx(1)


def test_pass_through_is_the_limit_of_a_small_tax():
    path = ROOT / "specs" / "cars_and_bridges.yaml"
    small, other = chainprice.sensitivity(chainprice.load(path), taxes=["steel=0.0001", "labour=0.001"]).taxes
    assert small.buyers_share == pytest.approx(small.pass_through, rel=1e-5)
    assert other.buyers_share == pytest.approx(other.pass_through, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("y", "no tax"),
        ("y=", "no tax"),
        ("z=1", "unknown good 'z'"),
        ("y=much", "no number"),
        ("y=nan", "no number"),
        ("y=0", "a tax of 0"),
        ("y=-100%", "whole price"),
    ],
)
def test_what_is_no_tax_is_said(text, says):
    with pytest.raises(UsageError, match=says):
        total(STALLS, taxes=[text])


def test_a_tax_means_nothing_where_quantities_are_given():
    done = run("sensitivity", "specs/tupperware.yaml", "--tax", "ethylene=0.1")
    assert done.returncode == 2
    assert "quantities are given" in done.stderr
    assert "--allocation competitive" in done.stderr


# What users see.


def test_goods_that_lead_to_no_demand_and_endless_slopes_are_no_trouble():
    text = """
firms:
  f: {production: {y: x}}
  g: {production: {z: "w^0.5"}}
  dead: {parameters: {k: 2}, production: {waste: "k*x"}}
goods: {w: {split: {g: 0.5}}}
supply: {x: {price: 1 + 2*q}, w: {price: 3}}
demand: {y: {price: 10 - q}, z: {price: 0}}
"""
    _, rows = total(text)
    assert rows["productivity.f"].derivative == pytest.approx(21)
    for name in ("productivity.dead", "dead.k", "productivity.g"):
        assert rows[name].derivative == 0


def test_unknown_goods_are_all_named():
    with pytest.raises(UsageError) as caught:
        total(STALLS, of=["yy", "w"])
    assert [problem.message for problem in caught.value.problems] == [
        "--of: unknown good 'yy'",
        "--of: unknown good 'w'",
    ]


@pytest.mark.parametrize("stem", ["bakery", "electricity", "refinery"])
def test_the_json_is_what_the_schema_says(stem):
    extra = () if stem == "bakery" else ("--tax", "power=1") if stem == "electricity" else ()
    done = run("sensitivity", f"specs/{stem}.yaml", "-f", "json", *extra)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    jsonschema.validate(data, chainprice.schema("sensitivity"))
    assert data["format"] == "chainprice.sensitivity/1"
    if stem != "refinery":  # its plan is not unique
        result = chainprice.sensitivity(chainprice.load(ROOT / "specs" / f"{stem}.yaml"), taxes=extra[1:])
        assert data | {"spec": None} == json.loads(json.dumps(result.to_dict())) | {"spec": None}


def test_the_csv_has_every_row_and_the_ranges():
    done = run("sensitivity", "specs/electricity.yaml", "-f", "csv", "--of", "power", "--tax", "power=1")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["of"] for row in rows} == {"total value", "power"}
    gas = next(row for row in rows if (row["of"], row["name"]) == ("total value", "supply.gas.price"))
    assert float(gas["high"]) == pytest.approx(14.7142544, rel=1e-6)
    assert gas["at_high"] == "use of oil by oil_peakers begins"
    tax = rows[-1]
    assert (tax["kind"], float(tax["buyers_share"])) == ("tax", 1)


def test_the_allocation_can_be_chosen():
    done = run("sensitivity", "specs/steel.yaml", "--allocation", "competitive", "-f", "json")
    assert json.loads(done.stdout)["allocation"] == "competitive"
    rows = rows_of(chainprice.sensitivity(chainprice.load(ROOT / "specs" / "steel.yaml")).rows)
    for row in json.loads(done.stdout)["rows"]:
        assert row["derivative"] == pytest.approx(rows[row["name"]].derivative, rel=1e-9)


def test_a_numeraire_changes_nothing():
    tree = tree_of(ROOT / "specs" / "steel.yaml")
    plain = chainprice.sensitivity(read_back(tree)).rows
    assert chainprice.sensitivity(read_back(tree | {"numeraire": "coil"})).rows == plain


def test_a_market_without_an_equilibrium_says_so():
    text = "firms: {f: {production: {y: x^2}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}"
    with pytest.raises(NoAnswerError):
        total(text)


def test_names_of_a_spec_reach_no_terminal_raw():
    done = run("sensitivity", "-", "--of", "y", stdin=STALLS.replace("y", "\u202ey"))
    assert "\u202e" not in done.stdout + done.stderr


def test_digits_that_cancel_are_worked_for():
    """W is small beside its parts, and its slopes are small differences of them."""
    text = """
parameters: {k: 1}
firms: {f: {production: {y: "(x + 1e30)^2 - (x*x + 2e30*x*k + 1e60)"}}}
supply: {x: {quantity: 3}}
demand: {y: {price: 1}}
"""
    _, rows = total(text)
    assert rows["supply.x.quantity"].derivative == 0
    assert rows["k"].derivative == pytest.approx(-6e30)


# Parameters that decide which formula a form is.


def ces(**parameters):
    """A CES function of a = 3 and b = 5."""
    shares = {"a": "al", "b": parameters.pop("b", "1 - al")}
    return {
        "firms": {"f": {"production": {"y": {"form": "ces", "elasticity": "s", "shares": shares}}}},
        "supply": {"a": {"quantity": "3"}, "b": {"quantity": "5"}},
        "demand": {"y": {"price": "1"}},
        "parameters": parameters,
    }


def test_an_elasticity_of_1_is_moved_though_cobb_douglas_does_not_name_it():
    tree = ces(s="1", al="0.4")
    result = chainprice.sensitivity(read_back(tree), of=["a"])
    row, price = rows_of(result.rows)["s"], rows_of(result.prices[0].rows)["s"]
    # y = 3^0.4*5^0.6*(1 + rho/2*variance of ln + ...), and rho = 1 - 1/s moves as s does
    closed = 3**0.4 * 5**0.6 * 0.4 * 0.6 * math.log(3 / 5) ** 2 / 2
    assert row.derivative == pytest.approx(closed, rel=1e-12)
    assert near(row.derivative, slope(tree, "s", 1.0))
    assert near(price.derivative, slope(tree, "s", 1.0, of="a"))
    assert near(rows_of(result.rows)["al"].derivative, slope(tree, "al", 0.4))


def test_an_elasticity_of_0_can_only_grow():
    row = rows_of(chainprice.sensitivity(read_back(ces(s="0", al="0.4"))).rows)["s"]
    assert (row.derivative, row.one_sided[1]) == (None, None)
    assert row.one_sided[0] == pytest.approx(-3 * math.log(0.4), rel=1e-9)
    assert row.reason == "beside this value a form has another formula"


def test_a_share_of_0_lets_its_good_in():
    row = rows_of(chainprice.sensitivity(read_back(ces(s="2", al="0"))).rows)["al"]
    # the square of al times the root of 3, and (1 - al) times that of 5
    assert row.one_sided == (pytest.approx(2 * 5**0.5 * (3**0.5 - 5**0.5), rel=1e-9), None)


@pytest.mark.parametrize("s", ["1", "2"])
def test_a_share_that_cannot_move_alone_has_no_derivative(s):
    row = rows_of(chainprice.sensitivity(read_back(ces(s=s, al="0.4", b="0.6"))).rows)["al"]
    assert (row.derivative, row.one_sided) == (None, None)
    assert row.reason == "it cannot be moved alone: the shares sum to 1.00004, and not to 1"


def test_a_second_order_of_0_is_moved():
    form = {"form": "translog", "first_order": {"a": "0.3", "b": "0.5"}, "second_order": {"a": {"b": "k"}}}
    tree = ces(k="0")
    tree["firms"]["f"] = {"parameters": {"k": "0"}, "production": {"y": form}}
    del tree["parameters"]
    row = rows_of(chainprice.sensitivity(read_back(tree)).rows)["f.k"]
    assert row.derivative == pytest.approx(3**0.3 * 5**0.5 * math.log(3) * math.log(5), rel=1e-12)


def test_a_form_in_the_file_of_a_chain_is_read_again_there(tmp_path):
    inner = ces(s="1", al="0.4")
    (tmp_path / "plant.json").write_text(
        json.dumps({key: inner[key] for key in ("firms", "parameters")}), encoding="utf-8"
    )
    outer = {
        "firms": {"plant": {"chain": "plant.json"}},
        "supply": inner["supply"],
        "demand": {"y": {"price": "1"}},
    }
    (tmp_path / "spec.json").write_text(json.dumps(outer), encoding="utf-8")
    rows = rows_of(chainprice.sensitivity(chainprice.load(tmp_path / "spec.json")).rows)
    row = next(row for name, row in rows.items() if name.endswith("plant.s"))
    assert near(row.derivative, slope(inner, "s", 1.0))


def test_a_form_is_read_again_with_what_was_set():
    text = json.dumps(ces(s="3", al="0.4"))
    rows = rows_of(chainprice.sensitivity(chainprice.load(text, ["s=1", "supply.a.quantity=4"])).rows)
    closed = 4**0.4 * 5**0.6 * 0.4 * 0.6 * math.log(4 / 5) ** 2 / 2
    assert rows["s"].derivative == pytest.approx(closed, rel=1e-12)


# A kink of a price in a parameter.


@pytest.mark.parametrize(
    ("price", "sides"), [("max(c, 2)", (2, 0)), ("9 + abs(c - 2) - q", (2, -2)), ("max(c, 2) - q/9", (2, 0))]
)
@pytest.mark.parametrize("supply", ["{quantity: 4}", "{price: 0.01, quantity: 4}"])
def test_a_demand_price_on_a_kink_of_a_parameter_has_two_sides(price, sides, supply):
    _, rows = total(
        f"""
        firms: {{f: {{production: {{y: a^0.5}}}}}}
        parameters: {{c: 2}}
        supply: {{a: {supply}}}
        demand: {{y: {{price: "{price}"}}}}
        """
    )
    assert rows["c"].derivative is None
    assert rows["c"].one_sided == pytest.approx(sides)
    assert rows["demand.y.price"].derivative == pytest.approx(2)


def test_a_supply_price_on_a_kink_of_a_parameter_has_two_sides():
    result, rows = total(
        """
        firms: {f: {production: {y: a^0.5}}}
        parameters: {c: 2, d: 1}
        supply: {a: {price: "d*min(c, 2)/10", quantity: 50}}
        demand: {y: {price: 9 - q}}
        """,
        of=["y"],
    )
    assert rows["c"].one_sided == pytest.approx((0, -5))
    assert rows["d"].derivative == pytest.approx(-10)
    assert rows_of(result.prices[0].rows)["c"].derivative == 0


def test_a_price_whose_bend_is_passed_has_one_slope():
    """The kink of max(10 - q, c) is at one quantity of many."""
    _, rows = total(
        """
        firms: {f: {production: {y: a}}}
        parameters: {c: 8}
        supply: {a: {quantity: 5}}
        demand: {y: {price: "max(10 - q, c)"}}
        """
    )
    assert rows["c"].derivative == pytest.approx(3)


# A limit of nothing.


def test_a_supply_of_at_most_0_is_worth_its_rent():
    result, rows = total(
        """
        firms: {f: {production: {y: a + b}}}
        supply: {a: {quantity: 4}, b: {quantity: 0, price: 1}}
        demand: {y: {price: 9 - q}}
        allocation: competitive
        """,
        of=["y"],
    )
    row = rows["supply.b.quantity"]
    assert (row.derivative, row.reason) == (None, "a quantity cannot be below 0")
    assert row.one_sided == (pytest.approx(4), None)
    assert rows_of(result.prices[0].rows)["supply.b.quantity"].one_sided == (pytest.approx(-1), None)


@pytest.mark.parametrize(("price", "rent"), [("3", 2), ("1.5", 0.5), ("0.9", 0)])
def test_a_demand_for_at_most_0_is_worth_its_rent(price, rent):
    _, rows = total(
        f"""
        firms: {{f: {{production: {{y: a}}}}}}
        supply: {{a: {{price: 1}}}}
        demand: {{y: {{price: {price}, quantity: 0}}, a: {{price: 0.5}}}}
        """
    )
    assert rows["demand.y.quantity"].one_sided == (pytest.approx(rent), None)


def test_a_demand_for_at_most_0_of_what_begins_steeply_is_worth_its_rent():
    _, rows = total(
        """
        firms: {f: {production: {y: a^0.5}}, g: {production: {z: 0.1*a}}}
        supply: {a: {quantity: 4}}
        demand: {y: {price: 3, quantity: 0}, z: {price: 1}}
        allocation: competitive
        """
    )
    assert rows["demand.y.quantity"].one_sided == (pytest.approx(3, rel=1e-12), None)


def test_where_two_firms_break_even_total_value_has_both_sides():
    """Of the firms one makes all 7, at a cost of 2 a unit each way: who grows dearer is left alone."""
    _, rows = total(
        """
        firms: {f: {production: {y: a}}, g: {production: {y: 0.5*b}}}
        supply: {a: {price: 2}, b: {price: 1}}
        demand: {y: {price: 9 - q}}
        """
    )
    expected = {"supply.a.price": (0, -7), "supply.b.price": (0, -14)}
    expected |= {"productivity.f": (14, 0), "productivity.g": (14, 0)}
    for name, both in expected.items():
        assert rows[name].derivative is None
        assert rows[name].one_sided == pytest.approx(both, rel=1e-12), name


# What rounding leaves.


def test_what_is_0_is_printed_as_0():
    """Of goods that are priced by others alone, and of a plan that a limit leaves alone."""
    result, rows = total(
        """
        goods: {r: {rival: false}}
        firms: {f: {production: {y: "sqrt(a)*r^0.3"}}, g: {production: {z: "min(r, 2)*3"}}}
        supply: {a: {quantity: 4, price: 0.1}, r: {quantity: 2, price: 0.5}}
        demand: {y: {price: 9 - q, quantity: 2}, z: {price: 1}}
        """,
        of=["a", "y", "z"],
    )
    every = [*result.rows, *(row for of in result.prices for row in of.rows)]
    shown = [v for row in every for v in (row.derivative, *(row.one_sided or ())) if v]
    assert min(map(abs, shown)) > 1e-6
    assert rows["supply.r.quantity"].one_sided[0] == 0


def test_both_sides_of_a_tie_are_rounded_to_what_is_sure():
    _, rows = total(
        """
        firms: {f: {production: {y: a}}, g: {production: {y: 0.5*b}}}
        supply: {a: {quantity: 7, price: 2}, b: {price: 1}}
        demand: {y: {price: 2}}
        """
    )
    assert rows["supply.a.price"].one_sided == (0, -7)
    assert rows["productivity.f"].one_sided == (14, 0)


def test_what_is_small_beside_the_rest_is_kept():
    """A parameter of 1e-30 has a slope, and one whose slope is 1e-18 too."""
    _, rows = total(
        """
        firms: {f: {production: {y: "(1 + k + c*1e-18)*a^0.5"}}}
        parameters: {k: 1e-30, c: 1}
        supply: {a: {price: 1}}
        demand: {y: {price: 9 - q}}
        """
    )
    assert rows["k"].derivative == pytest.approx(rows["productivity.f"].derivative, rel=1e-12)
    assert rows["c"].derivative == pytest.approx(rows["k"].derivative * 1e-18, rel=1e-12)


def test_a_supply_that_can_move_to_nothing_goes_to_0_and_not_to_rounding():
    table = json.loads(run("sensitivity", "specs/car_panels.yaml", "-f", "json").stdout)
    lows = {row["name"]: row["low"] for row in table["ranges"]}
    assert lows.pop("supply.scrap.price") == pytest.approx(261.323, abs=1e-3)
    assert len(lows) > 3
    assert set(lows.values()) == {0.0}
