"""Text in specs, tables, paths and options, whatever it is: read right, refused, or shown as it is."""

import csv
import io
import json
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support import ENVIRONMENT, ROOT, run, spec

from chainprice import ChainpriceError, solve
from chainprice.cli import run as run_here
from chainprice.completion import goods, settings, spec_files
from chainprice.errors import Place, Problem, printable
from chainprice.output import written_in
from chainprice.report.drawn import drawn_text
from chainprice.report.latex import plain_latex, upright
from chainprice.report.plain import plain_lines
from chainprice.report.solutions import solution_csv, solution_latex, solution_markdown, solution_text
from chainprice.report.table import Column, Table, inert
from chainprice.verification import read_table

PLAIN = "firms: {f: {production: {y: sqrt(x)}}}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 1}}\n"
TWO_SPELLINGS = ("caf\u00e9", "cafe\u0301")

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no output may hold, whatever is read."""


def shown(arguments, capsys):
    """What a command prints, in this process."""
    code = run_here(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refusal(text):
    with pytest.raises(ChainpriceError) as refused:
        spec(text)
    return str(refused.value)


# Encodings.


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PLAIN.encode("utf-16"), "this looks like UTF-16LE, and not like UTF-8"),
        (PLAIN.encode("utf-16-le"), "this looks like UTF-16LE"),
        (PLAIN.encode("utf-16-be"), "`iconv -f UTF-16BE -t UTF-8 OLD > NEW`"),
        (PLAIN.encode("utf-32"), "this looks like UTF-32LE"),
        (PLAIN.encode("utf-32-be"), "this looks like UTF-32BE"),
        (f"title: caf\u00e9\n{PLAIN}".encode("latin-1"), ":1:11: error: byte 0xe9 is not UTF-8"),
        (f"title: caf\u00e9\n{PLAIN}".encode("latin-1"), "`iconv -f ISO-8859-1 -t UTF-8 OLD > NEW`"),
        (f"title: 5 \u20ac\n{PLAIN}".encode("cp1252"), "it looks like WINDOWS-1252"),
        (b"a: 1\rb: \xe9.", ":2:4: error: byte 0xe9"),
        (b"a: 1\r\nb: \xe9.", ":2:4: error: byte 0xe9"),
        ("a: \u00e9\u00e9\n\u00e9".encode()[:-1], ":2:1: error: the file ends in the middle of a letter"),
        (b"a: 1\nb: \0", ":2:4: error: a NUL character\n    2 | b: \\x00\n      |    ^^^^ remove it"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0", "this is no text file"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "this is a gzip file\n  unpack it first"),
        (b"PK\x03\x04\x14\0\6\0", "this is a zip file"),
    ],
)
@pytest.mark.parametrize("kind", ["spec", "table"])
def test_what_is_not_utf8_is_told_with_its_place_and_the_way_out(kind, data, said, tmp_path, capsys):
    path = tmp_path / "s.yaml"
    path.write_bytes(data)
    table = [str(ROOT / "specs" / "tupperware.yaml"), "--table"] if kind == "table" else []
    code, _, errors = shown(["verify", *table, str(path)], capsys)
    assert code == 2
    assert said in errors


@pytest.mark.parametrize("text", [PLAIN, json.dumps({"firms": {"f": {"production": {"y": "x"}}}})])
def test_a_byte_order_mark_is_no_part_of_the_text(text, tmp_path):
    text = (
        text
        if text == PLAIN
        else f'{text[:-1]}, "supply": {{"x": {{"quantity": 1}}}}, "demand": {{"y": {{"price": 1}}}}}}'
    )
    done = run("check", "-", stdin=f"\ufeff{text}")
    assert done.stdout == "-: sound: 1 firm, 2 goods, allocation given\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85"])
def test_line_numbers_are_right_for_every_kind_of_line_end(end, tmp_path, capsys):
    text = (
        "firms:\n  f:\n    production:\n      y: |\n        x +\n        nowhere\n" + PLAIN.split("\n", 1)[1]
    )
    (tmp_path / "s.yaml").write_bytes(text.replace("\n", end).encode())
    _, _, errors = shown(["check", str(tmp_path / "s.yaml")], capsys)
    assert "s.yaml:6:9: error: unknown name 'nowhere'" in errors
    assert "\n    6 |         nowhere\n      |         ^^^^^^^" in errors


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("title: éé\nmoney: a\x07b\n", "<text>:2:9"),
        ("title: éé\r\rmoney: a\x0bb\n", "<text>:3:9"),
        ("title: é\n" + "[" * 60 + "\x0b" + "[" * 60, "<text>:2:112"),
    ],
)
def test_control_characters_end_no_line(text, place):
    assert refusal(text).startswith(f"{place}: error: ")


def test_a_tab_that_indents_is_named():
    assert "<text>:2:1: error: not YAML" in (text := refusal(f"firms:\n\tf: 1\n{PLAIN}"))
    assert "indent with spaces" in text


# Names.


@pytest.mark.parametrize("names", [TWO_SPELLINGS, ("\ufb01rm", "firm"), ("\u212b", "\u00c5")])
@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("firms:\n  {0}: {{production: {{y: x}}}}\n  {1}: {{production: {{z: x}}}}\nsupply: {{x: {{quantity: 1}}}}\n", ("2:3", "3:3")),
        ("firms: {{f: {{production: {{y: '{0}+{1}'}}}}}}\nsupply:\n  {0}: {{quantity: 1}}\n  {1}: {{quantity: 1}}\n", ("3:3", "4:3")),
        ("parameters:\n  {0}: 1\n  {1}: 2\nfirms: {{f: {{production: {{y: x}}}}}}\nsupply: {{x: {{quantity: 1}}}}\n", ("2:3", "3:3")),
        ("firms:\n  f: {{production: {{y: x}}, parameters: {{{0}: 1, {1}: 2}}}}\nsupply: {{x: {{quantity: 1}}}}\n", ("2:39", "2:")),
        ("parameters:\n  {0}: 1\nfirms:\n  f: {{production: {{y: x}}, parameters: {{{1}: 2}}}}\nsupply: {{x: {{quantity: 1}}}}\n", ("4:39",)),
        ("parameters:\n  {0}: 1\nfirms:\n  f: {{production: {{y: x}}}}\nsupply:\n  x: {{quantity: 1}}\n  {1}: {{quantity: 2}}\n", ("2:3", "7:3")),
    ],
)  # fmt: skip
def test_names_that_differ_only_in_unicode_normalisation_are_refused_at_both_places(names, text, places):
    said = refusal(f"{text.format(*names)}demand: {{y: {{price: 1}}}}")
    for place in places:
        assert re.search(rf"^<text>:{place}.*looks like '{names[0]}|{names[1]}'", said, re.MULTILINE)
    assert said.count("looks like") == len(places)
    assert names[1].encode("ascii", "backslashreplace").decode() in said


def test_many_look_alikes_are_found_in_little_time():
    firms = {f"f{i}": {"production": {f"g{i}\u00e9": "x", f"g{i}e\u0301": "x"}} for i in range(20_000)}
    text = json.dumps(
        {"firms": firms, "supply": {"x": {"quantity": 1}}, "demand": {"g0\u00e9": {"price": 1}}}
    )
    seconds = time.process_time()
    said = refusal(text)
    assert said.endswith("and 39,900 more problems")
    assert time.process_time() - seconds < 20  # all firms are gone through once, not for each name


def test_a_name_in_another_spelling_is_suggested():
    composed, combined = TWO_SPELLINGS
    text = PLAIN.replace("sqrt(x)", f"sqrt({combined})").replace("x:", f"{composed}:")
    assert "the 'é' there is LATIN SMALL LETTER E WITH ACUTE" in refusal(text)


def test_case_and_spelling_of_names_are_kept():
    _, combined = TWO_SPELLINGS
    firms = f"{combined}: {{production: {{y: x}}}}, CAF\u00c9: {{production: {{z: x}}}}"
    read = spec(PLAIN.replace("f: {production: {y: sqrt(x)}}", firms))
    assert [*read.firms] == [combined, "CAF\u00c9"]


@pytest.mark.parametrize("letter", ["\u202e", "\u2066", "\u200b", "\u200f", "\u2028", "\x85", "\ud800", " "])
def test_characters_that_show_as_nothing_are_in_no_name(letter):
    data = {"firms": {f"f{letter}": {"production": {"y": "x"}}}, "supply": {"x": {"quantity": 1}}}
    said = refusal(json.dumps({**data, "demand": {"y": {"price": 1}}}))
    assert f"'f{printable(letter)}' is not a name" in said
    assert not CONTROLS.search(said)


# Titles and units.


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\x7f", "\x9b", "\u202e", "\u2067", "\u2029", "\ud800"])
@pytest.mark.parametrize("key", ["title", "money", "description"])
def test_control_characters_in_texts_are_refused_and_named(letter, key):
    said = refusal(json.dumps({key: f"a{letter}b"}))
    assert f"{key} contains a control character" in said
    assert f"remove U+{ord(letter):04X}" in said
    assert not CONTROLS.search(said)


@pytest.mark.parametrize(
    "text",
    ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "10\u00a0t", "\u202f%", "می\u200cخواهم", "東京\u3000電力"],
)
def test_emoji_and_spaces_of_all_scripts_are_text(text):
    read = spec(f"title: '{text}'\nmoney: '{text}'\n{PLAIN}")
    assert (read.title, read.money) == (text, text)
    assert solution_text(solve(read), None, None).startswith(f"{text}\n")


def test_titles_and_units_stand_on_one_line():
    read = spec('title: "one\\n two\\tthree\\n"\ngoods: {x: {unit: "a\\nb"}}\nmoney: |\n  USD\n' + PLAIN)
    assert (read.title, read.unit("x"), read.money) == ("one two three", "a b", "USD")


# Formats.

SPECIAL = "[red]=1+1|*_`<b>&amp;#$%~^\\{}"


@pytest.fixture(scope="module")
def special():
    units = {"x": "=cmd|' /C calc'!A0", "y": "'=1", "z": "-5", "w": "\uff1d1", "שלום": SPECIAL}
    notes = "".join(f"  {good}: {{unit: {json.dumps(unit)}}}\n" for good, unit in units.items())
    firms = "firms: {f: {production: {y: sqrt(x), z: x, w: x/8 - 2, שלום: x}}}\n"
    prices = ", ".join(f"{good}: {{price: 1}}" for good in units if good != "x")
    rest = f"supply: {{x: {{quantity: 4}}}}\ndemand: {{{prices}}}\n"
    return solve(spec(f'title: {json.dumps(SPECIAL)}\nmoney: "+USD"\ngoods:\n{notes}{firms}{rest}')), units


def test_a_spreadsheet_runs_no_cell_and_the_table_is_read_back_as_it_was(special):
    solution, units = special
    rows = [*csv.reader(io.StringIO(solution_csv(solution)))]
    texts = [
        cell
        for row in rows
        for name, cell in zip(rows[0], row, strict=True)
        if name in ("good", "role", "unit", "rule")
    ]
    assert not [text for text in texts if text[:1] in set("=+-@\t\r\uff1d")]
    assert {"'=cmd|' /C calc'!A0", "''=1", "'-5", "'\uff1d1"} <= set(texts)
    assert "-1.5" in [row[2] for row in rows]  # a number is no text
    assert read_table(solution_csv(solution)).units == {
        good.good: units[good.good] for good in solution.goods
    }


@pytest.mark.parametrize(
    "text", ["", "a", "=1", "+1", "-x", "@a", "\t=1", "'", "''", "'a", "'=1", "''=1", "＠a"]
)
def test_every_text_survives_csv(text):
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([["good", "unit", "price"], ["x", inert(text), "-0.5"]])
    table = read_table(stream.getvalue())
    assert (table.units["x"], str(table.prices["x"])) == (text, "-0.5")


def test_markdown_shows_special_characters_as_they_are(special):
    solution, _ = special
    heading, _, columns, *rest = solution_markdown(solution, None).split("\n")
    escaped = r"\[red\]=1+1\|\*\_\`\<b\>\&amp;\#\$%\~^\\\{\}"
    assert heading == f"# {escaped}"
    assert f"| {escaped} |" in "\n".join(rest)
    assert columns.count(" | ") == 6
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rest[:6] if row} == {8}


def test_latex_escapes_what_it_takes_for_its_own(special):
    solution, _ = special
    special_text = r"[red]=1+1\textbar{}*\_`\textless{}b\textgreater{}\&amp;\#\$\%\textasciitilde{}\textasciicircum{}\textbackslash{}\{\}"
    assert special_text in solution_latex(solution, None)
    assert plain_latex("a\nb\x1b") == r"a\textbackslash{}nb\textbackslash{}x1b"


def test_names_beyond_ascii_are_text_within_math():
    assert upright("a_b") == r"\mathrm{a\_b}"
    assert upright("\u00e9") == "\\textrm{\u00e9}"  # math would lose the accent


@pytest.mark.parametrize("width", [None, 80, 200])
def test_markup_is_shown_as_it_is(special, width):
    solution, _ = special
    text = re.sub(r"\x1b\[[0-9;]*m", "", solution_text(solution, None, width))
    assert text.startswith("[red]=1+1|*_`<b>&amp;#$%~^\\{}\n")
    assert "[red]=1+1|*_`<b>" in text.split("\n", 3)[3]


def test_wide_and_combining_letters_keep_columns_aligned():
    columns = (Column("good", "good", "name"), Column("n", "n", "number"))
    goods_ = ("abcdef", "日本語", "e\u0301e\u0301", "שלום", "\U0001f600")
    lines = [*plain_lines(Table("", columns, tuple((good, 7.0) for good in goods_)), 6)]
    assert lines[2:] == ["abcdef  7", "日本語  7", "e\u0301e\u0301      7", "שלום    7", "\U0001f600      7"]


@pytest.mark.parametrize(
    ("line", "marks"), [("日本 z", "     ^"), ("e\u0301\u0e33\u0e31 z", "   ^"), ("a\tz", "  ^"), ("\U0001f600 z", "   ^")]
)  # fmt: skip
def test_the_caret_stands_under_what_is_meant(line, marks):
    shown_ = str(Problem("no", Place("s", 1, line.index("z") + 1, 1, line))).split("\n")[2]
    assert shown_ == f"      | {marks}"


# What could control a terminal, wherever it comes from.

HOSTILE = "\x1b]0;t\x07\x9b31m\u202e\n::error::x\ud800%"


@pytest.mark.parametrize("draw", [None, 80])
def test_no_cell_of_a_table_controls_the_terminal(draw):
    columns = (Column(HOSTILE, "good", "name"), Column("rule", "rule", "formula"))
    table = Table("", columns, ((HOSTILE, HOSTILE * 30),))
    text = "".join(plain_lines(table, 6)) if draw is None else drawn_text([HOSTILE, table], 6, draw)
    assert not CONTROLS.search(re.sub(r"\x1b\[[0-9;]*m", "", text))
    assert "\\x1b]0;t" in text


@pytest.mark.parametrize("form", ["table", "json", "junit", "github"])
def test_a_published_table_controls_no_terminal(form, tmp_path, capsys):
    table = tmp_path / "t.json"
    table.write_text(json.dumps({HOSTILE: 1, "y": 1}))
    (tmp_path / "s.yaml").write_text(PLAIN)
    code, out, errors = shown(["verify", str(tmp_path / "s.yaml"), "--table", str(table), "-f", form], capsys)
    assert code == 1
    assert not CONTROLS.search(out + errors)
    if form == "json":
        assert json.loads(out)["specs"][0]["table"]["gone"] == [HOSTILE]
    if form == "junit":
        assert "price of \\x1b]0;t" in ET.fromstring(out.encode())[0][0].get("name")
    if form == "github":
        assert all(line.startswith(("::error file=", "0 of 1")) for line in out.splitlines())


PATH = "a\x1b[31m\n::error::x\u202e[red]\udcff é%.yaml"
COMMANDS = [
    *(["solve", "-f", form] for form in ("table", "json", "csv", "markdown", "latex")),
    *(["verify", "-f", form] for form in ("table", "json", "junit", "github")),
    *(["explain", "-f", form] for form in ("text", "markdown", "latex")),
    *(["check", "-f", form] for form in ("text", "json", "github")),
]


@pytest.mark.parametrize("text", [PLAIN, "title: [\n", PLAIN.replace("sqrt(x)", "ln(x - 4)"), None])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_path_controls_the_terminal(command, text, tmp_path, capsys):
    path = f"{tmp_path}/{PATH}"
    if text is not None:
        Path(path).write_text(text)
    code, out, errors = shown([*command, path], capsys)
    assert (code in (0, 3)) if text and text.startswith("firms") else code == 2
    assert not CONTROLS.search((written_in(out, "utf-8", "json") if command[-1] == "json" else out) + errors)
    assert not re.search("^::error::", out + errors, re.MULTILINE)
    assert text is not None or "[31m" in out + errors


@pytest.mark.parametrize(
    "arguments",
    [
        ["solve", "SPEC", "--set", f"x{HOSTILE}=1"],
        ["solve", "SPEC", "--set", f"supply.x.quantity={HOSTILE}"],
        ["solve", "SPEC", "--numeraire", HOSTILE],
        ["explain", "SPEC", "--good", HOSTILE],
        ["solve", "SPEC", f"--{HOSTILE}"],
        [HOSTILE],
        ["solve", "SPEC", "-f", HOSTILE],
        ["solve", "SPEC", "--digits", HOSTILE],
        ["solve", "SPEC", "-o", f"no/such/{HOSTILE}"],
        ["schema", HOSTILE],
        ["init", f"no/such/{HOSTILE}"],
    ],
    ids=lambda arguments: arguments[-2] if len(arguments) > 1 else "command",
)
def test_no_option_controls_the_terminal(arguments, tmp_path, capsys):
    (tmp_path / "s.yaml").write_text(PLAIN)
    arguments = [
        str(tmp_path / "s.yaml") if a == "SPEC" else a.replace("\ud800", "\udcff") for a in arguments
    ]
    code, out, errors = shown(arguments, capsys)
    assert code == 2
    assert out == ""
    assert "\\x1b]0;t" in errors
    assert not CONTROLS.search(errors)
    assert len(errors.splitlines()) <= 4


def test_what_a_shell_is_offered_are_names_and_nothing_to_run(tmp_path, monkeypatch):
    text = "parameters: {'$(id)': 1, k: 1}\nsupply: {'`id`': {quantity: 1}, \"\\e[31m\": {price: 1}, x: {quantity: 1}}\nfirms: {'a;b': {production: {y: x, 'a b': x}}}\n"
    (tmp_path / "s.yaml").write_text(text)
    (tmp_path / "s\x1b[31m.yaml").write_text(text)
    path = str(tmp_path / "s.yaml")
    assert goods([path]) == ["x", "y"]
    assert settings([path]) == ["k=", "supply.x.quantity=", "supply.x.price="]
    assert spec_files(f"{tmp_path}/") == []  # the shell's own offer quotes such names
    (tmp_path / "s\x1b[31m.yaml").unlink()
    assert spec_files(f"{tmp_path}/") == [path]


# Other encodings of the terminal.


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_any_text_can_be_written_in_any_encoding(command, encoding, tmp_path, capsys):
    text = PLAIN.replace("{y:", "{日é:").replace("{f:", "{\U00020000:")
    (tmp_path / "s.yaml").write_text(f"title: 'é \u20ac \U0001f600'\n{text}", encoding="utf-8")
    code, out, _ = shown([*command, str(tmp_path / "s.yaml")], capsys)
    assert code == 0
    written = written_in(out, encoding, command[-1])
    data = written.encode(encoding)  # raises nothing
    if command[-1] == "json":
        assert json.loads(data) == json.loads(out)
    elif command[-1] == "junit":
        assert ET.tostring(ET.fromstring(data)) == ET.tostring(ET.fromstring(out.encode()))
    elif encoding == "utf-8":
        assert written == out


@pytest.mark.parametrize("form", ["json", "junit", "table"])
def test_a_terminal_without_unicode_ends_in_no_error(form):
    text = PLAIN.replace("{y:", "{日é:").encode()
    done = subprocess.run(
        [sys.executable, "-m", "chainprice", "verify", "-", "-f", form],
        input=text,
        capture_output=True,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    escaped = {"json": rb"\u65e5\u00e9", "junit": b"&#26085;&#233;", "table": rb"\u65e5\xe9"}
    assert escaped[form] in done.stdout
