"""Items that are another one once more: told by texts, pictures and sounds together, and made one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.clean import _near
from palate.clean._alike import alike, common
from palate.clean._near import near_duplicates
from palate.clean.check import check
from palate.clean.clean import clean
from palate.core.errors import MissingExtraError
from palate.data import folder
from palate.data.features import features_of
from palate.data.frames import from_frames
from palate.data.worlds import make, registry

SETTINGS = {
    "n_items": 80, "n_users": 30, "n_events": 600, "duplicates": 0.1, "clips": 0, "language": "en", "picture_size": 64,
    "sound_seconds": 0.3,
}  # fmt: skip
TITLE = "a green mug with a handle for the kitchen"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = make(registry.get("shop")(**SETTINGS), tmp_path_factory.mktemp("near") / "shop")
    return folder.load(made.path), made.truth.faults["duplicates"]


def groups(data):
    found = near_duplicates(data).group
    return {frozenset(np.array(list(data.items))[found == one]) for one in np.unique(found[found >= 0])} - {frozenset()}


def planted(copies):
    return {frozenset([source, *(copy for copy, of in copies.items() if of == source)]) for source in copies.values()}


def test_copies_are_found_and_nothing_else(world):
    data, copies = world
    assert {group for group in groups(data) if len(group) > 1} == planted(copies)
    (found,) = [each for each in check(data).problems if each.kind == "near-duplicates"]
    assert found.count == len(copies) == 8
    assert found.what.endswith("by text, picture, sound")


def test_merging_moves_what_was_done_with_copies(world):
    data, copies = world
    data = data.with_features(photo=features_of(np.arange(80.0)[:, None]))
    fresh, report = clean(data, near_duplicates="merge", duplicates=False)
    assert report.merged == len(copies)
    assert len(fresh.items) == len(fresh.catalogue) == len(fresh.features["photo"]) == 80 - len(copies)
    assert len(fresh.interactions) == len(data.interactions)
    met = np.bincount(data.interactions.item, minlength=80)
    for group in planted(copies):
        (stays,) = [name for name in group if name in set(fresh.items)]
        assert met[data.items.code(stays)] == max(met[data.items.code(name)] for name in group)
        now = (fresh.interactions.item == fresh.items.code(stays)).sum()
        assert now == sum(met[data.items.code(name)] for name in group)
        assert fresh.features["photo"].values[fresh.items.code(stays), 0] == data.items.code(stays)
        assert fresh.catalogue.table["item_id"][fresh.items.code(stays)] == stays
    assert set(report.rejected["reason"]) == {"the item is nearly the same as another"}
    assert not [each for each in check(fresh).problems if each.kind == "near-duplicates"]


def test_what_differs_in_one_column_is_another_thing(world):
    data, copies = world
    copy = next(iter(copies))
    titles = data.catalogue.table["title"].to_list()
    titles[data.items.code(copy)] = "something else altogether, with a long name that nobody has seen before"
    table = data.catalogue.table.with_columns(pl.Series("title", titles))
    changed = replace(data, catalogue=replace(data.catalogue, table=table))
    assert frozenset([copy]) in groups(changed)


def test_texts_alone(monkeypatch):
    titles = [TITLE, TITLE.upper() + "!", TITLE.replace("green", "red"), None, None]
    data = from_frames(
        pl.DataFrame({"user": list("aabbb"), "item": list("13234")}),
        pl.DataFrame({"item": list("12345"), "title": titles}),
        types={"title": "text"},
    )
    near = near_duplicates(data)
    assert near.kept(data).tolist() == [0, 0, 2, 3, 4]
    fresh, report = clean(data, near_duplicates="merge")
    assert list(fresh.items) == list("1345")
    assert report.merged == 1
    assert clean(data)[0].fingerprint == data.fingerprint
    photos = data.catalogue.table.with_columns(photo=pl.lit("a.jpg"))
    pictured = replace(data, catalogue=replace(data.catalogue, table=photos, types={"title": "text", "photo": "image"}))
    monkeypatch.setitem(__import__("sys").modules, "imagehash", None)
    with pytest.raises(MissingExtraError, match=r"comparing pictures needs the library 'imagehash'.*palate\[media\]"):
        clean(pictured, near_duplicates="merge")
    assert any("near-duplicates were not looked for" in note for note in check(pictured).notes)


def test_what_a_crowd_shares_tells_nothing():
    items = pl.DataFrame({"item": [f"i{n}" for n in range(12)], "title": [TITLE] * 12})
    events = pl.DataFrame({"user": ["a"] * 12, "item": items["item"]})
    data = from_frames(events, items, types={"title": "text"})
    assert len(np.unique(near_duplicates(data).group)) == 12
    bits = np.zeros((12, 64), np.uint8)
    assert common(bits, np.ones(12, bool)).all()
    assert not common(bits[:10], np.ones(10, bool)).any()


def test_alike_finds_what_comparing_each_with_each_finds():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (200, 64), dtype=np.uint8)
    for row in range(0, 200, 10):
        bits[row + 1] = bits[row]
        bits[row + 1, rng.choice(64, 3, replace=False)] ^= 1
    present = np.arange(200) != 11
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    low, high = np.nonzero(np.triu((apart <= 4) & present[:, None] & present, 1))
    assert alike(bits, present, 4).tolist() == np.stack([low, high], axis=1).tolist()
    assert len(low) == 19
    assert alike(bits[:0], present[:0], 4).shape == (0, 2)


def test_nothing_to_compare():
    data = from_frames(pl.DataFrame({"user": ["a"], "item": ["x"]}))
    assert _near.of_near_duplicates(data) == []
