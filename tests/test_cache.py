"""What is shipped and what is kept between runs changes nothing but the time, whatever state it is in."""

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

from chainprice import algebra, cache, differentiation
from chainprice.figures import NotWritableError
from chainprice.formula import read
from chainprice.starter import starter_spec
from chainprice.templates import OpenForm
from chainprice.terms import Forms, from_data, to_data

needs_what_is_shipped = pytest.mark.skipif(
    not cache._all_shipped(), reason="it is not for this release of sympy"
)

TUPPERWARE = str(ROOT / "specs" / "tupperware.yaml")
UNUSUAL = ROOT / "benchmarks" / "unusual.yaml"
"""Nobody writes such functions: they are not shipped."""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def solve(tmp_path):
    """The command for a spec that sympy is needed for, in its antiderivative too."""
    path = tmp_path / "unusual.yaml"
    path.write_text(UNUSUAL.read_text(encoding="utf-8").replace("price: 1", "price: 3 - q"), encoding="utf-8")
    return "solve", str(path), "-f", "json"


def solved(folder, *arguments):
    done = run(*arguments, CHAINPRICE_CACHE=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


IN_ONE = """
import sys
from pathlib import Path
from chainprice import cache
from chainprice.__main__ import main
cache.SHIPPED = Path(sys.argv.pop(1))
code = main()
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def solved_with(shipped, folder, spec):
    """The result of a spec where this is shipped, and the modules that were loaded."""
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE, str(shipped), "solve", str(spec), "-f", "json"],
        env={**ENVIRONMENT, "CHAINPRICE_CACHE": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout, set(done.stderr.split())


def modules_loaded(folder, spec, shipped=cache.SHIPPED):
    return solved_with(shipped, folder, spec)[1]


NOTHING = "no such file"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_second_run_prints_the_same_without_sympy(path, folder):
    without, loaded = solved_with(NOTHING, "off", path)
    assert "sympy" in loaded
    assert solved_with(NOTHING, folder, path)[0] == without
    second, loaded = solved_with(NOTHING, folder, path)
    assert "sympy" not in loaded
    assert second == without


@needs_what_is_shipped
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shape_that_is_shipped_needs_no_sympy_and_prints_the_same(path, folder):
    without, _ = solved_with(NOTHING, "off", path)
    for place in (folder, "off"):
        shipped, loaded = solved_with(cache.SHIPPED, place, path)
        assert "sympy" not in loaded
        assert shipped == without
    assert not folder.exists()


@needs_what_is_shipped
def test_the_spec_that_init_writes_needs_no_sympy(folder, tmp_path):
    path = tmp_path / "starter.yaml"
    path.write_text(starter_spec(), encoding="utf-8")
    assert "sympy" not in modules_loaded(folder, path)


def test_a_shape_that_is_not_known_goes_to_sympy(folder, solve):
    assert "sympy" in modules_loaded(folder, solve[1])
    assert list(folder.iterdir())
    assert "sympy" not in modules_loaded(folder, solve[1])


@needs_what_is_shipped
@pytest.mark.parametrize("place", ["off", "folder"])
@pytest.mark.parametrize(
    "formula",
    [
        "3.7*x^0.31",
        "k*x^0.31",
        "min(x/3.5, 7.25)",
        "1.5*(1 - exp(-x/3))",
        "2*(0.35*x^-0.5 + 0.65*y^-0.5)^(-1/0.5)",
    ],
)
def test_what_is_shipped_is_for_all_formulas_of_a_shape(formula, place, tmp_path, folder):
    path = tmp_path / "other.yaml"
    path.write_text(
        f"parameters: {{k: 7}}\nfirms: {{a: {{production: {{out: '{formula}'}}}}}}\n"
        f"supply: {{x: {{quantity: 4}}{', y: {quantity: 5}' * ('y' in formula)}}}\ndemand: {{out: {{price: 1}}}}\n"
    )
    kept = folder if place == "folder" else place
    shipped, loaded = solved_with(cache.SHIPPED, kept, path)
    assert "sympy" not in loaded
    assert shipped == solved_with(NOTHING, "off", path)[0]


def test_a_formula_with_other_numbers_needs_no_sympy_either(folder, tmp_path):
    text = "firms: {{a: {{production: {{y: '{}*ore^{} + tan(ore)'}}}}}}\nsupply: {{ore: {{quantity: 4}}}}\ndemand: {{y: {{price: 1}}}}\n"
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(text.format("3", "0.4"))
    second.write_text(text.format("7.5", "0.3"))
    assert "sympy" in modules_loaded(folder, first)
    assert "sympy" not in modules_loaded(folder, second)


def test_a_number_that_has_no_part_in_it_makes_no_other_result(folder, tmp_path):
    text = "firms: {{a: {{production: {{y: 'min(sin(ore), {})'}}}}}}\nsupply: {{ore: {{quantity: 1}}}}\ndemand: {{y: {{price: 1}}}}\n"
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(text.format("3"))
    second.write_text(text.format("4"))
    assert "sympy" in modules_loaded(folder, first)
    assert "sympy" not in modules_loaded(folder, second)


def shipped_otherwise():
    """What is shipped in all kinds of bad states: (what it is, the file's text)."""
    heading, releases, *lines = cache.SHIPPED.read_text("utf-8").splitlines()

    def every(data):
        return "\n".join((heading, releases, *(line.split("\t")[0] + data for line in lines)))

    yield "another heading", "\n".join(("something else", releases, *lines))
    yield "another release", "\n".join((heading, "0.7 99.1", *lines))
    yield "empty", ""
    yield "cut short", "\n".join((heading, releases, *lines))[:200_000]
    yield "no results", every("")
    for foreign in ("", "[", "null", "3", "[]", '["x99"]', '["__import__(0)"]', '[["1",[["open","1"]]]]'):
        yield foreign or "no result", every(f"\t{foreign}")


SHIPPED_OTHERWISE = dict(shipped_otherwise())


@pytest.mark.parametrize("state", SHIPPED_OTHERWISE)
def test_what_is_shipped_is_ignored_in_a_bad_state(state, tmp_path):
    expected, _ = solved_with(NOTHING, "off", TUPPERWARE)
    path = tmp_path / "known.txt"
    path.write_text(SHIPPED_OTHERWISE[state], encoding="utf-8")
    found, loaded = solved_with(path, "off", TUPPERWARE)
    assert found == expected
    assert "sympy" in loaded


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


def test_a_damaged_or_foreign_entry_is_ignored(folder, solve):
    expected = solved(folder, *solve)
    entries = {path: path.read_bytes() for path in folder.glob("*.txt")}
    states = {path: dict(damaged(content)) for path, content in entries.items()}
    for state in next(iter(states.values())):
        for path, of_path in states.items():
            path.write_bytes(of_path[state])
        assert solved(folder, *solve) == expected, state
        assert {path: path.read_bytes() for path in folder.glob("*.txt")} == entries, state


def test_places_that_cannot_be_written_cost_nothing_but_time(tmp_path, solve):
    file = tmp_path / "file"
    file.write_text("mine")
    expected = run(*solve, CHAINPRICE_CACHE="off").stdout
    assert solved(file, *solve) == expected
    assert solved(file / "below", *solve) == expected
    assert file.read_text() == "mine"


def test_off_keeps_nothing(tmp_path, solve):
    done = run(*solve, CHAINPRICE_CACHE="OFF", XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == [Path(solve[1])]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_entries_are_in_the_users_cache_directory(tmp_path, solve):
    run(*solve, CHAINPRICE_CACHE="", XDG_CACHE_HOME=str(tmp_path / "xdg"))
    run(*solve, CHAINPRICE_CACHE="", XDG_CACHE_HOME="", HOME=str(tmp_path / "home"))
    for place in (tmp_path / "xdg" / "chainprice", tmp_path / "home" / ".cache" / "chainprice"):
        assert list(place.glob("*.txt"))
        assert place.stat().st_mode & 0o077 == 0


def test_processes_that_write_at_once_do_not_disturb_each_other(folder, solve):
    expected = run(*solve, CHAINPRICE_CACHE="off").stdout
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda _: solved(folder, *solve), range(12))) == {expected}
    assert all(path.suffix == ".txt" for path in folder.iterdir())
    assert "sympy" not in modules_loaded(folder, solve[1])


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


def test_entries_are_text_that_the_grammar_reads(folder, solve):
    solved(folder, *solve)
    for path in Path(folder).iterdir():
        _, key, data, _ = path.read_text(encoding="utf-8").splitlines()
        assert key.split()[2] in ("gradient", "derivative", "antiderivative")
        if " gradient " in key:
            assert all(read(text).text == text for text in json.loads(data))


def test_no_two_results_have_one_key(monkeypatch):
    """Slots 2 and 5 hold 11 and 3 in one of these; slots 2 and 15 hold 1 and 3 in the other."""
    keys = []
    monkeypatch.setattr(cache, "remembered", lambda _1, _2, _3, *key: keys.append(cache.name_of(*key)))
    for settled in (((2, 11), (5, 3)), ((2, 1), (15, 3))):
        shape = read("+".join(f"x{i}" for i in range(20))).shape
        differentiation._Derivatives(shape, settled, ()).derivative(0)
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

    symbols = {"x0": algebra.symbol(0), "x1": algebra.symbol(1)}
    symbols |= {"x2": algebra.open_symbol(2), "pi": sympy.pi}
    bases = {}
    functions = {
        **algebra.sympy_functions(bases),
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
        return OpenForm(form, ["x2"]).template([Fraction(7, 3)], decimal=False)
    except NotWritableError:
        return None
