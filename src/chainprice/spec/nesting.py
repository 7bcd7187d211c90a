"""A firm that is a chain: read by the key `firms`, or by the key `chain`, which names a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chainprice import limits
from chainprice.spec.chains import Keys, Nested, Size, Written
from chainprice.spec.language import FIRM
from chainprice.spec.library import Arguments
from chainprice.spec.model import NOTHING, Firm
from chainprice.spec.tree import Tree

if TYPE_CHECKING:
    from chainprice.formula import Formula
    from chainprice.spec.reader import Reader

STANDS_FOR_PRODUCTION = frozenset({"firms", "chain"})
"""The keys that make a chain of a firm."""


def read_nested(
    reader: Reader, keys: Keys, part: Mapping[str, Tree], parameters: Mapping[str, Formula]
) -> Nested:
    """A firm that is a chain, read by the reader of its file."""
    chosen = [key for key in FIRM.one_of if key in part]
    if len(chosen) > 1:
        reader.report((*keys, chosen[1]), f"a firm has one of {', '.join(FIRM.one_of)}", at_key=True)
    links = reader.named(keys, "links", part.get("links"), reader.name)
    description = reader.text(keys, "description", part.get("description"))
    if "chain" not in part:
        return Nested(keys, _inline(reader, keys, part, parameters), links, description)
    if "goods" in part:
        reader.report((*keys, "goods"), "notes on goods of this chain stand in its file", at_key=True)
    written, at = part["chain"], (*keys, "chain")
    if not isinstance(written, str):
        reader.report(at, "chain is the path of a file", "such as plant.yaml, beside this file")
        return Nested(keys, None, links, description)
    arguments = _arguments(reader, keys, part.get("parameters"))
    chain = reader.library.chain(reader, at, written, arguments, reader.inner.get(keys, ()))
    return Nested(keys, chain, links, description)


def fail_if_only_chains_have_it(reader: Reader, keys: Keys, part: Mapping[str, Tree]) -> None:
    """Report the keys of a firm that is no chain and that only a chain has."""
    for key in ("firms", "chain"):
        if key in part:
            reader.report((*keys, key), f"a firm has one of {', '.join(FIRM.one_of)}", at_key=True)
    for key in ("goods", "links"):
        if key in part and not reader.has_problem(keys):
            message = f"{key} are for a firm that is a chain, with `firms` or `chain`"
            reader.report((*keys, key), message, at_key=True)


def _arguments(reader: Reader, keys: Keys, value: Tree) -> Arguments:
    """Those that are sound; the others were reported where they stand."""
    items = value.items() if isinstance(value, dict) else ()
    return {
        name: item
        for name, item in items
        if isinstance(item, str) and not reader.has_problem((*keys, "parameters", name))
    }


def _inline(
    reader: Reader, keys: Keys, part: Mapping[str, Tree], parameters: Mapping[str, Formula]
) -> Written:
    firms: Mapping[str, Firm] = NOTHING
    if not _is_too_much(reader, keys, part):
        with reader.within(parameters):
            firms = reader.named(keys, "firms", part.get("firms"), reader.read_firm)
    if not firms and not reader.has_problem(keys) and not reader.library.is_incomplete:
        reader.report(
            keys, f"firm '{keys[-1]}' has no firms in it", "give it `production: {output: formula}`"
        )
    reader.library.is_incomplete |= not firms
    within = (*keys, "firms")
    nested = {name: reader.nested[*within, name] for name in firms if (*within, name) in reader.nested}
    return Written(
        reader.places,
        keys,
        {name: firm for name, firm in firms.items() if name not in nested},
        nested,
        reader.named(keys, "goods", part.get("goods"), reader.read_good),
        parameters,
    )


def _is_too_much(reader: Reader, keys: Keys, part: Mapping[str, Tree]) -> bool:
    """Whether there are too many firms already: an alias may stand for the same ones again and again."""
    firms = part.get("firms")
    library = reader.library
    was_too_much = library.parts > limits.NESTED_PARTS
    library.parts += len(firms) if isinstance(firms, dict) else 0
    if library.parts <= limits.NESTED_PARTS:
        return False
    library.is_incomplete = True
    if not was_too_much:
        reader.report(keys, f"more than {limits.NESTED_PARTS:,} firms inside firms")
    return True


def fail_if_too_large(reader: Reader, nested: Mapping[str, Nested]) -> bool:
    """Report each chain inside a firm that is too large, or too deep, with all that is inside it."""
    sizes = {name: firm.chain.size for name, firm in nested.items() if firm.chain is not None}
    total = Size(*map(sum, zip(*sizes.values(), strict=True))) if sizes else Size(0, 0, 0)
    if total.parts <= limits.NESTED_PARTS and total.length <= limits.NESTED_LENGTH and not _too_deep(sizes):
        return False
    name = max(sizes, key=lambda name: sizes[name])
    where = "inside firms, most of them inside this one"
    if total.parts > limits.NESTED_PARTS:
        message = f"{total.parts:,} firms, goods and parameters are {where}"
        limit = f"the limit is {limits.NESTED_PARTS:,}"
    elif total.length > limits.NESTED_LENGTH:
        message = f"{total.length:,} characters of formulas are {where}"
        limit = f"the limit is {limits.NESTED_LENGTH:,}"
    else:
        message, limit = f"more than {limits.NESTING_DEPTH} chains inside each other", ""
    reader.report(nested[name].keys, message, limit, at_key=True)
    reader.library.is_incomplete = True
    return True


def _too_deep(sizes: Mapping[str, Size]) -> bool:
    return any(size.depth > limits.NESTING_DEPTH for size in sizes.values())
