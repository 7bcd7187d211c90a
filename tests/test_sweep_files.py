"""A sweep into a file: whatever ends a run, the next one goes on, and the file is as if none had ended."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import ENVIRONMENT, ROOT, run, start

pytest.importorskip("numpy")
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and limits of POSIX")

TUPPERWARE = str(ROOT / "specs" / "tupperware.yaml")
GIVEN = ["sweep", TUPPERWARE, "--vary", "supply.natgas.quantity=0:9:7001"]
MARKET = ["sweep", str(ROOT / "specs" / "electricity.yaml"), "--vary", "supply.gas.price=1:100:120"]
FORMS = ["csv", "jsonl", "parquet"]


def content(path):
    """What a file says; a Parquet file's rows."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    from pyarrow import parquet

    return parquet.read_table(path)


def into(path, command=GIVEN, **more):
    return run(*command, "-f", path.suffix[1:], "-o", str(path), **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The file of a sweep that nothing has ended, by its command and form."""
    folder, known = tmp_path_factory.mktemp("whole"), {}

    def of(command, form):
        if (tuple(command), form) not in known:
            path = folder / f"{len(known)}.{form}"
            done = into(path, command)
            assert done.returncode == 0
            known[tuple(command), form] = path
        return content(known[tuple(command), form])

    return of


@pytest.mark.parametrize("form", FORMS)
def test_standard_output_and_a_file_are_the_same(form, whole):
    if form != "parquet":
        assert run(*GIVEN, "-f", form).stdout.encode() == whole(GIVEN, form)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_processes_change_nothing(jobs, whole):
    assert run(*MARKET, "--jobs", jobs).stdout.encode() == whole(MARKET, "csv")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("kept", [0, 1, 50, 200, 2000, -300, -1])
def test_a_file_cut_anywhere_is_continued(form, kept, tmp_path, whole):
    path = tmp_path / f"rows.{form}"
    assert into(path).returncode == 0
    text = path.read_bytes()
    assert text == whole(GIVEN, form)
    path.write_bytes(text[:kept] if kept >= 0 else text[: len(text) + kept])
    done = into(path)
    assert done.returncode == 0
    assert path.read_bytes() == text
    before = (text[:kept] if kept >= 0 else text[: len(text) + kept]).count(b"\n") - (form == "csv")
    assert (f"{before:,} of 7,001 points were there already" in done.stderr) == (before > 0)


@pytest.mark.parametrize("form", FORMS)
def test_a_finished_file_is_left_alone(form, tmp_path):
    path = tmp_path / f"rows.{form}"
    assert into(path).returncode == 0
    before = path.stat()
    done = into(path)
    assert done.returncode == 0
    assert "all 7,001 points were there already" in done.stderr
    assert "1 of 7,001 points has no answer" in done.stderr
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def started(path, command, **more):
    return start("-m", "chainprice", *command, "-f", path.suffix[1:], "-o", str(path), **more)


def rows_in(path):
    growing = path if path.suffix != ".parquet" else path.with_name(f"{path.name}.unfinished.csv")
    return growing.read_bytes().count(b"\n") if growing.exists() else 0


@posix
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_what_ends_a_run_takes_no_row_along(form, end, tmp_path, whole):
    path = tmp_path / f"rows.{form}"
    process = started(path, MARKET)
    try:
        limit = time.monotonic() + 60
        while rows_in(path) < 15 and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        process.send_signal(end)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert "Traceback" not in said
    there = rows_in(path)
    assert 15 <= there <= 120
    again = into(path, MARKET)
    assert again.returncode == 0
    assert "points were there already" in again.stderr
    now, expected = content(path), whole(MARKET, form)
    assert now == expected if form != "parquet" else now.equals(expected)
    beside = {f"rows.{form}", f"rows.{form}.sweep.json"}
    assert {one.name for one in tmp_path.iterdir()} == beside


@posix
def test_a_full_disk_loses_no_finished_point(tmp_path, whole):
    path = tmp_path / "rows.csv"

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    process = started(path, GIVEN, first=limited)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "rows.csv: error: cannot be written: file too large" in said
    assert "no finished point is lost" in said
    text = path.read_bytes()
    assert text.endswith(b"\n")
    assert 0 < len(text) <= 300_000
    assert whole(GIVEN, "csv").startswith(text)
    assert into(path).returncode == 0
    assert path.read_bytes() == whole(GIVEN, "csv")


OTHERS = {
    "--set demand.tupperware.price=2": "other settings",
    "--numeraire ethylene": "another numeraire",
    "--allocation given": "another allocation",
    "--good natgas": "other columns",
    "-f jsonl": "another format",
}


def refused(done, path, text):
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == text
    return done.stderr


@pytest.fixture
def half(tmp_path):
    """A file with some rows of a sweep."""
    path = tmp_path / "rows.csv"
    assert into(path).returncode == 0
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:1000]))
    return path


@pytest.mark.parametrize("other", OTHERS)
def test_another_sweep_is_refused_with_a_way_out(other, half):
    text = half.read_bytes()
    said = refused(run(*GIVEN, "-o", str(half), *other.split()), half, text)
    assert f"this file has the rows of another sweep: {OTHERS[other]}" in said


def test_another_spec_and_other_points_are_refused(half, tmp_path):
    text = half.read_bytes()
    changed = tmp_path / "tupperware.yaml"
    changed.write_text(
        (ROOT / "specs" / "tupperware.yaml").read_text(encoding="utf-8") + "\n# x\n", encoding="utf-8"
    )
    done = run("sweep", str(changed), *GIVEN[2:], "-o", str(half))
    assert "another spec, or an older text of this one" in refused(done, half, text)
    done = run(*GIVEN[:3], "supply.natgas.quantity=0:9:7002", "-o", str(half))
    assert "other points (--vary, --samples)" in refused(done, half, text)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"\n500,", b"\n501,", "row 500 of it is not that of this sweep"),
        (b"point,", b"pint,", "the first line of it is not the header"),
        (b"\n998,1.2831428571428571,", b"\n998,1.28,", "row 998 of it is not that of this sweep"),
    ],
)
def test_rows_that_are_not_those_of_the_sweep_are_refused(half, old, new, words):
    lines = half.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1000
    text = half.read_bytes()
    if old not in text:
        old = b"\n998," + lines[-1].split(b",")[1] + b","
    assert text.count(old) + text.startswith(old) >= 1
    half.write_bytes(text.replace(old, new, 1))
    assert words in refused(into(half), half, text.replace(old, new, 1))


def test_a_file_of_somebody_else_is_never_touched(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    assert "no sweep's" in refused(into(path), path, b"a,b\n1,2\n")
    (tmp_path / "rows.csv.sweep.json").write_text("{")
    assert "cannot be read" in refused(into(path), path, b"a,b\n1,2\n")
    (tmp_path / "rows.csv.sweep.json").write_text("[1]")
    assert "no record of a sweep" in refused(into(path), path, b"a,b\n1,2\n")
    assert run(*GIVEN, "-o", str(path), "--overwrite").returncode == 0
    assert path.read_bytes().count(b"\n") == 7002


def test_the_spec_is_never_replaced(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes((ROOT / "specs" / "tupperware.yaml").read_bytes())
    done = run("sweep", str(path), *GIVEN[2:], "-o", str(path), "--overwrite")
    assert done.returncode == 2
    assert path.read_bytes() == (ROOT / "specs" / "tupperware.yaml").read_bytes()


@posix
def test_two_runs_at_a_time_do_not_share_a_file(half):
    import fcntl

    text = half.read_bytes()
    with half.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        done = into(half)
    assert done.returncode == 2
    assert "another run writes to it now" in done.stderr
    assert half.read_bytes() == text


def test_the_record_beside_it_says_what_was_swept(half):
    record = json.loads(half.with_name("rows.csv.sweep.json").read_text(encoding="utf-8"))
    assert record["format"] == "chainprice.sweep-record/1"
    assert record["points"] == {"vary": ["supply.natgas.quantity=0:9:7001"], "count": 7001}
    assert record["columns"][0] == "point"


@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/null"])
def test_devices_are_written_to(target):
    if not Path(target).exists():
        pytest.skip("no such device")
    done = run(*GIVEN, "-o", target)
    assert done.returncode == 0
    assert (done.stdout.count("\n") == 7002) == (target == "/dev/stdout")


def test_a_picture_shows_the_rows_of_earlier_runs_too(half):
    done = run(*GIVEN, "-o", str(half), "--plot", "ethylene")
    fresh = run(*GIVEN, "--plot", "ethylene")
    assert done.returncode == fresh.returncode == 0
    assert done.stdout == fresh.stdout
    assert "price of ethylene" in done.stdout


def test_memory_does_not_grow_with_the_points():
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'chainprice', 'sweep', sys.argv[1], '--vary', "
        "'supply.natgas.quantity=1:9:' + sys.argv[2], '--jobs', '1'], stdout=subprocess.DEVNULL, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    few, many = (
        int(
            subprocess.run(
                [sys.executable, "-c", script, TUPPERWARE, count],
                capture_output=True,
                text=True,
                env=ENVIRONMENT,
                check=True,
            ).stdout
        )
        for count in ("4000", "80000")
    )
    assert many < few + 8_000


def price_or_die(chunk):
    if chunk.first + len(chunk) - 1 >= 3 and chunk.first <= 3 and os.getpid() != HOME:
        os.kill(os.getpid(), signal.SIGKILL)
    return [chunk.first + place for place in range(len(chunk))]


HOME = os.getpid()


@posix
def test_a_process_that_dies_takes_one_point_along():
    from chainprice.sweeping import grid, local

    results = local.stream(
        price_or_die,
        grid(["x=0:9:10"]).chunks(4),
        2,
        lambda chunk, how: [(chunk.first, how)],
        lambda parts: [one for part in parts for one in part],
    )
    died = (3, "the process that priced it died: SIGKILL")
    assert list(results) == [[0, 1, 2, died], [4, 5, 6, 7], [8, 9]]
