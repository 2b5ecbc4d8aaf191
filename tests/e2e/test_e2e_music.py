"""The road of a world of music: people play tracks for their sound, and methods must hear it."""

import json

import numpy as np
import pytest

from palate.cli import _run
from palate.data.dataset import Dataset
from palate.data.folder import load
from palate.data.worlds import make
from palate.data.worlds._truth import Truth
from palate.data.worlds.music import Music
from palate.encoders.mel import Mel
from palate.encoders.pipeline import encode
from palate.encoders.tf_idf import TfIdf
from palate.models import ContentKNN, VectorSpace
from planted import interval, only, recall, shuffled

pytestmark = pytest.mark.xdist_group("e2e_music")

SEEDS = range(3)
SIZE = {"n_items": 240, "n_users": 200, "n_events": 6_000, "track_seconds": 1.5, "cover_size": 32}
LOUD = {"sound_taste": 4, "cover_taste": 0, "hidden_taste": 0, "popularity": 0.2}
"""What is liked hangs on the sound alone, and no few tracks decide a recall."""
MODELS = {"vector-space": VectorSpace, "content-knn": ContentKNN}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> list[Dataset]:
    folder = tmp_path_factory.mktemp("music")
    made = [make(Music(**SIZE, **LOUD, seed=seed), folder / str(seed)).path for seed in SEEDS]
    return [encode(load(path), sound=Mel(), title=TfIdf(dim=16)) for path in made]


@pytest.mark.parametrize("name", MODELS)
def test_the_sound_of_tracks_that_nobody_has_met_says_who_will_play_them(worlds, name):
    def measured(data: Dataset) -> float:
        return recall(MODELS[name](), data, "cold-items")

    worth, loss, cost, left = [], [], [], []
    for seed, data in zip(SEEDS, worlds, strict=True):
        whole, sound, title = measured(data), measured(only(data, "sound")), measured(only(data, "title"))
        mixed = measured(shuffled(data, "sound", seed))
        worth.append(whole - title)
        loss.append(whole - mixed)
        left.append(mixed - title)
        cost.append(whole - sound)
    assert interval(worth)[0] > 0.05, f"removing the sound must hurt: {interval(worth)}"
    assert interval(loss)[0] > 0.05, f"shuffling the sound must lose the gain: {interval(loss)}"
    assert abs(np.mean(left)) < 0.06, f"a shuffled sound must be worth nothing: {interval(left)}"
    assert np.mean(cost) < 0.03, f"removing the title must not hurt: {interval(cost)}"


def test_mel_hears_instrument_and_register_well_beat_and_tempo_in_part_and_the_mode_hardly(worlds):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.preprocessing import StandardScaler

    heard: dict[str, list[float]] = {}
    for data in worlds[:2]:
        sound = StandardScaler().fit_transform(data.features["sound"].values)
        for name, values in Truth.load(data.root).attributes["sound"].items():
            right = cross_val_score(LogisticRegression(C=0.05, max_iter=200), sound, values, cv=3).mean()
            chance = 1 / len(set(values))
            heard.setdefault(name, []).append((right - chance) / (1 - chance))
    share = {name: float(np.mean(values)) for name, values in heard.items()}
    assert min(share["instrument"], share["register"]) > 0.6, share
    assert 0.15 < min(share["beat"], share["tempo"]) <= max(share["beat"], share["tempo"]) < 0.7, share
    assert share["mode"] < 0.3, share


def test_the_road_from_the_command_line(tmp_path, capsys):
    def call(*words: str) -> dict:
        capsys.readouterr()
        code = _run([*words, "--json"], debug=False)
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    folder, bundle = str(tmp_path / "music"), str(tmp_path / "music.palate")
    sizes = [word for name, value in SIZE.items() for word in ("--set", f"{name}={value}")]
    made = call("data", "world", "music", folder, *sizes, "--set", "silent=0.04", "--set", "truncated=0.04")
    assert made["worth"]["sound"] > made["worth"]["cover"] > made["worth"]["chance"]
    (sound,) = call("encode", folder, "--audio", "mel")["rows"]
    assert (sound["part"], sound["present"]) == ("sound", 220)
    rows = call("compare", folder, "--models", "popularity,content-knn", "--how", "cold-items")["rows"]
    found = {row["model"]: row["metrics"]["recall@20"] for row in rows}
    assert found["popularity"] == 0 < found["content-knn"]
    call("train", folder, "--model", "content-knn", "--out", bundle)
    assert len(call("recommend", bundle, "--user", "u001", "-k", "5")["items"]) == 5
    assert len(call("similar", bundle, "--item", "p001")["items"]) > 0
