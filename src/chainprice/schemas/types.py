"""Python types to JSON Schema: rows and results as they are annotated, `Annotated[type, description]`."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from chainprice.errors import Problem
from chainprice.inspection import ProblemRow
from chainprice.keys import SOMETIMES

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$"},
}


def described(schema: Schema, description: str) -> Schema:
    """A schema with what it means; of a value that is described already, this is what counts."""
    return {"description": description, **{word: v for word, v in schema.items() if word != "description"}}


def schema_of(kind: Any) -> Schema:
    """The schema of an annotation; a decimal is text in JSON."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if origin is Annotated:
        value = described(schema_of(arguments[0]), arguments[1])
        return _not_null(value) if SOMETIMES in arguments else value
    if origin is Literal:
        return {"type": "string", "enum": [*arguments]}
    if origin in (Union, types.UnionType):
        return _either([schema_of(argument) for argument in arguments])
    if origin in (tuple, Mapping):
        return _array(arguments) if origin is tuple else _map(arguments[1])
    return _object(ProblemRow if kind is Problem else kind)


def _either(options: Iterable[Schema]) -> Schema:
    """One of several types; each word of a schema says something about one type only."""
    union: Schema = {"type": []}
    for option in options:
        kinds = option.pop("type")
        union["type"] += kinds if isinstance(kinds, list) else [kinds]
        union |= option
    if "enum" in union and "null" in union["type"]:
        union["enum"] = [*union["enum"], None]
    return union


def _not_null(schema: Schema) -> Schema:
    """Of a key that is left out instead."""
    if isinstance(schema["type"], str):
        return schema
    (kind,) = (kind for kind in schema["type"] if kind != "null")
    return schema | {"type": kind}


def _map(kind: Any) -> Schema:
    """An object whose keys are names of the spec."""
    return {"type": "object", "additionalProperties": schema_of(kind)}


def _array(arguments: tuple[Any, ...]) -> Schema:
    if arguments[-1] is Ellipsis:
        return {"type": "array", "items": schema_of(arguments[0])}
    items = [schema_of(argument) for argument in arguments]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def properties_of(row: type, names: Iterable[str] | None = None) -> dict[str, Schema]:
    """The schema of each field and property of a row, or of those that are named."""
    hints = _hints(row)
    return {name: schema_of(hints[name]) for name in (hints if names is None else names)}


def _object(row: type) -> Schema:
    optional = {name for name, kind in _hints(row).items() if SOMETIMES in get_args(kind)}
    return closed(properties_of(row), summary(row), optional)


def closed(properties: Mapping[str, Schema], description: str, optional: Iterable[str] = ()) -> Schema:
    """An object with these keys and no others, all of them there but the optional ones."""
    return {
        "description": description,
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in {*optional}],
        "additionalProperties": False,
    }


def summary(documented: Any) -> str:
    """The first line of a docstring."""
    return str(documented.__doc__).split("\n", 1)[0].strip()


def _hints(row: type) -> dict[str, Any]:
    """The annotation of each field and property; a property's docstring is its description."""
    names = [field.name for field in fields(row)] if is_dataclass(row) else [*getattr(row, "_fields", ())]
    hints = get_type_hints(row, include_extras=True)
    getters = {name: value.fget for name, value in vars(row).items() if isinstance(value, property)}
    return {name: hints[name] for name in names} | {name: _returned(get) for name, get in getters.items()}


def _returned(getter: Any) -> Any:
    kind = get_type_hints(getter)["return"]
    return Annotated[kind, summary(getter)]
