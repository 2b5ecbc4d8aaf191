"""What metrics beyond accuracy need of the data, made when one of them asks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.errors import DataError, UnknownNameError, did_you_mean
from palate.core.rng import generator
from palate.core.types import CSR, Codes
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.evaluation._categories import category_column, category_marks
from palate.fusion.concat import Concat
from palate.linalg.parallel import even_cuts, map_blocks
from palate.metrics import (
    BEYOND,
    NAMES,
    OVERALL,
    Measure,
    calibration,
    category_diversity,
    content_diversity,
    coverage,
    gini,
    novelty,
    popularity_bias,
)
from palate.metrics._hits import Doubles
from palate.metrics.names import WITH_K

GROUPS = {
    "accuracy": ("recall", "ndcg", "precision", "hit-rate", "map", "mrr", "auc", "coverage"),
    "beyond": (*OVERALL, *BEYOND),
}
"""Words that stand for several metrics; `beyond` leaves out what the data have nothing for."""
_BY_CATEGORY = ("diversity-category", "calibration")
_BLOCK = 4096


class Shelf:
    """The items as the metrics beyond accuracy see them: popularity, categories and vectors, of training only.

    Raises:
        DataError: the column named for the categories is none.
    """

    def __init__(self, known: Dataset, categories: str | None) -> None:
        self.known = known
        self.named = categories
        if categories is not None:
            category_column(known.catalogue, categories)

    @cached_property
    def popularity(self) -> npt.NDArray[np.int64]:
        """int64[n]: how many users liked each item."""
        return np.bincount(self.known.liked.indices, minlength=len(self.known.items))

    @cached_property
    def column(self) -> str:
        """The column of categories."""
        return category_column(self.known.catalogue, self.named)

    @cached_property
    def marks(self) -> CSR:
        """sparse[n, c]: which categories each item has."""
        return category_marks(self.known.catalogue, self.column)

    @cached_property
    def vectors(self) -> FeatureTable:
        """The parts of items, side by side (`concat`): the same for every model, whatever it fuses itself."""
        parts = self.known.item_parts()
        return Concat().fit(parts, self.known, generator(0, "fusion")).fuse(parts)

    def expanded(self, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return metric names without group words, and a note on what a group word could not mean here.

        Raises:
            UnknownNameError: there is neither a metric nor a group of that name.
        """
        result: list[str] = []
        lacking: dict[str, list[str]] = {}
        for name in names:
            word, at, cut = name.strip().lower().partition("@")
            if word not in GROUPS:
                if word not in NAMES:
                    raise UnknownNameError(f"there is no metric '{word}': {did_you_mean(word, [*NAMES, *GROUPS])}")
                result.append(name)
                continue
            for metric in GROUPS[word]:
                reason = self._lacks(metric)
                if reason is None:
                    result.append(f"{metric}@{cut}" if at and metric in WITH_K else metric)
                elif metric not in lacking.setdefault(reason, []):
                    lacking[reason].append(metric)
        return result, [f"left out {', '.join(metrics)}: {reason}" for reason, metrics in lacking.items()]

    def _lacks(self, metric: str) -> str | None:
        """Return why the data have nothing for a metric, or None."""
        try:
            if metric in _BY_CATEGORY:
                _ = self.marks
            elif metric == "diversity-content":
                self.known.item_parts()
        except DataError as error:
            return str(error)
        return None

    def per_user(self, measure: Measure, items: Codes, users: Codes) -> Doubles:
        """Return one metric of each list.

        Shapes:
            items: int32[u, k or more]; users: int32[u] -> float64[u].
        """
        k = measure.k or 1

        def compute(start: int, stop: int) -> Doubles:
            lists = items[start:stop]
            match measure.metric:
                case "novelty":
                    people = int((np.diff(self.known.liked.indptr) > 0).sum())
                    return novelty(lists, self.popularity, people, k)
                case "popularity-bias":
                    return popularity_bias(lists, self.popularity, k)
                case "diversity-category":
                    return category_diversity(lists, self.marks, k)
                case "diversity-content":
                    return content_diversity(lists, self.vectors.values, self.vectors.present, k)
                case _:
                    history = sp.csr_array(self.known.liked[users[start:stop]])
                    return calibration(lists, history, self.marks, k)

        self._ready(measure.metric)
        blocks = map_blocks(compute, even_cuts(len(items), _BLOCK))
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _ready(self, metric: str) -> None:
        """Make what the blocks read before several threads ask for it."""
        if metric in _BY_CATEGORY:
            _ = self.marks
        elif metric == "diversity-content":
            _ = self.vectors
        else:
            _ = self.popularity

    def overall(self, measure: Measure, items: Codes, candidates: Codes | None) -> float:
        """Return one metric of all lists together, over the items that could be listed."""
        n = len(self.known.items)
        if candidates is not None:
            place = np.full(n, -1, dtype=np.int32)
            place[candidates] = np.arange(len(candidates), dtype=np.int32)
            items = np.where(items >= 0, place[items], -1)
            n = len(candidates)
        return (coverage if measure.metric == "coverage" else gini)(items, n, measure.k or 1)

    def notes(self, measures: Sequence[Measure]) -> list[str]:
        """Return where categories and vectors come from, where one was used."""
        used = {measure.metric for measure in measures}
        lines = [f"categories: the column '{self.column}'"] if used.intersection(_BY_CATEGORY) else []
        if "diversity-content" in used:
            lines.append(f"content: {', '.join(self.known.item_parts())}, side by side")
        return lines
