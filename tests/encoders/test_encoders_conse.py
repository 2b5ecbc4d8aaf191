"""Pictures in the space of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from palate.core.errors import ConfigError
from palate.encoders.conse import ConSE, class_names
from palate.encoders.efficientnet_lite0 import EfficientNetLite0
from palate.encoders.use import USE

pytestmark = pytest.mark.weights


def test_the_classes_are_those_of_imagenet() -> None:
    names = class_names()
    assert len(names) == 1000
    assert [names[code] for code in (0, 9, 281, 388, 817, 999)] == [
        "tench", "ostrich", "tabby cat", "giant panda", "sports car", "toilet paper",
    ]  # fmt: skip


def test_a_sure_classifier_gives_the_vector_of_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ConSE(top=2)
    scores = np.zeros((2, 1000), np.float32)
    scores[0, 388] = 100
    scores[1, [9, 817]] = 50 + np.log([3, 1])
    monkeypatch.setattr(encoder._network, "logits", lambda batch: scores)
    values, present = encoder.encode([np.zeros((224, 224, 3), np.uint8)] * 2)
    assert present.all()
    panda, ostrich, car = USE().encode([f"a photo of a {name}" for name in ("giant panda", "ostrich", "sports car")])[0]
    np.testing.assert_allclose(values[0], panda / np.linalg.norm(panda), atol=1e-5)
    mixed = 0.75 * ostrich + 0.25 * car
    np.testing.assert_allclose(values[1], mixed / np.linalg.norm(mixed), atol=1e-5)


def test_texts_are_encoded_into_the_same_space() -> None:
    encoder = ConSE()
    texts = encoder.companion("text")
    assert isinstance(texts, USE)
    assert encoder.space == texts.space == USE(max_length=20).space
    assert encoder.companion("audio") is None


def test_another_network_is_another_encoder_in_the_same_space() -> None:
    assert ConSE(network="lite2").fingerprint != ConSE().fingerprint
    assert ConSE(network="lite2").space == ConSE().space


def test_it_is_another_encoder_when_its_network_is(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ConSE()
    assert before.fingerprint == ConSE().fingerprint
    monkeypatch.setattr(EfficientNetLite0, "version", EfficientNetLite0.version + 1)
    assert before.fingerprint != ConSE().fingerprint


@pytest.mark.parametrize("prompt", ["a photo", "{} beside {}"])
def test_a_prompt_has_one_place_for_a_name(prompt: str) -> None:
    with pytest.raises(ConfigError, match="where the name of a class goes"):
        ConSE(prompt=prompt)


@pytest.mark.data
def test_texts_find_pictures_without_having_seen_any(real_data: Path) -> None:
    names = {
        "animals-amphibians-frog": ("a frog", "青蛙"), "animals-birds-chicken_profile": ("a chicken", "鸡"),
        "food-fruit-banana": ("a banana", "香蕉"), "vehicles-emergency-firetruck": ("a fire engine", "消防车"),
    }  # fmt: skip
    encoder = ConSE()
    images = real_data / "stamps" / "images"
    pictures, present = encoder.encode([encoder.decode(images / f"{name}.jpg") for name in names])
    assert present.all()
    for language in (0, 1):
        texts, _ = USE().encode([words[language] for words in names.values()])
        right = (texts @ pictures.T).argmax(axis=1) == np.arange(len(names))
        assert right.sum() >= 3  # chance finds one of four
