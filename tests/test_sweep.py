"""`sweep`: the price table at many points is that of `solve` at each, wherever doubles can say it."""

import csv
import io
import json
import random
from decimal import Decimal
from fractions import Fraction

import differential
import jsonschema
import pytest
from support import GIVEN, ROOT, run, spec

import chainprice
from chainprice.errors import ChainpriceError, SpecError
from chainprice.sweeping import bounded, grid, vectorised
from chainprice.sweeping.points import Variation

np = pytest.importorskip("numpy")

TUPPERWARE = str(ROOT / "specs" / "tupperware.yaml")
ELECTRICITY = str(ROOT / "specs" / "electricity.yaml")
MILL = str(ROOT / "specs" / "mill.yaml")
GAS = "supply.natgas.quantity"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def near(a, b, tolerance="1e-12"):
    a, b = Decimal(a), Decimal(b)
    return a == b or abs(a - b) <= Decimal(tolerance) * abs(b)


def numbers(row):
    return [row.total_value, *row.quantities.values(), *row.prices.values()]


def solved(text, row):
    """What `solve` says at a row's point, or why it says nothing."""
    try:
        solution = chainprice.solve(
            chainprice.load(text, [f"{name}={value!r}" for name, value in row.at.items()]), details=False
        )
    except ChainpriceError as error:
        return error.reason
    return [solution.total_value, *solution.quantities.values(), *solution.prices.values()]


def assert_as_solved(text, rows):
    for row in rows:
        expected = solved(text, row)
        if isinstance(expected, str):
            assert row.error == expected
            assert set(numbers(row)) == {None}
        else:
            assert row.error is None
            assert all(map(near, numbers(row), expected)), (row, expected)


@pytest.fixture
def sure(monkeypatch):
    """Counts the points that were looked at in columns, and those of them that bounds vouch for."""
    seen = [0, 0]
    at = vectorised.Passes.at

    def counted(self, columns):
        found = at(self, columns)
        seen[0] += len(found.is_sure)
        seen[1] += int(found.is_sure.sum())
        return found

    monkeypatch.setattr(vectorised.Passes, "at", counted)
    return seen


def test_the_posts_chain_in_closed_form(sure):
    rows = list(chainprice.sweep(chainprice.load(TUPPERWARE), [f"{GAS}=1:9:1001"]))
    for row in rows:
        x = row.at[GAS]
        assert row.prices["natgas"] == pytest.approx(1 / (2 * x * (1 + x**0.5)), rel=1e-14)
    assert [rows[0].at[GAS], rows[1].at[GAS], rows[-1].at[GAS]] == [1.0, 1.008, 9.0]
    assert sure == [1001, 1001]


@pytest.mark.parametrize("path", GIVEN, ids=lambda path: path.stem)
def test_every_number_of_every_spec_is_that_of_solve(path, sure):
    text = path.read_text(encoding="utf-8")
    base = chainprice.load(text)
    for good, supply in base.supply.items():
        amount = float(supply.quantity.text)
        for name, value in ((f"supply.{good}.quantity", amount), (f"supply.{good}.price", 1.0)):
            assert_as_solved(text, chainprice.sweep(base, [f"{name}={value * 0.7!r}:{value * 1.3!r}:4"]))
    for name in base.parameters:
        assert_as_solved(text, chainprice.sweep(base, [f"{name}=0.3:0.7:3"]))
    assert sure[1] > 0.9 * sure[0]


def random_sweeps(seed):
    """A random chain, and variations through numbers where something special may happen to it."""
    chain, dice = differential.make(seed)
    text = chain.text(dice)
    for name, value in [
        *((f"supply.{good}.quantity", amount) for good, amount in chain.supply.items()),
        *chain.parameters.items(),
    ]:
        number = float(Fraction(Decimal(value) if "e" in value else Fraction(value)))
        if number:
            yield text, f"{name}={number / 2!r}:{number * 1.5!r}:5"  # the middle is the number itself


@pytest.mark.parametrize("block", range(6))
def test_random_chains_are_priced_as_solve_prices_them(block, sure):
    for seed in range(20 * block, 20 * block + 20):
        for text, variation in random_sweeps(seed):
            try:
                base = chainprice.load(text)
            except SpecError:
                continue
            assert_as_solved(text, chainprice.sweep(base, [variation]))
    assert sure[1] > 0.2 * sure[0]  # a third of these chains has something that no double can tell


