"""Finding things: filters, indexes of vectors, items like an item, items for words, a text, a picture or a sound."""

from palate.retrieval.filters import Filters
from palate.retrieval.finder import Finder, Finding, How, Taste, Wanted
from palate.retrieval.indexes.exact import ExactIndex
from palate.retrieval.likeness import By, default_way, similar
from palate.retrieval.searcher import Decode, Searcher, search
from palate.retrieval.space import ContentSpace, content_space, parts_space
from palate.retrieval.words import WordIndex

__all__ = [
    "By",
    "ContentSpace",
    "Decode",
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
    "parts_space",
    "search",
    "similar",
]
