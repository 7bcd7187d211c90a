"""A spec priced at many points: numbers that vary over a grid, or as a file of samples has them.

`points` says where, `vectorised` prices whole chunks of points in doubles with a bound of every error,
`pointwise` solves one point after the other, `evaluation` chooses, `local` and `cluster` spread chunks
over processes and machines. Rows come back in the order of points.
"""

from chainprice.sweeping.evaluation import Block, Job
from chainprice.sweeping.points import Chunk, Grid, Points, grid
from chainprice.sweeping.rows import SweepRow, sweep

__all__ = ["Block", "Chunk", "Grid", "Job", "Points", "SweepRow", "grid", "sweep"]
