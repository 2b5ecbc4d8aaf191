"""Planted signal: one modality carries the taste, and methods must find it there and nowhere else."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from glances import Course
from palate.data import quarantine
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.folder import load
from palate.data.worlds import make
from palate.data.worlds.shop import Shop
from palate.encoders.efficientnet_lite0 import EfficientNetLite0
from palate.encoders.mel import Mel
from palate.encoders.pipeline import encode
from palate.encoders.tf_idf import TfIdf
from palate.encoders.use import USE
from palate.models import ContentKNN, VectorSpace
from planted import BARE, interval, recall, shuffled

pytestmark = pytest.mark.xdist_group("e2e_planted")

SEEDS = range(5)
SIZE = {"n_items": 150, "n_users": 240, "n_events": 4_800, "clips": 0, "picture_size": 96, "sound_seconds": 0.5}
PART = {"text": "title", "picture": "picture", "sound": "sound"}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Datasets by modality that carries the taste, one a seed; goods are made and encoded once a seed, since they are the same for all."""
    folder = tmp_path_factory.mktemp("planted")
    encoders = {"title": USE(), "picture": EfficientNetLite0(), "sound": Mel()}
    encoded: dict[int, Mapping[str, FeatureTable]] = {}

    def world(modality: str, seed: int) -> Dataset:
        tastes = {f"{name}_taste": 2.5 * (name == modality) for name in PART}
        bare = BARE if seed in encoded else {}
        made = make(Shop(**SIZE, **tastes, **bare, hidden_taste=0, seed=seed), folder / f"{modality}{seed}")
        data = load(made.path)
        if seed not in encoded:
            encoded[seed] = encode(data, **encoders).features
        return data.with_features(**encoded[seed])

    return {modality: [world(modality, seed) for seed in SEEDS] for modality in PART}


@pytest.mark.weights
@pytest.mark.parametrize("model_type", [VectorSpace, ContentKNN])
@pytest.mark.parametrize("modality", list(PART))
def test_the_part_that_carries_the_taste_is_found(worlds, modality, model_type):
    part = PART[modality]
    idle = next(name for name in PART.values() if name != part)
    worth, loss, cost, left = [], [], [], []
    for seed, data in zip(SEEDS, worlds[modality], strict=True):
        whole = recall(model_type(), data)
        without = recall(model_type(), data.without_features(part))
        mixed = recall(model_type(), shuffled(data, part, seed))
        worth.append(whole - without)
        loss.append(whole - mixed)
        left.append(mixed - without)
        cost.append(whole - recall(model_type(), data.without_features(idle)))
    assert interval(worth)[0] > 0.05, f"removing the {part} must hurt: {interval(worth)}"
    assert interval(loss)[0] > 0.05, f"shuffling the {part} must lose the gain: {interval(loss)}"
    assert abs(np.mean(left)) < 0.04, f"a shuffled {part} must be worth nothing: {interval(left)}"
    assert interval(cost)[1] < 0.03, f"removing the {idle} must not hurt: {interval(cost)}"


@pytest.mark.weights
def test_the_same_goods_meet_other_people_in_each_world(worlds):
    for modality, datasets in worlds.items():
        assert len({data.fingerprint for data in datasets}) == len(SEEDS)
        assert {data.features[PART[modality]].coverage for data in datasets} == {1.0}


@pytest.mark.weights
def test_what_was_broken_on_purpose_is_absent_and_told(tmp_path):
    faults = {"missing": 0.1, "lost": 0.1, "truncated": 0.1, "misnamed": 0.1, "missing_text": 0.1}
    made = make(Shop(**{**SIZE, "n_items": 60, "n_events": 600, "clips": 0.1}, **faults), tmp_path / "shop")
    data = encode(load(made.path), title="use", picture="efficientnet-lite0", sound="mel")
    for part in PART.values():
        assert np.array_equal(data.features[part].present, made.truth.whole(part)), part
    told = quarantine.read(made.path)
    for column in ("picture", "sound"):
        of_column = told.filter(pl.col("place") == column)["id"].to_list()
        expected = [*made.truth.faults["lost"][column], *made.truth.faults["truncated"][column]]
        assert set(of_column) == set(expected)


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("model_type", [VectorSpace, ContentKNN])
def test_how_a_thing_moves_is_found_in_its_clip(tmp_path, model_type):
    pytest.importorskip("av", reason="clips need the media extra")
    tastes = {f"{name}_taste": 0 for name in ("text", "picture", "sound", "hidden")}
    worth, left = [], []
    for seed in range(3):
        size = {**SIZE, "clips": 1, "picture_size": 32, "sound_seconds": 0.2}
        made = make(Shop(**size, **tastes, clip_taste=2.5, popularity=0.2, seed=seed), tmp_path / str(seed))
        data = encode(load(made.path), clip=Course(), title=TfIdf(dim=16))
        without = recall(model_type(), data.without_features("clip"))
        worth.append(recall(model_type(), data) - without)
        left.append(recall(model_type(), shuffled(data, "clip", seed)) - without)
    assert interval(worth)[0] > 0.05, f"removing the clip must hurt: {interval(worth)}"
    assert abs(np.mean(left)) < 0.05, f"a shuffled clip must be worth nothing: {interval(left)}"
