"""Random chains against an oracle that shares nothing with the package: mpmath and central differences."""

from dataclasses import dataclass, field

import mpmath
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpmath import mpf
from support import spec

import chainprice

QUICK = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@dataclass(frozen=True)
class Node:
    """One output: its text, and the same function written by hand for mpmath."""

    firm: str
    output: str
    inputs: tuple[str, ...]
    text: str
    function: object


@dataclass
class Market:
    """A random chain, as a spec's text and as an oracle."""

    supply: dict[str, str]
    nodes: list[Node]
    demand: dict[str, tuple[str, str | None]]
    non_rival: set[str] = field(default_factory=set)
    splits: dict[str, dict[str, str]] = field(default_factory=dict)

    def text(self) -> str:
        firms: dict[str, list[Node]] = {}
        for node in self.nodes:
            firms.setdefault(node.firm, []).append(node)
        lines = ["goods:"]
        lines += [f"  {good}: {{rival: false}}" for good in sorted(self.non_rival)]
        for good, shares in self.splits.items():
            inside = ", ".join(f"{user}: {share}" for user, share in shares.items())
            lines.append(f"  {good}: {{split: {{{inside}}}}}")
        lines.append("firms:")
        for name, nodes in firms.items():
            inside = ", ".join(f"{node.output}: '{node.text}'" for node in nodes)
            lines.append(f"  {name}: {{production: {{{inside}}}}}")
        lines.append("supply:")
        lines += [f"  {good}: {{quantity: {quantity}}}" for good, quantity in self.supply.items()]
        lines.append("demand:")
        for good, (price, slope) in self.demand.items():
            curve = price if slope is None else f"{price} - {slope}*q"
            lines.append(f"  {good}: {{price: {curve}}}")
        return "\n".join(lines)

    def value(self, gift: dict[str, mpf]) -> mpf:
        """W with a gift: composed by hand."""
        available = {good: mpf(quantity) + gift.get(good, 0) for good, quantity in self.supply.items()}
        for node in self.nodes:
            available.setdefault(node.output, gift.get(node.output, mpf(0)))
        for node in self.nodes:
            used = [available[good] * self.share(good, node.firm) for good in node.inputs]
            available[node.output] += node.function(*used)
        total = mpf(0)
        for good, (price, slope) in self.demand.items():
            sold = available[good] * self.share(good, "demand")
            total += mpf(price) * sold - (mpf(slope) * sold**2 / 2 if slope else 0)
        return total

    def share(self, good: str, user: str) -> mpf:
        return mpf(self.splits[good][user]) if good in self.splits else mpf(1)

    def prices(self) -> dict[str, mpf]:
        with mpmath.workdps(60):
            step = mpf(10) ** -20
            goods = [*self.supply, *dict.fromkeys(node.output for node in self.nodes)]
            return {
                good: (self.value({good: step}) - self.value({good: -step})) / (2 * step) for good in goods
            }


def number(low: int, high: int) -> st.SearchStrategy[str]:
    """A decimal with one digit after the point."""
    return st.integers(low, high).map(lambda n: f"{n / 10:.1f}")


FAMILIES = {
    1: [
        ("{0}^{a}", lambda a, b: lambda x: x ** mpf(a)),
        ("{b}*sqrt({0} + 1)", lambda a, b: lambda x: mpf(b) * mpmath.sqrt(x + 1)),
        ("ln(1 + {b}*{0})", lambda a, b: lambda x: mpmath.log(1 + mpf(b) * x)),
        ("1 - exp(-{a}*{0})", lambda a, b: lambda x: 1 - mpmath.exp(-mpf(a) * x)),
        ("{0}/({0} + {b})", lambda a, b: lambda x: x / (x + mpf(b))),
        (
            "atan({a}*{0}) + erf({0}/{b})",
            lambda a, b: lambda x: mpmath.atan(mpf(a) * x) + mpmath.erf(x / mpf(b)),
        ),
        ("min({b}*{0}, {a}*{0} + 7/3)", lambda a, b: lambda x: min(mpf(b) * x, mpf(a) * x + mpf(7) / 3)),
    ],
    2: [
        ("{0}^{a}*{1}^(1 - {a})", lambda a, b: lambda x, y: x ** mpf(a) * y ** (1 - mpf(a))),
        (
            "({a}*{0}^-{b} + {1}^-{b})^(-1/{b})",
            lambda a, b: lambda x, y: (mpf(a) * x ** -mpf(b) + y ** -mpf(b)) ** (-1 / mpf(b)),
        ),
        (
            "{b}*{0}*{1}/({0} + {1}) + {a}*{0}",
            lambda a, b: lambda x, y: mpf(b) * x * y / (x + y) + mpf(a) * x,
        ),
        (
            "tanh({a}*{0}) + log({1} + 1, {b} + 1)",
            lambda a, b: lambda x, y: mpmath.tanh(mpf(a) * x) + mpmath.log(y + 1, mpf(b) + 1),
        ),
        (
            "max({0}, {a}*{1}/3) + abs({0} - {b}*{1}*5/7)",
            lambda a, b: lambda x, y: max(x, mpf(a) * y / 3) + abs(x - mpf(b) * y * 5 / 7),
        ),
    ],
}


