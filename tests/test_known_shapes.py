"""What is shipped about common shapes is just what sympy finds."""

import subprocess
import sys

import pytest
import sympy
from support import ENVIRONMENT, ROOT

from chainprice import cache

ANEW = "import sys, known_shapes; sys.stdout.write(known_shapes.text_of(known_shapes.found()))"


def test_every_result_is_what_sympy_finds_now():
    text = cache.SHIPPED.read_text(encoding="utf-8")
    if ".".join(sympy.__version__.split(".")[:2]) not in text.splitlines()[1].split():
        pytest.skip("nothing is shipped for this release of sympy")
    done = subprocess.run(
        [sys.executable, "-c", ANEW],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT / "tests",
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected, found = ({*t.splitlines()} for t in (text, done.stdout))
    assert found == expected, "python tests/refresh.py makes it anew"
    assert len(found) > 1_000
