"""Pseudonyms at the door: what stands in a protected dataset, and what in no file of it."""

from __future__ import annotations

import hashlib
import json
import os
import stat

import numpy as np
import polars as pl
import pytest

from palate.core.errors import DataError
from palate.data import folder, quarantine
from palate.data.features import features_of
from palate.data.privacy.key import Key
from palate.data.privacy.protect import Protection, protect
from peopled import ANN, ARGUMENTS, BOB, IMAGES, SECRET, write_source

KEY = Key(bytes(range(32)))


@pytest.fixture
def shop(tmp_path, monkeypatch, palate):
    write_source(tmp_path / "src")
    monkeypatch.chdir(tmp_path)
    assert palate("data", "import", "table", "src", "raw", *ARGUMENTS, IMAGES)[0] == 0
    return tmp_path


def cells(path):
    """Return every text of every table of a dataset folder, and every other file's bytes."""
    found = set()
    for file in path.rglob("*"):
        if file.suffix == ".parquet":
            frame = pl.read_parquet(file)
            found |= {
                value for name in frame.columns if frame[name].dtype == pl.String for value in frame[name] if value
            }
        elif file.is_file():
            found.add(file.read_bytes().decode("latin-1"))
        found.add(str(file.relative_to(path)))
    return found


def test_a_pseudonym_is_keyed_blake2b():
    digest = hashlib.blake2b(b"ann", key=KEY.secret, person=b"palate user", digest_size=16)
    assert KEY.pseudonym("ann") == digest.hexdigest()
    assert KEY.pseudonym("ann") != Key(bytes(32)).pseudonym("ann")
    assert "1f" not in repr(KEY)
    assert KEY.secret.hex() not in KEY.fingerprint


def test_import_protects_before_anything_is_written(shop, palate):
    code, out, err = palate("data", "import", "table", "src", "shop", *ARGUMENTS, IMAGES, "--protect", "key", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)["privacy"]
    assert told["pseudonyms"] == 3
    assert told["masked"] == {
        "title": {"phone": 1}, "users.bio": {"phone": 1}, "interactions.text": {"phone": 1, "card": 1, "email": 1},
    }  # fmt: skip
    key = Key.read(shop / "key")
    assert stat.S_IMODE(os.stat(shop / "key").st_mode) == 0o600
    data = folder.load("shop")
    assert data.users.ids == tuple(map(key.pseudonym, (ANN, BOB, "carl")))
    assert data.people.table["avatar"][0] == f"media/users.avatar/{key.pseudonym(ANN)}.jpg"
    assert data.people.media_path(1, "avatar").is_file()
    assert data.interactions.column("shot")[1] == f"media/interactions.shot/shots/{key.pseudonym(BOB)}_1.jpg"
    assert data.interactions.column("text").to_list()[0] == "Call [phone], card [card]"
    everything = cells(shop / "shop")
    assert not [text for text in everything if ANN in text or SECRET in text or key.secret.hex() in text]
    assert [text for text in everything if BOB in text] == [BOB]  # of the column 'friend', of which a note tells
    assert any("'users.friend' equal ids of users" in note for note in told["notes"])
    assert quarantine.read(shop / "shop")["row"].to_list() == [5, 6]
    assert SECRET.encode() in (shop / "src" / "avatars" / f"{ANN}.jpg").read_bytes()


def test_protecting_a_folder_gives_what_the_import_gives(shop, palate):
    assert palate("data", "import", "table", "src", "shop", *ARGUMENTS, IMAGES, "--protect", "key")[0] == 0
    assert palate("data", "protect", "raw", "safe", "--key", "key")[0] == 0
    assert palate("data", "protect", "safe", "again", "--key", "key")[0] == 0
    one, two, three = (folder.load(name) for name in ("shop", "safe", "again"))
    assert one.fingerprint == two.fingerprint == three.fingerprint
    assert one.privacy == two.privacy == three.privacy
    assert cells(shop / "shop") - cells(shop / "safe") <= {(shop / "shop" / "dataset.toml").read_text()}
    assert folder.load("raw").users.ids[0] == ANN


def test_every_copy_keeps_the_record(shop):
    protect(shop / "raw", shop / "safe", Protection(KEY))
    data = folder.load(shop / "safe")
    folder.save(data, shop / "copy")
    folder.save_split(shop / "copy", pl.Series(["train"] * len(data.interactions)))
    folder.save_column(shop / "copy", "items", "pages", pl.Series([1, 2]), "number")
    assert folder.load(shop / "copy").privacy == data.privacy
    assert folder.privacy_of(shop / "copy").key == KEY.fingerprint


