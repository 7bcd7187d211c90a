"""Firms by the table are the same as firms that are written out, and what is wrong is said in its row and column."""

import csv
import hashlib
import io
import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as of_hypothesis
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from outputs import TABLES as PAGE
from outputs import as_shown, readme_blocks, readme_examples, shell
from support import ROOT, run
from test_bombs import bounded

import chainprice
from chainprice import limits
from chainprice.cli import run as run_here
from chainprice.completion import goods, settings
from chainprice.dynamics.choices import Shock
from chainprice.errors import SpecError, UsageError
from chainprice.spec import sheets
from chainprice.spec.sheets import SheetError, read_sheet
from chainprice.spec.text import Content, read_source
from chainprice.spec.tree import read_tree

ENDS = "supply: {x: {quantity: 4}, w: {quantity: 3}}\ndemand: {c: {price: 2}}\n"
FORMULAS = "firm,output,formula,k,alpha\nfirst,a,k*x^alpha,2,0.5\nsecond,c,min(a/k w),1/3,\n".replace(
    "a/k w", "a/k"
)
TEMPLATE = 'firms:\n  table: firms.csv\n  "{firm}": {production: {"{output}": "k*{input}^alpha"}}\n'


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(spec, table=None, name="firms.csv"):
        (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
        if table is not None:
            data = table if isinstance(table, bytes) else table.encode("utf-8")
            (tmp_path / name).write_bytes(data)
        return "spec.yaml"

    return write


def refusals(path="spec.yaml", *settings):
    """Each problem as `file:line:column: what is meant: message`."""
    with pytest.raises(SpecError) as refused:
        chainprice.load(path, settings)
    shown = []
    for problem in refused.value.problems:
        at = problem.place
        meant = at.text[at.column - 1 : at.column - 1 + at.length] if at else ""
        shown.append(f"{at}: {meant}: {problem.message}" if at else problem.message)
    return shown


# The same as written out.


def test_formulas_by_the_row(place):
    by_table = chainprice.load(place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS))
    written = chainprice.load(
        "firms:\n  first: {parameters: {k: 2, alpha: 0.5}, production: {a: k*x^alpha}}\n"
        f"  second: {{parameters: {{k: 1/3}}, production: {{c: min(a/k)}}}}\n{ENDS}"
    )
    assert by_table.firms == written.firms
    assert chainprice.solve(by_table).prices == chainprice.solve(written).prices
    assert chainprice.verify(by_table).verified


def test_a_template(place):
    table = "firm,output,input,k,alpha,who,country\nf1,a,x,2,0.5,Ann,NO\nf2,c,a,3,,Bo & sons,\n"
    spec = chainprice.load(
        place(
            'firms:\n  table: firms.csv\n  "{firm}":\n    description: "{who}, {country}"\n    parameters: {alpha: 0.7}\n'
            f'    production: {{"{{output}}": "k*{{input}}^alpha"}}\n  own: {{production: {{b: 2*w}}}}\n{ENDS}',
            table,
        )
    )
    written = chainprice.load(
        "firms:\n  f1: {description: 'Ann, NO', parameters: {k: 2, alpha: 0.5}, production: {a: k*x^alpha}}\n"
        "  f2: {description: 'Bo & sons, ', parameters: {k: 3, alpha: 0.7}, production: {c: k*a^alpha}}\n"
        f"  own: {{production: {{b: 2*w}}}}\n{ENDS}"
    )
    assert spec.firms == written.firms


def test_any_heading_may_stand_in_braces(place):
    firms = '  table: firms.csv\n  "{Firm name}": {description: "{%} of 100%", production: {c: "{good (1)}"}}'
    spec = chainprice.load(place(f"firms:\n{firms}\n{ENDS}", "Firm name,good (1),%\nf,x,7\n"))
    assert spec.firms["f"].description == "7 of 100%"
    assert str(spec.firms["f"].production["c"]) == "x"


def test_names_may_be_made_of_numbers(place):
    spec = chainprice.load(
        place(
            'firms:\n  table: firms.csv\n  "plant_{id}": {production: {"c": "{in}_{n}", "b{id}": 1}}\n'
            "supply: {x_7: {quantity: 1}}\ndemand: {c: {price: 1}}",
            "id,in,n\n17,x,7\n",
        )
    )
    assert {name: str(firm.production["c"]) for name, firm in spec.firms.items()} == {"plant_17": "x_7"}
    assert [*spec.firms["plant_17"].production] == ["c", "b17"]


