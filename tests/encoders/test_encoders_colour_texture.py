"""Colours and textures of pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from palate.core.errors import ConfigError
from palate.encoders._colours import histogram, moments, to_lab
from palate.encoders._textures import binary_patterns, oriented_gradients
from palate.encoders.colour_texture import ColourTexture


def flat(*colour):
    return np.full((24, 24, 3), colour, np.uint8)


def stripes(angle):
    down, right = np.mgrid[:64, :64]
    wave = np.sin((right * np.cos(angle) + down * np.sin(angle)) * 0.6)
    return (wave * 100 + 128).astype(np.float64)


@pytest.mark.parametrize(
    ("colour", "lab"),
    [
        ((255, 255, 255), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.74, -86.18, 83.18)), ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)  # fmt: skip
def test_lab_is_that_of_the_tables(colour, lab):
    assert to_lab(np.array([[colour]], np.uint8))[0, 0] == pytest.approx(lab, abs=0.02)


def test_a_histogram_counts_colours():
    half = np.concatenate([flat(255, 0, 0), flat(0, 0, 255)])
    counts = histogram(half)
    assert counts.sum() == pytest.approx(1)
    assert sorted(counts[counts > 0]) == pytest.approx([0.5, 0.5])
    assert np.array_equal(histogram(flat(255, 0, 0)) > 0, histogram(flat(255, 20, 0)) > 0)
    assert not np.array_equal(histogram(flat(255, 0, 0)) > 0, histogram(flat(255, 255, 0)) > 0)
    assert histogram(flat(0, 0, 0)).max() == 1


def test_moments_tell_where_a_colour_is():
    left = np.concatenate([flat(255, 255, 255), flat(0, 0, 0)], axis=1)
    found = moments(left, 2)
    assert found[[0, 3]] == pytest.approx([1, -1])
    assert found[12:] == pytest.approx(np.zeros(12))


def test_patterns_do_not_mind_turns_and_light():
    rng = np.random.default_rng(3)
    grey = rng.random((40, 40)) * 200
    for other in (np.rot90(grey), grey[:, ::-1], grey * 0.5 + 9):
        np.testing.assert_allclose(binary_patterns(other), binary_patterns(grey), atol=1e-12)
    even = binary_patterns(np.full((40, 40), 7.0))
    assert even[8] == even[18] == 1


def test_gradients_tell_the_direction_of_edges():
    upright, lying = oriented_gradients(stripes(0), 1), oriented_gradients(stripes(np.pi / 2), 1)
    assert upright.argmax() == 0
    assert lying.argmax() in (4, 5)
    assert upright @ lying < 0.3 * np.linalg.norm(upright) * np.linalg.norm(lying)


def test_likes_are_nearer_than_unlikes(tmp_path):
    shown = {"red": (200, 30, 30), "dark red": (170, 25, 30), "blue": (30, 40, 200)}
    encoder = ColourTexture()
    for name, colour in shown.items():
        Image.new("RGB", (50, 70), colour).save(tmp_path / f"{name}.png")
    values, present = encoder.encode([encoder.decode(tmp_path / f"{name}.png") for name in shown])
    assert present.all()
    likeness = values @ values.T
    assert likeness[0, 1] > likeness[0, 2] + 0.2


def test_each_description_may_count_alone(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)).save(tmp_path / "x.png")
    alone = ColourTexture(histogram=0, moments=0, patterns=2.0, gradients=0)
    found = alone.decode(tmp_path / "x.png")
    assert np.flatnonzero(found).min() >= 126
    assert np.flatnonzero(found).max() < 146
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ConfigError, match="all 0"):
        ColourTexture(histogram=0, moments=0, patterns=0, gradients=0)
