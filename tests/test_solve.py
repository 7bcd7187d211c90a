"""Prices against what is known: the post's numbers, closed forms, theorems."""

import json
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from support import GIVEN, ROOT, SMOOTH, chain, spec

import chainprice
from chainprice import network, pricing, technology
from chainprice.errors import (
    MarketMustChooseError,
    NumeraireError,
    PrecisionError,
    UndefinedError,
    UsageError,
)
from chainprice.prices import Slopes
from chainprice.rules import price_rule
from chainprice.spec.tree import read_tree

TUPPERWARE = chainprice.load(ROOT / "specs" / "tupperware.yaml")


def codes(solution):
    return [(warning.code, warning.good or warning.firm) for warning in solution.warnings]


def priced(text, *settings):
    return chainprice.solve(spec(text, *settings))


def test_the_post():
    solution = chainprice.solve(TUPPERWARE)
    assert solution.prices == {"natgas": 1 / 24, "ethylene": 1 / 6, "polyethylene": 1.5, "tupperware": 1.0}
    assert solution.quantities["polyethylene"] == 2 / 3
    assert [d.formula for firm in solution.firms for d in firm.derivatives] == [
        "1/(2*sqrt(natgas))",
        "1/(ethylene + 1)**2",
        "1/polyethylene",
    ]


@pytest.mark.parametrize("x", ["0.01", "1", "2", "7/3", "1e6"])
def test_the_post_in_closed_form(x):
    solution = chainprice.solve(
        chainprice.load(ROOT / "specs" / "tupperware.yaml", [f"supply.natgas.quantity={x}"]), count=50
    )
    with localcontext(prec=70):
        number = Decimal(Fraction(x).numerator) / Decimal(Fraction(x).denominator)
        exact = 1 / (2 * number * (1 + number.sqrt()))
        assert abs(solution.prices["natgas"] / exact - 1) < Decimal("1e-49")


def test_cobb_douglas_in_closed_form():
    """y = A K^a L^b: P_K = P a y / K, the factors get their shares, and profit is the rest."""
    solution = priced(
        "firms: {f: {production: {y: 3*K^0.3*L^0.6}}}\nsupply: {K: {quantity: 32}, L: {quantity: 5}}\n"
        "demand: {y: {price: 7}}"
    )
    output = 3 * 32**0.3 * 5**0.6
    assert solution.quantities["y"] == pytest.approx(output, rel=1e-15)
    assert solution.prices["K"] == pytest.approx(7 * 0.3 * output / 32, rel=1e-15)
    assert solution.prices["L"] == pytest.approx(7 * 0.6 * output / 5, rel=1e-15)
    (firm,) = solution.firms
    assert firm.returns_to_scale == 0.9
    assert firm.profit == pytest.approx(0.1 * firm.revenue, rel=1e-15)


def test_a_cobb_douglas_chain_in_closed_form():
    """Twelve firms y = x^(2/3): the elasticity of the last by the first is (2/3)^12."""
    solution = priced(chain("x^(2/3)", 12, "5"))
    elasticity = Fraction(2, 3) ** 12
    final = 5 ** float(elasticity)
    assert solution.prices["g0"] == pytest.approx(float(elasticity) * final / 5, rel=1e-14)


@pytest.mark.parametrize(
    "formula",
    ["2*a^0.25*b^0.75", "(0.3*a^-0.5 + 0.7*b^-0.5)^-2", "sqrt(a*b) + b", "a*b/(a + b)", "min(3*a, 2*b)"],
)
def test_euler_under_constant_returns_factors_get_all(formula):
    solution = priced(
        f"firms: {{f: {{production: {{y: '{formula}'}}}}}}\n"
        "supply: {a: {quantity: 3}, b: {quantity: 11}}\ndemand: {y: {price: 2}}"
    )
    (firm,) = solution.firms
    assert firm.returns_to_scale == 1
    assert firm.cost == pytest.approx(firm.revenue, rel=1e-15)
    assert abs(firm.profit) <= 1e-15 * firm.revenue


