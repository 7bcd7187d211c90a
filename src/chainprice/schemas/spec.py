"""The JSON Schema of a spec, from the keys of the language.

It may let pass what the reader refuses (it knows no names, and no formula), never the other way round. Values
are as an editor sees them: a number is a number, where the reader sees the text that was written.
"""

from __future__ import annotations

from typing import Any

from chainprice.formula import FUNCTIONS
from chainprice.schemas.types import Schema, described
from chainprice.spec.language import (
    FIRM,
    FORM,
    SPEC,
    TABLE,
    TEMPLATE,
    VERSION,
    Choice,
    Key,
    Kind,
    Leaf,
    Named,
    Part,
)
from chainprice.spec.model import ALLOCATIONS

_NAME = {"pattern": r"^[^ -@\[-^`{-~][^ -/:-@\[-^`{-~]*$"}
"""No ASCII but letters, digits and _, and no digit first. Validators disagree about the letters of other
alphabets (\\p{L} is an error in some), so any other character passes."""

_CONSTANT = {"type": ["number", "string"], "minLength": 1}

_LEAVES: dict[Leaf, Schema] = {
    Leaf.TEXT: {"type": ["string", "number", "null"]},
    Leaf.NAME: {"type": "string", **_NAME},
    Leaf.FORMULA: {
        "type": ["number", "string"],
        "minLength": 1,
        "description": "A number or a formula: numbers, names, `+ - * / ^`, parentheses, "
        f"{' '.join(FUNCTIONS)}, and the constants `pi` and `e`.",
    },
    Leaf.CONSTANT: {**_CONSTANT, "description": "A number, or a formula of numbers such as 1/3."},
    Leaf.QUANTITY: {**_CONSTANT, "minimum": 0},
    Leaf.SHARE: {**_CONSTANT, "minimum": 0, "maximum": 1, "description": "A share, from 0 to 1."},
    Leaf.FILE: {"type": "string", "minLength": 1},
    Leaf.NUMBER: {**_CONSTANT, "description": "A number, or a formula of parameters."},
    Leaf.ELASTICITY: {**_CONSTANT, "minimum": 0},
    Leaf.FLAG: {"type": "boolean"},
    Leaf.ALLOCATION: {"enum": [*ALLOCATIONS]},
    Leaf.VERSION: {"enum": [int(VERSION), VERSION]},
}


_EXAMPLE = {
    "title": "Tupperware from natural gas",
    "firms": {
        "cracker": {"production": {"ethylene": "sqrt(natgas)"}},
        "moulder": {"production": {"tupperware": "ln(1 + ethylene)"}},
    },
    "supply": {"natgas": {"quantity": 4}},
    "demand": {"tupperware": {"price": 1}},
}


def schema() -> Schema:
    """The schema of a spec."""
    return {
        "$id": f"urn:chainprice:spec:{VERSION}",
        "title": "A supply chain for chainprice",
        "description": "Which firms make what of what, what enters the chain, and what leaves it.",
        "examples": [_EXAMPLE],
        **_schema(SPEC),
    }


def _schema(kind: Kind) -> Schema:
    if isinstance(kind, Leaf):
        return _LEAVES[kind]
    if isinstance(kind, Named) and kind.table is not None:
        return _with_table(kind, kind.table)
    if isinstance(kind, Named):
        return {**_mapping(kind.is_needed), "propertyNames": _NAME, "additionalProperties": _schema(kind.of)}
    if isinstance(kind, Choice):
        forms = [_form(name, part) for name, part in kind.forms.items()]
        return {"anyOf": [{"title": "a formula", **_schema(kind.leaf)}, *forms]}
    return {**_mapping(kind.is_needed), **_keys(kind)}


def _form(name: str, part: Part) -> Schema:
    """One form, which its key `form` tells from the others."""
    schema = _schema(part)
    schema["properties"][FORM]["const"] = name
    return {"title": part.noun, **schema}


def _with_table(kind: Named, table: Key) -> Schema:
    """Parts by name, a table of more, and a template for those: a part whose names may have braces."""
    part = _schema(kind.of)
    return {
        **_mapping(kind.is_needed),
        "propertyNames": {"anyOf": [_NAME, _BRACES]},
        "properties": {TABLE: described({"anyOf": [_property(table), part]}, table.description)},
        "patternProperties": {_BRACES["pattern"]: _with_braces(_schema(TEMPLATE))},
        "additionalProperties": part,
    }


_BRACES = {"pattern": r"\{.*\}"}


def _with_braces(schema: Any) -> Any:
    """The same schema for a template: names may have braces, and a form's name may be in the table."""
    if isinstance(schema, list):
        return [_with_braces(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    words = {word: _with_braces(value) for word, value in schema.items() if word != "const"}
    if schema.get("propertyNames") is _NAME:
        words["propertyNames"] = {"anyOf": [_NAME, _BRACES]}
    return words


def _mapping(is_needed: bool) -> Schema:
    return {"type": "object", "minProperties": 1} if is_needed else {"type": ["object", "null"]}


def _keys(part: Part) -> Schema:
    keys: dict[str, Any] = {"properties": {name: _property(key) for name, key in part.keys.items()}}
    required = [name for name, key in part.keys.items() if key.is_required]
    one_of = {"oneOf": [{"required": [name]} for name in part.one_of]} if part.one_of else {}
    return {**keys, **({"required": required} if required else {}), **one_of, "additionalProperties": False}


def _property(key: Key) -> Schema:
    if key is FIRM.keys["firms"]:  # firms inside a firm
        return {"$ref": "#/properties/firms", "description": key.description, "examples": [*key.examples]}
    return {**described(_schema(key.kind), key.description), "examples": [*key.examples]}
