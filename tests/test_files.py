"""Files and streams, whatever becomes of them: read within limits, written whole or not at all."""

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import ENVIRONMENT, run

from chainprice import UsageError, limits, load
from chainprice.cli import run as run_here
from chainprice.output import write_file
from chainprice.spec import text
from chainprice.spec.text import read_source, read_text

PLAIN = "firms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 1}}\n"
CSV_HEAD = "good,role,quantity,unit,price,value,rule\n"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files of other systems have none of this")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "s.yaml").write_text(PLAIN)
    return tmp_path


def in_shell(command, cwd, megabytes=None):
    """A command of bash, in which `chainprice` is this one; memory beyond `megabytes` is refused to it."""

    def limit():
        if megabytes is not None:
            resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    return subprocess.run(
        ["bash", "-c", f'chainprice() {{ "{sys.executable}" -m chainprice "$@"; }}\n{command}'],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"},
        timeout=120,
        check=False,
        preexec_fn=limit,
    )


# Reading.


@pytest.mark.parametrize("kind", ["spec", "table"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", "this is a folder"),
        ("nowhere.yaml", "there is no such file"),
        ("s.yaml/below", "not a directory"),
        ("loop.yaml", "too many levels of symbolic links"),
        ("x" * 300, "file name too long"),
        ("gone.yaml", "there is no such file"),
    ],
)
def test_what_cannot_be_read_is_told(kind, name, said, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    Path("loop.yaml").symlink_to("loop.yaml")
    Path("gone.yaml").symlink_to("nowhere")
    arguments = ["solve", name] if kind == "spec" else ["verify", "s.yaml", "--table", name]
    assert run_here(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.split("\n")[0]) == ("", f"{name}: error: {said}")


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read all")
def test_a_file_without_permission_is_told(folder, capsys):
    (folder / "s.yaml").chmod(0)
    assert run_here(["solve", str(folder / "s.yaml")]) == 2
    assert "error: permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("chainprice check /dev/zero", "/dev/zero:1:1: error: a NUL character"),
        ("chainprice check - < /dev/zero", "<stdin>:1:1: error: a NUL character"),
        ("chainprice verify s.yaml --table /dev/zero", "/dev/zero:1:1: error: a NUL character"),
        ("yes 'a: b' | chainprice check -", "<stdin>: error: longer than 256,000,000 bytes"),
        ("chainprice check <(yes 'a: b')", "error: longer than 256,000,000 bytes"),
        ("truncate -s 1T s.yaml; chainprice check s.yaml", "s.yaml: error: longer than 256,000,000 bytes"),
        ("truncate -s 1T t.json; chainprice verify s.yaml --table t.json", "longer than 4,000,000,000 bytes"),
    ],
)
def test_what_has_no_end_is_given_up_within_500_megabytes(command, said, folder):
    done = in_shell(command, folder, 500)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_grows_while_it_is_read_is_given_up(folder, monkeypatch):
    monkeypatch.setattr(text, "_BLOCK", 64)
    monkeypatch.setattr(limits, "SPEC_BYTES", 1000)
    path = folder / "s.yaml"
    reads = text.is_no_text

    def grow(block):
        with path.open("a") as stream:
            stream.write("# more\n" * 10)
        return reads(block)

    monkeypatch.setattr(text, "is_no_text", grow)
    with pytest.raises(UsageError, match="longer than 1,000 bytes"):
        read_source(path)


def test_the_hash_is_of_the_bytes_that_were_read_whatever_becomes_of_the_file(folder, monkeypatch):
    path = folder / "s.yaml"
    monkeypatch.setattr(text, "_BLOCK", 64)
    reads, seen = text.is_no_text, []

    def replace_once(block):
        seen.append(bytes(block))
        if len(seen) == 1:
            with path.open("r+") as stream:  # the same file, longer and different behind what has been read
                stream.write(PLAIN + "title: new\n")
        return reads(block)

    monkeypatch.setattr(text, "is_no_text", replace_once)
    read = load(path)
    assert read.title == "new"
    assert read.source.sha256 == hashlib.sha256(b"".join(seen)).hexdigest()
    assert read.source.text.encode() == b"".join(seen)


