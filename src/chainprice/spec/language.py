"""The keys of the spec language: what stands under each, in words and as a kind.

The reader takes from here which keys there are, and the JSON Schema that editors use all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

VERSION = "1"
"""The only version of the language."""


class Leaf(Enum):
    """A value that is not a mapping."""

    TEXT = auto()
    NAME = auto()
    FORMULA = auto()
    CONSTANT = auto()
    """A number, or a formula of numbers."""
    QUANTITY = auto()
    """A constant that is not negative."""
    SHARE = auto()
    """A constant from 0 to 1."""
    FILE = auto()
    """The name of a file in the spec's folder."""
    NUMBER = auto()
    """A number, or a formula of parameters."""
    ELASTICITY = auto()
    """The same, not negative, or without end."""
    FLAG = auto()
    ALLOCATION = auto()
    VERSION = auto()


class Named(NamedTuple):
    """A mapping from names, which the user chooses, to values of one kind."""

    of: Kind
    is_needed: bool = False
    """Whether it must hold something."""
    table: Key | None = None
    """What a text under the key `table` is, where a table may have more of them."""


class Part(NamedTuple):
    """A mapping of the language's own keys; `noun` is what an error calls it."""

    noun: str
    keys: Mapping[str, Key]
    is_needed: bool = False
    """Whether it must hold something."""
    one_of: tuple[str, ...] = ()
    """Keys of which it has exactly one."""


class Choice(NamedTuple):
    """A value of one kind, or a form: a mapping whose key `form` says which part it is."""

    leaf: Leaf
    forms: Mapping[str, Part]


Kind = Leaf | Named | Part | Choice


class Key(NamedTuple):
    """What stands under a key, in words, with examples in YAML's own types."""

    kind: Kind
    description: str
    examples: tuple[object, ...] = ()
    is_required: bool = False


FORM = "form"
"""The key that makes a form of a mapping, and says which."""


def _form(name: str, formula: str, keys: Mapping[str, Key]) -> Part:
    named = Key(Leaf.TEXT, f"`{name}`: {formula}", (name,), is_required=True)
    return Part(f"the form {name}", {FORM: named, "scale": _SCALE, **keys}, is_needed=True)


_SCALE = Key(Leaf.NUMBER, "A factor before everything (total factor productivity); 1 without it.", (2, "A"))

_RETURNS = Key(
    Leaf.NUMBER, "The returns to scale: all inputs doubled make 2^returns as much; 1 without it.", (0.9,)
)


def _shares(what: str, *, is_required: bool) -> Key:
    example = {"ore": 0.4, "coal": 0.6}
    return Key(Named(Leaf.NUMBER, is_needed=True), what, (example,), is_required)


FORMS: Mapping[str, Part] = {
    "ces": _form(
        "ces",
        "constant elasticity of substitution, `scale*(share*good^rho + ...)^(returns/rho)` with `rho = "
        "(elasticity - 1)/elasticity`.",
        {
            "elasticity": Key(
                Leaf.ELASTICITY,
                "The elasticity of substitution between inputs: 0 (only the scarcest input counts), 1 "
                "(Cobb-Douglas), or any other up to .inf (a weighted sum).",
                (0.5, "sigma"),
                is_required=True,
            ),
            "shares": _shares("The share of each input; they sum to 1.", is_required=True),
            "returns": _RETURNS,
        },
    ),
    "cobb_douglas": _form(
        "cobb_douglas",
        "`scale*good^(share*returns)*...`, or `scale*good^exponent*...`.",
        {
            "shares": _shares("The share of each input; they sum to 1.", is_required=False),
            "returns": _RETURNS,
            "exponents": Key(
                Named(Leaf.NUMBER, is_needed=True),
                "In place of shares and returns: the exponent of each input, its output elasticity.",
                ({"ore": 0.3, "coal": 0.5},),
            ),
        },
    ),
    "leontief": _form(
        "leontief",
        "fixed proportions, `scale*min(good/requirement, ...)^returns`.",
        {
            "requirements": Key(
                Named(Leaf.NUMBER, is_needed=True),
                "Units of each input that a unit of output takes (with `scale` and `returns` 1).",
                ({"ore": 1.6, "coal": 0.8},),
                is_required=True,
            ),
            "returns": _RETURNS,
        },
    ),
    "linear": _form(
        "linear",
        "perfect substitutes, `scale*(coefficient*good + ...)^returns`.",
        {
            "coefficients": Key(
                Named(Leaf.NUMBER, is_needed=True),
                "Units of output that a unit of each input makes (with `scale` and `returns` 1).",
                ({"ore": 0.6, "scrap": 0.9},),
                is_required=True,
            ),
            "returns": _RETURNS,
        },
    ),
    "translog": _form(
        "translog",
        "transcendental logarithmic, `scale*exp(first*ln(good) + ... + second/2*ln(good)^2 + ... + "
        "second*ln(good)*ln(other) + ...)`.",
        {
            "first_order": Key(
                Named(Leaf.NUMBER, is_needed=True),
                "The coefficient of each input's logarithm.",
                ({"ore": 0.4, "coal": 0.6},),
                is_required=True,
            ),
            "second_order": Key(
                Named(Named(Leaf.NUMBER)),
                "The coefficients of products of two logarithms, each pair once (or twice the same); half of "
                "it counts where a logarithm is squared.",
                ({"ore": {"ore": -0.1, "coal": 0.1}, "coal": {"coal": -0.1}},),
            ),
        },
    ),
}
"""The forms of production functions, by name; spec.forms has their formulas."""

