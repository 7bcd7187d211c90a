"""How strong is `verify`? Wrong solvers against it: `python tests/mutants.py 500` tries so many of them.

`python tests/mutants.py 500 prices quantities` takes those of two modules only.

cosmic-ray's operators make the mutants, of the modules that compute prices. A mutant solves and verifies
every file in specs/, in a process of its own. Where its prices are not the right ones, `verify` has to fail;
what it does not notice is listed. Nothing of the mutants touches a file.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import multiprocessing
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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

SECONDS = 90
"""What a mutant may take for all specs; one that takes longer gives no answer."""

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

    def difference(self) -> str:
        """The lines that changed."""
        before = self.path.read_text(encoding="utf-8").splitlines()
        after = (self.source() or "").splitlines()
        changed = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
        name = self.path.relative_to(PACKAGE)
        return f"{name}:{changed + 1}: {before[changed].strip()}  ->  {after[changed].strip()}"


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


class Outcome(NamedTuple):
    """What became of a mutant: `kind` is "caught", "survived", "no answer" or "same prices".

    Without an answer are those that give some spec no table, and all others the right one.
    """

    mutant: Mutant
    kind: str


def prices_and_verdicts() -> tuple[Prices, bool]:
    """All prices of specs/ that come out, and whether all come out and are verified."""
    prices: Prices = {}
    verified = True
    for path in sorted((ROOT / "specs").glob("*.yaml")):
        try:
            spec = chainprice.load(path)
            solution = chainprice.solve(spec)
            prices[path.name] = {row.good: str(row.price) for row in solution.goods}
            verified = chainprice.verify(spec, solution).verified and verified
        except Exception:  # noqa: BLE001 - a mutant may do anything; the command ends without a verdict
            verified = False
    return prices, verified


def _try(mutant: Mutant, source: str, connection: Any) -> None:
    """In a process of its own: a fresh chainprice, with one module of another text."""
    os.environ["CHAINPRICE_CACHE"] = "off"
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for name in [name for name in sys.modules if name.split(".")[0] == "chainprice"]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Mutated(mutant, source))
    globals()["chainprice"] = importlib.import_module("chainprice")
    try:
        connection.send(prices_and_verdicts())
    except BaseException:  # noqa: BLE001 - whatever it is, there is no table
        connection.send(None)


def judged(mutant: Mutant, right: Prices) -> Outcome | None:
    """What `verify` makes of a mutant; None where the mutation is none."""
    source = mutant.source()
    if source is None:
        return None
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_try, args=(mutant, source, there))
    process.start()
    there.close()
    try:
        found = here.recv() if here.poll(SECONDS) else None
    except EOFError:
        found = None
    process.kill()
    process.join()
    if found is None:
        return Outcome(mutant, "no answer")
    prices, verified = found
    if all(_same(of_spec, right[spec]) for spec, of_spec in prices.items()):
        return Outcome(mutant, "same prices" if prices.keys() == right.keys() else "no answer")
    return Outcome(mutant, "survived" if verified else "caught")


def _same(prices: Mapping[str, str], right: Mapping[str, str]) -> bool:
    return prices.keys() == right.keys() and all(
        _is_near(prices[good], price) for good, price in right.items()
    )


def _is_near(price: str, right: str) -> bool:
    a, b = Decimal(price), Decimal(right)
    return abs(a - b) <= CHANGED * max(abs(a), abs(b))


def report(outcomes: Sequence[Outcome], count: int, all_there_are: int) -> str:
    """The figures, and the survivors."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    wrong = kinds["caught"] + kinds["survived"]
    share = f"{kinds['caught'] / wrong:.1%}" if wrong else "-"
    survivors = [outcome.mutant.difference() for outcome in outcomes if outcome.kind == "survived"]
    return "\n".join(
        [
            f"{count} of {all_there_are} mutants drawn, {len(outcomes)} change the program.",
            f"{kinds['same prices']} change no price of specs/, {kinds['no answer']} end without a table.",
            f"{wrong} change a price; verify catches {kinds['caught']}, {share}.",
            *survivors,
        ]
    )


def main(count: int, *modules: str) -> None:
    """Draw so many mutants, of these modules (`prices`) or of all, and print what becomes of them."""
    os.environ["CHAINPRICE_CACHE"] = "off"
    every = [mutant for mutant in mutants() if not modules or mutant.path.stem in modules]
    drawn = random.Random(0).sample(every, min(count, len(every)))
    right, verified = prices_and_verdicts()
    assert verified, "specs/ must be verified before anything is mutated"
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        outcomes = [outcome for outcome in pool.map(lambda m: judged(m, right), drawn) if outcome]
    print(report(outcomes, len(drawn), len(every)))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
