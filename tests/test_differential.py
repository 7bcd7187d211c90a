"""Random specs, priced by chainprice and by mpmath alone: see `differential.py`."""

import os

import differential
import pytest

SEEDS = int(os.environ.get("CHAINPRICE_DIFFERENTIAL", "160"))
"""10,000 take about a quarter of an hour."""

BLOCK = 40


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_random_specs_have_the_prices_of_central_differences(first):
    outcomes = {seed: differential.compare(seed) for seed in range(first, first + BLOCK)}
    assert not {seed: outcome.wrong for seed, outcome in outcomes.items() if outcome.wrong}
    words = [outcome.word for outcome in outcomes.values()]
    assert words.count("priced by both") > BLOCK / 4
    assert words.count("refused by both") > 0


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (("-", ("name", "a"), ("-", ("name", "b"), ("number", "1"))), "a-(b-1)"),
        (("^", ("neg", ("name", "a")), ("number", "2")), "(-a)^2"),
        (("neg", ("^", ("name", "a"), ("number", "1/3"))), "-a^(1/3)"),
    ],
)
def test_trees_are_written_with_the_parentheses_they_need(tree, text):
    class Plain:
        def choice(self, options):
            return options[0]

        def random(self):
            return 1.0

    assert differential.text_of(tree, Plain()) == text


def test_a_wrong_price_is_seen():
    seed = next(seed for seed in range(100) if differential.compare(seed).compared > 2)
    chain, dice = differential.make(seed)
    text = chain.text(dice)
    wrong = differential.make(seed)[0]
    good = next(iter(wrong.demand))
    wrong.demand[good] = ("*", ("number", "1.00001"), wrong.demand[good])
    solution = differential.chainprice.solve(differential.chainprice.load(text))
    outcome = differential._compared(wrong, solution, differential.oracle(wrong), text)
    assert outcome.worst > differential.TOLERANCE
    assert f"price of {good}" in outcome.wrong
