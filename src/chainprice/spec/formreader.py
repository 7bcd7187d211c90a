"""A form as it is written in a spec, `{form: ces, ...}`, to its formula: all problems at once, as ever.

Numbers are worked out here (parameters have their values), because some of them decide which formula it is:
an elasticity of 1, a share of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol, TypeVar

from chainprice import limits
from chainprice.arithmetic import (
    CONSTANTS,
    RATIONALS,
    NotRationalError,
    brief,
    digits,
    evaluate,
    first_beyond,
)
from chainprice.errors import short
from chainprice.formula import Formula, FormulaError, read
from chainprice.spec.forms import NO_NUMBERS, ONE, WRITERS, Number, Numbers, Record
from chainprice.spec.language import FORM, FORMS, Part
from chainprice.spec.tree import Tree

Keys = tuple[str, ...]

_T = TypeVar("_T")


class Reader(Protocol):
    """What the reader of the whole spec does for that of a form: pieces are read, and problems noted."""

    def report(self, keys: Keys, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """A problem with the value at `keys`, or with the last key itself."""

    def report_in(self, keys: Keys, offset: int, length: int, message: str, hint: str) -> None:
        """A problem in a part of a formula."""

    def report_beyond(self, keys: Keys, text: str, span: tuple[int, int]) -> None:
        """A part of a formula that is a number too far from 1."""

    def has_problem(self, keys: Keys) -> bool:
        """Whether something at or below `keys` has been reported already."""

    def nearest(self, name: str, *known: Iterable[str]) -> str:
        """'did you mean ...?', or nothing."""

    def is_unread(self, formula: Formula) -> bool:
        """Whether it only stands in for one that could not be read."""

    def formula(self, parent: Keys, key: str, value: Tree) -> Formula:
        """The formula that stands at `key` in the mapping at `parent`."""

    def mapping(self, keys: Keys, value: Tree, part: Part) -> Mapping[str, Tree]:
        """A mapping with the keys of `part` only."""

    def named(
        self, parent: Keys, key: str, value: Tree, read_one: Callable[[Keys, str, Tree], _T]
    ) -> Mapping[str, _T]:
        """A mapping from names to whatever `read_one` makes of the values."""


class Form(NamedTuple):
    """A form's formula, the goods that it names as inputs, and its numbers with the keys they stand at."""

    formula: Formula
    inputs: Collection[str]
    numbers: Sequence[tuple[Keys, Formula]]
    given: Mapping[str, Tree]

    def home(self, good: str) -> Keys:
        """The keys below the form that lead to where it names an input first."""
        return next(keys for keys in _input_places(self.given) if keys[-1] == good)


def read_form(
    reader: Reader, keys: Keys, value: Mapping[str, Tree], parameters: Mapping[str, Formula]
) -> Form | None:
    """The form at `keys`, for a firm that sees `parameters`; None after something was reported."""
    name = value.get(FORM)
    if not isinstance(name, str) or name not in FORMS:
        _report_no_form(reader, keys, value)
        return None
    return _FormReader(reader, keys, name, parameters).read(value)


def _report_no_form(reader: Reader, keys: Keys, value: Mapping[str, Tree]) -> None:
    known = f"the forms are {', '.join(FORMS)}"
    name = value.get(FORM)
    if FORM not in value:
        message = f"a formula or a form is expected, and this is a mapping without the key `{FORM}`"
        reader.report(keys, message, known)
    elif isinstance(name, str):
        hint = reader.nearest(name, FORMS) or known
        reader.report((*keys, FORM), f"unknown form '{short(name)}'", hint)
    else:
        reader.report((*keys, FORM), "the name of a form is expected", known)


_LOWEST: Mapping[str, str] = {
    "scale": "the scale cannot be negative",
    "elasticity": "an elasticity of substitution cannot be negative",
    "returns": "returns to scale must be above 0",
    "shares": "a share cannot be negative",
    "exponents": "an exponent cannot be negative",
    "requirements": "a requirement cannot be negative",
}
"""The keys whose numbers cannot be below 0, and how that is said."""

_ENDLESS = frozenset({"inf", ".inf", "infinity", "infinite"})
"""How an elasticity without end is written: as YAML, JSON, tables and people do."""

_ROUNDING = Fraction(1, 10**6)
"""What rounding may have left of shares that sum to 1."""

_DIGITS = 40


