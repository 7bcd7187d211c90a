"""Powers by roots, against decimal's own by logarithms and against whole powers."""

from decimal import Context, Decimal, DivisionByZero, InvalidOperation
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainprice.arithmetic import digits
from chainprice.powers import power

BASES = st.decimals(min_value="1e-6", max_value="1e6", places=12).filter(bool)
EXPONENTS = st.builds(
    lambda above, root: Decimal(above) / root, st.integers(-3000, 3000), st.sampled_from([10, 100, 1000])
)


@given(BASES, st.integers(-5000, 5000), EXPONENTS, st.sampled_from([5, 17, 31, 60, 200]))
def test_the_same_as_by_way_of_a_logarithm(mantissa, size, exponent, count):
    base = mantissa.scaleb(size, Context(prec=100))
    with digits(count + 30):
        expected = base**exponent
    with digits(count):
        assert abs(power(base, exponent) / expected - 1) < Decimal(10) ** (1 - count)


@pytest.mark.parametrize(("above", "root"), [(1, 5), (2, 5), (-3, 5), (7, 20), (-19, 40), (999, 1000)])
def test_a_root_to_its_power(above, root):
    exponent = Decimal(above) / Decimal(root)
    assert exponent.as_integer_ratio() == Fraction(above, root).as_integer_ratio()
    base = Decimal("7.3e-400")
    with digits(80):
        value = power(base, exponent)
        assert abs(value**root / base**above - 1) < Decimal("1e-75")


def test_exact_powers_are_exact():
    with digits(30):
        assert power(Decimal(32), Decimal("0.4")) == 4
        assert power(Decimal("0.0081"), Decimal("0.25")) == Decimal("0.3")
        assert power(Decimal(9), Decimal("-1.5")) == 1 / Decimal(27)


@pytest.mark.parametrize(("base", "exponent"), [("9", "1000.5"), ("1e-50", "-20.5"), ("3", "1e-30")])
def test_powers_that_no_double_holds(base, exponent):
    with digits(60):
        expected = Decimal(base) ** Decimal(exponent)
    with digits(30):
        assert abs(power(Decimal(base), Decimal(exponent)) / expected - 1) < Decimal("1e-29")


def test_no_real_number():
    with digits(30):
        assert power(Decimal(0), Decimal("0.4")) == 0
        with pytest.raises(DivisionByZero):
            power(Decimal(0), Decimal("-0.4"))
        with pytest.raises(InvalidOperation):
            power(Decimal(-2), Decimal("0.4"))
