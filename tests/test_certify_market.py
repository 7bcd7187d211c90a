"""Certified prices of markets: Krawczyk's test, what it is asked, and what it must not claim."""

import copy
import math

import mpmath
import pytest
from flint import arb
from mpmath import mpf
from support import MARKETS as FILES
from support import ROOT, run, spec
from test_market import DEGENERATE, MARKETS
from test_market_verify import random_market, set_price

import chainprice
from chainprice import limits
from chainprice.verification import table_of
from chainprice.verification.certification import balls
from chainprice.verification.certification import market as markets
from chainprice.verification.certification.balls import BALLS, working
from chainprice.verification.certification.enclosure import digits_for
from chainprice.verification.certification.krawczyk import NotEnclosedError, enclose
from chainprice.verification.certification.programme import build, goods_of
from chainprice.verification.market import MarketPoint

OPEN = {"the first unit of what there is none of", "an idle firm of constant returns"}
"""A firm stands idle where its function has no slope: nothing is certified, though prices are right."""


def enclosures(loaded, table):
    return markets.enclosures(loaded, table, {g: digits_for(table.prices.get(g)) for g in goods_of(loaded)})


def outside(found, table):
    with working(2000):
        return {g for g, e in found.items() if e.reason is None and not e.allows(table.prices[g])}


def open_goods(found):
    return {good for good, enclosure in found.items() if enclosure.reason is not None}


# Krawczyk's test.


def circle_and_line(unknowns):
    x, y = unknowns
    return [x * x + y * y - 1, x - y], [[2 * x, 2 * y], [arb(1), arb(-1)]]


def test_a_solution_is_enclosed_to_nearly_all_bits():
    with working(256):
        box = enclose(circle_and_line, [arb(0.7), arb(0.7)])
        for value in box:
            assert value.contains(arb(0.5).sqrt())
            assert value.rel_accuracy_bits() > 200


@pytest.mark.parametrize("start", [0.1, 3, 100])
def test_newton_leads_there_from_afar(start):
    with working(128):
        assert enclose(circle_and_line, [arb(start), arb(start)])[0].contains(arb(0.5).sqrt())


def test_a_double_solution_and_none_are_not_enclosed():
    with working(128):
        for constant in (0, 1):  # x^2 = 0 has two solutions in one, x^2 = -1 none
            with pytest.raises(NotEnclosedError):
                enclose(
                    lambda unknowns, c=constant: ([unknowns[0] ** 2 + c], [[2 * unknowns[0]]]), [arb(1.3)]
                )


def test_a_wrong_jacobian_is_not_believed():
    def wrong(unknowns):
        values, jacobian = circle_and_line(unknowns)
        return values, [[entry * arb(1, 0.9) for entry in row] for row in jacobian]

    with working(128), pytest.raises(NotEnclosedError):
        enclose(wrong, [arb(0.7), arb(0.7)])


def test_what_is_undefined_is_not_taken_for_nothing():
    def undefined(unknowns):
        return [unknowns[0] - 1, unknowns[1]], [[arb(1), arb(0)], [arb(0), arb.nan()]]

    with working(128), pytest.raises(NotEnclosedError):
        enclose(undefined, [arb(1), arb(0)])


# Markets.


@pytest.mark.parametrize("path", [p for p in FILES if p.stem != "refinery"], ids=lambda path: path.stem)
def test_the_markets_of_the_specs_are_certified_and_wrong_tables_fail(path):
    loaded = chainprice.load(path)
    table = chainprice.solve(loaded).to_dict()
    found = enclosures(loaded, table_of(table))
    assert open_goods(found) == set()
    assert outside(found, table_of(table)) == set()
    for index, row in enumerate(table["goods"]):
        for ulps in (-4, -1, 1, 4):
            wrong = copy.deepcopy(table)
            wrong["goods"][index]["price"] += ulps * math.ulp(row["price"])
            assert outside(found, table_of(wrong)) == {row["good"]}


def test_a_wrong_table_fails_by_the_gate():
    loaded = chainprice.load(ROOT / "specs" / "cars_and_bridges.yaml")
    table = chainprice.solve(loaded).to_dict()
    set_price(table, "scrap", table["goods"][4]["price"] * (1 + 1e-13))
    assert chainprice.verify(loaded, table_of(table)).verified
    result = chainprice.verify(loaded, table_of(table), certify=True)
    assert {check.good for check in result.checks if not check.passed} == {"scrap"}


def test_a_market_whose_quantities_are_not_unique_is_not_certified_and_says_so():
    loaded = chainprice.load(ROOT / "specs" / "refinery.yaml")  # several blends are equally good
    result = chainprice.verify(loaded, certify=True)
    assert all(check.passed for check in result.checks)
    assert not result.verified
    assert {check.certificate.midpoint for check in result.checks} == {None}
    assert "leave a quantity or a price open" in result.checks[0].certificate.reason


