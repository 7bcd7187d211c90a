"""The JSON Schemas: what is right passes, what they refuse the reader refuses too, and they explain every key."""

import json
import re
import shutil
import subprocess
from contextlib import suppress

import contract
import jsonschema
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support import ROOT, SPECS, run
from test_example_files import INVALID, VALID

import chainprice
from chainprice.errors import SpecError, UsageError
from chainprice.schemas import NAMES
from chainprice.spec.language import FIRM, FORMS, GOOD, SPEC, TRADES, Choice, Leaf, Named
from chainprice.spec.tree import TreeError, read_tree

SPEC_FILES = [*SPECS, *VALID, *sorted((ROOT / "tests/specs").glob("[mc]*/*.yaml"))]
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def validator(name="spec"):
    return Draft202012Validator(chainprice.schema(name))


def tree_of(path):
    """A spec as the reader sees it: numbers are text."""
    return read_tree(path.read_bytes().decode("utf-8-sig")).tree


def with_numbers(tree):
    """The same as an editor sees it: what looks like a number is one."""
    if isinstance(tree, dict):
        return {key: with_numbers(value) for key, value in tree.items()}
    if isinstance(tree, str) and _NUMBER.fullmatch(tree):
        return int(tree) if tree.lstrip("+-").isdigit() else float(tree)
    return tree


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_schema(name):
    schema = chainprice.schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"urn:chainprice:{name}:1"
    assert schema["title"]
    assert schema["description"]
    assert validator(name).is_valid(None) is False


@pytest.mark.parametrize("path", SPEC_FILES, ids=lambda path: path.stem)
def test_every_sound_spec_passes(path):
    tree = tree_of(path)
    validator().validate(tree)
    validator().validate(with_numbers(tree))


@pytest.mark.parametrize("form", contract.COMMANDS)
def test_every_output_passes(form):
    name = form.removeprefix("chainprice.").partition("/")[0]
    for document in contract.documents()[form]:
        validator(name).validate(document)


@pytest.mark.parametrize("path", sorted((ROOT / "tests/golden").glob("*.json")), ids=lambda path: path.stem)
def test_every_golden_output_passes(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    if path == contract.FILE:
        return
    if "$schema" in document:
        assert document == chainprice.schema(path.name.split(".")[0])
    else:
        validator(path.name.split(".")[1].replace("digits", "solve")).validate(document)


def test_every_result_with_a_schema_was_looked_at():
    assert set(NAMES) - {"spec"} == {form.split(".")[1].split("/")[0] for form in contract.COMMANDS}


def keys_that_may_be(kind):
    return {
        path.split(".")[-1]
        for types in contract.promises().values()
        for path, kinds in types.items()
        if kind in kinds
    }


OPTIONAL, NULLABLE = keys_that_may_be("absent"), keys_that_may_be("null")


MAPS = ("at", "averages", "prices", "quantities", "uses")
"""Objects of `simulate` and `sweep` whose keys are the spec's own names."""


def broken(document):
    """Copies of a document with one thing wrong: a key gone, a key too many, a value of another type."""
    if isinstance(document, dict):
        yield {**document, "something": 1}
        for key, value in document.items():
            if key not in OPTIONAL:
                yield {other: item for other, item in document.items() if other != key}
            if key in MAPS and isinstance(value, dict):
                yield from ({**document, key: one} for one in ([], {**value, "x": "a"}))
                continue
            wrong = (one for one in broken(value) if one is not None or key not in NULLABLE)
            yield from ({**document, key: one} for one in wrong)
    elif isinstance(document, list):
        yield {}
        for index, value in enumerate(document[:1]):
            yield from ([*document[:index], wrong, *document[index + 1 :]] for wrong in broken(value))
    elif isinstance(document, bool):
        yield from ("true", 1, None)
    elif document is None:  # of whatever type it is elsewhere, it is no list
        yield [document]
    else:
        yield from (True, [document])


@pytest.mark.parametrize("form", contract.COMMANDS)
def test_a_wrong_result_does_not_pass(form):
    name = form.removeprefix("chainprice.").partition("/")[0]
    check = validator(name)
    wrong = [one for document in contract.documents()[form] for one in broken(document)]
    assert len(wrong) > 25
    assert not any(map(check.is_valid, wrong))


TREE = {
    "firms": {"f": {"production": {"y": "2*x"}}},
    "supply": {"x": {"quantity": 1}},
    "demand": {"y": {"price": 3}},
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"chainprice": 2},
        {"title": ["a"]},
        {"money": True},
        {"numeraire": None},
        {"numeraire": "two words"},
        {"allocation": "competetive"},
        {"frims": {}},
        {"parameters": {"a b": 1}},
        {"parameters": {"a": None}},
        {"parameters": [1]},
        {"goods": {"x": {"colour": "red"}}},
        {"goods": {"x": {"rival": "no"}}},
        {"goods": {"x": {"rival": None}}},
        {"goods": {"x": {"split": {"f": 1.5}}}},
        {"goods": {"x": {"split": {"f": -1}}}},
        {"goods": {"x": ["unit"]}},
        {"firms": {}},
        {"firms": None},
        {"firms": {"f": None}},
        {"firms": {"f": {"production": {}}}},
        {"firms": {"f": {"parameters": {"k": 2}}}},
        {"firms": {"f": {"production": {"y": None}}}},
        {"firms": {"f": {"production": {"y": ""}}}},
        {"firms": {"f": {"production": {"1y": "2*x"}}}},
        {"firms": {"f": {"production": {"y": {"x": 2}}}}},
        {"firms": {"f": {"production": {"y": {"form": "cse", "shares": {"x": 1}}}}}},
        {"firms": {"f": {"production": {"y": {"form": "ces", "shares": {"x": 1}}}}}},
        {"firms": {"f": {"production": {"y": {"form": "linear", "coefficients": {}}}}}},
        {"firms": {"f": {"production": {"y": {"form": "linear", "coefficients": {"x": 1}, "shares": {}}}}}},
        {"firms": {"f": {"production": {"y": {"form": "translog", "first_order": {"x": 1}, "scale": None}}}}},
        {"firms": {"f": {"production": {"y": "2*x"}, "outputs": 1}}},
        {"supply": {"x": {}}},
        {"supply": {"x": None}},
        {"supply": {"x": {"quantity": -1}}},
        {"supply": {"x": 4}},
        {"demand": {"y": {"cost": 1}}},
        {"demand": {"y": {"price": True}}},
        {"demand": {}},
        {"demand": None},
    ],
    ids=json.dumps,
)
def test_a_wrong_spec_does_not_pass(wrong):
    assert validator().is_valid(TREE)
    assert not validator().is_valid(TREE | wrong)
    with pytest.raises(SpecError):
        chainprice.load(json.dumps(TREE | wrong))


