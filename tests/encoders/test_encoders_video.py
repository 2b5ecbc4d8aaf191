"""`video`: clips in which what moves, when it is cut and what is shown are known."""

from __future__ import annotations

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
from palate.encoders._motion import STATISTICS, block_flow, statistics
from palate.encoders._pooling import pool, pooled_width
from palate.encoders._videos import Watched, watch
from palate.encoders.pipeline import encode_columns
from palate.encoders.video import Video

pytest.importorskip("av")


def see(path: Path, side: int = 64, most: int = 16, every: float = 1.0, longest: float = 60.0) -> Watched:
    return watch(path, side, most, every, 8, longest)


def panning(step: int, count: int = 50) -> list[np.ndarray]:
    return [np.roll(textured(96, 0), step * number, axis=1) for number in range(count)]


def test_a_pan_moves_as_fast_as_it_does(tmp_path: Path) -> None:
    # 1 of 96 pixels a frame, 25 a second: 26 % of the width a second
    right = see(write_clip(tmp_path / "a.mp4", panning(1)))
    left = see(write_clip(tmp_path / "b.mp4", panning(-1)))
    still = see(write_clip(tmp_path / "c.mp4", panning(0)))
    assert np.median([entry.right for entry in right.looks]) == pytest.approx(25 / 96, rel=0.15)
    assert np.median([entry.right for entry in left.looks]) == pytest.approx(-25 / 96, rel=0.15)
    assert np.median([abs(entry.down) for entry in right.looks]) < 0.03
    assert max(entry.speed for entry in still.looks) < 0.02
    assert not right.cuts + left.cuts + still.cuts


def test_flow_is_found_to_a_fraction_of_a_pixel() -> None:
    fine = textured(768, 3).mean(axis=2).astype(np.float32) / 255
    shifted = np.roll(fine, (-12, 20), axis=(0, 1))  # of 8 times 96 pixels: 2.5 to the right, 1.5 up
    earlier, later = (picture.reshape(96, 8, 96, 8).mean(axis=(1, 3)) for picture in (fine, shifted))
    flow, weight, _ = block_flow(earlier, later)
    assert (weight > 0).all()
    np.testing.assert_allclose(np.median(flow, axis=0) * 96, [2.5, -1.5], atol=0.3)


def test_a_moving_square_moves_alone(tmp_path: Path) -> None:
    frames = []
    for number in range(30):
        frame = np.full((96, 96, 3), 90, np.uint8)
        frame[30:50, 5 + 2 * number : 25 + 2 * number] = textured(24, 1)[:20, :20]
        frames.append(frame)
    looks = see(write_clip(tmp_path / "a.mp4", frames)).looks
    assert np.median([entry.right for entry in looks]) == pytest.approx(50 / 96, rel=0.2)
    assert 0 < np.mean([entry.moving for entry in looks]) < 0.6


