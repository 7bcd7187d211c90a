"""Random specs priced twice: by chainprice, and by what is written here with mpmath alone.

A formula is made as a tree. Its text goes into the spec, so that chainprice's reader is tested too; the tree
is evaluated here. Every price is the central difference of total value by a gift of the good, in two
precisions that must agree with each other first. No derivative rule is used, and nothing of chainprice.

    python tests/differential.py 10000 [first seed]
"""

import random
import sys
import time
from collections import Counter
from functools import reduce
from typing import NamedTuple

import mpmath
from mpmath import mpf

import chainprice
from chainprice.errors import NoAnswerError, PrecisionError, SpecError, UndefinedError

TOLERANCE = 1e-9
SURE = mpf("1e-15")
PRECISIONS = ((150, 20), (240, 35), (600, 60), (1000, 90))
"""Digits, and how many of them are used up by the step of a difference."""


MOST = 300
"""Powers of ten between numbers beyond which the oracle does not follow: each costs four digits."""


class NoValueError(Exception):
    """No finite real value."""


class EndlessError(Exception):
    """A slope grows without end, or so it seems with these steps."""


class TooFarError(Exception):
    """A value so far from 1 that the oracle does not follow."""


class NotSureError(Exception):
    """The oracle's own numbers differ from one precision to the next."""


# Trees: a number ("number", text), a good or parameter ("name", name), or (operation, argument, ...).


def _real(value):
    if isinstance(value, mpmath.mpc):
        if value.imag != 0:
            raise NoValueError
        value = value.real
    if not mpmath.isfinite(value):
        raise NoValueError
    if value and abs(mpmath.mag(value)) > mpmath.mp.prec / 2.5:
        raise TooFarError  # beside it something else might drown
    return value


def _power(base, exponent):
    if not base and exponent <= 0:
        raise NoValueError
    if base and abs(exponent * mpmath.log(abs(base))) > 10**7:
        raise TooFarError
    return mpmath.power(base, exponent)


def _exp(value):
    if abs(value) > 10**7:
        raise TooFarError
    return mpmath.exp(value)


def _ln(value):
    if value <= 0:
        raise NoValueError
    return mpmath.log(value)


def _log(value, base):
    return _ln(value) / _ln(base)


def _limited(function, most=10**7):
    def limited(value):
        if abs(value) > most:
            raise TooFarError
        return function(value)

    return limited


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "neg": lambda a: -a,
    "exp": _exp,
    "ln": _ln,
    "log": _log,
    "sqrt": mpmath.sqrt,
    "abs": abs,
    "min": lambda *values: reduce(lambda a, b: b if b < a else a, values),
    "max": lambda *values: reduce(lambda a, b: b if b > a else a, values),
    "erf": _limited(mpmath.erf, 1000),
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    **{name: _limited(getattr(mpmath, name)) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}


def value_of(tree, names):
    """A tree's value; raises NoValueError where it is not a finite real number."""
    kind = tree[0]
    if kind == "number":
        return _constant(tree[1])
    if kind == "name":
        return names[tree[1]]
    arguments = [value_of(argument, names) for argument in tree[1:]]
    try:
        return _real(OPERATIONS[kind](*arguments))
    except (ZeroDivisionError, ValueError, OverflowError):
        raise NoValueError from None


def _constant(text):
    above, _, below = text.partition("/")
    return mpf(above) / mpf(below) if below else mpf(text)


LEVELS = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "^": 4}


def text_of(tree, dice, least=0):
    """A tree's text, with the parentheses that it needs and some that it does not."""
    kind = tree[0]
    if kind in ("number", "name"):
        bare = tree[1]
        return f"({bare})" if "/" in bare and least else bare
    if kind == "neg":
        inner, level = "-" + text_of(tree[1], dice, 4), 3
    elif kind in LEVELS:
        level = LEVELS[kind]
        left, right = (level + 1, 4) if kind == "^" else (level, level + 1)
        sign = dice.choice(["^", "**"]) if kind == "^" else kind
        gap = dice.choice(["", " "])
        inner = f"{text_of(tree[1], dice, left)}{gap}{sign}{gap}{text_of(tree[2], dice, right)}"
    else:
        arguments = ", ".join(text_of(argument, dice) for argument in tree[1:])
        return f"{kind}({arguments})"
    return f"({inner})" if level < least or dice.random() < 0.05 else inner


# Specs.


