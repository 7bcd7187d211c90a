"""The rules of concavity never say more than the Hessian."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainprice
from chainprice import accounts, concavity, network, technology
from chainprice.arithmetic import DECIMALS, digits
from chainprice.curvature import curvature
from chainprice.degrees import Degrees
from chainprice.formula import read
from chainprice.prices import Prices


def function_of(text):
    spec = chainprice.load(
        f"firms: {{maker: {{production: {{out: '{text}'}}}}}}\n"
        "supply: {a: {quantity: 2}, b: {quantity: 3}}\ndemand: {out: {price: 1}}"
    )
    return technology.build(spec, network.build(spec))["maker"][0]


POINT = {"a": Decimal(2), "b": Decimal(3)}


@pytest.mark.parametrize(
    ("text", "by_rules", "is_concave"),
    [
        ("3*a^0.4*b^0.6", True, True),
        ("3*a^0.4*b^0.61", False, False),
        ("2*sqrt(a*b)", True, True),
        ("sqrt(a)*sqrt(b) + a/4 + 5", True, True),
        ("(a^0.5 + b^0.5)*b^0.2", True, True),
        ("(a^0.5 + b)*b^0.2", False, False),
        ("(a^0.5 + b^0.5)^0.7*b^0.2", True, True),
        ("(2*a + 3*b + 4)^0.9", True, True),
        ("a^2*b^-1", False, False),
        ("a - b^0.5", False, False),
        ("(a + b^2)^0.5", False, False),
        ("ln(a) + b", False, True),
        ("(a/3)^0.5*(b/7)^0.5", True, True),
        ("-a^0.5", False, False),
        ("ln(1 + a)", True, True),
        ("2*ln(1.5 + sqrt(a*b)/3)", True, True),
        ("ln(0.5 + a)", False, True),
        ("ln(1 + a^2)", False, True),
        ("5*a*b/(2*a + b/3)", True, True),
        ("a/(3 + 0.1*a)", True, True),
        ("a^2/(3 + a)", False, False),
        ("a*b/(a + 1)", False, False),
        ("b/(3 + a)", False, False),
        ("a*b/(a + a)", False, True),
        ("1/(3 + a)", False, False),
        ("7*(1 - exp(-a/2))", True, True),
        ("1 - exp(-a^2)", False, True),
        ("0.5 - exp(-a)", False, True),
        ("1 - exp(-0.5*a)", True, True),
        ("(1 - exp(-a))*b^0.2", False, True),
    ],
)
def test_rules(text, by_rules, is_concave):
    function = function_of(text)
    with digits(30):
        assert concavity.is_concave_by_rules(function, POINT) == by_rules
        assert concavity.is_concave_at(function, POINT) is is_concave


def formulas():
    leaves = st.sampled_from(["a", "b", "2", "0.5", "3*a", "1/2"])
    exponents = st.sampled_from(["0.3", "0.5", "0.7", "1.2"])

    def grow(parts):
        return st.one_of(
            st.tuples(parts, parts).map(lambda p: f"({p[0]}) * ({p[1]})"),
            st.tuples(parts, parts).map(lambda p: f"({p[0]}) + ({p[1]})"),
            st.tuples(parts, parts).map(lambda p: f"({p[0]}) / ({p[1]})"),
            st.tuples(parts, exponents).map(lambda p: f"({p[0]})^{p[1]}"),
            parts.map(lambda p: f"sqrt({p})"),
            parts.map(lambda p: f"ln(1 + {p})"),
            parts.map(lambda p: f"1 - exp(-({p}))"),
            st.tuples(parts, parts).map(lambda p: f"({p[0]})*({p[1]})/({p[0]} + {p[1]})"),
        )

    return st.recursive(leaves, grow, max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(formulas(), st.sampled_from([(2, 3), (0.1, 7), (5, 0.2)]))
def test_rules_never_say_more_than_the_hessian(text, point):
    function = function_of(text)
    at = dict(zip("ab", map(Decimal, map(str, point)), strict=True))
    with digits(30):
        if function.inputs and concavity.is_concave_by_rules(function, at):
            with digits(45):
                hessian = concavity._Curve(function, at).hessian()
            assert concavity._is_negative_semidefinite(hessian)


@settings(max_examples=150, deadline=None)
@given(formulas(), st.sampled_from([(2, 3), (0.1, 7), (5, 0.2)]))
def test_what_the_rules_know_has_no_increasing_returns(text, point):
    function = function_of(text)
    at = dict(zip("ab", map(Decimal, map(str, point)), strict=True))
    with digits(30):
        if concavity.is_concave_by_rules(function, at):
            amount, products = technology.produce(function, at)
            returns = accounts.returns_to_scale({"out": amount}, at, Prices({}, {}, {}), products)
            assert returns <= 1 + Decimal("1e-25")


NUMBERS = [Decimal(number) for number in ("0.2", "0.3", "0.5", "0.7", "1", "1.2", "3", "0")]


@settings(max_examples=300, deadline=None)
@given(formulas(), st.randoms(use_true_random=False))
def test_what_is_remembered_is_what_the_rules_say(text, dice):
    shape = read(text).shape
    remembering = Degrees(shape, ())
    with digits(30):
        for _ in range(25):
            numbers = dice.choices(NUMBERS, weights=[9] * 7 + [1], k=shape.numbers)
            assert remembering.are_concave(numbers) == Degrees(shape, ()).are_concave(numbers)


@pytest.mark.parametrize(
    ("text", "concave", "other"),
    [
        ("3*a^0.4*b^0.6", "3 0.4 0.6", "3 0.4 0.61"),
        ("2*ln(1.5 + a)", "2 1.5", "2 0.5"),
        ("ln(0.5 + a + 0.6)", "0.5 0.6", "0.5 0.4"),
        ("3*(1 - exp(-a))", "3 1", "3 0.9"),
        ("3*a", "3", "0"),
    ],
)
def test_numbers_that_matter_are_told_apart(text, concave, other):
    remembering = Degrees(read(text).shape, ())
    for _ in range(2):
        for numbers, expected in ((concave, True), (other, False)):
            assert remembering.are_concave([*map(Decimal, numbers.split())]) is expected


def test_constants_among_the_names_matter_as_numbers_do():
    remembering = Degrees(read("a^k").shape, (1,))
    assert [remembering.are_concave([Decimal(k)]) for k in ("0.9", "1.1", "-1", "0.9")] == [1, 0, 0, 1]


def test_coefficients_are_not_remembered_one_by_one():
    remembering = Degrees(read("3*a^0.4 + 2*b").shape, ())
    for coefficient in range(1, 50):
        remembering.are_concave([Decimal(coefficient), Decimal("0.4"), Decimal(coefficient) / 7])
    assert len(remembering._memory[1]) == 1


def by_doubles(function, at):
    """What doubles say of a function that was asked about often, and by how much they may be off."""
    hessian = concavity._Hessian(function.formula.shape, tuple(range(len(function.inputs))))
    hessian._asked = concavity._OFTEN
    return hessian.is_negative_definite(function.values(at), function.formula.numbers)


def by_decimals(function, at):
    with digits(45):
        return concavity._is_negative_semidefinite(concavity._Curve(function, at).hessian())


POINTS = st.sampled_from([("2", "3"), ("0.1", "7"), ("5", "0.2"), ("1", "1"), ("1e-8", "1e9"), ("0", "2")])


@settings(max_examples=400, deadline=None)
@given(formulas(), POINTS)
def test_doubles_never_contradict_the_decimals(text, point):
    function = function_of(text)
    at = dict(zip("ab", map(Decimal, point), strict=True))
    verdict = by_doubles(function, at) if function.inputs else None
    if verdict is not None:
        assert by_decimals(function, at) is verdict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2*ln(1 + a)*b^0.2", True),
        ("a^0.3*b^0.6", True),
        ("-exp(a/9) - b^2 + a*b/99", True),
        ("a^0.5*b^0.6", False),
        ("ln(1 + a) + b^2", False),
        ("a/b", False),
        ("exp(a - b)", False),
        ("a*b - 4*a^0.5 - 4*b^0.5", False),
        ("a^0.5*b^0.5", None),  # singular
        ("a^0.5*b^0.5 + 1e-13*a^2", None),  # hardly convex
        ("3*a + b", None),
        ("(a - 2)^3 + ln(b)", None),  # nothing at 2 but noise
        ("(a^2 - 4.00000000000001)^0.5*b^0.1", None),  # no value, but in doubles
        ("1e300*a^0.3*b^0.3", None),
        ("sin(a)*b^0.1", None),
        ("min(a, b)*b^0.1", None),
        ("a^b", None),
    ],
)
def test_doubles_decide_only_what_is_clear(text, expected):
    assert by_doubles(function_of(text), POINT) is expected


def test_three_inputs_are_convex_together_where_no_two_of_them_are():
    function = read("a^0.4*b^0.4*c^0.4")
    hessian = concavity._Hessian(function.shape, (0, 1, 2))
    hessian._asked = concavity._OFTEN
    assert hessian.is_negative_definite([Decimal(2)] * 3, function.numbers) is False


@settings(max_examples=200, deadline=None)
@given(formulas())
def test_second_derivatives_are_those_of_second_differences(text):
    function = function_of(text)
    formula = function.formula
    curved = curvature(formula.shape, range(len(formula.names)))
    with digits(45):
        curve = concavity._Curve(function, POINT)
        numbers = [*formula.numbers, *curved.literals]
        steps = curved.program.trace(DECIMALS, function.values(POINT), numbers)
        assert steps[curved.value] == formula.shape.run(DECIMALS, function.values(POINT), formula.numbers)
        size = max(1, abs(curve._middle))
        for i in range(len(formula.names)):
            for j in range(i + 1):
                both = curve.second({i: 1, j: 1}) - curve.second({i: 1}) - curve.second({j: 1})
                expected = both / 2 if i != j else curve.second({i: 1})
                found = steps[curved.second[j, i]] if (j, i) in curved.second else 0
                assert abs(found - expected) <= Decimal("1e-12") * max(size, abs(expected))


def test_firms_of_one_shape_are_judged_alike_however_often_they_are_asked_about():
    function = function_of("2*ln(1 + a)*b^0.6")
    asked = concavity._OFTEN + 5
    with digits(30):
        low = [concavity.is_concave_at(function, {"a": Decimal(9), "b": Decimal(3)}) for _ in range(asked)]
        high = [concavity.is_concave_at(function, {"a": Decimal(1), "b": Decimal(3)}) for _ in range(asked)]
    assert {*low} == {True}
    assert {*high} == {False}
