"""Certified prices: enclosures hold the price by every other road, and a table a few last bits off fails."""

import copy
import math
from decimal import Decimal

import mpmath
import pytest
from flint import arb, arb_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpmath import mpf
from support import GIVEN, ROOT, SMOOTH, chain, run, spec
from test_properties import markets

import chainprice
from chainprice import limits
from chainprice.gate import verify
from chainprice.verification import table_of
from chainprice.verification.certification import balls
from chainprice.verification.certification import given as enclosed
from chainprice.verification.certification.balls import BALLS, coefficient, moved, working
from chainprice.verification.certification.enclosure import Enclosure, stands_for, written
from chainprice.verification.composition import compose

VALID = sorted(
    path for path in (ROOT / "tests" / "specs" / "valid").iterdir() if ".expected." not in path.name
)
KINK = (
    "firms: {f: {production: {y: 'min(3*a, 2*b)', z: c}}}\n"
    "supply: {a: {quantity: 2}, b: {quantity: 3}, c: {quantity: 5}}\n"
    "demand: {y: {price: 2}, z: {price: 1}}"
)


def failing(result):
    return {check.good for check in result.checks if not check.passed}


def certified(result):
    return next(condition for condition in result.conditions if condition.condition == "certified")


@pytest.mark.parametrize("path", [*GIVEN, *VALID], ids=lambda path: path.stem)
def test_every_price_of_every_spec_is_certified(path):
    loaded = chainprice.load(path)
    result = verify(loaded, certify=True)
    assert result.verified
    assert certified(result).passed
    for check in result.checks:
        middle, radius = Decimal(check.certificate.midpoint), Decimal(check.certificate.radius)
        assert radius <= abs(middle) * Decimal("1e-29")
        assert check.certificate.reason is None


@pytest.mark.parametrize("path", SMOOTH, ids=lambda path: path.stem)
@pytest.mark.parametrize("ulps", [-4, -1, 1, 4])
def test_any_price_a_few_last_bits_off_fails_and_no_other(path, ulps):
    loaded = chainprice.load(path)
    table = chainprice.solve(loaded).to_dict()
    for index, row in enumerate(table["goods"]):
        wrong = copy.deepcopy(table)
        wrong["goods"][index]["price"] += ulps * math.ulp(row["price"])
        assert verify(loaded, table_of(wrong)).verified
        result = verify(loaded, table_of(wrong), certify=True)
        assert failing(result) == {row["good"]}
        assert certified(result).where == row["good"]
        assert not result.verified


def test_an_error_that_the_tolerance_lets_pass_fails():
    loaded = chainprice.load(ROOT / "specs" / "steel.yaml")
    table = chainprice.solve(loaded).to_dict()
    table["goods"][3]["price"] *= 1 + 1e-12
    assert verify(loaded, table_of(table)).verified
    assert failing(verify(loaded, table_of(table), certify=True)) == {table["goods"][3]["good"]}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markets())
def test_enclosures_hold_the_derivative_that_differences_find(market):
    loaded = spec(market.text())
    result = verify(loaded, certify=True)
    assert {c.condition for c in result.conditions if not c.passed} <= {"certified"}
    with mpmath.workdps(150):
        step = mpf(10) ** -45
        for check in result.checks:
            assert check.passed
            if check.certificate.reason:
                assert "kink" in check.certificate.reason
                continue
            direct = (market.value({check.good: step}) - market.value({check.good: -step})) / (2 * step)
            middle, radius = mpf(check.certificate.midpoint), mpf(check.certificate.radius)
            noise = mpf(10) ** -90  # what 150 digits leave of a difference of two sides that cancel
            assert abs(middle - direct) <= radius + abs(direct) * mpf(10) ** -60 + noise


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markets())
def test_the_series_and_the_slopes_enclose_the_same_prices(market):
    composition = compose(spec(market.text()))
    with working(256):
        balls_of = enclosed.measure(composition)
        series, slopes = balls_of.by_series(composition.goods), balls_of.by_slopes()
        assert all(series[good].overlaps(slopes[good]) for good in composition.goods)


# The rules.