def test_joint_outputs_share_the_price_of_the_input():
    solution = priced(
        "firms: {mill: {production: {flour: 0.8*grain, bran: 0.2*grain - grain^2/1000}}}\n"
        "supply: {grain: {quantity: 10}}\ndemand: {flour: {price: 5}, bran: {price: 2}}"
    )
    assert solution.prices["grain"] == 5 * 0.8 + 2 * (0.2 - 0.02)
    assert solution.goods[0].rule == "P_grain = P_bran * (0.2 - grain/500) + P_flour * 0.8"


def test_non_rival_marginal_values_add_and_each_use_pays_its_own():
    solution = priced(
        "goods: {design: {rival: false}}\n"
        "firms: {a: {production: {x: 3*design}}, b: {production: {y: design^2}}}\n"
        "supply: {design: {quantity: 4}}\ndemand: {x: {price: 2}, y: {price: 1}, design: {price: 10}}"
    )
    assert solution.prices["design"] == 2 * 3 + 1 * 8 + 10
    assert {use.user: (use.price, use.quantity) for use in solution.goods[0].uses} == {
        "a": (6.0, 4.0),
        "b": (8.0, 4.0),
        "demand": (10.0, 4.0),
    }
    assert sum(firm.cost for firm in solution.firms) + 40 == solution.goods[0].value


def test_a_stated_split_weighs_marginal_values_and_warns():
    text = (
        "goods: {steel: {split: {car: 0.6, demand: 0.4}}}\nfirms: {car: {production: {cars: 2*steel}}}\n"
        "supply: {steel: {quantity: 5}}\ndemand: {cars: {price: 3}, steel: {price: %s}}"
    )
    unequal = priced(text % "1")
    assert unequal.prices["steel"] == 4
    assert unequal.quantities["cars"] == 6
    assert ("unequal-split", "steel") in codes(unequal)
    equal = priced(text % "6")
    assert equal.prices["steel"] == 6
    assert codes(equal) == []


def test_several_makers_and_an_endowment_of_one_good():
    solution = priced(
        "firms: {a: {production: {m: 2*x}}, b: {production: {m: 3*y}}, c: {production: {z: sqrt(m)}}}\n"
        "supply: {x: {quantity: 1}, y: {quantity: 1}, m: {quantity: 4}}\ndemand: {z: {price: 6}}"
    )
    assert solution.quantities["m"] == 9
    assert solution.prices == {"x": 2.0, "y": 3.0, "m": 1.0, "z": 6.0}


def test_a_demand_curve_prices_at_the_quantity_sold_and_w_is_the_area_under_it():
    solution = priced(
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {quantity: 3, price: 1}}\n"
        "demand: {y: {price: 10 - q/2}}"
    )
    assert solution.prices == {"x": 14.0, "y": 7.0}
    assert solution.total_value == 10 * 6 - 36 / 4 - 3


def test_total_value_under_a_curve_that_bends():
    solution = priced(
        "firms: {f: {production: {y: x}}}\nsupply: {x: {quantity: 12}}\n"
        "demand: {y: {price: 'max(4, 10 - q, 12 - 2*q)'}}"
    )
    assert solution.total_value == pytest.approx((12 + 8) / 2 * 2 + (8 + 4) / 2 * 4 + 4 * 6, rel=1e-14)


def test_negative_things_are_warnings():
    solution = priced(
        "firms: {f: {production: {y: 10*x - x^2}}}\nsupply: {x: {quantity: 7}}\ndemand: {y: {price: 2}}"
    )
    assert solution.prices["x"] == -8
    assert codes(solution) == [("negative-price", "x")]
    assert ("negative-quantity", "tupperware") in codes(chainprice.solve(TUPPERWARE))


def test_an_unused_good_is_free():
    solution = priced(
        "firms: {f: {production: {y: x, waste: x/2}}}\nsupply: {x: {quantity: 7}}\ndemand: {y: {price: 2}}"
    )
    assert solution.prices["waste"] == 0
    assert codes(solution) == [("unused-good", "waste")]


