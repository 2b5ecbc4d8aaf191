from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from doc_blocks import blocks
from palate.bundle import Bundle, Recipe, refit, train
from palate.bundle.build import has_fusion
from palate.core.errors import ConfigError, DataError, RequestError, UnknownNameError
from palate.data.folder import load, save
from palate.fusion.mean import Mean
from palate.interfaces import Queries
from palate.models import ContentKNN, Ensemble, ItemKNN, Popularity

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_project_can_be_built(path):
    recipe = Recipe.load(path)
    recipe.check()
    assert recipe.data
    assert recipe.out
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_the_recipes_of_the_documentation_can_be_built():
    found = [text for language, text in blocks("docs/models.md") if language == "toml"]
    assert found
    for text in found:
        Recipe.from_toml(text).check()


def test_there_are_recipes():
    assert len(RECIPES) >= 2


def test_names_become_objects():
    model = Recipe(model="item-knn", settings={"shrink": 30}).build()
    assert isinstance(model, ItemKNN)
    assert model.config.shrink == 30
    model = Recipe(model="content-knn", parts=("title",), fuse="mean").build()
    assert isinstance(model, ContentKNN)
    assert model.config.parts == ("title",)
    assert isinstance(model.fusion, Mean)


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ({"model": "item-kn"}, UnknownNameError, "there is no model 'item-kn': did you mean 'item-knn'"),
        ({"model": "item-knn", "settings": {"shrnk": 1}}, ConfigError, "no setting 'shrnk': did you mean 'shrink'"),
        ({"model": "content-knn", "fuse": "concta"}, UnknownNameError, "did you mean 'concat'"),
        ({"model": "content-knn", "late": "weighted"}, UnknownNameError, "did you mean 'weighted-scores'"),
        ({"model": "content-knn", "settings": {"fusion": 1}}, ConfigError, "no setting 'fusion'"),
        ({"model": "content-knn", "settings": {"fusion": 1}, "fuse": "mean"}, ConfigError, "no setting 'fusion'"),
        ({"model": "content-knn", "parts": []}, ConfigError, "'parts' was"),
        ({"model": "item-knn", "seed": -1}, ConfigError, "'seed' was -1"),
        ({"model": "item-knn", "fuse": "concat"}, ConfigError, "reads no parts"),
        ({"model": "item-knn", "align": "cca"}, ConfigError, "reads no parts: leave out 'align'"),
        ({"model": "item-knn", "complete": "ridge"}, ConfigError, "reads no parts: leave out 'complete'"),
        ({"model": "content-knn", "complete": "rigde"}, UnknownNameError, "no completer 'rigde': did you mean 'ridge'"),
        ({"model": "content-knn", "complete_settings": {"dim": 2}}, ConfigError, "no completer is named: add complete"),
        (
            {"model": "content-knn", "complete": "ridge", "complete_settings": {"held_out": 1}},
            ConfigError,
            "'held_out' was 1",
        ),
        ({"model": "content-knn", "align": "ccaa"}, UnknownNameError, "did you mean 'cca'"),
        ({"model": "content-knn", "align": "cca", "align_settings": {"dims": 2}}, ConfigError, "no setting 'dims'"),
        ({"model": "content-knn", "align_settings": {"dim": 2}}, ConfigError, "no aligner is named: add align"),
        ({"model": "cease", "align": "cca"}, ConfigError, "leave out 'align', or choose a model"),
        (
            {"model": "content-knn", "align": "cca", "late": "borda"},
            ConfigError,
            "nothing to align: leave out 'align' or 'late'",
        ),
        (
            {"model": "cease", "fuse": "concat"},
            ConfigError,
            "'cease' joins the parts in a way of its own: leave out 'fuse'",
        ),
        ({"model": "item-knn", "parts": ["title"]}, ConfigError, "reads no parts"),
        ({"model": "item-knn", "late": "weighted-scores"}, ConfigError, "reads no parts"),
        ({"model": "content-knn", "fuse_settings": {"a": 1}}, ConfigError, "no fusion is named"),
        ({"model": "content-knn", "late_settings": {"a": 1}}, ConfigError, "no late fusion is named"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(recipe, error, message):
    with pytest.raises(error, match=message):
        Recipe.of(recipe).check()


def test_late_trains_one_model_a_part(tiny):
    recipe = Recipe(model="vector-space", late="weighted-scores", late_settings={"weights": {"photo": 1, "title": 3}})
    with pytest.raises(ConfigError, match="one model per part"):
        recipe.build()
    trained = train(tiny, recipe)
    members = {name: member.config.parts for name, member in trained.model.members.items()}
    assert members == {"photo": ("photo",), "title": ("title",)}
    assert trained.model.combine.config.weights == {"photo": 1, "title": 3}
    assert train(tiny, Recipe(model="vector-space", late="weighted-scores", parts=("title",))).model.members.keys() == {
        "title"
    }


def test_an_ensemble_is_built_from_names(tiny, tmp_path):
    recipe = Recipe.from_toml(
        """
        model = "ensemble"
        late = "reciprocal-rank"
        parts = ["title"]
        [settings]
        members = ["item-knn", {name = "photos", model = "content-knn", parts = ["photo"], fuse = "mean"}, "vector-space"]
        "item-knn.shrink" = 7
        """
    )
    model = train(tiny, recipe).model
    assert list(model.members) == ["item-knn", "photos", "vector-space"]
    assert model.members["item-knn"].config.shrink == 7
    assert model.members["photos"].config.parts == ("photo",)
    assert model.members["photos"].fusion.name == "mean"
    assert model.members["vector-space"].config.parts == ("title",)
    assert model.combine.name == "reciprocal-rank"
    assert set(model.combine.config.weights) == set(model.members)


@pytest.mark.parametrize("late", [None, "stacking"])
def test_an_ensemble_keeps_its_weights_through_bundle_and_refit(tiny, tmp_path, late):
    save(tiny, tmp_path / "ds")
    recipe = Recipe(model="ensemble", late=late, settings={"members": ["item-knn", "popularity"]}, protocol="refit")
    trained = train(load(tmp_path / "ds"), recipe)
    bundle = Bundle.open(trained.bundle().save(tmp_path / "b"))
    weights = trained.model.combine.config.weights
    assert weights is not None
    assert bundle.model.combine.config.weights == weights
    again = refit(bundle)
    assert again.model.combine.config.weights == weights
    assert again.model.liked.nnz == tiny.liked.nnz
    known = Bundle.of(again.model, tiny)
    assert known.recipe.build().combine.config == bundle.model.combine.config == trained.model.combine.config
    assert list(known.recipe.build().members) == ["item-knn", "popularity"]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({}, "needs members, and 'members' was None"),
        ({"settings": {"members": "item-knn"}}, "name some models, as in members="),
        ({"settings": {"members": ["item-kn"]}}, "did you mean 'item-knn'"),
        ({"settings": {"members": [3]}}, "a member of the ensemble was 3"),
        ({"settings": {"members": [{"model": "ease", "sed": 1}]}}, "has no 'sed'"),
        ({"settings": {"members": ["ease", "ease"]}}, "two members are called 'ease'"),
        ({"settings": {"members": ["ease"], "eas.reg": 1}}, "did you mean 'ease'"),
        ({"settings": {"members": ["ease"], "ease.rge": 1}}, "did you mean 'reg'"),
        ({"settings": {"members": ["ease"], "weight": "given"}}, "did you mean 'weights'"),
        ({"settings": {"members": ["ease"]}, "fuse": "mean"}, "reads no parts"),
        ({"settings": {"members": ["ease", "cease"]}, "fuse": "mean"}, "no member of the ensemble takes a fusion"),
        ({"settings": {"members": ["ease", "cease"]}, "align": "cca"}, "takes a fusion of parts: leave out 'align'"),
        ({"settings": {"members": [{"model": "ease", "settings": 3}]}}, "'settings' was 3"),
        ({"settings": {"members": [{"model": "ease", "name": None}]}}, "'name' was None"),
        ({"settings": {"members": [{"model": "ease", "name": ""}]}}, "'name' was ''"),
        (
            {"settings": {"members": [{"model": "content-knn", "fuse_settings": {"a": 1}}]}, "fuse": "mean"},
            "no fusion is named",
        ),
        ({"settings": {"members": ["ease"]}, "fuse_settings": {"a": 1}}, "no fusion is named"),
    ],
)
def test_a_wrong_ensemble_says_what_is_wrong(recipe, message):
    with pytest.raises(RequestError, match=message):
        Recipe.of({"model": "ensemble", **recipe}).check()


