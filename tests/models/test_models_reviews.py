"""Reviews as content: a world where they alone carry the taste, and the law that nothing of the test is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from palate.bundle import Bundle, Recipe
from palate.bundle.training import train
from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.types import Floats
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import features_of
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.encoders import Encoder
from palate.encoders.pipeline import encode
from palate.evaluation import evaluate
from palate.interfaces import Queries, Raw
from palate.models.content_knn import ContentKNN
from palate.models.ease import EASE
from palate.models.vector_space import VectorSpace

WORDS = [
    ["green", "tea", "leaf", "calm", "cup"],
    ["lamp", "light", "bulb", "glow", "evening"],
    ["wheel", "road", "bike", "fast", "ride"],
    ["song", "piano", "melody", "quiet", "note"],
]
VOCABULARY = [word for words in WORDS for word in words]


class Nothing(Config):
    """No settings."""


class Words(Encoder[Nothing]):
    """Counts of known words: what a pretrained encoder is, in small."""

    name = "words"
    modality = "text"
    config_type = Nothing
    dim = len(VOCABULARY)  # type: ignore[assignment]

    def decode(self, raw: Raw) -> list[str]:
        return str(raw).split()

    def _encode(self, batch: Sequence[list[str]]) -> Floats:
        return np.array([[words.count(word) for word in VOCABULARY] for words in batch], np.float32)


def world(n_items: int = 80, n_users: int = 60, seed: int = 0) -> Dataset:
    """Return a shop whose items have a meaningless picture, and reviews that tell which of four kinds they are."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n_items) % 4
    user, item, text = [], [], []
    for person in range(n_users):
        chances = np.where(kind == person % 4, 1.0, 0.04)
        for code in rng.choice(n_items, 10, replace=False, p=chances / chances.sum()):
            user.append(person)
            item.append(code)
            text.append(" ".join(rng.choice(WORDS[kind[code]], 3)) if rng.random() < 0.8 else None)
    events = Interactions(
        np.array(user, np.int32), np.array(item, np.int32), np.ones(len(user), np.float32), None, pl.DataFrame({"text": text})
    )  # fmt: skip
    items = IdMap(f"i{code}" for code in range(n_items))
    return Dataset(
        IdMap(f"u{code}" for code in range(n_users)),
        items,
        events,
        Catalogue(pl.DataFrame({"item_id": items.series})),
        features={"photo": features_of(rng.normal(size=(n_items, 8)), modality="image")},
    )


def reviewed(data: Dataset) -> Dataset:
    return encode(data, of="interactions", text=Words())


def recall(model: Any, cut: Split) -> float:
    return float(evaluate(model.fit(cut.train, cut.valid), cut, k=10).metrics["recall@10"])


@pytest.mark.parametrize("kind", [ContentKNN, VectorSpace])
def test_reviews_carry_the_taste_and_shuffled_ones_do_not(kind: Any) -> None:
    data = world()
    chance = 10 / 70
    blind = recall(kind(), split(data))
    seeing = recall(kind(), split(reviewed(data)))
    mixed = np.random.default_rng(1).permutation(len(data.interactions))
    texts = data.interactions.column("text")
    assert texts is not None
    shuffled = replace(data, interactions=data.interactions.with_column("text", texts[mixed]))
    lost = recall(kind(), split(reviewed(shuffled)))
    assert blind < 1.6 * chance
    assert seeing > 2.5 * max(blind, chance)
    assert lost < 1.6 * chance


@pytest.mark.parametrize("kind", [ContentKNN, VectorSpace])
def test_what_the_test_says_changes_nothing(kind: Any) -> None:
    data = world()
    cut = split(reviewed(data))
    held = np.isin(
        data.interactions.user.astype(np.int64) * 1000 + data.interactions.item,
        cut.test.interactions.user.astype(np.int64) * 1000 + cut.test.interactions.item,
    )
    texts = data.interactions.column("text")
    assert texts is not None
    lies = pl.Series("text", [WORDS[0][0] if held[row] else text for row, text in enumerate(texts)])
    changed = replace(data, interactions=data.interactions.with_column("text", lies))
    other = split(reviewed(changed))
    everyone = Queries(cut.train.liked, np.arange(len(data.users), dtype=np.int32))
    first, second = (kind().fit(part.train, part.valid).score(everyone) for part in (cut, other))
    np.testing.assert_array_equal(first, second)
    lies = pl.Series("text", [WORDS[0][0] if row % 2 else text for row, text in enumerate(texts)])
    third = split(reviewed(replace(data, interactions=data.interactions.with_column("text", lies))))
    assert not np.array_equal(first, kind().fit(third.train).score(everyone), equal_nan=True)  # training rows do count


def test_an_item_without_reviews_in_training_cannot_be_scored_by_them() -> None:
    cut = split(reviewed(world()), "cold-items", seed=0)
    model = VectorSpace(parts=("interactions.text",)).fit(cut.train)
    cold = np.setdiff1d(np.unique(cut.test.interactions.item), cut.train.interactions.item)
    assert len(cold)
    assert np.isnan(model.score(Queries(cut.train.liked[:5], np.arange(5, dtype=np.int32)))[:, cold]).all()


@pytest.mark.parametrize("model", ["content-knn", "ease"])
def test_a_bundle_holds_the_reviews_of_training_as_a_part_of_items(tmp_path: Path, model: str) -> None:
    save(world(), tmp_path / "shop")
    data = encode(load(tmp_path / "shop"), of="interactions", text="use")
    trained = train(data, Recipe(model=model))
    bundle = trained.bundle()
    bundle.save(tmp_path / "m.palate")
    opened = Bundle.open(tmp_path / "m.palate")
    assert opened.manifest.parts == ("interactions.text", "photo")
    part = opened.data.features["interactions.text"]
    expected = trained.split.train.item_parts()["interactions.text"]
    assert part.of == "items"
    np.testing.assert_array_equal(part.values, expected.values)
    np.testing.assert_array_equal(part.present, expected.present)
    assert opened.split().fingerprint == trained.split.fingerprint
    queries = Queries(trained.split.train.liked[:4], np.arange(4, dtype=np.int32))
    np.testing.assert_array_equal(opened.model.score(queries), trained.model.score(queries))


def test_a_bundle_without_a_split_pools_only_what_its_model_met() -> None:
    data = reviewed(world())
    cut = split(data)
    bundle = Bundle.of(EASE().fit(cut.train), data)
    expected = cut.train.item_parts()["interactions.text"]
    np.testing.assert_array_equal(bundle.data.features["interactions.text"].values, expected.values)


def test_a_part_of_users_is_no_part_of_items() -> None:
    data = world().with_features(avatar=features_of(np.ones((60, 3)), of="users"))
    with pytest.raises(DataError, match="'avatar' is of users"):
        ContentKNN(parts=("avatar",)).fit(data)
    assert list(data.item_parts()) == ["photo"]
