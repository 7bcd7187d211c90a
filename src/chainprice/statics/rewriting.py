"""Parameters that decide which formula a form is: the spec is read again where one of them moves.

A form (docs/forms.md) is written out when the spec is read. At special values its formula is another one,
which no longer names the parameter: Cobb-Douglas at an elasticity of 1, a good left out at a share of 0. And
what the reader refuses beside this value, such as shares that do not sum to 1, is no spec.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from chainprice import limits, progress
from chainprice.arithmetic import digits
from chainprice.errors import ChainpriceError
from chainprice.spec import Draft, Spec
from chainprice.statics.levers import Lever, moved, setting

_PROBE = Decimal("1e-4")
"""The part of a number by which it is moved to see which formulas there are beside it."""

_DIGITS = 34
_A_FORM = re.compile(r"\bform\b")

TOO_LARGE = "a form depends on it, and the chain is too large to be read again for each such number"

Texts = Sequence[tuple[str, str, str]]


class Rewriting:
    """What is special about the levers of a spec that its forms depend on.

    `refused` says of those that cannot be moved alone why; `special` are those whose move changes formulas.
    """

    def __init__(self, spec: Spec, levers: Sequence[Lever]) -> None:
        self._spec = spec
        self.refused: dict[Lever, str] = {}
        self.special: set[Lever] = set()
        if not _may_have_forms(spec):
            return
        self._draft = Draft(spec.source)
        self._here = _texts(self._draft.with_settings(spec.settings))
        names = self._draft.names_in_forms()
        asked = [lever for lever in levers if lever.parameter and lever.name.rpartition(".")[2] in names]
        if self._here != _texts(spec):  # not as its source has it: its formulas are all there is
            return
        if len(asked) * len(spec.firms) > limits.READ_AGAIN:
            self.refused = dict.fromkeys(asked, TOO_LARGE)
            return
        for lever in asked:
            self._look_beside(lever)

    def _look_beside(self, lever: Lever) -> None:
        progress.report(f"reading again with {lever.name} moved")
        with digits(_DIGITS):
            standing = setting(self._spec, lever)
            step = _PROBE * abs(standing or Decimal(1))
            found = [self._beside(lever, by) for by in (step, -step)]
        sound = [beside.texts for beside in found if beside.texts is not None]
        if not sound:
            self.refused[lever] = f"it cannot be moved alone: {found[0].problem}"
        elif any(texts != self._here for texts in sound):
            self.special.add(lever)

    def _beside(self, lever: Lever, by: Decimal) -> _Beside:
        try:
            return _Beside(_texts(self._read(lever, by)), "")
        except ChainpriceError as error:
            return _Beside(None, error.problems[0].message)

    def moved(self, lever: Lever, by: Decimal) -> Spec:
        """The spec with a lever moved, and its forms written anew.

        Raises SpecError where that is no spec.
        """
        there = moved(self._spec, lever, by)
        return replace(there, firms=self._read(lever, by).firms) if lever in self.special else there

    def _read(self, lever: Lever, by: Decimal) -> Spec:
        there, name = moved(self._spec, lever, by), lever.parameter or ""
        parameters = there.firms[lever.firm].parameters if lever.firm else there.parameters
        return self._draft.with_settings([*self._spec.settings, f"{lever.name}={parameters[name].text}"])


class _Beside(NamedTuple):
    """The formulas beside a value; None where the reader refuses the spec, and why."""

    texts: Texts | None
    problem: str


def _may_have_forms(spec: Spec) -> bool:
    sources = [spec.source, *spec.files]
    return any(_A_FORM.search(source.text) for source in sources)


def _texts(spec: Spec) -> Texts:
    return [
        (name, output, formula.text)
        for name, firm in spec.firms.items()
        for output, formula in firm.production.items()
    ]