def test_a_column_may_be_a_part_of_a_name_and_a_number(place):
    spec = chainprice.load(
        place(
            'firms:\n  table: firms.csv\n  "plant_{n}":\n    production:\n'
            "      c: {form: linear, scale: 2, coefficients: {x: n}}\n" + ENDS,
            "n,scale,form,x\n3,many,some,any\n",
        )
    )
    assert spec.firms["plant_3"].parameters.keys() == {"n"}
    assert str(spec.firms["plant_3"].production["c"]) == "2*(n*x)"


def test_forms_by_the_row(place):
    table = (
        "firm,output,form,formula,scale,elasticity,returns,shares.x,shares.w,requirements.a,second_order.x.w,first_order.x,alpha\n"
        "f1,a,ces,,2,sigma,0.9,alpha,1 - alpha,,,,0.4\n"
        "f2,b,leontief,,,,,,,2,,,\n"
        "f3,c,,scale*b,3,,,,,,,,\n"
        "f4,d,translog,,,,,,,,0.1,1,\n"
    )
    spec = chainprice.load(place(f"parameters: {{sigma: 0.5}}\nfirms: {{table: firms.csv}}\n{ENDS}", table))
    assert {name: [str(f) for f in firm.production.values()] for name, firm in spec.firms.items()} == {
        "f1": ["2*((1 - alpha)*w^((sigma - 1)/sigma) + alpha*x^((sigma - 1)/sigma))^(0.9*sigma/(sigma - 1))"],
        "f2": ["a/2"],
        "f3": ["scale*b"],
        "f4": ["exp(ln(x) + 0.1*ln(w)*ln(x))"],
    }
    assert {name: [*firm.parameters] for name, firm in spec.firms.items()} == {
        "f1": ["alpha"],
        "f2": [],
        "f3": ["scale"],
        "f4": [],
    }


def test_a_form_in_a_template(place):
    template = '"{firm}": {production: {"{output}": {form: "{form}", scale: k, shares: {"{in1}": alpha, "{in2}": 1 - alpha}}}}'
    table = "firm,output,form,in1,in2,k,alpha\nf,c,cobb_douglas,x,w,2,0.3\n"
    spec = chainprice.load(place(f"firms:\n  table: firms.csv\n  {template}\n{ENDS}", table))
    assert str(spec.firms["f"].production["c"]) == "k*w^(1 - alpha)*x^alpha"
    assert chainprice.verify(chainprice.load("spec.yaml", ["f.alpha=0.6"])).verified


def test_a_firm_called_table_is_a_firm(place):
    spec = chainprice.load(
        "firms: {table: {production: {c: x}}}\nsupply: {x: {quantity: 1}}\ndemand: {c: {price: 1}}"
    )
    assert [*spec.firms] == ["table"]
    with pytest.raises(SpecError, match="'{firm}' is not a name"):
        chainprice.load(
            'firms:\n  "{firm}": {production: {c: x}}\nsupply: {x: {quantity: 1}}\ndemand: {c: {price: 1}}'
        )


def test_settings_reach_the_firms_of_a_table(place):
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    solved = chainprice.solve(chainprice.load("spec.yaml", ["first.k=3"]))
    (quantity,) = [row.quantity for row in solved.goods if row.good == "a"]
    assert quantity == 6
    with pytest.raises(UsageError, match="no parameter of firm 'first' 'kk' in the spec"):
        chainprice.load("spec.yaml", ["first.kk=3"])
    assert refusals("spec.yaml", "first.k=1/0")[0].startswith("--set:1:15: 1: '1/0' is not a finite")


def test_a_shock_to_a_firm_of_a_table(place):
    """The source is read again for the world after the shock, with its table."""
    pytest.importorskip("casadi")
    table = "firm,output,formula,k\nfirst,a,k*sqrt(x),2\nsecond,c,2*sqrt(a),\n"
    place("firms: {table: firms.csv}\nsupply: {x: {quantity: 4}}\ndemand: {c: {price: 2}}\n", table)
    spec = chainprice.load("spec.yaml")
    Path("firms.csv").unlink()
    after = chainprice.simulate(spec, shocks=[Shock("first.k=8", 50)]).to_dict()
    prices = chainprice.solve(chainprice.load(spec.source, ["first.k=8"])).prices
    assert after["prices"] == pytest.approx(dict(prices), rel=1e-5)


