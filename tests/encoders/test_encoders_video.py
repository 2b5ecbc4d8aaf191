"""`video`: clips in which what is shown and when it is cut are known."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clip_files import RATE, textured, write_clip
from palate.core.errors import ConfigError
from palate.core.ids import IdMap
from palate.data import quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import BrokenInput, EmptyInput
from palate.encoders._pooling import pool, pooled_width
from palate.encoders._videos import Evenly, Watched, watch, watch_movement
from palate.encoders.colour_texture import ColourTexture
from palate.encoders.pipeline import encode_columns
from palate.encoders.video import Video

pytest.importorskip("av")


def see(path: Path, most: int = 16, longest: float = 60.0) -> Watched:
    return watch(path, 64, most, 8, longest)


def panning(step: int, count: int = 50) -> list[np.ndarray]:
    scene = textured(96, 0)
    return [np.roll(scene, step * number, axis=1) for number in range(count)]


def test_a_hard_cut_is_found_where_it_is_and_its_frame_is_kept(tmp_path: Path) -> None:
    frames = [textured(96, 0) // 2] * 42 + [255 - textured(96, 5) // 2] * 40
    found = see(write_clip(tmp_path / "a.mp4", frames), most=1)
    assert found.cuts == [pytest.approx(42 / 25, abs=0.11)]
    assert found.times == [0.0, found.cuts[0]]
    assert found.frames[0].mean() < 127 < found.frames[1].mean()


def test_a_cut_does_not_hide_the_next(tmp_path: Path) -> None:
    shades = np.repeat([20, 230, 60], 30).astype(np.uint8)  # the second change is far less of a jump than the first
    scene = textured(96, 0) // 8
    found = see(write_clip(tmp_path / "a.mp4", [scene + shade // 8 * 7 for shade in shades]))
    assert found.cuts == [pytest.approx(1.2, abs=0.11), pytest.approx(2.4, abs=0.11)]


def test_scenes_of_the_same_colours_have_a_cut_between_them(tmp_path: Path) -> None:
    first, second = textured(96, 0), textured(96, 0)[::-1, ::-1]
    found = see(write_clip(tmp_path / "a.mp4", [first] * 30 + [second] * 30))
    assert found.cuts == [pytest.approx(1.2, abs=0.11)]


def test_neither_a_flash_nor_fast_movement_nor_its_beginning_is_a_cut(tmp_path: Path) -> None:
    scene, white = textured(96, 0) // 2, np.full((96, 96, 3), 255, np.uint8)
    assert see(write_clip(tmp_path / "a.mp4", [scene] * 30 + [white] * 3 + [scene] * 30)).cuts == []
    rng = np.random.default_rng(0)
    shaken = [np.roll(scene, rng.integers(-12, 13, 2), axis=(0, 1)) for _ in range(40)]
    assert see(write_clip(tmp_path / "b.mp4", [scene] * 30 + shaken)).cuts == []


def test_frames_lie_all_over_a_short_clip_and_are_no_more_in_a_long_one(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", panning(1, 100), rate=20)
    assert see(path).times == pytest.approx(np.arange(10) * 0.5)
    assert see(path, most=20).times == pytest.approx(np.arange(20) * 0.25)
    assert see(path, most=5).times == pytest.approx(np.arange(5))
    assert see(path, most=1).times == [0]
    assert see(path, longest=1.2).times == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])


def test_a_frame_rate_that_varies_and_a_gap_leave_frames_evenly_spread(tmp_path: Path) -> None:
    ticks = [*range(25), *range(25, 100, 5), *range(200, 225)]
    pan = panning(1, 225)
    path = write_clip(tmp_path / "a.mp4", [pan[tick] for tick in ticks], ticks=ticks)
    assert see(path).times == pytest.approx([0, 0.52, 1, 1.6, 2, 2.6, 3, 3.6, 8, 8.52])
    assert see(path, most=5).times == pytest.approx([0, 1, 2, 3, 8])


def test_what_is_kept_does_not_depend_on_when_there_were_too_many() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 100, 400))
    late, direct = Evenly(9), Evenly(999, step=16.0)
    for spread in (late, direct):
        for time in times:
            if spread.wants(time):
                spread.add(time, np.zeros((1, 1, 3), np.uint8))
    assert late.step == direct.step
    assert [time for time, _ in late.chosen] == [time for time, _ in direct.chosen]


@pytest.mark.soak
def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        pictures = [textured(32, seed, 24) for seed in range(8)]
        path = tmp_path / f"{seconds}.mp4"
        write_clip(path, [pictures[second // 20 % 8] for second in range(seconds)], rate=1)
        tracemalloc.start()
        found = watch(path, 64, 16, 8, 4000.0)
        motion = watch_movement(path, 4000.0)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.end == seconds - 1 == motion.end
        assert len(found.times) <= 24
        return memory

    assert peak(3600) < peak(60) + 4_000_000


@pytest.mark.data
def test_the_cuts_of_a_real_clip(real_data: Path) -> None:
    # seen by eye
    assert see(real_data / "video" / "bikes.mp4").cuts == pytest.approx([1.2, 3.1, 5.5, 7.5, 9.7], abs=0.11)
    assert see(real_data / "video" / "bigbuckbunny.mp4").cuts == []


@pytest.mark.parametrize("pooling", ["mean", "attention", "convolution", "recurrent"])
def test_pooled_vectors_have_length_one_and_one_frame_is_enough(pooling: str) -> None:
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=(5, 8)).astype(np.float32), np.array([0.0, 1, 2, 2.5, 4])
    for some in (values, values[:1]):
        found = pool(pooling, some, times[: len(some)])  # type: ignore[arg-type]
        assert found.shape == (pooled_width(pooling, 8),)  # type: ignore[arg-type]
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    turned = pool(pooling, values[::-1], times.max() - times[::-1])  # type: ignore[arg-type]
    told = not np.allclose(turned, pool(pooling, values, times), atol=1e-3)  # type: ignore[arg-type]
    assert told == (pooling in ("convolution", "recurrent"))


def test_mean_counts_time_and_attention_passes_over_what_is_unlike() -> None:
    scene, title = np.eye(2, dtype=np.float32)
    values = np.stack([title, scene, scene, scene])
    times = np.array([0.0, 1.0, 2.0, 3.0])
    mean, attention = (pool(pooling, values, times) for pooling in ("mean", "attention"))  # type: ignore[arg-type]
    assert mean.tolist() == pytest.approx((np.array([2.5, 0.5]) / np.hypot(2.5, 0.5)).tolist())
    assert attention[1] < mean[1] / 3


def test_frames_that_cancel_out_have_no_direction() -> None:
    values = np.array([[1.0, 0], [-1, 0]], np.float32)
    assert np.isnan(pool("mean", values, np.array([0.0, 1.0]))).all()


def test_an_encoder_that_reads_something_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="'mel' reads audio"):
        Video(image="mel").fingerprint  # noqa: B018


def test_frames_go_through_any_encoder_of_pictures(tmp_path: Path) -> None:
    red, green = (np.full((48, 64, 3), shade, np.uint8) for shade in ((200, 40, 40), (40, 160, 40)))
    clips = [
        write_clip(tmp_path / f"{number}.mp4", frames)
        for number, frames in enumerate([[red] * 60, [red] * 30 + [green] * 30, [green] * 60])
    ]
    encoder = Video(image="colour-texture")
    values, present = encoder.encode([encoder.decode(clip) for clip in clips])
    assert values.shape == (3, 290) == (3, encoder.dim)
    assert present.all()
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
    likeness = values @ values.T
    assert likeness[0, 2] < min(likeness[0, 1], likeness[1, 2])
    for clip, row in zip(clips, values, strict=True):
        assert encoder.encode([encoder.decode(clip)])[0].tolist() == [row.tolist()]


@pytest.mark.slow
@pytest.mark.torch
def test_frames_go_through_a_model_of_the_hub_also_in_processes_of_their_own(tmp_path: Path) -> None:
    import hub_models

    choice = f"hf:{hub_models.clip(tmp_path / 'clip')}"
    clips = [write_clip(tmp_path / f"{seed}.mp4", [textured(64, seed)] * 30) for seed in range(3)]
    encoder = Video(image=choice, pooling="attention")
    alone = np.concatenate([encoder.encode([encoder.decode(clip)])[0] for clip in clips])
    table = pl.DataFrame({"item_id": list("abc"), "trailer": [clip.name for clip in clips]})
    catalogue = Catalogue(table, {"trailer": "video"}, root=tmp_path)
    save(Dataset(IdMap([]), IdMap("abc"), Interactions.empty(), catalogue), tmp_path / "ds")
    data, _ = encode_columns(load(tmp_path / "ds"), {"trailer": encoder})
    np.testing.assert_allclose(data.features["trailer"].values, alone, atol=1e-5)
    assert Video(image=choice).fingerprint != encoder.fingerprint != Video().fingerprint


def test_a_frame_that_its_encoder_finds_nothing_in_does_not_count(tmp_path: Path, monkeypatch) -> None:
    clip = write_clip(tmp_path / "a.mp4", [textured(64, 0)] * 30)
    encoder = Video(image="colour-texture")
    whole, _ = encoder.encode([encoder.decode(clip)])
    decode, seen = ColourTexture.decode, []

    def half(self: ColourTexture, raw: Path) -> object:
        seen.append(raw)
        if len(seen) % 2:
            raise BrokenInput("nothing")
        return decode(self, raw)

    monkeypatch.setattr(ColourTexture, "decode", half)
    values, present = encoder.encode([encoder.decode(clip)])
    assert present.all()
    np.testing.assert_allclose(values, whole, atol=1e-3)
    monkeypatch.setattr(ColourTexture, "decode", lambda self, raw: None)
    assert encoder.encode([encoder.decode(clip)])[1].tolist() == [False]


@pytest.mark.weights
def test_the_row_is_frames_and_sound(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)
    loud = write_clip(tmp_path / "a.mp4", panning(1), sound=tone)
    mute = write_clip(tmp_path / "b.mp4", panning(1))
    encoder = Video(sound="mel")
    values, present = encoder.encode([encoder.decode(loud)])
    assert present.all()
    assert values.shape == (1, 1280 + 252) == (1, encoder.dim)
    frames, sound = np.split(values[0], [1280])
    assert np.linalg.norm(frames) == pytest.approx(1, abs=1e-4)
    assert np.linalg.norm(sound) == pytest.approx(1, abs=1e-4)
    with pytest.raises(EmptyInput, match="no sound"):
        encoder.decode(mute)
    assert Video().fingerprint != encoder.fingerprint != Video(image="efficientnet-lite2").fingerprint


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.data
def test_real_clips_are_encoded_and_their_cut_off_copies_set_aside(real_data: Path, tmp_path: Path) -> None:
    clips = sorted((real_data / "video").glob("*.mp4"))
    names = []
    for clip in clips:
        content = clip.read_bytes()
        for name, share in (("whole", 1.0), ("most", 0.97), ("half", 0.5)):
            names.append(f"{clip.stem}-{name}.mp4")
            (tmp_path / names[-1]).write_bytes(content[: int(share * len(content))])
    ids = IdMap(names)
    table = pl.DataFrame({"item_id": names, "trailer": names})
    save(
        Dataset(IdMap([]), ids, Interactions.empty(), Catalogue(table, {"trailer": "video"}, root=tmp_path)),
        tmp_path / "ds",
    )
    data, (done,) = encode_columns(load(tmp_path / "ds"), {"trailer": "video"})
    part = data.features["trailer"]
    assert part.present.tolist() == ["whole" in name for name in names]
    told = quarantine.read(tmp_path / "ds")
    assert sorted(told["id"]) == sorted(name for name in names if "whole" not in name)
    assert told["reason"].str.contains("cut off|cannot be decoded").all()
    assert done.quarantined == 8
    values = part.values[part.present]
    likeness = values @ values.T
    # the two copies of one scene, one of them badly compressed, are each other's nearest
    kinds = [name for name in names if "whole" in name]
    near, far = kinds.index("carphone_distorted-whole.mp4"), kinds.index("carphone_pristine-whole.mp4")
    np.fill_diagonal(likeness, -1)
    assert likeness[near].argmax() == far
