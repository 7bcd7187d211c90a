"""`verify` as a gate: many specs, in every format, with every end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support import ENVIRONMENT, ROOT, chain, run, start

import chainprice
from chainprice.examination import row_places
from chainprice.verification import Condition, Verdict

TUPPERWARE = (ROOT / "specs/tupperware.yaml").read_text(encoding="utf-8")
EXACT = "firms: {f: {production: {y: 2*x}}}\nsupply: {x: {quantity: 1.5}}\ndemand: {y: {price: 3}}\n"
BAD = "firms: {f: {production: {y: sqrt(z)}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\n"
ANSWERLESS = (
    "firms: {f: {production: {y: x}}}\nsupply: {x: {price: 1}}\ndemand: {y: {price: 1}}\nallocation: given\n"
)
STRICT = ("--tolerance", "1e-17")
"""Doubles are further off than this, but where they are exact."""

FORMATS = ["table", "json", "junit", "github"]


@pytest.fixture
def specs(tmp_path):
    """A folder with everything that a folder may hold."""
    texts = {
        "bad.yaml": BAD,
        "good.yaml": EXACT,
        "deep/none.yml": ANSWERLESS,
        "deep/wrong.yaml": TUPPERWARE,
        "broken.json": '{"firms": ',
        "docker-compose.yaml": "services: {web: {image: nginx}}\n",
        "templates.yaml": "a: {{ .Values.a }}\n---\nb: 1\n",
        "package.json": '{"name": "x", "version": "1"}',
        "list.json": "[1, 2]",
        "table.json": run("solve", "specs/mill.yaml", "-f", "json").stdout,
        "README.md": "no spec",
    }
    for name, text in texts.items():
        path = tmp_path / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "specs/utf16.yaml").write_bytes(EXACT.encode("utf-16"))
    return tmp_path


def test_a_folder_is_gone_through_past_all_that_is_wrong(specs):
    done = run("verify", "specs", *STRICT, cwd=specs)
    assert done.returncode == 2
    heads = [line for line in done.stdout.splitlines() if line.startswith("specs/")]
    assert [re.match(r"(\S+): ([A-Za-z ]+)", head).groups() for head in heads] == [
        ("specs/bad.yaml", "NOT READ"),
        ("specs/broken.json", "NOT READ"),
        ("specs/deep/none.yml", "NO ANSWER"),
        ("specs/deep/wrong.yaml", "NOT VERIFIED"),
        ("specs/good.yaml", "verified"),
        ("specs/utf16.yaml", "NOT READ"),
    ]
    assert [line.split()[0] for line in done.stdout.splitlines() if line.endswith("NO")] == [
        "natgas",
        "ethylene",
    ]
    assert done.stdout.splitlines()[-1] == (
        "1 of 6 verified; 1 failed, 3 could not be read, 1 without an answer; skipped 5 files that are no "
        "specs (specs/docker-compose.yaml, specs/list.json, specs/package.json, ...)"
    )
    assert "specs/bad.yaml:1:34: error: unknown name 'z'" in done.stderr


@pytest.mark.parametrize("format_", FORMATS)
def test_the_number_of_jobs_changes_nothing(specs, format_):
    arguments = ["verify", "specs", str(ROOT / "specs"), *STRICT, "-f", format_]
    one, four = (run(*arguments, "--jobs", jobs, cwd=specs) for jobs in ("1", "4"))
    without_time = [re.sub(r' time="[\d.]+"', "", done.stdout) for done in (one, four)]
    assert without_time[0] == without_time[1]
    assert len(without_time[0].splitlines()) > 10
    assert (one.stderr, one.returncode) == (four.stderr, four.returncode)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["good.yaml"], 0),
        (["good.yaml", "deep/wrong.yaml"], 1),
        (["good.yaml", "deep/none.yml"], 3),
        (["deep/none.yml", "deep/wrong.yaml"], 1),
        (["deep", "bad.yaml"], 2),
        (["good.yaml", "nowhere.yaml"], 2),
        (["good.yaml", "*.toml"], 2),
        (["*.yml", "deep"], 2),
        (["deep/*.y*ml"], 1),
        (["**/wrong.yaml"], 1),
        (["good.yaml", "docker-compose.yaml"], 2),
        (["good.yaml", "--jobs", "0"], 2),
    ],
    ids=str,
)
def test_the_worst_decides_the_exit_code(specs, names, code):
    assert run("verify", *names, *STRICT, cwd=specs / "specs").returncode == code


def test_a_folder_without_specs_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/compose.yaml").write_text("services: {}\n")
    (tmp_path / "mill.yaml").write_text(EXACT, encoding="utf-8")
    for folder, reason in (("empty", "there is no spec in this folder"), ("deploy", "none of the files in")):
        done = run("verify", "mill.yaml", folder, cwd=tmp_path)
        assert done.returncode == 2
        assert f"{folder}: error: {reason}" in done.stderr
        assert "mill.yaml: verified" in done.stdout


def test_a_file_that_is_no_spec_is_skipped_only_where_nobody_named_it(specs):
    data = json.loads(run("verify", "specs", "-f", "json", cwd=specs).stdout)
    names = ("docker-compose.yaml", "list.json", "package.json", "table.json", "templates.yaml")
    assert data["skipped"] == [f"specs/{name}" for name in names]
    for name in names:
        assert run("verify", "specs", f"specs/{name}", "-f", "github", cwd=specs).stdout.count(name) > 0
    assert "skipped" not in json.loads(run("verify", "specs/good.yaml", "-f", "json", cwd=specs).stdout)


def test_a_setting_that_a_spec_lacks_is_an_error_and_one_that_no_spec_lacks_is_none(specs):
    folder = specs / "specs"
    setting = ("--set", "supply.natgas.quantity=9")
    assert run("verify", "deep/wrong.yaml", "docker-compose.yaml", *setting, cwd=folder).returncode == 2
    (folder / "bare").mkdir()
    for name in ("deep/wrong.yaml", "package.json"):
        (folder / name).rename(folder / "bare" / name.rpartition("/")[2])
    assert run("verify", "bare", *setting, cwd=folder).returncode == 0


def test_standard_input_and_pipes_among_files(specs):
    done = run(
        "verify", "specs/good.yaml", "-", "specs/deep/wrong.yaml", "-f", "json", stdin=EXACT, cwd=specs
    )
    assert [row["path"] for row in json.loads(done.stdout)["specs"]] == [
        "specs/good.yaml",
        "<stdin>",
        "specs/deep/wrong.yaml",
    ]
    assert done.returncode == 0
    assert "named twice" in run("verify", "-", "-", stdin=EXACT).stderr
    if Path("/dev/fd").exists():
        command = (
            f"{sys.executable} -m chainprice verify specs/good.yaml <(cat specs/deep/wrong.yaml) --jobs 2"
        )
        piped = subprocess.run(
            ["bash", "-c", command], capture_output=True, cwd=specs, env=ENVIRONMENT, check=False
        )
        assert piped.returncode == 0


def test_one_spec_keeps_its_whole_table(specs):
    done = run("verify", "specs/deep/wrong.yaml", *STRICT, cwd=specs)
    assert [line.split()[-1] for line in done.stdout.splitlines() if "symbolic " in line] == [
        "NO",
        "NO",
        "yes",
        "yes",
    ]


def test_junit(specs):
    done = run("verify", "specs", *STRICT, "-f", "junit", cwd=specs)
    root = ET.fromstring(done.stdout.encode())
    assert root.tag == "testsuites"
    # What the common schema (Jenkins' junit-10.xsd) lets each element have.
    allowed = {
        "testsuites": ({"name", "time", "tests", "failures", "errors", "disabled"}, {"testsuite"}),
        "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"testcase"}),
        "testcase": ({"name", "classname", "time"}, {"failure", "error", "skipped"}),
        "failure": ({"message", "type"}, set()),
        "error": ({"message", "type"}, set()),
        "skipped": ({"message", "type"}, set()),
    }
    for element in root.iter():
        attributes, children = allowed[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    suites = {suite.get("name"): suite for suite in root}
    assert len(suites) == len(root) == 11
    for parent in (root, *root):
        cases = list(parent.iter("testcase"))
        assert parent.get("tests") == str(len(cases))
        for kind, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            if parent.get(count) is not None:
                assert parent.get(count) == str(sum(case.find(kind) is not None for case in cases))
        assert float(parent.get("time")) == pytest.approx(sum(float(c.get("time")) for c in cases), abs=1e-4)
    assert root.get("failures") == "8"
    assert root.get("errors") == "5"
    wrong = suites["specs/deep/wrong.yaml"]
    assert [case.get("name") for case in wrong if case.find("failure") is not None][:3] == [
        "price of natgas",
        "price of ethylene",
        "quantities",
    ]
    assert re.match(
        r"the price of 'natgas' is 0.04\d+, and by direct differentiation 0.04\d+ \(relative error 6.4e-17",
        wrong.find("testcase/failure").get("message"),
    )
    names = [case.get("name") for case in suites["specs/good.yaml"]]
    assert names[-6:] == ["quantities", "values", "uses", "rows", "accounts", "total value"]
    assert "unknown name 'z'" in suites["specs/bad.yaml"].find("testcase/error").get("message")
    assert suites["specs/docker-compose.yaml"].find("testcase/skipped") is not None


ODD = "a<b>&\"'%, : \x07.yaml"


@pytest.mark.skipif(os.name != "posix", reason="such a name is no name elsewhere")
def test_special_characters_are_escaped_in_xml_and_in_annotations(tmp_path):
    (tmp_path / ODD).write_text(TUPPERWARE.replace("natgas", "天然气"), encoding="utf-8")
    bad = BAD.replace("sqrt(z)", "'sqrt(x) + \"100%\uffff<&\u0001>\"'").replace("y: {price", "y: {prize")
    (tmp_path / "bad.yaml").write_text(bad, encoding="utf-8")
    junit = run("verify", ".", *STRICT, "-f", "junit", cwd=tmp_path)
    root = ET.fromstring(junit.stdout.encode())
    assert [suite.get("name") for suite in root] == [ODD.replace("\x07", "\\x07"), "bad.yaml"]
    assert root[0][0].get("name") == "price of 天然气"
    assert root[1][0][0].tag == "error"
    github = run("verify", ".", *STRICT, "-f", "github", cwd=tmp_path)
    first = github.stdout.splitlines()[0]
    escaped = ODD.replace("%", "%25").replace(",", "%2C").replace(":", "%3A").replace("\x07", "\\x07")
    assert first.startswith(f"::error file={escaped},line=")
    assert "::the price of '天然气' is 0.04" in first
    assert all(line.startswith("::error ") for line in github.stdout.splitlines()[:-1])


@pytest.mark.skipif(os.name != "posix", reason="such a name is no name elsewhere")
def test_a_line_break_in_a_path_makes_no_command(tmp_path):
    name = "a\n::error::oh.yaml"
    (tmp_path / name).write_text("{}")
    (tmp_path / f"b{name}").write_text(BAD)
    done = run("verify", ".", "-f", "github", cwd=tmp_path)
    (annotation, count) = done.stdout.splitlines()
    assert annotation.startswith("::error file=ba%0A%3A%3Aerror%3A%3Aoh.yaml,line=1,col=34::")
    assert count.startswith("0 of 1 verified; skipped 1 file that is no spec (a\\n::error")


def test_annotations_stand_where_the_good_or_the_firm_does(specs):
    done = run("verify", "specs", *STRICT, "-f", "github", cwd=specs)
    assert done.stderr == ""
    places = {  # in specs/tupperware.yaml
        "the price of 'natgas'": "line=27,col=3",
        "the price of 'ethylene'": "line=18,col=28",
        "quantities: off by 1.0e-16 (relative), worst at polyethylene": "line=21,col=32",
        "accounts: off by 8.0e-17 (relative), worst at polymeriser/profit": "line=19,col=3",
    }
    for message, place in places.items():
        assert f"::error file=specs/deep/wrong.yaml,{place}::{message}" in done.stdout
    assert "::error file=specs/deep/wrong.yaml::total value" in done.stdout
    assert "::error file=specs/bad.yaml,line=1,col=34::unknown name 'z'" in done.stdout
    *annotations, count = done.stdout.splitlines()
    assert "docker-compose" in count
    assert not any("docker-compose" in annotation for annotation in annotations)
    places = row_places(
        chainprice.load(ROOT / "specs/tupperware.yaml"),
        Verdict(
            "",
            None,
            1,
            conditions=tuple(
                Condition("rows", 1, where, passed=False)
                for where in ("demand/tupperware (price)", "moulder", "W")
            ),
        ),
    )
    assert [(name, place.line) for name, place in places.items()] == [
        ("demand/tupperware (price)", 30),
        ("moulder", 22),
    ]


DIES = """
import os, signal, sys
import chainprice.batch as batch
from chainprice.__main__ import main
examine = batch.examine
def dying(task, question):
    if "die" in task.path:
        os.kill(os.getpid(), signal.SIGKILL)
    if "bug" in task.path:
        raise ValueError("a bug")
    return examine(task, question)
