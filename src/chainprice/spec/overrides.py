"""`--set NAME=VALUE`: numbers of the spec changed from the command line, before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chainprice.errors import Problem
from chainprice.formula import FormulaError, read, suggestion
from chainprice.spec.language import TRADES
from chainprice.spec.tree import Tree

Keys = tuple[str, ...]


class Setting(NamedTuple):
    """What was written after `--set`, and which part of it is the name here: in a firm, without its own."""

    text: str
    name: str
    value: str


class Applied(NamedTuple):
    """A tree with settings in place, the setting of each changed path, and what is wrong.

    `inner` are the settings for the files of nested chains, by the keys of the firm that names the file.
    """

    tree: Tree
    changed: Mapping[Keys, str]
    inner: Mapping[Keys, tuple[Setting, ...]]
    problems: tuple[Problem, ...]


def apply(tree: Tree, settings: Iterable[str | Setting]) -> Applied:
    """Put settings in place.

    A setting is `NAME=VALUE` with NAME a parameter, `firm.parameter`, or `supply.good.quantity`
    (`.price`, `demand.`); `plant.firm.parameter` for a firm inside a firm. It may only change what the spec
    has: a parameter, a firm, a trade.
    """
    changed: dict[Keys, str] = {}
    inner: dict[Keys, tuple[Setting, ...]] = {}
    problems: list[Problem] = []
    for setting in map(_setting, settings):
        try:
            if "=" not in setting.text:
                raise _SettingError(f"--set {setting.text}: no value", "write --set NAME=VALUE")
            keys, rest = _target(tree, setting)
            _fail_if_no_formula(setting.text, setting.value)
        except _SettingError as error:
            problems.append(Problem(error.message, None, error.hint))
        else:
            if rest:
                inner[keys] = (*inner.get(keys, ()), setting._replace(name=rest))
                changed[(*keys, _FILE, rest)] = setting.text
            else:
                tree = _with(tree, keys, setting.value.strip())
                changed[keys] = setting.text
    return Applied(tree, changed, inner, tuple(problems))


_FILE = "chain"
"""The key of a firm under which the file of its chain stands."""


def _setting(setting: str | Setting) -> Setting:
    if isinstance(setting, Setting):
        return setting
    name, _, value = setting.partition("=")
    return Setting(setting, name.strip(), value)


def settable(tree: Tree) -> list[str]:
    """Every NAME that a setting may have for this tree: parameters, trades, firms' parameters."""
    parameters = _names(tree, "parameters")
    trades = [
        f"{trade}.{good}.{key}"
        for trade in TRADES
        for good in _names(tree, trade)
        for key in TRADES[trade].keys
    ]
    return [*parameters, *trades, *_of_firms(tree, parameters)]


def _of_firms(tree: Tree, visible: Iterable[str]) -> Iterator[str]:
    """`firm.parameter` for each firm, and so on inside it; a file that it names is not looked into."""
    for firm in _names(tree, "firms"):
        inside = _node(tree, "firms", firm)
        if not inside or not isinstance(inside, dict):
            continue  # of a table that was not read there is only the name
        around = () if _FILE in inside else visible
        seen = dict.fromkeys([*_names(inside, "parameters"), *around])
        yield from (f"{firm}.{parameter}" for parameter in seen)
        yield from (f"{firm}.{name}" for name in _of_firms(inside, seen))


class _SettingError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _target(tree: Tree, setting: Setting) -> tuple[Keys, str]:
    """The path of keys that a setting's name means, and what is left of the name where a file goes on."""
    name = setting.text.partition("=")[0].strip()
    match setting.name.split("."):
        case [parameter]:
            _fail_if_unknown(name, parameter, _names(tree, "parameters"), "parameter")
            return ("parameters", parameter), ""
        case [trade, good, key] if trade in TRADES and name == setting.name:
            _fail_if_unknown(name, good, _names(tree, trade), trade)
            _fail_if_unknown(name, key, TRADES[trade].keys, "key")
            return (trade, good, key), ""
        case [*firms, parameter] if all(firms) and (len(firms) == 1 or firms[0] in _names(tree, "firms")):
            return _of_firm(tree, name, firms, parameter)
        case _:
            raise _SettingError(
                f"--set {name}: this names nothing that can be set",
                "set a parameter, firm.parameter, supply.good.quantity, supply.good.price, "
                "demand.good.price or demand.good.quantity",
            )


def _of_firm(tree: Tree, name: str, firms: list[str], parameter: str) -> tuple[Keys, str]:
    """A parameter of a firm, which may be inside others: keys as far as this file goes, and the rest."""
    keys: Keys = ()
    known: list[str] = _names(tree, "parameters")
    for depth, firm in enumerate(firms, 1):
        _fail_if_unknown(name, firm, _names(tree, *keys, "firms"), "firm")
        keys = (*keys, "firms", firm)
        known = [*_names(tree, *keys, "parameters"), *known]
        if _FILE in _names(tree, *keys):
            if depth == len(firms):
                return (*keys, "parameters", parameter), ""  # the file says which there are
            return keys, ".".join([*firms[depth:], parameter])
    _fail_if_unknown(name, parameter, known, f"parameter of firm '{'.'.join(firms)}'")
    return (*keys, "parameters", parameter), ""


def _node(tree: Tree, *path: str) -> Any:
    """What stands at `path`; None where nothing does."""
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _names(tree: Tree, *path: str) -> list[str]:
    """The keys of the mapping at `path`; none where there is no mapping."""
    node = _node(tree, *path)
    return list(node) if isinstance(node, dict) else []


def _fail_if_unknown(setting: str, name: str, known: Iterable[str], kind: str) -> None:
    names = list(known)
    if name not in names:
        hint = suggestion(name, names) or (f"there are: {', '.join(names[:10])}" if names else "")
        raise _SettingError(f"--set {setting}: no {kind} '{name}' in the spec", hint)


def _fail_if_no_formula(setting: str, value: str) -> None:
    try:
        read(value.strip())
    except FormulaError as error:
        raise _SettingError(f"--set {setting}: {error.message}", error.hint) from None


def _with(tree: Tree, keys: Keys, value: str) -> Tree:
    """A copy of `tree` with `value` at `keys`; what is not on the way is shared."""
    if not keys:
        return value
    mapping = dict(tree) if isinstance(tree, dict) else {}
    mapping[keys[0]] = _with(mapping.get(keys[0]), keys[1:], value)
    return mapping
