"""What verification found, as immutable values; `to_dict` gives the JSON of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import mpmath
from mpmath import mpf

from chainprice.keys import SOMETIMES

FORMAT = "chainprice.verify/1"
"""The JSON of `verify`, and its version."""

Number = float | str
"""A double, or a decimal string where no double can hold the number."""

UsedMethod = Literal["symbolic", "numeric", "one-sided", "adjoint", "composed", "envelope"]


def as_number(value: Decimal | mpf) -> Number:
    """A double, or a decimal string where no double can hold it."""
    double = float(value)
    if (double == 0 and value != 0) or abs(double) == float("inf") or 0 < abs(double) < 2.3e-308:
        return f"{value:.17g}" if isinstance(value, Decimal) else str(mpmath.nstr(value, 17))
    return double


@dataclass(frozen=True, slots=True)
class Certificate:
    """An interval that surely holds a price, as decimals: midpoint +- radius, no rounding left out.

    Where none that is narrow was found, both are None and `reason` says why.
    """

    midpoint: Annotated[str | None, "The middle of the interval, a decimal; null where there is none."]
    radius: Annotated[str | None, "How far it reaches to both sides."]
    reason: Annotated[str | None, "Why the price could not be enclosed; null where it could."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of a certificate."""
        return {"midpoint": self.midpoint, "radius": self.radius, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Check:
    """One row: the table's price against the direct derivative of the composed function.

    `price` is None where the table lacks the good, `direct` where the row was verified together
    with all others (method adjoint) or where the spec lacks the good. `certificate` only where certified
    prices were asked for.
    """

    good: Annotated[str, "The good's name."]
    price: Annotated[Number | None, "The table's price; null where it lacks the good."]
    direct: Annotated[
        Number | None,
        "The direct derivative; null where rows were verified together, or where the spec lacks the good.",
    ]
    relative_error: Annotated[Number | None, "How far apart the two are."]
    method: Annotated[UsedMethod | None, "How it was differentiated."]
    passed: Annotated[bool, "Whether they agree within the tolerance."]
    certificate: Annotated[
        Certificate | None, "The interval that surely holds the price, where it was asked for.", SOMETIMES
    ] = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one row."""
        return {
            "good": self.good,
            "price": self.price,
            "direct": self.direct,
            "relative_error": self.relative_error,
            "method": self.method,
            "passed": self.passed,
            **({} if self.certificate is None else {"certificate": self.certificate.to_dict()}),
        }


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold over many rows: the worst relative error, and where it is."""

    condition: Annotated[str, "What must hold."]
    worst: Annotated[Number, "The worst relative error."]
    where: Annotated[str | None, "Where that is."]
    passed: Annotated[bool, "Whether it is within the tolerance."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one condition."""
        return {
            "condition": self.condition,
            "worst": self.worst,
            "where": self.where,
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class Stale:
    """A price that no longer holds: `relative_change` from it to the price now, None where it was 0."""

    good: Annotated[str, "The good's name."]
    published: Annotated[Number, "The price in the table."]
    now: Annotated[Number, "The price of the spec as it is now."]
    relative_change: Annotated[Number | None, "From the one to the other; null where the first was 0."]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one row."""
        return {
            "good": self.good,
            "published": self.published,
            "now": self.now,
            "relative_change": self.relative_change,
        }


@dataclass(frozen=True, slots=True)
class Publication:
    """A published table beside its spec as it is now.

    `form` is "solve" (JSON), "csv" or "prices"; `sha256_matches` is None where the table does not say of
    which spec it was made. `new` is in the spec and not in the table, `gone` the other way round.
    """

    path: Annotated[str, "The table's file as it was named."]
    form: Annotated[str, "What it is: a `solve` result, csv, or prices alone."]
    sha256_matches: Annotated[bool | None, "Whether it was made of this spec; null where it does not say."]
    stale: Annotated[tuple[Stale, ...], "The prices that no longer hold."] = ()
    new: Annotated[tuple[str, ...], "Goods of the spec that the table lacks."] = ()
    gone: Annotated[tuple[str, ...], "Goods of the table that the spec lacks."] = ()
    new_firms: Annotated[tuple[str, ...], "Firms of the spec that the table lacks."] = ()
    gone_firms: Annotated[tuple[str, ...], "Firms of the table that the spec lacks."] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON of a table under its spec."""
        return {
            "path": self.path,
            "form": self.form,
            "sha256_matches": self.sha256_matches,
            "stale": [row.to_dict() for row in self.stale],
            "new": list(self.new),
            "gone": list(self.gone),
            "new_firms": list(self.new_firms),
            "gone_firms": list(self.gone_firms),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was checked of one spec; `error` says why nothing could be.

    `table` is there where a published table was checked.
    """

    path: Annotated[str, "The file as it was named."]
    allocation: Annotated[str | None, "How quantities came about."]
    tolerance: Annotated[float, "The relative error that passes."]
    checks: Annotated[tuple[Check, ...], "Every price against the direct derivative."] = ()
    conditions: Annotated[tuple[Condition, ...], "What else must hold."] = ()
    error: Annotated[str | None, "Why nothing could be checked."] = None
    table: Annotated[Publication | None, "The published table that was checked.", SOMETIMES] = None

    @property
    def verified(self) -> bool:
        """Whether there was something to check and all of it passed."""
        passed = [*(row.passed for row in self.checks), *(row.passed for row in self.conditions)]
        return self.error is None and bool(self.checks) and all(passed)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one spec."""
        return {
            "path": self.path,
            "verified": self.verified,
            "allocation": self.allocation,
            "tolerance": self.tolerance,
            "checks": [check.to_dict() for check in self.checks],
            "conditions": [condition.to_dict() for condition in self.conditions],
            "error": self.error,
            **({} if self.table is None else {"table": self.table.to_dict()}),
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdicts on several specs, in the order in which they were named."""

    specs: Annotated[tuple[Verdict, ...], "One for each spec, as they were named."]
    skipped: Annotated[
        tuple[str, ...] | None, "Files found in folders that are no specs, if there are any.", SOMETIMES
    ] = None

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], skipped: Iterable[str] = ()) -> Verification:
        """The verification that these verdicts make."""
        return cls(tuple(verdicts), tuple(skipped) or None)

    @property
    def verified(self) -> bool:
        """Whether every spec is verified."""
        return all(verdict.verified for verdict in self.specs)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `verify`, format chainprice.verify/1."""
        return {
            "format": FORMAT,
            "verified": self.verified,
            "specs": [verdict.to_dict() for verdict in self.specs],
            **({} if self.skipped is None else {"skipped": list(self.skipped)}),
        }