class Firm(NamedTuple):
    name: str
    inputs: list
    outputs: dict  # good: tree
    parameters: dict  # name: text


class Chain(NamedTuple):
    firms: list
    supply: dict  # good: text of its quantity
    demand: dict  # good: tree of its price, in q
    nonrival: set
    split: dict  # good: {use: text}
    parameters: dict

    def text(self, dice):
        lines = ["allocation: given"]
        if self.parameters:
            lines.append("parameters: {" + ", ".join(f"{k}: {v}" for k, v in self.parameters.items()) + "}")
        notes = [f"  {good}: {{rival: false}}" for good in sorted(self.nonrival)]
        notes += [
            f"  {good}: {{split: {{{', '.join(f'{use}: {share}' for use, share in shares.items())}}}}}"
            for good, shares in self.split.items()
        ]
        lines += ["goods:", *notes] if notes else []
        lines.append("firms:")
        order = list(self.firms)
        dice.shuffle(order)
        for firm in order:
            lines.append(f"  {firm.name}:")
            if firm.parameters:
                inside = ", ".join(f"{k}: {v}" for k, v in firm.parameters.items())
                lines.append(f"    parameters: {{{inside}}}")
            lines.append("    production:")
            lines += [f'      {good}: "{text_of(tree, dice)}"' for good, tree in firm.outputs.items()]
        lines.append("supply:")
        lines += [f"  {good}: {{quantity: {amount}}}" for good, amount in self.supply.items()]
        lines.append("demand:")
        lines += [f'  {good}: {{price: "{text_of(price, dice)}"}}' for good, price in self.demand.items()]
        return "\n".join(lines) + "\n"


def _number(dice):
    kind = dice.random()
    if kind < 0.4:
        return str(dice.randint(1, 9))
    if kind < 0.8:
        return (
            f"{dice.uniform(0.05, 5):.{dice.randint(1, 4)}f}".rstrip("0")
            .rstrip(".")
            .replace("0.0", "0.01", 1)
        )
    if kind < 0.9:
        return f"{dice.randint(1, 9)}/{dice.randint(2, 9)}"
    return f"{dice.randint(1, 99)}e{dice.randint(-4, 4)}"


def _quantity(dice):
    kind = dice.random()
    if kind < 0.7:
        return f"{dice.uniform(0.1, 20):.3f}"
    if kind < 0.8:
        return f"{dice.randint(1, 30)}/{dice.randint(2, 9)}"
    if kind < 0.98:
        return f"{dice.uniform(1, 10):.2f}e{dice.randint(-40, 40)}"
    return "0"


FUNCTIONS = [name for name in OPERATIONS if name.isalpha() and name not in ("neg", "log", "min", "max")]


def _tree(dice, names, depth):
    """A random tree over these names."""
    if depth == 0 or dice.random() < 0.1:
        return ("name", dice.choice(names)) if dice.random() < 0.75 else ("number", _number(dice))
    kind = dice.random()
    inner = _tree(dice, names, depth - 1)
    if kind < 0.2:
        return (dice.choice(FUNCTIONS), inner)
    if kind < 0.3:
        return ("^", inner, ("number", dice.choice(["0.5", "0.3", "2", "3", "1/3", "0.25", "1.5"])))
    if kind < 0.34:
        return (
            dice.choice(["min", "max"]),
            inner,
            *(_tree(dice, names, depth - 1) for _ in range(dice.randint(1, 2))),
        )
    if kind < 0.37:
        return ("log", inner, ("number", dice.choice(["2", "10", "1/2"])))
    if kind < 0.4:
        return ("neg", inner)
    return (dice.choice("++-**/"), inner, _tree(dice, names, depth - 1))


def _special(dice, good, amount):
    """A formula that has something special exactly at this quantity of a good."""
    a, c, n = ("name", good), ("number", amount), ("number", _number(dice))
    gap = ("-", a, c)
    inner = dice.choice(
        [
            ("/", n, gap),
            ("sqrt", gap),
            ("ln", gap),
            ("abs", gap),
            ("^", gap, ("number", "2")),
            ("^", gap, ("number", "1.5")),
            ("^", gap, ("number", "0.4")),
            ("^", gap, ("number", "0")),
            ("^", gap, ("neg", ("number", "1"))),
            ("/", gap, gap),
            ("max", a, c),
            ("min", n, ("*", a, gap)),
            ("sqrt", ("abs", gap)),
            ("asin", ("-", ("number", "1"), gap)),
            ("*", gap, ("sin", a)),
            ("ln", ("-", gap, n)),
            ("sqrt", ("-", gap, n)),
            ("^", ("-", gap, n), ("number", "0.7")),
            ("exp", gap),
        ]
    )
    return dice.choice([inner, ("+", n, inner), ("*", n, inner)])


