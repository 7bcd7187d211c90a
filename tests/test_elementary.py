"""exp, ln and powers, against mpmath in more digits; what is exact or no real number, by hand."""

import decimal
from decimal import Decimal

import mpmath
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import mpf

from chainprice.arithmetic import DECIMALS, digits
from chainprice.elementary import exp, ln, power

COUNTS = st.sampled_from([5, 17, 30, 38, 45, 60, 100, 150, 200])
SIZES = st.sampled_from([0, 0, -1, 1, -7, 20, -400, -30_000, 10**6, 10**12, 100 - 10**18])
MANTISSAS = st.integers(10**39, 10**40 - 1).map(lambda number: Decimal(number).scaleb(-39))
EXPONENTS = [
    *("0.4", "0.9999", "0.13", "-0.877", "1.0001", "-1.5", "1e-9", "9999.99", "99999.5", "123456.7"),
    *("0.3333333333333333333333333333", "1e-3000"),
]


@st.composite
def near(draw, steps, most):
    """A number at a multiple of one of the steps, or just above or below it, as one of 80 digits."""
    with mpmath.workdps(120):
        step = draw(st.sampled_from(steps))()
        place = draw(st.integers(-int(most / step), int(most / step)))
        more = draw(st.sampled_from([-1, 0, 1])) * mpf(10) ** -draw(st.integers(4, 60))
        return place * step + more


STEPS = [lambda: mpf(2) ** -8, lambda: mpf(2) ** -16, lambda: mpmath.log(10) / 2]


def exact_ln(value):
    """The logarithm of a decimal of any size."""
    size = value.adjusted()
    return mpmath.log(mpf(str(value.scaleb(-size)))) + size * mpmath.log(10)


def exact_exp(value):
    """e^value as a decimal of any size."""
    tens = int(mpmath.floor(value / mpmath.log(10)))
    return as_decimal(mpmath.exp(value - tens * mpmath.log(10))).scaleb(tens)


def as_decimal(value, count=300):
    return Decimal(mpmath.nstr(value, count, strip_zeros=False))


def assert_next_to(found, expected, count):
    """Of all decimals with so many digits it is the one next to the exact number, or almost so."""
    assert len(found.as_tuple().digits) <= count
    assert abs(found - expected).scaleb(count - 1 - found.adjusted()) < Decimal("0.5001")


@pytest.fixture(autouse=True)
def _many_digits():
    with digits(400), mpmath.workdps(400):
        yield


@given(st.one_of(MANTISSAS, near(STEPS, 2).map(lambda x: as_decimal(mpmath.exp(x), 80))), SIZES, COUNTS)
def test_logarithms(mantissa, size, count):
    value = mantissa.scaleb(size)
    with digits(count):
        found = ln(value)
    assert_next_to(found, as_decimal(exact_ln(value)), count)


@given(st.integers(1, 9), st.sampled_from([-1, 1]), st.integers(1, 70), COUNTS)
def test_logarithms_next_to_1_have_all_their_digits(digit, sign, size, count):
    value = 1 + sign * Decimal(digit).scaleb(-size)
    with digits(count):
        found = ln(value)
    assert_next_to(found, as_decimal(exact_ln(value)), count)


@given(
    st.one_of(
        st.builds(lambda mantissa, size: mantissa.scaleb(size), MANTISSAS, st.integers(-50, 8)),
        near(STEPS, 40).map(lambda x: as_decimal(x, 80)),
    ),
    st.sampled_from([-1, 1]),
    COUNTS,
)
def test_exponentials(size, sign, count):
    value = sign * size
    with digits(count):
        found = exp(value)
    assert_next_to(found, exact_exp(mpf(str(value))), count)


