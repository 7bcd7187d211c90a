"""A published table against its spec, also after the spec has changed: what is stale, new or gone."""

import copy
import csv
import io
import json

import pytest
from support import run, spec

import chainprice
from chainprice.errors import NoAnswerError, TableError
from chainprice.publication import verify_published
from chainprice.report.jsontext import json_text
from chainprice.report.solutions import solution_csv
from chainprice.report.verdicts import MOST_ROWS
from chainprice.verification.forms import lacking

GIVEN = (
    "parameters: {k: 2}\n"
    "goods: {x: {unit: t}, y: {unit: box}}\n"
    "firms:\n"
    "  mill: {production: {y: k*sqrt(x)}}\n"
    "  shop: {production: {z: 3*y}}\n"
    "supply: {x: {quantity: 4}}\n"
    "demand: {z: {price: 5}}\n"
)
MARKET = (
    "firms:\n"
    "  gas: {production: {power: 'min(fuel/2, 500)'}}\n"
    "  oil: {production: {power: 'min(tar/3, 10)'}}\n"
    "supply: {fuel: {price: 15}, tar: {price: 30}}\n"
    "demand: {power: {price: 100 - q}}\n"
)


def published(text, form):
    solution = chainprice.solve(spec(text))
    if form == "prices":
        return json.dumps(dict(solution.prices))
    return solution_csv(solution) if form == "csv" else json_text(solution.contents())


def verdict(text, table, **options):
    return verify_published(spec(text), chainprice.read_table(table, "table"), **options)


def failing(result):
    return {c.condition: c.where for c in result.conditions if not c.passed}


@pytest.mark.parametrize("form", ["solve", "csv", "prices"])
@pytest.mark.parametrize("text", [GIVEN, MARKET])
def test_a_table_of_this_spec_holds_and_says_what_was_checked(text, form):
    result = verdict(text, published(text, form))
    assert result.verified
    assert result.table.form == form
    assert result.table.sha256_matches is (True if form == "solve" else None)
    assert (result.table.stale, result.table.new, result.table.gone) == ((), (), ())
    conditions = {c.condition: c for c in result.conditions}
    where = {"solve": "all", "csv": "no firms, no uses", "prices": "prices only"}
    assert conditions["completeness"].where == where[form]
    assert ("values" in conditions) == (form != "prices")


@pytest.mark.parametrize("form", ["solve", "csv", "prices"])
@pytest.mark.parametrize("text", [GIVEN, MARKET])
def test_a_comment_makes_no_table_stale(text, form):
    result = verdict(f"{text}# a comment\n", published(text, form))
    assert result.verified
    assert result.table.sha256_matches is (False if form == "solve" else None)


@pytest.mark.parametrize("form", ["solve", "csv", "prices"])
def test_a_parameter_makes_prices_stale_by_so_much(form):
    result = verdict(GIVEN.replace("k: 2", "k: 3"), published(GIVEN, form))
    assert not result.verified
    assert [(row.good, row.published, row.now, row.relative_change) for row in result.table.stale] == [
        ("x", 7.5, 11.25, 0.5)
    ]
    assert (result.table.new, result.table.gone) == ((), ())


@pytest.mark.parametrize("form", ["solve", "csv", "prices"])
def test_a_market_makes_prices_stale_by_so_much(form):
    result = verdict(MARKET.replace("100 - q", "50 - q"), published(MARKET, form))
    assert result.verified is (form == "prices")
    assert result.table.stale == ()  # gas is at the margin still; what is sold is another thing
    assert failing(result).keys() & {"quantities", "stationarity"} or form == "prices"
    result = verdict(MARKET.replace("price: 15", "price: 18"), published(MARKET, form))
    assert not result.verified
    assert [(row.good, row.published, row.now, row.relative_change) for row in result.table.stale] == [
        ("fuel", 15, 18, 0.2),
        ("tar", 10, 12, 0.2),
        ("power", 30, 36, 0.2),
    ]
    assert [(c.good, c.direct) for c in result.checks if not c.passed] == [
        ("fuel", pytest.approx(18)),
        ("tar", pytest.approx(12)),
        ("power", pytest.approx(36)),
    ]


