"""Whether a spec's quantities follow from it, or the market must choose them (MODEL.md section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from typing import Literal, NamedTuple

from chainprice.errors import MarketMustChooseError, MissingExtraError, Problem
from chainprice.formula import Formula
from chainprice.network import Network, Use
from chainprice.spec import Spec

Allocation = Literal["given", "competitive"]

INSTALL = "pip install 'chainprice[equilibrium]'"
"""How to get the solver of competitive markets."""


class Choice(NamedTuple):
    """A quantity that the spec leaves to the market: of which good, and why."""

    good: str
    reason: str
    path: tuple[str, ...]
    hint: str = ""


def choices(spec: Spec, network: Network) -> tuple[Choice, ...]:
    """Everything that the market must choose; empty where allocation `given` applies."""
    return tuple(_choices(spec, network))


def _choices(spec: Spec, network: Network) -> Iterator[Choice]:
    return chain(_loops(network), _supplies(spec), _demands(spec), _fan_outs(spec, network))


def allocation_of(spec: Spec, network: Network) -> Allocation:
    """The allocation that a spec asks for; `auto` is `given` wherever that applies."""
    if spec.allocation != "auto":
        return spec.allocation
    return "given" if next(_choices(spec, network), None) is None else "competitive"


def is_given(spec: Spec, network: Network) -> bool:
    """Whether quantities are given; raises MarketMustChooseError where only the spec says so."""
    if spec.allocation == "given":
        fail_if_market_must_choose(spec, network)
    return allocation_of(spec, network) == "given"


def fail_if_market_must_choose(spec: Spec, network: Network) -> None:
    """Raise MarketMustChooseError, naming every such good, unless allocation `given` does it."""
    problems = _problems(spec, network)
    if problems:
        raise MarketMustChooseError(
            [
                *problems,
                Problem("allocation 'given' does not apply", None, "use allocation 'auto' or 'competitive'"),
            ]
        )


def fail_if_no_equilibrium_solver(spec: Spec, network: Network) -> None:
    """Raise MissingExtraError, naming the goods that need it, where the solver is not installed."""
    if find_spec("casadi") is None:
        message = "a market that chooses quantities needs the equilibrium extra, which is not installed"
        raise MissingExtraError([*_problems(spec, network), Problem(message, None, INSTALL)])


def fail_if_no_solver_for(command: str) -> None:
    """Raise MissingExtraError where a command needs the solver and it is not installed."""
    if find_spec("casadi") is None:
        message = f"{command} needs the equilibrium extra, which is not installed"
        raise MissingExtraError(Problem(message, None, INSTALL))


def _problems(spec: Spec, network: Network) -> list[Problem]:
    made = choices(spec, network)
    places = spec.places_of(choice.path for choice in made)
    return [
        Problem(f"the market must choose how much {choice.reason}", place, choice.hint)
        for choice, place in zip(made, places, strict=True)
    ]


def _loops(network: Network) -> Iterator[Choice]:
    if network.loop:
        good = network.loop[0]
        way = " -> ".join([*network.loop, good])
        firm = network.makers[good][0]
        yield Choice(
            good,
            f"of '{good}' goes round the loop {way}: its quantity does not follow from the supplies",
            ("firms", firm, "production", good),
        )


def _supplies(spec: Spec) -> Iterator[Choice]:
    for good in sorted(g for g, s in spec.supply.items() if s.quantity is None or _is_curve(s.price)):
        if spec.supply[good].quantity is None:
            yield Choice(
                good,
                f"'{good}' to buy: its supply has a price and no quantity",
                ("supply", good),
                f"give the quantity: `{good}: {{quantity: ...}}`",
            )
        else:
            yield Choice(
                good,
                f"'{good}' to buy along its supply curve",
                ("supply", good, "price"),
                "a fixed quantity needs no curve",
            )


def _is_curve(price: Formula | None) -> bool:
    return price is not None and "q" in price.names


def _demands(spec: Spec) -> Iterator[Choice]:
    for good in sorted(g for g, d in spec.demand.items() if d.price is None or d.quantity is not None):
        if spec.demand[good].price is None:
            yield Choice(
                good,
                f"of everything goes into '{good}', which must be delivered and has no price",
                ("demand", good),
                f"give it a price to sell what arrives: `{good}: {{price: ...}}`",
            )
        else:
            yield Choice(
                good,
                f"'{good}' to sell: its demand has a limit",
                ("demand", good, "quantity"),
                "without the limit, all that arrives is sold",
            )


def _fan_outs(spec: Spec, network: Network) -> Iterator[Choice]:
    for good in network.goods:
        uses = network.uses[good]
        if len(uses) > 1 and (note := spec.note(good)).rival and note.split is None:
            users = ", ".join(use.user for use in uses)
            path: tuple[str, ...] = ("goods", good) if good in spec.goods else ("supply", good)
            if good not in spec.goods and good not in spec.supply:
                path = ("firms", network.makers[good][0], "production", good)
            yield Choice(
                good,
                f"'{good}' goes to each of its {len(uses)} uses ({users})",
                path,
                f"state the split, `goods: {{{good}: {{split: {{{_example(uses)}}}}}}}`, "
                "or `rival: false` if every use has all of it",
            )


def _example(uses: tuple[Use, ...]) -> str:
    return ", ".join(f"{use.user}: ..." for use in uses)
