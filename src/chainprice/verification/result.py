"""What verification found, as immutable values; `to_dict` gives the JSON of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import mpmath
from mpmath import mpf

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

    midpoint: str | None
    radius: str | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """What it adds to the JSON of a row."""
        found = self.midpoint is not None
        return {
            "enclosure": {"midpoint": self.midpoint, "radius": self.radius} if found else None,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One row: the table's price against the direct derivative of the composed function.

    `price` is None where the table lacks the good, `direct` where the row was verified together
    with all others (method adjoint) or where the spec lacks the good. `certificate` only where certified
    prices were asked for.
    """

    good: str
    price: Number | None
    direct: Number | None
    relative_error: Number | None
    method: UsedMethod | None
    passed: bool
    certificate: Certificate | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one row."""
        return {
            "good": self.good,
            "price": self.price,
            "direct": self.direct,
            "relative_error": self.relative_error,
            "method": self.method,
            "passed": self.passed,
            **(self.certificate.to_dict() if self.certificate is not None else {}),
        }


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold over many rows: the worst relative error, and where it is."""

    condition: str
    worst: Number
    where: str | None
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one condition."""
        return {
            "condition": self.condition,
            "worst": self.worst,
            "where": self.where,
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was checked of one spec; `error` says why nothing could be."""

    path: str
    allocation: str | None
    tolerance: float
    checks: tuple[Check, ...] = ()
    conditions: tuple[Condition, ...] = ()
    error: str | None = None

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
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdicts on several specs, in the order in which they were named."""

    specs: tuple[Verdict, ...]

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> Verification:
        """The verification that these verdicts make."""
        return cls(tuple(verdicts))

    @property
    def verified(self) -> bool:
        """Whether every spec is verified."""
        return all(verdict.verified for verdict in self.specs)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `verify`, format chainprice.verify/1."""
        return {
            "format": "chainprice.verify/1",
            "verified": self.verified,
            "specs": [verdict.to_dict() for verdict in self.specs],
        }
