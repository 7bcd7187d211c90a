"""Every output in the README and every golden file is what the command prints today."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import contract
import pytest
from outputs import (
    GOLDEN,
    GOLDEN_COMMANDS,
    README,
    as_shown,
    readme_blocks,
    readme_examples,
    shell,
)
from support import ENVIRONMENT, ROOT, run, spec

import chainprice
from chainprice.cli.commands import application
from chainprice.solution import WarningCode

TEXT = README.read_text(encoding="utf-8")


_NOISE = re.compile(r"\b(0\.0(e\+00)?|\d(\.\d+)?e-([2-9]\d|\d{3,}))")

_WHERE = re.compile(r'~0, "where": "[^"]*"')


def without_noise(command, output):
    """The output with one word for errors far below any digit that counts: they differ between machines."""
    return _WHERE.sub('~0, "where": "-"', _NOISE.sub("~0", output)) if "verify" in command else output


@pytest.mark.parametrize(("command", "output"), list(readme_examples()), ids=lambda text: text[:60])
def test_readme_example(command, output):
    assert without_noise(command, as_shown(shell(command))) == without_noise(command, output)


@pytest.mark.parametrize("name", GOLDEN_COMMANDS)
def test_golden(name):
    command, golden = GOLDEN_COMMANDS[name], (GOLDEN / name).read_text(encoding="utf-8")
    assert without_noise(command, shell(command)) == without_noise(command, golden)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("worst 6.4e-35", "worst 0.0e+00"),
        ('"worst": 1.7e-29, "a": 0.0}', '"worst": 0.0, "a": 2e-30}'),
        ('"worst": 1e-29, "where": "gas"', '"worst": 0.0, "where": "oil"'),
        ("0.5 and 1.2e-17 and 1 ± 0 and 10.0", "0.5 and 1.2e-17 and 1 ± 0 and 10.0"),
    ],
)
def test_only_noise_is_taken_for_noise(text, same):
    assert without_noise("verify", text) == without_noise("verify", same)
    assert ("~0" in without_noise("verify", text)) == (text != same)
    assert without_noise("solve", text) == text


def test_no_golden_file_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == {*GOLDEN_COMMANDS, contract.FILE.name}


def test_the_python_example_runs():
    (code,) = readme_blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=ENVIRONMENT, check=True
    )
    assert done.stdout == "0.041666666666666664\nTrue\n"


def test_the_yaml_examples_solve_and_verify():
    first, market, tour = readme_blocks("yaml")
    assert chainprice.solve(spec(first)).prices["natgas"] == 1 / 24
    assert chainprice.solve(spec(market)).prices == {"gas": 15, "oil": 10, "uranium": 10, "power": 30}
    assert chainprice.verify(spec(market)).verified
    assert chainprice.verify(spec(tour)).verified


def test_ci_runs_the_test_command_of_the_readme_word_for_word():
    function = re.search(r"^readme_command\(\).*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    script = f"{function[0]}\nreadme_command Tests"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == readme_blocks("sh")[-1]
    assert "pytest" in done.stdout


def test_the_install_command_prices_a_chain():
    assert "pip install . " in readme_blocks("sh")[0]
    assert "chainprice solve specs/steel.yaml" in readme_blocks("sh")[0]


def commands():
    return [command.callback.__name__ for command in application().registered_commands]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme_with_its_formats(command):
    row = re.search(rf"^\| `chainprice {command}\b.*$", TEXT, re.MULTILINE)
    assert row is not None
    for formats in re.findall(r"<((?:\w+\|)+\w+)>", run(command, "--help", COLUMNS="300").stdout):
        if "table" in formats or "text" in formats:
            assert ", ".join(formats.split("|")) in row[0]


@pytest.mark.parametrize("command", commands())
def test_every_option_is_in_the_readme(command):
    options = set(re.findall(r"--[a-z]+", run(command, "--help", COLUMNS="300").stdout))
    assert "--output" in options
    assert {option for option in options if option not in TEXT} <= {"--format", "--tolerance"}
    assert "--tolerance" not in options or "tolerance" in TEXT


def test_every_warning_code_is_in_the_readme_and_no_other():
    assert set(re.findall(r"^\| `([a-z-]+)` \| .*$", TEXT.split("## Warnings")[1], re.MULTILINE)) == set(
        get_args(WarningCode)
    )


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_spec_is_in_the_readme():
    for path in (ROOT / "specs").iterdir():
        assert f"specs/{path.name}" in TEXT


def test_the_starter_spec_solves_without_a_warning(tmp_path):
    assert run("init", "bread", cwd=tmp_path).returncode == 0
    done = run("solve", "bread.yaml", "-f", "json", cwd=tmp_path)
    assert json.loads(done.stdout)["warnings"] == []
    assert run("verify", "bread.yaml", cwd=tmp_path).returncode == 0


def test_the_version_is_the_same_everywhere():
    assert chainprice.__version__ in (ROOT / "CHANGELOG.md").read_text()
    assert run("--version").stdout == f"chainprice {chainprice.__version__}\n"
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]


def test_no_path_of_a_machine_is_in_a_golden_file():
    for path in GOLDEN.iterdir():
        assert str(Path.home()) not in path.read_text(encoding="utf-8")
