"""No number of a table can be wrong and pass: each is put wrong by one part in a million."""

import copy

import pytest
from support import ROOT, spec
from test_market import MARKETS

import chainprice
from chainprice import allocation, network
from chainprice.errors import ChainpriceError
from chainprice.solver import MarketValue
from chainprice.verification import table_of, verify_market, verify_table

EXPLANATIONS = {"rule", "formula", "warnings", "spec", "money"}
"""What says in words what numbers say elsewhere."""

GIVEN = ["tupperware", "mill", "chipmaker"]
COMPETITIVE = ["merit order", "a supply with a limit", "a non-rival design, made for sale"]

TWO_PLANTS = """
firms:
  old: {production: {steel: 'min(2*ore, 8)'}}
  new: {production: {steel: 'min(3*ore, 6 + 0*ore)', slag: 'min(ore, 2)/10'}}
supply: {ore: {price: 1 + q/10}}
demand: {steel: {price: 20 - q}, slag: {price: 1}}
"""


def leaves(node, path=()):
    if isinstance(node, dict):
        for key in node.keys() - EXPLANATIONS:
            yield from leaves(node[key], (*path, key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from leaves(item, (*path, index))
    elif node is not None:
        yield path


def put_wrong(table, path):
    """The table with one leaf changed; None where the change would drown in rounding."""
    table = copy.deepcopy(table)
    node = table
    for key in path[:-1]:
        node = node[key]
    value = node[path[-1]]
    if isinstance(value, bool):
        node[path[-1]] = not value
    elif isinstance(value, str):
        node[path[-1]] = value + "x"
    else:
        wrong = 1e-3 if "price_range" in path else 1e-6  # the first unit of an idle good is a long step
        node[path[-1]] = value * (1 + wrong) if value else 1e-3
    return table


class Remembered:
    """The values of a market that has been solved again, which do not depend on the table."""

    def __init__(self, loaded):
        self.value, self.known = MarketValue(loaded), {}

    def __call__(self, gifts):
        key = tuple(sorted(gifts.items()))
        if key not in self.known:
            self.known[key] = self.value(gifts)
        return self.known[key]


def loaded_specs():
    yield from ((name, chainprice.load(ROOT / "specs" / f"{name}.yaml")) for name in GIVEN)
    texts = {name: MARKETS[name][0] for name in COMPETITIVE if name in MARKETS}
    yield from ((name, spec(text)) for name, text in (texts | {"two plants at capacity": TWO_PLANTS}).items())


LOADED = dict(loaded_specs())


@pytest.mark.parametrize("name", LOADED)
def test_each_number_counts(name):
    loaded = LOADED[name]
    table = chainprice.solve(loaded).to_dict()
    is_given = allocation.allocation_of(loaded, network.build(loaded)) == "given"
    remembered = Remembered(loaded)

    def passes(changed):
        try:
            read = table_of(changed)
            verdict = verify_table(loaded, read) if is_given else verify_market(loaded, read, remembered)
        except ChainpriceError:
            return False
        return verdict.verified

    assert passes(table)
    assert [path for path in leaves(table) if passes(put_wrong(table, path))] == []
