import os

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.core.errors import BundleError, DataError, StoreError
from palate.core.ids import IdMap
from palate.core.state import State
from palate.data import folder, quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import EncoderRef, FeatureTable
from palate.data.interactions import Interactions
from palate.data.positive import Positive
from palate.data.quarantine import Rejected


@pytest.fixture
def shop(tmp_path):
    """Two users, three items, one picture, a user table, extra columns, a part that learned something."""
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "pictures" / "a.jpg")
    items = IdMap(["b", "a", "c"])
    table = pl.DataFrame(
        {"item_id": items.series, "title": ["bee", None, "sea"], "photo": [None, "pictures/a.jpg", "http://x/y.png"]}
    )
    ref = EncoderRef("tf-idf", {"dim": 2}, State({"idf": np.ones(3, np.float32)}, {"words": ["x"]}))
    features = {
        "title": FeatureTable(
            np.array([[1, 2], [0, 0], [3, 4]], np.float32), np.array([1, 0, 1], bool), "s", "items", "text", ref
        ),
        "age": FeatureTable(np.ones((2, 1), np.float32), np.ones(2, bool), "t", "users"),
        "review": FeatureTable(np.ones((3, 4), np.float32), np.ones(3, bool), "r", "interactions", "text"),
    }
    events = Interactions(
        np.array([1, 1, 0], np.int32),
        np.array([0, 1, 0], np.int32),
        np.array([5, 0, 3.5], np.float32),
        np.array([10, 20, 30]),
        pl.DataFrame({"kind": ["rating", None, "click"], "split": ["train", "valid", "test"]}),
    )
    users = IdMap(["zoe", "ann"])
    return Dataset(
        users, items, events, Catalogue(table, {"title": "text", "photo": "image"}, tmp_path),
        Catalogue(pl.DataFrame({"user_id": users.series, "age": [30.0, None]}), {"age": "number"}),
        features, Positive(rule="weight>=4"), "shop", "CC0",
    )  # fmt: skip


def test_a_round_trip_changes_nothing(shop, tmp_path):
    folder.save(shop, tmp_path / "ds")
    back = folder.load(tmp_path / "ds")
    assert back.fingerprint == shop.fingerprint
    assert (back.users, back.items, back.name, back.licence) == (shop.users, shop.items, "shop", "CC0")
    assert back.positive == shop.positive
    assert back.interactions.column("kind").to_list() == ["rating", None, "click"]
    assert back.people.types == {"age": "number"}
    assert back.features["title"].encoder.settings == {"dim": 2}
    assert back.features["title"].encoder.state.meta == {"words": ["x"]}
    assert back.root == tmp_path / "ds"


def test_media_move_into_the_folder(shop, tmp_path):
    folder.save(shop, tmp_path / "ds")
    back = folder.load(tmp_path / "ds")
    assert back.catalogue.table["photo"].to_list() == [None, "media/photo/pictures/a.jpg", "http://x/y.png"]
    assert back.catalogue.media_path(1, "photo") == tmp_path / "ds" / "media" / "photo" / "pictures" / "a.jpg"
    assert back.catalogue.media_path(1, "photo").is_file()
    assert back.catalogue.media_path(2, "photo") is None


def test_saving_in_place_and_elsewhere_keeps_media_quarantine_and_other_files(shop, tmp_path):
    place = tmp_path / "ds"
    folder.save(shop, place)
    quarantine.append(place, "import", [Rejected("events.csv", 3, "ann", "no reason", "x")])
    (place / "notes.txt").write_text("mine")
    folder.save(folder.load(place), place)
    assert folder.load(place).fingerprint == shop.fingerprint
    assert (place / "notes.txt").read_text() == "mine"
    folder.save(folder.load(place), tmp_path / "copy")
    copy = folder.load(tmp_path / "copy")
    assert copy.fingerprint == shop.fingerprint
    assert copy.catalogue.media_path(1, "photo").read_bytes() == (tmp_path / "pictures" / "a.jpg").read_bytes()
    assert quarantine.read(tmp_path / "copy")["reason"].to_list() == ["no reason"]
    assert not (tmp_path / "copy" / "notes.txt").exists()


def test_users_without_interactions_keep_their_codes(tiny, tmp_path):
    fewer = tiny.with_interactions(tiny.interactions.take(tiny.interactions.user >= 7))
    folder.save(fewer, tmp_path / "ds")
    back = folder.load(tmp_path / "ds")
    assert back.users == tiny.users
    assert back.people is None
    assert back.fingerprint == fewer.fingerprint


