"""The benchmarks measure what they say: valid specs, right tables, and disagreement is noticed. No timing."""

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from support import ROOT

import chainprice
from chainprice import cache

sys.path.insert(0, str(ROOT / "benchmarks"))

import agreement
import contest
import generators
import growth
import markets
import measure
import promises
import table
import workshop
from contest import Contestant
from contestants import CONTESTANTS, PACKAGES
from measure import Outcome, Run, Task
from promises import Goal
from workshop import Workshop

README = (ROOT / "README.md").read_text(encoding="utf-8")


def load_main():
    spec = importlib.util.spec_from_file_location("benchmarks_main", ROOT / "benchmarks" / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


main = load_main()


@pytest.fixture(autouse=True, scope="module")
def _shared_byte_code(tmp_path_factory):
    """One for all workshops: to compile sympy takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("byte-code")))
        yield


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path, times=1)


def written(economy):
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(generators.write(economy, Path(folder, "spec.json")).read_text(encoding="utf-8"))


# The specs


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("kind", generators.KINDS)
def test_a_generated_spec_is_valid_and_the_same_in_both_languages(shop, kind, count):
    one, other = (chainprice.solve(chainprice.load(shop.spec(kind, count, s))) for s in (".json", ".yaml"))
    assert len(one.firms) == count
    assert one.allocation == "given"
    assert one.warnings == ()
    assert one.prices == other.prices


def test_a_spec_is_the_same_every_time(tmp_path):
    paths = [generators.write(generators.wide(20), tmp_path / name) for name in ("a.json", "b.json")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_every_shape_is_in_a_chain_of_thirty():
    for economy, shapes in ((generators.chain(30), generators.CHAIN_SHAPES), (generators.wide(30), None)):
        texts = {re.sub(r"[\d.]+", "", firm.formula) for firm in economy.firms()}
        assert len(texts) >= len(shapes or generators.WIDE_SHAPES)


def test_prices_of_a_long_chain_stay_inside_doubles():
    level = price = 1.0
    for firm in generators.chain(20_000).firms():
        good = re.search(r"g\d+", firm.formula)[0]
        names = {"sqrt": math.sqrt, "ln": math.log}
        value, beside = (eval(firm.formula, names, {good: x}) for x in (level, level + 1e-6))
        price *= (beside - value) / 1e-6
        level = value
        assert 0.7 < level < 1.4
    assert 0.05 < price < 5


def test_prices_of_roots_do_not_stay_inside_doubles():
    solution = chainprice.solve(chainprice.load(json.dumps(written(generators.roots(2_000)))))
    assert "underflow" in {warning.code for warning in solution.warnings}


def test_a_market_is_the_same_by_hand_and_from_its_spec(tmp_path):
    pytest.importorskip("casadi")
    spec, prices, solved = (tmp_path / name for name in ("market.json", "prices.json", "solved.json"))
    markets.main("spec", "20", str(spec))
    markets.main("prices", "20", str(prices))
    solved.write_text(json.dumps(chainprice.solve(chainprice.load(spec)).to_dict()), encoding="utf-8")
    found = agreement.apart(agreement.rows(solved), json.loads(prices.read_text(encoding="utf-8")))
    assert found["compared"] > 0
    assert found["apart"] < workshop.AGREE


# The contestants


@pytest.mark.parametrize("kind", generators.KINDS)
@pytest.mark.parametrize("name", CONTESTANTS)
def test_a_contestant_agrees(shop, kind, name):
    """In a process of its own: no test after it could fork beside the threads that JAX starts."""
    if importlib.util.find_spec(PACKAGES[name]) is None:
        pytest.skip(f"{name} is not installed")
    path, written_to = shop.spec(kind, 12), shop.folder / "prices.json"
    assert measure.run(shop.python(ROOT / "benchmarks" / "contestants.py", name, path, written_to)).done
    prices = json.loads(written_to.read_text(encoding="utf-8"))
    solution = chainprice.solve(chainprice.load(path))
    found = agreement.apart(solution.prices.items(), prices)
    assert found["apart"] < 1e-12
    assert (found["compared"], found["lacking"], found["lost"]) == (len(solution.goods), 0, 0)


def test_each_contestant_has_a_package():
    assert set(PACKAGES) == set(CONTESTANTS)


LIAR = """
import json, sys
spec = json.load(open(sys.argv[2], encoding="utf-8"))
goods = [*spec["supply"], *(good for firm in spec["firms"].values() for good in firm["production"])]
json.dump(dict.fromkeys(goods, 1.25), open(sys.argv[3], "w", encoding="utf-8"))
"""


@pytest.fixture
def liar(tmp_path):
    script = tmp_path / "liar.py"
    script.write_text(LIAR, encoding="utf-8")
    return Contestant("liar", "json", str(script))


def test_whoever_disagrees_is_named(shop, liar):
    contest.section(shop, [("chain", 3)], [liar])
    (problem,) = shop.problems
    assert re.fullmatch(r"liar on a chain of 3 disagrees by .* on the price of g\d", problem)


@pytest.fixture
def only_a_chain(monkeypatch):
    """The benchmarks with one case and nothing else."""
    plan = main.Plan([("chain", 3)], [], promises.Sizes())
    monkeypatch.setattr(main, "plan_of", lambda _: plan)
    monkeypatch.setattr(promises, "section", lambda *_: table.Section("", ["promise"], []))


@pytest.mark.usefixtures("only_a_chain")
def test_a_disagreement_gives_exit_1_and_writes_nothing(tmp_path, liar, monkeypatch, capsys):
    monkeypatch.setattr(contest, "CONTESTANTS", (liar,))
    target = tmp_path / "README.md"
    target.write_text(f"{table.BEGIN}\n{table.END}\n", encoding="utf-8")
    assert main.main(["--small", "--write", str(target)]) == 1
    assert "error: liar on a chain of 3 disagrees" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == f"{table.BEGIN}\n{table.END}\n"


@pytest.mark.usefixtures("only_a_chain")
def test_agreement_gives_exit_0_and_writes_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(contest, "CONTESTANTS", (Contestant("absent", "no_such_package"),))
    target = tmp_path / "README.md"
    target.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
    assert main.main(["--small", "--write", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| not installed |" in text
    assert str(Path.home()) not in text
    assert os.uname().nodename not in text
    assert "pip install -e '.[bench]'" in capsys.readouterr().err


def test_a_contestant_who_fails_is_named(shop, tmp_path):
    script = tmp_path / "broken.py"
    script.write_text("raise ValueError('no idea')\n", encoding="utf-8")
    contest.section(shop, [("chain", 2)], [Contestant("broken", "json", str(script))])
    assert shop.problems == ["broken on a chain of 2 failed: ValueError: no idea"]


def test_who_is_too_slow_is_stopped_and_not_asked_about_more(tmp_path):
    shop = Workshop(tmp_path, cap=1, times=1)
    script = tmp_path / "sleeper.py"
    script.write_text(
        "import pathlib, sys, time; pathlib.Path(sys.argv[2] + '.asked').touch(); time.sleep(60)\n"
    )
    section = contest.section(
        shop, [("chain", 2), ("chain", 3)], [Contestant("sleeper", "json", str(script))]
    )
    assert [row[3] for row in section.rows] == ["> 1 s", "> 1 s"]
    assert [path.name for path in tmp_path.glob("*.asked")] == ["chain-2.json.asked"]
    assert shop.problems == []


# Agreement


def test_prices_are_compared_as_far_as_doubles_go():
    own = [("a", 1.0), ("b", 2.0), ("c", 1e-310), ("d", 0.0), ("e", 3.0)]
    found = agreement.apart(own, {"a": 1.0, "b": 2.5, "c": 0.0, "d": 0.0})
    assert found == {"apart": 0.2, "where": "b", "compared": 3, "lacking": 1, "lost": 1}


def test_no_number_agrees_with_none():
    assert not agreement.apart([("a", 1.0)], {"a": float("nan")})["apart"] <= workshop.AGREE


def test_a_price_below_all_doubles_is_none_of_zero(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("good,price\na,4.66e-3011\nb,0.0\nc,-2.5\n", encoding="utf-8")
    assert list(agreement.rows(path)) == [("a", 5e-324), ("b", 0.0), ("c", -2.5)]


def test_who_has_no_price_for_a_good_is_named(shop, tmp_path):
    own, other = tmp_path / "own.csv", tmp_path / "other.json"
    own.write_text("good,price\na,1.5\nb,2.5\n", encoding="utf-8")
    other.write_text('{"a": 1.5}', encoding="utf-8")
    shop.agree("somebody", own, other)
    assert shop.problems == ["somebody has no price for 1 goods"]


# Processes


def test_a_process_has_its_own_peak_memory():
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
from measure import Task, run
little, much = (run(Task([sys.executable, "-c", f"x = b'x' * ({{n}} * 1_000_000)"])) for n in (1, 100))
print(little.done, much.done, little.memory, much.memory)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    *ended, little, much = shown.split()
    assert ended == ["True", "True"]
    assert 1e6 < int(little) < 60e6
    assert 100e6 < int(much) < 140e6  # what its parent had when it forked counts too, where that is more


def test_a_process_that_takes_too_much_is_stopped(monkeypatch):
    if not Path("/proc/self/statm").exists():
        pytest.skip("the system does not say how much memory a process holds")
    monkeypatch.setattr(measure, "MEMORY_CAP", 100e6)
    code = "import time; x = b'x' * 200_000_000; time.sleep(60)"
    run = measure.run(Task([sys.executable, "-c", code]))
    assert run.outcome is Outcome.LARGE
    assert table.outcome(run) == "> 100 MB"


def test_what_went_wrong_is_the_last_word():
    code = (
        "import sys; print('bug: no idea', file=sys.stderr); print('  a hint', file=sys.stderr); sys.exit(2)"
    )
    assert measure.run(Task([sys.executable, "-c", code])).error == "bug: no idea"
    assert measure.run(Task([sys.executable, "-c", "import sys; sys.exit(3)"])).error == "exit 3"


def test_a_task_is_prepared_before_every_run(tmp_path):
    done = []
    measure.race([Task([sys.executable, "-c", "pass"], prepare=lambda: done.append(1))], times=2)
    assert len(done) == 2


def test_the_first_run_has_an_empty_cache(shop):
    folder = shop.folder / "c"
    task = shop.own("solve", shop.spec("chain", 2), cache="c", first=True)
    folder.mkdir()
    (folder / "old.txt").touch()
    assert measure.run(task).done
    assert not (folder / "old.txt").exists()


@pytest.mark.skipif(not cache._all_shipped(), reason="nothing is shipped for this release of sympy")
def test_sympy_is_needed_for_the_unusual_functions_only(shop):
    for path, needed in ((promises.TUPPERWARE, False), (promises.UNUSUAL, True)):
        assert measure.run(shop.own("solve", path, cache="c", first=True)).done
        assert (shop.folder / "c").exists() is needed


KEPT = """
import importlib.util, pathlib, sys
sys.path.insert(0, sys.argv[1])
kept = [pathlib.Path(importlib.util.find_spec(name).cached).exists() for name in ("chainprice.cli", "beside")]
import beside, chainprice.cli
pathlib.Path(sys.argv[1], "kept.txt").write_text(str(kept))
"""


@pytest.mark.parametrize("who", ["own", "python"])
def test_everybody_finds_the_byte_code_of_all_modules(shop, monkeypatch, who):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX")
    (shop.folder / "beside.py").touch()
    task = shop.python("-c", KEPT, shop.folder)
    if who == "own":
        task = replace(task, environment=shop.own().environment)
    assert shop.race(task)[0].done
    assert (shop.folder / "kept.txt").read_text() == "[True, True]"


# Tables


def done(seconds, memory=0):
    return Run(Outcome.DONE, seconds, memory)


def test_a_section_is_a_markdown_table():
    section = table.Section("Text.", ["firms", "time"], [["10", "0.5 s"], ["1,000", "12.5 s"]])
    assert section.markdown() == (
        "Text.\n\n| firms |   time |\n| ----- | -----: |\n| 10    |  0.5 s |\n| 1,000 | 12.5 s |\n"
    )


@pytest.mark.parametrize(
    ("number", "text"), [(0.0123, "12.3 ms"), (0.5, "0.50 s"), (12.34, "12.3 s"), (123.4, "123 s")]
)
def test_seconds(number, text):
    assert table.seconds(number) == text


def test_how_runs_are_shown():
    assert table.outcome(Run(Outcome.SLOW, 61.0, cap=60.0)) == "> 60 s"
    assert table.outcome(Run(Outcome.MISSING)) == "not installed"
    assert table.ratio(done(3.0), done(2.0)) == "1.5×"
    assert table.ratio(done(3.0), Run(Outcome.SLOW, cap=60.0)) == "< 0.05×"
    assert table.ratio(Run(Outcome.SLOW, cap=60.0), done(3.0)) == "–"
    assert table.ratio(done(3.0), Run(Outcome.FAILED, 1.0)) == "–"


@pytest.mark.parametrize(
    ("goal", "own", "other", "kept"),
    [
        (Goal(ratio=1.5), done(3.0), done(2.0), True),
        (Goal(ratio=1.5), done(3.1), done(2.0), False),
        (Goal(ratio=1.5), done(3.0), Run(Outcome.SLOW, cap=2.0), True),
        (Goal(ratio=1.5), done(3.1), Run(Outcome.SLOW, cap=2.0), False),
        (Goal(ratio=1.5), done(3.0), Run(Outcome.FAILED, 9.0), False),
        (Goal(ratio=1.5), done(3.0), None, False),
        (Goal(seconds=2, memory=1e9), done(1.9, 10**9), None, True),
        (Goal(seconds=2, memory=1e9), done(1.9, 2 * 10**9), None, False),
        (Goal(), done(500.0), None, True),
        (Goal(), Run(Outcome.SLOW), None, False),
    ],
)
def test_whether_a_promise_is_kept(goal, own, other, kept):
    assert goal.kept(own, other) is kept


def test_growth_shows_what_each_firm_more_takes():
    runs = [(10, done(0.5, 20_000_000)), (1_010, done(0.6, 22_000_000)), (9_999, Run(Outcome.SLOW, cap=9.0))]
    lines = growth.rows(runs)
    assert lines[1] == ["1,010", "0.60 s", "100 µs", "22 MB", "2.0 kB"]
    assert lines[2][1:3] == ["> 9 s", ""]


def test_the_table_goes_between_its_markers():
    text = f"a\n{table.BEGIN}\nold\n{table.END}\nz\n"
    once = table.put(text, "new\n")
    assert once == f"a\n{table.BEGIN}\n\nnew\n\n{table.END}\nz\n"
    assert table.put(once, "new\n") == once


@pytest.mark.parametrize(
    "text", ["", table.BEGIN, f"{table.END}{table.BEGIN}", (table.BEGIN + table.END) * 2]
)
def test_without_markers_there_is_no_place(text):
    with pytest.raises(ValueError, match="no place"):
        table.put(text, "new")


def test_the_readme_has_a_place_for_the_table():
    assert table.put(README, "new") != README
    assert "python benchmarks" in README.split("## Benchmarks")[1].split("## Tests")[0]


def test_a_file_without_a_place_is_refused_before_anything_runs(tmp_path):
    path = tmp_path / "x.md"
    path.touch()
    with pytest.raises(SystemExit) as caught:
        main.main(["--write", str(path)])
    assert caught.value.code == 2


# What runs


def test_the_usual_plan_has_every_promised_size():
    plan = main.plan_of([])
    assert plan.growth == [10, 100, 1_000, 10_000, 100_000, 1_000_000]
    assert plan.promises == promises.Sizes(100_000, 1_000_000, 100_000, 100_000, (1_000, 10_000))
    assert {kind for kind, _ in plan.contest} == set(generators.KINDS)


def test_named_sizes_are_what_runs():
    plan = main.plan_of([30])
    assert max(count for _, count in plan.contest) == max(plan.growth) == plan.promises.most == 30
