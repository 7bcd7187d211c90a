"""The spec that `init` writes: small, commented, and ready to be solved."""

from __future__ import annotations

_TEMPLATE = """\
# A supply chain for chainprice: what firms make of what, what enters, and what is sold.
#     chainprice solve {file}      prices every good
#     chainprice verify {file}     checks the prices against direct differentiation
#     chainprice explain {file}    shows where each price comes from
chainprice: 1
title: {title}
money: USD

# Numbers that formulas may use; change one for a run with --set yield=0.9
parameters:
  yield: 0.8

# Notes on goods. A good exists by being supplied or made, so only what helps a reader is here.
goods:
  grain: {{unit: t, description: Wheat from the field}}
  flour: {{unit: t}}
  labour: {{unit: h, description: Hours at the ovens}}
  bread: {{unit: loaf}}

# Each firm makes its outputs by a production function of its inputs: a formula, or a form by its name,
# such as {{form: ces, scale: 120, elasticity: 0.5, shares: {{flour: 0.7, labour: 0.3}}, returns: 0.9}}
firms:
  mill:
    production:
      flour: yield * grain
  bakery:
    parameters: {{scale: 120}} # seen by this firm only
    production:
      bread: scale * flour^0.6 * labour^0.3

# What enters the chain: here, fixed amounts.
supply:
  grain: {{quantity: 10}}
  labour: {{quantity: 40}}

# What leaves it, at a price.
demand:
  bread: {{price: 2.50}}
"""


SCHEMA_FILE = "chainprice.schema.json"
"""Where a starter spec looks for its schema: beside itself."""

_SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
"""Turns the schema on in editors."""


def starter_spec(title: str = "Bread from grain", file: str = "SPEC", *, has_schema: bool = False) -> str:
    """The text of a spec that solves and verifies; where its schema lies beside it, it says so to editors."""
    return (_SCHEMA_LINE if has_schema else "") + _TEMPLATE.format(title=title, file=file)
