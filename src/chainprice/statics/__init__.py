"""Comparative statics: how total value and prices depend on everything that a spec says.

`levers` are what can be moved, a `position` is a priced chain with what each lever is worth in it, by the
envelope theorem; `given` and `cleared` make positions (prices by `curves`), with slopes along one more unit
of a good if its price is asked about. `derivatives` are the rows of the result, `differences` their sides on
a corner or a kink, `rewriting` the forms that a parameter writes anew, `fixed` and `clearing` what both
kinds of allocation can tell (a `chain`), `branches` and `ranging` how far supplies can move, and `taxation`
who bears a tax.
"""

from chainprice.statics.result import FORMAT, Incidence, PriceSensitivity, Range, Sensitivities, Sensitivity
from chainprice.statics.sequence import sensitivity

__all__ = [
    "FORMAT",
    "Incidence",
    "PriceSensitivity",
    "Range",
    "Sensitivities",
    "Sensitivity",
    "sensitivity",
]
