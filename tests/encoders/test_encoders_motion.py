"""`motion`: clips in which what moves is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clip_files import textured, write_clip
from palate.encoders import EmptyInput
from palate.encoders._motion import STATISTICS, block_flow
from palate.encoders._videos import Movement, watch_movement
from palate.encoders.motion import Motion

pytest.importorskip("av")


def move(path: Path) -> Movement:
    return watch_movement(path, 60.0)


def panning(step: int, count: int = 50) -> list[np.ndarray]:
    scene = textured(96, 0)
    return [np.roll(scene, step * number, axis=1) for number in range(count)]


def test_a_pan_moves_as_fast_as_it_does(tmp_path: Path) -> None:
    # 1 of 96 pixels a frame, 25 a second: 26 % of the width a second
    right = move(write_clip(tmp_path / "a.mp4", panning(1)))
    left = move(write_clip(tmp_path / "b.mp4", panning(-1)))
    still = move(write_clip(tmp_path / "c.mp4", panning(0)))
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
    looks = move(write_clip(tmp_path / "a.mp4", frames)).looks
    assert np.median([entry.right for entry in looks]) == pytest.approx(50 / 96, rel=0.2)
    assert 0 < np.mean([entry.moving for entry in looks]) < 0.6


def test_a_frame_rate_that_varies_changes_no_speed(tmp_path: Path) -> None:
    ticks = [*range(25), *range(25, 100, 5)]
    found = move(write_clip(tmp_path / "a.mp4", [panning(1, 100)[tick] for tick in ticks], ticks=ticks))
    assert np.median([entry.right for entry in found.looks]) == pytest.approx(25 / 96, rel=0.15)


def test_the_numbers_tell_a_pan_from_a_still_scene_and_a_cut(tmp_path: Path) -> None:
    still, pan, cut = (
        dict(zip(STATISTICS, Motion().decode(write_clip(tmp_path / f"{number}.mp4", frames)).tolist(), strict=True))
        for number, frames in enumerate([panning(0), panning(1), [textured(96, 0)] * 25 + [textured(96, 1)] * 25])
    )
    assert still["speed"] < 0.05 < 0.3 < pan["speed"]
    assert pan["right"] > 0.3 > abs(still["right"])
    assert pan["share moving"] > 0.7 > 0.1 > still["share moving"]
    assert cut["cuts"] > 0.3 > 0 == pan["cuts"] == still["cuts"]
    assert cut["speed"] < 0.05  # what is seen at a cut has not moved


def test_a_single_frame_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput, match="too short for anything to be seen moving"):
        Motion().decode(write_clip(tmp_path / "a.mp4", panning(0, 1)))
