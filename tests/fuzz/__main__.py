"""Looks for inputs that hurt.

    python tests/fuzz formula 60          atheris on the formula reader, for a minute
    python tests/fuzz yaml 60             on the YAML reader
    python tests/fuzz formula --runs 1000000
    python tests/fuzz spec --runs 100000  hypothesis: whole specs, valid and nearly valid, through every command

atheris (the extra `fuzz`) starts from tests/fuzz/corpus, and an input that hurts ends its run. Inputs that hurt
are written below build/fuzz or to the working folder. Once the bug is mended, such an input belongs into the
corpus: tests replay it for ever.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import traceback
from collections import Counter
from itertools import count
from pathlib import Path

HERE = Path(__file__).parent
BATCH = 100
"""Whole specs that are made at a time, from one seed."""

FOUND = HERE.parents[1] / "build" / "fuzz"
sys.path.insert(0, str(HERE.parent))


def main() -> None:
    """Fuzz one target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("target", choices=("formula", "yaml", "spec"))
    parser.add_argument("seconds", nargs="?", type=int, default=0, help="0: no end")
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.target == "spec":
        whole_specs(chosen.runs, chosen.seconds, chosen.seed)
    else:
        readers(chosen.target, chosen.runs, chosen.seconds, chosen.seed)


def readers(target: str, runs: int, seconds: int, seed: int) -> None:
    """By coverage: atheris keeps what reaches new code, and makes more of its kind."""
    import atheris

    with atheris.instrument_imports(include=["chainprice.formula", "chainprice.spec"]):
        from fuzz import targets
    options = [f"-runs={runs}", f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=4096", "-timeout=20"]
    found = FOUND / target
    found.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *options, str(found), str(HERE / "corpus" / target)], targets.TARGETS[target])
    atheris.Fuzz()


def whole_specs(runs: int, seconds: int, seed: int) -> None:
    """By structure: hypothesis builds documents, and breaks some. The smallest that hurts in each way is kept."""
    import hypothesis

    from fuzz import documents, targets

    ends: Counter[str] = Counter()
    hurting: dict[str, bytes] = {}
    start = time.monotonic()

    @hypothesis.settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(documents.texts())
    def through_every_command(data: bytes) -> None:
        try:
            ends.update(targets.ends(data))
        except (Exception, targets.TooLongError) as error:  # noqa: BLE001 - whatever it is, it is a finding
            way = _way(error)
            ends[f"HURTS {way}"] += 1
            if way not in hurting or len(data) < len(hurting[way]):
                hurting[way] = data
                _kept("spec", way, data)

    batches = count(seed) if runs < 0 else range(seed, seed - (-runs // BATCH))
    for batch in batches:
        if seconds and time.monotonic() - start > seconds:
            break
        hypothesis.seed(batch)(through_every_command)()
    print(f"{sum(times for end, times in ends.items() if end[:5] in ('check', 'HURTS'))} specs")
    for end, times in sorted(ends.items()):
        print(f"{times:>9}  {end}")
    sys.exit(bool(hurting))


def _way(error: BaseException) -> str:
    """What went wrong and where: two inputs that hurt in one way need one mending."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "chainprice" in frame.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__} {where} {error}"[:200]


def _kept(target: str, way: str, data: bytes) -> None:
    name = hashlib.sha256(way.encode()).hexdigest()[:8]
    folder = FOUND / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_bytes(data)
    print(f"{folder / name}.yaml: {way}", flush=True)


if __name__ == "__main__":
    main()
