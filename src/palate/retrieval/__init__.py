"""Finding things: filters, indexes of vectors, items like an item, items for words, a text or a picture."""

from palate.retrieval.filters import Filters
from palate.retrieval.finder import Finder, Finding, How, Taste, Wanted
from palate.retrieval.indexes.exact import ExactIndex
from palate.retrieval.likeness import By, default_way, similar
from palate.retrieval.searcher import Searcher, search
from palate.retrieval.space import ContentSpace, content_space
from palate.retrieval.words import WordIndex

__all__ = [
    "By",
    "ContentSpace",
    "ExactIndex",
    "Filters",
    "Finder",
    "Finding",
    "How",
    "Searcher",
    "Taste",
    "Wanted",
    "WordIndex",
    "content_space",
    "default_way",
    "search",
    "similar",
]
