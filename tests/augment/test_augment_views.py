"""Several views of one value."""

from __future__ import annotations

import pytest

from palate.augment import Views
from palate.augment.word_dropout import WordDropout
from palate.core.errors import ConfigError, UnknownNameError

TEXT = "a red mug of clay that holds a cup of tea and a spoon"


def views(*names: str, count: int = 5, seed: int = 0, text: str = TEXT) -> list[str]:
    return list(Views.named(names, count, seed).of(text, text))


def test_the_value_itself_is_the_first_of_so_many() -> None:
    assert [len(views("word-dropout", count=count)) for count in (1, 2, 5)] == [0, 1, 4]


def test_equal_values_have_equal_views_and_each_value_its_own_chance() -> None:
    assert views("word-dropout") == views("word-dropout")
    assert len(set(views("word-dropout"))) > 1
    other = TEXT.replace("red", "blue")
    kept = [
        [word in view for word in text.split()] for text in (TEXT, other) for view in views("word-dropout", text=text)
    ]
    assert kept[:4] != kept[4:]


def test_more_views_begin_with_the_same_ones() -> None:
    assert views("word-dropout", count=9)[:4] == views("word-dropout", count=5)


def test_seed_and_order_and_settings_make_other_views() -> None:
    assert views("word-dropout") != views("word-dropout", seed=1)
    told = [
        Views.named(["word-dropout", "word-swap"]), Views.named(["word-swap", "word-dropout"]), Views.named(["word-swap"]),
        Views.named(["word-dropout"]), Views.named(["word-dropout"], 5), Views.named(["word-dropout"], seed=1),
        Views((WordDropout(share=0.3),)),
    ]  # fmt: skip
    assert len({each.fingerprint for each in told}) == len(told)
    assert Views((WordDropout(share=0.2),)).fingerprint == Views.named(["word-dropout"]).fingerprint


def test_another_version_of_a_method_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Views.named(["word-dropout"]).fingerprint
    monkeypatch.setattr(WordDropout, "version", 2)
    assert Views.named(["word-dropout"]).fingerprint != before


@pytest.mark.parametrize("count", [0, -3])
def test_there_is_no_less_than_one(count: int) -> None:
    with pytest.raises(ConfigError, match=f"{count} views were asked for: 1 or more are allowed"):
        Views.named(["flip"], count)


@pytest.mark.parametrize(
    ("names", "seed", "told"),
    [
        ([], 0, "need a method that makes them"),
        (["flip", "gain"], 0, "flip on image, gain on audio"),
        (["flip"], -1, "the seed of the views was -1"),
    ],
)
def test_what_makes_no_sense_is_refused(names: list[str], seed: int, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Views.named(names, 2, seed)


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no augmentation 'fip': did you mean 'flip'\?"):
        Views.named(["fip"])