TABLE = "table"
"""The key of `firms` under which the name of a file stands; with a mapping under it, it is a firm's name."""


def tables_in(tree: object) -> Iterator[str]:
    """The names of the tables of firms in a spec's tree: its own, and those of chains under its firms."""
    seen: set[int] = set()  # an alias may stand for the same chain again and again
    waiting = [tree]
    while waiting:
        chain = waiting.pop()
        firms = chain.get("firms") if isinstance(chain, dict) else None
        if not isinstance(firms, dict) or id(firms) in seen:
            continue
        seen.add(id(firms))
        table = firms.get(TABLE)
        if isinstance(table, str):
            yield table
        waiting += [firm for firm in firms.values() if isinstance(firm, dict) and "firms" in firm]


def has_table(tree: object) -> bool:
    """Whether the tree of a spec names a table of firms, for itself or for a chain under one of its firms."""
    return next(tables_in(tree), None) is not None


FIRM_TABLE = Key(
    Leaf.FILE,
    "A CSV or Parquet file in the spec's folder, with a firm in each row: the columns `firm`, `output`, "
    "`formula` (or `form`) and parameters; or any columns, and a template among the firms whose name has a "
    'column in braces, `"{firm}"`.',
    ("firms.csv", "data/firms.parquet"),
)

GOOD = Part(
    "notes on a good",
    {
        "unit": Key(Leaf.TEXT, "The unit of its quantity, as tables show it.", ("t", "MMBtu")),
        "description": Key(Leaf.TEXT, "What the good is, for readers.", ("Pipeline gas",)),
        "rival": Key(
            Leaf.FLAG,
            "`true` (as without this key): its uses share what there is. `false`: every use has all of it, "
            "as of a design or a recipe, and its price is the sum of what it is worth to its uses.",
            (False,),
        ),
        "split": Key(
            Named(Leaf.SHARE),
            "The share of each use: of every firm that uses the good, and of `demand` if it is demanded. "
            "Shares sum to 1 at most.",
            ({"bakery": 0.6, "demand": 0.4},),
        ),
    },
)

FIRM_KEYS: dict[str, Key] = {
    "production": Key(
        Named(Choice(Leaf.FORMULA, FORMS), is_needed=True),
        "What the firm makes: `output good: formula`. The goods that a formula names are the firm's "
        "inputs; several outputs are joint products. In place of a formula, a form: `{form: ces, ...}`.",
        ({"ethylene": "sqrt(natgas)"}, {"flour": "0.8*grain", "bran": "0.2*grain"}),
    ),
    "parameters": Key(
        Named(Leaf.CONSTANT),
        "Numbers that this firm's formulas may use, over the global ones. With `chain`: what parameters of "
        "that file are worth in this firm.",
        ({"k": 2},),
    ),
    "description": Key(Leaf.TEXT, "What the firm is, for readers.", ("Stone mill",)),
}

TEMPLATE = Part(
    "a firm",
    {**FIRM_KEYS, "production": FIRM_KEYS["production"]._replace(is_required=True)},
    is_needed=True,
)
"""What a firm of a table is made of: it is no chain."""

FIRM = Part("a firm", FIRM_KEYS, is_needed=True, one_of=("production", "firms", "chain"))