def test_a_fusion_goes_to_the_members_that_take_one():
    inner = {"model": "ensemble", "name": "inner", "settings": {"members": ["ease", "cease"]}}
    members = ["content-knn", "cease", inner]
    built = Recipe.of({"model": "ensemble", "settings": {"members": members}, "fuse": "mean"}).build(["title"])
    assert built.members["content-knn"].fusion.name == "mean"
    assert has_fusion(built.members["content-knn"].spec())
    assert not has_fusion(built.members["cease"].spec())
    assert not has_fusion(built.members["inner"].spec())


def test_members_take_the_aligner_and_the_fusion_that_they_do_not_name():
    members = [
        {"name": "fused", "model": "content-knn", "fuse": "concat"},
        {"name": "aligned", "model": "content-knn", "align": "pca"},
        {"name": "late", "model": "content-knn", "late": "borda"},
        {"name": "both", "model": "content-knn", "align": "whitening", "fuse": "mean"},
    ]
    recipe = {"model": "ensemble", "settings": {"members": members}, "align": "cca", "fuse": "weighted"}
    built = Recipe.of(recipe).build(["photo", "title"])
    joined = {name: built.members[name].spec()["fusion"]["settings"] for name in ("fused", "aligned", "both")}
    assert {name: (own["align"], own["fuse"]) for name, own in joined.items()} == {
        "fused": ("cca", "concat"), "aligned": ("pca", "weighted"), "both": ("whitening", "mean"),
    }  # fmt: skip
    assert built.members["late"].members["title"].spec()["fusion"]["name"] == "weighted"


