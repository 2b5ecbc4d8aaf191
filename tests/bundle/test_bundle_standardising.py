"""Parts are standardised before a model sees them, by what training knows alone, and the bundle keeps how."""

import json
from dataclasses import replace

import numpy as np
import pytest

from palate.bundle import Bundle, Recipe, refit, train
from palate.bundle.readying import readied
from palate.cli import main
from palate.core.errors import ConfigError, UnknownNameError
from palate.data.features import FeatureTable
from palate.data.folder import load, save
from palate.data.missing import with_missing
from palate.encoders.tf_idf import TfIdf
from palate.interfaces import Queries
from palate.linalg.neighbours import unit_rows
from palate.serving.engine import Engine
from palate.standardise import registry
from small_shop import write_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved shop whose titles are encoded; some items lack a picture's vector."""
    place = tmp_path_factory.mktemp("shop")
    data = with_missing(write_shop(place / "raw", n_items=60), ["photo"], 0.3)
    texts = data.catalogue.table["title"].to_list()
    encoder = TfIdf(dim=16).fit(texts)
    values, present = encoder.encode([encoder.decode(text) for text in texts])
    words = FeatureTable(values, present, "words", "items", "text", encoder.reference())
    save(data.with_features(title=words), place / "shop")
    return place / "shop"


def recipe(**words):
    return Recipe.of({"model": "content-knn", "standardise": "whitening", "how": "cold-items", **words})


def scores(trained, model=None):
    return (model or trained.model).score(Queries.of_users(trained.split.train, np.arange(20)))


def test_z_score_by_name_is_what_is_done_without_a_name(folder):
    data = load(folder)
    plain, named = train(data, recipe(standardise=None)), train(data, recipe(standardise="z-score"))
    assert np.array_equal(scores(plain), scores(named), equal_nan=True)
    assert plain.bundle().standardiser is None


@pytest.mark.parametrize("name", [name for name in registry.names() if name != "z-score"])
def test_the_model_sees_standardised_parts_and_the_bundle_what_is_known(folder, name):
    data = load(folder)
    trained = train(data, recipe(standardise=name))
    assert not np.array_equal(scores(trained), scores(train(data, recipe(standardise=None))), equal_nan=True)
    assert {table.standardised for table in trained.model.parts.values()} == {name}
    kept = trained.bundle().data
    for part in ("title", "photo"):
        assert np.array_equal(kept.part(part).values, data.part(part).values)
        assert kept.part(part).standardised is None


@pytest.mark.parametrize("name", registry.names())
def test_a_bundle_comes_back_and_standardises_and_answers_the_same(folder, tmp_path, name):
    trained = train(load(folder), recipe(standardise=name, complete="nearest"))
    trained.bundle().save(tmp_path / "b")
    again = Bundle.open(tmp_path / "b")
    assert again.manifest.standardiser == {
        "name": name, "settings": trained.standardiser.config.model_dump(mode="json"),
    }  # fmt: skip
    assert Recipe.load(tmp_path / "b" / "recipe.toml").standardise == name
    assert np.array_equal(scores(trained, again.model), scores(trained), equal_nan=True)
    completed = again.completer.complete(again.data.item_parts())
    for part, table in again.standardiser.standardise(completed).items():
        assert np.array_equal(table.values, trained.model.parts[part].values)


def test_nothing_held_back_tells_how(folder):
    data = load(folder)
    cut = recipe().split(data)
    held = np.flatnonzero(np.bincount(cut.train.interactions.item, minlength=len(data.items)) == 0)
    assert len(held) > 3
    wild = {}
    for part, table in data.features.items():
        values = table.values.copy()
        values[held] *= -50
        wild[part] = replace(table, values=values)
    for name in registry.names():
        one, other = (readied(recipe(standardise=name), each) for each in (cut.train, cut.train.with_features(**wild)))
        assert one.standardiser.state().fingerprint == other.standardiser.state().fingerprint
        warm = np.setdiff1d(np.arange(len(data.items)), held)
        assert all(np.array_equal(one.parts[part].values[warm], other.parts[part].values[warm]) for part in one.parts)


def test_what_is_estimated_is_standardised_after_that(folder):
    ready = readied(recipe(complete="nearest"), recipe().split(load(folder)).train)
    table, made = ready.parts["photo"], ready.estimates.parts["photo"]
    assert table.completed.any()
    assert np.array_equal(table.completed, made.completed)
    assert np.array_equal(table.values, ready.standardiser.standardise(ready.estimates.parts)["photo"].values)


def test_a_refit_learns_anew_from_all_that_is_known(folder):
    trained = train(load(folder), recipe(protocol="refit"))
    again = refit(trained.bundle(), folder)
    whole = readied(recipe(), load(folder)).standardiser.state()
    assert again.standardiser.state().fingerprint == whole.fingerprint
    assert trained.standardiser.state().fingerprint != readied(recipe(), trained.split.train).standardiser.state().fingerprint  # fmt: skip


