"""Alignment in time, in frequency and in space: pure functions on arrays that know nothing of files.

time.py      frames, sound windows and events on one regular grid of cells
rate.py      band-limited resampling of evenly sampled series
regions.py   a grid of regions that keeps which part of the frame a vector came from
"""

from palate.encoders.alignment.rate import align_rate
from palate.encoders.alignment.regions import Regions, View, align_regions, grid_boxes, match_regions, move_boxes
from palate.encoders.alignment.time import Grid, Stream, align_time

__all__ = [
    "Grid",
    "Regions",
    "Stream",
    "View",
    "align_rate",
    "align_regions",
    "align_time",
    "grid_boxes",
    "match_regions",
    "move_boxes",
]