CANCELS = """
firms: {f: {production: {y: "(x + 1e9)^2 - 1e18 - 2e9*x"}}}
supply: {x: {quantity: 3}}
demand: {y: {price: 1}}
"""


def test_what_doubles_lose_is_left_to_solve(sure):
    rows = list(chainprice.sweep(spec(CANCELS), ["supply.x.quantity=1:5:5"]))
    assert [row.total_value for row in rows] == [1.0, 4.0, 9.0, 16.0, 25.0]
    assert [row.prices["x"] for row in rows] == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert sure == [5, 0]


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        ("min(x, 3)", "2:4:3"),  # on a kink the price is the mean of both sides
        ("abs(x - 3)", "2:4:3"),
        ("sqrt(x)", "0:2:3"),  # no slope at 0
        ("ln(x)", "0:2:3"),
        ("1/(x - 3)", "2:4:3"),
        ("exp(-x)", "600:800:5"),  # below the smallest double
        ("exp(x)", "600:800:3"),  # above the largest
        ("x - 2.1", "0.1:4.1:5"),  # 0 where a double has 2.1 - 2.1
        ("erf(x)", "1:20:5"),  # 1 in all digits of a double, with a slope
        ("x^(1/3)", "0.5:1000:6"),
        ("x^0", "0:2:3"),
        ("tan(x)*atan(x) + acos(x/9) + asin(x/9) - sinh(x)/cosh(x) + tanh(x)", "0.5:8.5:9"),
        ("log(x, 10) + log(x, 2)", "1:1000:4"),
        ("max(x, 1, x^2) - min(2*x, 5)", "0.25:4:16"),
    ],
)
def test_what_is_special_somewhere(formula, values):
    text = f'firms: {{f: {{production: {{y: "{formula}"}}}}}}\nsupply: {{x: {{quantity: 1}}}}\ndemand: {{y: {{price: 1}}}}\n'
    rows = list(chainprice.sweep(chainprice.load(text), [f"supply.x.quantity={values}"]))
    assert_as_solved(text, rows)


@pytest.mark.parametrize(
    "price", ["c", "2*c + d", "ln(c)", "min(c, d) - 1", "abs(c - 2)*pi", "1/(c - 2)", "d", "max(e, c)^0.5"]
)
def test_prices_of_parameters_without_a_curve(price, sure):
    text = f"""
parameters: {{c: 5/2, d: 3}}
firms: {{f: {{production: {{y: sqrt(x)}}}}}}
supply: {{x: {{quantity: 3, price: "{price}"}}}}
demand: {{y: {{price: "{price}"}}}}
"""
    assert_as_solved(text, chainprice.sweep(spec(text), ["c=1:4:7"]))
    assert_as_solved(text, chainprice.sweep(spec(text), ["supply.x.quantity=1:4:4"]))
    assert sure[1] >= 0.6 * sure[0] > 0


def test_bounds_hold_against_decimals():
    """Each operation at random numbers: the true value is within the bound, and the bound is no excuse."""
    import mpmath

    dice = random.Random(1)
    one = {"exp": mpmath.exp, "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "sinh": mpmath.sinh}
    one |= {"cosh": mpmath.cosh, "tanh": mpmath.tanh, "atan": mpmath.atan, "ln": mpmath.log}
    one |= {"sqrt": mpmath.sqrt, "erf": mpmath.erf, "neg": lambda a: -a}
    two = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b}
    two |= {"div": lambda a, b: a / b, "pow": lambda a, b: a**b}
    with mpmath.workdps(60):
        for name, function in [*one.items(), *two.items()]:
            count = 1 if name in one else 2
            for _ in range(200):
                true = [
                    mpmath.mpf(10) ** dice.uniform(-1, 1.2) * (1 + mpmath.mpf(dice.random()) / 3)
                    for _ in range(count)
                ]
                given = [float(value) for value in true]
                pairs = [(np.array([value]), np.array([abs(value)])) for value in given]
                value, error = bounded.OPERATIONS[name](*pairs)
                off = abs(mpmath.mpf(float(value[0])) - function(*true))
                assert off <= 1.01 * bounded.UNIT * float(error[0]), (name, true)
                assert error[0] < 1e4 * max(abs(value[0]), abs(given[0])) * max(1, *map(abs, given)), name


# Markets.


