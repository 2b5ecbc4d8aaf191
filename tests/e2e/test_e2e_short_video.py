"""The road of a world of short videos: scene, movement and sound each decide, and each must be found in the clips."""

import json

import numpy as np
import pytest

from glances import Course, Look
from palate.cli import _run
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.folder import load
from palate.data.worlds import make
from palate.data.worlds.short_video import ShortVideo
from palate.encoders.mel import Mel
from palate.encoders.motion import Motion
from palate.encoders.pipeline import encode
from palate.encoders.tf_idf import TfIdf
from palate.encoders.video import Video
from palate.models import ContentKNN, VectorSpace
from planted import BARE, interval, only, recall, shuffled

pytestmark = pytest.mark.xdist_group("e2e_short_video")

pytest.importorskip("av", reason="clips need the media extra")

SEEDS = range(3)
SIZE = {"n_items": 200, "n_users": 200, "n_events": 5_000, "clip_seconds": 1.0, "clip_size": 48}
PART = {"picture": "look", "motion": "course", "sound": "clip.sound"}
MODELS = {"vector-space": VectorSpace, "content-knn": ContentKNN}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> dict[str, list[Dataset]]:
    """Datasets by what carries the taste, one a seed; clips are made and encoded once a seed, since they are the same for all."""
    folder = tmp_path_factory.mktemp("clips")

    def parts(data: Dataset) -> dict[str, FeatureTable]:
        seen = {encoder.name: encode(data, clip=encoder).features["clip"] for encoder in (Look(), Course())}
        return {**seen, **encode(data, caption=TfIdf(dim=16), **{"clip.sound": Mel()}).features}

    encoded: dict[int, dict[str, FeatureTable]] = {}

    def world(modality: str, seed: int) -> Dataset:
        tastes = {f"{name}_taste": 4.0 * (name == modality) for name in (*PART, "caption", "hidden")}
        scenario = ShortVideo(**SIZE, **tastes, **(BARE if seed in encoded else {}), popularity=0.2, seed=seed)
        data = load(make(scenario, folder / f"{modality}{seed}").path)
        if seed not in encoded:
            encoded[seed] = {name: table for name, table in parts(data).items() if name != "clip"}
        return data.with_features(**encoded[seed])

    return {modality: [world(modality, seed) for seed in SEEDS] for modality in PART}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("modality", PART)
def test_what_carries_the_taste_is_found_in_clips_that_nobody_has_met(worlds, modality, name):
    def measured(data: Dataset) -> float:
        return recall(MODELS[name](), data, "cold-items")

    part, worth, loss, cost, left = PART[modality], [], [], [], []
    for seed, data in zip(SEEDS, worlds[modality], strict=True):
        whole, without = measured(data), measured(data.without_features(part))
        mixed = measured(shuffled(data, part, seed))
        worth.append(whole - without)
        loss.append(whole - mixed)
        left.append(mixed - without)
        cost.append(whole - measured(data.without_features("caption")))
    assert interval(worth)[0] > 0.03, f"removing the {part} must hurt: {interval(worth)}"
    assert interval(loss)[0] > 0.03, f"shuffling the {part} must lose the gain: {interval(loss)}"
    assert abs(np.mean(left)) < 0.06, f"a shuffled {part} must be worth nothing: {interval(left)}"
    assert np.mean(cost) < 0.03, f"removing the caption must not hurt: {interval(cost)}"


def test_the_road_from_the_command_line(tmp_path, capsys):
    def call(*words: str) -> dict:
        capsys.readouterr()
        code = _run([*words, "--json"], debug=False)
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    folder, bundle = str(tmp_path / "clips"), str(tmp_path / "clips.palate")
    sizes = {**SIZE, "n_items": 100, "n_users": 80, "n_events": 1_200, "silent": 0.04, "truncated": 0.04}
    asked = [word for name, value in sizes.items() for word in ("--set", f"{name}={value}")]
    made = call("data", "world", "short-video", folder, *asked)
    assert min(made["worth"][name] for name in PART) > made["worth"]["caption"] > made["worth"]["chance"]
    done = call("encode", folder, "--column", "clip.sound=mel", "--column", "caption=tf-idf")["rows"]
    assert {row["part"]: row["present"] for row in done} == {"clip.sound": 92, "caption": 100}
    rows = call("compare", folder, "--models", "popularity,content-knn", "--how", "cold-items")["rows"]
    found = {row["model"]: row["metrics"]["recall@20"] for row in rows}
    assert found["popularity"] == 0 < found["content-knn"]
    call("train", folder, "--model", "content-knn", "--set", "parts=[clip.sound]", "--out", bundle)
    assert len(call("recommend", bundle, "--user", "u01", "-k", "5")["items"]) == 5


@pytest.mark.soak
@pytest.mark.weights
@pytest.mark.parametrize("name", MODELS)
def test_the_encoders_of_videos_see_scene_and_movement(worlds, name):
    """Scene by the frames alone; movement also where it stands beside them, since it is a part of its own."""
    for seed in SEEDS[:2]:
        parts = encode(worlds[next(iter(PART))][seed], clip=Video(), **{"clip.motion": Motion()}).features
        for modality, part in (("picture", "clip"), ("motion", "clip.motion")):
            data = worlds[modality][seed].with_features(**parts)
            seen = only(data, "clip") if part == "clip" else only(data, "clip", "clip.motion")
            found, mixed = (recall(MODELS[name](), table, "cold-items") for table in (seen, shuffled(seen, part, seed)))
            assert found > mixed + 0.2, f"{modality}, seed {seed}: {found:.3f} and, shuffled, {mixed:.3f}"


@pytest.mark.slow
def test_encoding_videos_makes_movement_a_part_of_its_own_that_is_heard(tmp_path, capsys):
    tastes = {f"{name}_taste": 4.0 * (name == "motion") for name in (*PART, "caption", "hidden")}
    world = ShortVideo(**{**SIZE, "n_items": 100, "n_users": 100, "n_events": 2_000}, **tastes, popularity=0.2)
    folder = make(world, tmp_path / "clips").path
    video = ["encode", str(folder), "--video", "video", "--set", "clip.image=colour-texture", "--set", "clip.frames=2"]
    capsys.readouterr()
    assert _run([*video, "--json"], debug=False) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    parts = [(row["part"], row["encoder"], row["dim"], row["present"]) for row in rows]
    assert parts == [("clip", "video", 290, 100), ("clip.motion", "motion", 14, 100)]
    data = load(folder)
    both, frames = (recall(VectorSpace(), some, "cold-items") for some in (data, only(data, "clip")))
    assert both > frames + 0.2
    assert _run(["encode", str(folder), "--video", "motion", "--json"], debug=False) == 0
    assert [row["part"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["clip"]