def test_a_setting_goes_to_the_member_whose_name_it_begins_with():
    members = [{"name": "likes", "model": "ease"}, {"name": "likes.near", "model": "item-knn"}]
    settings = {"members": members, "likes.near.shrink": 3, "likes.reg": 2}
    model = Recipe.of({"model": "ensemble", "settings": settings}).build()
    assert (model.members["likes"].config.reg, model.members["likes.near"].config.shrink) == (2, 3)
    assert "settings" not in members[0]


def test_parts_reach_members_inside_members():
    inner = {"name": "inner", "model": "ensemble", "settings": {"members": ["vector-space", "ease"]}}
    late = {"name": "late", "model": "content-knn", "late": "borda"}
    without = {"name": "without", "model": "ensemble", "settings": {"members": ["ease"]}}
    settings = {"members": [inner, late, without]}
    model = Recipe.of({"model": "ensemble", "parts": ["title"], "fuse": "mean", "settings": settings}).build()
    assert model.members["inner"].members["vector-space"].config.parts == ("title",)
    assert model.members["inner"].members["vector-space"].fusion.name == "mean"
    assert list(model.members["late"].members) == ["title"]


def test_ensembles_of_ensembles_are_saved_and_made_again(tiny, tmp_path):
    inner = Ensemble({"likes": ItemKNN(shrink=3), "content": ContentKNN(parts=("title",), fusion=Mean())})
    model = Ensemble({"inner": inner, "popular": Popularity()}).fit(tiny)
    bundle = Bundle.open(Bundle.of(model, tiny).save(tmp_path / "b"))
    query = Queries.of_users(tiny, np.arange(5, dtype=np.int32))
    again = bundle.recipe.build(tiny.part_names()).fit(tiny)
    for other in (bundle.model, again):
        assert other.spec() == model.spec()
        assert np.array_equal(other.score(query), model.score(query), equal_nan=True)


