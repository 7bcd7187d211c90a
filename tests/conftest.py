"""Tests share a cache of their own, which begins empty; those that try everything are marked."""

import os
import tempfile
from pathlib import Path

import pytest

from chainprice import cache

_FOLDER = tempfile.TemporaryDirectory(prefix="chainprice-tests-")
os.environ[cache.VARIABLE] = str(Path(_FOLDER.name, "cache"))


EXHAUSTIVE = {
    *("test_benchmarks", "test_bombs", "test_certify", "test_certify_market", "test_degenerate"),
    *("test_differential", "test_every_number", "test_files", "test_gate", "test_known_shapes"),
    *("test_market_verify", "test_properties", "test_publication", "test_recipes", "test_sensitivity"),
    *("test_text", "test_verify_large"),
}
"""Modules that try a great many cases of what one version of Python shows as well as another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them: `-m 'not exhaustive'` leaves them out."""
    for item in items:
        if item.path.stem in EXHAUSTIVE:
            item.add_marker(pytest.mark.exhaustive)