def test_returns_and_curvature_are_warned_of():
    grows = priced(
        "firms: {f: {production: {y: x^1.5}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 1}}"
    )
    assert codes(grows) == [("increasing-returns", "f"), ("not-concave", "y")]
    saddle = priced(
        "firms: {f: {production: {y: a*b + 100}}}\nsupply: {a: {quantity: 1}, b: {quantity: 1}}\n"
        "demand: {y: {price: 1}}"
    )
    assert codes(saddle) == [("not-concave", "y")]
    ray = priced(
        "firms: {f: {production: {y: (a^0.5 + b^0.5)^2}}}\nsupply: {a: {quantity: 1}, b: {quantity: 9}}\n"
        "demand: {y: {price: 1}}"
    )
    assert codes(ray) == []


def test_curvature_of_a_firm_with_many_inputs():
    names = [f"x{i}" for i in range(30)]
    supply = ", ".join(f"{name}: {{quantity: {i + 1}}}" for i, name in enumerate(names))
    concave = "(" + " + ".join(f"{name}^0.5" for name in names) + ")^1.5"
    convex = concave + " + x3^2"
    for formula, expected in ((concave, []), (convex, [("not-concave", "y")])):
        solution = priced(
            f"firms: {{f: {{production: {{y: {formula}}}}}}}\nsupply: {{{supply}}}\ndemand: {{y: {{price: 1}}}}"
        )
        assert codes(solution) == expected


def test_a_supply_that_costs_more_than_it_is_worth_is_warned_of():
    text = (
        "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {quantity: 1, price: %s}}\ndemand: {y: {price: 1}}"
    )
    assert codes(priced(text % "2.5")) == [("unprofitable-supply", "x")]
    assert codes(priced(text % "2")) == []


def test_a_supply_that_is_worth_nothing_is_worth_0_however_that_is_written():
    solution = priced(
        "firms: {f: {production: {y: x^2 + z}}}\n"
        "supply: {x: {quantity: 0.0000000, price: 1}, z: {quantity: 1}}\ndemand: {y: {price: 3}}"
    )
    assert "bought at 1 and worth 0: a market" in solution.warnings[0].message


@pytest.mark.parametrize(("scarce", "price"), [("1", 6), ("3", 0)])
def test_leontief_prices_the_scarce_input_only(scarce, price):
    solution = priced(
        f"firms: {{f: {{production: {{y: 'min(3*a, 2*b)'}}}}}}\nsupply: {{a: {{quantity: {scarce}}}, "
        "b: {quantity: 4}}\ndemand: {y: {price: 2}}"
    )
    assert solution.prices["a"] == price
    assert codes(solution) == []


def test_on_a_kink_prices_have_a_range_and_still_add_up():
    solution = priced(
        "firms: {f: {production: {y: 'min(3*a, 2*b)'}}}\nsupply: {a: {quantity: 2}, b: {quantity: 3}}\n"
        "demand: {y: {price: 2}}"
    )
    rows = {row.good: row for row in solution.goods}
    assert codes(solution) == [("kink", "y")]
    assert rows["a"].price_range == pytest.approx((0, 6))
    assert rows["b"].price_range == pytest.approx((0, 4))
    assert rows["a"].value + rows["b"].value == rows["y"].value
    assert rows["y"].price_range is None


def test_a_kink_further_down_opens_the_prices_upstream():
    solution = priced(
        "firms: {f: {production: {m: sqrt(x)}}, g: {production: {y: abs(m - 2)}}}\nsupply: {x: {quantity: 4}}\n"
        "demand: {y: {price: 8}}"
    )
    rows = {row.good: row for row in solution.goods}
    assert rows["x"].price == 0
    assert rows["x"].price_range == pytest.approx((-2, 2))


def test_a_deep_chain_underflows_doubles_but_not_its_prices():
    solution = priced(chain("sqrt(x)", 1100))
    exponent = Fraction(1, 2**1100)
    with localcontext(prec=40):
        exact = Decimal(exponent.numerator) / Decimal(exponent.denominator) / 4
        assert isinstance(solution.prices["g0"], Decimal)
        assert abs(solution.prices["g0"] / exact - 1) < Decimal("1e-16")
    assert ("underflow", "g0") in codes(solution)
    assert isinstance(solution.to_dict()["goods"][0]["price"], str)
    assert float(solution.to_dict()["goods"][-1]["price"]) == 1


