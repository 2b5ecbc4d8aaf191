"""Filters: a small language over the columns of a catalogue that is read and never run."""

from palate.retrieval.filters.masks import Filters
from palate.retrieval.filters.parser import parse

__all__ = ["Filters", "parse"]
