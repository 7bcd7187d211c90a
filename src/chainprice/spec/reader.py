"""A plain tree to a `Spec`: every rule of the language, and every breach of it at once.

Each `_read_...` function takes a part of the tree and returns the part of the spec; whatever it
does not like it reports with the path of keys that leads there, and goes on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, Overflow, Underflow
from fractions import Fraction
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from chainprice import limits
from chainprice.arithmetic import CONSTANTS, brief, digits, evaluate, first_beyond, rational
from chainprice.errors import is_control, short, some
from chainprice.formula import TOO_LONG_A_NAME, Formula, FormulaError, is_name, read, suggestion
from chainprice.spec import language, overrides
from chainprice.spec.language import Part
from chainprice.spec.model import (
    ALLOCATIONS,
    DEMAND,
    NOTHING,
    Allocation,
    Demand,
    Firm,
    Good,
    Spec,
    Supply,
    Trade,
)
from chainprice.spec.places import Path, Places
from chainprice.spec.spellings import look_alikes
from chainprice.spec.text import Source
from chainprice.spec.tree import Tree

if TYPE_CHECKING:
    from chainprice.spec.chains import Nested
    from chainprice.spec.formreader import Form
    from chainprice.spec.library import Library, Trees

CURVE_VARIABLE = "q"
"""The quantity traded, in an inverse supply or demand curve."""

Keys = tuple[str, ...]
"""The keys that lead to a part of the spec."""

_T = TypeVar("_T")
_Trade = TypeVar("_Trade", bound=Trade)


class Reader:
    """Collects what is wrong while it reads; `problems` are (path, message, hint).

    `nested` are the firms that are chains, by their keys; `library` has the files that they name.
    """

    def __init__(self, library: Library | None = None, trees: Trees | None = None) -> None:
        self.nested: dict[Keys, Nested] = {}
        self.places: Places = _NOWHERE
        self.inner: Mapping[Keys, tuple[overrides.Setting, ...]] = {}
        self._library = library
        self._trees: Trees = {} if trees is None else trees
        self.problems: list[tuple[Path, str, str]] = []
        self._spoilt: set[Keys] = set()
        self._sound: dict[tuple[type[Trade], str], Trade] = {}
        self._names_to_compare = limits.NAMES_COMPARED
        self._parameters: Mapping[str, Formula] = NOTHING
        self._forms: dict[Keys, Form] = {}

    def report(self, keys: Keys, message: str, hint: str = "", *, at_key: bool = False) -> None:
        """Note what is wrong with the value, or the key, at these keys."""
        self.note(Path(keys, at_key), message, hint)

    def report_in(self, keys: Keys, offset: int, length: int, message: str, hint: str) -> None:
        """A problem in a part of a formula."""
        self.note(Path(keys, offset=offset, length=length), message, hint)

    def note(self, path: Path, message: str, hint: str) -> None:
        """Note what is wrong at a path, and that all above it is spoilt."""
        self.problems.append((path, message, hint))
        self._spoilt.update(path.keys[:count] for count in range(len(path.keys) + 1))

    def has_problem(self, keys: Keys) -> bool:
        """Whether something at or below `keys` has been reported already."""
        return keys in self._spoilt

    def is_unread(self, formula: Formula) -> bool:
        """Whether it only stands in for one that could not be read."""
        return formula is _NO_FORMULA

    def nearest(self, name: str, *known: Iterable[str]) -> str:
        """'did you mean ...?', while what is wrong can still be shown: the search takes long."""
        if len(self.problems) >= limits.PROBLEMS_SHOWN or self._names_to_compare < 0:
            return ""
        names = [*itertools.chain(*known)]
        self._names_to_compare -= len(names)
        return suggestion(name, names)

    # The spec, top down.

    @property
    def library(self) -> Library:
        """The files that firms name; only a spec with such firms needs it."""
        if self._library is None:
            from chainprice.spec.library import Library

            self._library = Library(self.places.source, Reader, self._trees)
        return self._library

    @property
    def is_incomplete(self) -> bool:
        """Whether there is a firm of which is not known what it makes and uses."""
        return any(nested.chain is None for nested in self.nested.values()) or bool(
            self._library and self._library.is_incomplete
        )

    def read_spec(self, applied: overrides.Applied, source: Source, places: Places) -> Spec:
        """The spec of a whole tree; whatever is wrong is in `problems`."""
        spec = self.read_chain(applied, source, places)
        reported: frozenset[str] = frozenset()
        if self.nested:
            from chainprice.spec.flattening import flatten

            spec, reported = flatten(self, spec)
        if isinstance(applied.tree, dict):
            self.check_meaning(spec, reported)
        return spec

    def read_chain(self, applied: overrides.Applied, source: Source, places: Places) -> Spec:
        """What a file says, with firms that are chains still empty."""
        self.places, self.inner = places, applied.inner
        tree = applied.tree
        top = self.mapping((), tree, language.SPEC)
        if tree is None:
            self.report((), "the file is empty", "`chainprice init` writes a spec to start from")
        version = top.get("chainprice", language.VERSION)
        if version != language.VERSION:
            self.report(("chainprice",), f"the language version must be {language.VERSION}")
        self._parameters = parameters = self.named((), "parameters", top.get("parameters"), self.constant)
        return Spec(
            firms=self.named((), "firms", top.get("firms"), self.read_firm),
            supply=self.named((), "supply", top.get("supply"), self.read_supply),
            demand=self.named((), "demand", top.get("demand"), self.read_demand),
            goods=self.named((), "goods", top.get("goods"), self.read_good),
            parameters=parameters,
            title=self.text((), "title", top.get("title")),
            description=self.text((), "description", top.get("description")),
            numeraire=self.text((), "numeraire", top["numeraire"]) if "numeraire" in top else None,
            money=self.text((), "money", top.get("money")),
            allocation=self.read_allocation(top.get("allocation", "auto")),
            source=source,
            places=places,
        )

    def read_allocation(self, value: Tree) -> Allocation:
        """One of ALLOCATIONS."""
        for allocation in ALLOCATIONS:
            if value == allocation:
                return allocation
        hint = self.nearest(value, ALLOCATIONS) if isinstance(value, str) else ""
        self.report(("allocation",), f"allocation must be one of {', '.join(ALLOCATIONS)}", hint)
        return "auto"

    # Each of these reads the value that stands at `key` in the mapping at `parent`.

    def read_firm(self, parent: Keys, key: str, value: Tree) -> Firm:
        """A firm; one that is a chain makes nothing itself, and is kept in `nested`."""
        keys = (*parent, key)
        part = self.mapping(keys, value, language.FIRM)
        parameters = NOTHING
        if "parameters" in part:
            parameters = self.named(keys, "parameters", part["parameters"], self.constant)
        made = part.get("production")
        if isinstance(made, dict) and dict in map(type, made.values()):
            production = self.named(keys, "production", made, partial(self.formula_or_form, parameters))
        else:
            production = self.named(keys, "production", made, self.formula)
        if production and len(part) == 1:
            return Firm(production)
        if not language.OF_CHAINS.isdisjoint(part):
            from chainprice.spec import nesting

            if not production and not nesting.STANDS_FOR_PRODUCTION.isdisjoint(part):
                self.nested[keys] = nesting.read_nested(self, keys, part, parameters)
                return _NO_FIRM
            nesting.fail_if_only_chains_have_it(self, keys, part)
        if not production and not self.has_problem(keys):
            self.report(keys, f"firm '{key}' makes nothing", "give it `production: {output: formula}`")
        return Firm(
            production,
            parameters,
            self.text(keys, "description", part.get("description")),
        )

    @contextmanager
    def within(self, parameters: Mapping[str, Formula]) -> Iterator[None]:
        """While the firms of a chain inside a firm are read, which see its parameters too."""
        around = self._parameters
        self._parameters = {**around, **parameters}
        yield
        self._parameters = around

    def formula_or_form(self, own: Mapping[str, Formula], parent: Keys, key: str, value: Tree) -> Formula:
        """A production function of a firm that has parameters of its `own`."""
        if not isinstance(value, dict):
            return self.formula(parent, key, value)
        keys = (*parent, key)
        from chainprice.spec.formreader import read_form

        form = read_form(self, keys, value, {**self._parameters, **own} if own else self._parameters)
        if form is None:
            return _NO_FORMULA
        self._forms[keys] = form
        return form.formula

    def read_supply(self, parent: Keys, key: str, value: Tree) -> Supply:
        """A good that enters."""
        return self.read_trade((*parent, key), value, language.SUPPLY, Supply)

    def read_demand(self, parent: Keys, key: str, value: Tree) -> Demand:
        """A good that leaves."""
        return self.read_trade((*parent, key), value, language.DEMAND, Demand)

    def read_trade(self, keys: Keys, value: Tree, kind: Part, make: type[_Trade]) -> _Trade:
        """One that was written before, and was sound, is the same again."""
        written = make, str(value)
        known = self._sound.get(written)
        if known is not None:
            return cast("_Trade", known)
        trade = self.new_trade(keys, value, kind, make)
        if len(self._sound) < _REMEMBERED and not self.has_problem(keys):
            self._sound[written] = trade
        return trade

    def new_trade(self, keys: Keys, value: Tree, kind: Part, make: type[_Trade]) -> _Trade:
        """A trade that has not been read before."""
        part = self.mapping(keys, value, kind)
        if not part and not self.has_problem(keys):
            self.report(keys, f"{kind.noun} needs a quantity or a price")
        quantity = self.constant(keys, "quantity", part["quantity"]) if "quantity" in part else None
        if quantity is not None and _is_negative(quantity):
            self.report((*keys, "quantity"), "a quantity here is a limit and cannot be negative")
        price = self.formula(keys, "price", part["price"]) if "price" in part else None
        return make(quantity, price)

    def read_good(self, parent: Keys, key: str, value: Tree) -> Good:
        """Notes on a good."""
        keys = (*parent, key)
        part = self.mapping(keys, value, language.GOOD)
        rival = part.get("rival", True)
        if not isinstance(rival, bool):
            self.report((*keys, "rival"), "rival is true or false")
            rival = True
        split = None
        if "split" in part:
            split = self.named(keys, "split", part["split"], self.constant)
            if not rival:
                message = f"'{key}' is non-rival: every use has all of it"
                self.report((*keys, "split"), message, at_key=True)
        return Good(
            self.text(keys, "unit", part.get("unit")),
            self.text(keys, "description", part.get("description")),
            rival,
            split,
        )

    # The pieces that a spec is made of.

    def mapping(self, keys: Keys, value: Tree, part: Part) -> Mapping[str, Tree]:
        """A mapping with keys of the language only; where there is none, an empty one."""
        if value is None:
            return NOTHING
        if not isinstance(value, dict):
            self.report(keys, f"{part.noun} must be a mapping of {', '.join(part.keys)}")
            return NOTHING
        for key in value:
            if key not in part.keys:
                hint = self.nearest(key, part.keys) or f"the keys here are {', '.join(part.keys)}"
                self.report((*keys, key), f"unknown key '{short(key)}'", hint, at_key=True)
        return value

    def named(
        self, parent: Keys, key: str, value: Tree, read_one: Callable[[Keys, str, Tree], _T]
    ) -> Mapping[str, _T]:
        """A mapping from names to whatever `read_one` makes of the values."""
        if value is None:
            return NOTHING
        keys = (*parent, key)
        if not isinstance(value, dict):
            self.report(keys, f"{key} must be a mapping from names")
            return NOTHING
        result: dict[str, _T] = {}
        for name, item in value.items():
            if not is_name(name):
                hint = "a name is a letter or _, then letters, digits and _"
                self.report((*keys, name), f"'{short(name)}' is not a name", hint, at_key=True)
            elif len(name) > limits.NAME_LENGTH:
                self.report((*keys, name), TOO_LONG_A_NAME, "shorten it", at_key=True)
            result[name] = read_one(keys, name, item)
        return MappingProxyType(result)

    def text(self, parent: Keys, key: str, value: Tree) -> str:
        """A text without control characters, on one line unless it is a description."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self.report((*parent, key), f"{key} must be text", "put it in quotes")
            return ""
        if value.isprintable():
            return value
        control = next((letter for letter in value if letter not in "\n\t" and is_control(letter)), None)
        if control is not None:
            message = f"{key} contains a control character"
            self.report((*parent, key), message, f"remove U+{ord(control):04X}")
            return ""
        return value if key == "description" else _BREAK.sub(" ", value).strip(" ")

    def formula(self, parent: Keys, key: str, value: Tree) -> Formula:
        """A formula, read through the grammar; one that cannot be read is a 0 that is known as such."""
        if not isinstance(value, str):
            kind = _KINDS[type(value)]
            self.report((*parent, key), f"a formula or a number is expected, and this is {kind}")
            return _NO_FORMULA
        try:
            formula = _read_short(value) if len(value) <= _SHORT else read(value)
        except FormulaError as error:
            self.report_in((*parent, key), error.offset, error.length, error.message, error.hint)
            return _NO_FORMULA
        if formula.shape.constant_steps and (step := first_beyond(formula)) is not None:
            self.report_beyond((*parent, key), value, formula.span(step))
            return _NO_FORMULA
        return formula

    def report_beyond(self, keys: Keys, text: str, span: tuple[int, int]) -> None:
        """A part of a formula that is a number too far from 1."""
        start, end = span
        message = f"the constant {short(text[start:end])} is beyond 1e±{limits.NUMBER_EXPONENT}"
        self.report_in(keys, start, end - start, message, "use a nearer unit")

    def name(self, parent: Keys, key: str, value: Tree) -> str:
        """A good's name."""
        if isinstance(value, str) and is_name(value):
            return value
        self.report((*parent, key), "the name of a good is expected")
        return key

    def constant(self, parent: Keys, key: str, value: Tree) -> Formula:
        """A number, or a formula of numbers alone (and pi and e)."""
        formula = self.formula(parent, key, value)
        for name in formula.names:
            if name not in CONSTANTS:
                message = f"a number cannot depend on '{name}'"
                self.report_in((*parent, key), formula.offset(name), len(name), message, "")
                return _NO_FORMULA
        if len(formula.shape.steps) > 1:
            try:
                is_beyond = abs(_decimal(formula).adjusted()) > limits.NUMBER_EXPONENT
            except (Overflow, Underflow):
                is_beyond = True
            except ArithmeticError:
                self.report((*parent, key), f"'{short(formula.text)}' is not a finite real number")
                return _NO_FORMULA
            if is_beyond:
                self.report_beyond((*parent, key), formula.text, (0, len(formula.text)))
                return _NO_FORMULA
        return formula

    # What the parts mean together.

    def check_meaning(self, spec: Spec, reported: frozenset[str]) -> None:
        """`reported` are names in production functions that were found to mean nothing before."""
        if not spec.firms and not self.nested and not self.has_problem(("firms",)):
            self.report(("firms",), "a spec needs at least one firm", "add `firms:`")
        if not spec.demand and not self.has_problem(("demand",)):
            self.report(("demand",), "nothing is demanded, so nothing has a price", "add `demand:`")
        made = {good for firm in spec.firms.values() for good in firm.production}
        goods = made | set(spec.supply)
        for keys, message, hint in look_alikes(spec, goods):
            self.report(keys, message, hint, at_key=True)
        self.check_curves("supply", spec.supply, spec)
        self.check_curves("demand", spec.demand, spec)
        if self.nested and self.is_incomplete:
            return  # what is made is not known
        self.check_productions(spec, goods | reported)
        for section in ("demand", "goods"):
            for good in getattr(spec, section):
                if good not in goods:
                    self.report_unknown((section, good), good, goods, at_key=True)
        numeraire = spec.numeraire
        if numeraire is not None and numeraire not in goods and not self.has_problem(("numeraire",)):
            self.report_unknown(("numeraire",), numeraire, goods)
        if self.has_problem(("firms",)) or (self.nested and not self.library.is_sound):
            return  # who uses what is not known for certain
        self.check_splits(spec, goods)

    def check_productions(self, spec: Spec, goods: set[str]) -> None:
        """Every name in a production function is a good, or a parameter, or a constant."""
        names = goods.union(spec.parameters, CONSTANTS) if goods.isdisjoint(spec.parameters) else set()
        for name, firm in spec.firms.items():
            for output, formula in firm.production.items():
                form = self._forms.get(("firms", name, "production", output)) if self._forms else None
                if form is not None:
                    self.check_form(("firms", name, "production", output), form, spec, goods)
                elif firm.parameters or not names.issuperset(formula.names):
                    self.check_names(("firms", name, "production", output), formula, spec, goods, firm)

    def report_unknown(self, keys: Keys, good: str, goods: set[str], *, at_key: bool = False) -> None:
        """Report a good that is neither supplied nor made."""
        self.report(keys, f"unknown good '{good}'", self.way_out(good, goods), at_key=at_key)

    def way_out(self, name: str, goods: Iterable[str], *others: Iterable[str]) -> str:
        """What an unknown name may have meant: another name, or a good that stays inside a firm."""
        if self.nested:
            inside = [good for good in goods if good.endswith(f".{name}")]
            if inside:
                firm = inside[0].removesuffix(f".{name}")
                return f"it stays inside '{firm}'; `links: {{{name}: {name}}}` there shares it"
            goods = [good for good in goods if "." not in good]
        return self.nearest(name, goods, *others) or "a good exists by being supplied or made"

    def check_names(self, keys: Keys, formula: Formula, spec: Spec, goods: set[str], firm: Firm) -> None:
        """Report every name in a formula that is no good, parameter or constant, or both of the first two."""
        name, output = keys[1], keys[-1]
        for word in formula.names:
            is_parameter = word in firm.parameters or word in spec.parameters
            if word in goods and is_parameter:
                message = f"'{word}' is both a good and a parameter here"
                self.report_in(keys, formula.offset(word), len(word), message, "rename one of them")
            elif word not in goods and not is_parameter and word not in CONSTANTS:
                hint = self.way_out(word, goods, firm.parameters, spec.parameters)
                message = f"unknown name '{word}' in the production of '{output}' by firm '{name}'"
                self.report_in(keys, formula.offset(word), len(word), message, hint)

    def check_form(self, form_keys: Keys, form: Form, spec: Spec, goods: set[str]) -> None:
        """The inputs of a form are goods, and its numbers name none."""
        firm, output = form_keys[1], form_keys[-1]
        for good in form.inputs:
            if good not in goods:
                hint = self.way_out(good, goods)
                message = f"unknown good '{good}' in the production of '{output}' by firm '{firm}'"
                self.report(form_keys + form.home(good), message, hint, at_key=True)
            elif spec.parameter(firm, good) is not None:
                message = f"'{good}' is both a good and a parameter here"
                self.report(form_keys + form.home(good), message, "rename one of them", at_key=True)
        for keys, number in form.numbers:
            for word in number.names:
                if word in goods:
                    message = f"'{word}' is both a good and a parameter here"
                    self.report_in(keys, number.offset(word), len(word), message, "rename one of them")

    def check_curves(self, section: str, trades: Mapping[str, Trade], spec: Spec) -> None:
        """Report what is wrong with the names in the prices of supply or demand."""
        for good, trade in trades.items():
            if trade.price is not None and trade.price.names:
                self.check_curve((section, good, "price"), trade.price, spec)

    def check_curve(self, keys: Keys, price: Formula, spec: Spec) -> None:
        """Report every name in a price that is neither `q` nor a parameter, or is both."""
        for word in price.names:
            if word == CURVE_VARIABLE and word in spec.parameters:
                message = "'q' is the quantity traded here, and a parameter too"
                self.report_in(keys, price.offset(word), 1, message, "rename the parameter")
            elif word not in spec.parameters and word not in CONSTANTS and word != CURVE_VARIABLE:
                hint = self.nearest(word, spec.parameters, CURVE_VARIABLE) or (
                    "a price is a number or a curve in q, the quantity traded"
                )
                message = f"unknown name '{word}' in the price of '{keys[1]}'"
                self.report_in(keys, price.offset(word), len(word), message, hint)

    def check_splits(self, spec: Spec, goods: set[str]) -> None:
        """Every stated split of a rival good fits the good's uses; who uses what is looked up once."""
        split = {
            good: note.split
            for good, note in spec.goods.items()
            if note.split is not None and note.rival and good in goods
        }
        uses: dict[str, set[str]] = {good: set() for good in split}
        for name, firm in spec.firms.items() if split else ():
            for formula in firm.production.values():
                for good in uses.keys() & formula.names:
                    uses[good].add(name)
        for good, shares in split.items():
            self.check_split(("goods", good, "split"), shares, good, uses[good], spec)

    def check_split(
        self, keys: Keys, split: Mapping[str, Formula], good: str, uses: set[str], spec: Spec
    ) -> None:
        """Every use has its share; the shares are from 0 to 1 and sum to 1 at most."""
        if good in spec.demand:
            if DEMAND in uses:
                self.report(
                    keys, "'demand' means the demand here, and a firm has that name", "rename the firm"
                )
            uses.add(DEMAND)
        for name, share in split.items():
            if name not in uses:
                hint = self.nearest(name, uses) or f"its uses are: {some(sorted(uses)) or 'none'}"
                self.report((*keys, name), f"'{name}' does not use '{good}'", hint, at_key=True)
            if _is_negative(share):
                self.report((*keys, name), "a share cannot be negative")
        left_out = sorted(uses - set(split))
        if left_out:
            quoted = some([f"'{use}'" for use in left_out])
            message = f"the split of '{good}' leaves out {quoted}"
            self.report(keys, message, "0 is a share too", at_key=True)
        total = _sum(split.values())
        if total > 1 + Fraction(1, 10**30):
            over = brief(total - 1)
            self.report(keys, f"the shares of '{good}' sum to more than 1, by {over}", at_key=True)