SMOOTH = {
    "exp": (mpmath.exp, (-3, 3)),
    "ln": (mpmath.log, (0.1, 9)),
    "sqrt": (mpmath.sqrt, (0.1, 9)),
    "erf": (mpmath.erf, (-3, 3)),
    "sin": (mpmath.sin, (-3, 3)),
    "cos": (mpmath.cos, (-3, 3)),
    "tan": (mpmath.tan, (-1.5, 1.5)),
    "asin": (mpmath.asin, (-0.9, 0.9)),
    "acos": (mpmath.acos, (-0.9, 0.9)),
    "atan": (mpmath.atan, (-9, 9)),
    "sinh": (mpmath.sinh, (-3, 3)),
    "cosh": (mpmath.cosh, (-3, 3)),
    "tanh": (mpmath.tanh, (-3, 3)),
    "abs": (abs, (-3, 3)),
    "neg": (lambda x: -x, (-3, 3)),
}
PAIRS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": mpmath.power,
    "min": min,
    "max": max,
    "log": lambda x, y: mpmath.log(x) / mpmath.log(y),
}


def right(operation, starts, slopes):
    """Whether value, slope and curvature of an operation along a line are those that mpmath.diff finds."""
    function = PAIRS[operation] if operation in PAIRS else SMOOTH[operation][0]
    with working(200, 3), mpmath.workdps(60):
        values = [moved(arb(start), arb(slope)) for start, slope in zip(starts, slopes, strict=True)]
        result = BALLS[operation](*values)
        lines = [(mpf(start), mpf(slope)) for start, slope in zip(starts, slopes, strict=True)]
        along = mpmath.taylor(lambda t: function(*[a + b * t for a, b in lines]), 0, 2)
        near = mpf(10) ** -15
        return all(
            abs(mpf(coefficient(result, n).str(50, radius=False)) - along[n]) <= near * (1 + abs(along[n]))
            for n in range(3)
        )


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("operation", SMOOTH)
def test_each_rule_is_the_derivative_that_mpmath_finds(operation, data):
    low, high = SMOOTH[operation][1]
    start = data.draw(st.floats(low, high).filter(lambda x: abs(x) > 0.01))
    assert right(operation, [start], [data.draw(st.sampled_from([1, -2, 0.5]))])


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("operation", PAIRS)
def test_each_rule_of_two_is_the_derivative_that_mpmath_finds(operation, data):
    starts = [data.draw(st.floats(1.1, 5)) for _ in range(2)]
    if abs(starts[0] - starts[1]) > 0.01:
        assert right(operation, starts, [data.draw(st.sampled_from([1, -1, 0.5])) for _ in range(2)])


def test_every_operation_of_the_language_has_its_rule_tested():
    assert BALLS.keys() == {"number", *SMOOTH, *PAIRS}


@pytest.mark.parametrize("operation", ["sqrt", "sub", "div", "ln"])
def test_a_wrong_rule_is_caught(operation, monkeypatch):
    rule = BALLS[operation]

    def wrong(*values):
        result = rule(*values)
        if not isinstance(result, arb_series):
            return result
        return arb_series([coefficient(result, 0), coefficient(result, 1) * (1 + arb(2) ** -40)])

    monkeypatch.setitem(balls.BALLS, operation, wrong)
    starts = [2.5] if operation in SMOOTH else [2.5, 1.5]
    assert not right(operation, starts, [1, -2][: len(starts)])
    formula = {"sqrt": "sqrt(x)", "sub": "9 - x", "div": "1/x", "ln": "ln(x)"}[operation]
    result = verify(spec(chain(formula, 1)), certify=True)
    assert failing(result) == {"g0"}


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(x*x)",
        "(x*x)^(-1)",
        "(x*x)^0.5",
        "ln(x*x)",
        "x/x",
        "x*x/x",
        "asin(1 - x*x)",
        "acos(1 - x*x)",
        "1/x",
    ],
)
def test_at_the_edge_of_a_domain_there_is_no_slope_whatever_algebra_says(text):
    production = compose(spec(chain(text, 1, "0"))).productions[0]
    with working(128):
        for start in (arb(0), arb(0, 1e-20)):
            values = [balls.number(value) for value in production.formula.numbers]
            result = production.formula.shape.run(BALLS, [moved(start, arb(1))], values)
            assert not coefficient(result, 1).is_finite()


def test_powers_above_one_have_a_slope_at_zero():
    with working(128):
        for power, slope in ((arb(5) / 2, 0), (arb(2), 0), (arb(1), 1)):
            assert coefficient(BALLS["pow"](moved(arb(0), arb(1)), power), 1) == slope
        assert not coefficient(BALLS["pow"](moved(arb(0), arb(1)), arb(1) / 2), 1).is_finite()
    with working(128, 3):  # and no curvature where the power is below two
        assert not coefficient(BALLS["pow"](moved(arb(0), arb(1)), arb(3) / 2), 2).is_finite()


# What is hard to enclose.


