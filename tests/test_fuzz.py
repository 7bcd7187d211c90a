"""Inputs that hurt once, and others that reach every corner of the readers, are tried again for ever."""

from pathlib import Path

import hypothesis
import pytest
from fuzz import documents, targets

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
CASES = [(folder.name, path) for folder in sorted(CORPUS.iterdir()) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(("target", "path"), CASES, ids=[f"{name}-{path.name}" for name, path in CASES])
def test_what_is_in_the_corpus_hurts_no_more(target, path):
    targets.TARGETS[target](path.read_bytes())


def test_each_target_has_a_corpus():
    assert {name for name, _ in CASES} == targets.TARGETS.keys()


@hypothesis.settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.given(documents.texts())
def test_whole_specs(data):
    targets.spec(data)


@hypothesis.settings(max_examples=300, derandomize=True, deadline=None)
@hypothesis.given(documents.free_formulas(("ore", "E")))
def test_formulas_of_any_form_are_read_as_python_reads_them(text):
    targets.formula(text.encode())


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-x^2", ("neg", ("pow", ("name", "x"), ("number", 2)))),
        ("2^3^2", ("pow", ("number", 2), ("pow", ("number", 3), ("number", 2)))),
        ("a - b - c", ("sub", ("sub", ("name", "a"), ("name", "b")), ("name", "c"))),
        ("log(if, 1e1)", ("log", ("name", "if"), ("number", 10))),
    ],
)
def test_python_is_asked_rightly(text, tree):
    assert targets.as_python(text) == tree


@pytest.mark.parametrize(("wrong", "right"), [("add", "sub"), ("sqrt", "exp"), ("pow", "mul")])
def test_a_formula_that_is_read_wrongly_is_noticed(wrong, right, monkeypatch):
    text = {"sub": b"a - b", "exp": b"exp(a)", "mul": b"a*b"}[right]
    targets.formula(text)
    monkeypatch.setattr(targets, "as_python", lambda _: (wrong, ("name", "a")))
    with pytest.raises(AssertionError):
        targets.formula(text)


@pytest.mark.parametrize("said", ["internal error: KeyError", "error: \x1b[31m", "Traceback"])
def test_a_command_that_ends_badly_is_noticed(said, monkeypatch):
    def bad(_):
        targets.sys.stderr.write(said)
        return 0 if said != "Traceback" else 7

    monkeypatch.setattr(targets.cli, "run", bad)
    with pytest.raises(AssertionError):
        targets.spec(b"firms: {}\n")


def test_what_takes_too_long_is_noticed(monkeypatch):
    monkeypatch.setattr(targets, "SECONDS", 0.01)
    with pytest.raises(targets.TooLongError), targets.limited():
        sum(range(10**7))
