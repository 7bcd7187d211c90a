"""The chain rule, step by step, for any spec: the walk that the post takes through its example.

What comes back is content: equations made of small terms (a price, a slope, a number, a product).
How they look, in text, Markdown or LaTeX, is the business of `report.walk`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from chainprice import network
from chainprice.arithmetic import rational
from chainprice.errors import Problem, UsageError
from chainprice.formula import suggestion
from chainprice.network import Network, Use
from chainprice.solution import Derivative, PricedFirm, PricedGood, PricedUse, Solution
from chainprice.solver import solve
from chainprice.spec import DEMAND, Spec

DIGITS = 50
"""Digits that a walk is computed to, so that an exact fraction is seen to be one."""


@dataclass(frozen=True, slots=True)
class Price:
    """P_g."""

    good: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """The quantity of a good, or what one firm has of it."""

    good: str
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Slope:
    """dF/dz of an output by an input."""

    output: str
    input: str


@dataclass(frozen=True, slots=True)
class Worth:
    """mv_u(g): what one more unit of a good is worth to a user."""

    user: str
    good: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula of the spec, or of a derivative."""

    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """A number, with its unit where it is a result."""

    number: Decimal
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """Factors, multiplied."""

    factors: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms, added."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Greatest:
    """The greatest of several terms."""

    terms: tuple[Term, ...]


Term = Price | Quantity | Slope | Worth | Expression | Value | Product | Sum | Greatest