@pytest.mark.parametrize("name", MARKETS)
def test_closed_forms_are_in_their_enclosures(name):
    text, expected = MARKETS[name]
    loaded = spec(text)
    table = table_of(chainprice.solve(loaded, count=40).to_dict())
    found = enclosures(loaded, table)
    assert outside(found, table) == set()
    assert bool(open_goods(found)) is (name in OPEN)
    for good, (_, price) in (expected or {}).items():
        if good not in open_goods(found):
            assert float(found[good].ball) == pytest.approx(price, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", DEGENERATE)
def test_what_degenerate_markets_say_is_right(name):
    loaded = spec(DEGENERATE[name][0])
    table = table_of(chainprice.solve(loaded).to_dict())
    assert outside(enclosures(loaded, table), table) == set()


def test_the_closed_form_of_the_two_stage_economy():
    loaded = chainprice.load(ROOT / "specs" / "two_stage_economy.yaml")
    found = enclosures(loaded, table_of(chainprice.solve(loaded).to_dict()))
    with mpmath.workdps(60):
        labour, food = [mpf(100) * n / 73 for n in (24, 49)]  # in machines, steel together; in food
        steel = mpmath.sqrt(labour / 4 * 20)
        machines = steel ** mpf("0.4") * (labour * 3 / 4) ** mpf("0.6")
        utility = machines ** mpf("0.3") * (food ** mpf("0.7") * mpf(50) ** mpf("0.3")) ** mpf("0.7")
        for good, share in (("labour", "0.0073"), ("ore", "0.003"), ("land", "0.0042")):
            middle, radius = map(mpf, (found[good].certificate().midpoint, found[good].certificate().radius))
            assert abs(middle - mpf(share) * utility) <= radius


@pytest.mark.parametrize("seed", range(40))
def test_random_markets_are_certified_and_no_right_price_is_outside(seed):
    loaded = spec(random_market(seed))
    table = table_of(chainprice.solve(loaded).to_dict())
    found = enclosures(loaded, table)
    assert outside(found, table) == set()
    assert all("not unique" in found[good].reason for good in open_goods(found))


def test_a_numeraire_is_divided_by():
    loaded = chainprice.load(ROOT / "specs" / "cars_and_bridges.yaml")
    table = table_of(chainprice.solve(loaded, numeraire="cars").to_dict())
    found = enclosures(loaded, table)
    assert open_goods(found) == set()
    assert outside(found, table) == set()
    assert found["cars"].certificate().midpoint == "1"


def test_more_digits_of_a_table_take_narrower_enclosures():
    loaded = chainprice.load(ROOT / "specs" / "cars_and_bridges.yaml")
    table = table_of(chainprice.solve(loaded, count=70).to_dict())
    found = enclosures(loaded, table)
    assert open_goods(found) == set()
    assert outside(found, table) == set()
    assert float(found["cars"].certificate().radius) < 1e-62


# What must not be claimed.


def test_a_firm_that_stands_idle_where_its_function_has_no_slope_proves_nothing():
    loaded = spec(MARKETS["an idle firm of constant returns"][0])
    table = table_of(chainprice.solve(loaded).to_dict())
    reasons = {enclosure.reason for enclosure in enclosures(loaded, table).values()}
    assert reasons == {
        "it could not be shown whether the use of 'labour' by firm 'old', which is 0, would gain nothing"
    }


def test_active_conditions_alone_prove_no_equilibrium(monkeypatch):
    """The dearer plant runs in place of the cheaper one: that solves all equations, but not the inequalities."""
    loaded = spec(MARKETS["merit order"][0])
    table = chainprice.solve(loaded).to_dict()
    for row in table["goods"]:
        quantity = {"gas": 0, "oil": 30}.get(row["good"], row["quantity"])
        row["quantity"] = row["uses"][0]["quantity"] = 60 if row["good"] == "power" else quantity
    found = enclosures(loaded, table_of(table))
    assert open_goods(found) == {"gas", "oil", "uranium", "power"}
    assert "whether the purchase of 'gas', which is 0, would gain nothing" in found["gas"].reason
    monkeypatch.setattr(markets._Proof, "failures", lambda self: ())
    blind = enclosures(loaded, table_of(table))
    assert float(blind["power"].ball) != table["goods"][-1]["price"] == 30


def test_a_market_that_is_too_large_is_said_to_be(monkeypatch):
    monkeypatch.setattr(limits, "CERTIFY_UNKNOWNS", 3)
    loaded = spec(MARKETS["merit order"][0])
    result = chainprice.verify(loaded, certify=True)
    assert "unknowns; Krawczyk's test is taken up to 3" in result.checks[0].certificate.reason
    assert not result.verified


def test_gradient_and_hessian_are_those_of_the_lagrangian():
    """Against mpmath's differences of the gradient, at a point that is no solution."""
    loaded = chainprice.load(ROOT / "specs" / "aluminium.yaml")
    table = table_of(chainprice.solve(loaded).to_dict())
    with working(300, 3), mpmath.workprec(300):
        programme = build(loaded, MarketPoint(loaded, table, mpf(1)))
        start = [value * (1 + arb(i) / 97) for i, value in enumerate(markets._start(programme))]
        _, jacobian = markets._equations(programme, start)
        step = arb(10) ** -30
        for column in range(len(start)):
            sides = []
            for sign in (1, -1):
                moved = list(start)
                moved[column] = moved[column] + sign * step
                sides.append(markets._equations(programme, moved)[0])
            for row in range(len(start)):
                slope = (sides[0][row] - sides[1][row]) / (2 * step)
                assert abs(slope - jacobian[row][column]) < arb(10) ** -20 * (1 + abs(slope))


def test_the_command_certifies_a_market():
    done = run("verify", "--certify", "specs/electricity.yaml")
    assert done.returncode == 0
    assert "39.9828 ±" in done.stdout


def test_zero_times_what_is_undefined_is_undefined():
    with working(128):
        nothing, edge = balls.moved(arb(0), arb(0)), BALLS["sqrt"](balls.moved(arb(0), arb(1)))
        assert not balls.coefficient(BALLS["mul"](nothing, edge), 1).is_finite()
        assert not balls.coefficient(BALLS["mul"](arb(0), edge), 1).is_finite()
        assert not BALLS["pow"](arb.nan(), arb(0)).is_finite()
