"""Finding things: indexes of vectors, items like an item, items for a text or a picture."""

from palate.retrieval.indexes.exact import ExactIndex
from palate.retrieval.search import Searcher, search
from palate.retrieval.similar import By, similar
from palate.retrieval.space import ContentSpace, content_space

__all__ = ["By", "ContentSpace", "ExactIndex", "Searcher", "content_space", "search", "similar"]
