"""The architecture on two screens: every protocol that a part can fulfil.

Parts are keyed by open strings ("poster", "trailer.sound"), so a new modality changes nothing here; they are sorted
by name at the door. NaN in scores means "cannot score".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
import scipy.sparse as sp

from palate.core.config import Config
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable

Raw = str | Path
"""What an encoder reads: a text, or the path of a media file."""
Parts = Mapping[str, FeatureTable]
"""Feature tables by part name, all with the same rows."""


@dataclass(frozen=True)
class Run:
    """How to fit: what is not a property of the model."""

    seed: int = 0
    threads: int | None = None
    """At most this many cores; None takes all."""
    device: str | None = None
    """Where networks are trained: auto, cpu, cuda, cuda:1; None is what PALATE_DEVICE says, or auto."""
    checkpoint: Path | None = None
    """Folder in which trainings leave what they need to go on after a break, each in one of its own."""
    trackers: tuple[Any, ...] = ()
    """Who is told the figures of each epoch: those of `palate.training.trackers`."""


@dataclass(frozen=True, eq=False)
class Queries:
    """A batch of people to recommend for, known or new.

    Shapes:
        history: float32[q, n_items], sparse, ones at what each has liked; user: int32[q], the code or -1 for a new one.
    """

    history: CSR
    user: Codes

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of_users(cls, data: Dataset, codes: Codes) -> Self:
        """Ask for known users by what they showed that they liked in `data`."""
        return cls(sp.csr_array(data.history[codes]), codes)

    @classmethod
    def of_history(cls, items: Sequence[int], n_items: int) -> Self:
        """Ask for one new person by the items they liked."""
        codes = np.unique(np.asarray(items, dtype=np.int32))
        row = sp.csr_array((np.ones(len(codes), np.float32), codes, np.array([0, len(codes)])), shape=(1, n_items))
        return cls(row, np.array([-1], dtype=np.int32))


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best items of each query, best first.

    Shapes:
        items: int32[q, k], -1 after the last that can be scored; scores: float32[q, k], NaN there.
    """

    items: Codes
    scores: Floats


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a score is made of; `own` and the amounts of `history` add up to `score`, and so do those of `parts`."""

    score: float
    history: Mapping[int, float] = field(default_factory=dict)
    """Item code liked in the past -> its amount."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Part name (or "behaviour", or "person") -> its amount."""
    own: float = 0.0
    """What belongs to the person and to no past like, where a model has learned such a thing."""


@runtime_checkable
class Encoder(Protocol):
    """Raw media to vectors; a missing or broken input is `present = False`, never an exception."""

    name: ClassVar[str]
    modality: ClassVar[str]
    config: Config

    @property
    def dim(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    def fit(self, raw: Sequence[Raw | None]) -> Self: ...
    def decode(self, raw: Raw) -> Any: ...
    def encode(self, decoded: Sequence[Any]) -> tuple[Floats, Mask]: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class Describes(Protocol):
    """An encoder that says in words what its vectors mean."""

    def describe(self, values: Floats) -> list[list[str]]:
        """Return for each row of float32[n, d] the words that fit it, the best first; none where nothing stands out."""
        ...


@runtime_checkable
class Aligner(Protocol):
    """Parts of any width to parts of one width in one space, where a thing's own parts lie near each other."""

    name: ClassVar[str]

    @property
    def config(self) -> Config: ...
    @property
    def dim(self) -> int: ...
    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator) -> Self: ...
    def align(self, parts: Parts) -> Parts: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class Completer(Protocol):
    """Parts with holes to parts with estimates, which are marked; what is there stays as it is."""

    name: ClassVar[str]

    @property
    def config(self) -> Config: ...
    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator) -> Self: ...
    def complete(self, parts: Parts) -> Parts: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class Standardiser(Protocol):
    """Parts to parts on a scale on which a cosine says what it should; each by itself, and marked."""

    name: ClassVar[str]

    @property
    def config(self) -> Config: ...
    @property
    def parts(self) -> tuple[str, ...]: ...
    def fit(self, parts: Parts, data: Dataset) -> Self: ...
    def standardise(self, parts: Parts) -> Parts: ...
    def rows(self, name: str, values: Floats) -> Floats: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class Fusion(Protocol):
    """Several parts to one table of the same rows (early fusion); `valid` may only choose, never teach."""

    name: ClassVar[str]

    @property
    def config(self) -> Config: ...
    @property
    def dim(self) -> int: ...
    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator, valid: Dataset | None = None) -> Self: ...
    def fuse(self, parts: Parts) -> FeatureTable: ...
    def shares(self, parts: Parts, left: Codes, right: Codes) -> dict[str, Floats]: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class Joins(Protocol):
    """A fusion that hands its network to any model, which learns it together with the rest."""

    name: ClassVar[str]
    alone: ClassVar[frozenset[str]]
    """Names of settings that count only where it is learned by itself."""

    @property
    def config(self) -> Config: ...
    def module(self, weights: Any, widths: Mapping[str, int], dim: int) -> Any:
        """Add weights to those of a network; return what joins float32[b, d] by part and bool[b, m] to float32[b, dim]."""
        ...


@runtime_checkable
class ScoreFusion(Protocol):
    """Scores of several recommenders to one (late fusion); NaN where none can score."""

    name: ClassVar[str]

    @property
    def config(self) -> Config: ...
    def combine(self, scores: Mapping[str, Floats]) -> Floats: ...


@runtime_checkable
class Recommender(Protocol):
    """Learns from a dataset, scores items for queries. It never sees the test split: no argument for it exists."""

    name: ClassVar[str]
    requires: ClassVar[frozenset[str]]

    @property
    def config(self) -> Config: ...
    def fit(self, train: Dataset, valid: Dataset | None = None, run: Run | None = None) -> Self: ...
    def score(self, queries: Queries, items: Codes | None = None) -> Floats: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class Explains(Protocol):
    """A recommender that tells what a score is made of."""

    def explain(self, query: Queries, item: int) -> Explanation: ...


@runtime_checkable
class Settles(Protocol):
    """A recommender, or a fusion, of which validation chooses something when it is fitted."""

    def settled(self) -> Self:
        """Return an unfitted one in which that is fixed, to be fitted again on more data without a validation part."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """A recommender that foretells what comes of a pair: the probability of a like ("click"), or a rating."""

    @property
    def predicts(self) -> Literal["click", "rating"]: ...
    def predict(self, queries: Queries, rows: Codes, items: Codes) -> Floats:
        """Foretell for the pairs of `queries` at `rows` and `items`: int32[n] each -> float32[n], NaN where it cannot."""
        ...


@runtime_checkable
class Rereads(Protocol):
    """A fitted recommender that can be shown other parts of the same items, as a live catalogue changes."""

    def reading(self, parts: Parts) -> Self:
        """Return the same model over these parts, by the names of those that it was fitted on; what it learned stays."""
        ...


@runtime_checkable
class ItemVectors(Protocol):
    """A recommender that places items in one space, where the cosine is their likeness."""

    def item_vectors(self) -> FeatureTable: ...


@runtime_checkable
class Index(Protocol):
    """Nearest vectors by inner product; the exact one is the oracle of the others."""

    name: ClassVar[str]

    def add(self, codes: Codes, vectors: Floats) -> None: ...
    def remove(self, codes: Codes) -> None: ...
    def copy(self) -> Self: ...
    def search(self, queries: Floats, k: int, only: Codes | None = None) -> Ranked: ...
    def save(self, folder: Path) -> None: ...
