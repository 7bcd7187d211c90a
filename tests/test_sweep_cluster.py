"""The same sweep on a Dask cluster of several processes, one of which is killed on the way."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from support import ENVIRONMENT, ROOT, run

pytest.importorskip("distributed")
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes")

MARKET = ["sweep", str(ROOT / "specs/electricity.yaml"), "--vary", "supply.gas.price=1:100:300"]
HERE = {**ENVIRONMENT, "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}


def started(*arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        env=HERE,
        start_new_session=True,
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and a function that starts one more worker without any file of ours."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    processes = [
        started(
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-dashboard",
            "--no-show",
            cwd=elsewhere,
        )
    ]

    def worker():
        at_home = ("--host", "127.0.0.1", "--no-dashboard", "--nthreads", "1", "--no-nanny")
        processes.append(started("distributed.cli.dask_worker", address, *at_home, cwd=elsewhere))
        return processes[-1]

    try:
        yield address, worker
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def rows_in(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@posix
def test_a_worker_that_is_killed_changes_nothing(cluster, tmp_path):
    address, worker = cluster
    workers = [worker() for _ in range(3)]
    local, there = tmp_path / "local.csv", tmp_path / "there.csv"
    sweep = subprocess.Popen(
        [sys.executable, "-m", "chainprice", *MARKET, "--scheduler", address, "-o", str(there)],
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    with contextlib.ExitStack() as ends:
        ends.callback(sweep.kill)
        until(lambda: rows_in(there) > 1 or sweep.poll() is not None, 60)
        assert rows_in(there) < 301
        workers[0].send_signal(signal.SIGKILL)
        _, said = sweep.communicate(timeout=60)
    assert (sweep.returncode, said) == (0, "")
    assert run(*MARKET, "-o", str(local)).returncode == 0
    assert there.read_bytes() == local.read_bytes()
    assert rows_in(there) == 301


def test_what_a_cluster_lacks_is_said(cluster):
    address, _ = cluster
    nobody = run(*MARKET, "--scheduler", f"tcp://127.0.0.1:{free_port()}")
    assert nobody.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:" in nobody.stderr
    assert nobody.stdout == ""
    wrong = run(*MARKET, "--scheduler", "nonsense://x")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    both = run(*MARKET, "--scheduler", address, "--jobs", "2")
    assert both.returncode == 2
    assert "--jobs is for this machine" in both.stderr