def test_a_market_at_each_point_is_what_solve_finds():
    rows = list(chainprice.sweep(chainprice.load(ELECTRICITY), ["supply.gas.price=1:100:24"]))
    text = (ROOT / "specs" / "electricity.yaml").read_text(encoding="utf-8")
    for row in rows[::3]:
        assert numbers(row) == solved(text, row)
    assert {row.error for row in rows} == {None}


def test_a_market_begins_where_the_last_one_ended(monkeypatch):
    from chainprice.equilibrium.search import Search

    found = []
    near = Search.try_next_to

    def counted(self, last):
        found.append(near(self, last))
        return found[-1]

    monkeypatch.setattr(Search, "try_next_to", counted)
    cars = (ROOT / "specs" / "cars_and_bridges.yaml").read_text(encoding="utf-8")
    rows = list(chainprice.sweep(chainprice.load(cars), ["supply.ore.price=80:90:6"]))
    assert [numbers(row) for row in rows] == [solved(cars, row) for row in rows]
    assert len(found) == 5
    assert all(found)
    assert {row.error for row in rows} == {None}


UNBOUNDED = """
firms: {f: {production: {y: 2*x}}}
supply: {x: {price: 3}}
demand: {y: {price: 1}}
"""


def test_points_without_an_equilibrium_are_rows_with_an_error(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(UNBOUNDED)
    done = run("sweep", str(path), "--vary", "demand.y.price=1:2:3")
    assert done.returncode == 0
    rows = rows_of(done.stdout)
    assert [bool(row["error"]) for row in rows] == [False, False, True]
    assert "no limit" in rows[2]["error"] or "unbounded" in rows[2]["error"]
    assert rows[2]["price.x"] == rows[2]["total_value"] == ""
    assert done.stderr == "warning: 1 of 3 points has no answer: see error\n"


# Points.


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x=0:1:11", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("x=1:0:3", [1.0, 0.5, 0.0]),
        ("x=1/3:1/3:1", [1 / 3]),
        ("x=log:1:1000:4", [1.0, 10.0, 100.0, 1000.0]),
        ("x=log:-8:-1:4", [-8.0, -4.0, -2.0, -1.0]),
        ("x=log:1e-200:1e200:3", [1e-200, 1.0, 1e200]),
        ("x=-1:1:2", [-1.0, 1.0]),
    ],
)
def test_values_are_the_doubles_next_to_what_is_meant(text, values):
    (chunk,) = grid([text]).chunks(100)
    assert chunk.columns == (tuple(values),)


@pytest.mark.parametrize("size", [1, 7, 1000, 5000])
def test_a_grid_is_every_combination_whatever_the_chunks(size):
    points = grid(["a=1:3:3", "b=log:1:1e6:1500", "c=0:1:2"])
    chunks = list(points.chunks(size))
    assert [chunk.first for chunk in chunks] == list(range(0, 9000, size))
    columns = [sum((chunk.columns[axis] for chunk in chunks), ()) for axis in range(3)]
    a, b, c = (grid([text]) for text in ("a=1:3:3", "b=log:1:1e6:1500", "c=0:1:2"))
    values = [next(iter(one.chunks(2000))).columns[0] for one in (a, b, c)]
    assert list(zip(*columns, strict=True)) == [
        (x, y, z) for x in values[0] for y in values[1] for z in values[2]
    ]
    again = list(points.chunks(size, 3 * size))
    assert again == chunks[3:]


def test_geometric_values_are_exact_far_along_too():
    variation = Variation("x", Decimal(1), Decimal(10) ** 9, 9_001, is_geometric=True)
    assert [variation.at(place) for place in (0, 1000, 3000, 8000, 9000)] == [1.0, 10.0, 1e3, 1e8, 1e9]


def test_a_huge_grid_is_begun_at_once():
    rows = chainprice.sweep(
        chainprice.load(TUPPERWARE), [f"{GAS}=1:9:500000000", "demand.tupperware.price=1:2:2"]
    )
    assert next(rows).point == 0


