"""Reasons: what a score is made of, in words and in numbers."""

from palate.explain.reasons import Reason, popular, reasons
from palate.explain.titles import title_column, titles

__all__ = ["Reason", "popular", "reasons", "title_column", "titles"]
