"""Every limit: on what a spec may hold, and on the work that is spent on it.

High enough for a million firms, low enough to be safe.
"""

SPEC_BYTES = 256_000_000
"""Bytes of a spec file: twice what a million firms take."""

TABLE_BYTES = 4_000_000_000
"""Bytes of a published price table: a million firms take a quarter of that."""

FIRMS_BYTES = 128_000_000
"""Bytes of a table of firms: twice what a million take."""

FIRMS_ROWS = 1_000_000
"""Firms in a table."""

FIRMS_LINE = 1_000_000
"""Characters in a line of such a table: one formula, or an input-output table of 100,000 columns."""

FORMULA_LENGTH = 1_000_000
"""Characters in one formula."""

FORMULA_NESTING = 100
"""Operations of one formula that wait for each other: parentheses, functions, signs, powers, ..."""

FORMULA_OPERATIONS = 10_000
"""Operations of one formula: a firm with some thousand inputs."""

DERIVATIVE_LENGTH = 30_000_000
"""Characters of all derivatives of one formula, written out. They may grow with the square of the formula's:
1,000 inputs in one product or under one root have ten million."""

SYMPY_STEPS = 200
"""Steps of a formula up to which sympy is left to find and to simplify its derivatives. Those of longer ones
are joined from the slopes of the formula's operations."""

SYMPY_OPERATIONS = 1_000
"""Operations, names and numbers of all derivatives of a formula, written out, up to which that is so."""

DERIVATIVE_NESTING = 10_000
"""The same of a derivative, which sympy makes of such a formula."""

NUMBER_EXPONENT = 1_000
"""The largest power of ten of a number, up or down: one that is written in a spec, or that a part of a
formula without names comes to."""

NUMBER_DIGITS = 1_000
"""Digits of a number that is written in a spec."""

DERIVED_NUMBER = 4_000
"""Digits, and the largest power of ten, of a number in a derivative: one that comes of several numbers."""

RATIONAL_BITS = 20_000
"""The longest numerator or denominator of a number that is worked out as a fraction; others as decimals."""

ANGLE_EXPONENT = 10_000
"""The largest power of ten of an angle: as many digits of pi are needed for its sine."""

NAME_LENGTH = 256
"""Characters in the name of a good, a firm or a parameter."""

COMPLETION_BYTES = 500_000
"""The largest spec file that is looked into when a shell asks what could come next."""

NESTING_DEPTH = 50
"""Chains inside each other."""

TREE_DEPTH = 2 * NESTING_DEPTH + 10
"""Mappings and lists inside each other in a spec file: two for each chain that stands under its firm."""

NESTED_PARTS = 100_000
"""Firms, goods and parameters of all chains inside firms, each as often as its file is named: a few lines may
name a file 2^n times."""

NESTED_LENGTH = 25_000_000
"""Characters of their formulas."""

PROBLEMS_SHOWN = 100
"""Problems of one file that are reported; the rest are counted."""

NAMES_COMPARED = 200_000
"""Names of a file that are compared with unknown ones, to find what was meant."""

DIGITS = 10_000
"""The most digits that can be asked for."""

KINK_WORK = 1_000_000
"""Goods at a kink times steps of all formulas, up to which the ranges of prices that are not unique are
found."""

CONCAVITY_WORK = 150_000
"""Steps of a formula times directions in which it is looked at for increasing returns."""

ROUNDS = 4
"""How often the working digits are doubled before a solution is given up as too ill-conditioned."""

SYMBOLIC_STEPS = 2_000
"""Steps of all formulas together up to which a chain is verified symbolically."""

SYMBOLIC_FORMULA = 100
"""Steps of one formula up to which it is verified symbolically: the product rule grows with the square."""

SYMBOLIC_WORK = 5_000
"""Firm evaluations, over all cuts, up to which a chain is verified symbolically."""

NUMERIC_WORK = 20_000
"""Firm evaluations, over all cuts, up to which a chain is verified good by good. A long formula counts as
often as it has 50 steps."""

NUMERIC_GOODS = 1_000
"""Goods up to which a chain is verified good by good, if their ways to the demands are short enough too."""

ADJOINT_PROBES = 200
"""Sets of goods that the adjoint method tests to find wrong rows, before it fails all that are left."""

LACKING_PRICED = 20
"""Goods that a table lacks for which `verify` says what the price should be; the rest are only named."""

NOTHING = 1e-12
"""A use of less than this part of what there is counts as none, when a published table is verified."""

ENVELOPE_GOODS = 30
"""Goods for which a competitive market is solved again, one by one, when it is verified."""

TOLERANCE = 1e-9
"""The relative error of a row that `verify` lets pass, unless another is asked for."""

OBSERVED_TOLERANCE = 1e-6
"""The part of its price that a gap may be, and of what there is that an excess may be, before `diagnose` says
that a market is out of equilibrium, unless another is asked for."""

REACH_FIRMS = 200
"""Firms up to which it is asked, before a market is solved with less of a good, whether there can be any of
it: in large markets that takes about as long as to solve them."""

DEAD_END_WORK = 200
"""Goods that lead to no demand times firms, up to which a market looks what one of each would cost."""

CERTIFY_BITS = 256
"""Bits in which prices are enclosed first; doubled until the enclosures are narrow."""

CERTIFY_MOST_BITS = 16_384
"""The most bits that are spent on an enclosure."""

CERTIFY_WORK = 1_000_000
"""Formulas that power series may go through, one series for each good: a chain of 1,000 firms takes half of
that. Beyond, slopes are enclosed formula by formula and added up along the chain."""

CERTIFY_UNKNOWNS = 600
"""Quantities and multipliers of a market up to which it is enclosed: the work grows with the cube."""

SIMULATED_STEPS = 100_000
"""Steps of a simulation at most, unless more are asked for."""

ARRIVED = 1e-7
"""The distance to equilibrium, relative, at which a simulation has arrived, unless another is asked for."""

SOLVED_AGAIN = 200
"""Firms up to which `sensitivity` solves a chain again, on a corner or a kink, with each number moved."""

FOLLOWED_WORK = 1_000
"""Quantities times supplies up to which `sensitivity` follows a market to where each supply's range ends."""

READ_AGAIN = 50_000
"""Firms times parameters of forms up to which `sensitivity` reads a spec again with each of these moved."""

RANGED_WORK = 1_000
"""Firms times supplies up to which `sensitivity` looks how far supplies can move, of given quantities."""

DRAWN_NODES = 2_500
"""Goods and firms up to which a chain is drawn as an SVG: about 1,000 firms, which take six seconds."""

PAGE_NODES = 300
"""Goods and firms up to which a page has the picture of the chain."""

SWEEP_POINTS = 10**9
"""Points of a sweep at most: they are never all in memory, but take time and room on a disk."""

SWEEP_VARIATIONS = 20
"""Numbers that a sweep varies at a time."""

SWEEP_COLUMNS = 20_000
"""Columns of a sweep's rows: two for each good."""

SAMPLE_CELL = 2_000
"""Characters of a cell in a file of samples."""