def test_a_catalogue_without_interactions_is_a_dataset(tiny, tmp_path):
    bare = Dataset(IdMap(()), tiny.items, Interactions.empty(), tiny.catalogue)
    folder.save(bare, tmp_path / "ds")
    back = folder.load(tmp_path / "ds")
    assert (len(back.users), len(back.items), len(back.interactions)) == (0, 30, 0)
    assert back.fingerprint == bare.fingerprint


def test_features_follow_the_ids(tiny, tmp_path):
    folder.save(tiny, tmp_path / "ds")
    order = IdMap(["i5", "new", "i0"])
    parts = folder.load_features(tmp_path / "ds", order)
    assert parts["title"].present.tolist() == [True, False, tiny.features["title"].present[0]]
    assert np.array_equal(parts["title"].values[0], tiny.features["title"].values[5])


def test_an_unfinished_part_is_passed_over_and_a_damaged_one_is_told(tiny, tmp_path):
    folder.save(tiny, tmp_path / "ds")
    (tmp_path / "ds" / "features" / "half").mkdir()
    assert set(folder.load(tmp_path / "ds").features) == {"title", "photo"}
    (tmp_path / "ds" / "features" / "title" / "values.safetensors").write_bytes(b"junk")
    with pytest.raises(StoreError, match="encode it again"):
        folder.load(tmp_path / "ds")


def test_a_newer_format_is_refused(tiny, tmp_path):
    folder.save(tiny, tmp_path / "ds")
    manifest = tmp_path / "ds" / "dataset.toml"
    manifest.write_text(manifest.read_text().replace("format = 1", "format = 9"))
    with pytest.raises(BundleError, match="format 9 and this Palate reads up to 1: upgrade"):
        folder.load(tmp_path / "ds")


def test_what_is_no_dataset_is_refused(tiny, tmp_path):
    with pytest.raises(DataError, match="there is no dataset folder"):
        folder.load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"a folder without dataset\.toml"):
        folder.load(tmp_path)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="something other than a dataset"):
        folder.save(tiny, tmp_path)
    with pytest.raises(DataError, match="is a file"):
        folder.save(tiny, tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_damaged_tables_are_told(tiny, tmp_path):
    folder.save(tiny, tmp_path / "ds")
    pl.DataFrame({"user_id": ["u0"], "item_id": ["nothing"]}).write_parquet(tmp_path / "ds" / "interactions.parquet")
    with pytest.raises(StoreError, match="name the item 'nothing'"):
        folder.load(tmp_path / "ds")
    (tmp_path / "ds" / "items.parquet").unlink()
    with pytest.raises(StoreError, match=r"items\.parquet is missing"):
        folder.load(tmp_path / "ds")


def test_an_interrupted_save_leaves_the_old_dataset(tiny, tmp_path, monkeypatch):
    folder.save(tiny, tmp_path / "ds")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "save_features", stop)
    with pytest.raises(KeyboardInterrupt):
        folder.save(tiny.without_features("photo"), tmp_path / "ds")
    assert folder.load(tmp_path / "ds").fingerprint == tiny.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]


def test_a_part_needs_a_name_that_can_be_a_folder(tiny, tmp_path):
    with pytest.raises(DataError, match="cannot name a part"):
        folder.save_features(tmp_path, "../evil", tiny.features["title"], tiny.items)
    with pytest.raises(DataError, match="30 rows for 1 ids"):
        folder.save_features(tmp_path, "title", tiny.features["title"], IdMap(["x"]))


def test_a_path_that_leaves_the_folder_is_never_followed(tmp_path):
    table = pl.DataFrame({"item_id": ["a", "b"], "photo": ["../secret.jpg", "/etc/passwd"]})
    catalogue = Catalogue(table, {"photo": "image"}, tmp_path / "ds")
    assert catalogue.media_path(0, "photo") is None
    assert catalogue.media_path(1, "photo") is None


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_media_file_that_is_a_link_is_brought_along(shop, tmp_path):
    folder.save(shop, tmp_path / "ds")
    inside = tmp_path / "ds" / "media" / "photo" / "pictures"
    (inside / "a.jpg").rename(inside / "real.bin")
    (inside / "a.jpg").symlink_to("real.bin")
    folder.save(folder.load(tmp_path / "ds"), tmp_path / "copy")
    assert (tmp_path / "copy" / "media" / "photo" / "pictures" / "a.jpg").read_bytes() == (
        inside / "real.bin"
    ).read_bytes()


def test_the_folder_one_stands_in_is_not_replaced(shop, tmp_path, monkeypatch):
    folder.save(shop, tmp_path / "ds")
    (tmp_path / "new").mkdir()
    for place, name in (("ds", "."), ("ds/media", ".."), ("new", ".")):
        monkeypatch.chdir(tmp_path / place)
        with pytest.raises(DataError, match="holds the folder you are in"):
            folder.save(shop, name)
