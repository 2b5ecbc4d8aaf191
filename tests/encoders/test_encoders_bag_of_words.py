"""`bag-of-words`, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.encoders.bag_of_words import BagOfWords

TEXTS = ["the red mug", "the blue mug the", "the oak chair", "the red chair", "the 红色的杯子"]


def test_the_most_frequent_terms_are_columns_and_what_most_texts_have_is_none() -> None:
    encoder = BagOfWords(dim=3).fit(TEXTS)
    assert encoder.terms == ("chair", "mug", "red")
    assert encoder.frequency.tolist() == [2, 2, 2]
    assert BagOfWords(max_share=1, dim=1).fit(TEXTS).terms == ("the",)
    assert BagOfWords().fit(["mug"]).terms == ("mug",)


def test_numbers_are_logs_of_counts_at_unit_length() -> None:
    encoder = BagOfWords(dim=3).fit(TEXTS)
    values, _ = encoder.encode(["Mug, mug & mug: a red one"])
    logs = np.log([1, 4, 2])
    np.testing.assert_allclose(values[0], logs / np.linalg.norm(logs), rtol=1e-6)
    values, _ = BagOfWords(dim=3, binary=True).fit(TEXTS).encode(["mug mug mug red"])
    np.testing.assert_allclose(values[0], [0, 0.5**0.5, 0.5**0.5], rtol=1e-6)


def test_chinese_words_and_pairs_are_terms_too() -> None:
    terms = BagOfWords(words=(1, 2)).fit([*TEXTS, "红色的椅子"]).terms
    assert {"红色", "杯子", "红色 的", "red mug"} <= set(terms)


def test_a_text_with_none_of_the_terms_has_no_vector() -> None:
    values, present = BagOfWords(dim=3).fit(TEXTS).encode(["submarine", "the", "red"])
    assert present.tolist() == [False, False, True]
    assert not values[:2].any()


def test_it_says_when_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="none of the 1 texts"):
        BagOfWords().fit(["...", None, "<br>"])
    with pytest.raises(DataError, match="fit it"):
        BagOfWords().encode(["mug"])
