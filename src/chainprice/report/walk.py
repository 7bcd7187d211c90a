"""A walk (`explain`) as plain text, as Markdown, and as LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from chainprice.errors import printable
from chainprice.explanation import (
    Equation,
    Explanation,
    Expression,
    Greatest,
    Price,
    Product,
    Quantity,
    Section,
    Slope,
    Sum,
    Term,
    Value,
    Worth,
)
from chainprice.report.latex import formula_latex, number_latex, plain_latex, upright
from chainprice.report.numbers import exact
from chainprice.report.table import plain_markdown
from chainprice.rules import factor

WalkFormat = Literal["text", "markdown", "latex"]

_WIDTH = 78


def walk_text(explanation: Explanation) -> str:
    """Plain text; an equation that does not fit a terminal goes on below its equals sign."""
    lines = [printable(explanation.title)]
    for section in explanation.sections:
        lines += ["", section.heading]
        for equation in section.equations:
            lines += [f"  {line}" for line in _text_lines(equation)]
        lines += [f"  {sentence}" for sentence in section.sentences]
    return "\n".join(lines) + "\n"


def _text_lines(equation: Equation) -> Iterator[str]:
    sides = _sides(equation, text_of)
    remark = f"   ({equation.remark})" if equation.remark else ""
    line = " = ".join(sides)
    if len(line) + len(remark) <= _WIDTH:
        yield line + remark
        return
    indent = " " * len(sides[0])
    line = sides[0]
    for side in sides[1:]:
        if line != indent and len(line) + len(side) + 3 > _WIDTH and line != sides[0]:
            yield line
            line = indent
        line = f"{line} = {side}"
    yield line + remark


def walk_markdown(explanation: Explanation) -> str:
    """Markdown: headings, and code blocks, which every renderer leaves alone."""
    lines = [f"# {plain_markdown(explanation.title)}"]
    for section in explanation.sections:
        lines += ["", f"## {plain_markdown(section.heading)}", ""]
        if section.equations:
            lines += ["```text", *(line for e in section.equations for line in _text_lines(e)), "```"]
        lines += [f"- {plain_markdown(sentence)}" for sentence in section.sentences]
    return "\n".join(lines) + "\n"


def walk_latex(explanation: Explanation) -> str:
    """LaTeX for a document that loads amsmath: one `align*` a section."""
    lines = [rf"\section*{{{plain_latex(explanation.title)}}}"]
    for section in explanation.sections:
        lines += ["", rf"\subsection*{{{plain_latex(section.heading)}}}"]
        lines += _align(section)
        if section.sentences:
            items = [rf"  \item {plain_latex(sentence)}" for sentence in section.sentences]
            lines += [r"\begin{itemize}", *items, r"\end{itemize}"]
    return "\n".join(lines) + "\n"


def _align(section: Section) -> list[str]:
    if not section.equations:
        return []
    rows = []
    for equation in section.equations:
        first, *rest = _sides(equation, latex_of)
        remark = rf" \qquad \text{{({plain_latex(equation.remark)})}}" if equation.remark else ""
        rows.append(f"  {first} &= {' = '.join(rest)}{remark}")
    return [r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}"]


def _sides(equation: Equation, write: Callable[[Term], str]) -> list[str]:
    """The written sides, without one that says the same as the one before."""
    sides: list[str] = []
    for side in equation.sides:
        text = write(side)
        if not sides or _bare(text) != _bare(sides[-1]):
            sides.append(text)
        elif len(text) > len(sides[-1]):
            sides[-1] = text
    return sides


def _bare(text: str) -> str:
    return text.split(" ", maxsplit=1)[0] if text[:1].isdigit() else text


def text_of(term: Term) -> str:  # noqa: PLR0911 - one for each kind of term
    """A term in the notation of the spec."""
    match term:
        case Price(good):
            return f"P_{good}"
        case Quantity(good, user):
            return good if user is None else f"{good}[{user}]"
        case Slope(output, source):
            return f"d{output}/d{source}"
        case Worth(user, good):
            return f"mv_{user}({good})"
        case Expression(text):
            return text
        case Value(number, unit):
            return f"{exact(number)} {unit}".rstrip()
        case Product(factors):
            return " * ".join(_factor_text(part) for part in factors)
        case Sum(terms):
            return _signed([text_of(part) for part in terms])
        case Greatest(terms):
            return f"max({', '.join(text_of(part) for part in terms)})"


def _factor_text(term: Term) -> str:
    text = text_of(term)
    return f"({text})" if isinstance(term, Sum) else factor(text)


def _signed(terms: list[str]) -> str:
    """Terms added; a term that begins with a minus is subtracted."""
    text = terms[0]
    for term in terms[1:]:
        text += f" - {term[1:]}" if term.startswith("-") else f" + {term}"
    return text


def latex_of(term: Term) -> str:  # noqa: PLR0911 - one for each kind of term
    """A term in LaTeX math."""
    match term:
        case Price(good):
            return f"P_{{{upright(good)}}}"
        case Quantity(good, user):
            return upright(good) if user is None else f"{upright(good)}_{{{upright(user)}}}"
        case Slope(output, source):
            return rf"\frac{{\partial {upright(output)}}}{{\partial {upright(source)}}}"
        case Worth(user, good):
            return rf"\mathrm{{mv}}_{{{upright(user)}}}({upright(good)})"
        case Expression(text):
            return formula_latex(text)
        case Value(number, unit):
            text = number_latex(exact(number))
            return rf"{text}\,\text{{{plain_latex(unit)}}}" if unit else text
        case Product(factors):
            return r" \cdot ".join(_factor_latex(part) for part in factors)
        case Sum(terms):
            return _signed([latex_of(part) for part in terms])
        case Greatest(terms):
            inside = r",\; ".join(latex_of(part) for part in terms)
            return rf"\max\left({inside}\right)"


def _factor_latex(term: Term) -> str:
    text = latex_of(term)
    is_negative = isinstance(term, Value) and term.number < 0
    return rf"\left({text}\right)" if isinstance(term, Sum) or is_negative else text
