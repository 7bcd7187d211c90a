"""Programs give what their shapes give, however often they run."""

import ast
from decimal import Decimal

import pytest

from chainprice.arithmetic import DECIMALS, digits
from chainprice.formula import read
from chainprice.programs import Program, text_of

FORMULAS = [
    "3*a^0.4*b^0.2",
    "-(a - 2*b)/(a + b) + min(a, b, 3) + max(a, b) - abs(-a)",
    "exp(-a)*ln(b) + log(a, 10) + sqrt(b) + erf(a)*tanh(b) + atan(a)*sin(b)*cos(a)",
    "2 - -a^-b",
    "a*b/(b*a + 1) + (1 + a*b) - (b - a)/(a - b)",
]


@pytest.mark.parametrize("text", [*FORMULAS, "__import__ + os - system^e", "ρ*λ"])
def test_nothing_that_a_user_wrote_is_in_the_text(text):
    shape = read(text).shape
    names = {node.id for node in ast.walk(ast.parse(text_of(shape, (0,)))) if isinstance(node, ast.Name)}
    ours = {f"v{index}" for index in range(len(shape.steps))} | {f"{name}_" for name in DECIMALS}
    assert names <= ours | {"names", "numbers"}


@pytest.mark.parametrize("text", FORMULAS)
def test_every_run_is_as_the_shape_says(text):
    formula = read(text)
    last = len(formula.shape.steps) - 1
    program = Program(formula.shape, (last, 0))
    with digits(40):
        for run in range(40):
            names = [Decimal(run + 2) / 7, Decimal(run + 3) / 5]
            values = formula.shape.trace(DECIMALS, names, formula.numbers)
            assert list(program.run(names, formula.numbers)) == [+values[last], +values[0]]


def test_what_is_undefined_raises_before_and_after():
    formula = read("ln(a)")
    program = Program(formula.shape, (1,))
    with digits(30):
        for value in [Decimal(-1)] + [Decimal(2)] * 40 + [Decimal(-1)]:
            if value > 0:
                assert program.run([value], ()) == [value.ln()] or program.run([value], ()) == (value.ln(),)
            else:
                with pytest.raises(ArithmeticError):
                    program.run([value], ())


def test_results_are_rounded_to_the_digits_of_the_context():
    formula = read("a")
    program = Program(formula.shape, (0,))
    with digits(5):
        for _ in range(40):
            assert list(program.run([Decimal("1.23456789")], ())) == [Decimal("1.2346")]


def test_what_is_there_with_its_factors_swapped_is_not_done_again():
    text = text_of(read("(a*b + c)*d + d*(c + b*a) - (a - b) + (b - a)").shape, (0,))
    assert text.count("*") == 2
    assert text.count(" - ") == 3
