"""The page: what was solved, how it looks as a picture, why, and whether it is verified."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from chainprice import limits
from chainprice.diagram import Diagram
from chainprice.errors import MissingExtraError
from chainprice.report.diagrams.svg import diagram_svg
from chainprice.report.markup import Markup, element
from chainprice.report.mathml import slope_mathml
from chainprice.report.nested import cancelled
from chainprice.report.numbers import DIGITS, shown
from chainprice.report.pages.style import STYLE
from chainprice.report.pages.tables import html_table
from chainprice.report.table import Column, Table, by_chain, firm_table, limit_table, price_table
from chainprice.report.verdicts import VERIFY_DIGITS, check_table, verdict_words
from chainprice.solution import Solution
from chainprice.spec import Spec
from chainprice.verification import Verdict
from chainprice.version import __version__


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that a page tells of a spec; each part was made from the same reading of it."""

    spec: Spec
    solution: Solution
    diagram: Diagram
    verdict: Verdict


class _Section(NamedTuple):
    heading: str
    contents: tuple[Markup, ...]


def page_html(dossier: Dossier, digits: int | None = None) -> str:
    """One file of HTML that needs nothing else: no network, no script, no font.

    `digits` is the number of significant digits in the price and firm tables, 6 if None.
    """
    count = digits or DIGITS
    solution = dossier.solution
    title = solution.title or solution.path
    head = [element("h1", title), *_introduction(dossier, count)]
    sections = [
        element("section", element("h2", section.heading), *section.contents)
        for section in _sections(dossier, count)
        if section.contents
    ]
    body = element("body", element("main", *head, *sections), _footer(dossier))
    return f"<!DOCTYPE html>\n{element('html', _head(title, body), body, lang='en')}\n"


def _head(title: str, body: str) -> Markup:
    """Nothing may be fetched or run: only the styles that stand here count, by their hashes."""
    style = Markup(STYLE)
    styles = [STYLE, *re.findall(r"<style>(.*?)</style>", body, re.DOTALL)]
    allowed = " ".join(f"'sha256-{_hash(text)}'" for text in styles)
    policy = f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"chainprice {__version__}"),
        element("title", title),
        element("style", style),
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _introduction(dossier: Dossier, digits: int) -> Iterator[Markup]:
    spec, solution = dossier.spec, dossier.solution
    if spec.description:
        yield element("p", spec.description)
    money = f" {solution.numeraire or solution.money}".rstrip()
    facts = [
        ("allocation", solution.allocation),
        ("total value", f"{shown(solution.total_value, digits)}{money}"),
    ]
    if solution.incomes is not None:
        incomes = solution.incomes
        facts += [
            ("profits", f"{shown(incomes.profits, digits)}{money}"),
            ("factor incomes", f"{shown(incomes.factor_incomes, digits)}{money}"),
            ("buyers' surplus", f"{shown(incomes.buyer_surplus, digits)}{money}"),
        ]
    if solution.numeraire:
        facts.append(("prices in", solution.numeraire))
    facts.append(("verified", "yes" if dossier.verdict.verified else "NO"))
    yield element("dl", *(element("div", element("dt", name), element("dd", fact)) for name, fact in facts))


def _sections(dossier: Dossier, digits: int) -> Iterator[_Section]:
    spec, solution = dossier.spec, dossier.solution
    goods = {good: note.description for good, note in spec.goods.items() if note.description}
    firms = {name: firm.description for name, firm in spec.firms.items() if firm.description}
    _, rules = _without_rules(price_table(solution))
    prices, _ = _without_rules(by_chain(price_table(solution), solution))
    books = _titled(by_chain(firm_table(solution), solution), "What every firm earns")
    cancels = (element("p", line) for line in cancelled(solution.chains, digits))
    limited = _titled(limit_table(solution), "Limits, and what one more unit of each would add")
    yield _Section("Warnings", tuple(_warnings(solution)))
    yield _Section("Prices", (html_table(prices, digits, goods),))
    yield _Section("Firms", (html_table(books, digits, firms), *cancels))
    yield _Section("Limits", (html_table(limited, digits),) if solution.limits else ())
    yield _Section("The chain", (_picture(dossier.diagram),))
    tables = [table for table in (rules, *_formulas(spec, solution), _parameters(spec)) if table.rows]
    yield _Section("Formulas", tuple(html_table(table, digits) for table in tables))
    yield _Section("Verification", tuple(_verification(dossier.verdict)))