WRONG = {
    "x": "this is no variation",
    "x=1:2": "this is no variation",
    "x=1:2:3:4": "this is no variation",
    "x=a:2:3": "'a' is no number",
    "x=1:__import__('os'):3": "error",
    "x=1:2:0": "'0' is no number of values",
    "x=1:2:-3": "'-3' is no number of values",
    "x=1:2:2.5": "'2.5' is no number of values",
    "x=1:2:1000000000000": "1,000,000,000,000 points are more than",
    "x=1:2:" + "9" * 30: "is no number of values",
    "x=1:2:1": "one value cannot be both ends",
    "x=log:0:2:3": "no number to one of another sign",
    "x=log:-1:2:3": "no number to one of another sign",
    "x=1/0:2:3": "has no value",
    "x=1e999:2:3": "beyond what a double holds well",
    "x=1:2:٣": "is no number of values",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_variation_is_refused_with_the_way_out(text):
    done = run("sweep", TUPPERWARE, "--vary", text)
    assert done.returncode == 2
    assert WRONG[text] in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_all_that_is_wrong_is_said_at_once():
    many = [part for index in range(21) for part in ("--vary", f"p{index}=1:2:2")]
    done = run("sweep", TUPPERWARE, *many, "--vary", "p1=1:2:2", "--vary", "x=1:2")
    assert done.returncode == 2
    for words in ("'p1' is varied twice", "22 numbers are varied", "--vary x=1:2: this is no variation"):
        assert words in done.stderr
    unknown = run("sweep", TUPPERWARE, "--vary", "supply.natgs.quantity=1:2:2", "--set", "y=1")
    assert unknown.returncode == 2
    assert "did you mean 'natgas'?" in unknown.stderr
    assert "no parameter 'y'" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing is varied"),
        (["--vary", f"{GAS}=1:2:2", "--samples", "x.csv"], "both say what varies"),
        (["--vary", f"{GAS}=1:2:2", "-f", "svg"], "name its good: --plot GOOD"),
        (["--vary", f"{GAS}=1:2:2", "-f", "jsonl", "--plot", "natgas"], "--plot is printed instead of rows"),
        (["--vary", f"{GAS}=1:2:2", "--plot", "natgs"], "did you mean 'natgas'?"),
        (["--vary", f"{GAS}=1:2:2", "--good", "natgs"], "did you mean 'natgas'?"),
        (["--vary", f"{GAS}=1:2:2", "--numeraire", "natgs"], "did you mean 'natgas'?"),
        (["--vary", f"{GAS}=1:2:2", "-f", "parquet"], "name a file with --output"),
        (["--vary", f"{GAS}=1:2:2", "--overwrite"], "--overwrite needs --output"),
        (["--vary", f"{GAS}=1:2:2", "--set", f" {GAS} =9"], f"'{GAS}' varies too"),
        (["--samples", "nowhere.csv"], "there is no such file"),
        (["--samples", "tests"], "this is a folder"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, words):
    done = run("sweep", TUPPERWARE, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_quantity_below_zero_is_an_error_of_its_point_only():
    rows = list(chainprice.sweep(chainprice.load(TUPPERWARE), [f"{GAS}=-2:2:3"]))
    assert "cannot be negative" in rows[0].error
    assert rows[2].error is None


def test_points_that_are_all_unsound_are_rows_with_errors():
    done = run("sweep", TUPPERWARE, "--vary", f"{GAS}=-5:-1:9")
    rows = rows_of(done.stdout)
    assert done.returncode == 3
    assert len(rows) == 9
    assert all("cannot be negative" in row["error"] for row in rows)
    assert done.stderr == "warning: 9 of 9 points have no answer: see error\n"


SHARES = """
parameters: {al: AL, be: 0.5}
firms: {f: {production: {y: {form: ces, elasticity: 2, shares: {a: al, b: be}}}}}
supply: {a: {quantity: 3}, b: {quantity: 5}}
demand: {y: {price: 1}}
"""


@pytest.mark.parametrize("written", ["0.5", "0.4"])
def test_few_sound_points_are_found_wherever_they_are(tmp_path, written):
    path = tmp_path / "s.yaml"
    path.write_text(SHARES.replace("AL", written))
    done = run("sweep", str(path), "--vary", "al=0:1:12", "--vary", "be=0:1:12")
    rows = rows_of(done.stdout)
    assert (done.returncode, len(rows)) == (0, 144)
    assert [row["error"] for row in rows].count("") == 12
    assert "132 of 144 points have no answer" in done.stderr


def test_what_is_sound_nowhere_is_refused_with_its_reason(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(SHARES.replace("AL", "2"))
    done = run("sweep", str(path), "--vary", "be=1:2:2000")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the shares sum to 3, and not to 1" in done.stderr
    unknown = run("sweep", str(path), "--vary", "bee=1:2:2000")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "--vary bee: no parameter 'bee' in the spec" in unknown.stderr
    assert "the shares" not in unknown.stderr


def test_nothing_solved_is_exit_3():
    done = run("sweep", TUPPERWARE, "--vary", f"{GAS}=0:0:1")
    assert done.returncode == 3
    assert "logarithm of 0" in done.stdout


def test_a_numeraire_counts_all_money(sure):
    rows = list(chainprice.sweep(chainprice.load(TUPPERWARE), [f"{GAS}=1:4:4"], numeraire="ethylene"))
    assert [row.prices["ethylene"] for row in rows] == [1.0] * 4
    expected = chainprice.solve(chainprice.load(TUPPERWARE), numeraire="ethylene")
    assert all(
        map(
            near,
            numbers(rows[3]),
            [expected.total_value, *expected.quantities.values(), *expected.prices.values()],
        )
    )
    assert sure == [4, 4]


# Formats.


def test_the_formats_say_the_same(tmp_path):
    arguments = [
        "sweep",
        MILL,
        "--vary",
        "supply.wheat.quantity=0:30:4",
        "--vary",
        "demand.millfeed.price=log:100:200:2",
    ]
    rows = rows_of(run(*arguments).stdout)
    lines = [json.loads(line) for line in run(*arguments, "-f", "jsonl").stdout.splitlines()]
    schema = chainprice.schema("sweep")
    assert len(rows) == len(lines) == 8
    for row, line in zip(rows, lines, strict=True):
        jsonschema.validate(line, schema)
        assert line["format"] == "chainprice.sweep/1"
        flat = {
            "point": line["point"],
            **line["at"],
            "total_value": line["total_value"],
            "error": line["error"],
        }
        flat |= {
            f"{kind}.{good}": value
            for kind, of in (("quantity", "quantities"), ("price", "prices"))
            for good, value in line[of].items()
        }
        assert {key: "" if value is None else str(value) for key, value in flat.items()} == row
    assert list(rows[0])[:3] == ["point", "supply.wheat.quantity", "demand.millfeed.price"]
    assert list(rows[0])[-1] == "error"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "svg", "CSV", "txt"])
def test_the_format_is_that_of_the_files_ending(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    short, long = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    command = ["sweep", TUPPERWARE, "--vary", f"{GAS}=1:9:5", *(["--plot", "natgas"] * (ending == "svg"))]
    form = "csv" if ending in ("CSV", "txt") else ending
    for arguments in (["-o", str(short)], ["-f", form, "-o", str(long)]):
        done = run(*command, *arguments)
        assert (done.returncode, done.stdout) == (0, "")
    assert short.read_bytes() == long.read_bytes()
    assert short.read_bytes().startswith(
        {"csv": b"point,", "jsonl": b"{", "parquet": b"PAR1", "svg": b"<svg"}[form]
    )


def test_a_format_that_is_said_holds_whatever_the_ending(tmp_path):
    path = tmp_path / "a.jsonl"
    assert run("sweep", TUPPERWARE, "--vary", f"{GAS}=1:9:5", "-f", "csv", "-o", str(path)).returncode == 0
    assert path.read_text().startswith("point,")
    refused = run("sweep", TUPPERWARE, "--vary", f"{GAS}=1:9:5", "-o", str(tmp_path / "a.svg"))
    assert refused.returncode == 2
    assert "name its good: --plot GOOD" in refused.stderr
    assert not (tmp_path / "a.svg").exists()


def test_only_the_goods_that_are_named_have_columns():
    done = run("sweep", TUPPERWARE, "--vary", f"{GAS}=1:2:2", "--good", "ethylene", "--good", "natgas")
    header = done.stdout.splitlines()[0].split(",")
    assert header == ["point", GAS, "total_value", "quantity.natgas", "quantity.ethylene", "price.natgas", "price.ethylene", "error"]  # fmt: skip


CLASH = """
parameters: {point: 1, error: 2, total_value: 3}
firms: {price: {parameters: {y: 2}, production: {y: y_*x}}}
supply: {x: {quantity: 3}}
demand: {y: {price: 1}}
"""


def test_names_that_are_also_columns_are_told_apart(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(CLASH.replace("y_*x", "point*error*x").replace("{y: 2}", "{z: 2}"))
    done = run(
        "sweep", str(path), "--vary", "point=1:2:2", "--vary", "error=1:2:2", "--vary", "price.z=1:2:2"
    )
    assert done.stdout.splitlines()[0].startswith("point,set.point,set.error,price.z,total_value,")
    path.write_text(
        CLASH.replace("y_*x", "point*x")
        .replace("{y: 2}", "{x: 2}")
        .replace("{price: {parameters: {x: 2}, ", "{price: {")
        .replace("firms:", "# x\nfirms:")
    )
    done = run("sweep", str(path), "--vary", "price.point=1:2:2")
    assert done.stdout.splitlines()[0].startswith("point,price.point,total_value,")


def test_a_number_beyond_doubles_keeps_its_digits():
    text = 'firms: {f: {production: {y: "exp(-x)"}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\n'
    rows = list(chainprice.sweep(chainprice.load(text), ["supply.x.quantity=1:2001:2"]))
    assert isinstance(rows[1].prices["x"], Decimal)
    assert rows[1].to_dict()["prices"]["x"].lower().startswith("-9.478545771031220")


def test_a_reader_that_leaves_ends_it_without_a_word():
    import subprocess
    import sys

    from support import ENVIRONMENT

    command = f"{sys.executable} -m chainprice sweep {TUPPERWARE} --vary {GAS}=1:9:900000000 | head -2"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


# Samples.


def samples_file(tmp_path, text, name="p.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return str(path)


def test_samples_are_points_and_wrong_cells_are_rows(tmp_path):
    text = f'\ufeff{GAS},demand.tupperware.price\r\n4,1\r\n"9",2\r\n\r\nabc,1\r\n,1\r\n1,2,3\r\n1e0,.5\r\nnan,1\r\n'
    done = run("sweep", TUPPERWARE, "--samples", samples_file(tmp_path, text))
    rows = rows_of(done.stdout)
    assert done.returncode == 0
    assert [row["error"] for row in rows] == [
        "",
        "",
        f"the sample's {GAS} is 'abc', which is no number",
        f"the sample's {GAS} is empty",
        "the sample has 3 values for 2 columns",
        "",
        f"the sample's {GAS} is 'nan', which is no number",
    ]
    assert float(rows[0]["price.natgas"]) == pytest.approx(1 / 24)
    assert rows[2][GAS] == rows[2]["price.natgas"] == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column names a number"),
        (f"{GAS}\n", "there is no row in it"),
        (f"{GAS},{GAS}\n1,1\n", "is varied twice"),
        ("nothing\n1\n", "no parameter 'nothing' in the spec"),
        (f'{GAS}\n"1\n', "no CSV"),
        (b"\xff\xfe" + GAS.encode() + b"\n1\n", "not UTF-8"),
        (b"PAR1 and no more", "no Parquet"),
    ],
)
def test_files_that_are_no_samples(tmp_path, text, words):
    done = run("sweep", TUPPERWARE, "--samples", samples_file(tmp_path, text))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{GAS},note\nabc,high\n,low\n", "--vary note: no parameter 'note' in the spec"),
        ("natgas.quantity\n-\n", "no firm 'natgas' in the spec"),
        (f"{GAS},note\n1\n2\n", "no parameter 'note' in the spec"),
    ],
)
def test_columns_that_mean_nothing_are_refused_whatever_is_in_them(tmp_path, text, words):
    done = run("sweep", TUPPERWARE, "--samples", samples_file(tmp_path, text))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_samples_without_a_number_are_all_rows_with_errors(tmp_path):
    done = run("sweep", TUPPERWARE, "--samples", samples_file(tmp_path, f"{GAS}\nabc\n-\n"))
    assert done.returncode == 3
    assert [row["error"] for row in rows_of(done.stdout)] == [
        f"the sample's {GAS} is 'abc', which is no number",
        f"the sample's {GAS} is '-', which is no number",
    ]