@st.composite
def markets(draw) -> Market:
    """A DAG with several inputs, joint outputs, several makers, splits, non-rival goods, demand curves."""
    supply = {f"s{i}": draw(number(5, 90)) for i in range(draw(st.integers(1, 3)))}
    goods, nodes = list(supply), []
    for index in range(draw(st.integers(1, 6))):
        made = []
        for output in range(draw(st.integers(1, 2))):
            inputs = draw(st.lists(st.sampled_from(goods), min_size=1, max_size=2, unique=True))
            template, make = draw(st.sampled_from(FAMILIES[len(inputs)]))
            a, b = draw(number(2, 9)), draw(number(11, 30))
            name = draw(st.sampled_from([f"g{index}{output}", f"g{index}{output}", f"g{index}0"]))
            if name in made:
                continue
            made.append(name)
            text = template.format(*inputs, a=a, b=b)
            nodes.append(Node(f"f{index}", name, tuple(inputs), text, make(a, b)))
        goods += made
    users: dict[str, list[str]] = {good: [] for good in goods}
    for node in nodes:
        for good in node.inputs:
            users[good] = list(dict.fromkeys([*users[good], node.firm]))
    sold = [good for good in goods if not users[good] or draw(st.integers(0, 4)) == 0]
    demand = {good: (draw(number(1, 50)), draw(st.sampled_from([None, "0.01"]))) for good in sold}
    market = Market(supply, nodes, demand)
    for good in goods:
        uses = users[good] + (["demand"] if good in demand else [])
        if len(uses) > 1:
            if draw(st.booleans()):
                market.non_rival.add(good)
            else:
                cuts = draw(st.lists(st.integers(1, 9), min_size=len(uses), max_size=len(uses)))
                market.splits[good] = {u: f"{c / 100:.2f}" for u, c in zip(uses, cuts, strict=True)}
    return market


@QUICK
@given(markets())
def test_prices_are_the_central_differences_of_the_composed_function(market):
    solution = chainprice.solve(spec(market.text()))
    oracle = market.prices()
    assert set(solution.prices) == set(oracle)
    if not any(warning.code == "kink" for warning in solution.warnings):
        for good, price in solution.prices.items():
            assert float(price) == pytest.approx(float(oracle[good]), rel=1e-12, abs=1e-25), good
    assert float(solution.total_value) == pytest.approx(float(market.value({})), rel=1e-12, abs=1e-12)


@QUICK
@given(markets(), st.sampled_from(["auto", "numeric", "adjoint"]))
def test_what_is_solved_is_verified(market, method):
    result = chainprice.verify(spec(market.text()), method=method)
    assert result.verified, [row for row in (*result.checks, *result.conditions) if not row.passed]


@QUICK
@given(markets(), st.data())
def test_what_is_changed_is_caught(market, data):
    loaded = spec(market.text())
    table = chainprice.solve(loaded).to_dict()
    rows = [row for row in table["goods"] if row["price"] and "price_range" not in row]
    if not rows:
        return
    row = data.draw(st.sampled_from(rows))
    row["price"] = float(row["price"]) * (1 + data.draw(st.sampled_from([1e-6, -1e-6])))
    method = data.draw(st.sampled_from(["numeric", "adjoint"]))
    from chainprice.verification import table_of

    result = chainprice.verify(loaded, table_of(table), method=method)
    assert [check.good for check in result.checks if not check.passed] == [row["good"]]
