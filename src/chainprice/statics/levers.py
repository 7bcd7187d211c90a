"""What can be moved: the numbers of a spec, each firm's productivity; and a spec with one of them moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeVar

from chainprice.arithmetic import evaluate, written
from chainprice.formula import DERIVED, Formula, read
from chainprice.spec import Spec
from chainprice.spec.model import DEMAND, Trade
from chainprice.value import CURVE_VARIABLE, Section

_Value = TypeVar("_Value")

Kind = Literal[
    "supply quantity",
    "supply price",
    "demand price",
    "demand quantity",
    "parameter",
    "firm parameter",
    "split",
    "productivity",
]


class Lever(NamedTuple):
    """Something that can be moved. `name` is what `--set` calls it, where that can set it.

    `good`, `firm` and `parameter` say where it stands; a price along a curve `is_curve`.
    """

    kind: Kind
    name: str
    good: str | None = None
    firm: str | None = None
    parameter: str | None = None
    is_curve: bool = False

    @property
    def section(self) -> Section:
        """Whether it is of a supply or of a demand."""
        return "supply" if self.kind.startswith("supply") else "demand"


def levers(spec: Spec) -> Iterator[Lever]:
    """Every lever of a spec: supplies, demands, parameters, splits, then firms."""
    for good, supply in spec.supply.items():
        if supply.quantity is not None:
            yield Lever("supply quantity", f"supply.{good}.quantity", good)
        if supply.price is not None:
            yield Lever("supply price", f"supply.{good}.price", good, is_curve=_is_curve(supply.price))
    for good, demand in spec.demand.items():
        if demand.price is not None:
            yield Lever("demand price", f"demand.{good}.price", good, is_curve=_is_curve(demand.price))
        if demand.quantity is not None:
            yield Lever("demand quantity", f"demand.{good}.quantity", good)
    for name in spec.parameters:
        yield Lever("parameter", name, parameter=name)
    yield from _of_firms(spec)
    for good, note in spec.goods.items():
        for user in note.split or ():
            yield Lever("split", f"split.{good}.{user}", good, None if user == DEMAND else user)
    for firm in spec.firms:
        yield Lever("productivity", f"productivity.{firm}", firm=firm)


def _of_firms(spec: Spec) -> Iterator[Lever]:
    """The parameters of firms. One inside a firm may have the firm's name in front already."""
    for firm, of_firm in spec.firms.items():
        for name, value in of_firm.parameters.items():
            own = name.removeprefix(f"{firm}.")
            if own == name or value.text != own:  # else it is pi or e, where a good has that name
                yield Lever("firm parameter", f"{firm}.{own}", firm=firm, parameter=name)


def _is_curve(price: Formula) -> bool:
    return CURVE_VARIABLE in price.names


def setting(spec: Spec, lever: Lever) -> Decimal | None:
    """Where the lever stands in the spec; None of a price along a curve, which stands where it is traded."""
    if lever.kind == "productivity":
        return Decimal(1)
    if lever.kind == "split":
        return evaluate((spec.note(lever.good or "").split or {})[lever.firm or DEMAND])
    if lever.parameter is not None:
        of = spec.firms[lever.firm].parameters if lever.firm else spec.parameters
        return evaluate(of[lever.parameter])
    trade = _trade(spec, lever)
    formula = trade.quantity if lever.kind.endswith("quantity") else trade.price
    assert formula is not None  # noqa: S101 - a lever is there because its number is
    if lever.is_curve:
        return None
    return evaluate(
        formula, {name: evaluate(spec.parameters[name]) for name in formula.names if name in spec.parameters}
    )


def is_limit(spec: Spec, lever: Lever) -> bool:
    """Whether it is the most of a good that may be traded, at a price."""
    return lever.kind.endswith("quantity") and _trade(spec, lever).price is not None


def _trade(spec: Spec, lever: Lever) -> Trade:
    trades: Mapping[str, Trade] = spec.supply if lever.section == "supply" else spec.demand
    return trades[lever.good or ""]


def moved(spec: Spec, lever: Lever, by: Decimal) -> Spec:
    """The spec with a lever moved; a curve moves as a whole, a firm's outputs all in proportion."""
    match lever.kind:
        case "productivity":
            firm = spec.firms[lever.firm or ""]
            production = {output: _scaled(formula, 1 + by) for output, formula in firm.production.items()}
            return replace(spec, firms=_with(spec.firms, lever.firm, firm._replace(production=production)))
        case "parameter":
            of = _with(spec.parameters, lever.parameter, _plus(spec.parameters[lever.parameter or ""], by))
            return replace(spec, parameters=of)
        case "firm parameter":
            firm = spec.firms[lever.firm or ""]
            name = lever.parameter or ""
            parameters = _with(firm.parameters, name, _plus(firm.parameters[name], by))
            return replace(spec, firms=_with(spec.firms, lever.firm, firm._replace(parameters=parameters)))
        case "split":
            note = spec.goods[lever.good or ""]
            user = lever.firm or DEMAND
            shares = dict(note.split or {})
            shares[user] = _plus(shares[user], by)
            return replace(spec, goods=_with(spec.goods, lever.good, note._replace(split=shares)))
    trade: Any = _trade(spec, lever)
    key = "quantity" if lever.kind.endswith("quantity") else "price"
    trade = trade._replace(**{key: _plus(getattr(trade, key), by)})
    if lever.section == "supply":
        return replace(spec, supply=_with(spec.supply, lever.good, trade))
    return replace(spec, demand=_with(spec.demand, lever.good, trade))


def _with(mapping: Mapping[str, _Value], key: str | None, value: _Value) -> dict[str, _Value]:
    return {**mapping, key or "": value}


def _plus(formula: Formula, by: Decimal) -> Formula:
    return read(f"({formula.text}) + ({written(by)})", DERIVED) if by else formula


def _scaled(formula: Formula, by: Decimal) -> Formula:
    return read(f"({written(by)})*({formula.text})", DERIVED) if by != 1 else formula
