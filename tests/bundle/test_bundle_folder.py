from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.bundle import Bundle, Recipe, refit, train
from palate.core.errors import BundleError, DataError
from palate.core.ids import IdMap
from palate.data.folder import load, save
from palate.data.positive import Positive
from palate.data.split import split
from palate.fusion.weighted import Weighted
from palate.interfaces import Queries
from palate.models import EASE, ContentKNN, Ensemble, ItemKNN, Popularity, VectorSpace
from small_shop import with_encoder, write_shop


@pytest.fixture
def shop(tmp_path):
    return write_shop(tmp_path / "shop")


@pytest.mark.parametrize("kind", [Popularity, ItemKNN, EASE, VectorSpace, ContentKNN])
def test_a_bundle_answers_as_the_model_did(kind, shop, tmp_path):
    model = kind().fit(shop)
    Bundle.of(model, shop).save(tmp_path / "b")
    opened = Bundle.open(tmp_path / "b").model
    queries = Queries.of_users(shop, np.arange(5, dtype=np.int32))
    np.testing.assert_allclose(model.score(queries), opened.score(queries), atol=1e-5)
    users = list(shop.users)[:5]
    assert model.recommend(users, 5).drop("score").equals(opened.recommend(users, 5).drop("score"))


def test_fusions_early_and_late_come_back(shop, tmp_path):
    queries = Queries.of_users(shop, np.arange(5, dtype=np.int32))
    early = ContentKNN(fusion=Weighted(weights={"photo": 0.2, "title": 0.8})).fit(shop)
    late = Ensemble({"knn": ItemKNN(), "photo": VectorSpace(parts=("photo",)), "title": ContentKNN(parts=("title",))})
    for number, model in enumerate([early, late.fit(shop)]):
        Bundle.of(model, shop).save(tmp_path / str(number))
        again = Bundle.open(tmp_path / str(number)).model
        np.testing.assert_allclose(model.score(queries), again.score(queries), atol=1e-5)
        assert again.spec() == model.spec()


def test_what_goes_in_comes_out(shop, tmp_path):
    title = with_encoder(shop.features["title"], "use")
    shop = shop.with_features(title=title)
    bundle = Bundle.of(ItemKNN(neighbours=7).fit(shop), shop, metrics={"valid": {"auc": float("nan")}})
    bundle.save(tmp_path / "b")
    again = Bundle.open(tmp_path / "b")
    assert again.model.config.neighbours == 7
    assert again.recipe == bundle.recipe
    assert again.data.users == shop.users
    assert again.data.fingerprint == bundle.data.fingerprint
    assert again.data.features["title"].encoder.name == "use"
    assert again.data.catalogue.types == shop.catalogue.types
    assert again.manifest.metrics == {"valid": {"auc": None}}
    assert again.data.catalogue.media_path(0, "photo").is_file()


def test_saving_twice_gives_the_same_files(shop, tmp_path):
    bundle = Bundle.of(ItemKNN().fit(shop), shop)
    bundle.save(tmp_path / "b")
    first = {path.name: path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file()}
    bundle.save(tmp_path / "b")
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file()} == first


def test_it_opens_elsewhere_and_without_its_media(shop, tmp_path):
    Bundle.of(ItemKNN().fit(shop), shop).save(tmp_path / "b")
    (tmp_path / "moved").mkdir()
    shutil.move(tmp_path / "b", tmp_path / "moved" / "b")
    shutil.move(tmp_path / "shop", tmp_path / "moved" / "shop")
    together = Bundle.open(tmp_path / "moved" / "b")
    assert together.data.catalogue.media_path(0, "photo").is_file()
    shutil.rmtree(tmp_path / "moved" / "shop")
    alone = Bundle.open(tmp_path / "moved" / "b")
    assert alone.data.catalogue.media_path(0, "photo") is None
    assert alone.model.recommend(["user 0"], 3).height == 3


def test_interactions_held_back_are_not_in_the_bundle(shop, tmp_path):
    trained = train(shop, Recipe(model="item-knn"))
    bundle = trained.bundle()
    assert bundle.data.interactions.fingerprint == trained.split.train.interactions.fingerprint
    without_split = Bundle.of(trained.model, shop)
    assert len(without_split.data.interactions) == len(bundle.data.interactions)
    assert without_split.manifest.split is None


def test_the_split_can_be_made_again_from_the_dataset_folder(shop, tmp_path):
    save(shop, tmp_path / "ds")
    data = load(tmp_path / "ds")
    trained = train(data, Recipe(model="item-knn", how="leave-last-out", positive="weight>=1", seed=3))
    trained.bundle().save(tmp_path / "b")
    bundle = Bundle.open(tmp_path / "b")
    assert bundle.split().test.interactions.fingerprint == trained.split.test.interactions.fingerprint
    save(load(tmp_path / "ds").with_features(extra=shop.features["title"]), tmp_path / "ds")
    assert "extra" not in bundle.split(tmp_path / "ds").train.features
    save(write_shop(tmp_path / "other", seed=1), tmp_path / "ds")
    with pytest.raises(BundleError, match="is not the one that this bundle was trained on"):
        bundle.split()
    shutil.rmtree(tmp_path / "ds")
    with pytest.raises(BundleError, match="give its place"):
        Bundle.open(tmp_path / "b").dataset()
    with pytest.raises(BundleError, match="without a split"):
        Bundle.of(trained.model, data).split()


def test_a_model_of_other_data_is_refused(shop, tiny):
    with pytest.raises(DataError, match="not fitted"):
        Bundle.of(Popularity(), shop)
    with pytest.raises(DataError, match="other users and items"):
        Bundle.of(Popularity().fit(tiny), shop)


