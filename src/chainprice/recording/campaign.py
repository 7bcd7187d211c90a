"""What a user asked of `sweep`, carried out: rows to where they go, and a picture of one price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from chainprice.errors import Problem, UsageError, short
from chainprice.recording.run import Outcome, Run, run
from chainprice.report.sweep_plots import Trace, plot_svg, plot_text
from chainprice.report.sweeps import columns
from chainprice.spec.model import Allocation
from chainprice.spec.text import STDIN, read_source
from chainprice.sweeping.points import Points, grid
from chainprice.sweeping.question import Asked, Question, ask

Form = Literal["csv", "jsonl", "parquet", "svg"]


@dataclass(frozen=True, slots=True)
class Campaign:
    """A sweep as the command line has it; `plot` is the good whose price is drawn."""

    spec: str
    settings: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    samples: Path | None = None
    goods: tuple[str, ...] = ()
    numeraire: str | None = None
    allocation: Allocation | None = None
    plot: str | None = None
    width: int | None = None
    jobs: int | None = None
    scheduler: str | None = None
    overwrite: bool = False
    form: Form | None = None
    output: Path | None = None


class Carried(NamedTuple):
    """How the sweep ended, and the picture if one was asked for."""

    outcome: Outcome
    picture: str | None


def carry_out(campaign: Campaign) -> Carried:
    """Price every point, and write every row.

    Raises UsageError where options do not go together, and what `ask` and `run` raise.
    """
    _fail_if_at_odds(campaign)
    points = _points(campaign)
    _fail_if_set_too(campaign, points.names)
    source = read_source(STDIN if campaign.spec == STDIN else Path(campaign.spec))
    goods = campaign.goods
    if goods and campaign.plot is not None:
        goods = (*goods, campaign.plot)
    asked = ask(Question(source, campaign.settings, campaign.allocation, campaign.numeraire, goods), points)
    if campaign.plot is None:
        return Carried(run(asked, points, _how(campaign)), None)
    return _drawn(campaign, campaign.plot, asked, points)


def _fail_if_at_odds(campaign: Campaign) -> None:
    problems = []
    if bool(campaign.vary) == (campaign.samples is not None):
        what = "--vary and --samples both say what varies" if campaign.vary else "nothing is varied"
        hint = "--vary NAME=START:STOP:COUNT, or --samples FILE"
        problems.append(Problem(what, None, f"use one of them: {hint}" if campaign.vary else hint))
    if campaign.form == "svg" and campaign.plot is None:
        problems.append(Problem("-f svg is a picture of one price", None, "name its good: --plot GOOD"))
    if campaign.plot is not None and campaign.form not in (None, "svg") and campaign.output is None:
        hint = "name a file for them with --output, or leave -f out"
        problems.append(Problem("--plot is printed instead of rows", None, hint))
    if campaign.scheduler is not None and campaign.jobs is not None:
        hint = "leave one of them out"
        problems.append(Problem("--jobs is for this machine, and --scheduler for others", None, hint))
    if campaign.overwrite and (campaign.output is None or campaign.form == "svg"):
        problems.append(Problem("--overwrite needs --output FILE with rows to overwrite"))
    if problems:
        raise UsageError(problems)


def _fail_if_set_too(campaign: Campaign, varied: Sequence[str]) -> None:
    """Raise UsageError, with all offenders, where what varies has one value for all points too."""
    both = {name: text for text in campaign.settings if (name := text.partition("=")[0].strip()) in varied}
    if both:
        hint = "leave --set out: what varies has a value of its own at each point"
        raise UsageError(
            [
                Problem(f"--set {short(text)}: '{short(name)}' varies too", None, hint)
                for name, text in both.items()
            ]
        )


def _points(campaign: Campaign) -> Points:
    if campaign.samples is None:
        return grid(campaign.vary)
    from chainprice.sweeping.samples import read_samples

    return read_samples(campaign.samples)


def _how(campaign: Campaign) -> Run:
    has_rows = campaign.form != "svg" and (campaign.plot is None or campaign.output is not None)
    return Run(
        form="csv" if campaign.form is None or campaign.form == "svg" else campaign.form,
        target=campaign.output if has_rows else None,
        overwrite=campaign.overwrite,
        jobs=campaign.jobs,
        scheduler=campaign.scheduler,
        is_shown=has_rows,
    )


def _drawn(campaign: Campaign, good: str, asked: Asked, points: Points) -> Carried:
    if good not in asked.job.goods:
        from chainprice.sweeping.question import unknown_good

        raise UsageError(unknown_good(good, asked.job.goods, "to plot"))
    names, how = columns(asked.job), _how(campaign)
    trace = Trace(points, good, names.index(f"price.{good}"), Path(campaign.spec).name)
    if how.target is None or (how.target.exists() and not how.target.is_file()):
        outcome = run(asked, points, how, trace.add_csv if how.lines == "csv" else trace.add_json)
    else:
        outcome = run(asked, points, how)
        _trace_file(trace, how, names)
    picture = plot_svg(trace) if campaign.form == "svg" else plot_text(trace, campaign.width)
    return Carried(outcome, picture)


def _trace_file(trace: Trace, how: Run, names: list[str]) -> None:
    """The rows of a file, some of which an earlier run may have written."""
    if how.target is None:
        return
    if how.form == "parquet":
        for number, x, price in _parquet_rows(how.target, [names[0], names[1], names[trace.place]]):
            trace.add_row(number, x, price)
        return
    add = trace.add_csv if how.form == "csv" else trace.add_json
    with how.target.open(encoding="utf-8", newline="") as lines:
        if how.form == "csv":
            next(lines, "")
        for line in lines:
            add(line)


def _parquet_rows(target: Path, names: list[str]) -> Iterator[tuple[int, float | None, float | None]]:
    from pyarrow import parquet

    with parquet.ParquetFile(target) as file:
        for batch in file.iter_batches(columns=names):
            yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