@given(MANTISSAS, SIZES, st.sampled_from(EXPONENTS), COUNTS)
@example(Decimal("7.3"), 10**15, "1e-9", 38)
def test_powers(mantissa, size, exponent, count):
    base = mantissa.scaleb(size)
    with digits(count):
        try:
            found = power(base, Decimal(exponent))
        except (decimal.Overflow, decimal.Underflow):
            assert abs(exact_ln(base) * mpf(exponent)) > mpf("2.3e18")
            return
    assert_next_to(found, exact_exp(exact_ln(base) * mpf(exponent)), count)


@given(
    st.integers(2, 99),
    st.sampled_from([4, 5, 8, 20, 25, 40]),
    st.integers(1, 90),
    st.integers(-99, 99),
    COUNTS,
)
def test_powers_that_have_few_digits_are_exact(root, parts, whole, size, count):
    number = Decimal(root**whole).normalize()
    assume(len(number.as_tuple().digits) <= count)
    base, exponent = Decimal(root**parts).scaleb(size * parts), Decimal(whole) / parts
    with digits(count):
        assert power(base, exponent) == number.scaleb(size * whole)


@pytest.mark.parametrize("count", [5, 30, 38, 200])
def test_exact_results(count):
    with digits(count):
        assert str(exp(Decimal(0))) == str(exp(Decimal("-0.00"))) == "1"
        assert str(ln(Decimal(1))) == str(ln(Decimal("1.000"))) == "0"
        assert power(Decimal(32), Decimal("0.4")) == 4
        assert power(Decimal("0.0081"), Decimal("0.25")) == Decimal("0.3")
        assert power(Decimal(9), Decimal("-1.5")) == 1 / Decimal(27)
        assert power(Decimal("1e-30000"), Decimal("0.9")) == Decimal("1e-27000")
        assert power(Decimal(1), Decimal("0.7")) == 1
        assert DECIMALS["log"](Decimal(1000), Decimal(10)) == 3


@given(MANTISSAS, SIZES, st.integers(-300, 300), st.sampled_from([-1, 1]), COUNTS)
def test_whole_powers_and_square_roots_are_those_of_the_library(mantissa, size, exponent, sign, count):
    assume(abs(size * exponent) < 10**17)
    base = mantissa.scaleb(size)
    with digits(count):
        assert power(sign * base, Decimal(exponent)) == (sign * base) ** exponent
        assert power(base, Decimal("0.5")) == base.sqrt()


@pytest.mark.parametrize(("root", "cube"), [(55, 166_380), (65, 274_620), (75, 421_880), (85, 614_120)])
def test_cubes_in_the_middle_between_decimals_go_to_the_even_one(root, cube):
    with digits(5):
        assert power(Decimal(root), Decimal(3)) == cube


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        (exp, ("1e19",), decimal.Overflow),
        (exp, ("-1e30",), decimal.Underflow),
        (ln, ("0",), decimal.InvalidOperation),
        (ln, ("-1e-20",), decimal.InvalidOperation),
        (power, ("0", "-0.4"), decimal.DivisionByZero),
        (power, ("0", "-2"), decimal.DivisionByZero),
        (power, ("0", "0"), decimal.InvalidOperation),
        (power, ("-2", "0.4"), decimal.InvalidOperation),
        (power, ("-2", "1e-30"), decimal.InvalidOperation),
        (power, ("1e100000000000000000", "10.5"), decimal.Overflow),
        (power, ("1e100000000000000000", "-10.5"), decimal.Underflow),
    ],
)
def test_what_is_no_decimal_raises(function, arguments, error):
    for count in (30, 200):
        with digits(count), pytest.raises(error):
            function(*map(Decimal, arguments))


def test_a_power_of_0_is_0():
    with digits(30):
        assert power(Decimal(0), Decimal("0.4")) == 0


@pytest.mark.parametrize("size", ["9.99e999999999999999999", "1e-999999999999999999"])
def test_logarithms_at_the_ends_of_all_decimals(size):
    with digits(60):
        found = ln(Decimal(size))
    assert_next_to(found, as_decimal(exact_ln(Decimal(size))), 60)