_BREAK = re.compile(r"\s*[\n\t]\s*")
"""In a title or a unit, which stand on one line, a space."""

_KINDS = {type(None): "nothing", bool: "true or false", list: "a list", dict: "a mapping"}

_SHORT = 8
"""Characters of a number that is likely to be written in many places, and then need be read only once."""


_REMEMBERED = 4096
"""Short numbers, and supplies and demands, that are remembered."""


@lru_cache(maxsize=_REMEMBERED)
def _read_short(text: str) -> Formula:
    return read(text)


_NOWHERE = Places(Source("", "", ""))

_NO_FIRM = Firm(NOTHING)
"""Stands in for a firm that is a chain, until what is inside it has joined the market."""

_NO_FORMULA = read("0")
"""Stands in for a formula that could not be read, so that reading goes on."""


def _sum(formulas: Iterable[Formula]) -> Fraction:
    return sum((_value(formula) for formula in formulas), Fraction(0))


def _is_negative(formula: Formula) -> bool:
    return len(formula.shape.steps) > 1 and _value(formula) < 0  # one step has no minus


def _value(formula: Formula) -> Fraction:
    """The value of a constant formula: exact if it is rational, else to 40 digits."""
    exact = rational(formula)
    return Fraction(_decimal(formula)) if exact is None else exact


def _decimal(formula: Formula) -> Decimal:
    """The value of a constant formula to 40 digits."""
    with digits(40):
        return evaluate(formula)