@pytest.fixture
def saved(shop, tmp_path):
    return Bundle.of(ItemKNN().fit(shop), shop).save(tmp_path / "b")


def edit(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_no_bundle_is_refused(tmp_path, saved):
    with pytest.raises(BundleError, match=r"there is no bundle at .*palate train"):
        Bundle.open(tmp_path / "none")
    with pytest.raises(BundleError, match="is no bundle"):
        Bundle.open(tmp_path / "shop")
    (saved / "manifest.json").write_text("[1]")
    with pytest.raises(BundleError, match="names no format"):
        Bundle.open(saved)
    (saved / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="is not JSON"):
        Bundle.open(saved)


@pytest.mark.parametrize("changes", [{"palate": "99.0.0"}, {"format": 2}])
def test_another_version_is_refused(saved, changes):
    edit(saved, **changes)
    with pytest.raises(BundleError, match=r"was written by Palate .* train it again"):
        Bundle.open(saved)


def test_a_missing_or_damaged_file_is_refused(saved):
    path = saved / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleError, match=r"damaged \(model.safetensors is not what was written\)"):
        Bundle.open(saved)
    path.unlink()
    with pytest.raises(BundleError, match=r"lacks the file model.safetensors"):
        Bundle.open(saved)
    edit(saved, nonsense=1)
    with pytest.raises(BundleError, match="no setting 'nonsense'"):
        Bundle.open(saved)


def test_a_bundle_does_not_replace_something_else(shop, tmp_path):
    bundle = Bundle.of(Popularity().fit(shop), shop)
    with pytest.raises(BundleError, match="is no bundle, so it is not replaced"):
        bundle.save(tmp_path / "shop")
    (tmp_path / "empty").mkdir()
    assert Bundle.open(bundle.save(tmp_path / "empty")).model.name == "popularity"


FULL = """
import resource, sys
from palate.bundle import Bundle
from palate.core.errors import StoreError
bundle = Bundle.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    bundle.save(sys.argv[1])
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a full disk is played by RLIMIT_FSIZE")
@pytest.mark.parametrize("limit", [10, 1000, 4000])
def test_a_disk_that_fills_leaves_the_old_bundle(saved, limit):
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    words = [sys.executable, "-c", FULL, str(saved), str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "could not be written (File too large); what stood there before is untouched" in done.stdout
    assert str(saved) in done.stdout
    assert ".part" not in done.stdout
    assert {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()} == before
    assert [path.name for path in saved.parent.iterdir() if path.name.startswith(".")] == []


def test_a_bundle_keeps_the_rule_for_likes_it_was_made_with(shop, tmp_path):
    save(shop, tmp_path / "ds")
    data = replace(load(tmp_path / "ds"), positive=Positive(rule="weight>=0.5"))
    cut = split(data)
    Bundle.of(ItemKNN().fit(cut.train), data, cut).save(tmp_path / "b")
    opened = Bundle.open(tmp_path / "b")
    assert opened.split().train.positive.rule == "weight>=0.5"
    assert opened.split().fingerprint == cut.fingerprint


def test_a_split_that_the_recipe_does_not_make_is_refused(shop, tmp_path):
    save(shop, tmp_path / "ds")
    data = load(tmp_path / "ds")
    cut = split(data, "random-per-user", seed=3)
    recipe = Recipe(model="item-knn", seed=4)
    Bundle.of(ItemKNN().fit(cut.train), data, cut, recipe).save(tmp_path / "b")
    with pytest.raises(BundleError, match="cannot be made again by its recipe"):
        Bundle.open(tmp_path / "b").split()


def test_a_refitted_bundle_knows_everything_and_cannot_be_evaluated(tiny, tmp_path):
    save(tiny, tmp_path / "ds")
    trained = train(load(tmp_path / "ds"), Recipe(model="item-knn", settings={"shrink": 7}))
    trained.bundle().save(tmp_path / "strict.palate")
    refit(Bundle.open(tmp_path / "strict.palate")).save(tmp_path / "live.palate")

    live = Bundle.open(tmp_path / "live.palate")
    assert live.model.config == trained.model.config
    assert live.model.seen.nnz == tiny.seen.nnz > trained.model.seen.nnz
    assert len(live.data.interactions) == len(tiny.interactions)
    assert live.manifest.metrics["valid"] == trained.bundle().manifest.metrics["valid"]
    with pytest.raises(BundleError, match="without a split"):
        live.split()


def test_a_refit_takes_the_events_that_came_since(tiny, tmp_path):
    save(tiny.with_interactions(tiny.interactions.take(np.arange(200))), tmp_path / "ds")
    train(load(tmp_path / "ds"), Recipe(model="item-knn")).bundle().save(tmp_path / "b.palate")
    save(tiny, tmp_path / "ds")
    assert refit(Bundle.open(tmp_path / "b.palate")).model.seen.nnz == tiny.seen.nnz
    shutil.rmtree(tmp_path / "ds")
    with pytest.raises(BundleError, match="dataset folder of this bundle is not there"):
        refit(Bundle.open(tmp_path / "b.palate"))


def test_codes_that_polars_holds_can_be_bundled(shop):
    """Of six hundred ids and more the codes come as an array that is said to be writeable and refuses to be."""
    many = IdMap(f"i{index}" for index in range(600))
    rows = shop.interactions
    names = pl.Series([many.ids[code] for code in rows.item])
    items = IdMap(many.ids[: len(shop.items)])
    data = replace(shop, items=items, interactions=replace(rows, item=many.encode(names)))
    assert Bundle.of(Popularity().fit(data), data).data.interactions.item.tolist() == rows.item.tolist()
