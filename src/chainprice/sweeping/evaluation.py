"""Chunks of points priced: vectorised where that is sure, else by `solve`, point by point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from chainprice import allocation, network
from chainprice.arithmetic import Number
from chainprice.errors import ChainpriceError, NoAnswerError, SpecError
from chainprice.solver import Neighbours
from chainprice.spec import Draft, Source, Spec
from chainprice.spec.language import TRADES
from chainprice.spec.model import Allocation
from chainprice.sweeping.points import Chunk, Points
from chainprice.tabulation import Numbers

if TYPE_CHECKING:
    from chainprice.sweeping.vectorised import Columns, Key, Passes


def together(firms: int, *, in_columns: bool) -> int:
    """How many points go together in a chunk: it is lost as a whole when a run is interrupted.

    Where they can be priced in columns, as many as make these long and memory small; where each is solved, as
    many as take a second or so. It depends on nothing else, so that every run has the same chunks.
    """
    most, work = (2_000, 1_000_000) if in_columns else (20, 2_000)
    return max(1, min(most, work // max(firms, 1)))


@dataclass(frozen=True, slots=True)
class Job:
    """What is priced at every point, as plain text that any process can read.

    `names` vary, and `settings` are the same everywhere; `allocation` and `numeraire` stand before the
    spec's own. `goods` are those of the rows, in chain order.
    """

    source: Source
    settings: tuple[str, ...]
    names: tuple[str, ...]
    allocation: Allocation | None = None
    numeraire: str | None = None
    goods: tuple[str, ...] = ()


class Block(NamedTuple):
    """The points of a chunk, priced: columns of numbers, by good; None where a point has no answer.

    `errors` says, by the place in the chunk, why it has none. Numbers are doubles, or decimals where no
    double can hold them.
    """

    chunk: Chunk
    total_value: Sequence[Number | None]
    quantities: Mapping[str, Sequence[Number | None]]
    prices: Mapping[str, Sequence[Number | None]]
    errors: Mapping[int, str]


class Ready(NamedTuple):
    """A job that has begun: its spec's tree, and what is vectorised."""

    draft: Draft
    passes: Passes | None


class First(NamedTuple):
    """A sound spec of a job, and whether at other points it may be more than other numbers.

    A form is another formula for some of its numbers, and none for others: its points are read anew.
    """

    spec: Spec
    is_read_anew: bool


def first_spec(job: Job, points: Points) -> First:
    """A sound spec of a job: at one of the first points, as it is written, or at a point further on.

    Raises UsageError where a name means nothing in the spec, SpecError where no spec that was tried is sound.
    """
    draft = Draft(job.source)
    first = [*_values(points, _BEGINNING)]
    few = [first[place] for place in _sample_places(len(first))]
    ones = [1.0] * len(job.names)  # of no point, where none has values: it tells what names mean all the same
    problem = None
    for values in chain(few or [ones], [None], _values(points, _tries(job))):
        try:
            spec = _spec_at(draft, job, values)
        except SpecError as error:
            problem = problem or error
        else:
            return First(spec, _is_read_anew(draft, job))
    raise problem or SpecError("the spec is sound at no point")


_BEGINNING = 64
"""The first points, of which some are tried before the spec as it is written."""

_TRIES, _CHARACTERS = 1_000, 2_000_000
"""Points that are tried at most where that is not sound either, and how much text that may be in all."""