@pytest.mark.parametrize("align", ["cca", "contrastive"])
def test_an_aligner_is_saved_and_made_again(align, tiny, tmp_path):
    if align == "contrastive":
        pytest.importorskip("torch")
    recipe = Recipe(model="content-knn", align=align, align_settings={"dim": 3}, fuse="weighted", how="cold-items")
    model = recipe.build(tiny.part_names()).fit(tiny)
    assert model.item_vectors().dim == 6
    bundle = Bundle.open(Bundle.of(model, tiny).save(tmp_path / "b"))
    assert (bundle.recipe.align, bundle.recipe.fuse) == (align, "weighted")
    query = Queries.of_users(tiny, np.arange(5, dtype=np.int32))
    again = bundle.recipe.build(tiny.part_names()).fit(tiny)
    for other in (bundle.model, again):
        assert other.spec() == model.spec()
        assert np.array_equal(other.score(query), model.score(query), equal_nan=True)
    reasons = bundle.model.explain(Queries.of_users(tiny, np.array([0], np.int32)), 1)
    assert sum(reasons.parts.values()) == pytest.approx(reasons.score, abs=1e-5)


TREE = """
model = "ensemble"
late = "stacking"
protocol = "refit"

[settings]
"content.near.neighbours" = 7
"behaviour.ease.reg" = 50

[[settings.members]]
name = "behaviour"
model = "ensemble"
late = "borda"
settings = {members = ["item-knn", "ease"]}

[[settings.members]]
name = "content"
model = "ensemble"
late = "max"

[settings.members.settings]
weights = "given"

[[settings.members.settings.members]]
name = "near"
model = "content-knn"
fuse = "hybrid"
fuse_settings = {groups = {a = {parts = ["photo"]}, b = {parts = ["title"], fuse = "concat"}}, fuse = "weighted"}

[[settings.members.settings.members]]
model = "vector-space"
parts = ["title"]
"""


def test_a_tree_is_written_down_trained_opened_and_refitted(tiny, tmp_path):
    recipe = Recipe.from_toml(TREE)
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    save(tiny, tmp_path / "ds")
    trained = train(load(tmp_path / "ds"), recipe)
    bundle = Bundle.open(trained.bundle().save(tmp_path / "b"))
    query = Queries.of_users(tiny, np.arange(5, dtype=np.int32))
    assert np.array_equal(bundle.model.score(query), trained.model.score(query), equal_nan=True)
    again = refit(bundle).model
    for model in (trained.model, bundle.model, again):
        assert model.combine.config.weights.keys() == {"behaviour", "content"}
        assert model.members["behaviour"].combine.config.weights.keys() == {"ease", "item-knn"}
        assert model.members["behaviour"].members["ease"].config.reg == 50
        assert model.members["content"].combine.name == "max"
        near = model.members["content"].members["near"]
        assert near.config.neighbours == 7
        assert near.fusion.members == {"a": ("photo",), "b": ("title",)}
        assert model.spec() == trained.model.spec()


def test_an_explanation_goes_through_the_tree(tiny):
    inner = {"name": "inner", "model": "ensemble", "late": "max", "settings": {"members": ["content-knn", "ease"]}}
    recipe = Recipe.of({"model": "ensemble", "settings": {"members": [inner, "item-knn"]}, "fuse": "hybrid"})
    model = recipe.build(tiny.part_names()).fit(tiny)
    query = Queries.of_users(tiny, np.array([1], np.int32))
    for item in range(0, 30, 6):
        explanation = model.explain(query, item)
        assert sum(explanation.history.values()) == pytest.approx(explanation.score, abs=1e-4)
        assert sum(explanation.parts.values()) == pytest.approx(explanation.score, abs=1e-4)
        assert set(explanation.parts) <= {"photo", "title", "behaviour", "ease", "item-knn"}


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ({"settings": {"members": ["eas"]}}, "did you mean 'ease'"),
        ({"settings": {"members": []}}, "an ensemble needs members"),
        ({"settings": {"members": ["ease"]}, "late": "bordo"}, "no score fusion 'bordo': did you mean 'borda'"),
        ({"settings": {"members": ["ease"], "knn.shrink": 3}}, "for the member 'knn', and there is none"),
    ],
)
def test_what_is_wrong_inside_a_tree_is_said_before_data_are_read(inner, message):
    inner = {"name": "inner", "model": "ensemble", **inner}
    with pytest.raises(RequestError, match=message):
        Recipe.of({"model": "ensemble", "settings": {"members": [inner, "item-knn"]}}).check()