def test_the_digest_is_of_all_that_was_read(place):
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    digests = [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("spec.yaml", "firms.csv")]
    whole = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
    spec = chainprice.load("spec.yaml")
    assert chainprice.solve(spec).to_dict()["spec"]["sha256"] == whole
    if sys.platform == "linux":
        command = "sha256sum spec.yaml firms.csv | cut -c1-64 | sha256sum"
        assert (
            subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout[:64]
            == whole
        )
    assert chainprice.load("spec.yaml").source == spec.source
    again = chainprice.load(spec.source)
    assert (again.source.sha256, again.firms) == (whole, spec.firms)


def test_a_source_that_was_read_does_not_change(place):
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    spec = chainprice.load("spec.yaml")
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS.replace("first,a,k*x", "first,a,9*x"))
    assert chainprice.load(spec.source).firms == spec.firms
    assert chainprice.load("spec.yaml").firms != spec.firms
    assert chainprice.load("spec.yaml").source.sha256 != spec.source.sha256


def test_a_published_table_is_stale_when_its_firms_have_changed(place):
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    assert run_here(["solve", "spec.yaml", "-f", "json", "-o", "prices.json"]) == 0
    assert run_here(["verify", "spec.yaml", "--table", "prices.json"]) == 0
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS.replace("first,a,k*x", "first,a,9*x"))
    assert run_here(["verify", "spec.yaml", "--table", "prices.json"]) == 1


