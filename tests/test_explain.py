"""The walk: the post's lines word for word, and an answer to every 'why'."""

import shutil
import subprocess

import pytest
from support import MARKETS, ROOT, SPECS, run, spec

import chainprice
from chainprice.report.walk import walk_latex, walk_markdown, walk_text


def walk(text, good=None, write=walk_text):
    return write(chainprice.explain(spec(text), good))


def test_the_post_line_by_line():
    text = walk_text(chainprice.explain(chainprice.load(ROOT / "specs" / "tupperware.yaml")))
    for line in (
        "natgas = 4 MMBtu",
        "ethylene = sqrt(natgas) = 2 t",
        "polyethylene = 1 - 1/(ethylene + 1) = 2/3 t",
        "dtupperware/dpolyethylene = 1/polyethylene = 3/2",
        "dpolyethylene/dethylene = 1/(ethylene + 1)**2 = 1/9",
        "P_ethylene = P_polyethylene * dpolyethylene/dethylene = 3/2 * 1/9 = 1/6 USD/t",
        "dethylene/dnatgas = 1/(2*sqrt(natgas)) = 1/4",
        "P_natgas = P_ethylene * dethylene/dnatgas = 1/6 * 1/4 = 1/24 USD/MMBtu",
    ):
        assert line in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("chain", "good", "sentence"),
    [
        ("y: x, w: x", "w", "No firm uses w and nobody demands it"),
        ("y: 'min(x, 1)'", "x", "in min(x, 1) something else is what binds"),
        ("y: (x - 3)^2 + 1", "x", "the slope of (x - 3)^2 + 1 is 0"),
        ("y: 10*x - 2*x^2", "x", "More of it makes f produce less y: slope -2"),
        ("y: 'min(x, 3)'", "x", "The price is not unique"),
    ],
)
def test_why_a_price_is_zero_negative_or_not_unique(chain, good, sentence):
    text = f"firms: {{f: {{production: {{{chain}}}}}}}\nsupply: {{x: {{quantity: 3}}}}\ndemand: {{y: {{price: 1}}}}"
    assert sentence in walk(text, good)


def test_why_a_price_is_zero_because_the_next_one_is():
    text = (
        "firms: {f: {production: {y: x}}, g: {production: {z: 'min(y, 1)'}}}\nsupply: {x: {quantity: 3}}\n"
        "demand: {z: {price: 1}}"
    )
    assert "f makes y of it, whose own price is 0" in walk(text, "x")


def test_a_non_rival_good_use_by_use():
    text = walk_text(chainprice.explain(chainprice.load(ROOT / "specs" / "chipmaker.yaml"), "design"))
    assert "P_design = mv_fab_car(design) + mv_fab_home(design) + mv_fab_phone(design)" in text
    assert "non-rival: marginal values add" in text
    assert "fab_phone makes up 48.5% of the price." in text


def test_a_split_use_by_use():
    text = walk_text(chainprice.explain(chainprice.load(ROOT / "specs" / "bakery.yaml"), "flour"))
    assert "0.20 * mv_batter_mixer(flour) + 0.75 * mv_bread_line(flour) + 0.05 * mv_demand(flour)" in text
    assert "moving a unit to batter_mixer would add to total value" in text


def test_a_numeraire_has_its_own_lines():
    text = walk(
        "numeraire: x\nfirms: {f: {production: {y: 2*x}}}\nsupply: {x: {quantity: 1}}\ndemand: {y: {price: 3}}"
    )
    assert "P_y / P_x = 1/2 x" in text
    assert "P_x = P_y * dy/dx = 3 * 2 = 6" in text


def test_one_price_in_units_of_any_good():
    done = run("explain", "specs/tupperware.yaml", "--good", "ethylene", "--numeraire", "natgas")
    assert "P_ethylene = P_polyethylene * dpolyethylene/dethylene = 3/2 * 1/9 = 1/6 USD/t" in done.stdout
    assert done.stdout.endswith("In units of natgas\n  P_ethylene / P_natgas = 4 natgas/t\n")
    done = run("explain", "specs/tupperware.yaml", "--numeraire", "natgaz")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown good 'natgaz' as numeraire" in done.stderr
    assert "did you mean 'natgas'?" in done.stderr


def test_a_market_in_the_place_of_given_quantities():
    given, chosen = (
        run("explain", "specs/steel.yaml", "--allocation", how) for how in ("given", "competitive")
    )
    assert "Quantities: the market's choice" in chosen.stdout
    assert "Quantities: the market's choice" not in given.stdout
    assert given.stdout == run("explain", "specs/steel.yaml").stdout


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("write", [walk_text, walk_markdown, walk_latex])
def test_every_spec_and_every_good_in_every_format(path, write):
    loaded = chainprice.load(path)
    for good in (None, *list(chainprice.solve(loaded).prices)[: 4 if path in MARKETS else None]):
        text = write(chainprice.explain(loaded, good))
        assert text.endswith("\n")
        assert text.count("{") == text.count("}")
        assert text.count("$") % 2 == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs LaTeX")
def test_latex_compiles(tmp_path):
    body = run("explain", "specs/steel.yaml", "-f", "latex").stdout
    table = run("solve", "specs/steel.yaml", "-f", "latex").stdout
    document = (
        "\\documentclass{article}\\usepackage[a2paper,landscape]{geometry}\\usepackage{amsmath}"
        f"\\begin{{document}}\n{body}\n{table}\n\\end{{document}}\n"
    )
    (tmp_path / "x.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
