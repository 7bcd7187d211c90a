"""Completion, asked for as the shells do it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest
from support import ENVIRONMENT, ROOT, run
from test_example_files import INVALID, VALID

from chainprice.completion import goods, join_words, settings, spec_files
from chainprice.spec import overrides
from chainprice.spec.tree import read_tree

STEEL = "specs/steel.yaml"

UNUSUAL = """\
parameters: {ertrag: 0.8}
firms:
  mühle: {parameters: {k: 2}, production: {öl: 'k*燃料', on: 'ertrag*燃料'}}
supply:
  燃料: {quantity: 3}
  Ähre_2: {price: 2}
demand:
  öl: {price: 1, colour: red}
"""


def in_bash(line, cwd=ROOT):
    """What bash is offered for a line with the cursor at its end; `line` has bash's own words."""
    words = line.replace("=", " = ").replace("=  ", "= ").split(" ")
    words = [word for index, word in enumerate(words) if word or index == len(words) - 1]
    return ask("bash", cwd, COMP_WORDS="\n".join(words), COMP_CWORD=str(len(words) - 1))


def ask(shell, cwd=ROOT, **environment):
    done = run(cwd=cwd, _CHAINPRICE_COMPLETE=f"complete_{shell}", **environment)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.split()


def in_fish(line, cwd=ROOT):
    return ask("fish", cwd, _TYPER_COMPLETE_ARGS=line, _TYPER_COMPLETE_FISH_ACTION="get-args")


def in_zsh(line, cwd=ROOT):
    offered = ask("zsh", cwd, _TYPER_COMPLETE_ARGS=line)
    return [] if offered == ["_files"] else [word.strip("'():\"") for word in offered[2:]]


@pytest.mark.parametrize("complete", [in_bash, in_zsh, in_fish])
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("chainprice solve specs/tu", ["specs/tupperware.yaml"]),
        (f"chainprice solve {STEEL} --numeraire s", ["scrap"]),
        (f"chainprice explain {STEEL} -f text --good c", ["coking_coal", "crude_steel", "coil"]),
        ("chainprice verify specs/mill.yaml specs/tup", ["specs/tupperware.yaml"]),
        (
            "chainprice verify specs/tupperware.yaml --set supply.",
            ["supply.natgas.quantity=", "supply.natgas.price="],
        ),
        ("chainprice check specs/tupperware.yaml --set demand.tupperware.q", ["demand.tupperware.quantity="]),
        ("chainprice schema so", ["solve"]),
    ],
    ids=str,
)
def test_what_is_offered(complete, line, offered):
    assert complete(line) == offered


def test_commands_and_options():
    assert {"solve", "verify", "explain", "check", "schema", "init"} <= set(in_bash("chainprice "))
    assert "--numeraire" in in_bash("chainprice solve specs/steel.yaml --")
    assert in_bash("chainprice solve specs/steel.yaml -f c") == ["csv"]


@pytest.mark.parametrize("complete", [in_bash, in_zsh, in_fish])
def test_unusual_names_of_a_spec_that_is_wrong(complete, tmp_path):
    (tmp_path / "öl.yaml").write_text(UNUSUAL, encoding="utf-8")
    assert run("check", "öl.yaml", cwd=tmp_path).returncode == 2
    assert complete("chainprice solve ö", tmp_path) == ["öl.yaml"]
    assert complete("chainprice solve öl.yaml --numeraire ", tmp_path) == ["燃料", "Ähre_2", "öl", "on"]
    assert complete("chainprice solve öl.yaml --set ", tmp_path) == [
        "ertrag=",
        "supply.燃料.quantity=",
        "supply.燃料.price=",
        "supply.Ähre_2.quantity=",
        "supply.Ähre_2.price=",
        "demand.öl.quantity=",
        "demand.öl.price=",
        "mühle.k=",
        "mühle.ertrag=",
    ]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (f"chainprice solve {STEEL} --set supply.scrap.quantity=9 --numeraire sc", ["scrap"]),
        (f"chainprice solve --set supply.scrap.quantity=9 {STEEL} --numeraire sc", ["scrap"]),
        (f"chainprice solve --format=json {STEEL} --numeraire sc", ["scrap"]),
        (f"chainprice solve {STEEL} --format=j", ["json"]),
        (f"chainprice solve {STEEL} --set supply.scrap.quantity=", []),
        (f"chainprice solve {STEEL} --set supply.scrap.quantity=1", []),
    ],
)
def test_words_that_bash_takes_apart(line, offered):
    assert in_bash(line) == offered


def test_words_are_joined_and_the_place_with_them():
    environment = {"COMP_WORDS": "chainprice\nsolve\n--set\na\n=\n9\n-f\n=\nj\nx", "COMP_CWORD": "8"}
    join_words(environment)
    assert environment == {"COMP_WORDS": "chainprice\nsolve\n--set\na=9\n-f=j\nx", "COMP_CWORD": "4"}


