"""The code path of large chains, the adjoint method, is tested with wrong answers in every kind of row."""

import contextlib
import copy
import random
from decimal import Decimal

import mpmath
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import chain, spec
from test_every_number import leaves, put_wrong
from test_properties import markets

import chainprice
from chainprice import limits
from chainprice.errors import ChainpriceError, TableError
from chainprice.verification import table_of
from chainprice.verification.chain import measure
from chainprice.verification.composition import MPMATH, compose
from chainprice.verification.difference import DIFFERENCES, Moving
from chainprice.verification.numbers import as_decimal, as_mpf, decimals

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def by_adjoint(loaded, table, **options):
    return chainprice.verify(loaded, table_of(table), method="adjoint", **options)


def failing(verdict):
    return {check.good for check in verdict.checks if not check.passed}


def a_number(table, path):
    node = table
    for key in path:
        node = node[key]
    return isinstance(node, (int, float)) and not isinstance(node, bool)


@pytest.mark.parametrize(("most", "method"), [(4, "symbolic"), (3, "adjoint")])
def test_beyond_so_many_goods_all_rows_are_verified_together(monkeypatch, most, method):
    monkeypatch.setattr(limits, "NUMERIC_GOODS", most)
    verdict = chainprice.verify(spec(chain("sqrt(x)", 3)))
    assert {check.method for check in verdict.checks} == {method}
    assert verdict.verified


@QUICK
@given(markets(), st.data())
def test_any_number_of_a_random_market_off_by_one_part_in_a_million_fails(market, data):
    loaded = spec(market.text())
    table = chainprice.solve(loaded).to_dict()
    if any("price_range" in row for row in table["goods"]) or table["total_value"] is None:
        return
    assert by_adjoint(loaded, table).verified
    paths = [path for path in leaves(table) if a_number(table, path)]
    path = data.draw(st.sampled_from(paths))
    with contextlib.suppress(TableError):
        assert not by_adjoint(loaded, put_wrong(table, path)).verified, path


@QUICK
@given(markets(), st.data())
def test_wrong_prices_are_found_in_their_rows_and_in_no_other(market, data):
    loaded = spec(market.text())
    table = chainprice.solve(loaded).to_dict()
    rows = [row for row in table["goods"] if row["price"] and "price_range" not in row]
    wrong = data.draw(st.lists(st.sampled_from(rows), max_size=3, unique_by=id)) if rows else []
    for row in wrong:
        row["price"] = float(row["price"]) * (1 + data.draw(st.sampled_from([1e-6, -1e-6, 1e6, -2])))
    assert failing(by_adjoint(loaded, table)) == {row["good"] for row in wrong}


def many(count):
    """Firms side by side, each with goods of its own, and a row of firms that use each other's goods."""
    pick = random.Random(count)
    firms, supply, demand = [], [], []
    for i in range(count):
        a, b = pick.randint(2, 8) / 10, pick.randint(1, 9)
        formula = (f"{b}*a{i}^{a}*b{i}^0.2", f"{b}*ln(1 + a{i}) + sqrt(b{i})", f"min({b}*a{i}, b{i}/7)")[
            i % 3
        ]
        firms.append(f"  f{i}: {{production: {{g{i}: '{formula}'}}}}")
        supply += [f"  a{i}: {{quantity: {b}}}", f"  b{i}: {{quantity: 0.{b}1}}"]
        demand.append(f"  g{i}: {{price: {b}}}")
    parts = {"firms": firms, "supply": supply, "demand": demand}
    return "".join(f"{name}:\n" + "\n".join(lines) + "\n" for name, lines in parts.items())


LARGE = {"wide": many(1_500), "deep": chain("2*x^0.65 + 1", 3_000), "tiny": chain("x^0.5", 2_000)}
LOADED = {name: spec(text) for name, text in LARGE.items()}
TABLES = {name: chainprice.solve(loaded).to_dict() for name, loaded in LOADED.items()}


@pytest.mark.parametrize("name", LOADED)
def test_large_tables_are_verified_together(name):
    verdict = chainprice.verify(LOADED[name], table_of(TABLES[name]))
    assert verdict.verified
    assert {check.method for check in verdict.checks} == {"adjoint"}
    assert all(check.relative_error < 1e-12 for check in verdict.checks)


@pytest.mark.parametrize("name", LOADED)
def test_one_wrong_price_in_a_large_table_is_found(name):
    for index in random.Random(5).sample(range(len(TABLES[name]["goods"])), 2):
        table = copy.deepcopy(TABLES[name])
        row = table["goods"][index]
        row["price"] = str(Decimal(str(row["price"])) * Decimal("1.000001"))
        if Decimal(row["price"]):
            assert failing(chainprice.verify(LOADED[name], table_of(table))) == {row["good"]}


def times(value):
    """One part in a million more, of a number of any size."""
    return str(Decimal(str(value)) * Decimal("1.000001"))


CHANGES = {
    "quantities": lambda row, _: row.update(quantity=times(row["quantity"])),
    "values": lambda row, _: row.update(value=times(row["value"])),
    "uses": lambda row, _: row["uses"][0].update(quantity=times(row["uses"][0]["quantity"])),
    "uses ": lambda row, _: row["uses"][0].update(price=times(row["uses"][0]["price"])),
    "rows": lambda _, firm: firm["derivatives"][0].update(value=times(firm["derivatives"][0]["value"])),
    "rows ": lambda _, firm: firm["inputs"][0].update(
        marginal_value=times(firm["inputs"][0]["marginal_value"])
    ),
    "rows  ": lambda _, firm: firm["outputs"][0].update(quantity=times(firm["outputs"][0]["quantity"])),
    "rows   ": lambda _, firm: firm.update(returns_to_scale=times(firm["returns_to_scale"])),
    "accounts": lambda _, firm: firm.update(revenue=times(firm["revenue"])),
    "accounts ": lambda _, firm: firm.update(cost=times(firm["cost"])),
}


