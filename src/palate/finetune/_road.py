"""The road of fine-tuning: split, learn from the training part, look at validation, keep what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from palate.core.errors import ConfigError, DataError
from palate.core.files import replacing_folder, write_json
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.core.types import JSON
from palate.data.dataset import Dataset
from palate.data.feature_folder import feature_path, save_features
from palate.data.features import EncoderRef, FeatureTable
from palate.data.folder import whose_rows
from palate.data.split import split
from palate.data.split._base import Split
from palate.data.taught import taught_by
from palate.encoders import registry as encoders
from palate.encoders import restore
from palate.encoders._tuned import FILE, Tuning
from palate.encoders.pipeline.inputs import TUNED
from palate.encoders.pipeline.store import PartStore
from palate.evaluation import Evaluation, evaluate
from palate.finetune._base import Tuner, changed
from palate.interfaces import Run
from palate.models.content_knn import ContentKNN

if TYPE_CHECKING:
    from palate.training.loop import History

CARD = "card.json"
_JUDGED = ("recall", "ndcg")


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A part whose vectors were changed, what changes them, and what validation says of both."""

    part: str
    """The part that was fine-tuned."""
    name: str
    """What the new part is called."""
    table: FeatureTable
    """The new vectors of all items."""
    tuning: Tuning
    method: Mapping[str, JSON]
    """Name and settings."""
    split: Split
    history: History
    before: Evaluation | None
    """`content-knn` over the part as it was, on validation; None where that holds nothing to judge by."""
    after: Evaluation | None
    """The same over the new vectors."""
    seconds: float

    def save(self, folder: Path | str) -> Path:
        """Write the encoder into a folder, in place of a former one, all or nothing; `tuned:FOLDER` names it from then on.

        Raises:
            ConfigError: something else stands there.
            StoreError: the disk refuses; what stood there is untouched.
        """
        folder = Path(folder)
        refuse_foreign(folder)
        with replacing_folder(folder) as aside:
            self.tuning.state().save(aside, FILE)
            write_json(aside / CARD, self.card())
        return folder

    def keep(self, data: Dataset) -> Dataset:
        """Write the new part into the folder of a dataset, where it has one, and return the dataset with it.

        Raises:
            DataError: another process is encoding it.
            StoreError: the disk refuses; what stood there is untouched.
        """
        if data.root is not None:
            store, ref = PartStore(data.root, self.name), self.table.encoder
            keys = PartStore(data.root, self.part).keys(data.part(self.part).source)
            with store.locked():
                if keys is None or ref is None:
                    save_features(data.root, self.name, self.table, whose_rows(data, self.table))
                else:
                    store.finish(self.table, partial(whose_rows, data), restore(ref).fingerprint, keys)
        return data.with_features(**{self.name: self.table})

    def card(self) -> dict[str, JSON]:
        """Return what a reader wants to know of the encoder: what it was made from, how, and how it does."""
        ref = self.tuning.encoder
        return {
            "part": self.part,
            "dataset": self.split.train.name,
            "encoder": None if ref is None else {"name": ref.name, "settings": ref.settings},
            "method": dict(self.method),
            "learned_from": {"how": self.split.how, "seed": self.split.seed, "likes": self.split.train.liked.nnz},
            "epochs": self.history.best_epoch,
            "validation": {
                "model": ContentKNN.name,
                "before": None if self.before is None else dict(self.before.metrics),
                "after": None if self.after is None else dict(self.after.metrics),
            },
        }


def fine_tune(
    data: Dataset,
    part: str,
    tuner: Tuner[Any],
    how: str = "random-per-user",
    seed: int = 0,
    *,
    name: str | None = None,
    run: Run | None = None,
    **settings: Any,
) -> FineTuned:
    """Teach the encoder of a part from the training likes of a split.

    The test part is cut off and not opened. Nothing is written; see `FineTuned.save` and `FineTuned.keep`.

    Args:
        data: the whole dataset.
        part: of items; its vectors are changed. An encoder that made them is fine-tuned with them, so that it encodes new items
            and queries as well.
        tuner: how, as in `palate.finetune.registry.get("adapter")()`.
        how: the split; what is fine-tuned on one may be judged by no other.
        seed: of the split and of the learning.
        name: of the new part; `PART.tuned` where none is given.
        run: cores, checkpoints, trackers, the device; the seed is taken from `seed`.
        settings: of the splitter.

    Raises:
        DataError: there is no such part, it is not of items, or there is too little to learn from.
        MissingExtraError: torch is not installed.
    """
    table, name = data.part(part), part + TUNED if name is None else name
    if table.of != "items":
        raise DataError(f"the part '{part}' is of {table.of}, and parts of items can be fine-tuned: {_those(data)}")
    if name == part:
        raise ConfigError(f"the new part would take the place of '{part}', which it is made of: give it another name")
    feature_path(Path(), name)
    data = data.without_features(*(set(data.features) - {part}))
    cut = split(data, how, seed, **settings)
    run = replace(run or Run(), seed=seed)
    began = time.perf_counter()
    tuner.fit(cut.train, cut.valid, run, part=part)
    seconds = time.perf_counter() - began
    about = {"part": part, "taught": taught_by(cut.train, cut.how, seed)}
    tuning = replace(tuner.tuning, about=about, **_made_by(table))
    made = _table(table, tuning, changed(table, tuning, tuner.states(data, part)))
    before, after = (_judged(cut, part, each) for each in (table, made))
    return FineTuned(part, name, made, tuning, tuner.spec(), cut, tuner.history, before, after, seconds)


def refuse_foreign(folder: Path) -> None:
    """Refuse to write an encoder over something else.

    Raises:
        ConfigError: what stands there is neither a fine-tuned encoder nor an empty folder.
    """
    if folder.is_dir() and ((folder / f"{FILE}.json").is_file() or not any(folder.iterdir())):
        return
    if folder.exists():
        raise ConfigError(f"{folder} exists and is no fine-tuned encoder, so it is not replaced: choose another place")


def _those(data: Dataset) -> str:
    names = sorted(name for name, table in data.features.items() if table.of == "items")
    return f"there are {', '.join(names) or 'none'}"


def _made_by(table: FeatureTable) -> dict[str, Any]:
    """Return the encoder of a part and its fingerprint, where there is one that a fine-tuned encoder can stand on."""
    ref = table.encoder
    if ref is None or f"tuned-{table.modality}" not in encoders.names() or ref.name not in encoders.names():
        return {}
    return {"encoder": ref, "made_by": restore(ref).fingerprint}


def _table(table: FeatureTable, tuning: Tuning, values: np.ndarray) -> FeatureTable:
    state = tuning.state()
    ref = None
    if tuning.encoder is not None:
        kind = encoders.get(f"tuned-{table.modality}")
        ref = EncoderRef(kind.name, kind.config_type().model_dump(mode="json"), State(state.arrays, state.meta))
    source, taught = fingerprint(table.source, state.fingerprint), tuning.about["taught"]
    return replace(table, values=values, source=source, encoder=ref, taught=taught)


def _judged(cut: Split, part: str, table: FeatureTable) -> Evaluation | None:
    """Judge items by likeness over a part, on validation."""
    if cut.valid.liked.nnz == cut.valid.liked.multiply(cut.train.seen).nnz:
        return None
    train = cut.train.with_features(**{part: table})
    return evaluate(ContentKNN(parts=(part,)).fit(train), cut, 20, _JUDGED, on="valid")
