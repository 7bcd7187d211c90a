"""`--set NAME=VALUE`: numbers of the spec changed from the command line, before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainprice.errors import Problem
from chainprice.formula import FormulaError, read, suggestion
from chainprice.spec.language import TRADES
from chainprice.spec.tree import Tree

Keys = tuple[str, ...]


def apply(tree: Tree, settings: Iterable[str]) -> tuple[Tree, Mapping[Keys, str], tuple[Problem, ...]]:
    """The tree with the settings in place, the setting of each changed path, and what is wrong.

    A setting is `NAME=VALUE` with NAME a parameter, `firm.parameter`, or `supply.good.quantity`
    (`.price`, `demand.`). It may only change what the spec has: a parameter, a firm, a trade.
    """
    changed: dict[Keys, str] = {}
    problems: list[Problem] = []
    for setting in settings:
        name, equals, value = setting.partition("=")
        try:
            if not equals:
                raise _SettingError(f"--set {setting}: no value", "write --set NAME=VALUE")
            keys = _target(tree, name.strip())
            _fail_if_no_formula(setting, value)
        except _SettingError as error:
            problems.append(Problem(error.message, None, error.hint))
        else:
            tree = _with(tree, keys, value.strip())
            changed[keys] = setting
    return tree, changed, tuple(problems)


def settable(tree: Tree) -> list[str]:
    """Every NAME that a setting may have for this tree: parameters, trades, firms' parameters."""
    parameters = _names(tree, "parameters")
    trades = [
        f"{trade}.{good}.{key}"
        for trade in TRADES
        for good in _names(tree, trade)
        for key in TRADES[trade].keys
    ]
    firms = [name for name in _names(tree, "firms") if _names(tree, "firms", name)]
    own = [
        f"{firm}.{parameter}"
        for firm in firms
        for parameter in dict.fromkeys([*_names(tree, "firms", firm, "parameters"), *parameters])
    ]
    return [*parameters, *trades, *own]


class _SettingError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _target(tree: Tree, name: str) -> Keys:
    """The path of keys that a setting's name means."""
    match name.split("."):
        case [parameter]:
            known = _names(tree, "parameters")
            _fail_if_unknown(name, parameter, known, "parameter")
            return ("parameters", parameter)
        case [trade, good, key] if trade in TRADES:
            _fail_if_unknown(name, good, _names(tree, trade), trade)
            _fail_if_unknown(name, key, TRADES[trade].keys, "key")
            return (trade, good, key)
        case [firm, parameter]:
            _fail_if_unknown(name, firm, _names(tree, "firms"), "firm")
            known = [*_names(tree, "firms", firm, "parameters"), *_names(tree, "parameters")]
            _fail_if_unknown(name, parameter, known, f"parameter of firm '{firm}'")
            return ("firms", firm, "parameters", parameter)
        case _:
            raise _SettingError(
                f"--set {name}: this names nothing that can be set",
                "set a parameter, firm.parameter, supply.good.quantity, supply.good.price, "
                "demand.good.price or demand.good.quantity",
            )


def _names(tree: Tree, *path: str) -> list[str]:
    """The keys of the mapping at `path`; none where there is no mapping."""
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
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