@pytest.mark.parametrize("form", ["solve", "csv", "prices"])
def test_goods_and_firms_that_are_new_or_gone_are_named(form):
    changed = GIVEN.replace(
        "  shop: {production: {z: 3*y}}", "  store: {production: {z: 3*w}}\n  pack: {production: {w: y}}"
    )
    for now, table, new, gone in (
        (changed, GIVEN, {"w"}, set()),
        (GIVEN, changed, set(), {"w"}),
        (changed.replace("x", "corn"), GIVEN, {"w", "corn"}, {"x"}),
    ):
        result = verdict(now, published(table, form))
        assert not result.verified
        assert (set(result.table.new), set(result.table.gone)) == (new, gone)
        assert result.table.stale == ()
        firms = [{"store", "pack"}, {"shop"}] if now != GIVEN else [{"shop"}, {"store", "pack"}]
        told = [set(result.table.new_firms), set(result.table.gone_firms)]
        assert told == (firms if form == "solve" else [set(), set()])


@pytest.mark.parametrize("form", ["solve", "csv", "prices"])
def test_goods_that_are_new_or_gone_at_a_market(form):
    changed = MARKET.replace("tar", "pitch")
    result = verdict(changed, published(MARKET, form))
    assert not result.verified
    assert (result.table.new, result.table.gone, result.table.stale) == (("pitch",), ("tar",), ())
    rows = {check.good: check for check in result.checks}
    assert rows["pitch"].direct == pytest.approx(10)
    assert (rows["tar"].price, rows["tar"].direct) == (10, None)


def test_a_firm_with_another_name_is_new_though_no_price_changes():
    for text in (GIVEN.replace("shop", "store"), MARKET.replace("gas:", "coal:")):
        old = GIVEN if "store" in text else MARKET
        result = verdict(text, published(old, "solve"))
        assert not result.verified
        assert len(result.table.new_firms) == len(result.table.gone_firms) == 1
        assert result.table.stale == ()
        assert "firms" in failing(result)


@pytest.mark.parametrize("form", ["solve", "csv"])
def test_a_quantity_or_a_unit_that_changed_makes_a_table_stale_though_no_price_does(form):
    linear = GIVEN.replace("k*sqrt(x)", "k*x")
    result = verdict(linear.replace("quantity: 4", "quantity: 5"), published(linear, form))
    assert not result.verified
    assert result.table.stale == ()
    assert "quantities" in failing(result)
    result = verdict(linear.replace("unit: box", "unit: crate"), published(linear, form))
    assert not result.verified
    assert failing(result).keys() & {"rows", "units"}


@pytest.mark.parametrize("text", [GIVEN, MARKET])
def test_a_forged_price_is_seen_though_the_spec_has_not_changed(text):
    table = json.loads(published(text, "solve"))
    table["goods"][0]["price"] *= 1 + 1e-6
    result = verdict(text, json.dumps(table))
    assert result.table.sha256_matches
    assert [row.good for row in result.table.stale] == [table["goods"][0]["good"]]
    assert [check.good for check in result.checks if not check.passed] == [table["goods"][0]["good"]]


def test_a_spec_that_has_no_answer_now_is_no_stale_table():
    with pytest.raises(NoAnswerError):
        verdict(GIVEN.replace("quantity: 4", "quantity: 0"), published(GIVEN, "solve"))
    with pytest.raises(NoAnswerError):
        verdict(MARKET.replace("100 - q", "100 + q"), published(MARKET, "csv"))


def test_a_price_that_was_0_has_no_relative_change():
    idle = GIVEN.replace("{z: 3*y}", "{z: 0*y}")
    result = verdict(GIVEN, published(idle, "solve"))
    assert [(row.good, row.relative_change) for row in result.table.stale] == [("x", None), ("y", None)]
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("text", [GIVEN, MARKET])
def test_a_table_that_lacks_what_solve_writes_is_not_complete(text):
    whole = json.loads(published(text, "solve"))
    assert lacking(whole) == ()
    for key in ("firms", "limits", "incomes", "total_value", "allocation", "spec", "numeraire"):
        table = {name: value for name, value in whole.items() if name != key}
        result = verdict(text, json.dumps(table))
        assert not result.verified
        assert key in failing(result)["completeness"]
    for part, key in (
        ("goods", "quantity"),
        ("goods", "uses"),
        ("firms", "profit"),
        ("firms", "derivatives"),
    ):
        table = copy.deepcopy(whole)
        del table[part][0][key]
        result = verdict(text, json.dumps(table))
        assert not result.verified
        assert failing(result)["completeness"] == f"{key} in {part}"


