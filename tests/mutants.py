"""How strong is `verify`? Wrong solvers against it: `python tests/mutants.py 500` tries so many of them.

`python tests/mutants.py 500 prices quantities` takes those of two modules only; an interrupt ends with the
figures of what was tried, which is a sample: the order is random.

cosmic-ray's operators make the mutants, of the modules that compute prices. A mutant solves every file in
specs/, in a process of its own, and verifies those whose prices are not the right ones: `verify` has to fail
one of these. What it does not notice is listed. Nothing of the mutants touches a file. A mutant of a function
that no spec of specs/ calls is not run: it changes no price.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import multiprocessing
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from cosmic_ray import plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

import chainprice
from chainprice import limits

ROOT = Path(__file__).parents[1]
PACKAGE = Path(chainprice.__file__).parent
MUTATED = ("prices.py", "quantities.py", "technology.py", "pricing.py", "value.py", "equilibrium")

SECONDS = 20
"""Seconds of a processor that a mutant may take for all specs; one that takes longer gives no answer."""

CHANGED = Decimal(repr(limits.TOLERANCE))
"""The relative change from which on a price is another one: what `verify` promises to notice."""


class Mutant(NamedTuple):
    """The n-th place in a module where an operator of cosmic-ray applies."""

    path: Path
    operator: str
    occurrence: int

    @property
    def module(self) -> str:
        """The module's name."""
        parts = self.path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts)

    def source(self) -> str | None:
        """The module's text with the mutation; None if that is no program, or the same one."""
        before = self.path.read_text(encoding="utf-8")
        after = mutate_code(before, plugins.get_operator(self.operator)(), self.occurrence)
        try:
            return None if after is None or _bare(before) == _bare(after) else after
        except SyntaxError:
            return None

    def lines(self, source: str) -> tuple[int, int]:
        """The first and the last line that the mutation changes."""
        before = self.path.read_text(encoding="utf-8").splitlines()
        after = source.splitlines()
        first = _equal_lines(before, after)
        return first + 1, max(first + 1, len(before) - _equal_lines(before[::-1], after[::-1]))

    def difference(self) -> str:
        """The lines that changed."""
        after = self.source() or ""
        line, _ = self.lines(after)
        before = self.path.read_text(encoding="utf-8").splitlines()[line - 1].strip()
        return (
            f"{self.path.relative_to(PACKAGE)}:{line}: {before}  ->  {after.splitlines()[line - 1].strip()}"
        )


def _equal_lines(some: Sequence[str], others: Sequence[str]) -> int:
    """How many lines are equal from the start on."""
    pairs = enumerate(zip(some, others, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(some), len(others)))


def _bare(source: str) -> str:
    """The program without its annotations."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def mutants() -> list[Mutant]:
    """All there are, in a fixed order."""
    return [mutant for path in _paths() for mutant in _of(path)]


def _paths() -> Iterator[Path]:
    for name in MUTATED:
        path = PACKAGE / name
        yield from sorted(path.glob("*.py")) if path.is_dir() else [path]


def _of(path: Path) -> Iterator[Mutant]:
    nodes = _Nodes()
    nodes.walk(get_ast(path.read_text(encoding="utf-8")))
    for name in sorted(plugins.operator_names()):
        if "/Variable" in name:  # these want to be told names
            continue
        operator = plugins.get_operator(name)()
        count = sum(len(list(operator.mutation_positions(node))) for node in nodes.found)
        yield from (Mutant(path, name, occurrence) for occurrence in range(count))


class _Nodes(Visitor):
    def __init__(self) -> None:
        self.found: list[Any] = []

    def visit(self, node: Any) -> Any:
        self.found.append(node)
        return node


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another text."""

    def __init__(self, mutant: Mutant, source: str) -> None:
        self._mutant, self._source = mutant, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname != self._mutant.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._mutant.path, loader=self)

    def exec_module(self, module: Any) -> None:
        exec(compile(self._source, self._mutant.path, "exec"), module.__dict__)


Prices = dict[str, dict[str, str]]
"""By spec and good."""

Called = frozenset[tuple[str, int]]
"""The functions that solving specs/ calls: file and first line."""


class Outcome(NamedTuple):
    """What became of a mutant: `kind` is "caught", "survived", "no answer", "same prices" or "not called".

    Without an answer are those that give some spec no table, and all others the right one.
    """

    mutant: Mutant
    kind: str


def specs() -> list[Path]:
    """The files that `verify` has to judge the mutants by."""
    return sorted((ROOT / "specs").glob("*.yaml"))


def prices_of(path: Path) -> tuple[Any, dict[str, str]]:
    """A spec's solution, and its prices."""
    solution = chainprice.solve(chainprice.load(path))
    return solution, {row.good: str(row.price) for row in solution.goods}


