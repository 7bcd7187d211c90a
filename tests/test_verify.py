"""The verifier is tested with wrong answers, which must fail, by every method."""

import copy
import dataclasses
import json
import random
from decimal import Decimal

import mpmath
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import ROOT, SMOOTH, chain, spec

import chainprice
from chainprice.errors import TableError, UsageError
from chainprice.verification import numeric, table_of
from chainprice.verification.composition import compose

LOADED = {path.stem: chainprice.load(path) for path in SMOOTH}
TABLES = {name: chainprice.solve(loaded).to_dict() for name, loaded in LOADED.items()}
EVERY_METHOD = pytest.mark.parametrize("method", ["symbolic", "numeric", "adjoint"])


def verdict(name, table, method="auto", **options):
    return chainprice.verify(LOADED[name], table_of(table), method=method, **options)


def failing(result):
    return {check.good for check in result.checks if not check.passed}


@EVERY_METHOD
@pytest.mark.parametrize("name", LOADED)
def test_right_tables_pass(name, method):
    result = verdict(name, TABLES[name], method)
    assert result.verified
    assert [check.good for check in result.checks] == [row["good"] for row in TABLES[name]["goods"]]
    assert {check.method for check in result.checks} == {method}
    assert all(check.relative_error < 1e-14 for check in result.checks)


@EVERY_METHOD
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_single_price_off_by_one_part_in_a_million_fails(method, data):
    name = data.draw(st.sampled_from(sorted(TABLES)))
    table = copy.deepcopy(TABLES[name])
    row = data.draw(st.sampled_from(table["goods"]))
    row["price"] *= 1 + data.draw(st.sampled_from([1e-6, -1e-6]))
    result = verdict(name, table, method)
    assert not result.verified
    assert failing(result) == {row["good"]}


@EVERY_METHOD
@pytest.mark.parametrize("name", LOADED)
def test_a_right_price_in_the_wrong_row_fails(name, method):
    table = copy.deepcopy(TABLES[name])
    first, second = table["goods"][0], table["goods"][-1]
    first["price"], second["price"] = second["price"], first["price"]
    assert failing(verdict(name, table, method)) == {first["good"], second["good"]}


@EVERY_METHOD
def test_zero_in_place_of_a_price_fails(method):
    table = copy.deepcopy(TABLES["steel"])
    table["goods"][4]["price"] = 0
    assert failing(verdict("steel", table, method)) == {table["goods"][4]["good"]}


@EVERY_METHOD
def test_a_price_in_place_of_zero_fails(method):
    free = spec("firms: {f: {production: {y: x, w: x}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 1}}")
    table = chainprice.solve(free).to_dict()
    assert chainprice.verify(free, table_of(table), method=method).verified
    next(row for row in table["goods"] if row["good"] == "w")["price"] = 1e-12
    assert failing(chainprice.verify(free, table_of(table), method=method)) == {"w"}


@EVERY_METHOD
def test_two_wrong_rows_cannot_hide_each_other(method):
    table = copy.deepcopy(TABLES["steel"])
    for row, factor in ((table["goods"][0], 1 + 1e-6), (table["goods"][1], 1 - 1e-6)):
        row["price"] *= factor
    assert len(failing(verdict("steel", table, method))) == 2


@EVERY_METHOD
def test_rows_that_lack_and_rows_that_are_too_many_fail(method):
    table = copy.deepcopy(TABLES["mill"])
    gone = table["goods"].pop(2)["good"]
    table["goods"].append({"good": "gold", "price": 1})
    result = verdict("mill", table, method)
    assert failing(result) == {gone, "gold"}
    rows = {check.good: check for check in result.checks}
    assert rows[gone].price is None
    assert rows[gone].direct == pytest.approx(TABLES["mill"]["goods"][2]["price"])
    assert rows["gold"].direct is None


@EVERY_METHOD
def test_a_table_of_another_numeraire(method):
    table = chainprice.solve(LOADED["steel"], numeraire="coil").to_dict()
    assert verdict("steel", table, method).verified
    assert len(failing(verdict("steel", {**table, "numeraire": None}, method))) == 12
    table["goods"][3]["price"] *= 1 + 1e-6
    assert failing(verdict("steel", table, method)) == {table["goods"][3]["good"]}


@pytest.mark.parametrize(
    ("condition", "change"),
    [
        ("quantities", lambda t: t["goods"][5].update(quantity=t["goods"][5]["quantity"] * (1 + 1e-6))),
        ("values", lambda t: t["goods"][5].update(value=t["goods"][5]["value"] * (1 + 1e-6))),
        ("accounts", lambda t: t["firms"][1].update(cost=t["firms"][1]["cost"] * (1 + 1e-6))),
        ("accounts", lambda t: t["firms"][1].update(profit=t["firms"][1]["profit"] * (1 + 1e-5))),
        ("accounts", lambda t: t["firms"][0].update(revenue=0)),
        ("total value", lambda t: t.update(total_value=t["total_value"] * (1 + 1e-6))),
    ],
)
@pytest.mark.parametrize("name", ["steel", "chipmaker"])
def test_all_else_in_the_table_is_checked_too(condition, change, name):
    table = copy.deepcopy(TABLES[name])
    change(table)
    result = verdict(name, table)
    assert not result.verified
    assert failing(result) == set()
    assert condition in [c.condition for c in result.conditions if not c.passed]