FIRM_KEYS |= {
    "firms": Key(
        Named(FIRM, is_needed=True, table=FIRM_TABLE),
        "In place of production: the firms of the chain that this firm is. What one of them makes and "
        "another uses stays inside; what none of them makes comes from outside, and what none of them uses "
        "goes there. `table: FILE` adds those of a table.",
        (
            {
                "reactor": {"production": {"raw": "sqrt(natgas)"}},
                "cleaner": {"production": {"gas": "0.9*raw"}},
            },
        ),
    ),
    "chain": Key(
        Leaf.FILE,
        "In place of production: the file of the chain that this firm is, beside this one or in a folder "
        "below. What it supplies comes from outside, and what it demands goes there.",
        ("plant.yaml", "plants/cracker.yaml"),
    ),
    "goods": Key(Named(GOOD), "With `firms`: notes on the goods inside.", ({"raw": {"unit": "t"}},)),
    "links": Key(
        Named(Leaf.NAME),
        "With `firms` or `chain`: what goods of the chain are called outside. A good that would stay inside "
        "is shared too if it stands here.",
        ({"gas": "natgas"},),
    ),
}
"""A firm may be a chain of firms, and so on: its keys hold themselves."""

OF_CHAINS = frozenset({"firms", "chain", "goods", "links"})
"""The keys of a firm that only one that is a chain has."""

SUPPLY = Part(
    "a supply",
    {
        "quantity": Key(
            Leaf.QUANTITY,
            "How much there is. Without a price it is free of charge; with one, the most that can be bought.",
            (4, "1/3"),
        ),
        "price": Key(
            Leaf.FORMULA,
            "What a unit costs: a number, or an inverse supply curve in `q`, the quantity bought.",
            (15, "2 + q/10"),
        ),
    },
    is_needed=True,
)

DEMAND = Part(
    "a demand",
    {
        "quantity": Key(
            Leaf.QUANTITY,
            "The most that can be sold. Without a price: what must be delivered in full, whatever it costs.",
            (30,),
        ),
        "price": Key(
            Leaf.FORMULA,
            "What a unit sells for: a number, or an inverse demand curve in `q`, the quantity sold.",
            (1, "100 - 2*q"),
        ),
    },
    is_needed=True,
)

TRADES: Mapping[str, Part] = {"supply": SUPPLY, "demand": DEMAND}

SPEC = Part(
    "the spec",
    {
        "chainprice": Key(Leaf.VERSION, "The version of the language; 1 is the only one.", (1,)),
        "title": Key(Leaf.TEXT, "What the chain is; tables begin with it.", ("Tupperware from natural gas",)),
        "description": Key(
            Leaf.TEXT, "More about the chain and its sources, for readers.", ("Prices of 2024",)
        ),
        "numeraire": Key(
            Leaf.NAME,
            "The good that all money is counted in; its own price is then 1. Without it, money is money.",
            ("bread",),
        ),
        "money": Key(Leaf.TEXT, "The unit of prices, as tables show it.", ("USD",)),
        "allocation": Key(
            Leaf.ALLOCATION,
            "How quantities come about. `given`: they follow from the spec. `competitive`: the market "
            "chooses them. `auto` (as without this key): `given` where they do follow, else `competitive`.",
            ("competitive",),
        ),
        "parameters": Key(
            Named(Leaf.CONSTANT),
            "Numbers that formulas may use; `--set name=value` changes one for a run.",
            ({"yield": 0.8},),
        ),
        "goods": Key(
            Named(GOOD),
            "Notes on goods. A good exists by being supplied or made; here stands what more there is to say.",
            ({"natgas": {"unit": "MMBtu"}},),
        ),
        "firms": Key(
            Named(FIRM, is_needed=True, table=FIRM_TABLE),
            "Who makes what of what: at least one firm. `table: FILE` adds those of a table, one a row.",
            ({"cracker": {"production": {"ethylene": "sqrt(natgas)"}}}, {"table": "firms.csv"}),
            is_required=True,
        ),
        "supply": Key(
            Named(SUPPLY),
            "The goods that enter the chain from outside: an amount, a price, or both.",
            ({"natgas": {"quantity": 4}, "labour": {"price": 15}},),
        ),
        "demand": Key(
            Named(DEMAND, is_needed=True),
            "The goods that leave the chain: at a price, up to an amount, or both. At least one.",
            ({"tupperware": {"price": 1}},),
            is_required=True,
        ),
    },
    is_needed=True,
)