def _with_all(dice, names, tree):
    """The tree and a use of each name, so that a firm's inputs are those that were meant."""
    for name in names:
        if name not in _names_of(tree):
            tree = (dice.choice("+*"), tree, ("name", name))
    return tree


def _names_of(tree):
    if tree[0] in ("name", "number"):
        return {tree[1]} if tree[0] == "name" else set()
    return set().union(*(_names_of(argument) for argument in tree[1:]))


def make(seed):
    """A chain, by its seed."""
    dice = random.Random(seed)
    supply = {f"s{i}": _quantity(dice) for i in range(dice.randint(1, 3))}
    parameters = {f"p{i}": _number(dice) for i in range(dice.randint(0, 2))}
    pool, uses, firms = list(supply), Counter(), []
    shape = dice.random()  # a chain takes the newest good, a tree and a net any
    for index in range(dice.randint(1, 6)):
        count = 1 if shape < 0.4 else dice.randint(1, min(3, len(pool)))
        fresh = [good for good in pool if not uses[good]]
        wanted = fresh if fresh and dice.random() < 0.75 else pool
        inputs = dice.sample(wanted, min(count, len(wanted)))
        own = {f"k{index}": _number(dice)} if dice.random() < 0.2 else {}
        if parameters and dice.random() < 0.2:
            own["p0"] = _number(dice)
        outputs = {}
        for output in range(1 + (dice.random() < 0.15)):
            good = f"g{index}{'ab'[output]}"
            only = inputs if output == 0 else inputs[:1]
            if only[0] in supply and dice.random() < 0.1:
                tree = _special(dice, only[0], supply[only[0]])
            else:
                known = list(dict.fromkeys([*parameters, *own])) if dice.random() < 0.4 else []
                tree = _tree(dice, [*only * 3, *known], dice.randint(1, 3))
            outputs[good] = _with_all(dice, only, tree)
        firms.append(Firm(f"f{index}", inputs, outputs, own))
        uses.update(inputs)
        pool += outputs
    made = [good for firm in firms for good in firm.outputs]
    demand = {good: _price(dice) for good in made if not uses[good] or dice.random() < 0.1}
    nonrival, split = set(), {}
    for good in pool:
        readers = [firm.name for firm in firms if good in firm.inputs] + ["demand"] * (good in demand)
        if len(readers) > 1 and dice.random() < 0.5:
            nonrival.add(good)
        elif len(readers) > 1:
            parts = [dice.randint(1, 9) for _ in readers]
            whole = sum(parts) + dice.choice([0, 0, 3])
            split[good] = {use: f"{part}/{whole}" for use, part in zip(readers, parts, strict=True)}
    return Chain(firms, supply, demand, nonrival, split, parameters), dice


def _price(dice):
    kind = dice.random()
    if kind < 0.7:
        return ("number", _number(dice))
    n = ("number", _number(dice))
    q = ("name", "q")
    return dice.choice(
        [("-", n, ("*", ("number", "0.1"), q)), ("exp", ("neg", ("/", ("^", q, ("number", "2")), n)))]
    )


# The oracle.


def _flow(chain, gift=None, amount=0):
    """The quantity of every good, and of every use."""
    available = {good: _constant(text) for good, text in chain.supply.items()}
    if gift in available:
        available[gift] += amount
    points = {}
    for firm in chain.firms:
        point = {good: available[good] * _share(chain, good, firm.name) for good in firm.inputs}
        constants = {name: _constant(text) for name, text in {**chain.parameters, **firm.parameters}.items()}
        points[firm.name] = point | constants
        for good, tree in firm.outputs.items():
            available[good] = value_of(tree, points[firm.name]) + (amount if good == gift else 0)
    return available, points


def _share(chain, good, use):
    return _constant(chain.split[good][use]) if good in chain.split else mpf(1)