@pytest.mark.parametrize("method", ["numeric", "adjoint"])
def test_on_a_kink_any_price_of_the_range_passes_and_no_other(method):
    kinked = spec(
        "firms: {f: {production: {y: 'min(3*a, 2*b)', z: c}}}\n"
        "supply: {a: {quantity: 2}, b: {quantity: 3}, c: {quantity: 5}}\n"
        "demand: {y: {price: 2}, z: {price: 1}}"
    )
    table = chainprice.solve(kinked).to_dict()
    del table["firms"]
    for row in table["goods"]:
        del row["value"], row["uses"]
    for price, passes in ((0, True), (3.3, True), (6, True), (6.00001, False), (-0.00001, False)):
        table["goods"][0]["price"] = price
        result = chainprice.verify(kinked, table_of(table), method=method)
        assert result.verified is passes, price
        assert result.checks[0].method == "one-sided"
    table["goods"][0]["price"] = 3
    table["goods"][0]["price_range"] = [0, 5.9999]
    result = chainprice.verify(kinked, table_of(table), method=method)
    assert [c.condition for c in result.conditions if not c.passed] == ["price ranges"]


def test_twenty_firms_that_read_their_input_twice_are_verified_symbolically():
    twice = spec(chain("x + sqrt(x)", 20))
    result = chainprice.verify(twice)
    assert result.verified
    assert {check.method for check in result.checks} == {"symbolic"}


def test_a_deep_chain_is_verified_by_the_adjoint_method_and_one_wrong_row_is_found():
    deep = spec(chain("2*x^0.65 + 1", 400))
    table = chainprice.solve(deep).to_dict()
    result = chainprice.verify(deep, table_of(table))
    assert result.verified
    assert {check.method for check in result.checks} == {"adjoint"}
    for index in random.Random(7).sample(range(401), 3):
        wrong = copy.deepcopy(table)
        wrong["goods"][index]["price"] *= 1 + 1e-6
        assert failing(chainprice.verify(deep, table_of(wrong))) == {wrong["goods"][index]["good"]}


def test_prices_below_the_smallest_double():
    deep = spec(chain("x^0.5", 1100))
    table = chainprice.solve(deep).to_dict()
    price = Decimal(table["goods"][0]["price"])
    assert price < Decimal("1e-320")
    assert chainprice.verify(deep, table_of(table), method="adjoint").verified
    table["goods"][0]["price"] = str(price * Decimal("1.000001"))
    assert failing(chainprice.verify(deep, table_of(table), method="adjoint")) == {"g0"}
    with mpmath.workdps(60):
        composition = compose(deep)
        direct = numeric.derivative(composition, composition.evaluate(), "g0")
        assert abs(direct.low / mpmath.mpf(str(price)) - 1) < 1e-16


@EVERY_METHOD
@pytest.mark.parametrize(
    ("function", "slope"),
    [
        ("erf(x)", lambda x: 2 * mpmath.exp(-(x**2)) / mpmath.sqrt(mpmath.pi)),
        ("tanh(x)", lambda x: mpmath.sech(x) ** 2),
        ("tanh(-x)", lambda x: -(mpmath.sech(x) ** 2)),
        ("erf(-x)", lambda x: -2 * mpmath.exp(-(x**2)) / mpmath.sqrt(mpmath.pi)),
        ("atan(x)", lambda x: 1 / (1 + x**2)),
        ("sin(x)", mpmath.cos),
        ("cos(x)", lambda x: -mpmath.sin(x)),
        ("tan(x)", lambda x: mpmath.sec(x) ** 2),
        ("sinh(x)", mpmath.cosh),
        ("cosh(x)", mpmath.sinh),
    ],
)
@pytest.mark.parametrize("at", ["1/3", "400"])
def test_functions_that_have_levelled_off_still_have_a_slope(method, function, slope, at):
    loaded = spec(chain(function, 1, at))
    table = chainprice.solve(loaded, count=40).to_dict()
    with mpmath.workdps(800):
        direct = slope(mpmath.mpf(1) / 3 if at == "1/3" else mpmath.mpf(at))
        assert abs(mpmath.mpf(table["goods"][0]["price"]) / direct - 1) < 1e-38
    assert chainprice.verify(loaded, table_of(table), method=method).verified


def test_a_tolerance_is_a_number_between_0_and_1():
    for tolerance in (0, -1, 1, 2, float("nan")):
        with pytest.raises(UsageError, match="tolerance"):
            verdict("mill", TABLES["mill"], tolerance=tolerance)