@pytest.mark.parametrize("command", ["solve {} -f csv", "verify {}", "explain {}", "check {}"])
@pytest.mark.parametrize("spec", ["<(cat s.yaml)", "fifo", "/dev/stdin < s.yaml", "- < s.yaml"])
def test_a_pipe_is_a_spec(command, spec, folder):
    before = "mkfifo fifo; cat s.yaml > fifo & " if spec == "fifo" else ""
    done = in_shell(f"{before}chainprice {command.format(spec)}", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("data", [PLAIN[:30], PLAIN[:75], '{"firms": {"f": {"production": {"y": "sq'])
def test_what_was_cut_off_is_told_with_its_place(data, folder, capsys):
    (folder / "s.yaml").write_text(data)
    assert run_here(["check", str(folder / "s.yaml")]) == 2
    lines = data.count("\n") + 1
    errors = capsys.readouterr().err
    assert any(f"s.yaml:{line}:" in errors for line in (lines, lines + 1))
    assert "error: not YAML" in errors


def test_a_file_that_vanishes_between_listing_and_reading_is_told(folder, monkeypatch, capsys):
    from chainprice import batch

    (folder / "t.yaml").write_text(PLAIN)
    gathers = batch.gather

    def gather_and_remove(names):
        found = gathers(names)
        (folder / "t.yaml").unlink()
        return found

    monkeypatch.setattr(batch, "gather", gather_and_remove)
    assert run_here(["verify", str(folder), "--jobs", "1"]) == 2
    captured = capsys.readouterr()
    assert "t.yaml: error: there is no such file" in captured.err
    assert "1 of 2 verified; 1 could not be read" in captured.out


def test_a_pipe_in_a_folder_is_not_waited_for(folder):
    os.mkfifo(folder / "t.yaml")
    done = in_shell("chainprice verify .", folder)
    assert "1 of 1 verified" in done.stdout


@pytest.mark.parametrize("command", ["check - -", "verify - -", "verify - --table -"])
def test_standard_input_is_read_once(command, folder):
    done = in_shell(f"chainprice {command} < s.yaml", folder)
    assert (done.returncode, done.stderr) == (
        2,
        "error: standard input can be read once: '-' is named twice\n",
    )


def test_a_name_that_begins_with_a_dash_is_a_name(folder):
    (folder / "-s.yaml").write_text(PLAIN)
    assert in_shell("chainprice check -- -s.yaml", folder).stdout.startswith("-s.yaml: sound")
    assert in_shell("chainprice check ./-s.yaml", folder).stdout.startswith("./-s.yaml: sound")


# Closed and full streams.


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (
            "solve s.yaml > /dev/full",
            2,
            "error: standard output cannot be written: no space left on device\n",
        ),
        ("verify s.yaml -f junit > /dev/full", 2, "error: standard output cannot be written: no space"),
        ("schema > /dev/full", 2, "error: standard output cannot be written: no space"),
        ("--version > /dev/full", 2, "no space left on device"),
        ("--help > /dev/full", 2, "No space left on device"),
        ("solve s.yaml >&-", 2, "error: standard output is closed\n"),
        ("check - <&-", 2, "<stdin>: error: standard input is closed\n"),
        ("solve s.yaml 2>&-", 0, ""),
        ("check nowhere.yaml 2>&-", 2, ""),
        ("solve nowhere.yaml 2> /dev/full", 2, ""),
        ("solve s.yaml -o out >&- 2>&-", 0, ""),
    ],
)
def test_a_closed_or_full_stream_is_no_crash(command, code, said, folder):
    done = in_shell(f"chainprice {command}", folder)
    assert done.returncode == code
    assert said.lower() in done.stderr.lower()
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    "command", ["solve s.yaml", "verify s.yaml -f json", "schema", "explain s.yaml", "--help"]
)
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_is_no_error(command, reader, folder):
    done = in_shell(f"chainprice {command} | {reader}; exit ${{PIPESTATUS[0]}}", folder)
    assert (done.returncode, done.stderr) == (0, "")


# Writing.