def test_cancellation_takes_more_bits_and_is_certified(monkeypatch):
    monkeypatch.setattr(limits, "CERTIFY_BITS", 64)
    loaded = spec(chain("(1 + x)^(1/1000000000) - cos(x)", 3, "1/10^22"))
    result = verify(loaded, certify=True)
    assert result.verified
    assert all(check.certificate.reason is None for check in result.checks)
    monkeypatch.setattr(limits, "CERTIFY_MOST_BITS", 64)
    assert not verify(loaded, certify=True).verified


def test_a_price_that_is_nothing_is_certified():
    loaded = spec(chain("ln(x)*3 - x*x/6", 1, "3"))
    table = chainprice.solve(loaded).to_dict()
    assert table["goods"][0]["price"] == 0
    result = verify(loaded, table_of(table), certify=True)
    assert result.verified
    table["goods"][0]["price"] = 1e-300
    assert failing(verify(loaded, table_of(table), certify=True)) == {"g0"}


def test_on_a_kink_no_price_is_certified_and_none_is_called_wrong():
    kinked = spec(KINK)
    result = verify(kinked, certify=True)
    assert failing(result) == set()
    reasons = {check.good: check.certificate.reason for check in result.checks}
    assert reasons["a"].startswith("'min(3*a, 2*b)' (firm 'f') cannot be told from its kink")
    assert reasons["a"].endswith("between about 0 and 6")
    assert reasons["c"] is None
    assert not result.verified
    assert [c.condition for c in result.conditions if not c.passed] == ["certified"]


@pytest.mark.parametrize(
    ("formula", "more"),
    [("min(x/3, 2/3)", "1/10^60"), ("max(x/7, 2/7)", "1/10^60"), ("abs(x/3 - 2/3)", "1/10^60")],
)
def test_which_side_of_a_near_kink_is_found_with_more_bits(formula, more):
    slopes = {
        "min": "0",
        "max": "0.142857142857142857142857142857",
        "abs": "0.333333333333333333333333333333",
    }
    loaded = spec(
        f"firms: {{f: {{production: {{y: '{formula}'}}}}}}\n"
        f"supply: {{x: {{quantity: 2 + {more}}}}}\ndemand: {{y: {{price: 1}}}}"
    )
    table = chainprice.solve(loaded, count=40).to_dict()
    certificate = verify(loaded, table_of(table), certify=True).checks[0].certificate
    assert certificate.midpoint.startswith(slopes[formula[:3]])


def test_a_tie_of_branches_that_agree_is_certified():
    loaded = spec(chain("min(x/3, 1/3*x)", 1))
    assert verify(loaded, certify=True).verified


