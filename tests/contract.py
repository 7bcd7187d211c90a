"""What users may rely on in JSON: every key, its type and its place, for each format.

`golden/contract.json` has, for each format, every path with the types that stand there, keys in their order.
A key that is sometimes left out has the type "absent". Additions are free; anything else that differs breaks
the contract, and needs a new version of the format. `refresh.py` adds what is new and refuses the rest.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from outputs import GOLDEN
from support import run

FILE = GOLDEN / "contract.json"

COMMANDS = {
    "chainprice.solve/1": [
        *(f"solve specs/{name}.yaml" for name in ("tupperware", "bakery", "electricity", "car_panels")),
        "solve tests/specs/nested/deep.yaml",
        "solve tests/specs/market/merit-order.yaml --numeraire power",
        "solve tests/specs/contract/no-fewer.yaml",
        "solve tests/specs/contract/nothing-made.yaml",
    ],
    "chainprice.solve/1 --digits 20": ["solve specs/tupperware.yaml --digits 20"],
    "chainprice.verify/1": [
        "verify specs/tupperware.yaml tests/specs/market/merit-order.yaml tests/specs/invalid/unknown-name.yaml nowhere.yaml",
        "verify specs/tupperware.yaml --method adjoint",
        "verify specs/tupperware.yaml --table tests/golden/mill.solve.json",
        "verify specs/tupperware.yaml --table tests/specs/contract/tupperware.prices.json",
        "verify specs/tupperware.yaml tests/golden",
        "verify specs/tupperware.yaml tests/specs/contract/kink.yaml --certify",
    ],
    "chainprice.simulate/1": [
        "simulate specs/tupperware.yaml --shock supply.natgas.quantity=2@50",
        "simulate tests/specs/contract/increasing-returns.yaml --steps 100",
    ],
    "chainprice.sweep/1": [
        "sweep specs/tupperware.yaml --vary supply.natgas.quantity=0:4:3",
    ],
    "chainprice.diagnose/1": [
        "diagnose specs/cars_and_bridges.yaml --observed tests/observed/cars.json",
        "diagnose tests/specs/market/merit-order.yaml --observed tests/observed/merit-order.csv",
        "diagnose tests/specs/market/merit-order.yaml --observed tests/observed/merit-order.bend.json",
        "diagnose tests/observed/unbounded.yaml --observed tests/observed/unbounded.json",
    ],
    "chainprice.sensitivity/1": [
        "sensitivity specs/electricity.yaml --of power --tax power=1",
        "sensitivity tests/specs/contract/kink.yaml --of a",
        "sensitivity tests/specs/market/merit-order.yaml --tax power=5%",
        "sensitivity specs/refinery.yaml",
    ],
    "chainprice.graph/1": [
        *(f"graph specs/{name}.yaml" for name in ("tupperware", "bakery", "electricity", "chipmaker")),
        "graph tests/specs/drawn/outside.yaml --numeraire tools",
        "graph tests/specs/contract/no-fewer.yaml",
        "graph tests/specs/nested/deep.yaml",
    ],
    "chainprice.check/1": [
        "check specs/tupperware.yaml specs/refinery.yaml tests/specs/invalid/unknown-name.yaml nowhere.yaml"
    ],
}
"""The commands, without `-f json` (of a sweep `-f jsonl`), whose outputs are looked at together as one format."""

Types = Mapping[str, list[str]]
"""The types at each path, such as `goods[].price`."""


@cache
def documents() -> Mapping[str, list[Any]]:
    """What the commands print today, by format."""
    return {
        form: [document for command in commands for document in _printed(command.split())]
        for form, commands in COMMANDS.items()
    }


def _printed(command: list[str]) -> list[Any]:
    """What a command prints as JSON: one document, or of a sweep one a line."""
    if command[0] == "sweep":
        return [json.loads(line) for line in run(*command, "-f", "jsonl").stdout.splitlines()]
    return [json.loads(run(*command, "-f", "json").stdout)]


def observed(document: Iterable[Any]) -> dict[str, list[str]]:
    """Every path of some documents, in order, with the types that stand there."""
    found: dict[str, set[str]] = {}
    children: dict[str, list[set[str]]] = {}
    for path, value in _values(document):
        found.setdefault(path, set()).add(_type(value))
        if isinstance(value, dict):
            children.setdefault(path, []).append({_under(path, key) for key in value})
    for seen in children.values():
        for path in set().union(*seen):
            if not all(path in keys for keys in seen):
                found[path].add("absent")
    return {path: sorted(types) for path, types in found.items()}


def breaks(promised: Types, document: Iterable[Any]) -> list[str]:
    """What some documents break of what was promised, in words."""
    document = list(document)
    today = observed(document)
    gone = [f"{path} is gone" for path in promised if path not in today]
    changed = [
        f"{path} was {'|'.join(types)}, and is {'|'.join(today[path])}"
        for path, types in promised.items()
        if path in today and today[path] != types
    ]
    order = {path: index for index, path in enumerate(promised)}
    moved = {
        f"the keys of {path or 'the whole'} have another order"
        for path, value in _values(document)
        if isinstance(value, dict)
        and (places := [order[_under(path, key)] for key in value if _under(path, key) in order])
        != sorted(places)
    }
    return [*gone, *changed, *sorted(moved)]


def _values(document: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Every value of some documents with its path, those above first."""
    for value in document:
        yield from _below("", value)


def _below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _below(_under(path, key), item)
    elif isinstance(value, list):
        for item in value:
            yield from _below(f"{path}[]", item)


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return "null" if value is None else names[type(value)]


def promises() -> dict[str, Types]:
    """What is promised, by format."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def refresh() -> None:
    """Keep what is new; what would break a promise is not kept."""
    for form, types in (promises() if FILE.exists() else {}).items():
        if broken := breaks(types, documents()[form]):
            raise SystemExit(f"{form} is broken and needs a new version:\n  " + "\n  ".join(broken))
    rows = (
        f'  "{form}": {{\n'
        + ",\n".join(
            f"    {json.dumps(path)}: {json.dumps(types)}" for path, types in observed(found).items()
        )
        + "\n  }"
        for form, found in documents().items()
    )
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
