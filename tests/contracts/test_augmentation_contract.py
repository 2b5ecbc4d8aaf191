"""What every registered augmentation must do; a new one gets these tests for nothing."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from palate.augment import Augmentation, Views, registry
from palate.augment._units import units
from palate.core.rng import generator

KINDS = [registry.get(name) for name in registry.names()]
TEXT, PICTURE, SOUND = ([kind for kind in KINDS if kind.modality == word] for word in ("text", "image", "audio"))
SEEDS = st.integers(0, 2**32 - 1)
SAMPLES = arrays(np.float32, st.integers(1, 400), elements=st.floats(-1, 1, width=32))


def named(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.name)


def example(kind):
    """Return a content on which every method can show what it does."""
    rng = generator(0, "example")
    match kind.modality:
        case "text":
            return "a red mug of clay that holds 一杯茶 and no more"
        case "image":
            return Image.fromarray(rng.integers(0, 256, (24, 36, 3), np.uint8))
        case "audio":
            return rng.uniform(-0.5, 0.5, 4_000).astype(np.float32)
    raise AssertionError(f"{kind.modality} has no example")


def content_of(value):
    return value if isinstance(value, str) else np.asarray(value).tobytes()


def test_there_are_some_for_texts_pictures_and_sounds():
    assert all((TEXT, PICTURE, SOUND))
    assert len(TEXT) + len(PICTURE) + len(SOUND) == len(KINDS)


@named(KINDS)
def test_says_what_it_acts_on_and_who_described_it(kind):
    assert issubclass(kind, Augmentation)
    assert kind.paper[-4:].isdigit()
    assert kind.__doc__.splitlines()[0].endswith(".")
    assert kind.config_type.model_fields


@named(KINDS)
def test_the_generator_decides_and_nothing_else(kind):
    content, before = example(kind), content_of(example(kind))
    views = [content_of(kind().view(content, generator(seed))) for seed in (0, 0, 1, 2, 3)]
    assert views[0] == views[1]
    assert kind.name == "flip" or len(set(views)) > 1
    assert any(view != before for view in views)
    assert content_of(content) == before
    np.random.seed(1)  # noqa: NPY002  a method that asked the global generator would differ now
    assert content_of(kind().view(content, generator(0))) == views[0]


@named(KINDS)
def test_is_rebuilt_from_what_a_manifest_holds(kind):
    views = Views((kind(),), 3, 7)
    again = Views.restored(json.loads(json.dumps(views.spec())))
    assert again.fingerprint == views.fingerprint
    content = example(kind)
    told = [[content_of(view) for view in each.of(content, "it")] for each in (views, again)]
    assert told[0] == told[1]
    assert len(told[0]) == 2


@named(TEXT)
@given(text=st.text(max_size=80), seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_text_keeps_to_its_own_words(kind, text, seed):
    view = kind().view(text, generator(seed))
    assert isinstance(view, str)
    left, had = (Counter(word.strip() for word in units(each)) for each in (view, text))
    assert left <= had
    assert bool(left) == bool(had)
    assert len(view) <= len(text) + len(units(text))


@named(PICTURE)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@given(width=st.integers(1, 40), height=st.integers(1, 40), seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_picture_stays_a_picture_of_its_mode(kind, mode, width, height, seed):
    noise = generator(seed, "pixels").integers(0, 256, (height, width, 4), np.uint8)
    picture = Image.fromarray(noise, "RGBA").convert(mode)
    view = kind().view(picture, generator(seed))
    assert view.mode == mode
    assert 1 <= view.width <= width
    assert 1 <= view.height <= height
    if view.size == picture.size and mode == "RGBA" and kind.name != "flip":
        assert np.array_equal(np.asarray(view)[..., 3], np.asarray(picture)[..., 3])


@named(SOUND)
@given(samples=SAMPLES, seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_sound_stays_within_its_range_and_length(kind, samples, seed):
    view = kind().view(samples, generator(seed))
    assert view.dtype == np.float32
    assert 1 <= len(view) <= len(samples)
    assert np.isfinite(view).all()
    assert np.abs(view).max() <= 1


@named(SOUND)
def test_nothing_is_heard_in_nothing(kind):
    assert len(kind().view(np.zeros(0, np.float32), generator(0))) == 0
    assert not kind().view(np.zeros(500, np.float32), generator(0)).any()


@named(SOUND)
def test_a_sound_beyond_its_range_is_brought_back(kind):
    loud = np.float32(3) * example(kind)
    assert np.abs(kind().view(loud, generator(0))).max() <= 1
