"""The recipes of docs/recipes.md do what they say, wherever the tool that they need is there."""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
import typer
import yaml
from outputs import RECIPES, as_shown, readme_blocks, readme_examples, shell
from support import ENVIRONMENT, ROOT, SPECS

from chainprice.cli.commands import application
from chainprice.options import VerifyFormat

TEXT = RECIPES.read_text(encoding="utf-8")
TOOLS = ("jq", "make", "csvcut", "csvsort", "csvlook", "csvgrep", "csvstat", "diff", "cut")
LANGUAGES = ("sh", "python", "make", "yaml", "json", "toml")

SH = [block for block in readme_blocks("sh", RECIPES) if "pip install" not in block]


def skip_without_tools(text):
    missing = [tool for tool in TOOLS if re.search(rf"\b{tool}\b", text) and shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


@pytest.fixture
def place(tmp_path):
    """A folder with specs in it."""
    (tmp_path / "specs").mkdir()
    for path in SPECS:
        if path.stem in ("tupperware", "mill", "bakery"):
            shutil.copy(path, tmp_path / "specs")
    return tmp_path


def bash(script, folder, *options, **environment):
    return subprocess.run(
        ["bash", *options, "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        check=False,
    )


@pytest.mark.parametrize(("command", "output"), list(readme_examples(RECIPES)), ids=lambda text: text[:60])
def test_an_example_prints_what_it_says(command, output):
    skip_without_tools(command)
    assert as_shown(shell(command)) == output
    assert "error" not in output


@pytest.mark.parametrize("script", SH, ids=lambda text: text[:40])
def test_a_script_runs(script, place):
    assert bash(script, place, "-n").returncode == 0
    skip_without_tools(script)
    done = bash(script, place)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", readme_blocks("python", RECIPES), ids=lambda text: text[-40:])
def test_python_runs(code, place):
    compile(code, "recipe", "exec")
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=place, env=ENVIRONMENT, check=True
    )
    assert "natgas" in done.stdout or "flour" in done.stdout


def test_make_makes_only_what_is_missing(place):
    (makefile,) = readme_blocks("make", RECIPES)
    (place / "Makefile").write_text(makefile, encoding="utf-8")
    skip_without_tools("make")
    done = bash("make", place)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (place / "prices").glob("*.csv")} == {
        "tupperware.csv",
        "mill.csv",
        "bakery.csv",
    }
    assert bash("make", place).stdout == "make: Nothing to be done for 'all'.\n"
    (place / "specs/mill.yaml").write_text("firms: {}", encoding="utf-8")
    (place / "prices/mill.csv").unlink()
    assert bash("make", place).returncode == 2
    assert not (place / "prices/mill.csv").exists()


@pytest.mark.parametrize("text", readme_blocks("yaml", RECIPES), ids=lambda text: text[:20])
def test_yaml_is_yaml(text):
    assert isinstance(yaml.safe_load(text), dict)


def test_settings_of_editors():
    (settings,) = readme_blocks("json", RECIPES)
    assert set(json.loads(settings)) == {"yaml.schemas", "json.schemas"}
    (helix,) = readme_blocks("toml", RECIPES)
    assert "language-server" in tomllib.loads(helix)


def test_every_block_is_looked_at():
    assert set(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE)) == {*LANGUAGES, "console", "text"}


def commands():
    """Every chainprice command of the page, and of the hooks and the action."""
    texts = [TEXT, (ROOT / "action.yml").read_text(encoding="utf-8")]
    for text in texts:
        for line in text.splitlines():
            if not line.lstrip().startswith(("description:", "#", "-   id", "name:")):
                for command in re.findall(r"chainprice ((?:solve|verify|check|schema) [^|;)`#]*)", line):
                    if re.search(r"\.(yaml|json)|\$", command):  # else prose names it
                        yield command.strip().removesuffix('"$@"')


@pytest.mark.parametrize("command", sorted({*commands()}))
def test_every_command_is_one(command):
    name, *arguments = shlex.split(command.replace("$<", "a.yaml").replace("$@", "b"))
    formats = [arguments[i + 1] for i, word in enumerate(arguments) if word == "-f"]
    if name == "verify" and not set(formats) <= {*VerifyFormat}:
        pytest.skip(f"there is no format {formats[0]} yet")
    group = typer.main.get_command(application())
    group.commands[name].make_context(name, arguments)


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target.startswith("https://") or (RECIPES.parent / target).exists(), target
