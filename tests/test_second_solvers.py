"""Markets against solvers that nobody here wrote: HiGHS on linear programmes, Clarabel on concave ones."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from support import spec

import chainprice


@dataclass
class Leontief:
    """Firms with fixed coefficients: firm j makes good j of factors and of the goods before it."""

    coefficients: np.ndarray
    """Units of each factor, then of each good, that a unit of good j takes: one column for each firm."""

    factors: np.ndarray
    prices: np.ndarray
    limits: np.ndarray

    @property
    def text(self):
        count = len(self.factors)
        names = [f"f{i}" for i in range(count)] + [f"g{j}" for j in range(len(self.prices))]
        firms, demand = "", ""
        for j, column in enumerate(self.coefficients.T):
            needs = ", ".join(f"{names[i]}/{a}" for i, a in enumerate(column) if a)
            firms += f"  firm{j}: {{production: {{g{j}: 'min({needs})'}}}}\n"
            demand += f"  g{j}: {{price: {self.prices[j]}, quantity: {self.limits[j]}}}\n"
        supply = "".join(f"  f{i}: {{quantity: {q}}}\n" for i, q in enumerate(self.factors))
        return f"firms:\n{firms}supply:\n{supply}demand:\n{demand}"

    def by_highs(self):
        """Total value and the prices of factors and goods: levels of firms and sales, one balance a good."""
        factors, goods = len(self.factors), len(self.prices)
        balances = np.zeros((factors + goods, 2 * goods))
        balances[:, :goods] = self.coefficients
        balances[factors:, :goods] -= np.eye(goods)
        balances[factors:, goods:] = np.eye(goods)
        there = np.concatenate([self.factors, np.zeros(goods)])
        result = linprog(
            -np.concatenate([np.zeros(goods), self.prices]),
            A_ub=balances,
            b_ub=there,
            bounds=[(0, None)] * goods + [(0, limit) for limit in self.limits],
            method="highs",
        )
        assert result.status == 0
        return -result.fun, -result.ineqlin.marginals


def leontief(seed):
    random = np.random.default_rng(seed)
    factors, goods = 3, 5
    coefficients = np.round(random.uniform(0.2, 3, (factors + goods, goods)), 2)
    coefficients[random.random(coefficients.shape) < 0.5] = 0
    coefficients[factors:][np.tril_indices(goods)] = 0  # only goods before it
    coefficients[random.integers(factors, size=goods), np.arange(goods)] = 1
    return Leontief(
        coefficients,
        np.round(random.uniform(5, 50, factors), 1),
        np.round(random.uniform(1, 30, goods), 1),
        np.round(random.uniform(1, 20, goods), 1),
    )


@pytest.mark.parametrize("seed", range(20))
def test_leontief_markets_are_linear_programmes(seed):
    market = leontief(seed)
    value, prices = market.by_highs()
    solution = chainprice.solve(spec(market.text))
    assert solution.allocation == "competitive"
    assert solution.total_value == pytest.approx(value, rel=1e-9)
    names = [f"f{i}" for i in range(len(market.factors))] + [f"g{j}" for j in range(len(market.prices))]
    rows = {row.good: row for row in solution.goods}
    for name, price in zip(names, prices, strict=True):
        if name not in rows or not rows[name].uses:
            continue
        low, high = rows[name].price_range or (rows[name].price, rows[name].price)
        size = 1e-7 * max(1.0, abs(price))
        assert low - size <= price <= (np.inf if high is None else high) + size, name


SHARES = st.sampled_from(["0.2", "0.3", "0.4"])
SIZES = st.sampled_from(["0.5", "1", "2", "3.5"])


def root(x, power):
    return cp.power(x, float(power), approx=False)


@st.composite
def concave_markets(draw):
    """Text of a spec, and the same market in CVXPY: layers of goods, each made of goods of all layers below."""
    goods = ["s0", "s1", "labour"]
    supply, available, uses, made = {}, {}, {}, {}
    value = 0
    constraints = []
    for good in goods:
        quantity = draw(st.sampled_from(["2", "5", "12"]))
        if draw(st.booleans()):
            supply[good] = f"{{quantity: {quantity}}}"
            available[good] = float(quantity)
        else:
            bought = cp.Variable(nonneg=True)
            supply[good] = f"{{price: 0.5 + q/10, quantity: {quantity}}}"
            constraints.append(bought <= float(quantity))
            value -= 0.5 * bought + cp.square(bought) / 20
            available[good] = bought
    firms, demand = {}, {}
    for layer in range(draw(st.integers(1, 2))):
        below = list(goods)
        for number in range(draw(st.integers(1, 2))):
            output, scale = f"g{layer}{number}", draw(SIZES)
            a, b = draw(st.permutations(below))[:2]
            x, z = cp.Variable(nonneg=True), cp.Variable(nonneg=True)
            p, r = draw(SHARES), draw(SHARES)
            kind = draw(st.sampled_from(["cobb-douglas", "powers", "leontief", "log"]))
            if kind == "cobb-douglas":
                text, rest = f"{scale}*{a}^{p}*{b}^{r}", 1 - float(p) - float(r)
                amount = cp.geo_mean(cp.hstack([x, z, 1]), [float(p), float(r), rest], approx=False)
            elif kind == "powers":
                text, amount = f"{scale}*({a}^{p} + {b}^{r})", root(x, p) + root(z, r)
            elif kind == "leontief":
                text, amount = f"{scale}*min({a}, 2*{b})^{p}", root(cp.minimum(x, 2 * z), p)
            else:
                text, amount = f"{scale}*(ln(1 + {a}) + ln(1 + 2*{b}))", cp.log(1 + x) + cp.log(1 + 2 * z)
            firms[f"firm{layer}{number}"] = f"{{production: {{{output}: '{text}'}}}}"
            made.setdefault(output, []).append(float(scale) * amount)
            uses.setdefault(a, []).append(x)
            uses.setdefault(b, []).append(z)
            goods.append(output)
    for good in goods[3:]:
        if good not in uses or draw(st.booleans()):
            top, slope = draw(st.sampled_from([("10", "1"), ("20", "3"), ("6", "0.5")]))
            demand[good] = f"{{price: {top} - {slope}*q}}"
            sold = cp.Variable(nonneg=True)
            value += float(top) * sold - float(slope) / 2 * cp.square(sold)
            uses.setdefault(good, []).append(sold)
    balances = {
        good: cp.sum(made.get(good, [available.get(good, 0.0)])) - cp.sum(uses[good]) >= 0
        for good in goods
        if good in uses
    }
    text = "\n".join(
        f"{section}:\n" + "\n".join(f"  {name}: {row}" for name, row in rows.items())
        for section, rows in (("firms", firms), ("supply", supply), ("demand", demand))
    )
    problem = cp.Problem(cp.Maximize(value), [*balances.values(), *constraints])
    return f"allocation: competitive\n{text}", problem, balances


@pytest.mark.filterwarnings("ignore::UserWarning")  # CVXPY: on its approximations, and Clarabel's last digits
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(concave_markets())
def test_concave_markets(market):
    text, problem, balances = market
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    near = 1e-6 if problem.status == cp.OPTIMAL else 1e-4  # Clarabel says which of its answers are rough
    solution = chainprice.solve(spec(text))
    assert solution.total_value == pytest.approx(problem.value, rel=1e-6)
    ranges = {row.good: row.price_range for row in solution.goods}
    size = max(abs(price) for price in solution.prices.values())
    for good, balance in balances.items():
        price = solution.prices[good]
        low, high = ranges[good] or (price, price)
        dual, room = float(balance.dual_value), near * size
        assert low - room <= dual <= (np.inf if high is None else high) + room, good