@pytest.mark.parametrize("series", [True, False])
@pytest.mark.parametrize(("formula", "length"), [("x^0.5", 1100), ("2*x^0.65 + 1", 400)])
def test_a_deep_chain_is_certified(formula, length, series, monkeypatch):
    monkeypatch.setattr(limits, "CERTIFY_WORK", 1_000_000 if series else 1_000)
    deep = spec(chain(formula, length))
    table = chainprice.solve(deep).to_dict()
    result = verify(deep, table_of(table), certify=True)
    assert result.verified
    for index in (0, 1, length // 2, length - 1):
        wrong = copy.deepcopy(table)
        price = wrong["goods"][index]["price"]
        if isinstance(price, str):
            wrong["goods"][index]["price"] = str(Decimal(price) * (1 + Decimal("1e-15")))
        else:
            wrong["goods"][index]["price"] = price + 4 * math.ulp(price)
        assert failing(verify(deep, table_of(wrong), certify=True)) == {wrong["goods"][index]["good"]}


def test_a_price_of_a_thousand_digits_after_the_point_is_shown():
    result = verify(spec(chain("x^0.5", 4000)), certify=True)
    first = result.checks[0].certificate
    with mpmath.workdps(60):
        exact = mpf(4) ** (mpf(2) ** -4000) / 4 / mpf(2) ** 4000
        assert abs(mpf(first.midpoint) - exact) <= mpf(first.radius)
    assert first.midpoint.endswith("e-1205")


# What a number of a table stands for, and what is printed.


def test_a_double_stands_for_what_rounds_to_it():
    with working(256):
        for double in (1.5, 0.1, 1 / 3, 3e-308, 1.7e308, -2.5):
            half = Decimal(math.ulp(double)) / 2
            ball = stands_for(Decimal(repr(double)))
            for off, inside in ((0, True), (half, True), (half * Decimal("1.01"), False)):
                at = arb(str(Decimal(double) + off)) if off else arb(double)
                assert ball.overlaps(at) is inside, (double, off)
        assert stands_for(Decimal(0)).is_zero()


def test_more_digits_stand_for_half_of_the_last_one():
    with working(256):
        ball = stands_for(Decimal("0.333333333333333333333"))
        assert ball.contains(arb(1) / 3)
        assert not stands_for(Decimal("0.333333333333333333334")).contains(arb(1) / 3)
        tiny = stands_for(Decimal("2.5e-2000"))  # 17 digits of which the last are zeros
        assert tiny.contains(arb("2.50000000000000004e-2000"))
        assert not tiny.overlaps(arb("2.5000000000000001e-2000"))


def test_a_table_with_many_digits_is_held_to_all_of_them():
    loaded = chainprice.load(ROOT / "specs" / "steel.yaml")
    table = chainprice.solve(loaded, count=60).to_dict()
    assert verify(loaded, table_of(table), certify=True).verified
    row = table["goods"][2]
    row["price"] = row["price"][:-1] + {"4": "9"}.get(row["price"][-1], "4")
    assert failing(verify(loaded, table_of(table), certify=True)) == {row["good"]}


@given(st.integers(-(10**40), 10**40), st.integers(-900, 900), st.integers(0, 10**6), st.integers(1, 60))
def test_what_is_printed_holds_the_ball(middle, power, radius, digits):
    with working(200):
        ball = arb(arb(middle) * arb(2) ** power, arb(radius) * arb(2) ** (power - 10))
        printed = [Decimal(text) for text in written(ball, digits)]
    with working(4000):
        shown = arb(arb(str(printed[0])), arb(str(printed[1])))
        assert shown.contains(ball)
        assert len(printed[1].normalize().as_tuple().digits) == 1


def test_exact_prices_are_printed_as_they_are():
    with working(200):
        exact = {"midpoint": "1.5", "radius": "0", "reason": None}
        assert Enclosure(arb(3) / 2, 30).certificate().to_dict() == exact
        assert Enclosure(-arb(12) / 5, 30).certificate().midpoint == "-2.4"


# The table around the prices.


def test_a_table_of_another_numeraire():
    loaded = chainprice.load(ROOT / "specs" / "steel.yaml")
    table = chainprice.solve(loaded, numeraire="coil").to_dict()
    assert verify(loaded, table_of(table), certify=True).verified
    table["goods"][3]["price"] += 4 * math.ulp(table["goods"][3]["price"])
    assert failing(verify(loaded, table_of(table), certify=True)) == {table["goods"][3]["good"]}


def test_rows_that_lack_and_rows_that_are_too_many():
    loaded = chainprice.load(ROOT / "specs" / "mill.yaml")
    table = chainprice.solve(loaded).to_dict()
    gone = table["goods"].pop(2)
    table["goods"].append({"good": "gold", "price": 1})
    rows = {check.good: check for check in verify(loaded, table_of(table), certify=True).checks}
    assert float(rows[gone["good"]].certificate.midpoint) == gone["price"]
    assert rows["gold"].certificate.reason == "the spec has no such good"
    assert not rows["gold"].passed


# The command.


def test_the_command_prints_enclosures(tmp_path):
    done = run("verify", "--certify", "specs/tupperware.yaml")
    assert done.returncode == 0
    assert "0.0416666666666666666666666666667 ± 4e-32" in done.stdout
    done = run("verify", "--certify", "specs/tupperware.yaml", "-f", "json")
    assert '"passed": true, "certificate": {"midpoint": "1.5", "radius": "' in done.stdout
    assert '"reason": null}' in done.stdout


def test_a_price_that_is_not_enclosed_is_exit_1_and_said(tmp_path):
    path = tmp_path / "kink.yaml"
    path.write_text(KINK, encoding="utf-8")
    assert run("verify", str(path)).returncode == 0
    done = run("verify", "--certify", str(path))
    assert done.returncode == 1
    assert "NOT VERIFIED: 0 of 5 prices wrong (numeric, one-sided); 2 not certified" in done.stdout
    assert "  a: not enclosed: 'min(3*a, 2*b)' (firm 'f') cannot be told from its kink" in done.stdout
    done = run("verify", "--certify", str(path), "-f", "json")
    assert '"certificate": {"midpoint": null, "radius": null, "reason": "' in done.stdout


def test_without_flint_the_command_says_what_to_install(monkeypatch):
    from chainprice import gate
    from chainprice.errors import MissingExtraError

    monkeypatch.setattr(gate, "find_spec", lambda name: None)
    loaded = chainprice.load(ROOT / "specs" / "mill.yaml")
    with pytest.raises(MissingExtraError) as caught:
        verify(loaded, certify=True)
    assert "pip install 'chainprice[certify]'" in str(caught.value.problems[0])
    assert verify(loaded).verified