@pytest.mark.parametrize("name", ["steel", "electricity", "bakery"])
def test_nothing_that_solve_writes_and_verify_checks_is_forgotten(name):
    table = json.loads(run("solve", f"specs/{name}.yaml", "-f", "json").stdout)
    seen = {"rule", "title", "formula", "warnings", "money", "path", "format", "share", "price_range"}
    names = {"good", "firm", "user", "kind", "input", "output"}

    def missing(part, at):
        for key in part if isinstance(part, dict) else range(len(part)):
            child = part[key]
            if isinstance(key, str) and key not in seen | names and at != "incomes":
                rest = {k: v for k, v in part.items() if k != key}
                if lacking(replaced(table, part, rest)) == ():
                    yield f"{key} in {at}"
            if isinstance(child, (dict, list)) and key != "warnings":
                yield from missing(child, key if isinstance(key, str) else at)

    assert set(missing(table, "")) == set()


def replaced(whole, part, other):
    """The same with one part of it exchanged."""
    if whole is part:
        return other
    if isinstance(whole, dict):
        return {key: replaced(value, part, other) for key, value in whole.items()}
    return [replaced(value, part, other) for value in whole] if isinstance(whole, list) else whole


def test_csv_cells():
    table = published(MARKET, "csv")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["price_low"], row["price_high"]) for row in rows if row["good"] == "tar"] == [
        ("10.0", "30.0")
    ]
    assert not verdict(MARKET, table.replace("10.0,30.0", "10.0,31.0")).verified
    assert verdict(MARKET, table.replace("\n", "\r\n")).verified
    odd = GIVEN.replace("unit: box", 'unit: "=1+1"')
    assert "'=1+1" in published(odd, "csv")
    assert verdict(odd, published(odd, "csv")).verified
    assert verdict(GIVEN, "price,good\n7.5,x\n15,y\n5,z\n").verified
    assert not verdict(GIVEN, "price,good\n7.5,x\n15,y\n").verified
    assert not verdict(GIVEN, "price,good\n7.50001,x\n15,y\n5,z\n").verified


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("good,price\n", "no goods"),
        ("good,price\nx,1\nx,2\n", "'x' is in the table twice"),
        ("good,price\nx,\n", "'x' has no price"),
        ("good,price\nx,1,2\n", "a row must have 2 cells"),
        ("good,price\nx\n", "a row must have 2 cells"),
        ("good,price\n,2\n", "has no 'good'"),
        ("good,price\nx,much\n", "is not a number"),
        ("good,price\nx,nan\n", "is not a number"),
        ('good,price\nx,"1\n', "not CSV"),
        ("good;price\nx;1\n", "not JSON"),
        ('{"x": "1"}', "its format is not"),
        ('{"x": 1, "x": 1}', "'x' is in the table twice"),
        ('{"x": 1, "y": [2]}', "its format is not"),
    ],
)
def test_what_is_no_table_is_refused(text, message):
    with pytest.raises(TableError, match=message):
        chainprice.read_table(text)


def test_a_numeraire():
    text = f"{GIVEN}numeraire: y\n"
    for form in ("solve", "csv", "prices"):
        assert verdict(text, published(text, form)).verified
    other = json_text(chainprice.solve(spec(GIVEN), numeraire="z").contents())
    assert verdict(GIVEN, other).verified
    result = verdict(GIVEN.replace("k: 2", "k: 4"), other)
    assert [(row.good, row.published, row.now) for row in result.table.stale] == [("x", 1.5, 3.0)]