class _FormReader:
    def __init__(self, reader: Reader, keys: Keys, name: str, parameters: Mapping[str, Formula]) -> None:
        self._reader, self._keys, self._name, self._parameters = reader, keys, name, parameters
        self._numbers: list[tuple[Keys, Formula]] = []
        self._is_known = True  # not, where a parameter could not be read: that is a problem of its own

    def read(self, value: Mapping[str, Tree]) -> Form | None:
        part = FORMS[self._name]
        given = self._reader.mapping(self._keys, {**value}, part)
        for key, of in part.keys.items():
            if of.is_required and given.get(key) is None:
                self._report_missing(
                    f"the form {self._name} needs `{key}`", f"`{key}: {_shown(of.examples[0])}`"
                )
        record = self._record(given)
        if self._reader.has_problem(self._keys) or not self._is_known:
            return None
        formula = self._formula(WRITERS[self._name](record))
        if formula is None:
            return None
        paired = (good for pair in record.pairs for good in pair)
        inputs = {*record.inputs, *paired} if record.pairs else record.inputs.keys()
        return Form(formula, inputs, self._numbers, given)

    def _report_missing(self, message: str, hint: str) -> None:
        self._reader.report((*self._keys, FORM), message, hint)

    # The record.

    def _record(self, given: Mapping[str, Tree]) -> Record:
        inputs = self._inputs(given)
        pairs = self._pairs(given.get("second_order")) if "second_order" in given else {}
        if inputs is not None and not self._has_any([*inputs.values(), *pairs.values()]):
            key = self._inputs_key(given)
            self._reader.report(
                (*self._keys, key), "a form needs an input, and all of these are 0", at_key=True
            )
        return Record(
            inputs or NO_NUMBERS,
            self._one(given, "scale"),
            self._one(given, "returns"),
            self._elasticity(given),
            pairs,
        )

    def _has_any(self, numbers: list[Number]) -> bool:
        """Whether there is an input at all; while something is wrong nobody knows."""
        is_sound = self._is_known and not self._reader.has_problem(self._keys)
        return not is_sound or any(number.value for number in numbers)

    def _inputs_key(self, given: Mapping[str, Tree]) -> str:
        """The key under which the inputs are."""
        named = [key for key in FORMS[self._name].keys if key in _INPUTS]
        return next((key for key in named if key in given), named[0])

    def _inputs(self, given: Mapping[str, Tree]) -> Numbers | None:
        key = self._inputs_key(given)
        if self._name == "cobb_douglas":
            self._check_alternatives(given)
        if given.get(key) is None:
            return None
        numbers = self._numbers_by_name(self._keys, key, given[key])
        if not numbers and not self._reader.has_problem((*self._keys, key)):
            self._reader.report(
                (*self._keys, key), "a form needs an input", "name a good: `ore: 0.4`", at_key=True
            )
            return None
        if key == "shares" and self._is_known and not self._reader.has_problem((*self._keys, key)):
            self._check_sum(numbers)
        return numbers

    def _check_alternatives(self, given: Mapping[str, Tree]) -> None:
        if "exponents" not in given and given.get("shares") is None:
            self._report_missing(
                "the form cobb_douglas needs `shares` or `exponents`",
                "`shares: {ore: 0.4, coal: 0.6}`, or `exponents: {ore: 0.3, coal: 0.5}`",
            )
        for other in ("shares", "returns"):
            if "exponents" in given and other in given:
                message = f"`exponents` leave nothing for `{other}` to say"
                hint = "an exponent is a share times the returns; give the one or the other"
                self._reader.report((*self._keys, other), message, hint, at_key=True)

    def _check_sum(self, shares: Numbers) -> None:
        total = sum((share.value or Fraction(0) for share in shares.values()), Fraction(0))
        if abs(total - 1) <= _ROUNDING:
            return
        hint = "divide each by their sum"
        if self._name == "cobb_douglas":
            hint = "write them as `exponents`, which may sum to anything; or divide each by their sum"
        message = f"the shares sum to {brief(total)}, and not to 1"
        self._reader.report((*self._keys, "shares"), message, hint, at_key=True)

    def _pairs(self, value: Tree) -> Mapping[tuple[str, str], Number]:
        keys = (*self._keys, "second_order")
        rows = self._reader.named(self._keys, "second_order", value, self._numbers_by_name)
        pairs: dict[tuple[str, str], Number] = {}
        for good, row in rows.items():
            for other, number in row.items():
                pair = (min(good, other), max(good, other))
                known = pairs.setdefault(pair, number)
                if known is number:
                    continue
                if known.value != number.value:
                    message = f"'{good}' and '{other}' have another coefficient under '{other}'"
                    self._reader.report((*keys, good, other), message, "a pair has one coefficient")
        return pairs

    # The numbers.

    def _numbers_by_name(self, parent: Keys, key: str, value: Tree) -> Numbers:
        return self._reader.named(parent, key, value, self._number)

    def _one(self, given: Mapping[str, Tree], key: str) -> Number:
        if key not in given or key not in FORMS[self._name].keys:
            return ONE
        number = self._number(self._keys, key, given[key])
        if key == "returns" and number.value == 0:
            self._reader.report((*self._keys, key), _LOWEST[key])
        return number

    def _elasticity(self, given: Mapping[str, Tree]) -> Number:
        text = given.get("elasticity")
        if self._name != "ces" or text is None:
            return ONE
        if isinstance(text, str) and text.casefold() in _ENDLESS and text not in self._parameters:
            return Number(text, None)
        return self._number(self._keys, "elasticity", text)

    def _number(self, parent: Keys, key: str, value: Tree) -> Number:
        """A number that may depend on parameters; 1 after something was reported."""
        formula = self._reader.formula(parent, key, value)
        keys = (*parent, key)
        if self._reader.has_problem(keys) or self._has_unknown_names(keys, formula):
            return ONE
        self._numbers.append((keys, formula))
        number = self._valued(keys, formula)
        kind = parent[-1] if parent[-1] in _LOWEST else key
        if kind in _LOWEST and number.value is not None and number.value < 0:
            self._reader.report(keys, _LOWEST[kind])
        return number

    def _has_unknown_names(self, keys: Keys, formula: Formula) -> bool:
        unknown = [name for name in formula.names if name not in self._parameters and name not in CONSTANTS]
        for name in unknown:
            hint = self._reader.nearest(name, self._parameters) or (
                "numbers of a form are made of parameters and constants"
            )
            self._reader.report_in(keys, formula.offset(name), len(name), f"unknown parameter '{name}'", hint)
        return bool(unknown)

    def _valued(self, keys: Keys, formula: Formula) -> Number:
        text = formula.text.strip()
        parameters = {name: self._parameters[name] for name in formula.names if name in self._parameters}
        if any(map(self._reader.is_unread, parameters.values())):
            self._is_known = False
            return ONE
        exact = _rational(formula, parameters)
        if exact is not None:
            return Number(text, exact, not formula.names)
        try:
            with digits(_DIGITS):
                known = {name: evaluate(parameter) for name, parameter in parameters.items()}
                value = evaluate(formula, known)
        except ArithmeticError:
            self._reader.report(keys, f"'{short(text)}' is not a finite real number")
            return ONE
        if abs(value.adjusted()) > limits.NUMBER_EXPONENT:
            self._reader.report_beyond(keys, formula.text, (0, len(formula.text)))
            return ONE
        return Number(text, Fraction(value), is_exact=False)

    # The formula.

    def _formula(self, text: str) -> Formula | None:
        """The formula that a form means; a form may be too large for one."""
        keys = (*self._keys, FORM)
        try:
            formula = read(text)
        except FormulaError as error:
            self._reader.report(keys, f"the formula of this form: {error.message}", error.hint)
            return None
        if formula.shape.constant_steps and (step := first_beyond(formula)) is not None:
            start, end = formula.span(step)
            message = f"its formula has {short(text[start:end])}, beyond 1e±{limits.NUMBER_EXPONENT}"
            self._reader.report(keys, message, "use a nearer unit")
            return None
        return formula


