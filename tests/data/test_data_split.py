import numpy as np
import polars as pl
import pytest

from palate.core.errors import ConfigError, DataError, UnknownNameError
from palate.data.frames import from_frames
from palate.data.split import registry, split


def data_of(pairs, times=None, labels=None):
    columns = {"user": [user for user, _ in pairs], "item": [item for _, item in pairs]}
    columns |= {} if times is None else {"timestamp": times}
    columns |= {} if labels is None else {"split": labels}
    return from_frames(pl.DataFrame(columns))


def pairs_of(part):
    users, items = part.users.decode(part.interactions.user), part.items.decode(part.interactions.item)
    return list(zip(users, items, strict=True))


def test_eight_one_one_and_small_users():
    pairs = (
        [("big", f"i{n}") for n in range(20)] + [("three", f"i{n}") for n in range(3)] + [("two", "i0"), ("two", "i1")]
    )
    cut = split(data_of([*pairs, ("one", "i0")]), seed=3)
    sizes = {user: [sum(who == user for who, _ in pairs_of(part)) for part in (cut.train, cut.valid, cut.test)]
             for user in ("big", "three", "two", "one")}  # fmt: skip
    assert sizes == {"big": [16, 2, 2], "three": [1, 1, 1], "two": [1, 0, 1], "one": [1, 0, 0]}


def test_the_seed_decides(tiny):
    assert split(tiny, seed=1).fingerprint == split(tiny, seed=1).fingerprint
    assert split(tiny, seed=1).fingerprint != split(tiny, seed=2).fingerprint


def test_last_item_to_test_and_the_one_before_to_validation():
    pairs = [("a", "x"), ("a", "y"), ("a", "z"), ("a", "x"), ("b", "x"), ("b", "y"), ("c", "z")]
    cut = split(data_of(pairs, [1, 2, 3, 9, 5, 5, 1]), "leave-last-out")
    assert pairs_of(cut.test) == [("a", "x"), ("a", "x"), ("b", "y")]
    assert pairs_of(cut.valid) == [("a", "z")]
    assert pairs_of(cut.train) == [("a", "y"), ("b", "x"), ("c", "z")]


def test_the_past_trains_and_the_future_tests():
    n = 100
    times = list(range(n))
    pairs = [(f"u{t % 7}", f"i{t}") for t in times]
    pairs[5] = pairs[98] = ("u0", "again")
    cut = split(data_of(pairs, times), "global-time")
    assert cut.train.interactions.time.max() < 80
    assert len(cut.train.interactions) == 79
    assert sorted(cut.test.interactions.time.tolist()) == [5, *range(90, 100)]
    assert cut.valid.interactions.time.tolist() == list(range(80, 90))


def test_equal_times_stay_together():
    cut = split(data_of([("a", f"i{n}") for n in range(10)], [1] * 7 + [2] * 3), "global-time")
    assert [len(part.interactions) for part in (cut.train, cut.valid, cut.test)] == [7, 0, 3]
    with pytest.raises(DataError, match="finds no past"):
        split(data_of([("a", f"i{n}") for n in range(10)], [1] * 10), "global-time")


def test_cold_items_are_held_out_whole_from_tail_and_head():
    pairs = [(f"u{n % 50}", f"i{item}") for item in range(100) for n in range(100 - item)]
    data = data_of(pairs)
    cut = split(data, "cold-items", seed=5)
    items = [set(part.interactions.item.tolist()) for part in (cut.train, cut.valid, cut.test)]
    assert not items[0] & items[1]
    assert not items[0] & items[2]
    assert not items[1] & items[2]
    assert [len(group) for group in items] == [80, 10, 10]
    head = set(np.argsort(-np.bincount(data.interactions.item), kind="stable")[:20].tolist())
    assert len((items[1] | items[2]) & head) == 6
    with pytest.raises(DataError, match="at least 10"):
        split(data_of([("a", "x"), ("b", "y")]), "cold-items")


def test_labels_are_taken_as_they_are():
    cut = split(data_of([("a", "x"), ("a", "y"), ("b", "x")], labels=["test", "train", "valid"]), "as-labelled")
    assert (pairs_of(cut.train), pairs_of(cut.valid), pairs_of(cut.test)) == ([("a", "y")], [("b", "x")], [("a", "x")])


def test_what_a_split_needs_is_told(tiny):
    with pytest.raises(DataError, match="needs a timestamp"):
        split(data_of([("a", "x"), ("a", "y")]), "leave-last-out")
    with pytest.raises(DataError, match="needs the column 'split'"):
        split(tiny, "as-labelled")
    with pytest.raises(DataError, match="leaves test empty"):
        split(data_of([("a", "x"), ("b", "x")]))
    with pytest.raises(DataError, match="leaves train empty"):
        split(data_of([("a", "x")], labels=["test"]), "as-labelled")
    with pytest.raises(DataError, match="no interactions to split"):
        split(from_frames(None, pl.DataFrame({"item": ["a"]})))
    with pytest.raises(UnknownNameError, match="did you mean 'random-per-user'"):
        split(tiny, "random-by-user")
    with pytest.raises(ConfigError, match="no setting 'share'"):
        split(tiny, "random-per-user", share=0.2)


def test_a_splitter_object_does_as_well_as_a_name(tiny):
    object_ = registry.get("random-per-user")(test=0.3)
    assert split(tiny, object_, seed=4).fingerprint == split(tiny, "random-per-user", seed=4, test=0.3).fingerprint


@pytest.mark.parametrize("how", ["random-per-user", "global-time"])
def test_shares_that_leave_nothing_for_training(how, tiny):
    with pytest.raises(ConfigError, match="together they must stay below 1"):
        split(tiny, how, valid=0.5, test=0.5)
