"""What is kept between runs changes nothing but the time, whatever state it is in."""

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ENVIRONMENT, ROOT, SPECS, run

from chainprice import cache, differentiation
from chainprice.formula import read
from chainprice.notation import Forms, NotWritableError, Writer, from_data, to_data

TUPPERWARE = str(ROOT / "specs" / "tupperware.yaml")
SOLVE = ("solve", TUPPERWARE, "-f", "json")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def solved(folder, *arguments):
    done = run(*(arguments or SOLVE), CHAINPRICE_CACHE=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def modules_loaded(folder, spec):
    code = "import sys; from chainprice.__main__ import main; main(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, "solve", spec, "-f", "json"],
        env={**ENVIRONMENT, "CHAINPRICE_CACHE": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_second_run_prints_the_same_without_sympy(path, folder):
    arguments = ("solve", str(path), "-f", "json")
    without = run(*arguments, CHAINPRICE_CACHE="off").stdout
    assert solved_with_warnings(folder, arguments) == without
    assert "sympy" not in modules_loaded(folder, str(path))
    assert solved_with_warnings(folder, arguments) == without


def solved_with_warnings(folder, arguments):
    done = run(*arguments, CHAINPRICE_CACHE=str(folder))
    assert done.returncode == 0
    return done.stdout


def test_a_formula_with_other_numbers_needs_no_sympy_either(folder, tmp_path):
    text = "firms: {{a: {{production: {{y: '{}*ore^{}'}}}}}}\nsupply: {{ore: {{quantity: 4}}}}\ndemand: {{y: {{price: 1}}}}\n"
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(text.format("3", "0.4"))
    second.write_text(text.format("7.5", "0.3"))
    solved(folder, "solve", str(first))
    assert "sympy" not in modules_loaded(folder, str(second))


def damaged(content):
    """An entry in all kinds of bad states: (what it is, its bytes)."""
    heading, key, data, check = content.decode().splitlines()

    def signed(*lines):
        text = "\n".join(lines).encode()
        return text + b"\n" + hashlib.sha256(text).hexdigest().encode() + b"\n"

    assert signed(heading, key, data) == content
    yield "empty", b""
    yield "cut short", content[: len(content) // 2]
    yield "cut by one letter", "\n".join((heading, key, data[:-1], check)).encode()
    yield "another number", content.replace(b"1", b"2")
    yield "bytes", bytes(range(256)) * 10
    yield "another key", signed(heading, key + "0", data)
    yield "another heading", signed("something else", key, data)
    yield "not JSON", signed(heading, key, "[")
    yield "deep", signed(heading, key, "[" * 100_000)
    for foreign in ("null", "3", "[]", "{}", '["x9"]', '["__import__(0)"]', '[["1",[["x9","1"]]]]', "[[3]]"):
        yield foreign, signed(heading, key, foreign)
    for foreign in (
        '[["1",[["y","1"]]]]',
        '[["1/0",[]]]',
        '[["1",[[{"open":[]},"1"]]]]',
        '[["1",[[{},"1"]]]]',
    ):
        yield foreign, signed(heading, key, foreign)
    yield "large", b"x" * 2_000_000


def test_a_damaged_or_foreign_entry_is_ignored(folder):
    expected = solved(folder)
    entries = {path: path.read_bytes() for path in folder.glob("*.txt")}
    states = {path: dict(damaged(content)) for path, content in entries.items()}
    for state in next(iter(states.values())):
        for path, of_path in states.items():
            path.write_bytes(of_path[state])
        assert solved(folder) == expected, state
        assert {path: path.read_bytes() for path in folder.glob("*.txt")} == entries, state


def test_places_that_cannot_be_written_cost_nothing_but_time(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    expected = run(*SOLVE, CHAINPRICE_CACHE="off").stdout
    assert solved(file) == expected
    assert solved(file / "below") == expected
    assert file.read_text() == "mine"


def test_off_keeps_nothing(tmp_path):
    done = run(*SOLVE, CHAINPRICE_CACHE="OFF", XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_entries_are_in_the_users_cache_directory(tmp_path):
    run(*SOLVE, CHAINPRICE_CACHE="", XDG_CACHE_HOME=str(tmp_path / "xdg"))
    run(*SOLVE, CHAINPRICE_CACHE="", XDG_CACHE_HOME="", HOME=str(tmp_path / "home"))
    for place in (tmp_path / "xdg" / "chainprice", tmp_path / "home" / ".cache" / "chainprice"):
        assert list(place.glob("*.txt"))
        assert place.stat().st_mode & 0o077 == 0


def test_processes_that_write_at_once_do_not_disturb_each_other(folder):
    expected = run(*SOLVE, CHAINPRICE_CACHE="off").stdout
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda _: solved(folder), range(12))) == {expected}
    assert all(path.suffix == ".txt" for path in folder.iterdir())
    assert "sympy" not in modules_loaded(folder, TUPPERWARE)


def test_the_cache_does_not_grow_for_ever(folder, monkeypatch):
    folder.mkdir()
    for index in range(40):
        (folder / f"{index}.txt").write_text("old")
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    monkeypatch.setattr(cache, "MOST_ENTRIES", 40)
    for remembered in (cache._folder, cache._make_room):
        remembered.cache_clear()
    try:
        cache.keep(["1"], "test", 1)
        assert cache.recall("test", 1) == ["1"]
        assert len(list(folder.iterdir())) == 21
    finally:
        monkeypatch.undo()
        for remembered in (cache._folder, cache._make_room):
            remembered.cache_clear()


def test_entries_are_text_that_the_grammar_reads(folder):
    solved(folder)
    for path in Path(folder).iterdir():
        _, key, data, _ = path.read_text(encoding="utf-8").splitlines()
        assert key.split()[2] in ("gradient", "derivative", "antiderivative")
        if " gradient " in key:
            assert all(read(text).text == text for text in json.loads(data))


def test_no_two_results_have_one_key(monkeypatch):
    """Slots 2 and 5 hold 11 and 3 in one of these; slots 2 and 15 hold 1 and 3 in the other."""
    keys = []
    monkeypatch.setattr(cache, "remembered", lambda _1, _2, _3, *key: keys.append(cache._key("", key[0], key)))
    for settled in (((2, 11), (5, 3)), ((2, 1), (15, 3))):
        shape = read("+".join(f"x{i}" for i in range(20))).shape
        differentiation._Derivatives(shape, settled, frozenset()).derivative(0)
    assert keys[0] != keys[1]


FORMULAS = st.recursive(
    st.sampled_from(["x0", "x1", "x2", "3", "0.25", "pi"]),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/", "^"]), part).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        st.tuples(st.sampled_from(["exp", "ln", "sqrt", "tanh"]), part).map(lambda p: f"{p[0]}({p[1]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(FORMULAS)
def test_forms_come_back_as_they_were(text):
    import sympy

    symbols = {"x0": differentiation._symbol(0), "x1": differentiation._symbol(1)}
    symbols |= {"x2": differentiation._open_symbol(2), "pi": sympy.pi}
    bases = {}
    functions = {
        **differentiation._sympy_functions(bases),
        "number": lambda number: sympy.Rational(str(number)),
    }
    expression = read(text).evaluate(functions, symbols)
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I, sympy.Abs):
        return
    form = Forms(frozenset({symbols["x2"]}), bases).form(expression)
    back = from_data(json.loads(json.dumps(to_data(form))))
    assert to_data(back) == to_data(form)
    assert written(back) == written(form)


def written(form):
    try:
        return Writer({"x2": Fraction(7, 3)}).write(form)
    except NotWritableError:
        return None