@pytest.mark.parametrize("key", ["firms", "demand"])
def test_what_is_missing_does_not_pass(key):
    assert not validator().is_valid({name: part for name, part in TREE.items() if name != key})


def test_the_schema_catches_wrong_specs_of_every_kind():
    caught = set()
    for path in INVALID:
        with suppress(TreeError, UnicodeDecodeError):
            if not validator().is_valid(with_numbers(tree_of(path))):
                caught.add(path.stem)
    assert {"unknown-keys", "not-a-name", "no-firms", "allocation", "versions", "texts", "null"} <= caught


FORM_KEYS = {key for form in FORMS.values() for key in form.keys}
KEYS = sorted({*SPEC.keys, *FIRM.keys, *GOOD.keys, *TRADES["supply"].keys, *FORM_KEYS, "x", "y", "f"})
NAMES_AND_NOT = st.sampled_from(["x", "y", "f", "_", "öl", "燃料", "x̄", "x·y", "ﬁ", "x y", "a-b", "1x", "", "x²", "℘", "𝒙", " x", "x\n"])  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-2, 2)
    | st.sampled_from(["", "1", "1/2", "-1", "x", "2*x", "q", "1e400", "-1e-400", "auto", "given", "demand"])
    | NAMES_AND_NOT,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(KEYS) | NAMES_AND_NOT, inner, max_size=3)
    ),
    max_leaves=4,
)


@st.composite
def changed(draw, tree):
    """A tree with something else at one place."""
    if not isinstance(tree, dict) or not tree or draw(st.integers(0, 3)) == 0:
        return draw(VALUES)
    if draw(st.integers(0, 2)) == 0:
        return tree | {draw(st.sampled_from(KEYS) | NAMES_AND_NOT): draw(VALUES)}
    key = draw(st.sampled_from(sorted(tree)))
    return tree | {key: draw(changed(tree[key]))}


FULL = TREE | {
    "chainprice": 1,
    "title": "t",
    "numeraire": "y",
    "allocation": "auto",
    "parameters": {"a": 1},
    "goods": {"x": {"unit": "t", "rival": True, "split": {"f": 1}}},
}


OF_FORMS = FULL | {
    "firms": {
        "f": {
            "production": {
                "y": {"form": "ces", "scale": 2, "elasticity": "a", "shares": {"x": 1}, "returns": 0.5},
                "u": {"form": "cobb_douglas", "exponents": {"x": 0.5}},
                "v": {"form": "leontief", "requirements": {"x": 2, "_": 0}},
                "w": {"form": "linear", "coefficients": {"x": -2}},
                "z": {"form": "translog", "first_order": {"x": 1}, "second_order": {"x": {"x": 1}}},
            }
        }
    },
    "supply": {"x": {"quantity": 1}, "_": {"quantity": 1}},
}


