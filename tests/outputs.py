"""Outputs that are kept: the README's examples and the golden files; `refresh.py` makes them anew."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support import ENVIRONMENT, ROOT, SPECS

README = ROOT / "README.md"
RECIPES = ROOT / "docs" / "recipes.md"
STORY = ROOT / "docs" / "out_of_equilibrium.md"
FORMS = ROOT / "docs" / "forms.md"
TABLES = ROOT / "docs" / "tables.md"
INSIDE = ROOT / "docs" / "inside_the_firm.md"
GOLDEN = ROOT / "tests" / "golden"

UNIQUE = [path for path in SPECS if path.stem != "refinery"]
"""The specs with one result: of the refinery's plan some quantities are as good as others."""

_CONSOLE = re.compile(r"```console\n\$ (?P<command>.*)\n(?P<output>(?:(?!```).*\n)*)```\n")

_MARKET = "specs/cars_and_bridges.yaml"
_START = f"chainprice solve {_MARKET} -f json"
_SHOCK = "demand.bridges.price=8000 - 40*q"

GOLDEN_COMMANDS = {
    **{f"{path.stem}.solve.json": f"chainprice solve specs/{path.name} -f json" for path in UNIQUE},
    **{f"{path.stem}.explain.txt": f"chainprice explain specs/{path.name}" for path in UNIQUE},
    **{
        f"bakery.solve.{suffix}": f"chainprice solve specs/bakery.yaml -f {name}"
        for suffix, name in (("txt", "table"), ("csv", "csv"), ("md", "markdown"), ("tex", "latex"))
    },
    "chipmaker.explain.md": "chainprice explain specs/chipmaker.yaml --good design -f markdown",
    "tupperware.explain.tex": "chainprice explain specs/tupperware.yaml -f latex",
    "tupperware.verify.json": "chainprice verify specs/tupperware.yaml -f json",
    "merit-order.verify.json": "chainprice verify tests/specs/market/merit-order.yaml -f json",
    "electricity.graph.txt": "chainprice graph specs/electricity.yaml",
    "aluminium.graph.mmd": "chainprice graph specs/aluminium.yaml -f mermaid",
    "chipmaker.graph.dot": "chainprice graph specs/chipmaker.yaml -f dot",
    "power.graph.json": "chainprice graph specs/power.yaml -f json",
    "tupperware.digits.json": "chainprice solve specs/tupperware.yaml -f json --digits 30",
    "unknown-name.check.json": "chainprice check tests/specs/invalid/unknown-name.yaml -f json",
    **{
        f"{name}.schema.json": f"chainprice schema {name}"
        for name in ("spec", "solve", "verify", "diagnose", "sensitivity", "graph", "check", "sweep")
    },
    "all.check.json": "chainprice check " + " ".join(f"specs/{path.name}" for path in SPECS) + " -f json",
    "starter.yaml": "chainprice init",
}


PICTURES = {
    "steel_shock.svg": f"{_START} | chainprice simulate {_MARKET} --start - --shock '{_SHOCK}@100' -f svg",
    "linear_cycle.svg": (
        "chainprice solve specs/input_output.yaml -f json | chainprice simulate specs/input_output.yaml --start - "
        "--shock 'demand.coal.quantity=60@100' --foresight 0 --steps 4000 -f svg"
    ),
    **{
        f"{name}.graph.svg": f"chainprice graph specs/{name}.yaml -f svg"
        for name in ("aluminium", "car_panels", "cars_and_bridges")
    },
}
"""The pictures of the README and of the pages, in docs/pictures, and what makes them."""


def shell(command: str) -> str:
    """What a command prints, both streams together, run at the top of the repository."""
    done = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=120,
        check=False,
    )
    return done.stdout


def readme_examples(page: Path = README) -> Iterator[tuple[str, str]]:
    """Each example command of the README (or another page) with the output that stands under it."""
    for match in _CONSOLE.finditer(page.read_text(encoding="utf-8")):
        yield match["command"], match["output"]


def readme_blocks(language: str, page: Path = README) -> list[str]:
    """The README's (or another page's) code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```\n", page.read_text(encoding="utf-8"), re.DOTALL)


def as_shown(output: str) -> str:
    """An output as the README shows it: without blank lines at its end."""
    return output.rstrip("\n") + "\n"


def refresh() -> None:
    """Run every command and keep what it prints."""
    for page in (README, RECIPES, STORY, FORMS, TABLES, INSIDE):
        text = page.read_text(encoding="utf-8")
        for match in _CONSOLE.finditer(text):
            output = as_shown(shell(match["command"]))
            text = text.replace(match[0], f"```console\n$ {match['command']}\n{output}```\n")
        page.write_text(text, encoding="utf-8")
    for name, command in GOLDEN_COMMANDS.items():
        Path(GOLDEN / name).write_text(shell(command), encoding="utf-8")
    for name, command in PICTURES.items():
        (ROOT / "docs" / "pictures" / name).write_text(shell(command), encoding="utf-8")