def test_parts_made_of_what_was_masked_are_left_out(shop):
    data = folder.load(shop / "raw")
    vectors = {name: features_of(np.ones((2, 3)), modality="text") for name in ("title", "photo")}
    users = {
        "users.bio": features_of(np.ones((3, 2)), of="users"),
        "users.avatar": features_of(np.ones((3, 2)), of="users"),
    }
    folder.save(data.with_features(**vectors, **users), shop / "raw")
    done = protect(shop / "raw", shop / "safe", Protection(KEY))
    assert set(done.dropped) == {"title", "users.bio"}
    fresh = folder.load(shop / "safe")
    assert set(fresh.features) == {"photo", "users.avatar"}
    assert pl.read_parquet(shop / "safe/features/users.avatar/ids.parquet")["id"].to_list() == list(fresh.users.ids)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("raw", "safe", "--key", "raw/key"), "lies in raw"),
        (("raw", "safe", "--key", "safe/deep/key"), "lies in safe"),
        (("raw", "safe", "--key", "nowhere/key"), "is not there"),
        (("raw", "safe", "--key", "src"), "is a folder"),
        (("raw", "safe", "--key", "src/items.csv"), "others can read the key"),
        (("raw", "safe", "--key", "odd"), "holds no key"),
        (("raw", "raw", "--key", "key"), "would take its own place"),
        (("raw", "src", "--key", "key"), "holds something other than a dataset"),
        (("gone", "safe", "--key", "key"), "there is no dataset folder"),
        (("raw", "safe", "--regions", "uk"), "the region 'uk' is unknown"),
        (("raw", "safe", "--no-texts", "--no-media"), "nothing is to be done"),
        (("mine", "safe", "--key", "key"), "pseudonyms by the key"),
        (("mine", "safe", "--key", "other"), "is not there"),
    ],
)
def test_what_is_refused(shop, palate, words, told):
    protect(shop / "raw", shop / "mine", Protection(KEY))
    (shop / "odd").write_text("hello")
    (shop / "odd").chmod(0o600)
    if words[-1] == "key" and words[0] == "mine":
        Key.made(shop / "key")
        told = f"pseudonyms by the key {KEY.fingerprint}"
    code, out, err = palate("data", "protect", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert not (shop / "safe").exists()


def test_an_import_does_not_lose_pseudonyms(shop, palate):
    words = ("data", "import", "table", "src", "shop", *ARGUMENTS, IMAGES)
    assert palate(*words, "--protect", "key")[0] == 0
    before = folder.load("shop").fingerprint
    code, _, err = palate(*words)
    assert code == 2
    assert "would put real ids in their place" in err
    Key.made(shop / "second")
    code, _, err = palate(*words, "--protect", "second")
    assert code == 2
    assert "are pseudonyms by the key" in err
    assert palate(*words, "--protect", "key")[0] == 0
    assert folder.load("shop").fingerprint == before


def test_vectors_of_a_dataset_with_real_ids_do_not_come_along(shop, palate):
    users = {"users.avatar": features_of(np.ones((3, 2)), of="users")}
    folder.save(folder.load("raw").with_features(**users), "raw")
    content = shop / "raw/features/users.avatar/content.safetensors"
    content.write_bytes(b"digests")
    assert palate("data", "import", "table", "src", "raw", *ARGUMENTS, IMAGES, "--protect", "key")[0] == 0
    assert not (shop / "raw/features").exists()


def test_the_pseudonym_of_an_id(shop, palate):
    assert palate("data", "protect", "raw", "safe", "--key", "key")[0] == 0
    key = Key.read(shop / "key")
    code, out, _ = palate("data", "pseudonym", BOB, ANN, "--key", "key", "--in", "safe")
    assert (code, out) == (0, f"{key.pseudonym(BOB)}\n{key.pseudonym(ANN)}\n")
    code, out, _ = palate("data", "pseudonym", "zed", "--key", "key", "--json")
    assert json.loads(out) == {"rows": [{"user_id": "zed", "pseudonym": key.pseudonym("zed")}]}
    code, _, err = palate("data", "pseudonym", "zed", "--key", "key", "--in", "safe")
    assert code == 2
    assert "there is no user 'zed' in safe" in err


def test_a_key_is_made_once(tmp_path):
    first = Key.made(tmp_path / "key")
    assert Key.made(tmp_path / "key") == first == Key.read(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(DataError, match="chmod 600"):
        Key.read(tmp_path / "key")