@dataclass(frozen=True, slots=True)
class Equation:
    """`sides` are all equal; `remark` says why in a few words."""

    sides: tuple[Term, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with equations and sentences under it."""

    heading: str
    equations: tuple[Equation, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A walk through a chain, or through what one price is made of."""

    title: str
    sections: tuple[Section, ...]


def explain(spec: Spec, good: str | None = None, *, numeraire: str | None = None) -> Explanation:
    """The forward and the backward pass, line by line; or, with `good`, what its price is made of.

    Both are in money; with a `numeraire`, or the spec's own, the prices follow in units of it.

    Raises what `solve` raises, and UsageError for a good that is not in the spec.
    """
    solution = solve(replace(spec, numeraire=None), count=DIGITS)
    walk = _Walk(spec, network.build(spec), solution)
    goods, numeraire = walk.network.goods, numeraire or spec.numeraire
    if good is None:
        sections = [walk.forward(), walk.backward(), *walk.in_units_of(numeraire, goods)]
        return Explanation(spec.title or spec.source.path, tuple(sections))
    if good not in walk.network.roles:
        hint = suggestion(good, goods) or f"the goods are {', '.join(goods[:20])}"
        raise UsageError(Problem(f"unknown good '{good}'", None, hint))
    return Explanation(f"The price of {good}", (*walk.one_good(good), *walk.in_units_of(numeraire, [good])))


class _Walk:
    """The content of a walk, from a solution in many digits."""

    def __init__(self, spec: Spec, graph: Network, solution: Solution) -> None:
        self.spec = spec
        self.network = graph
        self.chosen = solution.allocation == "competitive"
        self.full = {limit.good for limit in solution.limits if limit.kind == "demand" and limit.binding}
        self.disposed = {warning.good for warning in solution.warnings if warning.code == "thrown-away"}
        self.goods: dict[str, PricedGood] = {row.good: row for row in solution.goods}
        self.firms: dict[str, PricedFirm] = {row.firm: row for row in solution.firms}

    # Forward.

    def forward(self) -> Section:
        equations = [e for good in self.network.goods for e in self._supplied(good)]
        for firm in self.network.firms:
            equations += self._used(firm)
            equations += [self._made(firm, output.good) for output in self.firms[firm].outputs]
        equations += [e for good in self.network.goods for e in self._gathered(good)]
        if self.chosen:
            equations += [e for good in self.network.goods for e in self._sold(good)]
            return Section("Quantities: the market's choice", tuple(equations))
        return Section("Forward: quantities", tuple(equations))

    def _sold(self, good: str) -> Iterator[Equation]:
        for use in self.network.uses[good]:
            if use.is_demand:
                value = Value(_decimal(self._row(use).quantity), self.spec.unit(good))
                yield Equation((Quantity(good, DEMAND), value), "delivered" if self._is_full(use) else "sold")

    def _supplied(self, good: str) -> Iterator[Equation]:
        supply = self.spec.supply.get(good)
        if supply is None or self.network.makers[good]:
            return
        if self.chosen and supply.price is not None:
            yield Equation((Quantity(good), self._quantity(good)), f"bought at {supply.price}")
        elif supply.quantity is not None:
            yield Equation((Quantity(good), self._quantity(good)), "supplied")

    def _used(self, firm: str) -> Iterator[Equation]:
        """What a firm has of its inputs, where it is not all there is."""
        for used in self.firms[firm].inputs:
            share = self._use(used.good, firm).share
            if self.chosen:
                value = Value(_decimal(used.quantity), self.spec.unit(used.good))
                yield Equation((Quantity(used.good, firm), value))
            elif share is not None:
                product = Product((Expression(str(share)), Quantity(used.good)))
                value = Value(_decimal(used.quantity), self.spec.unit(used.good))
                yield Equation((Quantity(used.good, firm), product, value), "by the split")

    def _made(self, firm: str, good: str) -> Equation:
        amount = next(o.quantity for o in self.firms[firm].outputs if o.good == good)
        formula = Expression(str(self.spec.firms[firm].production[good]))
        alone = self.network.makers[good] == (firm,) and good not in self.spec.supply
        left = Quantity(good) if alone else Quantity(good, firm)
        return Equation((left, formula, Value(_decimal(amount), self.spec.unit(good))), f"made by {firm}")

    def _gathered(self, good: str) -> Iterator[Equation]:
        """The sum over what is supplied and made, where a good comes from several places."""
        makers = self.network.makers[good]
        if makers and len(makers) + (good in self.spec.supply) > 1:
            parts: list[Term] = [Quantity(good, firm) for firm in makers]
            supply = self.spec.supply.get(good)
            if supply is not None and supply.quantity is not None:
                parts.insert(0, Expression(str(supply.quantity)))
            yield Equation((Quantity(good), Sum(tuple(parts)), self._quantity(good)), "all there is")

    # Backward.

    def backward(self) -> Section:
        equations = [e for good in reversed(self.network.goods) for e in self._priced(good)]
        return Section("Backward: prices", tuple(equations))

    def _priced(self, good: str) -> Iterator[Equation]:
        """The slopes, the worth to each use if there are several, and the price."""
        uses = self.network.uses[good]
        for use in uses:
            for derivative in self._derivatives(use):
                slope = Slope(derivative.output, derivative.input)
                value = Value(_decimal(derivative.value))
                yield Equation((slope, Expression(derivative.formula), value))
        price = self._price(good)
        if self.chosen and self._from_its_source(good):
            yield self._source(good, price)
        elif not uses:
            yield Equation((Price(good), price), "nobody uses it")
        elif len(uses) == 1 and uses[0].share is None:
            yield Equation((Price(good), *self._worth(uses[0]), price), self._remark(uses[0]))
        else:
            for use in uses:
                worth = Value(self._marginal_value(use), self._price_unit(good))
                yield Equation((Worth(use.user, good), *self._worth(use), worth), self._remark(use))
            yield self._fan_out(good, uses, price)

    def _from_its_source(self, good: str) -> bool:
        """Whether no use of a good could take one more unit."""
        return not any(self._is_open(use) for use in self.network.uses[good]) and bool(
            _decimal(self.goods[good].quantity)
        )

    def _is_open(self, use: Use) -> bool:
        return not self._row(use).corner and not self._is_full(use)

    def _is_full(self, use: Use) -> bool:
        return use.is_demand and (use.good in self.full or self.spec.demand[use.good].price is None)

    def _source(self, good: str, price: Value) -> Equation:
        supply = self.spec.supply.get(good)
        if not price.number:
            return Equation((Price(good), price), "there is more of it than anybody wants")
        if supply is not None and supply.price is not None and not self.network.makers[good]:
            sides = (Expression(str(supply.price)), price) if rational(supply.price) is None else (price,)
            return Equation((Price(good), *sides), "the supply price at the quantity bought")
        return Equation((Price(good), price), "no use could take more: what one unit less to be made saves")

    def _fan_out(self, good: str, uses: Sequence[Use], price: Value) -> Equation:
        if self.chosen and uses[0].share is None and good not in self.network.non_rival:
            able = [use for use in uses if not self._is_full(use)]
            greatest = Greatest(tuple(Worth(use.user, good) for use in able))
            numbers = Greatest(tuple(Value(self._marginal_value(use)) for use in able))
            return Equation(
                (Price(good), greatest, numbers, price), "rival: the greatest, and equal where used"
            )
        worths: list[Term] = [Worth(use.user, good) for use in uses]
        values: list[Term] = [Value(self._marginal_value(use)) for use in uses]
        if uses[0].share is None:
            remark = "non-rival: marginal values add"
        else:
            remark = "weighted by the stated split"
            shares = [Expression(str(use.share)) for use in uses if use.share is not None]
            worths = [Product((share, worth)) for share, worth in zip(shares, worths, strict=True)]
            values = [Product((share, value)) for share, value in zip(shares, values, strict=True)]
        return Equation((Price(good), Sum(tuple(worths)), Sum(tuple(values)), price), remark)

    def _worth(self, use: Use) -> Iterator[Term]:
        """What one more unit is worth to a use: in symbols, then in numbers."""
        if use.is_demand:
            formula = self.spec.demand[use.good].price
            if formula is not None and rational(formula) is None:
                yield Expression(str(formula))
            return
        derivatives = self._derivatives(use)
        yield _sum([Product((Price(d.output), Slope(d.output, d.input))) for d in derivatives])
        yield _sum(
            [
                Product((Value(_decimal(self.goods[d.output].price)), Value(_decimal(d.value))))
                for d in derivatives
            ]
        )

    def _remark(self, use: Use) -> str:
        if not use.is_demand:
            return ""
        price = self.spec.demand[use.good].price
        if price is None:
            return "must be delivered"
        if "q" in price.names:
            return "the demand price at the quantity sold"
        return "the demand price"

    def in_units_of(self, numeraire: str | None, goods: Sequence[str]) -> Iterator[Section]:
        """These prices once more, in units of the numeraire, if there is one."""
        if numeraire is None:
            return
        rows = {row.good: row for row in solve(self.spec, numeraire=numeraire, count=DIGITS).goods}
        equations = [
            Equation(
                (
                    Expression(f"P_{good} / P_{numeraire}"),
                    Value(_decimal(rows[good].price), _per(numeraire, self.spec.unit(good))),
                )
            )
            for good in reversed(goods)
        ]
        yield Section(f"In units of {numeraire}", tuple(equations))

    # One good.

    def one_good(self, good: str) -> Iterator[Section]:
        row = self.goods[good]
        facts = Equation((Quantity(good), self._quantity(good)), f"available; {row.role}")
        yield Section("What there is", (facts,))
        yield Section("What the price is made of", tuple(self._priced(good)))
        sentences = (*self._parts(good), *self._why(good))
        if sentences:
            yield Section("Why", (), sentences)

    def _parts(self, good: str) -> Iterator[str]:
        """Each use's part of the price, where there are several."""
        uses, price = self.network.uses[good], _decimal(self.goods[good].price)
        if self.chosen and good not in self.network.non_rival and self.spec.note(good).split is None:
            for use in uses:
                if self._row(use).corner:
                    worth = float(self._marginal_value(use))
                    yield f"{use.user} takes none: to it a unit is worth {worth or 0:.6g} at most."
        elif len(uses) > 1 and price:
            for use in uses:
                share = self._share(use)
                part = share * self._marginal_value(use) / price
                yield f"{use.user} makes up {part:.1%} of the price."

    def _why(self, good: str) -> Iterator[str]:
        row = self.goods[good]
        price = _decimal(row.price)
        if not self.network.uses[good]:
            yield f"No firm uses {good} and nobody demands it, so one more unit adds nothing."
        elif price == 0:
            yield f"The price is 0: one more unit of {good} adds nothing to total value."
            yield from self._reasons(good, Decimal(0))
        elif price < 0:
            yield f"The price is negative: one more unit of {good} takes away from total value."
            yield from self._reasons(good, Decimal(-1))
            yield "With free disposal its owner would leave some unused."
        if row.price_range is not None:
            low, high = row.price_range
            last = "cannot be spared" if high is None else f"is worth {float(high):.6g}"
            yield (
                "The price is not unique."
                if self.chosen
                else ("The price is not unique: the chain stands exactly on a kink.")
            )
            yield (
                f"The next unit is worth {float(low):.6g} and the last one {last}; any price between them "
                "supports these quantities."
            )
        values = {use.user: self._marginal_value(use) for use in self.network.uses[good] if use.share}
        if values and max(values.values()) != min(values.values()):
            best = max(values, key=lambda name: values[name])
            yield f"The split is no equilibrium: moving a unit to {best} would add to total value."

    def _reasons(self, good: str, sign: Decimal) -> Iterator[str]:
        """Why each use's marginal value is 0, or negative (sign -1)."""
        if good in self.disposed:
            yield "There is more of it than anybody wants, and the rest is thrown away."
        for use in self.network.uses[good]:
            worth = self._marginal_value(use)
            if use.share is not None and self._share(use) == 0:
                yield f"The split gives {use.user} none of it."
            elif (worth == 0) if sign == 0 else (worth < 0):
                yield from self._causes(use)

    def _causes(self, use: Use) -> Iterator[str]:
        if use.is_demand:
            yield "The demand price itself is not above 0 at the quantity sold."
            return
        for derivative in self._derivatives(use):
            price = _decimal(self.goods[derivative.output].price)
            slope = _decimal(derivative.value)
            formula = self.spec.firms[use.user].production[derivative.output]
            if slope == 0 and formula.shape.kinked:
                yield (
                    f"{use.user} makes no more {derivative.output} of it: in {formula} something else is "
                    "what binds."
                )
            elif slope == 0:
                yield f"{use.user} makes no more {derivative.output} of it here: the slope of {formula} is 0."
            elif price == 0:
                yield f"{use.user} makes {derivative.output} of it, whose own price is 0."
            elif slope < 0:
                yield f"More of it makes {use.user} produce less {derivative.output}: slope {slope:.6g}."
            elif price < 0:
                yield f"{use.user} makes {derivative.output} of it, whose own price is negative, {price:.6g}."

    # Look-ups.

    def _use(self, good: str, firm: str) -> Use:
        return next(use for use in self.network.uses[good] if use.key == (good, firm))

    def _row(self, use: Use) -> PricedUse:
        kind = "demand" if use.is_demand else "firm"
        return next(r for r in self.goods[use.good].uses if (r.user, r.kind) == (use.user, kind))

    def _share(self, use: Use) -> Decimal:
        share = self._row(use).share
        return Decimal(1) if share is None else _decimal(share)

    def _marginal_value(self, use: Use) -> Decimal:
        return _decimal(self._row(use).marginal_value)

    def _derivatives(self, use: Use) -> list[Derivative]:
        if use.is_demand:
            return []
        return [d for d in self.firms[use.user].derivatives if d.input == use.good]

    def _quantity(self, good: str) -> Value:
        return Value(_decimal(self.goods[good].quantity), self.spec.unit(good))

    def _price(self, good: str) -> Value:
        return Value(_decimal(self.goods[good].price), self._price_unit(good))

    def _price_unit(self, good: str) -> str:
        return _per(self.spec.money, self.spec.unit(good))


def _per(money: str, unit: str) -> str:
    return f"{money}/{unit}" if money and unit else money


def _decimal(number: float | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(number)


def _sum(terms: list[Term] | list[Product]) -> Term:
    return terms[0] if len(terms) == 1 else Sum(tuple(terms))