def _tries(job: Job) -> int:
    return min(_TRIES, _CHARACTERS // max(len(job.source.text), 1))


def _values(points: Points, most: int) -> Iterator[tuple[float, ...]]:
    """The values at so many points, the first ones; none where a point has a fault."""
    for some in islice(points.chunks(1, 0), most):
        if not some.faults:
            yield tuple([column[0] for column in some.columns])


def _sample_places(count: int) -> Sequence[int]:
    """Places that are tried, few of many."""
    return sorted({*range(min(count, 8)), *range(0, count, max(1, count // 8))})


def _is_read_anew(draft: Draft, job: Job) -> bool:
    """Whether forms may depend on what varies, by what its names end in: a True may be one too many."""
    return not draft.names_in_forms().isdisjoint(name.rpartition(".")[2] for name in job.names)


def _spec_at(draft: Draft, job: Job, values: Sequence[float] | None) -> Spec:
    """The spec at a point; as it is written where there are no values."""
    pairs = [] if values is None else zip(job.names, values, strict=True)
    point = [f"{name}={value!r}" for name, value in pairs]
    spec = draft.with_settings([*job.settings, *point])
    return spec if job.allocation is None else replace(spec, allocation=job.allocation)


def evaluate(job: Job, chunk: Chunk) -> Block:
    """The points of a chunk, priced; a point without an answer has its error, and nothing is raised."""
    ready = _ready(job, _first_values(chunk))
    if isinstance(ready, str):
        return failed(job, chunk, ready)
    block = _Block(job, chunk)
    if ready.passes is not None:
        from chainprice.sweeping.vectorised import NotFollowedError

        with suppress(ArithmeticError, NotFollowedError):  # a constant without a value: `solve` says why
            block.fill(ready.passes.at(chunk.columns))
    neighbours = Neighbours(job.numeraire)
    for place in block.waiting():
        block.put(place, _answer(ready, job, neighbours, [column[place] for column in chunk.columns]))
    return block.block()


def _first_values(chunk: Chunk) -> tuple[float, ...] | None:
    """The values at the first point without a fault."""
    place = next((place for place in range(len(chunk)) if place not in chunk.faults), None)
    return None if place is None else tuple([column[place] for column in chunk.columns])


_begun: list[tuple[Job, Ready]] = []
"""The last job of this process, which is most often the next one too."""


def _ready(job: Job, values: Sequence[float] | None) -> Ready | str:
    """What a job needs for every chunk, made once; or why it has no answer anywhere in this chunk."""
    for known, ready in _begun:
        if known == job:
            return ready
    if values is None:
        return ""
    try:
        draft = Draft(job.source)
    except ChainpriceError as error:  # such as a table of firms that is not where this process runs
        return error.reason
    try:
        spec = _spec_at(draft, job, values)
        passes = None if _is_read_anew(draft, job) else _passes(job, spec)
    except SpecError:
        return Ready(draft, None)  # at this point; perhaps not at others
    except ChainpriceError as error:
        return error.reason
    _begun[:] = [(job, Ready(draft, passes))]
    return _begun[0][1]


def _passes(job: Job, spec: Spec) -> Passes | None:
    """What prices all points together; None where a market chooses, or something is not known there.

    Raises MarketMustChooseError as `solve` does.
    """
    if not allocation.is_given(spec, network.build(spec)):
        return None
    try:
        from chainprice.sweeping.vectorised import NotFollowedError, Passes
    except ImportError:  # without numpy
        return None
    try:
        keys = [key for name in job.names if (key := keys_of(name, spec)) is not None]
        if len(keys) < len(job.names):
            return None
        return Passes(spec, keys, job.numeraire or spec.numeraire)
    except (NotFollowedError, NoAnswerError, ArithmeticError):
        return None


def keys_of(name: str, spec: Spec) -> Key | None:
    """The keys of a spec that lead to what `--set` calls so; None where that is not one number of it."""
    match name.split("."):
        case [trade, good, key] if trade in TRADES:
            return (trade, good, key)
    if name in spec.parameters:  # also those of a chain inside a firm
        return ("parameters", name)
    firm, _, parameter = name.rpartition(".")
    own = spec.firms[firm].parameters if firm in spec.firms else {}
    # Inside a firm, a parameter has the firm's name in front where another in the market has its own.
    return next((("firms", firm, "parameters", key) for key in (parameter, name) if key in own), None)


def _answer(ready: Ready, job: Job, neighbours: Neighbours, values: Sequence[float]) -> Numbers | str:
    """The numbers at a point, or why there are none."""
    try:
        return neighbours.solve(_spec_at(ready.draft, job, values))
    except ChainpriceError as error:
        return error.reason
    except (RecursionError, MemoryError):
        return "too large for this machine"


class _Block:
    """A block that is being filled."""

    def __init__(self, job: Job, chunk: Chunk) -> None:
        points = len(chunk)
        self._chunk, self._goods = chunk, job.goods
        self._total: list[Number | None] = [None] * points
        self._quantities: dict[str, list[Number | None]] = {good: [None] * points for good in job.goods}
        self._prices: dict[str, list[Number | None]] = {good: [None] * points for good in job.goods}
        self._errors = dict(chunk.faults)
        self._is_done = [place in chunk.faults for place in range(points)]

    def fill(self, columns: Columns) -> None:
        """Take over what is sure."""
        is_sure: list[bool] = columns.is_sure.tolist()
        self._is_done = [a or b for a, b in zip(self._is_done, is_sure, strict=True)]
        self._total = columns.total_value.tolist()
        self._quantities = {good: columns.quantities[good].tolist() for good in self._goods}
        self._prices = {good: columns.prices[good].tolist() for good in self._goods}
        for place in self._chunk.faults:
            self._put(place, None, dict.fromkeys(self._goods), dict.fromkeys(self._goods))

    def waiting(self) -> list[int]:
        """The places of points that have no answer yet."""
        return [place for place, is_done in enumerate(self._is_done) if not is_done]

    def put(self, place: int, answer: Numbers | str) -> None:
        """The answer at a point."""
        if isinstance(answer, str):
            self._errors[place] = answer
            self._put(place, None, dict.fromkeys(self._goods), dict.fromkeys(self._goods))
        else:
            self._put(place, answer.total_value, answer.quantities, answer.prices)

    def _put(
        self, place: int, total: Number | None, quantities: Mapping[str, Any], prices: Mapping[str, Any]
    ) -> None:
        self._total[place] = total
        for good in self._goods:
            self._quantities[good][place] = quantities[good]
            self._prices[good][place] = prices[good]

    def block(self) -> Block:
        """What there is now."""
        return Block(self._chunk, self._total, self._quantities, self._prices, self._errors)


def failed(job: Job, chunk: Chunk, reason: str) -> Block:
    """A chunk of which no point has an answer, all for one reason."""
    block = _Block(job, chunk)
    for place in block.waiting():
        block.put(place, reason)
    return block.block()
