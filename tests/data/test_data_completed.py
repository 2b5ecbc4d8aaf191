"""Which rows of a part were estimated is known wherever the part goes."""

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.data.feature_folder import load_features, save_features
from palate.data.features import FeatureTable

PRESENT = np.array([True, True, False, True])
MADE = np.array([False, True, False, True])


def table(completed=MADE):
    return FeatureTable(np.arange(8, dtype=np.float32).reshape(4, 2), PRESENT, "given", completed=completed)


def test_known_rows_are_those_that_nothing_estimated():
    assert table().known.tolist() == [True, False, False, False]
    assert table(None).known.tolist() == PRESENT.tolist()
    assert "2 of them estimated" in repr(table())
    assert "estimated" not in repr(table(None))


def test_marks_go_with_the_rows():
    assert table().take(np.array([3, -1, 0])).completed.tolist() == [True, False, False]
    assert table().take(np.array([0])).completed is None
    assert table().dropped(np.array([False, True, False, False])).completed.tolist() == [False, False, False, True]
    both = table(None).followed_by(table())
    assert both.completed.tolist() == [False] * 4 + MADE.tolist()
    assert table(None).followed_by(table(None)).completed is None


def test_marks_survive_on_disk(tmp_path):
    ids = IdMap("abcd")
    save_features(tmp_path, "photo", table(), ids)
    save_features(tmp_path, "plain", table(None), ids)
    found = load_features(tmp_path, ids)
    assert found["photo"].completed.tolist() == MADE.tolist()
    assert found["plain"].completed is None


@pytest.mark.parametrize("wrong", [np.ones(4, bool), np.zeros(3, bool)])
def test_only_present_rows_can_be_completed(wrong):
    with pytest.raises(DataError, match="only be completed where they are present"):
        table(wrong)
