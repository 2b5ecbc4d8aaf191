"""Items for a text, a picture or a sound, by the encoders that made the items' own vectors."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.errors import DataError, PalateError
from palate.core.types import Codes, Floats
from palate.data.features import FeatureTable, Update
from palate.encoders import BrokenInput, Encoder, restore
from palate.interfaces import Index, Ranked, Raw, Standardiser
from palate.linalg.neighbours import unit_rows
from palate.linalg.topk import top_k
from palate.retrieval.blend import RANK_SHIFT
from palate.retrieval.near import Near

_MODALITIES = ("text", "image", "audio")
"""What can be searched by."""
Decode = Callable[[Encoder[Any], Path], Any]
"""An encoder and a file to what the encoder makes of it; raises BrokenInput where that is nothing."""
_BEHIND = 4
"""Places that the list of a stand-in leaves to items that have what is asked for."""


@dataclass(frozen=True, eq=False)
class Found:
    """A ranking, and the cosine of each part for each item found.

    Shapes:
        ranked: q = 1; parts: float32[k] per part, NaN where the item lacks it or it does not count.
    """

    ranked: Ranked
    parts: Mapping[str, Floats]


class Searcher:
    """Search over the parts of items whose encoder is known; encoders load when they are first needed.

    The score of an item is the mean cosine over the parts of that modality which it has. Parts of another modality are
    searched too where what is looked for can be encoded into their space (see `Encoder.companion`), as a text into that
    of pictures by `conse` or CLIP. Cosines across modalities are smaller than those within one, so that only ranks
    compare: the score is then the mean of 61 / (60 + rank) over the lists that the item can be in, one of the own parts
    together and one of each other part. An item that lacks a text is found by its picture alone. Where the encoder of the
    other part is a stand-in for one of both modalities, as `conse` is, that part counts only for items without an own
    one, with 61 / (64 + rank).

    Args:
        features: the parts; those that are not of items, or whose encoder is not known, are left alone.
        index: makes an empty index. Each part then gets one, which finds the candidates; without one every item is
            compared. An index that is not exact may miss some.
        standardiser: fitted; the parts that it knows are compared on its scale, and what is looked for is brought to it.
        decode: reads the files that are looked for; without one their encoders do, here.

    Missing data:
        An item that has none of the parts is never found.
    """

    def __init__(
        self,
        features: Mapping[str, FeatureTable],
        index: Callable[[], Index] | None = None,
        standardiser: Standardiser | None = None,
        decode: Decode | None = None,
    ) -> None:
        parts = {name: table for name, table in sorted(features.items()) if table.of == "items" and table.encoder}
        self._parts = parts
        self._standardiser = standardiser
        known = {} if standardiser is None else {name: parts[name] for name in standardiser.parts if name in parts}
        alike = standardiser.standardise(known) if standardiser is not None and known else {}
        self._near = {name: Near(alike.get(name, table), index) for name, table in parts.items()}
        self._makers: dict[str, Encoder[Any]] = {}
        self._encoders: dict[tuple[str, str], Encoder[Any] | None] = {}
        self._decode = decode or _decode_here
        self._ready: set[tuple[str, str]] = set()
        self._lost: set[str] = set()
        self._lock = threading.Lock()

    def maker(self, name: str) -> Encoder[Any]:
        """Return the encoder that made a part, to make more rows of it."""
        with self._lock:
            return self._maker(name)

    def updated(self, update: Update, rows: Mapping[str, FeatureTable]) -> Searcher:
        """Return the same search with other rows of parts at the codes of an update; encoders are shared.

        Args:
            update: tells the codes.
            rows: of every part of items that has a known encoder, as that made them.
        """
        other = copy.copy(self)
        own = self._standardiser
        alike = {} if own is None else own.standardise({name: rows[name] for name in own.parts if name in self._parts})
        other._near = {name: near.updated(update, alike.get(name, rows[name])) for name, near in self._near.items()}
        other._parts = {name: update(table, rows[name]) for name, table in self._parts.items()}
        return other

    def parts(self, modality: str) -> list[str]:
        """Return the names of the parts that can be searched by `text`, `image` or `audio`."""
        return [name for name, table in self._parts.items() if table.modality == modality and name not in self._lost]

    def across(self, modality: str) -> list[str]:
        """Return the names of the parts of another modality that can be searched by this one, in a space they share."""
        return [
            name
            for name, table in self._parts.items()
            if table.modality != modality and name not in self._lost and self._shares(name, modality)
        ]

    def prepare(self) -> list[str]:
        """Load the encoders and make the indexes now rather than at the first search; returns what cannot be had.

        A part whose encoder cannot be had is not searched from then on.
        """
        troubles = []
        asked = [(name, by) for by in _MODALITIES for name in self.parts(by) + self.across(by)]
        for name, by in asked:
            if name in self._lost:
                continue
            try:
                self._prepared(name, by)
                self._near[name].prepare()
            except PalateError as error:
                self._lost.add(name)
                troubles.append(f"the part '{name}' cannot be searched: {error}")
        return troubles

    def by_text(self, text: str, k: int = 10, only: Codes | None = None) -> Found:
        """Return the items whose text is nearest to a text, or whose picture or sound where these can be asked for by one.

        Raises:
            DataError: the text is empty, says nothing to the encoders, or no part of text can be searched.
        """
        if not text.strip():
            raise DataError("the text to search for is empty: give a few words")
        return self._by("text", text, "text", k, only)

    def by_image(self, path: Path, k: int = 10, only: Codes | None = None) -> Found:
        """Return the items whose picture is nearest to a picture, or whose text where that can be asked for by one.

        Raises:
            DataError: the file is missing or broken, or no part of pictures can be searched.
        """
        return self._by_file("image", path, "picture", k, only)

    def by_sound(self, path: Path, k: int = 10, only: Codes | None = None) -> Found:
        """Return the items whose sound is nearest to a sound, or whose text or picture where these can be asked for by one.

        Raises:
            DataError: the file is missing or broken, or no part of sound can be searched.
        """
        return self._by_file("audio", path, "sound", k, only)

    def readers(self) -> list[Encoder[Any]]:
        """Return the encoders that read the files that are looked for."""
        asked = [(name, by) for by in _MODALITIES[1:] for name in self.parts(by) + self.across(by)]
        return [self._prepared(name, by) for name, by in asked]

    def _by_file(self, modality: str, path: Path, what: str, k: int, only: Codes | None) -> Found:
        if not path.is_file():
            raise DataError(f"there is no file {path}: give the path of a {what}")
        return self._by(modality, path, what, k, only)

    def _by(self, modality: str, raw: Raw, what: str, k: int, only: Codes | None) -> Found:
        own, across = self.parts(modality), self.across(modality)
        names = own + across
        if not names:
            known = ", ".join(f"{name} ({table.modality})" for name, table in self._parts.items()) or "none"
            raise DataError(
                f"there is no part to search by {what} (parts with a known encoder: {known}): "
                f"encode one with 'palate encode DS --{modality} ENCODER' and train again"
            )
        queries = self._queries(names, modality, raw, what)
        codes = np.unique(
            np.concatenate([self._near[name].candidates(query, k, only) for name, query in queries.items()])
        )
        cosines = {
            name: self._near[name].cosines(queries[name], codes)
            if name in queries
            else np.full(len(codes), np.nan, np.float32)
            for name in names
        }
        weak = [name for name in across if own and self._is_stand_in(name, modality)]
        for name in weak:
            cosines[name][np.isfinite([cosines[name] for name in own]).any(axis=0)] = np.nan
        full = [cosines[name] for name in across if name not in weak]
        best = top_k(_joined([cosines[name] for name in own], full, [cosines[name] for name in weak])[None, :], k)
        there = best.items[0] >= 0
        found = np.append(codes, -1)[best.items]
        parts = {
            name: np.where(there, np.append(values, np.nan)[best.items[0]], np.nan).astype(np.float32)
            for name, values in cosines.items()
        }
        return Found(Ranked(found.astype(np.int32), best.scores), parts)

    def _queries(self, names: list[str], modality: str, raw: Raw, what: str) -> dict[str, Floats]:
        """Return the unit vector of what is looked for, by the parts whose encoder can make something of it."""
        found, troubles = {}, []
        for name in names:
            encoder = self._prepared(name, modality)
            try:
                item = self._decode(encoder, raw) if isinstance(raw, Path) else encoder.decode(raw)
            except BrokenInput as error:
                troubles.append(error)
                continue
            values, present = encoder.encode([item])
            if present[0]:
                found[name] = unit_rows(self._alike(name, values))[0]
        if not found and troubles:
            raise DataError(f"the {what} to search by cannot be read ({troubles[0]}): try another") from troubles[0]
        if not found:
            given = f"'{raw}'" if modality == "text" else str(Path(raw).name)
            raise DataError(f"the {what} {given} could not be read by the encoder: try another {what}")
        return found

    def _alike(self, name: str, values: Floats) -> Floats:
        """Return rows of a part, as an encoder made them, on the scale on which items are compared."""
        standardiser = self._standardiser
        return values if standardiser is None or name not in standardiser.parts else standardiser.rows(name, values)

    def _shares(self, name: str, modality: str) -> bool:
        try:
            with self._lock:
                return self._find_encoder(name, modality) is not None
        except PalateError:  # its own search tells what is wrong with it
            return False

    def _is_stand_in(self, name: str, modality: str) -> bool:
        """Tell whether what encoded a part, or what encodes a query into its space, is a stand-in."""
        with self._lock:
            both = [self._find_encoder(name, by) for by in (modality, self._parts[name].modality)]
        return any(encoder.stand_in for encoder in both if encoder is not None)

    def _prepared(self, name: str, modality: str) -> Encoder[Any]:
        """Return what encodes a query of a modality for a part, loaded; only one thread loads."""
        with self._lock:
            found = self._find_encoder(name, modality)
            assert found is not None
            if (name, modality) not in self._ready:
                found.prepare()
                self._ready.add((name, modality))
        return found

    def _find_encoder(self, name: str, modality: str) -> Encoder[Any] | None:
        """Return what encodes a query of a modality into the space of a part; None where nothing does."""
        if (name, modality) not in self._encoders:
            made: Encoder[Any] | None = self._maker(name)
            if made is not None and self._parts[name].modality != modality:
                made = made.companion(modality) or self._in_space(made.space, modality)
            self._encoders[name, modality] = None if made is None else made.for_queries()
        return self._encoders[name, modality]

    def _maker(self, name: str) -> Encoder[Any]:
        if name not in self._makers:
            reference = self._parts[name].encoder
            assert reference is not None
            self._makers[name] = restore(reference)
        return self._makers[name]

    def _in_space(self, space: str, modality: str) -> Encoder[Any] | None:
        """Return the encoder of a part of a modality whose vectors lie in a space."""
        made = [self._find_encoder(name, modality) for name in self.parts(modality)]
        return next((encoder for encoder in made if encoder is not None and encoder.space == space), None)


def _decode_here(encoder: Encoder[Any], path: Path) -> Any:
    return encoder.decode(path)


def search(
    features: Mapping[str, FeatureTable],
    *,
    text: str | None = None,
    image: Path | None = None,
    sound: Path | None = None,
    k: int = 10,
) -> Found:
    """Search once; keep a `Searcher` to search often.

    Raises:
        DataError: not exactly one of text, image and sound was given, or it cannot be searched.
    """
    if sum(given is not None for given in (text, image, sound)) != 1:
        raise DataError("a search takes a text, a picture or a sound: give one of them")
    searcher = Searcher(features)
    if text is not None:
        return searcher.by_text(text, k)
    return searcher.by_image(image, k) if image is not None else searcher.by_sound(sound or Path(), k)


def _mean(cosines: list[Floats]) -> Floats:
    stacked = np.stack(cosines)
    there = np.isfinite(stacked)
    total = np.where(there, stacked, 0).sum(axis=0)
    return np.where(there.any(axis=0), total / np.maximum(there.sum(axis=0), 1), np.nan).astype(np.float32)


def _joined(own: list[Floats], across: list[Floats], weak: list[Floats]) -> Floats:
    """Return the mean cosine of the own parts, or of the only list with scores; of several the mean reciprocal rank."""
    lists = [(scores, 0) for scores in (*([_mean(own)] if own else []), *across)]
    lists += [(scores, _BEHIND) for scores in weak]
    told = [(scores, behind) for scores, behind in lists if np.isfinite(scores).any()]
    if len(told) < 2:
        return (told or lists)[0][0]
    return _mean([_reciprocal_ranks(scores, behind) for scores, behind in told])


def _reciprocal_ranks(scores: Floats, behind: int = 0) -> Floats:
    """Return 61 / (60 + behind + rank), equal scores alike, NaN where there is no score.

    Example:
        >>> _reciprocal_ranks(np.array([0.2, np.nan, 0.9, 0.2], np.float32)).round(2).tolist()
        [0.9800000190734863, nan, 1.0, 0.9800000190734863]
    """
    there = np.isfinite(scores)
    ranks = 1 + behind + np.searchsorted(np.sort(-scores[there]), -scores)
    return np.where(there, (1 + RANK_SHIFT) / (RANK_SHIFT + ranks), np.nan).astype(np.float32)