def import_again() -> None:
    """A fresh chainprice."""
    for name in [name for name in sys.modules if name.split(".")[0] == "chainprice"]:
        del sys.modules[name]
    globals()["chainprice"] = importlib.import_module("chainprice")


def right_prices() -> tuple[Prices, Called]:
    """The prices without any mutation, which have to be verified, and the functions that are called for them."""
    called: set[tuple[str, int]] = set()

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call":
            called.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    sys.setprofile(note)
    import_again()
    solutions = {path: prices_of(path) for path in specs()}
    sys.setprofile(None)
    for path, (solution, _) in solutions.items():
        assert chainprice.verify(chainprice.load(path), solution).verified, path
    return {path.name: prices for path, (_, prices) in solutions.items()}, frozenset(called)


def is_called(mutant: Mutant, source: str, called: Called) -> bool:
    """Whether the mutated line lies outside every function, or in one that is called."""
    tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
    first, last = mutant.lines(source)
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.body[0].lineno <= first
        and last <= (node.end_lineno or 0)
    ]
    if not functions:
        return True
    innermost = max(functions, key=lambda node: node.lineno)
    line = min([innermost.lineno, *(decorator.lineno for decorator in innermost.decorator_list)])
    return (str(mutant.path), line) in called


def verdict(right: Prices) -> str:
    """What `verify` makes of the program as it is now."""
    lacking = False
    wrong = []
    for path in specs():
        try:
            solution, prices = prices_of(path)
        except Exception:  # noqa: BLE001 - a mutant may do anything; the command ends without a table
            lacking = True
        else:
            if not _same(prices, right[path.name]):
                wrong.append((path, solution))
    if not wrong:
        return "no answer" if lacking else "same prices"
    return "survived" if all(_is_verified(*pair) for pair in wrong) else "caught"


def _is_verified(path: Path, solution: Any) -> bool:
    try:
        return bool(chainprice.verify(chainprice.load(path), solution).verified)
    except Exception:  # noqa: BLE001 - it ends without a verdict, and the command fails
        return False


def _try(mutant: Mutant, source: str, right: Prices, connection: Any) -> None:
    """In a process of its own: a fresh chainprice, with one module of another text."""
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    sys.meta_path.insert(0, _Mutated(mutant, source))
    import_again()
    try:
        connection.send(verdict(right))
    except BaseException:  # noqa: BLE001 - whatever it is, there is no table
        connection.send("no answer")


def judged(mutant: Mutant, right: Prices, called: Called) -> Outcome | None:
    """What `verify` makes of a mutant; None where the mutation is none."""
    source = mutant.source()
    if source is None:
        return None
    if not is_called(mutant, source, called):
        return Outcome(mutant, "not called")
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_try, args=(mutant, source, right, there))
    process.start()
    there.close()
    try:
        kind = here.recv()
    except EOFError:
        kind = "no answer"
    process.kill()
    process.join()
    return Outcome(mutant, kind)


def _same(prices: Mapping[str, str], right: Mapping[str, str]) -> bool:
    return prices.keys() == right.keys() and all(
        _is_near(prices[good], price) for good, price in right.items()
    )


def _is_near(price: str, right: str) -> bool:
    a, b = Decimal(price), Decimal(right)
    return abs(a - b) <= CHANGED * max(abs(a), abs(b))


def report(outcomes: Sequence[Outcome], all_there_are: int) -> str:
    """The figures, and the survivors."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    wrong = kinds["caught"] + kinds["survived"]
    share = f"{kinds['caught'] / wrong:.1%}" if wrong else "-"
    survivors = [outcome.mutant.difference() for outcome in outcomes if outcome.kind == "survived"]
    return "\n".join(
        [
            f"{len(outcomes)} mutants that change the program, of {all_there_are} places to mutate.",
            f"{kinds['not called']} are in functions that no spec of specs/ calls, {kinds['same prices']} "
            f"change no price, {kinds['no answer']} end without a table.",
            f"{wrong} change a price; verify catches {kinds['caught']}, {share}.",
            *survivors,
        ]
    )


def main(count: int, *modules: str) -> None:
    """Draw so many mutants, of these modules (`prices`) or of all, and print what becomes of them."""
    os.environ["CHAINPRICE_CACHE"] = "off"
    every = [mutant for mutant in mutants() if not modules or mutant.path.stem in modules]
    drawn = random.Random(0).sample(every, min(count, len(every)))
    right, called = right_prices()
    outcomes = []
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    try:
        for future in as_completed(pool.submit(judged, mutant, right, called) for mutant in drawn):
            if outcome := future.result():
                outcomes.append(outcome)
                print(f"\r{len(outcomes)} of at most {len(drawn)}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        pool.shutdown(cancel_futures=True)
    print(f"\n{report(outcomes, len(every))}")


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