def test_completion_knows_the_firms_of_a_table(place):
    place(f"parameters: {{g: 1}}\nfirms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    assert goods(["spec.yaml"]) == ["x", "w", "a", "c"]
    assert {"first.k=", "first.alpha=", "second.k=", "second.g="} <= {*settings(["spec.yaml"])}
    Path("firms.csv").unlink()
    assert goods(["spec.yaml"]) in ([], ["x", "w"])
    assert not any(name.startswith("table.") for name in settings(["spec.yaml"]))


CELLS = st.text(st.sampled_from("ab,\" '=+ é\t;"), max_size=6)


@of_hypothesis(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_what_the_csv_module_writes_is_read_and_found_again(rows):
    text = io.StringIO()
    csv.writer(text).writerows([["p", "q", "r"], *rows])
    sheet = read_sheet(Content("t.csv", text.getvalue().encode()))
    kept = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    assert [[*row] for row in sheet.rows] == kept
    for index, row in enumerate(sheet.rows):
        for column, cell in enumerate(row):
            place = sheet.place(index, column)
            meant = place.text[place.column - 1 : place.column - 1 + place.length]
            assert meant.replace('""', '"').strip() == cell or not cell


# What is wrong.


def test_every_row_and_column_is_named(place):
    place(
        f"firms: {{table: firms.csv}}\nparameters: {{zeta: 1}}\n{ENDS}",
        "firm,output,formula,form,k,elasticity,shares.x,shares.oer\n"
        "f1,a,k*y^2,,1e,,,\n"
        'f2,1b,"min(x, )",,,,,\n'
        "f3,b,,ces,,-1,0.5,0.4\n"
        "f4,d,,cse,,,1,\n"
        "f 5,e,x,,,,,\n"
        "f6,g,,ces,,zata,1,\n"
        "f7,h,,linear,,2,1,\n"
        "f8,c,,ces,,1,,1\n",
    )
    assert refusals() == [
        "firms.csv:1:48: shares.oer: unknown good 'oer' in the production of 'c' by firm 'f8'",
        "firms.csv:2:8: y: unknown name 'y' in the production of 'a' by firm 'f1'",
        "firms.csv:2:14: e: an operator is missing before 'e'",
        "firms.csv:3:4: 1b: '1b' is not a name",
        "firms.csv:3:15: ): something is missing before ')'",
        "firms.csv:4:12: -1: an elasticity of substitution cannot be negative",
        "firms.csv:4:15: 0.5: the shares sum to 0.9, and not to 1",
        "firms.csv:5:7: cse: unknown form 'cse'",
        "firms.csv:6:1: f 5: 'f 5' is not a name",
        "firms.csv:7:12: zata: unknown parameter 'zata'",
        "firms.csv:8:7: linear: the form linear needs `coefficients`",
        "firms.csv:8:15: 2: unknown key 'elasticity'",
        "firms.csv:8:17: 1: unknown key 'shares'",
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", ["firms.csv: : the table is empty"]),
        ("\n\n", ["firms.csv: : the table is empty"]),
        ("firm;output;formula\nf;c;x\n", ["firms.csv:1:1: f: columns are parted by commas, not by semicolons"]),
        ("firm\toutput\tformula\n", ["firms.csv:1:1: f: columns are parted by commas, not by tabs"]),
        ("frim,output,formula\nf,c,x\n", ["firms.csv:1:1: frim,output,formula: no column 'firm'"]),
        ("a,b\nf,c\n", [
            "firms.csv:1:1: a,b: no column 'firm'",
            "firms.csv:1:1: a,b: no column 'output'",
            "firms.csv:1:1: a,b: no column 'formula' or 'form'",
        ]),
        ("firm,output,formula,k,k\nf,c,x,1,2\n", ["firms.csv:1:23: k: two columns are called 'k'"]),
        ("firm,output,formula\nf,c\ng,c,x,y\n", [
            "firms.csv:2:1: f,c: a row of 2 cells under a heading of 3",
            "firms.csv:3:1: g,c,x,y: a row of 4 cells under a heading of 3",
        ]),
        ('firm,output,formula\nf,c,"x\n+1"\n', [
            'firms.csv:2:5: ": a quote is not closed in its line',
            'firms.csv:3:1: +1": a row of 1 cells under a heading of 3',
        ]),
        ('firm,output,formula\nf,c,"x"y\n', ["firms.csv:2:5: \": no CSV: ',' expected after '\"'"]),
        ("firm,output,formula\n,c,x\nf,,x\ng,c,\nf,c,x\nf,d,x\n", [
            "firms.csv:2:1: ,: no 'firm'",
            "firms.csv:3:3: ,: no 'output'",
            "firms.csv:4:5: : neither a formula nor a form",
            "firms.csv:6:1: f: firm 'f' is given twice",
        ]),
        ("firm,output,formula\n", ["spec.yaml:3:10: c: unknown good 'c'"]),
        ("firm,output,formula\nmill,c,x\n", ["firms.csv:2:1: mill: firm 'mill' is given twice"]),
        ("firm,output,formula,form\nf,c,x,ces\n", ["firms.csv:2:7: ces: a formula and a form in one row"]),
        ("firm,output,form,share.x\nf,c,ces,1\n", ["firms.csv:1:18: share.x: no form has 'share'"]),
        ("firm,output,form,shares.x.y\nf,c,ces,1\n", ["firms.csv:1:18: shares.x.y: 'shares.x.y' has a wrong number of points"]),
        ("firm,output,formula\nf,c,=1+cmd|' /C calc'!A0\n", ["firms.csv:2:5: =: '=' is not part of a formula"]),
        ("firm,output,formula\nf,c,__import__('os')\n", ["firms.csv:2:5: __import__: unknown function '__import__'"]),
        (b"firm,output,formula\nf,c,x\0\n", ["firms.csv:2:6: \0: a NUL character"]),
        ("firm,output,formula\nf,c,x\n".encode("utf-16"), ["firms.csv: : this looks like UTF-16LE, and not like UTF-8"]),
        ("firm,output,formula\nf\xe9,c,x\n".encode("latin-1"), ["firms.csv:2:2: \ufffd: byte 0xe9 is not UTF-8"]),
        (b"PK\x03\x04" + b"\0" * 99, ["firms.csv: : this is a zip file"]),
        (b"PAR1", ["firms.csv: : no Parquet: Parquet file size is 4 bytes, smaller than the minimum file footer (8 bytes)"]),
        ("firm,output,formula\nf\u202e,c,x\n", ["firms.csv:2:1: f\u202e: 'f\u202e' is not a name"]),
        ("firm,output,formula,description\nf,c,x,a\x07b\n", ["firms.csv:2:7: a\x07b: description contains a control character"]),
    ],
    ids=range(25),
)  # fmt: skip
def test_tables_that_are_none(table, said, place):
    if b"PAR1" in (table if isinstance(table, bytes) else b""):
        pytest.importorskip("pyarrow")
    place(f"firms: {{table: firms.csv, mill: {{production: {{b: w}}}}}}\n{ENDS}", table)
    assert refusals() == said
    done = run_here(["check", "spec.yaml"])
    assert done == 2


@pytest.mark.parametrize("table", [FORMULAS.replace("\n", "\r\n"), FORMULAS.replace("\n", "\r"), "\ufeff" + FORMULAS, FORMULAS.replace("\n", "\n\n,,,,\n").replace("\n\n,,,,\n", "\n", 1), FORMULAS.replace(",", " , ")])  # fmt: skip
def test_line_ends_marks_and_blanks(table, place):
    plain = chainprice.load(place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)).firms
    assert chainprice.load(place(f"firms: {{table: firms.csv}}\n{ENDS}", table)).firms == plain


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('"{frim}": {production: {c: x}}', "spec.yaml:3:3: \"{frim}\": the table has no column 'frim'"),
        ('"{firm}": {production: {"{outptu}": x}}', "spec.yaml:3:27: \"{outptu}\": the table has no column 'outptu'"),
        ('"{firm}": {production: {"{output}": "2*{in}"}}', "spec.yaml:3:43: in: the table has no column 'in'"),
        ('"{firm}": {production: {"{output}": "2*{input}"}, outputs: 1}', "spec.yaml:3:53: outputs: unknown key 'outputs'"),
        ('"{firm}": {parameters: {k: 1}}', 'spec.yaml:3:3: "{firm}": the firms of the table make nothing'),
        ('"{firm}": {production: [x]}', "spec.yaml:3:14: production: production must be a mapping from names"),
        ('"{": {production: {c: x}}', 'spec.yaml:3:3: "{": the name of this template has no column in braces'),
        ('"{}": {production: {c: x}}', "spec.yaml:3:3: \"{}\": the table has no column ''"),
        ('"{firm}": 3', "spec.yaml:3:13: 3: a firm must be a mapping of production, parameters, description"),
        ('"{firm}": {production: {c: x}}\n  "{a}": {production: {c: x}}', 'spec.yaml:4:3: "{a}": a second template for the firms of the table'),
        ('"{firm}": {production: {"{output}": "2*{input} +"}}', "spec.yaml:3:50: +: the formula stops after an operator"),
        ('"{firm}": {production: {"{output}": "k*{input}*zz"}}', "spec.yaml:3:50: zz: unknown name 'zz' in the production of 'a' by firm 'f1'"),
        ('"{firm}": {production: {"{output}": {form: ces, elasticty: 2, elasticity: 2, shares: {"{input}": 1}}}}', "spec.yaml:3:51: elasticty: unknown key 'elasticty'"),
        ('"{firm}": {production: {"{output}": "{input}*z"}}', "firms.csv:3:13: : no 'z'"),
        ('"{firm}": {production: {"{output}": "k*{k}"}}', "firms.csv:3:8: -2.5: '-2.5' cannot stand in braces: only letters, digits and _ can"),
        ('"{firm}": {production: {"{output}": {form: ces, elasticity: 2, shares: {"{input}": k}}}}', "firms.csv:3:8: -2.5: a share cannot be negative"),
        ('"{firm}": {production: {"{output}": {form: linear, coefficients: {"{output}": 1}}}}', None),
    ],
)  # fmt: skip
def test_templates_that_are_wrong(template, said, place):
    place(
        f"firms:\n  table: firms.csv\n  {template}\n{ENDS}",
        "firm,output,input,k,z\nf1,a,x,1,1\nf2,c,a,-2.5,\n".replace("f2,c,a,-2.5", "f2,c,a,-2.5"),
    )
    if said is None:
        chainprice.load("spec.yaml")
        return
    assert said in refusals()