def test_a_tight_tolerance_with_many_digits():
    table = chainprice.solve(LOADED["steel"], count=60).to_dict()
    assert verdict("steel", table, tolerance=1e-45).verified
    assert not verdict("steel", TABLES["steel"], tolerance=1e-45).verified


def test_bends_are_not_verified_symbolically():
    kinked = spec(
        "firms: {f: {production: {y: 'abs(x)'}}}\nsupply: {x: {quantity: 2}}\ndemand: {y: {price: 1}}"
    )
    assert chainprice.verify(kinked).checks[0].method == "numeric"
    with pytest.raises(UsageError, match="numeric"):
        chainprice.verify(kinked, method="symbolic")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[]", "a table is an object"),
        ("{}", "format is not chainprice.solve/1"),
        ('{"format": "chainprice.solve/1"}', "the table has no goods"),
        ('{"format": "chainprice.solve/1", "goods": 3}', "'goods' must be a list"),
        ('{"format": "chainprice.solve/1", "goods": [{"price": 3}]}', "has no 'good'"),
        ('{"format": "chainprice.solve/1", "goods": [{"good": "x"}]}', "'x' has no price"),
        ('{"format": "chainprice.solve/1", "goods": [{"good": "x", "price": "much"}]}', "is not a number"),
        ('{"format": "chainprice.solve/1", "goods": [{"good": "x", "price": true}]}', "is not a number"),
        ('{"format": "chainprice.solve/1", "goods": [{"good": "x", "price": NaN}]}', "NaN is not a number"),
        (
            '{"format": "chainprice.solve/1", "goods": [{"good": "x", "price": 1}, {"good": "x", "price": 1}]}',
            "'x' is in the table twice",
        ),
    ],
)
def test_what_is_no_table_is_refused(text, message):
    with pytest.raises(TableError, match=message):
        chainprice.read_table(text)


def test_reading_a_table_reads_what_solve_prints():
    text = json.dumps(TABLES["bakery"])
    assert chainprice.verify(LOADED["bakery"], chainprice.read_table(text)).verified


def test_the_result_is_the_contract():
    result = verdict("tupperware", TABLES["tupperware"]).to_dict()
    assert list(result) == ["path", "verified", "allocation", "tolerance", "checks", "conditions", "error"]
    assert list(result["checks"][0]) == ["good", "price", "direct", "relative_error", "method", "passed"]
    assert list(result["conditions"][0]) == ["condition", "worst", "where", "passed"]
    assert result["path"] == str(ROOT / "specs" / "tupperware.yaml")


@pytest.mark.parametrize(("formula", "slope"), [("x^2.5 + z", 0), ("x^1.1 + z", 0), ("x + x^1.5 + z", 2)])
def test_a_slope_at_the_edge_of_a_domain_is_where_its_differences_go(formula, slope):
    """To the left of 0 there is nothing, and to the right the slope is only approached."""
    spec = chainprice.load(
        f"firms: {{f: {{production: {{y: {formula}}}}}}}\n"
        "supply: {x: {quantity: 0}, z: {quantity: 3}}\ndemand: {y: {price: 2}}"
    )
    table = chainprice.solve(spec).to_dict()
    assert {row["good"]: row["price"] for row in table["goods"]}["x"] == slope
    assert chainprice.verify(spec).verified
    table["goods"] = [{**row, "price": row["price"] + (row["good"] == "x") * 1e-6} for row in table["goods"]]
    assert not chainprice.verify(spec, table_of(table)).verified


@pytest.mark.parametrize(
    ("formula", "quantity"),
    [
        ("cos(pi*x)", "10"),
        ("sin(pi*x)", "10"),
        ("tan(pi) + 0*x", "3"),
        ("(1+x)^1e-9 - cos(x)", "1e-40"),
        ("x^1.01", "0"),
        ("x/(x/3)", "0.1"),
        ("x/7/x", "50"),
    ],
)
def test_zeros_that_rounding_hides_and_numbers_that_nearly_cancel_are_right(formula, quantity):
    text = f"firms: {{f: {{production: {{y: {formula}}}}}}}\nsupply: {{x: {{quantity: {quantity}}}}}\ndemand: {{y: {{price: 1}}}}"
    spec = chainprice.load(text)
    solution = chainprice.solve(spec)
    assert chainprice.verify(spec, solution).verified
    wrong = dataclasses.replace(
        solution, goods=(solution.goods[0]._replace(price=1e-30), *solution.goods[1:])
    )
    assert not chainprice.verify(spec, wrong).verified


def test_what_is_nothing_but_rounding_is_0_in_every_row():
    spec = chainprice.load("firms: {f: {production: {y: -tan(pi)}}}\ndemand: {y: {price: 3}}")
    solution = chainprice.solve(spec).to_dict()
    assert solution["total_value"] == 0
    assert solution["goods"][0]["uses"][0]["quantity"] == 0
    assert solution["firms"][0]["outputs"][0]["quantity"] == 0
    assert solution["firms"][0]["revenue"] == 0