def test_the_spec_of_forms_is_sound():
    chainprice.load(json.dumps(OF_FORMS))


@given(changed(TREE) | changed(FULL) | changed(OF_FORMS) | changed(OF_FORMS))
def test_what_the_schema_refuses_the_reader_refuses(tree):
    assume(isinstance(tree, dict))
    try:
        chainprice.load(json.dumps(tree))
    except SpecError:
        return
    validator().validate(tree)


@given(st.text(min_size=1, max_size=4))
def test_every_name_passes(name):
    pattern = chainprice.schema()["properties"]["supply"]["propertyNames"]["pattern"]
    if name.isidentifier():
        assert re.search(pattern, name)
    elif name.isascii() and name.isprintable():
        assert not re.search(pattern, name)


@pytest.mark.skipif(shutil.which("node") is None, reason="editors are JavaScript, and there is none")
def test_the_pattern_of_names_means_the_same_to_an_editor():
    pattern = chainprice.schema()["properties"]["supply"]["propertyNames"]["pattern"]
    names = ["x", "_", "öl", "燃料", "𝒙y", "x1", "a_b", "1x", "x y", "a-b", "", "x.y", "`"]
    script = (
        "const [p, names] = JSON.parse(process.argv[1]);"
        "for (const f of ['', 'u']) console.log(JSON.stringify(names.map(n => new RegExp(p, f).test(n))))"
    )
    done = subprocess.run(
        ["node", "-e", script, json.dumps([pattern, names])], capture_output=True, text=True, check=True
    )
    expected = [re.search(pattern, name) is not None for name in names]
    assert expected == [True] * 7 + [False] * 6
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected, expected]


def keys_of(part, path=()):
    for name, key in part.keys.items():
        yield (*path, name), key
        kind = key.kind
        while isinstance(kind, Named):
            kind = kind.of
        if isinstance(kind, Choice):
            for form, its in kind.forms.items():
                yield from keys_of(its, (*path, name, f"the form {form}"))
        elif not isinstance(kind, Leaf) and kind is not part:  # firms may be inside firms
            yield from keys_of(kind, (*path, name))


@pytest.mark.parametrize(("path", "key"), list(keys_of(SPEC)), ids=lambda value: ".".join(value) if isinstance(value, tuple) and not hasattr(value, "kind") else "")  # fmt: skip
def test_every_key_of_the_language_is_explained(path, key):
    schema = chainprice.schema()
    for name in path:
        inner = schema.get("additionalProperties")
        if name.startswith("the form "):
            (schema,) = (one for one in inner["anyOf"] if one["title"] == name)
            continue
        schema = (schema if name in schema.get("properties", {}) else inner)["properties"][name]
    assert len(schema["description"]) > 15
    assert schema["examples"]
    for example in schema["examples"]:
        validator().evolve(schema=schema).validate(example)


def test_the_example_is_a_spec():
    for example in chainprice.schema()["examples"]:
        validator().validate(example)
        chainprice.load(json.dumps(example))


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_result_is_explained(name):
    def look(schema, path):
        for key, value in schema.get("properties", {}).items():
            assert value.get("description"), (*path, key)
            look(value, (*path, key))
        for part in ("items", "additionalProperties"):
            if isinstance(schema.get(part), dict):
                look(schema[part], path)

    look(chainprice.schema(name), ())


@pytest.mark.parametrize("name", NAMES)
def test_the_command_prints_it(name, tmp_path):
    assert json.loads(run("schema", name).stdout) == chainprice.schema(name)
    done = run("schema", name, "-o", "chainprice.schema.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    written = json.loads((tmp_path / "chainprice.schema.json").read_text(encoding="utf-8"))
    assert written == chainprice.schema(name)


def test_without_a_name_it_is_the_spec():
    assert json.loads(run("schema").stdout) == chainprice.schema("spec")


def test_a_schema_of_something_else_is_an_error():
    with pytest.raises(UsageError):
        chainprice.schema("price")
    done = run("schema", "verfiy")
    assert done.returncode == 2
    assert done.stderr == "error: there is no schema of 'verfiy'\n  did you mean 'verify'?\n"


def test_a_new_spec_says_where_its_schema_lies(tmp_path):
    line = "# yaml-language-server: $schema=chainprice.schema.json\n"
    assert run("init", "first", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "first.yaml").read_text(encoding="utf-8").startswith(line)
    run("schema", "-o", "chainprice.schema.json", cwd=tmp_path)
    assert run("init", "second", cwd=tmp_path).returncode == 0
    second = (tmp_path / "second.yaml").read_text(encoding="utf-8")
    assert second.startswith(line)
    assert run("init", cwd=tmp_path).stdout.startswith(line)
    assert run("check", "second.yaml", cwd=tmp_path).returncode == 0
    schema = json.loads((tmp_path / "chainprice.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(with_numbers(read_tree(second).tree), schema)
