import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.core.errors import DataError
from palate.core.fingerprint import fingerprint
from palate.core.ids import IdMap
from palate.core.rng import generator


@given(st.lists(st.text(max_size=5)))
def test_ids_and_codes_are_one_to_one_in_order_of_appearance(words):
    ids = IdMap(words)
    assert list(ids) == list(dict.fromkeys(words))
    assert ids.decode(ids.codes(words)) == words
    assert np.array_equal(ids.encode(pl.Series(words, dtype=pl.String)), ids.codes(words))


def test_what_is_unknown_is_minus_one():
    ids = IdMap(["a", "b"])
    assert ids.codes(["b", "z"]).tolist() == [1, -1]
    assert ids.encode(pl.Series(["z", None, "a"])).tolist() == [-1, -1, 0]


def test_an_unknown_id_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="no user 'alic': did you mean 'alice'"):
        IdMap(["alice", "bob"]).code("alic", "user")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True), (1, 1.0), (1, "1"), ("ab", b"ab"), (["a", "b"], ["ab"]), ([], None), ({"a": 1}, {"a": 2}),
        (np.zeros(2, np.float32), np.zeros(2)), (np.zeros((2, 1)), np.zeros((1, 2))), (0.0, -0.0),
    ],
)  # fmt: skip
def test_different_things_have_different_fingerprints(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_the_order_of_a_mapping_does_not_count():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})


def test_what_has_no_identity_is_refused():
    with pytest.raises(TypeError, match="object"):
        fingerprint(object())


def test_streams_are_the_same_in_another_process_and_independent_by_name():
    here = generator(3, "split", 1).integers(1_000_000, size=4)
    code = "from palate.core.rng import generator; print(generator(3, 'split', 1).integers(1_000_000, size=4).tolist())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert there.strip() == str(here.tolist())
    assert not np.array_equal(here, generator(3, "split", 2).integers(1_000_000, size=4))
    assert not np.array_equal(here, generator(4, "split", 1).integers(1_000_000, size=4))