def test_two_goods_of_a_row_that_are_one(place):
    form = "{form: linear, coefficients: {x: 1, '{in1}': 2, '{in2}': 3}}"
    place(
        f"firms:\n  table: firms.csv\n  '{{firm}}': {{production: {{c: {form}}}}}\n{ENDS}",
        "firm,in1,in2\nf,w,w\ng,x,w\n",
    )
    assert refusals() == [
        "firms.csv:2:1: f: 'w' stands twice where the template has two names",
        "firms.csv:3:1: g: 'x' stands twice where the template has two names",
    ]


def test_a_table_without_rows(place):
    place(f"firms: {{table: firms.csv}}\n{ENDS}", "firm,output,formula\n")
    assert refusals() == ["firms.csv: : the table has a heading, and no firms"]


def test_what_is_wrong_with_a_template_is_said_once(place):
    rows = "".join(f"f{i},c{i},x\n" for i in range(500))
    place(
        f'firms:\n  table: firms.csv\n  "{{firm}}": {{production: {{"{{output}}": "{{input}}*zz"}}}}\n{ENDS}',
        f"firm,output,input\n{rows}c,c,x\n",
    )
    first, more = refusals()
    assert first.startswith("spec.yaml:3:48: zz: unknown name 'zz'")
    assert more == "and 500 more problems"


