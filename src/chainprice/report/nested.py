"""Tables of a market whose firms are chains: what is inside a firm stands under it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chainprice.report.numbers import shown
from chainprice.report.table import STEP, Cell
from chainprice.solution import PricedChain

Row = tuple[Cell, ...]

_TRANSFER = "transfer prices"
"""In the place of a role, before the goods that are inside a firm."""

_BOOKS = 5
"""Columns of the table of firms: the name, three amounts, returns to scale."""


def grouped(rows: Iterable[Row], chains: Sequence[PricedChain], columns: int) -> Iterator[Row]:
    """The rows, which begin with names of the whole market, with a row for each chain before those inside it.

    A chain stands where the first that is inside it stood.
    """
    by_name = {chain.chain: chain for chain in chains}
    homes = {name: chain.chain for chain in chains for name in (*chain.firms, *chain.goods)}
    under: dict[str | None, list[str | Row]] = {}
    for row in rows:
        _place(under, str(row[0]), row, homes)
    yield from _below(None, under, by_name, columns)


def _place(under: dict[str | None, list[str | Row]], name: str, row: Row, homes: Mapping[str, str]) -> None:
    """Put a row under its chain, and the chain under the one that it is inside of if it is new there."""
    home = homes.get(name)
    if home is not None and home not in under:
        _place_chain(under, home, homes)
    under.setdefault(home, []).append(row)


def _place_chain(under: dict[str | None, list[str | Row]], name: str, homes: Mapping[str, str]) -> None:
    home = homes.get(name)
    if home is not None and home not in under:
        _place_chain(under, home, homes)
    under.setdefault(home, []).append(name)
    under[name] = []


def _below(
    home: str | None,
    under: Mapping[str | None, Sequence[str | Row]],
    chains: Mapping[str, PricedChain],
    columns: int,
) -> Iterator[Row]:
    depth = 0 if home is None else home.count(".") + 1
    for item in under.get(home, ()):
        name = str(item if isinstance(item, str) else item[0])
        label = f"{STEP * depth}{name.rpartition('.')[2] if depth else name}"
        if isinstance(item, str):
            chain = chains[item]
            books = (chain.revenue, chain.cost, chain.profit, None)
            yield (label, *(books if columns == _BOOKS else _empty(columns)))
            yield from _below(item, under, chains, columns)
        else:
            yield (label, *item[1:])


def _empty(columns: int) -> Row:
    """A row of the price table without numbers: role, quantity, unit, price, value, perhaps a range, rule."""
    return (_TRANSFER, None, "", *[None] * (columns - 5), "")


def cancelled(chains: Iterable[PricedChain], digits: int) -> Iterator[str]:
    """What the firms of each chain pay each other."""
    for chain in chains:
        paid = shown(chain.internal, digits)
        yield f"{chain.chain}: its firms pay each other {paid}, which cancels"
