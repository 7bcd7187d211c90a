"""What is fed to the readers and the commands, and what must hold whatever it is.

A target takes bytes and returns nothing. Any exception that leaves it is a bug: one that a user would have
met, or an AssertionError that says which promise was broken. `python tests/fuzz` makes up the bytes.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from unittest import mock

import typer.main
import yaml

from chainprice import arithmetic, cli
from chainprice.formula import FUNCTIONS, Formula, FormulaError, read
from chainprice.spec import yamltree
from chainprice.spec.tree import Tree, TreeError, TreeProblem, read_tree

SECONDS = 5
"""Processor time in which every input has to end (SECURITY.md)."""

COMMANDS = (
    ("check", "-f", "json"),
    ("solve", "-f", "json"),
    ("solve",),
    ("verify", "-f", "json"),
    ("explain",),
)
"""What is done with a whole spec."""

ENDS = {0, 1, 2, 3}
"""The exit codes of the contract, without that of an interrupt."""


class TooLongError(BaseException):
    """An input took more than SECONDS. Not an Exception, so that nothing on the way takes it for one."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raises TooLongError in what takes too long."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def formula(data: bytes) -> None:
    """A text is refused with a place in it, or read as Python's grammar would, and has a value or none."""
    text = data.decode("utf-8", "replace")
    with limited():
        try:
            found = read(text)
        except FormulaError as error:
            _check(0 <= error.offset <= len(text) and bool(error.message))
            return
        assert all(name.isidentifier() for name in found.names)
        if text.isascii() and len(text) < 600:
            assert as_tree(found) == as_python(text)
        with arithmetic.digits(20):
            try:
                value = arithmetic.evaluate(found, dict.fromkeys(found.names, Decimal("1.25")))
            except ArithmeticError:
                return
        assert value.is_finite()


def as_tree(found: Formula) -> Any:
    operations = ("add", "sub", "mul", "div", "pow", "neg", *FUNCTIONS)
    functions = {name: _operation(name) for name in operations}
    names = [("name", name) for name in found.names]
    return found.shape.run(functions, names, [("number", number) for number in found.numbers])


def _operation(name: str) -> Callable[..., Any]:
    return lambda *operands: (name, *operands)


_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}


def as_python(text: str) -> Any:
    """The same formula as Python's own grammar reads it (it is taken apart, and never run)."""
    plain = _WORD.sub(_word, re.sub(r"\s+", " ", text).replace("^", "**"))
    return _of_node(ast.parse(f"({plain})", mode="eval").body)


_WORD = re.compile(r"[A-Za-z_]\w*|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


def _word(found: re.Match[str]) -> str:
    """A name that is no keyword of Python's, or a number with all its digits."""
    word = found[0]
    return f"n_{word}" if word[0].isalpha() or word[0] == "_" else f"number('{word}')"


def _of_node(node: ast.expr) -> Any:
    match node:
        case ast.BinOp():
            return _BINARY[type(node.op)], _of_node(node.left), _of_node(node.right)
        case ast.UnaryOp(op=ast.UAdd()):
            return _of_node(node.operand)
        case ast.UnaryOp(op=ast.USub()):
            return "neg", _of_node(node.operand)
        case ast.Name():
            return "name", node.id.removeprefix("n_")
        case ast.Call(func=ast.Name(id="number"), args=[ast.Constant(value=str(digits))]):
            return "number", Decimal(digits)
        case ast.Call(func=ast.Name(id=name)):
            return name.removeprefix("n_"), *map(_of_node, node.args)
    raise AssertionError(ast.dump(node))


def tree(data: bytes) -> None:
    """A YAML text is refused with a place in it, or both roads and PyYAML's own loader find the same tree."""
    text = data.decode("utf-8", "replace")
    with limited():
        try:
            found = read_tree(text)
            thorough = yamltree.read_thoroughly(text)
        except TreeError as error:
            _check(_is_within(error.problem, text))
            return
        assert all(_is_within(problem, text) for problem in found.problems)
        assert found == thorough
        if not found.problems:
            expected = yaml.load(text, Loader=yaml.CBaseLoader)
            assert _without_constants(found.tree, expected)


def _check(is_kept: bool) -> None:
    assert is_kept


def _is_within(problem: TreeProblem, text: str) -> bool:
    lines = len(re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text))
    return 1 <= problem.line <= lines + 1 and problem.column >= 1


def _without_constants(found: Tree, expected: Any) -> bool:
    """Whether two trees are alike but for what true, false and null stand for."""
    if isinstance(found, dict):
        return (
            isinstance(expected, dict)
            and [*found] == [*expected]
            and all(_without_constants(found[key], expected[key]) for key in found)
        )
    if isinstance(found, list):
        return len(found) == len(expected) and all(map(_without_constants, found, expected))
    return found == expected if isinstance(found, str) else isinstance(expected, str | None)


def spec(data: bytes) -> None:
    """Every command ends with a code of the contract, a text that no terminal obeys, and nothing half said."""
    ends(data)


def ends(data: bytes) -> list[str]:
    """How each command ended: `solve 3`. Those that need a sound spec are left out where `check` refuses it."""
    first, *others = COMMANDS
    code = run(data, *first)
    found = [f"{first[0]} {code}"]
    if code == 0:
        found += [f"{' '.join(command)} {run(data, *command)}" for command in others]
    return found


_get_command = functools.cache(typer.main.get_command)
"""typer takes longer to build the commands than they take for a small spec."""


def run(data: bytes, command: str, *options: str) -> int:
    """One command on a spec from standard input; its exit code."""
    stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    streams = mock.patch.multiple(sys, stdin=stdin, stdout=stdout, stderr=stderr)
    debug = mock.patch.dict(os.environ, CHAINPRICE_DEBUG="1", CHAINPRICE_CACHE="off")
    with streams, debug, mock.patch("typer.main.get_command", _get_command), limited():
        code = cli.run([command, "-", *options])
    out, said = stdout.buffer.getvalue().decode(), stderr.buffer.getvalue().decode()
    assert code in ENDS, code
    assert "internal error" not in said
    assert code in (0, 1) or "error" in said + out, "it ends without a reason"
    for text in (out, said):
        assert all(letter.isprintable() or letter in "\n\t\u3000" for letter in text), repr(text)
    if "json" in options and out:
        json.loads(out, parse_constant=_refuse)
    return code


def _refuse(constant: str) -> None:
    raise AssertionError(f"JSON with {constant}")


TARGETS: dict[str, Callable[[bytes], None]] = {"formula": formula, "yaml": tree, "spec": spec}
"""By the name of their folder in tests/fuzz/corpus."""