def test_toml_that_is_no_recipe_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not TOML"):
        Recipe.from_toml("model = ")
    with pytest.raises(ConfigError, match="names no model"):
        Recipe.from_toml("seed = 1")
    with pytest.raises(ConfigError, match="did you mean 'model'"):
        Recipe.from_toml('model = "x"\nmodl = 1')
    with pytest.raises(DataError, match="could not be read"):
        Recipe.load(tmp_path / "none.toml")


def test_a_recipe_survives_toml(tmp_path):
    recipe = Recipe(
        model="content-knn", settings={"neighbours": 5}, parts=("a", "b"), fuse="weighted",
        fuse_settings={"weights": {"a": 1.0, "b": 2.0}}, how="leave-last-out", seed=4, positive="weight>=4",
        protocol="refit", data="ds", out="b",
    )  # fmt: skip
    recipe.save(tmp_path / "r.toml")
    assert Recipe.load(tmp_path / "r.toml") == recipe


def test_strict_fits_on_train_alone_and_refit_on_both(tiny):
    strict, refit = (train(tiny, Recipe(model="item-knn", protocol=protocol)) for protocol in ("strict", "refit"))
    assert strict.split.fingerprint == refit.split.fingerprint
    assert (strict.model.seen != strict.split.train.seen).nnz == 0
    assert (refit.model.seen != refit.split.refit().train.seen).nnz == 0
    assert strict.validation.metrics == refit.validation.metrics
    assert strict.validation.on == "valid"
    assert (refit.bundle().data.seen != refit.model.seen).nnz == 0


def test_shuffling_the_test_part_changes_nothing_in_training(tiny):
    recipe = Recipe(model="item-knn", how="leave-last-out")
    first = train(tiny, recipe)
    rows = tiny.interactions
    is_test = np.zeros(len(rows), bool)
    is_test[np.unique(rows.user[::-1], return_index=True)[1]] = True
    last = np.flatnonzero(is_test[::-1])
    item = rows.item.copy()
    unseen = [np.setdiff1d(np.arange(len(tiny.items)), rows.item[rows.user == rows.user[row]])[0] for row in last]
    item[last] = unseen
    moved = tiny.with_interactions(type(rows)(rows.user, item, rows.weight, rows.time))
    second = train(moved, recipe)
    assert (first.split.test.liked != second.split.test.liked).nnz > 0
    states = first.model.state().fingerprint, second.model.state().fingerprint
    assert states[0] == states[1]
    assert first.validation.metrics == second.validation.metrics


def test_the_rule_for_likes_is_the_recipes(tiny):
    assert train(tiny, Recipe(model="popularity", positive="weight>=1")).data.positive.rule == "weight>=1"
    with pytest.raises(DataError, match="learns from likes"):
        train(tiny, Recipe(model="popularity", positive="weight>5"))


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_a_catalogue_without_interactions_is_trained_whole(tiny, protocol):
    catalogue = tiny.with_interactions(tiny.interactions.take(np.zeros(0, np.int64)))
    trained = train(catalogue, Recipe(model="content-knn", protocol=protocol))
    assert trained.validation is None
    assert trained.model.vectors.present.all()
    assert len(trained.bundle().data.interactions) == 0
    with pytest.raises(DataError, match="learns from likes"):
        train(catalogue, Recipe(model="item-knn"))
