"""Folders of specs: what is valid is read as it is meant, what is not is refused in the right words.

A valid spec begins with what it must come to: `# expect: {"good": [quantity, price]}`, or has it beside it
in a file of its own. An invalid one lies beside the message that `check` must print.
"""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, run

import chainprice
from chainprice.errors import SpecError
from chainprice.spec import yamltree
from chainprice.spec.tree import TreeError

VALID = sorted(
    path for path in (ROOT / "tests/specs/valid").iterdir() if not path.name.endswith(".expected.json")
)
INVALID = sorted((ROOT / "tests/specs/invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid(path):
    beside = path.with_suffix(".expected.json")
    head = (beside if beside.exists() else path).read_text(encoding="utf-8").splitlines()[0]
    solution = chainprice.solve(chainprice.load(path))
    found = {row.good: [row.quantity, row.price] for row in solution.goods}
    assert found == json.loads(head.removeprefix("# expect: "))
    assert chainprice.verify(chainprice.load(path), solution).verified


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SpecError) as caught:
        chainprice.load(path.relative_to(ROOT))
    assert f"{caught.value}\n" == path.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", VALID + INVALID, ids=lambda path: path.stem)
def test_the_fast_road_through_yaml_ends_where_the_thorough_one_does(path):
    text = path.read_bytes().decode("utf-8-sig", "replace")
    try:
        found = yamltree.read_plain(text)
    except (yamltree.UnusualError, TreeError, yaml.YAMLError):
        return
    assert yamltree.read_thoroughly(text) == (found, ())


PLAIN_TREES = st.recursive(
    st.text("ab1.~:#-'\" \n{[é", max_size=6)
    | st.sampled_from([True, False, None, "true", "null", "1e3", "no"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~ ", max_size=3), inner, max_size=3)
    ),
)


@given(PLAIN_TREES, st.booleans(), st.booleans())
def test_what_yaml_writes_is_read_by_the_fast_road(written, flow, sort):
    text = yaml.safe_dump(written, default_flow_style=flow, allow_unicode=True, sort_keys=sort)
    if "&" not in text:
        assert yamltree.read_plain(text) == yamltree.read_thoroughly(text).tree == written


def test_every_message_has_its_spec():
    assert {path.stem for path in INVALID} == {
        path.stem for path in (ROOT / "tests/specs/invalid").glob("*.txt")
    }


def test_the_command_prints_just_these_messages():
    path = INVALID[0].relative_to(ROOT)
    done = run("check", str(path))
    assert done.returncode == 2
    assert done.stderr == INVALID[0].with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "encode", [lambda t: b"\xef\xbb\xbf" + t.encode(), lambda t: t.replace("\n", "\r\n").encode()]
)
def test_a_byte_order_mark_and_windows_lines(tmp_path, encode):
    path = tmp_path / "spec.yaml"
    path.write_bytes(encode((ROOT / "specs/tupperware.yaml").read_text(encoding="utf-8")))
    assert chainprice.solve(chainprice.load(path)).prices["natgas"] == 1 / 24
    path.write_bytes(encode("firms:\n  f: {production: {y: zz}}\ndemand:\n  y: {price: 1}\n"))
    assert f"{path}:2:23: error: unknown name 'zz'" in run("check", str(path)).stderr


def test_many_problems_are_counted_not_listed():
    firms = "\n".join(f"  f{i}: {{production: {{y{i}: zz{i}}}}}" for i in range(5000))
    with pytest.raises(SpecError) as caught:
        chainprice.load(f"firms:\n{firms}\ndemand:\n  y1: {{price: 1}}\n")
    assert len(caught.value.problems) == 101
    assert caught.value.problems[-1].message == "and 4,900 more problems"