batch.examine = dying
sys.exit(main(["verify", "--jobs", "2", "specs", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the patch reaches forked workers only")
def test_a_worker_that_dies_is_the_trouble_of_one_spec(tmp_path):
    (tmp_path / "specs").mkdir()
    for name in ("a", "die1", "b", "die2", "c"):
        (tmp_path / f"specs/{name}.yaml").write_text(EXACT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", DIES, "-f", "json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    rows = {row["path"]: row for row in json.loads(done.stdout)["specs"]}
    assert [path for path, row in rows.items() if not row["verified"]] == [
        "specs/die1.yaml",
        "specs/die2.yaml",
    ]
    assert "the process that verified it died: SIGKILL" in rows["specs/die1.yaml"]["error"]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_an_interrupt_ends_all_with_130_and_no_word(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text(chain("2*x^0.65 + 1", 100_000))
    process = start("-m", "chainprice", "verify", ".", "--jobs", "2", cwd=tmp_path, own_group=True)
    wait_for_workers(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (output, errors) == ("", "")
    assert is_gone(process.pid)


def wait_for_workers(pid):
    """Until a process has children; for a while, where the system does not tell."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        time.sleep(3)
        return
    for _ in range(600):
        if children.read_text():
            return
        time.sleep(0.05)


def is_gone(group):
    """Whether a group has no process any more, soon."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_broken_pipe_is_quiet(specs):
    command = f"{sys.executable} -m chainprice verify specs -f json 2>/dev/null | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, cwd=specs, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 2
    assert done.stderr == b""