@pytest.mark.parametrize("condition", CHANGES)
@pytest.mark.parametrize("name", LOADED)
def test_all_else_in_a_large_table_counts_too(name, condition):
    table = copy.deepcopy(TABLES[name])
    pick = random.Random(condition)
    row = pick.choice([row for row in table["goods"] if row["uses"] and float(row["price"])])
    firm = pick.choice([firm for firm in table["firms"] if float(firm["inputs"][0]["marginal_value"])])
    CHANGES[condition](row, firm)
    verdict = chainprice.verify(LOADED[name], table_of(table))
    assert not verdict.verified
    assert condition.strip() in {found.condition for found in verdict.conditions if not found.passed}


def test_a_chain_deeper_than_python_recurses_is_composed_and_measured():
    deep = spec(chain("3*x^0.9", 20_000))
    arithmetic = decimals()
    with arithmetic.working():
        measured = measure(compose(deep), arithmetic)
        one, whole = measured.gain({"g19999": Decimal(1)}), measured.gain({"g0": Decimal(1)})
        end = measured.quantities["g20000"]
        assert abs(one / (Decimal("0.9") * end / measured.quantities["g19999"]) - 1) < Decimal("1e-50")
        elasticity = Decimal("0.9") ** 20_000
        assert abs(whole / (elasticity * end / 4) - 1) < Decimal("1e-40")


@pytest.mark.parametrize("exponent", ["0.5", "0.9", "3", "-2", "1.7", "1/3"])
@pytest.mark.parametrize("base", ["7", "1e-3000", "0.99999999999999999999", "3.5e2500"])
def test_powers_and_logarithms_of_decimals_are_those_of_mpmath(base, exponent):
    arithmetic = decimals()
    functions = arithmetic.differences
    with arithmetic.working():
        power = Decimal(1) / 3 if exponent == "1/3" else Decimal(exponent)
        at, by = Decimal(base), Decimal(base) * Decimal("1e-40")
        for name, args in (("pow", (Moving(at, by), Moving(power, Decimal(0)))), ("ln", (Moving(at, by),))):
            found = functions[name](*args)
            with mpmath.workdps(120):
                right = DIFFERENCES[name](
                    *[Moving(mpmath.mpf(str(a.value)), mpmath.mpf(str(a.change))) for a in args]
                )
                for ours, theirs in zip(found, right, strict=True):
                    assert abs(mpmath.mpf(str(ours)) / theirs - 1) < mpmath.mpf("1e-38")


@pytest.mark.parametrize(
    "name", sorted(MPMATH.keys() & {"sin", "cos", "tan", "asin", "acos", "atan", "erf", "tanh"})
)
def test_other_functions_of_decimals_are_mpmaths(name):
    arithmetic = decimals()
    with arithmetic.working():
        at = Decimal("0.3")
        value, change = arithmetic.differences[name](Moving(at, Decimal("1e-60")))
        assert abs(value - as_decimal(MPMATH[name](as_mpf(at)))) < Decimal("1e-58")
        slope = mpmath.diff(MPMATH[name], as_mpf(at))
        assert abs(change.scaleb(60) - as_decimal(slope)) < Decimal("1e-20")


def test_a_numeraire_of_a_large_table():
    table = chainprice.solve(LOADED["deep"], numeraire="g2990").to_dict()
    assert chainprice.verify(LOADED["deep"], table_of(table)).verified
    table["numeraire"] = "g2991"
    assert len(failing(chainprice.verify(LOADED["deep"], table_of(table)))) == 3_001


def test_a_good_that_a_large_table_lacks_is_priced():
    table = copy.deepcopy(TABLES["deep"])
    gone = table["goods"].pop(2_500)
    rows = {check.good: check for check in chainprice.verify(LOADED["deep"], table_of(table)).checks}
    assert not rows[gone["good"]].passed
    assert rows[gone["good"]].direct == pytest.approx(float(gone["price"]), rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "at"),
    [("sqrt(x - 2)", "2"), ("3 + sqrt(x - 2)", "2"), ("x^0.99", "0"), ("ln(1 + sqrt(x))", "0")],
)
def test_a_function_without_a_slope_is_said_with_its_place(formula, at):
    bad = spec(chain(formula, 1, at))
    table = {
        "format": "chainprice.solve/1",
        "goods": [{"good": "g0", "price": 0}, {"good": "g1", "price": 1}],
    }
    with pytest.raises(ChainpriceError, match="finite slope in 'g0'"):
        by_adjoint(bad, table)


@pytest.mark.parametrize(
    ("formula", "at", "price"),
    [
        ("x*(2 - x)", "1", 0),
        ("x^2", "0", 0),
        ("x^3 + x", "0", 1),
        ("(x - 3)^2 + 1", "3", 0),
        ("cos(x)", "0", 0),
    ],
)
def test_a_function_that_is_level_has_the_slope_0(formula, at, price):
    level = spec(chain(formula, 1, at))
    table = chainprice.solve(level).to_dict()
    assert float(table["goods"][0]["price"]) == price
    assert by_adjoint(level, table).verified
    table["goods"][0]["price"] += 1e-6
    assert failing(by_adjoint(level, table)) == {"g0"}