def test_many_wrong_rows_are_counted(place):
    rows = "".join(f"f,c{i},x\n" for i in range(500))
    place(f"firms: {{table: firms.csv}}\n{ENDS}", f"firm,output,formula\n{rows}")
    said = refusals()
    assert len(said) == limits.PROBLEMS_SHOWN + 1
    assert said[-1] == "and 399 more problems"


def test_where_a_function_of_a_row_is_undefined(place):
    place(TEMPLATE + ENDS, "firm,output,input,k,alpha\nf1,a,x,0,0.5\nf2,c,a,3,-1\n")
    with pytest.raises(chainprice.NoAnswerError) as refused:
        chainprice.solve(chainprice.load("spec.yaml"))
    assert str(refused.value.problems[0].place) == "firms.csv:3:1"
    place(f"firms: {{table: firms.csv}}\n{ENDS}", "firm,output,formula\nf1,c,ln(0*x)\n")
    with pytest.raises(chainprice.NoAnswerError) as refused:
        chainprice.solve(chainprice.load("spec.yaml"))
    place_of = refused.value.problems[0].place
    assert (str(place_of), place_of.length) == ("firms.csv:2:6", len("ln(0*x)"))


@pytest.mark.parametrize("written", ["../firms.csv", "/etc/passwd", "out.csv", "nowhere.csv", "."])
def test_a_table_elsewhere_is_refused(written, place, tmp_path):
    (tmp_path / "out.csv").symlink_to("/etc/passwd")
    place(f"firms: {{table: {written}}}\n{ENDS}", FORMULAS)
    (said,) = refusals()
    assert said.startswith(f"spec.yaml:1:16: {written}: ")
    assert "root:" not in said


def test_standard_input_and_texts_have_no_tables(place):
    place(TEMPLATE, FORMULAS)
    done = run("check", "-", stdin=f"firms: {{table: firms.csv}}\n{ENDS}")
    assert done.returncode == 2
    assert "<stdin>:1:16: error: standard input has no folder in which 'firms.csv' could be" in done.stderr
    with pytest.raises(SpecError, match="a text has no folder"):
        chainprice.load(f"firms: {{table: firms.csv}}\n{ENDS}")
    assert read_source("a: 1\n").neighbours == {}


# Parquet.


def parquet(columns):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    into = arrow.BufferOutputStream()
    parquet.write_table(arrow.table(columns), into)
    return into.getvalue().to_pybytes()


def test_parquet_is_the_same_as_csv(place):
    arrow = pytest.importorskip("pyarrow")
    data = parquet(
        {
            "firm": ["f1", "f2"],
            "output": arrow.array(["a", "c"]).dictionary_encode(),
            "input": ["x", "a"],
            "k": arrow.array([2, None], arrow.int32()),
            "alpha": arrow.array([0.1, 0.3], arrow.float32()),
            "n": [0.1, 1e-300],
        }
    )
    spec = f'firms:\n  table: firms.parquet\n  "{{firm}}":\n    parameters: {{k: 5}}\n    production: {{"{{output}}": "k*{{input}}^alpha + 0*n"}}\n{ENDS}'
    by_parquet = chainprice.load(place(spec, data, "firms.parquet"))
    rows = "firm,output,input,k,alpha,n\nf1,a,x,2,0.1,0.1\nf2,c,a,,0.3,1e-300\n"
    by_csv = chainprice.load(place(spec.replace(".parquet", ".csv"), rows))
    assert by_parquet.firms == by_csv.firms


def test_what_is_wrong_in_parquet_has_its_row_and_column(place):
    arrow = pytest.importorskip("pyarrow")
    data = parquet(
        {
            "firm": ["f", "g"],
            "output": ["c", "d"],
            "formula": ["x", "k*y"],
            "k": arrow.array([float("nan"), float("inf")]),
        }
    )
    place(f"firms: {{table: firms.parquet}}\n{ENDS}", data, "firms.parquet")
    assert refusals() == ["firms.parquet:1:4: : nan is no number", "firms.parquet:2:4: : inf is no number"]
    data = parquet({"firm": ["f", "g"], "output": ["c", "d"], "formula": ["x", "k*y"], "k": [1, 2]})
    place(f"firms: {{table: firms.parquet}}\n{ENDS}", data, "firms.parquet")
    assert refusals() == ["firms.parquet:2:3: : unknown name 'y' in the production of 'd' by firm 'g'"]
    data = parquet({"firm": ["f"], "output": ["c"], "formula": ["x"], "k": [[1, 2]]})
    place(f"firms: {{table: firms.parquet}}\n{ENDS}", data, "firms.parquet")
    (said,) = refusals()
    assert said.startswith("firms.parquet:1:4: : a column of list<")