@pytest.mark.parametrize("command", ["solve", "verify", "explain", "check"])
@pytest.mark.parametrize("output", ["s.yaml", "./s.yaml", "d/../s.yaml", "soft", "hard"])
def test_the_output_is_no_spec_under_any_name(command, output, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    Path("d").mkdir()
    Path("soft").symlink_to("s.yaml")
    os.link("s.yaml", "hard")
    monkeypatch.setattr("chainprice.spec.load", None)  # nothing is even read
    monkeypatch.setattr("chainprice.batch.verify_all", None)
    assert run_here([command, "s.yaml", "-o", output]) == 2
    assert (
        capsys.readouterr().err
        == f"{os.path.normpath(output) if '..' not in output else output}: error: the output would replace its own input\n"
    )
    assert Path("s.yaml").read_text() == PLAIN


@pytest.mark.parametrize(
    "arguments", [["s.yaml", "--table", "t.json"], ["other.yaml", "t.json"], ["."], ["*.json"]]
)
def test_verify_replaces_no_table_and_no_spec_of_many(arguments, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    Path("t.json").write_text('{"firms": {}}')
    assert run_here(["verify", *arguments, "-o", "t.json"]) == 2
    assert capsys.readouterr().err == "t.json: error: the output would replace its own input\n"
    assert Path("t.json").read_text() == '{"firms": {}}'


def test_verify_replaces_its_own_older_result_in_a_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for _ in range(2):
        assert run_here(["verify", ".", "-f", "json", "-o", "result.json"]) == 0


@pytest.mark.parametrize(
    ("output", "said"), [(".", "this is a folder"), ("no/x", "there is no folder no"), ("s.yaml/x", "there is no folder s.yaml")]
)  # fmt: skip
def test_a_target_that_cannot_be_is_refused_before_anything_is_computed(
    output, said, folder, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("chainprice.spec.load", None)
    assert run_here(["solve", "s.yaml", "-o", output]) == 2
    assert capsys.readouterr().err == f"{output}: error: cannot be written: {said}\n"


def test_a_dash_is_standard_output(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert run_here(["solve", "s.yaml", "-f", "csv", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith(CSV_HEAD)
    assert not Path("-").exists()


@pytest.mark.parametrize("old", ["old\n", None])
def test_no_space_leaves_the_old_file_and_no_litter(old, folder):
    target = folder / "out.csv"
    if old is not None:
        target.write_text(old)

    def no_space():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    done = subprocess.run(
        [sys.executable, "-B", "-m", "chainprice", "solve", "s.yaml", "-f", "csv", "-o", "out.csv"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**ENVIRONMENT, "CHAINPRICE_CACHE": "off"},
        check=False,
        preexec_fn=no_space,
    )
    assert (done.returncode, done.stderr) == (2, "out.csv: error: cannot be written: file too large\n")
    assert (target.read_text() if old else target.exists()) == (old or False)
    assert {path.name for path in folder.iterdir()} <= {"s.yaml", "out.csv"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_whatever_stops_the_writing_the_old_file_is_whole(step, error, folder, monkeypatch):
    target = folder / "out"
    target.write_text("old")

    def stop(*_):
        raise error

    monkeypatch.setattr(Path if step == "replace" else os, step, stop)
    with pytest.raises((UsageError, KeyboardInterrupt)):
        write_file(target, "new" * 1000)
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert {path.name for path in folder.iterdir()} == {"s.yaml", "out"}


def test_permissions_are_those_of_the_old_file_or_by_the_umask(folder):
    (folder / "old").write_text("x")
    (folder / "old").chmod(0o640)
    in_shell("umask 027; chainprice solve s.yaml -o old; umask 002; chainprice solve s.yaml -o new", folder)
    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in ("old", "new")]
    assert modes == [0o640, 0o664]


@pytest.mark.parametrize("content", ["old", None])
def test_a_link_stays_and_what_it_leads_to_is_replaced(content, folder):
    (folder / "d").mkdir()
    if content is not None:
        (folder / "d" / "real").write_text(content)
    (folder / "link").symlink_to("d/real")
    write_file(folder / "link", "new")
    assert (folder / "link").is_symlink()
    assert (folder / "d" / "real").read_text() == "new"


def test_another_name_of_the_old_file_keeps_the_old_text(folder):
    (folder / "out").write_text("old")
    os.link(folder / "out", folder / "other")
    write_file(folder / "out", "new")
    assert ((folder / "out").read_text(), (folder / "other").read_text()) == ("new", "old")


def test_a_pipe_is_written_to(folder):
    os.mkfifo(folder / "fifo")
    received = []
    reader = threading.Thread(target=lambda: received.append((folder / "fifo").read_text()))
    reader.start()
    write_file(folder / "fifo", "é" * 100_000)
    reader.join(timeout=60)
    assert received == ["é" * 100_000]
    assert (folder / "fifo").is_fifo()


@pytest.mark.parametrize(
    ("command", "file", "content"),
    [
        ("-o /dev/stdout", None, CSV_HEAD),
        ("-o /dev/stdout >> log", "log", f"old\n{CSV_HEAD}"),
        ("-o /dev/stdout > log", "log", CSV_HEAD),
        ("-o link >> log", "log", f"old\n{CSV_HEAD}"),
        ("-o /dev/fd/3 3>> log", "log", f"old\n{CSV_HEAD}"),
        ("-o /proc/self/fd/3 3>> log", "log", f"old\n{CSV_HEAD}"),
        ("-o /dev/null", None, ""),
    ],
)
def test_what_is_open_already_is_written_to(command, file, content, folder):
    (folder / "log").write_text("old\n")
    (folder / "link").symlink_to("/dev/stdout")
    inode = (folder / "log").stat().st_ino
    done = in_shell(f"chainprice solve s.yaml -f csv {command}", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert ((folder / file).read_text() if file else done.stdout).startswith(content)
    assert (folder / "log").stat().st_ino == inode
    assert Path("/dev/stdout").is_symlink()


def test_a_device_without_room_is_told(folder):
    done = run("solve", "s.yaml", "-o", "/dev/full", cwd=folder)
    assert (done.returncode, done.stderr) == (
        2,
        "/dev/full: error: cannot be written: no space left on device\n",
    )


def test_a_path_that_is_no_utf8_goes_into_a_file_too(folder):
    (folder / "\udcff.yaml").write_text(PLAIN)
    done = run("solve", "\udcff.yaml", "-f", "json", "-o", "out.json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert r'"path": "\udcff.yaml"' in (folder / "out.json").read_text(encoding="utf-8")


def test_a_table_within_its_limit_is_read_whole(folder, monkeypatch):
    monkeypatch.setattr(text, "_BLOCK", 3)
    (folder / "t").write_text("a" * 10)
    monkeypatch.setattr(limits, "TABLE_BYTES", 10)
    assert read_text(str(folder / "t")) == "a" * 10
    monkeypatch.setattr(limits, "TABLE_BYTES", 9)
    with pytest.raises(UsageError, match="longer than 9 bytes"):
        read_text(str(folder / "t"))
