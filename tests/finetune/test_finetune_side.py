"""A side network over the hidden states of tiny random hub models: read once, kept, learned on, and applied to what is new."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import hub_models  # noqa: E402
import palate  # noqa: E402
from buried import KINDS, buried  # noqa: E402
from palate.core.errors import ConfigError  # noqa: E402
from palate.data.catalogue import Catalogue  # noqa: E402
from palate.data.folder import load, save  # noqa: E402
from palate.encoders import named, restore  # noqa: E402
from palate.encoders._changes import Side as Beside  # noqa: E402
from palate.encoders._states import States, halved, layered  # noqa: E402
from palate.encoders.hf_image import HFImage  # noqa: E402
from palate.encoders.hf_text import HFText  # noqa: E402
from palate.encoders.pipeline.states import states_of  # noqa: E402
from palate.finetune import fine_tune, registry  # noqa: E402
from palate.nn.network import Weights  # noqa: E402
from palate.training import loop  # noqa: E402

pytestmark = pytest.mark.torch
WORDS = ("red", "blue", "tea", "lamp")
FILLERS = ("mug", "for", "wooden", "chair", "cat", "dog", "passage", "query")
FEW = {"epochs": 4, "hidden": 8, "lr": 0.01, "batch_size": 64, "dropout": 0.0, "every": 1}


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return hub_models.bert(tmp_path_factory.mktemp("hub") / "bert")


def shop(folder: Path, bert: Path):
    """Sixty things whose kind one word of five tells, in a dataset folder, encoded by the tiny BERT."""
    data, rng = buried(n_items=60, n_users=40, each=8), np.random.default_rng(2)
    kind = np.zeros(60, int)
    kind[data.interactions.item] = data.interactions.user % KINDS
    titles = [" ".join([*rng.choice(FILLERS, 4), WORDS[each], str(place % 7)]) for place, each in enumerate(kind)]
    table = data.catalogue.table.with_columns(pl.Series("title", titles))
    save(replace(data, catalogue=Catalogue(table, {"title": "text"}), features={}), folder)
    palate.encode(load(folder), title=HFText(model=str(bert)))
    return load(folder)


@pytest.fixture(scope="module")
def data(bert, tmp_path_factory):
    return shop(tmp_path_factory.mktemp("side") / "shop", bert)


def taught(data, **settings):
    return fine_tune(data, "title", registry.get("side")(**{**FEW, **settings}), "cold-items")


@pytest.fixture(scope="module")
def found(data):
    return taught(data, epochs=20)


def read(monkeypatch, kind=HFText):
    """Count the inputs that the network is run on."""
    counted, runs = [], kind._read
    monkeypatch.setattr(
        kind, "_read", lambda self, batch, layers=False: (counted.append(len(batch)), runs(self, batch, layers))[1]
    )
    return counted


def test_the_model_is_run_once_for_each_content_and_never_for_learning(data, bert, tmp_path, monkeypatch):
    fresh = shop(tmp_path / "shop", bert)
    counted = read(monkeypatch)
    taught(fresh)
    contents = len(set(fresh.catalogue.table["title"]))
    assert contents <= sum(counted) <= contents + 2  # and a short text, to see how wide its layers are
    counted.clear()
    monkeypatch.setattr(HFText, "_loaded", property(lambda self: pytest.fail("the model was loaded")))
    taught(fresh, epochs=2, every=2)
    assert counted == []
    states = sorted((fresh.root / "features" / ".states" / "title").glob("*/chunk-*.safetensors"))
    from safetensors.numpy import load_file

    assert load_file(states[0])["values"].dtype == np.float16
    assert "title.tuned" not in load(fresh.root).features


def test_only_new_contents_are_run_later(data, bert, tmp_path, monkeypatch):
    fresh = shop(tmp_path / "shop", bert)
    encoder = restore(fresh.features["title"].encoder)
    states_of(fresh, "title", encoder)
    titles = fresh.catalogue.table["title"].to_list()
    table = fresh.catalogue.table.with_columns(pl.Series("title", ["a new cat", *titles[1:]]))
    counted = read(monkeypatch)
    behind = states_of(replace(fresh, catalogue=Catalogue(table, {"title": "text"})), "title", encoder)
    assert counted == [1]
    alone = encoder.with_states([encoder.decode("a new cat")])[1]
    np.testing.assert_allclose(behind(np.array([0])), halved(alone), atol=2e-3)


def test_taste_is_found_behind_the_layers(found):
    assert found.after.metrics["recall@20"] > found.before.metrics["recall@20"] + 0.1
    assert found.tuning.change.layers == (0, 1, 2)


def test_before_the_first_step_nothing_is_changed(data, monkeypatch):
    monkeypatch.setattr(loop, "_epoch", lambda *_: {})
    assert np.array_equal(taught(data, epochs=1).table.values, data.features["title"].values)


def test_the_network_and_what_applies_it_say_the_same():
    weights, change = Weights(np.random.default_rng(0)), Beside(6, 3, 5, (0, 2, 4))
    network = change.built(weights)
    rng = np.random.default_rng(1)
    learned = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in weights.arrays().items()}
    weights.load(learned)
    rows, states = rng.normal(size=(7, 6)).astype(np.float32), rng.normal(size=(7, 3, 5)).astype(np.float32)
    with torch.no_grad():
        made = network(torch.from_numpy(rows), torch.from_numpy(states)).numpy()
    np.testing.assert_allclose(made, change.applied(learned, rows, states), atol=1e-4)


def test_a_new_text_gets_the_vector_that_an_item_of_it_has(found, data, tmp_path):
    encoder = named(f"tuned:{found.save(tmp_path / 'out')}", "text")
    titles = data.catalogue.table["title"].to_list()[:6]
    values, present = encoder.encode([encoder.decode(title) for title in titles])
    assert present.all()
    np.testing.assert_allclose(values, found.table.values[:6], atol=2e-3)
    assert np.abs(values - data.features["title"].values[:6]).max() > 0.05
    again = restore(found.table.encoder)
    assert again.fingerprint == named(f"tuned:{tmp_path / 'out'}", "text").fingerprint
    assert again.encode([None])[1].tolist() == [False]


def test_a_bundle_searches_by_it(found, data, tmp_path, palate):
    found.save(tmp_path / "out")
    found.keep(data)
    how = ["--how", "cold-items", "--parts", "title.tuned"]
    code, _, error = palate("train", data.root, "--model", "content-knn", *how, "--out", tmp_path / "b.palate")
    assert (code, error) == (0, "")
    code, out, error = palate("search", tmp_path / "b.palate", "--text", "red", "-k", "3", "--json")
    assert (code, error) == (0, "")
    assert "item_id" in out


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5", "clip", "siglip"])
def test_states_of_texts_end_where_vectors_begin(name, tmp_path):
    encoder = HFText(model=str(getattr(hub_models, name)(tmp_path / name)))
    decoded = [encoder.decode(text) for text in ("red mug", "a lamp for the blue chair : 1 2 3", "tea")]
    vectors, states = encoder.with_states(decoded)
    np.testing.assert_allclose(vectors, encoder.encode(decoded)[0], atol=1e-6)
    assert states.shape == (3, *encoder.shape_of_states())
    alone = np.concatenate([encoder.with_states([one])[1] for one in decoded])
    np.testing.assert_allclose(alone, states, atol=1e-4)
    if name in ("bert", "gpt2", "t5"):  # the others project what is behind the last layer
        last = states[:, -1] / np.linalg.norm(states[:, -1], axis=1, keepdims=True)
        np.testing.assert_allclose(last, vectors, atol=1e-5)


@pytest.mark.parametrize("name", ["clip", "siglip", "dinov2", "vit"])
def test_states_of_pictures_come_with_the_vectors(name, tmp_path):
    from PIL import Image

    encoder = HFImage(model=str(getattr(hub_models, name)(tmp_path / name)))
    for number in range(3):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(
            tmp_path / f"{number}.png"
        )
    decoded = [encoder.decode(tmp_path / f"{number}.png") for number in range(3)]
    vectors, states = encoder.with_states(decoded)
    np.testing.assert_allclose(vectors, encoder.encode(decoded)[0], atol=1e-6)
    assert states.shape == (3, *encoder.shape_of_states())
    assert np.abs(states[0] - states[1]).max() > 1e-3


def test_encoders_without_states_are_told_with_those_that_have_some(data, tmp_path):
    with pytest.raises(ConfigError, match=r"'use' has no hidden states: those of hf-image, hf-text have some"):
        layered(named("use", "text"))
    ready = data.with_features(title=replace(data.features["title"], encoder=None))
    with pytest.raises(ConfigError, match="'title' is ready-made"):
        taught(ready)
    flat = HFImage(model=str(hub_models.resnet(tmp_path / "resnet")))
    with pytest.raises(ConfigError, match=r"the layers of .* are 8, 8, 16 numbers wide"):
        States(flat).dim  # noqa: B018  it looks