def _worth(chain, prices, gift, used, base):
    """The slope of total value by a gift of a good, sale by sale: a small one does not drown beside a large."""
    flows = {}

    def sold(good, amount):
        if amount not in flows:
            try:
                flows[amount] = _flow(chain, gift, amount)[0]
            except NoValueError:
                flows[amount] = None
        if flows[amount] is None:
            raise NoValueError
        return flows[amount][good] * _share(chain, good, "demand")

    return sum((price * _slope(lambda h, g=g: sold(g, h), base, used) for g, price in prices.items()), mpf(0))


def _one_sided(function, at, used):
    """The slopes below and above; None where there is no value on that side.

    Raises EndlessError where neither side has a value or one has no finite slope.
    """
    base, sides = function(mpf(0)), []
    scale = abs(at) or mpf(1)
    for side in (-1, 1):
        slopes = []
        for fewer in (used, 2 * used):
            step = side * scale * mpf(10) ** -fewer
            try:
                slopes.append((function(step) - base) / step)
            except NoValueError:
                slopes.append(None)
        first, second = slopes
        if first is None or second is None:
            sides.append(None)
        elif abs(second) > abs(first) * mpf("1.01") and abs(second) > mpf(10) ** (used / 10):
            raise EndlessError
        else:
            sides.append(second)
    if sides == [None, None]:
        raise EndlessError
    return sides


class KinkedError(Exception):
    """A slope differs from one side to the other."""


