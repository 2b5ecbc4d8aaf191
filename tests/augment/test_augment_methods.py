"""What each augmentation does, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from palate.augment._units import joined, units
from palate.augment.colour_jitter import ColourJitter
from palate.augment.crop import Crop
from palate.augment.crop_sound import CropSound
from palate.augment.crop_text import CropText
from palate.augment.flip import Flip
from palate.augment.gain import Gain
from palate.augment.noise import Noise
from palate.augment.shift import Shift
from palate.augment.time_mask import TimeMask
from palate.augment.word_dropout import WordDropout
from palate.augment.word_swap import WordSwap
from palate.core.errors import ConfigError
from palate.core.rng import generator

WORDS = " ".join(f"w{number}" for number in range(200))
TONE = np.sin(np.arange(16_000) / 9).astype(np.float32) / 2


def picture(width: int = 60, height: int = 40) -> Image.Image:
    return Image.fromarray(generator(0, "picture").integers(0, 256, (height, width, 3), np.uint8))


def test_words_are_cut_at_blanks_and_signs_stand_alone() -> None:
    assert units("  a\tb 茶杯c ") == ["a\t", "b ", "茶", "杯", "c "]
    assert joined(["c ", "杯", "茶", "b", "a"]) == "c 杯茶b a"


@pytest.mark.parametrize("text", ["", "  ", "mug", "茶"])
@pytest.mark.parametrize("kind", [WordDropout, WordSwap, CropText])
def test_what_has_no_two_words_is_its_own_view(text, kind) -> None:
    assert kind().view(text, generator(0)) == text


def test_words_are_dropped_in_proportion_and_in_order() -> None:
    kept = WordDropout(share=0.25).view(WORDS, generator(0)).split()
    assert 130 < len(kept) < 170
    assert kept == [word for word in WORDS.split() if word in set(kept)]


@pytest.mark.parametrize("seed", range(20))
def test_one_word_at_least_is_left(seed: int) -> None:
    assert WordDropout(share=0.999).view("a red mug", generator(seed)) in ("a", "red", "mug")


def test_swapping_keeps_every_word() -> None:
    view = WordSwap(share=0.1).view(WORDS, generator(0))
    assert sorted(view.split()) == sorted(WORDS.split())
    assert 0 < sum(a != b for a, b in zip(view.split(), WORDS.split(), strict=True)) <= 40
    assert WordSwap().view("red mug", generator(0)) == "mug red"
    assert WordSwap(share=0).view("red mug", generator(0)) == "red mug"


def test_a_crop_of_text_is_a_span() -> None:
    lengths = []
    for seed in range(30):
        view = CropText(least=0.5).view(WORDS, generator(seed))
        assert view in WORDS
        lengths.append(len(view.split()))
    assert 100 <= min(lengths) < 130
    assert 170 < max(lengths) <= 200
    assert CropText(least=1).view(WORDS, generator(0)) == WORDS


def test_flip_is_the_mirror_image() -> None:
    given = np.asarray(picture())
    assert np.array_equal(np.asarray(Flip().view(picture(), generator(0))), given[:, ::-1])
    assert np.array_equal(np.asarray(Flip(chance=0).view(picture(), generator(0))), given)


def test_a_crop_is_a_piece_in_the_same_proportions() -> None:
    given = np.asarray(picture())
    for seed in range(10):
        view = np.asarray(Crop(least=0.5).view(picture(), generator(seed)))
        height, width = view.shape[:2]
        assert 0.47 <= height * width / (40 * 60) <= 1
        assert abs(width - 1.5 * height) < 2
        places = [(y, x) for y in range(41 - height) for x in range(61 - width)]
        assert any(np.array_equal(given[y : y + height, x : x + width], view) for y, x in places)


def test_light_moves_within_its_bounds() -> None:
    grey = Image.new("L", (8, 8), 100)
    seen = [
        np.asarray(ColourJitter(contrast=0, saturation=0).view(grey, generator(seed)))[0, 0].item()
        for seed in range(40)
    ]
    assert 79 <= min(seen) < 90
    assert 110 < max(seen) <= 120
    still = ColourJitter(brightness=0, contrast=0, saturation=0).view(picture(), generator(0))
    assert np.array_equal(np.asarray(still), np.asarray(picture()))


def test_gain_moves_the_loudness_and_never_clips() -> None:
    for seed in range(20):
        view = Gain(reach=40).view(TONE, generator(seed))
        factor = float(np.abs(view).max() / np.abs(TONE).max())
        assert np.allclose(view, factor * TONE, atol=1e-6)
        assert 0.01 <= factor <= 2.001
    assert np.array_equal(Gain(reach=0).view(TONE, generator(0)), TONE)


def test_noise_is_so_much_softer_than_the_sound() -> None:
    for seed in range(10):
        added = Noise(least=10, most=20).view(TONE, generator(seed)) - TONE
        assert 9.5 < 20 * np.log10(np.std(TONE) / np.std(added)) < 20.5


def test_a_shift_goes_around_the_end() -> None:
    view = Shift(reach=0.5).view(TONE, generator(0))
    assert np.allclose(np.sort(view), np.sort(TONE))
    assert any(np.array_equal(np.roll(TONE, step), view) for step in range(-8_000, 8_001))


def test_a_crop_of_sound_is_a_span() -> None:
    ramp = np.linspace(0, 1, 1_000, dtype=np.float32)
    view = CropSound(least=0.5).view(ramp, generator(1))
    start = int(np.searchsorted(ramp, view[0]))
    assert np.array_equal(view, ramp[start : start + len(view)])
    assert 500 <= len(view) <= 1_000


def test_masks_silence_no_more_than_they_may() -> None:
    steady = np.ones(1_000, np.float32)
    gaps = [int((TimeMask(masks=3, longest=0.1).view(steady, generator(seed)) == 0).sum()) for seed in range(20)]
    assert 0 < max(gaps) <= 300
    assert min(gaps) < max(gaps)


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        (WordDropout, {"share": 1.0}, "at least 0 and less than 1"),
        (Crop, {"least": 0}, "greater than 0 and at most 1"),
        (Noise, {"least": 30, "most": 10}, "let least be at most most"),
        (Flip, {"chnace": 1}, "did you mean 'chance'"),
    ],
)
def test_settings_out_of_range_are_told(kind, settings, told) -> None:
    with pytest.raises(ConfigError, match=told):
        kind(**settings)
