"""Every command as a process: what it prints where, its exit code, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from support import ENVIRONMENT, ROOT, chain, run, start

TUPPERWARE = "specs/tupperware.yaml"
BAD = "firms: {f: {production: {y: sqrt(z)}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\n"
ANSWERLESS = (
    "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}\nallocation: given\n"
)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["solve", TUPPERWARE], 0),
        (["solve", TUPPERWARE, "-f", "json", "--numeraire", "natgas", "--digits", "3"], 0),
        (["solve", TUPPERWARE, "--allocation", "given"], 0),
        (["verify", TUPPERWARE, "specs/steel.yaml"], 0),
        (["verify", TUPPERWARE, "--method", "adjoint", "--tolerance", "1e-6"], 0),
        (["explain", TUPPERWARE, "--good", "ethylene", "-f", "latex"], 0),
        (["check", TUPPERWARE, "-f", "github"], 0),
        (["init"], 0),
        (["--version"], 0),
        (["--help"], 0),
        (["solve", "--help"], 0),
        ([], 2),
        (["price", TUPPERWARE], 2),
        (["solve"], 2),
        (["solve", "nowhere.yaml"], 2),
        (["solve", "specs"], 2),
        (["solve", TUPPERWARE, "-f", "xml"], 2),
        (["solve", TUPPERWARE, "--numeraire", "gold"], 2),
        (["solve", TUPPERWARE, "--digits", "0"], 2),
        (["solve", TUPPERWARE, "--digits", "1000000"], 2),
        (["solve", TUPPERWARE, "--set", "supply.natgas.quantity"], 2),
        (["solve", TUPPERWARE, "--set", "supply.oil.quantity=3"], 2),
        (["solve", TUPPERWARE, "--output", "no/such/folder/x.txt"], 2),
        (["solve", TUPPERWARE, "--output", "specs"], 2),
        (["verify", "nowhere.yaml", TUPPERWARE], 2),
        (["verify", TUPPERWARE, "--table", "nowhere.json"], 2),
        (["verify", TUPPERWARE, "--table", TUPPERWARE], 2),
        (["verify", TUPPERWARE, "--tolerance", "2"], 2),
        (["verify", TUPPERWARE, "specs/mill.yaml", "--table", "-"], 2),
        (["explain", TUPPERWARE, "--good", "oil"], 2),
        (["check", "nowhere.yaml"], 2),
        (["solve", TUPPERWARE, "--set", "supply.natgas.quantity=0"], 3),
        (["solve", TUPPERWARE, "--allocation", "competitive"], 3),
    ],
    ids=str,
)
def test_exit_codes(arguments, code):
    done = run(*arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    if code in (2, 3) and arguments:
        assert "error" in done.stderr


@pytest.mark.parametrize("command", ["solve", "verify", "explain", "check"])
def test_standard_input_and_bad_specs(command):
    good = (ROOT / TUPPERWARE).read_text(encoding="utf-8")
    assert run(command, "-", stdin=good).returncode == 0
    bad = run(command, "-", stdin=BAD)
    assert bad.returncode == 2
    assert "<stdin>:1:34: error: unknown name 'z'" in bad.stderr
    assert "(" not in bad.stdout or command in ("verify", "check")


@pytest.mark.parametrize("command", ["solve", "verify", "explain"])
def test_no_answer_is_exit_3(command):
    done = run(command, "-", stdin=ANSWERLESS)
    assert done.returncode == 3
    assert "the market must choose how much 'x' to buy" in done.stderr


def test_a_json_spec():
    spec = {
        "firms": {"f": {"production": {"y": "2*x"}}},
        "supply": {"x": {"quantity": 1.5}},
        "demand": {"y": {"price": 3}},
    }
    done = run("solve", "-", "-f", "json", stdin=json.dumps(spec))
    assert [(g["good"], g["price"], g["quantity"]) for g in json.loads(done.stdout)["goods"]] == [
        ("x", 6.0, 1.5),
        ("y", 3.0, 3.0),
    ]


def test_the_json_is_the_contract():
    data = json.loads(run("solve", TUPPERWARE, "-f", "json").stdout)
    assert list(data)[:8] == [
        "format",
        "spec",
        "allocation",
        "numeraire",
        "total_value",
        "goods",
        "firms",
        "warnings",
    ]
    assert data["format"] == "chainprice.solve/1"
    assert list(data["spec"]) == ["path", "title", "sha256"]
    assert list(data["goods"][0])[:6] == ["good", "role", "unit", "quantity", "price", "value"]
    assert list(data["firms"][0]) == [
        "firm",
        "revenue",
        "cost",
        "profit",
        "returns_to_scale",
        "outputs",
        "inputs",
        "derivatives",
    ]
    assert list(data["firms"][0]["inputs"][0]) == ["good", "quantity", "price", "marginal_value", "gap"]
    assert list(data["firms"][0]["derivatives"][0]) == ["output", "input", "formula", "value"]
    assert list(data["warnings"][0]) == ["code", "message", "good", "firm"]


def test_results_go_to_stdout_and_warnings_to_stderr():
    table = run("solve", TUPPERWARE)
    assert "warning" not in table.stdout
    assert "[negative-quantity]" in table.stderr
    assert run("solve", TUPPERWARE, "-f", "json").stderr == ""


def test_a_table_in_a_pipe_is_neither_cut_nor_coloured():
    done = run("solve", "specs/steel.yaml", COLUMNS="40", TERM="xterm-256color")
    assert max(map(len, done.stdout.splitlines())) > 150
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout


def test_verify_goes_on_past_a_bad_spec(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(BAD)
    done = run("verify", str(bad), TUPPERWARE, "-f", "json")
    assert done.returncode == 2
    data = json.loads(done.stdout)
    assert [row["verified"] for row in data["specs"]] == [False, True]
    assert data["verified"] is False
    assert "unknown name 'z'" in data["specs"][0]["error"]


def test_a_wrong_table_fails_with_its_row_named(tmp_path):
    data = json.loads(run("solve", "specs/steel.yaml", "-f", "json").stdout)
    assert run("verify", "specs/steel.yaml", "--table", "-", stdin=json.dumps(data)).returncode == 0
    data["goods"][3]["price"] *= 1 + 1e-6
    table = tmp_path / "table.json"
    table.write_text(json.dumps(data))
    done = run("verify", "specs/steel.yaml", "--table", str(table))
    assert done.returncode == 1
    assert "NOT VERIFIED: 1 of 12 prices wrong" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if line.endswith("NO")] == ["labour_furnace"]


def test_settings_reach_the_prices():
    done = run(
        "solve",
        TUPPERWARE,
        "-f",
        "csv",
        "--set",
        "supply.natgas.quantity=9",
        "--set",
        "demand.tupperware.price=72",
    )
    assert "natgas,primary,9.0,MMBtu,1.0," in done.stdout


def test_output_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "table.csv"
    assert run("solve", TUPPERWARE, "-f", "csv", "-o", str(target)).stdout == ""
    written = target.read_text()
    assert written == run("solve", TUPPERWARE, "-f", "csv").stdout
    assert run("solve", TUPPERWARE, "--set", "supply.natgas.quantity=0", "-o", str(target)).returncode == 3
    assert target.read_text() == written
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_the_output_never_replaces_the_spec(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text((ROOT / TUPPERWARE).read_text())
    done = run("solve", "spec.yaml", "-o", "./spec.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "replace its own input" in done.stderr
    assert spec.read_text() == (ROOT / TUPPERWARE).read_text()


def test_init_writes_a_file_once(tmp_path):
    first = run("init", "bakery", cwd=tmp_path)
    assert first.returncode == 0
    assert "wrote bakery.yaml" in first.stderr
    assert run("init", "bakery", cwd=tmp_path).returncode == 2
    assert run("init", "-o", "bakery.yaml", cwd=tmp_path).returncode == 0


def test_a_broken_pipe_is_quiet(tmp_path):
    big = tmp_path / "big.yaml"
    big.write_text(chain("sqrt(x)", 600))
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m chainprice solve {big} | head -n 1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_an_interrupt_ends_at_once_with_130(tmp_path):
    big = tmp_path / "big.yaml"
    big.write_text(chain("2*x^0.65 + 1", 100_000))
    process = start("-m", "chainprice", "solve", str(big))
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert output == ""


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_letters_that_a_terminal_lacks_are_escaped_not_fatal(locale, tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "firms: {f: {production: {Öl: 2*日本}}}\nsupply: {日本: {quantity: 1}}\ndemand: {Öl: {price: 1}}\n",
        encoding="utf-8",
    )
    done = run("solve", str(spec), LC_ALL=locale, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "\\u65e5\\u672c" in done.stdout
    assert "Öl" in done.stdout
    assert "\n----" in done.stdout


def test_check_reports_every_problem_for_people_and_for_github(tmp_path):
    (tmp_path / "bad.yaml").write_text(BAD.replace("price: 1", "prize: 1"))
    text = run("check", "bad.yaml", cwd=tmp_path)
    assert text.stdout == "bad.yaml: 2 errors\n"
    github = run("check", "bad.yaml", "-f", "github", cwd=tmp_path)
    assert "::error file=bad.yaml,line=1,col=34::unknown name 'z'" in github.stdout
    data = json.loads(run("check", "bad.yaml", "-f", "json", cwd=tmp_path).stdout)
    assert data["format"] == "chainprice.check/1"
    assert data["sound"] is False
    assert data["specs"][0]["problems"][0]["column"] == 34


def test_check_warns_of_unused_goods(tmp_path):
    text = "firms: {f: {production: {y: x, w: x}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\n"
    done = run("check", "-", stdin=text)
    assert done.returncode == 0
    assert "<stdin>:1:35: warning: 'w' is neither used by a firm nor demanded [unused-good]" in done.stderr


@pytest.mark.parametrize("command", ["check", "solve", "verify", "explain"])
def test_an_empty_path_is_no_folder(command):
    done = run(command, "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "an empty path names no file" in done.stderr
