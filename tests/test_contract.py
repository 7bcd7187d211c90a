"""The JSON keeps its promises, and a broken one is noticed."""

import copy
import json
import re

import contract
import pytest
from support import run

from chainprice.cli.commands import application


@pytest.mark.parametrize("form", contract.COMMANDS)
def test_every_promise_is_kept(form):
    assert contract.breaks(contract.promises()[form], contract.documents()[form]) == []


@pytest.mark.parametrize("form", contract.COMMANDS)
def test_the_format_says_its_version(form):
    assert {document["format"] for document in contract.documents()[form]} == {form.split()[0]}


def test_every_format_and_no_other_is_promised():
    assert list(contract.promises()) == list(contract.COMMANDS)


def test_every_command_that_prints_json_is_under_contract():
    commands = [command.callback.__name__ for command in application().registered_commands]
    printing = {c for c in commands if re.search(r"\bjsonl?\b", run(c, "--help", COLUMNS="300").stdout)}
    assert printing == {command.split()[0] for commands in contract.COMMANDS.values() for command in commands}


def solved():
    return copy.deepcopy(contract.documents()["chainprice.solve/1"])


def without(documents):
    del documents[0]["goods"][0]["rule"]


def without_anywhere(documents):
    for document in documents:
        for firm in document["firms"]:
            del firm["cost"]


def as_text(documents):
    documents[0]["goods"][1]["price"] = str(documents[0]["goods"][1]["price"])


def as_integer(documents):
    documents[0]["total_value"] = 3


def as_null(documents):
    documents[1]["firms"][0]["profit"] = None


def as_one_row(documents):
    documents[0]["spec"] = [documents[0]["spec"]]


def in_another_order(documents):
    documents[0]["goods"] = [dict(reversed(good.items())) for good in documents[0]["goods"]]


def at_another_place(documents):
    documents[0]["goods"][0] = {"price": 0.0} | documents[0]["goods"][0]


def always_there(documents):
    for document in documents:
        for good in document["goods"]:
            good.setdefault("price_range", [0.0, None])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without, "goods[].rule was string, and is absent|string"),
        (without_anywhere, "firms[].cost is gone"),
        (as_text, "goods[].price was number, and is number|string"),
        (as_integer, "total_value was number, and is integer|number"),
        (as_null, "firms[].profit was number, and is null|number"),
        (as_one_row, "spec was object, and is array|object"),
        (in_another_order, "the keys of goods[] have another order"),
        (at_another_place, "the keys of goods[] have another order"),
        (always_there, "goods[].price_range was absent|array, and is array"),
    ],
)
def test_a_broken_promise_is_noticed(change, said):
    documents = solved()
    change(documents)
    assert said in contract.breaks(contract.promises()["chainprice.solve/1"], documents)


def test_additions_are_free():
    documents = solved()
    for document in documents:
        document["certificate"] = {"signed": True}
        document["goods"] = [{**good, "note": None} for good in document["goods"]]
    assert contract.breaks(contract.promises()["chainprice.solve/1"], documents) == []


def test_refreshing_refuses_to_forget_a_promise(monkeypatch, tmp_path):
    kept = json.loads(contract.FILE.read_text(encoding="utf-8"))
    kept["chainprice.check/1"]["specs[].colour"] = ["string"]
    monkeypatch.setattr(contract, "FILE", tmp_path / "contract.json")
    contract.FILE.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"specs\[\].colour is gone"):
        contract.refresh()
    assert json.loads(contract.FILE.read_text(encoding="utf-8")) == kept


def test_refreshing_keeps_what_is_there(monkeypatch, tmp_path):
    before = contract.FILE.read_text(encoding="utf-8")
    monkeypatch.setattr(contract, "FILE", tmp_path / "contract.json")
    contract.FILE.write_text(before, encoding="utf-8")
    contract.refresh()
    assert contract.FILE.read_text(encoding="utf-8") == before