@pytest.mark.parametrize("count", [17, 50])
def test_digits_are_right_where_much_cancels(count):
    text = "firms: {f: {production: {y: sqrt(x + 1) - sqrt(x)}}}\nsupply: {x: {quantity: 1e30}}\ndemand: {y: {price: 1}}"
    solution = chainprice.solve(spec(text), count=count)
    prices, quantities = solution.prices, solution.quantities
    with localcontext(prec=200):
        x = Decimal("1e30")
        exact = (1 / (x + 1).sqrt() - 1 / x.sqrt()) / 2
        bound = Decimal(10) ** (1 - count)
        assert abs(Decimal(prices["x"]) / exact - 1) < bound
        assert abs(Decimal(quantities["y"]) / ((x + 1).sqrt() - x.sqrt()) - 1) < 2 * bound


def test_a_zero_that_rounding_hides_is_zero():
    text = "firms: {f: {production: {y: x - 3*(x/3), z: x}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}, z: {price: 1}}"
    solution = priced(text)
    assert solution.quantities["y"] == 0
    assert solution.prices["x"] == 1


@pytest.mark.parametrize("count", [1, 17, 18, 30, 50, 200])
def test_digits(count):
    """ln 3 / 3 to any number of digits, as a double up to 17."""
    text = "firms: {f: {production: {y: ln(3)*ln(x)}}}\nsupply: {x: {quantity: 3}}\ndemand: {y: {price: 1}}"
    price = chainprice.solve(spec(text), count=count).prices["x"]
    with localcontext(prec=count + 30):
        exact = Decimal(3).ln() / 3
        if count <= 17:
            assert price == float(exact)
        else:
            with localcontext(prec=count):
                assert price == +exact


def test_the_order_of_keys_changes_nothing():
    def backwards(node):
        return {key: backwards(node[key]) for key in reversed(node)} if isinstance(node, dict) else node

    for path in GIVEN:
        tree = read_tree(path.read_text(encoding="utf-8")).tree
        turned = json.dumps(backwards(tree), indent=1)
        here = chainprice.solve(chainprice.load(path)).to_dict()
        there = chainprice.solve(spec(turned)).to_dict()
        assert {**here, "spec": None} == {**there, "spec": None}


@pytest.mark.parametrize("path", GIVEN, ids=lambda path: path.stem)
def test_scaling_the_money_scales_all_prices(path):
    """Demand and supply prices times 8 (exact in doubles): every money figure times 8."""
    plain = chainprice.load(path)
    settings = [
        f"{section}.{good}.price=8*({trade.price})"
        for section, trades in (("supply", plain.supply), ("demand", plain.demand))
        for good, trade in trades.items()
        if trade.price is not None
    ]
    scaled = chainprice.solve(chainprice.load(path, settings))
    base = chainprice.solve(plain)
    assert scaled.prices == {good: 8 * price for good, price in base.prices.items()}
    assert scaled.total_value == pytest.approx(8 * base.total_value, rel=1e-15)


@pytest.mark.parametrize("path", SMOOTH, ids=lambda path: path.stem)
def test_a_numeraire_divides_all_money(path):
    plain = chainprice.load(path)
    base = chainprice.solve(plain, count=40)
    good = base.goods[0].good
    counted = chainprice.solve(plain, numeraire=good, count=40)
    assert counted.prices[good] == 1
    with localcontext(prec=60):
        for other, price in base.prices.items():
            assert abs(counted.prices[other] * base.prices[good] - price) <= abs(price) * Decimal("1e-38")
        assert abs(counted.total_value * base.prices[good] / base.total_value - 1) < Decimal("1e-38")
        assert abs(counted.firms[0].revenue * base.prices[good] / base.firms[0].revenue - 1) < Decimal(
            "1e-38"
        )


