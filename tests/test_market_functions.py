"""What IPOPT is told of a market: derivatives against differences, and what rounding takes from its numbers."""

from decimal import Decimal

import casadi
import numpy as np
import pytest
from support import MARKETS

import chainprice
from chainprice import network, pricing, technology
from chainprice.equilibrium import programme
from chainprice.equilibrium.blocks import blocks
from chainprice.equilibrium.evaluation import Evaluator, Sparse
from chainprice.equilibrium.ipopt import Nlp
from chainprice.equilibrium.monotone import direction
from chainprice.formula import read

STEP = 1e-6

MIXED = """
parameters: {k: 1, half: 1/2}
goods: {design: {rival: false}, steel: {split: {a: 0.6, b: 0.4}}}
firms:
  a: {production: {cars: "min(2*steel^k, labour)^half * design^0.1", scrap: 0.1*steel}}
  b: {production: {bridges: "3*log(1 + steel)*design^0.2 + scrap^1"}}
  c: {production: {bridges: "5*log(1 + labour)*design^0.2"}}
  studio: {production: {design: sqrt(labour)}}
supply: {steel: {quantity: 9, price: 1 + q/10}, labour: {quantity: 8}}
demand:
  cars: {price: "max(20 - q, 30 - 3*q)"}
  bridges: {price: 100/(q + 2), quantity: 30}
"""


def built(text):
    spec = chainprice.load(text)
    graph = network.build(spec)
    return programme.build(spec, graph, technology.build(spec, graph))


def differences(function, x):
    """The Jacobian of a function of a vector, by central differences."""
    columns = [
        (np.ravel(function(x + STEP * unit)) - np.ravel(function(x - STEP * unit))) / (2 * STEP)
        for unit in np.eye(len(x))
    ]
    return np.column_stack(columns)


def dense(matrix):
    full = np.zeros(matrix.shape)
    np.add.at(full, (matrix.rows, matrix.columns), matrix.entries)
    return full


@pytest.mark.parametrize("text", [MIXED, *MARKETS])
def test_derivatives_put_together_from_blocks_are_those_of_the_whole(text):
    nlp = Nlp(built(text))
    random = np.random.default_rng(0)
    count, constraints = nlp.shape
    u, multipliers = random.uniform(0.5, 1.5, count), random.uniform(-1, 1, constraints)
    scales = nlp.scales(random.uniform(1, 2, count), np.zeros(count))
    sizes = scales.variables

    def objective(v):
        return nlp.value(v * sizes, scales) / scales.value

    def pulls(v):
        return nlp.pulls(v * sizes, multipliers * scales.multipliers, scales)

    no_weights = np.zeros(constraints)
    x = u * sizes
    assert nlp.pulls(x, no_weights, scales) == pytest.approx(differences(objective, u)[0], abs=1e-6)
    slacks = differences(lambda v: nlp.slacks(v * sizes, scales), u)
    assert dense(nlp.jacobian(x, scales)) == pytest.approx(slacks, abs=1e-5)
    hessian = -dense(nlp.hessian(x, multipliers * scales.multipliers, scales))
    bent = [i for i in range(count) if i not in nlp.curved]
    second = differences(pulls, u)
    assert -hessian == pytest.approx(second, abs=1e-4)
    assert not second[bent].round(5).any()


def test_sparse_products_are_those_of_the_whole_matrix():
    random = np.random.default_rng(1)
    rows, columns = np.array([0, 2, 2, 1, 0]), np.array([1, 0, 2, 1, 1])  # one place twice: it is added up
    matrix = Sparse((3, 4), rows, columns, random.uniform(-1, 1, 5))
    right, left = random.uniform(-1, 1, 4), random.uniform(-1, 1, 3)
    assert matrix.times(right) == pytest.approx(dense(matrix) @ right)
    assert matrix.transposed_times(left) == pytest.approx(dense(matrix).T @ left)
    assert matrix.diagonal() == pytest.approx(np.diag(dense(matrix)))


