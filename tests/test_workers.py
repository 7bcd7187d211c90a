"""Work in processes that may die."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from support import start

posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

SCRIPT = """
import json, os, signal, sys, time

def serve(thing):
    if thing == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if thing == "exit":
        os._exit(7)
    if thing == "print":
        os.write(1, b"noise")
        os.write(2, b"noise")
    if thing == "pid":
        return os.getpid()
    if thing == "sleep":
        print(os.getpid(), flush=True)
        with open("pids", "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(300)
    return f"did {thing}"

def died(thing, how):
    return f"{thing}: {how}"

if __name__ == "__main__":
    from chainprice import workers
    if sys.argv[3:] == ["spawn"]:
        workers.sys = type("Sys", (), {"platform": "another"})
    done = workers.work(serve, json.loads(sys.argv[1]), int(sys.argv[2]), died)
    print(json.dumps(done))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def begin(script, things, jobs, *more):
    return start(str(script), json.dumps(things), str(jobs), *more, cwd=script.parent)


def finished(process):
    output, errors = process.communicate(timeout=60)
    return output, errors


@posix
@pytest.mark.parametrize("how", ["fork", "spawn"])
@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_a_death_takes_one_thing_along_and_the_rest_is_done_in_order(script, jobs, how):
    things = ["a", "die", "b", "exit", "die", "c", "print", "d"]
    output, errors = finished(begin(script, things, jobs, how))
    assert json.loads(output) == [
        "did a",
        "die: SIGKILL",
        "did b",
        "exit: exit code 7",
        "die: SIGKILL",
        "did c",
        "did print",
        "did d",
    ]
    assert errors == ""


@posix
def test_no_more_workers_than_jobs_and_none_more_than_once(script):
    output, _ = finished(begin(script, ["pid"] * 20, 3))
    assert 1 <= len(set(json.loads(output))) <= 3


def sleeping(script, count):
    """The processes of workers that sleep, once there are so many."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pids = (script.parent / "pids").read_text().split() if (script.parent / "pids").exists() else []
        if len(pids) == count:
            return [int(pid) for pid in pids]
        time.sleep(0.02)
    raise AssertionError("the workers did not start")


def gone(pids):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.02)
    return False


def alive(pid):
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return True


@posix
@pytest.mark.parametrize("how", ["fork", "spawn"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_parent_ends_its_workers(script, end, how):
    process = begin(script, ["sleep"] * 4, 3, how)
    pids = sleeping(script, 3)
    process.send_signal(end)
    finished(process)
    assert gone(pids)


@posix
def test_an_interrupt_of_the_whole_group_leaves_no_traceback_of_a_worker(script):
    arguments = (str(script), json.dumps(["sleep"] * 2), "2")
    process = start(*arguments, cwd=script.parent, own_group=True, CHAINPRICE_DEBUG="1")
    pids = sleeping(script, 2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = finished(process)
    assert errors.count("Traceback") == 1  # the script's own, which does not catch it
    assert gone(pids)
