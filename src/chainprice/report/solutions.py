"""What `solve` prints for people, spreadsheets and documents."""

from __future__ import annotations

from chainprice.report.numbers import DIGITS, shown
from chainprice.report.table import (
    FIRMS,
    Table,
    csv_text,
    latex_text,
    markdown_text,
    plain_markdown,
    price_table,
    tables_of,
)
from chainprice.report.terminal import terminal_text
from chainprice.solution import Incomes, Solution


def solution_text(solution: Solution, digits: int | None, width: int | None) -> str:
    """Both tables, for people."""
    count = digits or DIGITS
    summary = f"allocation {solution.allocation}; total value {shown(solution.total_value, count)}"
    unit = f" {solution.money}" if solution.money else ""
    money = f"; prices in {solution.numeraire}" if solution.numeraire else ""
    parts: list[Table | str] = [solution.title or solution.path, f"{summary}{unit}{money}"]
    if solution.incomes is not None:
        parts.append(_incomes(solution.incomes, count))
    for table in tables_of(solution):
        parts += ["", table]
        if table.title == FIRMS and solution.chains:
            from chainprice.report.nested import cancelled

            parts += cancelled(solution.chains, count)
    return terminal_text(parts, count, width=width)


def _incomes(incomes: Incomes, count: int) -> str:
    """Total value as the sum of incomes."""
    profits, factors = shown(incomes.profits, count), shown(incomes.factor_incomes, count)
    surplus = shown(incomes.buyer_surplus, count)
    return f"of which profits {profits}, factor incomes {factors}, buyers' surplus {surplus}"


def solution_csv(solution: Solution) -> str:
    """The price table, with all digits."""
    return csv_text(price_table(solution))


def solution_markdown(solution: Solution, digits: int | None) -> str:
    """Both tables."""
    count = digits or DIGITS
    tables = [markdown_text(table, count) for table in tables_of(solution)]
    return f"# {plain_markdown(solution.title or solution.path)}\n\n" + "\n".join(tables)


def solution_latex(solution: Solution, digits: int | None) -> str:
    """Both tables, for a document of any class."""
    count = digits or DIGITS
    return "\n".join(latex_text(table, count) for table in tables_of(solution))
