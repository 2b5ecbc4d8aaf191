"""Regions: boxes whose place is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from palate.core.errors import DataError
from palate.encoders._pictures import read_square
from palate.encoders.alignment import Regions, View, align_regions, grid_boxes, match_regions, move_boxes


@given(st.integers(1, 6), st.integers(1, 6), st.floats(0, 0.9))
def test_boxes_cover_all_and_overlap_as_asked(rows: int, columns: int, overlap: float) -> None:
    boxes = grid_boxes(rows, columns, overlap)
    assert boxes.shape == (rows * columns, 4)
    assert boxes.min() == 0
    assert boxes[:, 2:].max(axis=0) == pytest.approx([1, 1])
    if columns > 1:
        width = boxes[0, 2] - boxes[0, 0]
        assert (boxes[0, 2] - boxes[1, 0]) / width == pytest.approx(overlap, abs=1e-9)


def test_the_centre_is_that_which_pictures_are_read_by(tmp_path: Path) -> None:
    # one white pixel block; where it shows in the square is where the view says
    picture = np.zeros((300, 500, 3), np.uint8)
    picture[120:140, 300:320] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    square = read_square(tmp_path / "a.png", 224, 256)[..., 0].astype(float)
    view = View.centre(500, 300, 224, 256)
    left, top, right, bottom = view.of_pixels(np.array([[300, 120, 320, 140.0]]))[0] * 224
    ys, xs = np.nonzero(square > 127)
    assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == pytest.approx([left, top, right, bottom], abs=1)


@given(st.integers(10, 3000), st.integers(10, 3000), st.floats(0.5, 1))
def test_pixels_and_shares_are_there_and_back(width: int, height: int, share: float) -> None:
    view = View.centre(width, height, round(share * 256), 256)
    boxes = grid_boxes(3, 2, 0.2)
    pixels = view.to_pixels(boxes)
    assert (pixels >= -1e-6).all()
    assert (pixels <= np.array([width, height] * 2) + 1e-6).all()
    np.testing.assert_allclose(view.of_pixels(pixels), boxes, atol=1e-9)


def test_a_vector_keeps_its_place() -> None:
    place = np.zeros((4, 6, 2))
    place[3, 5, 0] = 8.0  # lower right
    place[0, 0, 1] = 4.0  # upper left
    found = align_regions(place, View.whole(600, 400), 2, 3)
    assert found.values[:, 0].tolist() == [0, 0, 0, 0, 0, 2]
    assert found.values[:, 1].tolist() == [1, 0, 0, 0, 0, 0]
    assert found.pixels[5].tolist() == pytest.approx([400, 200, 600, 400])
    assert found.relative[5].tolist() == pytest.approx([2 / 3, 0.5, 1, 1])


def test_places_count_by_the_area_they_share() -> None:
    line = np.arange(3.0).reshape(1, 3, 1)
    # halves of a map of three: the middle place belongs half to each
    assert align_regions(line, View.whole(3, 1), 1, 2).values[:, 0].tolist() == pytest.approx([1 / 3, 5 / 3])
    assert align_regions(line, View.whole(3, 1), 1, 1).values[0, 0] == 1
    assert align_regions(line, View.whole(3, 1), 1, 6).values[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_a_region_with_nothing_in_it_is_missing() -> None:
    line = np.array([np.nan, 1.0, 2.0, np.nan]).reshape(1, 4, 1)
    values = align_regions(line, View.whole(4, 1), 1, 4).values[:, 0]
    assert np.isnan(values).tolist() == [True, False, False, True]
    assert align_regions(line, View.whole(4, 1), 1, 2).values[:, 0].tolist() == [1, 2]


def test_regions_move_between_sizes() -> None:
    boxes = grid_boxes(2, 2)
    moved, present = move_boxes(boxes, View.whole(640, 480), View.whole(1280, 960))
    np.testing.assert_allclose(moved, boxes)
    assert present.all()
    # a centre square of a wide frame, seen on the whole frame, and back
    square, whole = View.centre(200, 100, 1, 1), View.whole(1000, 500)
    moved, present = move_boxes(boxes, square, whole)
    assert moved[0].tolist() == pytest.approx([0.25, 0, 0.5, 0.5])
    np.testing.assert_allclose(move_boxes(moved, whole, square)[0], boxes, atol=1e-9)


def test_what_the_other_does_not_show_is_absent_and_what_it_shows_in_part_is_cut() -> None:
    moved, present = move_boxes(grid_boxes(1, 3), View.whole(300, 100), View.centre(300, 100, 3, 4))
    assert present.tolist() == [False, True, False]
    moved, present = move_boxes(grid_boxes(1, 2), View.whole(200, 100), View.centre(200, 100, 1, 1))
    assert present.all()
    assert moved.tolist() == [[0, 0, 0.5, 1], [0.5, 0, 1, 1]]


def test_like_regions_are_paired_whatever_their_length() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 16)).astype(np.float32)
    order = rng.permutation(6)
    left = Regions(values, grid_boxes(2, 3), View.whole(3, 2))
    right = Regions(3 * values[order], grid_boxes(2, 3), View.whole(3, 2))
    pairs, cosines = match_regions(left, right)
    assert order[pairs[:, 1]].tolist() == pairs[:, 0].tolist() == list(range(6))
    np.testing.assert_allclose(cosines, 1, atol=1e-5)


def test_missing_regions_pair_with_none() -> None:
    values = np.array([[np.nan, 1], [1, 0], [0, 0]], np.float32)
    left = Regions(values, grid_boxes(1, 3), View.whole(3, 1))
    pairs, _ = match_regions(left, Regions(values[1:2], grid_boxes(1, 1), View.whole(3, 1)))
    assert pairs.tolist() == [[1, 0]]


def test_it_says_what_is_allowed() -> None:
    with pytest.raises(DataError, match="at least 1 x 1"):
        grid_boxes(0, 3)
    with pytest.raises(DataError, match="overlap"):
        grid_boxes(1, 1, 1.0)
    with pytest.raises(DataError, match="rows, columns and numbers"):
        align_regions(np.zeros((3, 3)), View.whole(1, 1), 1, 1)
    with pytest.raises(DataError, match="shows nothing"):
        View(10, 10, 5, 5, 5, 5)
    one, other = (Regions(np.ones((2, width), np.float32), grid_boxes(1, 2), View.whole(1, 1)) for width in (3, 4))
    with pytest.raises(DataError, match="3 and 4 numbers"):
        match_regions(one, other)


def test_regions_keep_their_mean_whatever_the_grid() -> None:
    places = np.random.default_rng(0).normal(size=(7, 7, 3))
    for side in (1, 2, 3, 7):
        found = align_regions(places, View.whole(10, 10), side, side).values
        np.testing.assert_allclose(found.mean(axis=0), places.mean(axis=(0, 1)), atol=1e-6)