def _titled(table: Table, title: str) -> Table:
    return Table(title, table.columns, table.rows)


def _without_rules(table: Table) -> tuple[Table, Table]:
    """The price table, and the rules by which the prices come about, which may be long."""
    *columns, rule = table.columns
    rows = tuple(row[:-1] for row in table.rows)
    rules = tuple((row[0], row[-1]) for row in table.rows)
    return (
        Table("The price and the value of every good", tuple(columns), rows),
        Table("Where every price comes from", (columns[0], rule), rules),
    )


def _warnings(solution: Solution) -> Iterator[Markup]:
    if solution.warnings:
        items = [
            element("li", f"{warning.message} ", element("code", warning.code))
            for warning in solution.warnings
        ]
        yield element("ul", *items, class_="warnings")


def _picture(diagram: Diagram) -> Markup:
    """The picture; or why there is none, and how to get one."""
    count = len(diagram.nodes)
    if count > limits.PAGE_NODES:
        text = f"The chain has {count:,} goods and firms, too many for this page. "
        way_out = element("code", "chainprice graph SPEC -f svg")
        return element("p", text, way_out, f" draws up to {limits.DRAWN_NODES:,}.")
    try:
        picture = diagram_svg(diagram)
    except MissingExtraError:
        way_out = element("code", "pip install 'chainprice[graph]'")
        return element("p", "There is no picture, as igraph is not installed: ", way_out)
    return element(
        "figure", Markup(f"\n{picture}"), tabindex="0", role="group", aria_label="The chain as a picture"
    )


def _formulas(spec: Spec, solution: Solution) -> Iterator[Table]:
    """The production functions as they were written, and the marginal products that make up the prices."""
    made = [
        (firm.firm, f"{output.good} = {spec.firms[firm.firm].production[output.good]}", output.quantity)
        for firm in solution.firms
        for output in firm.outputs
    ]
    columns = (
        Column("firm", "firm", "name"),
        Column("production function", "production", "formula"),
        Column("makes", "quantity", "number"),
    )
    yield Table("What every firm makes, and of what", columns, tuple(made))
    slopes = [
        (firm.firm, slope_mathml(row.output, row.input, row.formula), row.value)
        for firm in solution.firms
        for row in firm.derivatives
    ]
    columns = (
        Column("firm", "firm", "name"),
        Column("marginal product", "derivative", "formula"),
        Column("value", "value", "number"),
    )
    yield Table("Marginal products", columns, tuple(slopes))


def _parameters(spec: Spec) -> Table:
    everywhere = [(name, "all", str(value)) for name, value in spec.parameters.items()]
    own = [
        (name, firm, str(value)) for firm, of in spec.firms.items() for name, value in of.parameters.items()
    ]
    columns = (
        Column("parameter", "parameter", "name"),
        Column("firm", "firm", "name"),
        Column("value", "value", "formula"),
    )
    return Table("Parameters", columns, (*everywhere, *own))


def _verification(verdict: Verdict) -> Iterator[Markup]:
    """The check that was made together with this page: every price against direct differentiation."""
    if verdict.error is not None:
        yield element("p", f"Not verified: {verdict.error}", class_="bad")
        return
    look = "good" if verdict.verified else "bad"
    words = verdict_words(verdict, alone=True)
    yield element("p", f"{words[:1].upper()}{words[1:]}.", class_=look)
    yield element(
        "p",
        "Made together with this page, on a separate road from the prices: the production functions are "
        "composed anew and differentiated directly. Every row must agree to a relative "
        f"{verdict.tolerance:g}.",
        class_="soft",
    )
    yield html_table(_titled(check_table(verdict), "Prices beside direct derivatives"), VERIFY_DIGITS)
    columns = (
        Column("condition", "condition", "text"),
        Column("worst relative error", "worst", "error"),
        Column("where", "where", "text"),
        Column("passed", "passed", "passed"),
    )
    rows = tuple((row.condition, row.worst, row.where or "", row.passed) for row in verdict.conditions)
    if rows:
        yield html_table(Table("What else must hold", columns, rows), VERIFY_DIGITS)


def _footer(dossier: Dossier) -> Markup:
    solution, settings = dossier.solution, dossier.spec.settings
    changed = [element("p", f"changed for this page: {', '.join(settings)}")] if settings else []
    source = f"chainprice {__version__}; {solution.path}; SHA-256 {solution.sha256}"
    return element("footer", *changed, element("p", source))
