"""The line that says what a long command is doing."""

import io

import pytest
from support import ROOT

import chainprice
from chainprice import progress
from chainprice.report import line


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when it is told to."""
    now = [0.0]
    monkeypatch.setattr(line.time, "monotonic", lambda: now[0])
    return now


def shown(text):
    """What a terminal shows in the end of each `\\r`-separated look, without the padding."""
    return [look.rstrip() for look in text.split("\r") if look.strip()]


def test_nothing_is_shown_in_the_first_second(clock):
    stream = Terminal()
    with line.progress_line(stream):
        progress.report("first")
        clock[0] = 0.9
        progress.report("second")
    assert stream.getvalue() == ""


def test_then_each_stage_at_most_ten_times_a_second_and_nothing_is_left(clock):
    stream = Terminal()
    with line.progress_line(stream):
        for stage in range(200):
            clock[0] = stage / 50
            progress.report(f"stage {stage}")
    looks = shown(stream.getvalue())
    assert looks[0] == "stage 50 (1 s)"
    assert 25 <= len(looks) <= 31
    assert stream.getvalue().endswith("\r")
    assert not stream.getvalue().split("\r")[-2].strip()


def test_nothing_is_shown_or_computed_for_a_pipe(clock):
    stream = io.StringIO()
    with line.progress_line(stream):
        clock[0] = 5
        assert not progress.is_heard()
        progress.report("stage")
    assert stream.getvalue() == ""


def test_names_in_a_stage_cannot_steer_the_terminal(clock):
    stream = Terminal()
    with line.progress_line(stream):
        clock[0] = 5
        progress.report("price of \x1b[31mred")
    assert "\x1b" not in stream.getvalue()


def test_a_long_stage_stays_on_its_line(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with line.progress_line(stream):
        clock[0] = 5
        progress.report("x" * 100)
    assert max(map(len, stream.getvalue().split("\r"))) == 39


@pytest.mark.parametrize("name", ["refinery", "steel"])
def test_stages_of_a_solution_are_heard_and_change_nothing(name):
    spec = chainprice.load(ROOT / "specs" / f"{name}.yaml")
    heard = []
    with progress.heard_by(heard.append):
        told = chainprice.solve(spec)
    assert told == chainprice.solve(spec)
    assert any(stage.startswith("pricing") for stage in heard)
    assert any(stage.startswith("solving the market, iteration") for stage in heard) == (name == "refinery")
    assert not progress.is_heard()