def test_an_evaluator_gives_what_casadi_gives_and_keeps_nothing_of_it():
    x, y = casadi.MX.sym("x", 3), casadi.MX.sym("y")
    function = casadi.Function("f", [x, y], [casadi.sumsqr(x), y * x])
    evaluator = Evaluator(function, 1)
    first = evaluator.at(np.array([1.0, 2.0, 3.0]), 2.0)
    second = evaluator.at(np.array([1.0, 0.0, 0.0]), 1.0)
    assert (first.tolist(), second.tolist()) == ([2.0, 4.0, 6.0], [1.0, 0.0, 0.0])


def test_firms_of_one_shape_are_written_once():
    firms = "\n".join(f"  f{i}: {{production: {{y: {i + 3}*x^0.{i + 1}}}}}" for i in range(8))
    market = built(f"firms:\n{firms}\nsupply: {{x: {{quantity: 5}}}}\ndemand: {{y: {{price: 2}}}}")
    assert [len(block.rows) for block in blocks([p.piece for p in market.productions])] == [8]


def test_a_power_of_one_has_a_second_derivative_at_0():
    text = "firms: {f: {production: {y: 3*x^1 + 5*x^2}}}\nsupply: {x: {quantity: 5}}\ndemand: {y: {price: 2}}"
    (block,) = blocks([production.piece for production in built(text).productions])
    x = casadi.MX.sym("x", 2)
    weights = casadi.MX.ones(1, 1)
    second = casadi.Function("second", [x], [block.curvatures(x, weights)])
    assert np.array(second([0.0, 0.0])).ravel().tolist() == [10.0]


def rounds(monkeypatch, text, count=17):
    """How often a spec is priced, and the result."""
    priced = []

    def price_with(chain, working, original=pricing._price_with):
        priced.append(working)
        return original(chain, working)

    monkeypatch.setattr(pricing, "_price_with", price_with)
    solution = chainprice.solve(chainprice.load(text), count=count)
    return priced, solution


COUNTRY = (
    "firms: {{f: {{production: {{y: '{}'}}}}, g: {{production: {{z: 3*sqrt(x)}}}}}}\n"
    "supply: {{x: {{quantity: 9}}}}\ndemand: {{y: {{price: 20 - q}}, z: {{price: 2}}}}"
)


def test_one_round_is_enough_where_doubles_lose_little(monkeypatch):
    priced, plain = rounds(monkeypatch, COUNTRY.format("5*sqrt(x)"))
    assert priced == [30]
    monkeypatch.setattr(pricing, "_is_sure_of_market", lambda market, priced: False)
    assert rounds(monkeypatch, COUNTRY.format("5*sqrt(x)"))[1] == plain


@pytest.mark.parametrize("noise", ["1e10", "1e13"])
def test_another_round_is_taken_where_a_formula_cancels(monkeypatch, noise):
    priced, drowned = rounds(monkeypatch, COUNTRY.format(f"(5*sqrt(x) + {noise}) - {noise}"))
    plain = chainprice.solve(chainprice.load(COUNTRY.format("5*sqrt(x)")))
    assert len(priced) > 1
    assert drowned.prices == plain.prices


def test_more_digits_are_judged_in_the_same_way(monkeypatch):
    priced, few = rounds(monkeypatch, COUNTRY.format("5*sqrt(x)"), count=40)
    assert priced == [53]
    monkeypatch.setattr(pricing, "_is_sure_of_market", lambda market, priced: False)
    assert rounds(monkeypatch, COUNTRY.format("5*sqrt(x)"), count=40)[1] == few


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("3*t^0.7*x^0.2", 1),
        ("sqrt(t + 2*x)/x", 1),
        ("min(t, x)*exp(t)", 1),
        ("t^2/k", 1),
        ("ln(t) - 4", 1),
        ("3 - t", -1),
        ("10 - k*t^2", -1),
        ("x/(1 + t)", -1),
        ("exp(-t)", -1),
        ("-3*x/t", None),
        ("x^2 - sin(x)", 0),
        ("t - t^2", None),
        ("0.5^t", None),
        ("t^n", None),
        ("n*t", None),
        ("(x - 3)*t", None),
        ("sin(t)", None),
        ("abs(t)", None),
    ],
)
def test_which_way_a_formula_moves(text, way):
    formula = read(text)
    slot = (*formula.names, "t").index("t")
    assert direction(formula, slot, {"k": Decimal(2), "n": Decimal(-2)}) == way