def test_a_text_is_looked_for_on_the_scale_of_the_items(folder, tmp_path):
    train(load(folder), recipe(standardise="pca", standardise_settings={"dim": 5})).bundle().save(tmp_path / "b")
    bundle = Bundle.open(tmp_path / "b")
    table, text = bundle.data.part("title"), "red lamp"
    encoder = TfIdf(**table.encoder.settings).load_state(table.encoder.state)
    query, _ = encoder.encode([encoder.decode(text)])
    items = unit_rows(bundle.standardised.part("title").values)
    wanted = np.sort(items @ unit_rows(bundle.standardiser.rows("title", query))[0])[::-1][:5]
    found = Engine(bundle).search(text=text, by="vectors", k=5)
    assert np.allclose([hit.score for hit in found.items], wanted, atol=1e-5)


@pytest.mark.parametrize("model", ["content-knn", "item-knn"])
def test_items_are_compared_as_the_model_compares_them(folder, model):
    words = {} if model == "content-knn" else {"standardise": None, "how": "random-per-user"}
    bundle = train(load(folder), recipe(model=model, **words)).bundle()
    plain = Engine(bundle)
    if model == "item-knn":
        standardiser = readied(recipe(how="random-per-user"), bundle.data).standardiser
        bundle = replace(bundle, standardiser=standardiser)
    engine = Engine(bundle)
    answer = engine.similar(bundle.data.items.ids[0], 5, "content")
    parts = bundle.standardised.item_parts()
    assert {table.standardised for table in parts.values()} == {"whitening"}
    rows = np.hstack([unit_rows(parts[name].values) * parts[name].present[:, None] for name in ("photo", "title")])
    cosines = unit_rows(rows) @ unit_rows(rows)[0]
    cosines[0] = -np.inf
    assert np.allclose([hit.score for hit in answer.items], np.sort(cosines)[::-1][:5], atol=1e-5)
    for hit in answer.items:
        assert sum(reason.amount for reason in hit.reasons) == pytest.approx(hit.score, abs=1e-5)
    if model == "item-knn":
        assert [hit.score for hit in plain.similar(bundle.data.items.ids[0], 5, "content").items] != [
            hit.score for hit in answer.items
        ]


def test_amounts_of_an_explanation_add_up(folder):
    bundle = train(load(folder), recipe()).bundle()
    user = bundle.data.users.ids[0]
    best = Engine(bundle).recommend(user, 1).items[0]
    code = np.array([bundle.data.users.code(user)], np.int32)
    told = bundle.model.explain(Queries(bundle.model.liked[code], code), bundle.data.items.code(best.item_id))
    assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-4)
    assert told.score == pytest.approx(best.score, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        ({"model": "item-knn"}, ConfigError, "reads no parts: leave out 'standardise'"),
        ({"standardise": "whitning"}, UnknownNameError, "no standardiser 'whitning': did you mean 'whitening'"),
        (
            {"standardise": None, "standardise_settings": {"dim": 2}},
            ConfigError,
            "no standardiser is named: add standardise",
        ),
        ({"standardise_settings": {"shrink": 2}}, ConfigError, "shrink"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(words, error, reason):
    with pytest.raises(error, match=reason):
        recipe(**words).check()


def run(capsys, *words):
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    assert not left.value.code, captured.err
    return captured.out


def test_the_command_says_by_what(folder, tmp_path, capsys):
    words = [
        "train",
        folder,
        "--model",
        "content-knn",
        "--standardise",
        "pca",
        "--set",
        "pca.dim=3",
        "--out",
        tmp_path / "b",
    ]
    assert json.loads(run(capsys, *words, "--json"))["standardised"] == ["photo", "title"]
    assert "photo, title: standardised by pca\n" in run(capsys, *words)
    assert Bundle.open(tmp_path / "b").recipe.standardise_settings == {"dim": 3}
    assert json.loads(run(capsys, "evaluate", tmp_path / "b", "--json"))["users"] > 0
    run(capsys, "refit", tmp_path / "b", "--out", tmp_path / "live")
    assert Bundle.open(tmp_path / "live").standardiser.config.dim == 3


def test_a_name_that_two_kinds_have_is_asked_for(folder, tmp_path, capsys):
    words = ["train", str(folder), "--model", "content-knn", "--set", "pca.dim=3", "--out", str(tmp_path / "b")]
    for more, reason in (
        (["--standardise", "pca", "--align", "pca"], "may be of --standardise pca and --align pca"),
        ([], "add --standardise pca or --align pca"),
    ):
        with pytest.raises(SystemExit) as left:
            main([*words, *more])
        assert left.value.code == 2
        assert reason in " ".join(capsys.readouterr().err.split())


def test_trials_are_made_on_standardised_parts(folder, tmp_path, capsys):
    pytest.importorskip("optuna")
    words = ["tune", folder, "--model", "content-knn", "--standardise", "whitening", "--set", "whitening.shrink=0.2", "--trials", 2,
             "--how", "cold-items", "--study", tmp_path / "s"]  # fmt: skip
    assert "--standardise whitening" in " ".join(run(capsys, *words).split())
    best = Recipe.load(tmp_path / "s" / "best.toml")
    assert (best.standardise, best.standardise_settings) == ("whitening", {"shrink": 0.2})