def test_parquet_there_and_back(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    points = tmp_path / "points.parquet"
    parquet.write_table(pa.table({GAS: [4.0, None, 9.0], "demand.tupperware.price": [1, 2, 3]}), points)
    target = tmp_path / "rows.parquet"
    done = run("sweep", TUPPERWARE, "--samples", str(points), "-f", "parquet", "-o", str(target))
    assert done.returncode == 0
    table = parquet.read_table(target)
    assert table.column("point").to_pylist() == [0, 1, 2]
    assert table.column("price.natgas").to_pylist() == [pytest.approx(1 / 24), None, pytest.approx(3 / 72)]
    assert table.column("error").to_pylist() == [None, f"the sample's {GAS} is empty", None]
    assert (
        json.loads(table.schema.metadata[b"chainprice.sweep"])["spec"]
        == chainprice.load(TUPPERWARE).source.sha256
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "points.parquet",
        "rows.parquet",
        "rows.parquet.sweep.json",
    ]


def test_parquet_says_which_numbers_no_double_can_hold(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path, target = tmp_path / "s.yaml", tmp_path / "rows.parquet"
    path.write_text(
        'firms: {f: {production: {y: "exp(-x)"}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 1}}\n'
    )
    assert (
        run(
            "sweep", str(path), "--vary", "supply.x.quantity=0:2000:3", "-f", "parquet", "-o", str(target)
        ).returncode
        == 0
    )
    table = parquet.read_table(target)
    assert table.column("price.x").to_pylist()[0] == -1.0
    assert table.column("price.x").to_pylist()[2] is None
    assert "price.x is -" in table.column("error").to_pylist()[2]


# Pictures.


def test_a_picture_in_letters():
    done = run("sweep", TUPPERWARE, "--vary", f"{GAS}=log:1:100:30", "--plot", "natgas")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"price of natgas by {GAS}"
    assert lines[1].lstrip().startswith("0.25 | *")
    assert max(map(len, lines)) <= 80
    assert "(logarithmic)" in lines[-1]


def test_a_picture_as_svg_is_sound_and_says_what_it_shows(tmp_path):
    from xml.etree import ElementTree

    target = tmp_path / "p.svg"
    done = run("sweep", MILL, "--vary", "supply.wheat.quantity=0:30:31", "--vary", "demand.millfeed.price=100:300:3", "--plot", "wheat", "-f", "svg", "-o", str(target))  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    tree = ElementTree.fromstring(target.read_text(encoding="utf-8"))
    words = tree.find("{http://www.w3.org/2000/svg}desc").text
    assert "supply.wheat.quantity from 0 to 30" in words
    lines = [path for path in tree.iter("{http://www.w3.org/2000/svg}path") if len(path.get("d")) > 60]
    assert len(lines) == 3


def test_a_picture_of_very_many_points_stays_small():
    from chainprice.report.sweep_plots import Trace

    points = grid(["a=0:1:100000", "b=0:1:1000", "c=1:2:2"])
    trace = Trace(points, "g", 4, "t")
    kept = [number for number in range(0, points.count, 999) if trace._is_drawn(number)]
    assert len(kept) < 20
    assert sum(trace._is_drawn(number) for number in range(2000)) == 8
    assert trace.left_out == "1,992 more lines are not drawn"


# Forms.

FORMS = """
parameters: {s: 1, al: 0.4, r: 1, h: 0.1, k: 2}
firms:
  f: {parameters: {own: 2}, production: {m: PRODUCTION}}
supply: {a: {quantity: 3}, b: {quantity: 5}}
demand: {m: {price: 7}}
"""

FORMED = {
    "elasticity": ("{form: ces, elasticity: s, shares: {a: 0.4, b: 0.6}}", ["s=-1:2:7"]),
    "elasticity of a firm": ("{form: ces, elasticity: 1/own, shares: {a: 0.4, b: 0.6}}", ["f.own=0:2:5"]),
    "shares": ("{form: ces, elasticity: 2, shares: {a: al, b: 1 - al}}", ["al=-0.5:1.5:9"]),
    "shares and elasticity": (
        "{form: ces, elasticity: s, shares: {a: al, b: 1 - al}}",
        ["s=0:2:5", "al=0:1:5"],
    ),
    "shares that do not sum to 1": ("{form: ces, shares: {a: al, b: 0.6}, elasticity: 2}", ["al=0.3:0.5:3"]),
    "returns": ("{form: ces, elasticity: s, shares: {a: 0.4, b: 0.6}, returns: r}", ["r=-1:2:4", "s=1:2:2"]),
    "scale": ("{form: linear, scale: k, coefficients: {a: 1, b: 2}}", ["k=-1:2:4"]),
    "exponents": ("{form: cobb_douglas, exponents: {a: al, b: 0.5}}", ["al=-0.5:0.5:3"]),
    "cobb_douglas": ("{form: cobb_douglas, shares: {a: al, b: 1 - al}, returns: r}", ["al=0:1:3", "r=0:2:3"]),
    "requirements": ("{form: leontief, requirements: {a: al, b: k}, returns: r}", ["al=0:1:3", "k=0:2:3"]),
    "coefficients": ("{form: linear, coefficients: {a: al, b: k}, returns: r}", ["al=-1:1:3", "k=-1:1:3"]),
    "translog": (
        "{form: translog, first_order: {a: al, b: 0.5}, second_order: {a: {a: h, b: -h}, b: {b: h}}}",
        ["al=-0.5:0.5:3", "h=-0.1:0.1:3"],
    ),
}


def backwards(variation):
    name, _, values = variation.partition("=")
    start, stop, count = values.split(":")
    return f"{name}={stop}:{start}:{count}"


@pytest.mark.parametrize("name", FORMED)
def test_a_form_is_at_each_point_what_it_is_there(name):
    """From either end: what the first point is decides nothing."""
    production, vary = FORMED[name]
    text = FORMS.replace("PRODUCTION", production)
    for variations in (vary, [*map(backwards, vary)]):
        rows = list(chainprice.sweep(spec(text), variations))
        assert any(row.error is None for row in rows)
        assert_as_solved(text, rows)


def test_forms_through_the_limits_of_the_foundry():
    text = (ROOT / "specs" / "foundry.yaml").read_text(encoding="utf-8")
    rows = list(chainprice.sweep(chainprice.load(text), ["sigma=0:3:7"]))
    assert_as_solved(text, rows)
    assert rows[2].quantities["iron"] == pytest.approx(0.97 * 90**0.35 * 130**0.65, rel=1e-12)
    assert rows[0].quantities["iron"] == pytest.approx(0.97 * 90, rel=1e-12)


def test_numbers_that_no_form_has_are_still_priced_in_columns(sure):
    text = FORMS.replace("PRODUCTION", "{form: ces, elasticity: s, shares: {a: 0.4, b: 0.6}}")
    assert_as_solved(text, chainprice.sweep(spec(text), ["supply.a.quantity=1:9:5", "k=1:2:2"]))
    assert sure == [10, 10]


def test_a_form_that_leaves_quantities_to_the_market_at_some_points():
    text = """
parameters: {al: 0.4}
firms:
  f: {production: {y: {form: ces, elasticity: 0.5, shares: {a: al, b: 1 - al}, returns: 0.5}}}
  g: {production: {z: sqrt(a)}}
supply: {a: {quantity: 3}, b: {quantity: 5}}
demand: {y: {price: 1}, z: {price: 2}}
"""
    for way in ("auto", "given"):
        chosen = f"{text}allocation: {way}\n"
        for ends in ("0:1:5", "1:0:5"):
            rows = list(chainprice.sweep(spec(chosen), [f"al={ends}"]))
            assert_as_solved(chosen, rows)
            assert [row.error is None for row in rows].count(True) == (5 if way == "auto" else 1)


CORE = "{production: {y: {form: ces, elasticity: e, shares: {m: 0.5, n: 0.5}}}}"


@pytest.mark.parametrize("inside", ["a firm", "a file"])
def test_forms_of_tables_and_inside_firms(tmp_path, inside):
    (tmp_path / "t.csv").write_text("firm,out,own\np,m,1\nq,n,2\n")
    (tmp_path / "plant.yaml").write_text(
        f"parameters: {{e: 1}}\nfirms: {{core: {CORE}}}\n"
        "supply: {m: {quantity: 1}, n: {quantity: 1}}\ndemand: {y: {price: 1}}\n"
    )
    plant = {"a firm": f"{{parameters: {{e: 1}}, firms: {{core: {CORE}}}}}", "a file": "{chain: plant.yaml}"}
    path = tmp_path / "s.yaml"
    path.write_text(f"""
firms:
  table: t.csv
  "{{firm}}": {{production: {{"{{out}}": {{form: ces, elasticity: own, shares: {{"{{firm}}1": 0.3, "{{firm}}2": 0.7}}}}}}}}
  plant: {plant[inside]}
supply: {{p1: {{quantity: 3}}, p2: {{quantity: 5}}, q1: {{quantity: 4}}, q2: {{quantity: 1}}}}
demand: {{y: {{price: 3}}}}
""")
    for name in ("p.own", "plant.e"):
        rows = list(chainprice.sweep(chainprice.load(path), [f"{name}=2:-1:7"]))
        assert [row.error is None for row in rows] == [True] * 5 + [False] * 2
        assert_as_solved(path, rows)
