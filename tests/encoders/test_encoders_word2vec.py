"""`word2vec`: planted company, the mean worked by hand, the same in every process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from palate.core.errors import DataError, MissingExtraError
from palate.encoders import restore
from palate.encoders.word2vec import Word2Vec

pytest.importorskip("gensim", reason="word2vec is trained by gensim: pip install 'palate[text]'")


def planted(n: int = 400) -> list[str]:
    """Texts of two worlds that share only "the"; within one, "mug" and "cup" keep the same company and never meet."""
    rng = np.random.default_rng(0)
    kitchen = ["tea", "coffee", "milk", "sugar", "spoon", "kettle"]
    garden = ["rake", "spade", "soil", "seeds", "hedge", "lawn"]
    texts = []
    for row in range(n):
        words, heads = (kitchen, ["mug", "cup", "杯子"]) if row % 2 else (garden, ["hose", "rose", "花园"])
        texts.append(" ".join(["the", heads[row // 2 % 3], *rng.choice(words, 4)]))
    return texts


@pytest.fixture(scope="module")
def trained() -> Word2Vec:
    return Word2Vec(dim=16, epochs=20).fit(planted())


def test_words_that_keep_the_same_company_are_alike(trained: Word2Vec) -> None:
    values, present = trained.encode(["mug", "cup", "杯子", "hose", "rose"])
    assert present.all()
    likeness = values @ values.T
    assert likeness[0, 1:3].min() > likeness[0, 3:].max() + 0.5


def test_a_text_is_the_weighted_mean_of_its_words_less_what_all_have_in_common(trained: Word2Vec) -> None:
    place = {term: row for row, term in enumerate(trained.terms)}
    mean = (2 * trained.words[place["mug"]] + trained.words[place["the"]]) / 3
    rest = mean - mean @ trained.common * trained.common
    values, _ = trained.encode(["the mug, submarine; mug"])
    np.testing.assert_allclose(values[0], rest / np.linalg.norm(rest), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(trained.common), 1, rtol=1e-5)
    np.testing.assert_allclose(values @ trained.common, 0, atol=1e-5)


def test_frequent_words_count_less(trained: Word2Vec) -> None:
    lengths = dict(zip(trained.terms, np.linalg.norm(trained.words, axis=1), strict=True))
    assert lengths["the"] < min(lengths["mug"], lengths["tea"]) / 2


def test_unknown_words_have_no_vector(trained: Word2Vec) -> None:
    values, present = trained.encode(["submarine", "submarine mug"])
    assert present.tolist() == [False, True]
    assert not values[0].any()


def test_every_process_learns_the_same() -> None:
    code = (
        "from palate.encoders.word2vec import Word2Vec\n"
        "texts = ['red mug tea', 'blue mug coffee', 'oak chair', 'red chair wood'] * 5\n"
        "print(Word2Vec(dim=8).fit(texts).fingerprint)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_only_training_needs_gensim(trained: Word2Vec, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "gensim"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    again = restore(trained.reference())
    np.testing.assert_array_equal(again.encode(["tea mug"])[0], trained.encode(["tea mug"])[0])
    with pytest.raises(MissingExtraError, match=r"palate\[text\]"):
        Word2Vec().fit(["red mug"])


def test_it_says_when_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="none of the 2 texts has one that occurs 2 times"):
        Word2Vec(min_count=2).fit(["red mug", "oak chair", None])
    with pytest.raises(DataError, match="fit it"):
        Word2Vec().encode(["mug"])