@pytest.mark.parametrize("path", GIVEN, ids=lambda path: path.stem)
def test_total_value_is_shared_out(path):
    """What the demands pay is the firms' profits and the value of what was supplied (a redundant identity)."""
    solution = chainprice.solve(chainprice.load(path))
    goods = {row.good: row for row in solution.goods}
    sales = sum(
        use.quantity * use.price for row in solution.goods for use in row.uses if use.kind == "demand"
    )
    supplied = sum(row.value for row in goods.values() if row.role == "primary")
    assert sum(firm.profit for firm in solution.firms) + supplied == pytest.approx(sales, rel=1e-12)


def test_every_gap_of_an_equilibrium_is_zero():
    solution = chainprice.solve(chainprice.load(ROOT / "specs" / "steel.yaml"))
    assert [used.gap for firm in solution.firms for used in firm.inputs] == [0.0] * 11


ANSWERLESS = {
    "loop": (
        "firms: {a: {production: {x: y + w}}, b: {production: {y: x/2}}}\nsupply: {w: {quantity: 1}}\n"
        "demand: {x: {price: 1}}",
        "'x' goes round the loop x -> y -> x",
    ),
    "fan-out": (
        "firms: {a: {production: {x: w}}, b: {production: {y: w}}}\nsupply: {w: {quantity: 1}}\n"
        "demand: {x: {price: 1}, y: {price: 1}}",
        "'w' goes to each of its 2 uses (a, b)",
    ),
    "used and sold": (
        "firms: {a: {production: {x: w}}}\nsupply: {w: {quantity: 1}}\ndemand: {x: {price: 1}, w: {price: 1}}",
        "'w' goes to each of its 2 uses (a, demand)",
    ),
    "no quantity": (
        "firms: {a: {production: {x: w}}}\nsupply: {w: {price: 1}}\ndemand: {x: {price: 1}}",
        "'w' to buy: its supply has a price and no quantity",
    ),
    "supply curve": (
        "firms: {a: {production: {x: w}}}\nsupply: {w: {quantity: 2, price: 1 + q}}\ndemand: {x: {price: 1}}",
        "'w' to buy along its supply curve",
    ),
    "must be delivered": (
        "firms: {a: {production: {x: w}}}\nsupply: {w: {quantity: 2}}\ndemand: {x: {quantity: 1}}",
        "'x', which must be delivered and has no price",
    ),
    "limited demand": (
        "firms: {a: {production: {x: w}}}\nsupply: {w: {quantity: 2}}\ndemand: {x: {price: 1, quantity: 1}}",
        "'x' to sell: its demand has a limit",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), ANSWERLESS.values(), ids=ANSWERLESS)
def test_what_the_market_must_choose_is_named(text, sentence):
    for action in (chainprice.solve, chainprice.verify, chainprice.explain):
        with pytest.raises(MarketMustChooseError) as caught:
            action(spec(f"{text}\nallocation: given"))
        assert sentence in str(caught.value)
        assert "use allocation 'auto' or 'competitive'" in str(caught.value)
        assert caught.value.problems[0].place.line is not None


@pytest.mark.parametrize("text", [text for text, _ in ANSWERLESS.values()], ids=ANSWERLESS)
def test_the_market_chooses_what_is_left_open(text):
    solution = chainprice.solve(spec(text))
    assert solution.allocation == "competitive"
    assert chainprice.verify(spec(text), solution).verified


UNDEFINED = {
    "log of a negative": ("ln(x - 9)", "4", "'ln(x - 9)' has no finite real value at x = 4"),
    "root of a negative": ("sqrt(-x)", "4", "has no finite real value"),
    "division by zero": ("1/(x - 4)", "4", "has no finite real value"),
    "fractional power of a negative": ("(-x)^0.3", "4", "has no finite real value"),
    "nothing to nothing": ("0^(x - 4)", "4", "has no finite real value"),
    "beyond all exponents": ("exp(exp(exp(99*x)))", "4", "has no finite real value"),
    "infinite slope": ("sqrt(x)", "0", "'sqrt(x)' has no finite slope in 'x' at x = 0"),
    "arcsine of two": ("asin(x)", "2", "has no finite real value"),
}


