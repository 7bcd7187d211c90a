"""Tests share a cache of their own, which begins empty."""

import os
import tempfile
from pathlib import Path

from chainprice import cache

_FOLDER = tempfile.TemporaryDirectory(prefix="chainprice-tests-")
os.environ[cache.VARIABLE] = str(Path(_FOLDER.name, "cache"))