def test_a_parquet_table_without_pyarrow(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    place(f"firms: {{table: firms.parquet}}\n{ENDS}", b"PAR1", "firms.parquet")
    with pytest.raises(UsageError, match="tables in Parquet need pyarrow") as refused:
        chainprice.load("spec.yaml")
    assert refused.value.problems[0].hint == "pip install 'chainprice[parquet]'"


BOMBS = """
import pyarrow
from pyarrow import parquet
rows = 1_000_000
text = pyarrow.array(["x" * 1_000_000])
long = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), text)
parquet.write_table(pyarrow.table({"firm": pyarrow.arange(0, rows), "output": long, "formula": long}), "long.parquet")
zeros = pyarrow.array([0] * rows)
parquet.write_table(pyarrow.table({f"c{i}": zeros for i in range(60)}), "many.parquet")
parquet.write_table(pyarrow.table({"firm": pyarrow.array([0] * (rows + 1))}), "rows.parquet")
"""


def test_parquet_bombs(tmp_path):
    """A terabyte when it is unpacked: one long text in a million rows; and one number in very many cells."""
    pytest.importorskip("pyarrow")
    subprocess.run([sys.executable, "-c", BOMBS], cwd=tmp_path, check=True)
    for name in ("long", "many", "rows"):
        assert (tmp_path / f"{name}.parquet").stat().st_size < 10_000_000
        content = f"firms: {{table: {name}.parquet}}\n{ENDS}"
        code, message = bounded(tmp_path, "check", f"{name}.yaml", name=f"{name}.yaml", content=content)
        assert code == 2, message


# Bombs.


@pytest.mark.parametrize(
    "table",
    [
        "firm,output,formula\n" + "a,b\n" * 2_000_000,
        "firm,output,formula\n" + "\n" * 5_000_000,
        "firm,output,formula\n" + "," * 20_000_000,
        "," * 20_000_000,
        '"' * 20_000_001,
        "firm,output,formula\n" + 'f,c,"' + "x" * 200_000 + '"\n',
        "firm,output,formula\n" + "f,c," + "(" * 900_000 + "\n",
        "firm,output,formula\nf,c," + "9" * 900_000 + "\n",
        "firm,output,formula\nf,c,2^(2^(2^(2^2000)))\n",
        "firm,output,formula\n" + f"{'f' * 500_000},c,x\n",
    ],
    ids=["rows", "lines", "cells", "heading", "quotes", "cell", "nesting", "digits", "power", "name"],
)
def test_a_bomb_does_not_go_off(table, tmp_path):
    (tmp_path / "firms.csv").write_text(table)
    code, message = bounded(
        tmp_path, "check", "spec.yaml", name="spec.yaml", content=f"firms: {{table: firms.csv}}\n{ENDS}"
    )
    assert code == 2, message


def test_too_long_a_table_is_refused_before_it_is_read(place, monkeypatch):
    monkeypatch.setattr(limits, "FIRMS_BYTES", 10)
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    assert refusals() == ["firms.csv: : longer than 10 bytes"]


def test_a_sheet_is_never_made_of_two_columns_of_one_name():
    with pytest.raises(SheetError):
        read_sheet(Content("t.csv", b"a,b,a\n1,2,3\n"))
    assert sheets.columns_of(["a", "", ""]) == {"a": 0}


def test_a_table_is_not_a_spec_of_its_own(place):
    place(f"firms: {{table: firms.csv}}\n{ENDS}", FORMULAS)
    done = run_here(["verify", "."])
    assert done == 0


# Whatever stands there.

ANY_CELL = st.sampled_from([
    "f", "x", "w", "c", "0.5", "", "-1", "1/3", "k*x", "x^0.5", "ces", "linear", "{x}", '"q"', "'", "=1", "a b", "\u202e",
    "é", "9" * 30, "min(x, w)", "e", "1e999", "NaN", "f,g", "%s", "%", "{}", "\\", "1x", "\n",
])  # fmt: skip
HEADINGS = [
    "k",
    "description",
    "scale",
    "elasticity",
    "shares.x",
    "shares.w",
    "second_order.x.w",
    "in",
    "",
    "share.x",
    "é",
]
PATTERNS = st.sampled_from(["k*{in}^0.5", "x", "{in}+w", "%s{in}%", "{nope}", {"form": "{form}", "shares": {"{in}": "k", "w": "1 - k"}}])  # fmt: skip


@st.composite
def written_tables(draw):
    heading = ["firm", "output", "formula", "form", *draw(st.lists(st.sampled_from(HEADINGS), max_size=5))]
    usual = {
        "firm": ["f", "g"],
        "output": ["c", "b"],
        "formula": ["k*x", "w^0.5", ""],
        "form": ["", "ces"],
        "in": ["x", "w"],
    }
    rows = []
    for _ in range(draw(st.integers(0, 3))):
        cells = (st.sampled_from(usual.get(name, ["", "0.5", "1"])) | ANY_CELL for name in heading)
        rows.append([draw(cell) for cell in cells])
    text = io.StringIO()
    csv.writer(text).writerows([heading, *rows])
    firms = {"table": "firms.csv"}
    if draw(st.booleans()):
        key = draw(st.sampled_from(["{firm}", "p_{in}", "{nope}", "{", "{}", "p{"]))
        firms[key] = {"production": {draw(st.sampled_from(["c", "{output}"])): draw(PATTERNS)}}
    return firms, text.getvalue()


@of_hypothesis(deadline=None)
@given(written_tables())
def test_whatever_stands_in_a_table_it_is_read_or_refused(written):
    firms, text = written
    tree = {
        "firms": firms,
        "supply": {"x": {"quantity": 4}, "w": {"quantity": 3}},
        "demand": {"c": {"price": 2}},
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "spec.json").write_text(json.dumps(tree), encoding="utf-8")
        Path(folder, "firms.csv").write_text(text, encoding="utf-8", newline="")
        try:
            read = chainprice.load(Path(folder, "spec.json"))
        except SpecError as error:
            for problem in error.problems:
                assert problem.place.column <= len(problem.place.text) + 1
            return
        with suppress(chainprice.NoAnswerError):
            chainprice.solve(read).to_dict()


# The page about them.


@pytest.mark.skipif(sys.platform == "win32", reason="commands of POSIX")
@pytest.mark.parametrize(("command", "output"), list(readme_examples(PAGE)), ids=lambda text: text[:60])
def test_outputs_of_the_page(command, output):
    pytest.importorskip("casadi")
    assert as_shown(shell(command)) == output


def test_the_template_of_the_page_is_that_of_the_example():
    (shown,) = readme_blocks("yaml", PAGE)
    whole = read_tree((ROOT / "docs/examples/plants.yaml").read_text(encoding="utf-8")).tree
    assert read_tree(shown).tree["firms"] == whole["firms"]


def test_the_table_of_the_page_is_one(place):
    (shown,) = readme_blocks("csv", PAGE)
    spec = "firms: {table: firms.csv}\nsupply: {ore: {quantity: 4}, coal: {quantity: 1}}\ndemand: {slab: {price: 1}}\n"
    read = chainprice.load(place(spec, shown))
    assert [str(f) for firm in read.firms.values() for f in firm.production.values()] == [
        "2*(0.6*coal^-1 + 0.4*ore^-1)^-1",
        "k*iron^0.9",
    ]
    assert chainprice.verify(read).verified


def test_the_schema_knows_tables_and_templates():
    schema = Draft202012Validator(chainprice.schema())
    tree = read_tree((ROOT / "docs/examples/plants.yaml").read_text(encoding="utf-8")).tree
    schema.validate(tree)
    one = {"form": "{form}", "shares": {"{in1}": "alpha", "{in2}": "1 - alpha"}}
    schema.validate(tree | {"firms": {"table": "t.csv", "p_{id}": {"production": {"{out}": one}}}})
    schema.validate(tree | {"firms": {"table": {"production": {"y": "x"}}}})
    for wrong in (
        {"table": 3},
        {"table": ""},
        {"table": "t.csv", "{f}": {"output": 1}},
        {"f": {"production": {"{y}": "x"}}},
    ):
        assert not schema.is_valid(tree | {"firms": wrong})


def test_a_misspelt_heading_is_told_what_it_was_meant_to_be(place):
    spec = "firms: {table: firms.csv}\nsupply: {x: {quantity: 4}}\ndemand: {y: {price: 1}}\n"
    with pytest.raises(chainprice.errors.SpecError) as caught:
        chainprice.load(place(spec, "frm,output,frmula\nf,y,sqrt(x)\n"))
    assert [problem.hint for problem in caught.value.problems] == [
        "is 'frm' meant to be 'firm'?",
        "is 'frmula' meant to be 'formula'?",
    ]