@pytest.mark.parametrize("format_", ["json", "csv"])
@pytest.mark.parametrize("name", ["mill", "electricity"])
def test_solve_into_verify(name, format_):
    path = f"specs/{name}.yaml"
    table = run("solve", path, "-f", format_).stdout
    done = run("verify", path, "--table", "-", stdin=table)
    assert done.returncode == 0, done.stdout
    assert "1 of 1 verified" in done.stdout
    data = json.loads(run("verify", path, "--table", "-", "-f", "json", stdin=table).stdout)
    assert list(data["specs"][0])[-2:] == ["error", "table"]
    assert data["specs"][0]["table"] == {
        "path": "-",
        "form": "solve" if format_ == "json" else "csv",
        "sha256_matches": True if format_ == "json" else None,
        "stale": [],
        "new": [],
        "gone": [],
        "new_firms": [],
        "gone_firms": [],
    }


def test_what_people_read_of_a_stale_table(tmp_path):
    (tmp_path / "spec.yaml").write_text(GIVEN)
    (tmp_path / "table.json").write_text(run("solve", "spec.yaml", "-f", "json", cwd=tmp_path).stdout)
    (tmp_path / "spec.yaml").write_text(
        GIVEN.replace("k: 2", "k: 1").replace("shop", "store").replace("z", "zz")
    )
    done = run("verify", "spec.yaml", "--table", "table.json", cwd=tmp_path)
    assert done.returncode == 1
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "the spec has changed since this table was made",
        "new firm: store",
        "gone firm: shop",
        "good published price price now change",
        "x 7.5 3.75 -50%",
        "zz 5 new",
        "z 5 gone",
        "0 of 1 verified",
    ):
        assert line in lines
    junit = run("verify", "spec.yaml", "--table", "table.json", "-f", "junit", cwd=tmp_path).stdout
    assert "it is 3.75 now" in junit
    github = run("verify", "spec.yaml", "--table", "table.json", "-f", "github", cwd=tmp_path).stdout
    assert "::error file=spec.yaml,line=6,col=10::the price of 'x' is 7.5" in github
    assert "::error file=spec.yaml,line=5,col=28::the price of 'zz' is not in the table: it is 5" in github
    assert (
        "::error file=spec.yaml::the price of 'z' is 5 in the table, and the spec has no such good" in github
    )


def test_a_table_belongs_to_one_spec(tmp_path):
    (tmp_path / "a.yaml").write_text(GIVEN)
    table = run("solve", "a.yaml", "-f", "csv", cwd=tmp_path).stdout
    (tmp_path / "table.csv").write_text(table)
    assert run("verify", ".", "--table", "table.csv", cwd=tmp_path).returncode == 0
    (tmp_path / "b.yaml").write_text(GIVEN)
    for names in (["."], ["a.yaml", "b.yaml"], ["*.yaml"]):
        done = run("verify", *names, "--table", "table.csv", cwd=tmp_path)
        assert done.returncode == 2
        assert "--table belongs to one spec" in done.stderr
    assert run("verify", "a.yaml", "--table", ".", cwd=tmp_path).returncode == 2
    assert run("verify", "-", "--table", "-", cwd=tmp_path, stdin=table).returncode == 2
    assert run("verify", "-", "--table", "table.csv", cwd=tmp_path, stdin=GIVEN).returncode == 0


def test_a_table_of_something_else_does_not_flood_the_screen(tmp_path):
    table = tmp_path / "other.json"
    table.write_text(json.dumps({f"good{i}": 1 for i in range(1000)}), encoding="utf-8")
    done = run("verify", "specs/tupperware.yaml", "--table", str(table))
    assert done.returncode == 1
    assert "and 804 more rows; --format json has all" in done.stdout
    assert len(done.stdout.splitlines()) < 2 * MOST_ROWS + 30


def test_a_market_s_table_that_tells_too_little_is_not_certified(tmp_path):
    """Its prices are right, but no interval stands for them: that is said, and is no success."""
    pytest.importorskip("flint")
    table = tmp_path / "table.csv"
    table.write_text(run("solve", "specs/electricity.yaml", "-f", "csv").stdout, encoding="utf-8")
    command = ("verify", "specs/electricity.yaml", "--table", str(table))
    assert run(*command).returncode == 0
    done = run(*command, "--certify")
    assert done.returncode == 1
    assert "not enclosed: the table does not tell all quantities of this market" in done.stdout
