"""What the tests share: running the command as a process, and specs from short texts."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import chainprice

ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
MARKETS = [
    path
    for path in SPECS
    if path.stem
    in (
        "aluminium",
        "car_panels",
        "cars_and_bridges",
        "electricity",
        "input_output",
        "refinery",
        "two_stage_economy",
    )
]
"""The specs whose quantities a market chooses; all others say theirs."""

GIVEN = [path for path in SPECS if path not in MARKETS]
SMOOTH = [path for path in GIVEN if path.stem != "foundry"]
"""Those whose functions have no bends; all their prices are above 0."""

ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")},
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONIOENCODING": "utf-8",
}


def run(
    *arguments: str, stdin: str = "", cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `chainprice` as a process, in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "chainprice", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        timeout=120,
        check=False,
    )


def start(
    *arguments: str,
    cwd: Path = ROOT,
    own_group: bool = False,
    first: Callable[[], object] = lambda: None,
    **environment: str,
) -> subprocess.Popen[str]:
    """Start Python with these arguments, as a process to be ended; `first` is called in it.

    Whoever runs the tests in the background has interrupts ignored, which children would inherit.
    """

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        first()

    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**ENVIRONMENT, **environment},
        start_new_session=own_group,
        preexec_fn=prepare if os.name == "posix" else None,  # noqa: PLW1509
    )


def spec(text: str | Path, *settings: str) -> chainprice.Spec:
    """A spec from its text, or from its file."""
    return chainprice.load(text if isinstance(text, Path) else text + "\n", settings)


def chain(formula: str, length: int, quantity: str = "4") -> str:
    """The text of a chain of firms g0 -> g1 -> ..., each with `formula` in x."""
    firms = "\n".join(
        f"  f{i}: {{production: {{g{i + 1}: '{formula.replace('x', f'g{i}')}'}}}}" for i in range(length)
    )
    return f"firms:\n{firms}\nsupply:\n  g0: {{quantity: {quantity}}}\ndemand:\n  g{length}: {{price: 1}}\n"
