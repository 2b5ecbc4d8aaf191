import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.data.folder import load
from palate.data.worlds import make, registry
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._motions import MOTIONS, poses
from palate.data.worlds._scenes import SCENES, set_scene
from palate.data.worlds._truth import Truth
from palate.data.worlds.short_video import Clips, ShortVideo, ShortVideoConfig
from palate.encoders.mel import Mel
from palate.encoders.pipeline import encode

pytestmark = pytest.mark.xdist_group("data_worlds_short_video")

av = pytest.importorskip("av", reason="clips need the media extra")

SMALL = {"n_items": 40, "n_users": 40, "n_events": 300, "clip_seconds": 0.5, "clip_size": 32}
FAULTY = {"missing": 0.1, "lost": 0.1, "truncated": 0.1, "misnamed": 0.1, "silent": 0.1, "missing_text": 0.05}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("worlds") / "clips"
    return folder, ShortVideo(**SMALL).write(folder)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def frames_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]).astype(float)


def test_equal_settings_give_equal_bytes_and_another_seed_does_not(world, tmp_path):
    first = digests(world[0])
    ShortVideo(**SMALL).write(tmp_path / "again")
    assert digests(tmp_path / "again") == first
    ShortVideo(**SMALL, seed=1).write(tmp_path / "other")
    other = digests(tmp_path / "other")
    assert sorted(other) == sorted(first)
    assert [name for name in first if first[name] == other[name]] == []


def test_clips_have_pictures_and_a_sound_track(world):
    folder, truth = world
    table = pl.read_csv(folder / "items.csv")
    assert table.null_count().sum_horizontal().item() == 0
    for path in table["clip"][:5]:
        with av.open(str(folder / path)) as file:
            assert (len(file.streams.video), len(file.streams.audio)) == (1, 1)
        assert frames_of(folder / path).shape == (4, 32, 32, 3)
    assert set(truth.attributes) == {"picture", "motion", "sound", "caption"}


def test_what_is_more_to_the_taste_is_watched_longer_and_liked(world):
    folder, truth = world
    events = pl.read_csv(folder / "events.csv")
    user = [truth.users.index(name) for name in events["user_id"]]
    item = [truth.items.index(name) for name in events["item_id"]]
    for name in ("picture", "motion", "sound"):
        taste = np.einsum("nd,nd->n", truth.tastes[name][user], truth.traits[name][item])
        assert np.corrcoef(taste, events["weight"])[0, 1] > 0.1, name
    likes = events.filter(pl.col("kind") == "like")
    assert 0 < likes.height < events.height / 2
    assert likes["weight"].min() > 1.8
    assert events.filter(pl.col("kind") == "watch")["weight"].is_between(0.01, 1).all()


def test_scene_movement_and_sound_have_a_share_each_and_the_caption_a_small_one():
    config = ShortVideoConfig(n_items=300, n_users=300, n_events=5_000)
    worth = Crowd(config, Clips(config)).worth()
    gain = {name: worth[name] - worth["chance"] for name in ("picture", "motion", "sound", "caption")}
    assert min(gain["picture"], gain["motion"], gain["sound"]) > 2 * gain["caption"] > 0
    assert worth["everything"] > 1.5 * max(worth["picture"], worth["motion"], worth["sound"])


def test_movements_differ_in_how_much_changes_and_only_the_course_of_the_frames_tells(tmp_path):
    look = {"scene": "hills", "tint": "blue"}
    change, at_rest = {}, {}
    for motion in MOTIONS["motion"]:
        stage = set_scene(look, np.random.default_rng(0), 64)
        frames = np.stack(
            [np.asarray(stage.frame(pose), float) for pose in poses(motion, 16, np.random.default_rng(1))]
        )
        change[motion] = np.abs(np.diff(frames, axis=0)).mean()
        at_rest[motion] = frames.mean(axis=(0, 1, 2))
    assert change["still"] == 0
    assert min(change["across"], change["bounce"], change["grow"]) > 0.5
    assert min(change["shake"], change["pan"]) > max(change["across"], change["grow"])
    assert max(np.abs(at_rest[motion] - at_rest["still"]).max() for motion in at_rest) < 25


def test_scenes_differ_more_than_one_scene_from_itself():
    def picture(scene: str, seed: int) -> np.ndarray:
        ground = set_scene({"scene": scene, "tint": "green"}, np.random.default_rng(seed), 48).ground.astype(float)
        steps = [np.abs(np.diff(ground, axis=axis)).mean() for axis in (0, 1)]
        return np.array([*ground.reshape(2, 24, 48, 3).mean(axis=(1, 2, 3)), *steps])

    seen = {scene: np.stack([picture(scene, seed) for seed in range(8)]) for scene in SCENES["scene"]}
    centres = np.stack([rows.mean(axis=0) for rows in seen.values()])
    right = [
        np.argmin(np.linalg.norm(centres - row, axis=1)) == place
        for place, rows in enumerate(seen.values())
        for row in rows
    ]
    assert np.mean(right) > 0.7


def test_what_was_broken_on_purpose_is_absent_and_a_clip_without_a_track_is_silent(tmp_path):
    made = make(ShortVideo(**SMALL, **FAULTY), tmp_path / "clips")
    counts = {fault: len(of["clip"]) for fault, of in made.truth.faults.items() if "clip" in of}
    assert counts == {**dict.fromkeys(("missing", "lost", "truncated", "misnamed", "silent"), 4), "mismatched": 0}
    data = load(made.path)
    assert data.positive.rule == "weight>=0.5"
    part = encode(data, **{"clip.sound": Mel()}).features["clip.sound"]
    assert np.array_equal(part.present, made.truth.whole("clip.sound"))
    assert made.truth.whole("clip").sum() == part.present.sum() + 4 == 28


def test_the_registry_knows_it():
    assert registry.names() == ["music", "shop", "short-video"]
    assert registry.get("short-video") is ShortVideo
