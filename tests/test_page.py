"""`solve -f html`: one page that stands alone, tells what the tables tell, and takes nothing of a spec for markup."""

import base64
import hashlib
import json
import math
import re
import sys
import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, SPECS, chain, run, spec
from test_graph import NASTY

import chainprice
from chainprice.cli import run as run_here
from chainprice.diagram import diagram_of
from chainprice.formula import FUNCTIONS
from chainprice.formula import read as read_formula
from chainprice.report.markup import Markup, element
from chainprice.report.mathml import formula_mathml, rule_mathml, slope_mathml
from chainprice.report.pages import Dossier, page_html


def page_of(text, **settings):
    read = spec(text)
    solution = chainprice.solve(read)
    verdict = chainprice.verify(read, solution)
    return page_html(Dossier(read, solution, diagram_of(read, solution), verdict), **settings)


class Reader(HTMLParser):
    """The elements of a page, and its texts by section."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.unclosed = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        if self._open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def is_closed(self):
        return not self.unclosed and not self._open


# Formulas.

PLAIN = {
    **{name: getattr(math, name) for name in FUNCTIONS if hasattr(math, name)},
    **{"ln": math.log, "arcsin": math.asin, "arccos": math.acos, "arctan": math.atan, "min": min, "max": max},
}


def value(node, names):
    """What an element of MathML is worth: read as a mathematician reads it, apart from how it was made."""
    parts = list(node)
    match node.tag:
        case "mn":
            return float(node.text)
        case "mi":
            return (
                {"π": math.pi, "e": math.e}.get(node.text)
                if node.text in ("π", "e") and node.text not in names
                else names[node.text]
            )
        case "msqrt":
            return math.sqrt(value(parts[0], names))
        case "mfrac":
            return value(parts[0], names) / value(parts[1], names)
        case "msup":
            return value(parts[0], names) ** value(parts[1], names)
        case "mrow":
            return row_value(parts, names)
    raise AssertionError(node.tag)


def row_value(parts, names):
    signs = [part.text if part.tag == "mo" else None for part in parts]
    if signs[0] in ("(", "|"):
        inside = value(parts[1], names)
        assert len(parts) == 3
        return abs(inside) if signs[0] == "|" else inside
    if len(parts) == 3 and signs[1] == "\u2061":
        return applied(parts[0], list(parts[2]), names)
    for sign in ("+", "−"):  # the last sum or difference binds least
        for place in reversed(range(1, len(parts))):
            if signs[place] == sign:
                left, right = row_or_one(parts[:place], names), row_or_one(parts[place + 1 :], names)
                return left + right if sign == "+" else left - right
    if signs[0] == "−":
        return -row_or_one(parts[1:], names)
    product = 1.0
    for part, sign in zip(parts, signs, strict=True):
        product *= 1.0 if sign in ("⋅", "×") else value(part, names)
    return product


def row_or_one(parts, names):
    return value(parts[0], names) if len(parts) == 1 else row_value(parts, names)


def applied(head, inside, names):
    arguments = [value(part, names) for part in inside if part.tag != "mo"]
    if head.tag == "msub":
        return math.log(arguments[0], value(head[1], names))
    return PLAIN[head.text](*arguments)


FLOAT = {
    **{name: getattr(math, name) for name in FUNCTIONS if hasattr(math, name)},
    **{"number": float, "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b},
    **{"div": lambda a, b: a / b, "pow": lambda a, b: a**b, "neg": lambda a: -a, "ln": math.log},
    **{"min": min, "max": max, "abs": abs},
}


def same(text):
    formula = read_formula(text)
    names = {name: 1.3 + 0.37 * place for place, name in enumerate(formula.names)}
    known = {"pi": math.pi, "e": math.e}
    expected = formula.evaluate(FLOAT, {name: known.get(name, names[name]) for name in names})
    shown = value(ET.fromstring(formula_mathml(text)), {n: v for n, v in names.items() if n not in known})
    assert shown == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("a - (b - c)", "a - b - c", "a - (b + c)", "-(a + b)*c", "a*-b", "a/(b/c)", "a/b/c", "(a/b)**2"),
        *("2**-x", "x**2**0.5", "-x**2", "(-x)**2", "1e-7*x", "1.5e20/x", "log(x, 2)", "log(x)", "exp(x)**2"),
        *(
            "min(a, b*c, 1.5e20)",
            "max(a - b, 0)",
            "abs(-x)",
            "abs(a - b)*c",
            "sqrt(a*b)**3",
            "asin(0.3)*acos(x/9)",
        ),
        *("tanh(a + b)", "erf(x)", "pi*x^2", "a^(b - c)", "(a + b)*(a - b)", "a - -b", "(1e-3)^x", "e^x"),
    ],
)
def test_a_formula_in_mathml_means_what_it_meant(text):
    same(text)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_production_function_means_what_it_meant(path):
    for firm in chainprice.load(path).firms.values():
        for formula in firm.production.values():
            same(re.sub(r"(?<=[^\W\d])\.(?=[^\W\d])", "_", str(formula)))  # a name from a chain inside a firm


TERMS = st.recursive(
    st.sampled_from(["a", "b", "c", "2", "0.5", "7e-3"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/"]), inner),
        st.builds("-({})".format, inner),
        st.builds("{}(1 + ({})^2)".format, st.sampled_from(["sqrt", "ln", "abs"]), inner),
        st.builds("(abs({}) + 1)^({})".format, inner, st.sampled_from(["2", "0.5", "-1", "a"])),
    ),
    max_leaves=12,
)


@given(TERMS)
def test_any_formula_in_mathml_means_what_it_meant(text):
    with suppress(ZeroDivisionError, OverflowError):
        same(text)


def test_a_price_rule_and_a_marginal_product():
    assert rule_mathml("P_x = P_y * 2").startswith('<math displaystyle="true"><mrow><msub><mi>P</mi>')
    assert "its shadow price" in rule_mathml("P_x = its shadow price")
    slope = ET.fromstring(slope_mathml("y", "x", "2*x"))
    assert "".join(slope.itertext()) == "∂y∂x=2⋅x"


def test_text_is_escaped_and_markup_is_not():
    assert element("p", "<b>&\"'", Markup("<i>x</i>"), title='"<') == (
        '<p title="&quot;&lt;">&lt;b&gt;&amp;&quot;&#x27;<i>x</i></p>'
    )
    assert element("p", "\x1b[31m\u202e") == "<p>\\x1b[31m\\u202e</p>"


# The page.


@pytest.mark.parametrize("path", [*SPECS, NASTY], ids=lambda path: path.stem)
def test_a_page_is_well_formed_and_needs_nothing_else(path):
    done = run("solve", str(path), "-f", "html")
    assert done.returncode == 0
    reader = Reader(done.stdout)
    assert reader.is_closed
    tags = {tag for tag, _ in reader.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "a", "base"})
    for _, attributes in reader.elements:
        assert not {name for name in attributes if name.startswith("on") or name in ("style", "src", "href")}
    assert re.findall(r"https?://[^\"'\s<]*", done.stdout) in ([], ["http://www.w3.org/2000/svg"])
    assert ("html", {"lang": "en"}) in reader.elements
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_policy_allows_the_styles_that_are_there_and_nothing_else():
    page = run("solve", "specs/steel.yaml", "-f", "html").stdout
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in styles]
    assert len(styles) == 2
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def test_it_has_every_part():
    page = run("solve", "specs/electricity.yaml", "-f", "html").stdout
    reader = Reader(page)
    text = " ".join(reader.texts)
    for heading in ("Warnings", "Prices", "Firms", "Limits", "The chain", "Formulas", "Verification"):
        assert f"<h2>{heading}</h2>" in page
    assert "price-not-unique" in text
    assert "buyers' surplus" in text
    assert "<svg" in page
    data = json.loads(run("solve", "specs/electricity.yaml", "-f", "json").stdout)
    assert data["spec"]["sha256"] in text
    scopes = [attributes.get("scope") for tag, attributes in reader.elements if tag == "th"]
    assert set(scopes) == {"col", "row"}
    tables = sum(tag == "table" for tag, _ in reader.elements)
    assert tables == sum(tag == "caption" for tag, _ in reader.elements) >= 7


def test_what_was_changed_and_how_many_digits_are_said():
    done = run(
        *("solve", "specs/tupperware.yaml", "-f", "html", "--digits", "30"),
        *("--set", "supply.natgas.quantity=9", "--numeraire", "tupperware"),
    )
    assert done.returncode == 0
    assert "changed for this page: supply.natgas.quantity=9" in done.stdout
    assert "0.0138888888888888888888888888889" in done.stdout
    assert "<dt>prices in</dt><dd>tupperware</dd>" in done.stdout


def test_what_is_not_verified_is_no_success_and_says_so(monkeypatch, capsys):
    def wrong(read, solution):
        goods = (solution.goods[0]._replace(price=solution.goods[0].price * 2), *solution.goods[1:])
        return genuine(read, replace(solution, goods=goods))

    genuine = chainprice.verify
    monkeypatch.setattr("chainprice.gate.verify", wrong)
    code = run_here(["solve", str(ROOT / "specs/steel.yaml"), "-f", "html"])
    page = capsys.readouterr().out
    assert code == 1
    assert "<dt>verified</dt><dd>NO</dd>" in page
    assert '<p class="bad">NOT VERIFIED: 1 of 12 prices wrong' in page
    assert '<td class="bad">NO</td>' in page


def test_without_igraph_there_is_a_line_in_the_picture_s_place(monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    page = page_of((ROOT / "specs/tupperware.yaml").read_text())
    assert (
        "There is no picture, as igraph is not installed: <code>pip install &#x27;chainprice[graph]&#x27;</code>"
        in page
    )
    assert "<svg" not in page


def test_a_chain_too_large_for_a_picture_has_its_tables():
    page = page_of(chain("sqrt(x + 1)", 150))
    assert "The chain has 301 goods and firms, too many for this page." in page
    assert "<svg" not in page
    assert page.count("<tr>") > 600


def test_pages_are_the_same_every_time():
    command = ("solve", "specs/aluminium.yaml", "-f", "html")
    assert run(*command, PYTHONHASHSEED="1").stdout == run(*command, PYTHONHASHSEED="2").stdout


def test_what_is_inside_a_firm_stands_under_it():
    text = (
        "firms: {plant: {firms: {reactor: {production: {gas: 2*sqrt(naphtha)}}, column: {production: {ethylene: gas^0.8}}}}}\n"
        "supply: {naphtha: {quantity: 9}}\ndemand: {ethylene: {price: 1}}\n"
    )
    page = page_of(text)
    heads = re.findall(r'<th scope="row">(.*?)</th>', page)
    assert "<bdi>plant</bdi>" in heads
    assert "\u2003<bdi>gas</bdi>" in heads
    assert "\u2003<bdi>reactor</bdi>" in heads
    assert "plant: its firms pay each other" in page
