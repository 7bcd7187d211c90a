"""Side by side, in one run: chainprice, and what its users would write by hand.

    python benchmarks [FIRMS ...]

Each runs in a process of its own, start of Python and imports included. Prints seconds and their
ratio, and how far the prices are apart; ends with exit code 1 if they do not agree.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import markets

SIZES = (100, 300, 1000)

AGREE = 1e-5
"""IPOPT by hand stops at a relative error of about 1e-8 in total value: prices are rougher."""

TRADED = 1e-6
"""Goods that are a smaller part of total value are left out: by hand they are mostly noise."""

HAND = (
    "import json, sys; sys.path.insert(0, {folder!r}); import markets; "
    "json.dump(markets.by_hand(markets.generate({count})), sys.stdout)"
)


def timed(command: list[str]) -> tuple[float, str]:
    """Seconds of a command, and what it prints."""
    begin = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - begin, done.stdout


def compare(count: int) -> bool:
    """One size, one line."""
    market = markets.generate(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "market.json")
        path.write_text(markets.spec(market), encoding="utf-8")
        code = HAND.format(folder=str(Path(__file__).parent), count=count)
        by_hand, text = timed([sys.executable, "-c", code])
        own, table = timed([sys.executable, "-m", "chainprice", "solve", str(path), "-f", "json"])
    prices, solution = json.loads(text), json.loads(table)
    traded = [row for row in solution["goods"] if row["value"] > TRADED * solution["total_value"]]
    apart = max(abs(prices[row["good"]] / row["price"] - 1) for row in traded)
    print(f"{len(market.firms):>7} {by_hand:>12.2f} {own:>12.2f} {own / by_hand:>7.1f} {apart:>10.1e}")
    return apart < AGREE


def main() -> None:
    """The sizes named on the command line, or the usual ones."""
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    print("A market of firms that share goods, solved for every price:")
    print(f"{'firms':>7} {'CasADi (s)':>12} {'own (s)':>12} {'ratio':>7} {'apart':>10}")
    agreed = [compare(count) for count in sizes]
    if not all(agreed):
        sys.exit("prices disagree")


if __name__ == "__main__":
    main()