@pytest.mark.parametrize(("formula", "quantity", "sentence"), UNDEFINED.values(), ids=UNDEFINED)
def test_undefined_functions_are_named_with_their_place(formula, quantity, sentence):
    text = f"firms:\n  f: {{production: {{y: {formula}}}}}\nsupply: {{x: {{quantity: {quantity}}}}}\ndemand: {{y: {{price: 1}}}}"
    with pytest.raises(UndefinedError) as caught:
        priced(text)
    assert sentence in str(caught.value)
    assert "firm 'f'" in str(caught.value)
    place = caught.value.problems[0].place
    assert place.line == 2
    assert place.text[place.column - 1 : place.column - 1 + place.length] in formula


def test_a_worthless_numeraire():
    text = "firms: {f: {production: {y: x, w: x}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}"
    with pytest.raises(NumeraireError, match="the price of the numeraire 'w' is 0"):
        chainprice.solve(spec(text), numeraire="w")
    with pytest.raises(UsageError, match="unknown good 'yy'.*\n.*did you mean 'y'"):
        chainprice.solve(spec(text), numeraire="yy")


def test_digits_that_cannot_be_had_are_not_claimed():
    firms = "\n".join(
        f"  f{i}: {{production: {{g{i + 1}: (g{i} + 1e12*g{i}) - 1e12*g{i}}}}}" for i in range(3)
    )
    text = f"firms:\n{firms}\nsupply:\n  g0: {{quantity: 1/3}}\ndemand:\n  g3: {{price: 1}}"
    assert priced(text).quantities["g3"] == 1 / 3
    noise = (
        "firms: {f: {production: {y: sin(x^4)}}}\nsupply: {x: {quantity: 10^999/3}}\ndemand: {y: {price: 1}}"
    )
    with pytest.raises(PrecisionError, match="17 digits of the quantity of 'y' could not be reached"):
        priced(noise)


def test_places_are_looked_up_only_to_report(monkeypatch):
    """A large spec would take longer to find places in than to solve."""
    from chainprice.spec import yamltree

    def compose(text):
        raise AssertionError("the text was composed for its places")

    loaded = chainprice.load(
        '{"firms": {"f": {"production": {"y": "sqrt(x)"}}}, "supply": {"x": {"quantity": 4}}, '
        '"demand": {"y": {"price": 1}}}'
    )
    monkeypatch.setattr(yamltree, "compose", compose)
    assert chainprice.solve(loaded).prices["x"] == 0.25


@pytest.mark.parametrize("path", GIVEN, ids=[path.stem for path in GIVEN])
def test_details_can_be_left_out(path):
    """All else is the same, the warnings about firms too."""
    loaded = chainprice.load(path)
    whole = chainprice.solve(loaded)
    assert whole.firms
    goods = tuple(good._replace(uses=()) for good in whole.goods)
    assert chainprice.solve(loaded, details=False) == replace(whole, firms=(), goods=goods)


class Counted(tuple):
    """Counts how often it is looked through."""

    passes = 0

    def __iter__(self):
        type(self).passes += 1
        return super().__iter__()


def test_the_rules_of_a_firm_of_many_inputs_look_through_them_once():
    names = [f"x{i}" for i in range(12)]
    loaded = spec(
        f"firms: {{f: {{production: {{y: {' + '.join(f'{i + 2}*{name}' for i, name in enumerate(names))}}}}}}}\n"
        f"supply: {{{', '.join(f'{name}: {{quantity: 1}}' for name in names)}}}\ndemand: {{y: {{price: 1}}}}"
    )
    graph = network.build(loaded)
    priced_chain = pricing.price(pricing.Chain(loaded, graph, technology.build(loaded, graph), None), 17)
    slopes = Slopes({"f": Counted(priced_chain.products["f"])})
    rules = [price_rule(loaded, graph, slopes, name) for name in names]
    assert rules == [f"P_{name} = P_y * {i + 2}" for i, name in enumerate(names)]
    assert Counted.passes == 1