def test_a_hard_cut_is_found_where_it_is_and_its_frame_is_kept(tmp_path: Path) -> None:
    frames = [textured(96, 0) // 2] * 42 + [255 - textured(96, 5) // 2] * 40
    found = see(write_clip(tmp_path / "a.mp4", frames), every=10.0)
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


def test_pixels_that_are_not_square_are_set_right(tmp_path: Path) -> None:
    import av

    picture = np.zeros((96, 96, 3), np.uint8)
    picture[:, 24:72] = 255  # shown twice as wide as it is stored, the centre square is all white
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        track = container.add_stream("libx264", rate=10, width=96, height=96, pix_fmt="yuv420p")
        track.codec_context.sample_aspect_ratio = 2
        container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(track.encode(None))
    frame = see(tmp_path / "a.mp4").frames[0]
    assert frame.shape == (64, 64, 3)
    assert (frame[:, 3:-3] > 200).all()


@pytest.mark.data
def test_the_cuts_of_a_real_clip(real_data: Path) -> None:
    # seen by eye
    assert see(real_data / "video" / "bikes.mp4").cuts == pytest.approx([1.2, 3.1, 5.5, 7.5, 9.7], abs=0.11)
    assert see(real_data / "video" / "bigbuckbunny.mp4").cuts == []


def test_frames_are_taken_twice_as_seldom_where_there_are_too_many(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", panning(1, 100))
    assert see(path, every=0.4).times == pytest.approx(np.arange(10) * 0.4)
    assert see(path, most=5, every=0.4).times == pytest.approx([0, 0.8, 1.6, 2.4, 3.2])
    assert see(path, most=1, every=0.4).times == [0]
    assert see(path, every=0.4, longest=1.2).times == pytest.approx([0, 0.4, 0.8])


def test_a_frame_rate_that_varies_changes_only_where_frames_are(tmp_path: Path) -> None:
    ticks = [*range(25), *range(25, 100, 5)]
    found = see(write_clip(tmp_path / "a.mp4", [panning(1, 100)[tick] for tick in ticks], ticks=ticks), every=0.8)
    assert found.times == pytest.approx([0, 0.8, 1.6, 2.4, 3.2])
    assert np.median([entry.right for entry in found.looks]) == pytest.approx(25 / 96, rel=0.15)


def test_a_stream_without_times_has_one_frame_after_another(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.h264", panning(1))
    found = see(tmp_path / "a.h264")
    assert found.times == pytest.approx([0, 1])


def test_a_noted_turn_is_applied(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :32] = (255, 0, 0)  # upper left; a quarter clockwise brings it to the upper right
    content = bytearray(write_clip(tmp_path / "a.mp4", [picture] * 5).read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # version 0: the matrix begins 40 bytes after version and flags
    whole, none = (0x10000).to_bytes(4, "big"), bytes(4)
    minus = (-0x10000).to_bytes(4, "big", signed=True)
    content[at : at + 36] = b"".join(
        [none, whole, none, minus, none, none, (64 << 16).to_bytes(4, "big"), none, b"\x40\0\0\0"]
    )
    (tmp_path / "b.mp4").write_bytes(content)
    plain, turned = (see(tmp_path / name).frames[0].astype(int) for name in ("a.mp4", "b.mp4"))
    assert plain[5, 5, 0] > 200 > plain[5, -5, 0]
    assert turned[5, -5, 0] > 200 > turned[5, 5, 0]


def test_one_frame_is_a_video_that_does_not_move(tmp_path: Path) -> None:
    found = see(write_clip(tmp_path / "a.mp4", panning(0, 1)))
    assert (len(found.frames), found.looks, found.cuts) == (1, [], [])
    assert not statistics(found.looks, found.cuts, 0.0).any()


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9, 0.995])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_file_that_is_cut_off_is_broken(name: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 96, 96, 3), dtype=np.uint8)
    whole = write_clip(tmp_path / name, list(noise)).read_bytes()
    assert see(tmp_path / name).end == pytest.approx(59 / 25, abs=0.05)
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BrokenInput, match=r"cut off|cannot be decoded"):
        see(tmp_path / name)


def test_a_film_whose_index_comes_first_is_cut_off_too(tmp_path: Path) -> None:
    import av

    write_clip(tmp_path / "a.mp4", panning(1))
    with (
        av.open(str(tmp_path / "a.mp4")) as source,
        av.open(str(tmp_path / "b.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    whole = (tmp_path / "b.mp4").read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    see(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").write_bytes(whole[:-9])
    with pytest.raises(BrokenInput, match="9 bytes are missing"):
        see(tmp_path / "b.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        track = container.add_stream("aac", rate=RATE, layout="mono")
        for start in range(0, RATE, 1024):
            block = av.AudioFrame.from_ndarray(np.ones((1, 1024), np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts = RATE, start
            container.mux(track.encode(block))
        container.mux(track.encode(None))
    with pytest.raises(EmptyInput, match="sound and no picture"):
        see(tmp_path / "a.mp4")


def test_huge_frames_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", panning(0, 2))
    monkeypatch.setattr("palate.encoders._videos.MAX_PIXELS", 96 * 96 - 1)
    with pytest.raises(BrokenInput, match="96 × 96 pixels"):
        see(path)


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


@pytest.mark.weights
def test_the_row_is_frames_movement_and_sound(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)
    loud = write_clip(tmp_path / "a.mp4", panning(1), sound=tone)
    mute = write_clip(tmp_path / "b.mp4", panning(1))
    encoder = Video(sound="mel", motion=2.0)
    values, present = encoder.encode([encoder.decode(loud)])
    assert present.all()
    assert values.shape == (1, 1280 + len(STATISTICS) + 252) == (1, encoder.dim)
    frames, movement, sound = np.split(values[0], [1280, 1280 + len(STATISTICS)])
    assert np.linalg.norm(frames) == pytest.approx(1, abs=1e-4)
    assert np.linalg.norm(sound) == pytest.approx(1, abs=1e-4)
    assert 0 < np.linalg.norm(movement) <= 2
    with pytest.raises(EmptyInput, match="no sound"):
        encoder.decode(mute)
    assert Video().fingerprint != encoder.fingerprint != Video(image="efficientnet-lite2").fingerprint


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


def test_no_more_frames_are_kept_of_a_long_video(tmp_path: Path) -> None:
    found = see(write_clip(tmp_path / "a.mp4", panning(1, 400)), most=4, every=0.2)
    assert len(found.frames) <= 4
    assert sum(frame.nbytes for frame in found.frames) <= 4 * 64 * 64 * 3