def _slope(function, at, used):
    below, above = _one_sided(function, at, used)
    if below is None or above is None:
        # On the edge of a domain the slope of the side that is there counts; it may go to 0 slowly.
        return above if below is None else below
    if abs(below - above) > mpf(10) ** -(used // 3) * max(abs(below), abs(above)):
        if max(abs(below), abs(above)) < mpf(10) ** -(used // 3):
            return mpf(0)
        raise KinkedError
    scale = abs(at) or mpf(1)
    step = scale * mpf(10) ** -used
    return (function(step) - function(-step)) / (2 * step)


def _priced(chain, count, used):
    """Quantities and prices, in so many digits."""
    with mpmath.workdps(count):
        available, points = _flow(chain)
        for firm in chain.firms:  # a firm's own slopes must be there, whatever comes after it
            for tree in firm.outputs.values():
                for name in set(firm.inputs) & _names_of(tree):
                    point = points[firm.name]
                    _slope(_along(tree, point, name), point[name], used)
        prices = {
            good: value_of(tree, {"q": available[good] * _share(chain, good, "demand")})
            for good, tree in chain.demand.items()
        }
        values = {good: _worth(chain, prices, good, used, available[good]) for good in available}
        return available, values


def oracle(chain, precisions=PRECISIONS):
    """Quantities and prices on which two precisions agree; 0 is what is next to nothing in both.

    Raises NoValueError, EndlessError, KinkedError, TooFarError, or NotSureError.
    """
    before = None
    for count, used in precisions:
        try:
            now = _priced(chain, count, used)
        except (EndlessError, KinkedError, TooFarError) as error:
            now = error
        if isinstance(now, Exception) or isinstance(before, Exception):
            if type(now) is type(before) and not isinstance(now, TooFarError):
                raise now
        elif before is not None:
            with mpmath.workdps(count):
                agreed = [
                    {good: _agreed(a[good], b[good], used) for good in b}
                    for a, b in zip(before, now, strict=True)
                ]
            if all(value is not None for part in agreed for value in part.values()):
                return agreed
        before = now
    raise now if isinstance(now, TooFarError) else NotSureError


def has_a_part_without_slope(chain, count, used):
    """Whether a part of a formula has no finite slope, like the root in sqrt(a)*a at 0, though the whole has."""
    with mpmath.workdps(count):
        _, points = _flow(chain)
        for firm in chain.firms:
            for tree in firm.outputs.values():
                for part in _parts(tree):
                    for name in set(firm.inputs) & _names_of(part):
                        point = points[firm.name]
                        try:
                            _slope(_along(part, point, name), point[name], used)
                        except (NoValueError, EndlessError, KinkedError):
                            return True
                        except TooFarError:
                            continue
    return False


def _parts(tree):
    if tree[0] in ("name", "number"):
        return [tree]
    return [tree, *(part for argument in tree[1:] for part in _parts(argument))]


def _along(tree, point, name):
    """A tree's value by how much one of its names has changed."""
    return lambda change: value_of(tree, {**point, name: point[name] + change})


def _agreed(a, b, used):
    if abs(a - b) <= SURE * abs(b):
        return b
    return mpf(0) if max(abs(a), abs(b)) < mpf(10) ** -(used // 2) else None


class Outcome(NamedTuple):
    """What came of a seed: a word, how many numbers were compared, the worst relative error, and what is wrong."""

    word: str
    compared: int = 0
    worst: float = 0.0
    wrong: str = ""


def compare(seed):
    """chainprice and the oracle on the spec of a seed."""
    chain, dice = make(seed)
    text = chain.text(dice)
    try:
        spec = chainprice.load(text)
    except SpecError as error:
        beyond = "is beyond 1e±1000" in str(error)  # a part without names that came out too large
        return Outcome("invalid", wrong="" if beyond else f"not a valid spec: {error}\n{text}")
    try:
        solution, refusal = chainprice.solve(spec, details=False), None
    except NoAnswerError as error:
        solution, refusal = None, error
    except Exception as error:  # noqa: BLE001 - a crash is a finding
        return Outcome("crashed", wrong=f"{error!r}\n{text}")
    try:
        expected = oracle(chain)
        if solution is not None:
            return _compared(chain, solution, expected, text)
    except TooFarError:
        return Outcome("too far")
    except NotSureError:
        return Outcome("not sure")
    except (NoValueError, EndlessError):
        if isinstance(refusal, UndefinedError):
            return Outcome("refused by both")
        return Outcome(
            "refused",
            wrong=f"no value, but chainprice says {[*map(str, solution.goods)] if solution else refusal!r}\n{text}",
        )
    except KinkedError:
        if refusal is not None or any(warning.code == "kink" for warning in solution.warnings):
            return Outcome("kink in both")
        return Outcome("kink", wrong=f"a kink that chainprice does not see\n{text}")
    if isinstance(refusal, UndefinedError) and has_a_part_without_slope(chain, *PRECISIONS[-1]):
        return Outcome("refused for a part of a formula")
    if isinstance(refusal, PrecisionError) and _is_fine(chain):
        return Outcome("finer than chainprice's digits")
    return Outcome("priced", wrong=f"chainprice refuses: {refusal}\n{text}")


def _is_fine(chain):
    """Whether there is a quantity that only shows with more than some hundred digits: 1 - erf(99)."""
    with mpmath.workdps(5000):
        return any(0 < abs(amount) < mpf("1e-100") for amount in _flow(chain)[0].values())


def _compared(chain, solution, expected, text):
    worst, wrong = 0.0, []
    numbers = [
        (part, good.good, mpf(str(ours)))
        for good in solution.goods
        for part, ours in enumerate((good.quantity, good.price))
    ]
    if any(ours and not expected[part][good] for part, good, ours in numbers):
        # Is it nothing, or have these precisions not been enough?
        digits = int(max(abs(mpmath.mag(ours)) for _, _, ours in numbers if ours) * 0.31) + 50
        if digits > MOST:
            return Outcome("too far")
        expected = oracle(chain, [(4 * digits, digits), (5 * digits, digits + 20)])
    for part, good, ours in numbers:
        theirs = expected[part][good]
        gap = float(abs(ours - theirs) / max(abs(ours), abs(theirs))) if ours != theirs else 0.0
        worst = max(worst, gap)
        if gap > TOLERANCE and any(warning.code == "kink" for warning in solution.warnings):
            # Where several bends meet, the mean of their branches is one price of many: chainprice warns.
            return Outcome("kink in chainprice alone")
        if gap > TOLERANCE:
            what = ("quantity", "price")[part]
            wrong.append(f"{what} of {good}: {mpmath.nstr(ours, 17)}, not {mpmath.nstr(theirs, 17)}")
    return Outcome("priced by both", len(numbers), worst, "\n".join([*wrong, text]) if wrong else "")


def main(count, first):
    started, seen = time.process_time(), Counter()
    compared, worst, wrong = 0, 0.0, 0
    for seed in range(first, first + count):
        outcome = compare(seed)
        seen[outcome.word] += 1
        compared += outcome.compared
        worst = max(worst, outcome.worst)
        if outcome.wrong:
            wrong += 1
            print(f"seed {seed}: {outcome.wrong}", flush=True)
    print(f"{count:,} specs, {compared:,} numbers compared, worst relative difference {worst:.1e}")
    print(f"{wrong} disagreements; {', '.join(f'{word} {n:,}' for word, n in seen.most_common())}")
    print(f"{time.process_time() - started:.0f} s CPU")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