_INPUTS = ("shares", "exponents", "requirements", "coefficients", "first_order")
"""The keys under which a form has its inputs."""


def _input_places(given: Mapping[str, Tree]) -> Iterator[Keys]:
    """The keys that end with the name of an input."""
    for key in _INPUTS:
        part = given.get(key)
        yield from ((key, good) for good in part) if isinstance(part, dict) else ()
    rows = given.get("second_order")
    for good, row in rows.items() if isinstance(rows, dict) else ():
        yield ("second_order", good)
        yield from (("second_order", good, other) for other in row) if isinstance(row, dict) else ()


def _rational(formula: Formula, parameters: Mapping[str, Formula]) -> Fraction | None:
    """The exact value of a number, None where it has no short rational one."""
    if len(formula.shape.steps) == 1:  # one number, or one name
        if formula.numbers:
            return Fraction(formula.numbers[0])
        return _rational(parameters[formula.names[0]], {}) if parameters else None
    try:
        known = {name: parameter.evaluate(RATIONALS, {}) for name, parameter in parameters.items()}
        value: Fraction = formula.evaluate(RATIONALS, known)
    except (NotRationalError, ZeroDivisionError, KeyError):  # a key error: pi and e are not rational
        return None
    return value


def _shown(example: object) -> str:
    """An example as YAML writes it in one line."""
    if isinstance(example, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(value)}" for key, value in example.items()) + "}"
    return str(example)