@pytest.mark.parametrize("path", ["nowhere.yaml", "specs", "-", "/dev/null", "", "\0", "~nobody/x", "src/chainprice/cli/__init__.py"])  # fmt: skip
def test_nothing_is_offered_where_there_is_no_spec(path):
    assert goods([path]) == settings([path]) == []


def test_a_missing_spec_is_passed_over_in_silence():
    assert in_bash("chainprice solve nowhere.yaml --numeraire ") == []
    assert in_bash("chainprice explain --good ") == []


@pytest.mark.parametrize("path", [*INVALID, *VALID], ids=lambda path: path.stem)
def test_no_spec_is_too_broken_to_look_at(path):
    assert isinstance(goods([str(path)]), list)
    assert isinstance(settings([str(path)]), list)


def test_a_file_that_takes_too_long_is_not_read(tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(UNUSUAL + "#" * 600_000, encoding="utf-8")
    assert goods([str(path)]) == []


def test_what_is_offered_can_be_set():
    tree = read_tree((ROOT / "specs/bakery.yaml").read_text(encoding="utf-8")).tree
    names = overrides.settable(tree)
    assert "supply.flour.quantity" in names
    _, changed, _, problems = overrides.apply(tree, [f"{name}=2" for name in names])
    assert problems == ()
    assert len(changed) == len(names)


def test_files_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/b/one.yaml", "a/b/two.json", "a/b/notes.txt", "c.yml", ".hidden/x.yaml", "d/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    assert spec_files("") == ["a/", "c.yml", "d/"]
    assert spec_files("a") == spec_files("a/") == ["a/b/one.yaml", "a/b/two.json"]
    assert spec_files(f"{tmp_path}/a/b/o") == [f"{tmp_path}/a/b/one.yaml"]
    assert spec_files(".h") == [".hidden/x.yaml"]
    assert spec_files("d") == ["d/"]
    assert spec_files("e") == spec_files("nowhere/e") == spec_files("\0/") == []
    (tmp_path / "my chain.yaml").write_text("", encoding="utf-8")
    assert spec_files("") == []  # the shell lists them itself, with quotes


def test_no_algebra_is_imported():
    script = "import sys; from chainprice.cli import run\ntry: run([])\nfinally: print(*sys.modules, file=sys.stderr)"
    words = {"COMP_WORDS": f"chainprice solve {STEEL} --numeraire ", "COMP_CWORD": "4"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, **words, "_CHAINPRICE_COMPLETE": "complete_bash"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "scrap" in done.stdout
    assert set(done.stderr.split()).isdisjoint(
        {"sympy", "mpmath", "numpy", "rich.table", "chainprice.solver"}
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_can_have_it(shell):
    done = run("--show-completion", shell, **ANY_SHELL)
    assert done.returncode == 0
    assert "_CHAINPRICE_COMPLETE=complete_" in done.stdout
    assert ("compopt -o nospace" in done.stdout) == (shell == "bash")
    assert "--install-completion" in run("--help", COLUMNS="120").stdout


ANY_SHELL = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
"""Else typer shows the script of the shell that it runs in."""


class Bash:
    """An interactive bash that has been taught completion."""

    def __init__(self, folder):
        command = folder / "chainprice"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chainprice "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        (folder / "rc").write_text(
            f"stty columns 250\nPS1='> '\nbind 'set enable-bracketed-paste off'\n{run('--show-completion', 'bash', **ANY_SHELL).stdout}",
            encoding="utf-8",
        )
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(ROOT)
            path = f"{folder}{os.pathsep}{ENVIRONMENT['PATH']}"
            environment = {**ENVIRONMENT, "PATH": path, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
            os.execvpe("bash", ["bash", "--noprofile", "--rcfile", str(folder / "rc"), "-i"], environment)

    def type(self, keys, wanted):
        """The line after some keys, once `wanted` is there (or a minute is over)."""
        os.write(self.terminal, keys.encode())
        seen, end = "", time.monotonic() + 60
        while wanted not in seen and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.2)[0]:
                seen += os.read(self.terminal, 4096).decode("utf-8", "replace")
        return seen.replace("\a", "")

    def close(self):
        os.write(self.terminal, b"\x15exit\n")
        os.close(self.terminal)
        os.waitpid(self.process, 0)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_real_bash(tmp_path):
    bash = Bash(tmp_path)
    try:
        bash.type("", "> ")
        bash.type("echo chainprice solve specs/tup\t\n", "\n")
        line = "chainprice solve specs/tup\t--set supply.natgas.q\t9 --numeraire ethy\t-f c\t#"
        seen = bash.type(line, "csv #")
        expected = "chainprice solve specs/tupperware.yaml --set supply.natgas.quantity=9 --numeraire ethylene -f csv #"
        assert expected in seen
    finally:
        bash.close()
