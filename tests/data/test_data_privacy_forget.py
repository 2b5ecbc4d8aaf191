"""A person removed: nothing of theirs in any file, the others as they were, and killed half way it goes on."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.bundle import Bundle
from palate.bundle.forget import forget
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.state import State, write_arrays
from palate.data import folder
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.feature_folder import load_part
from palate.data.features import EncoderRef, features_of
from palate.data.interactions import Interactions
from palate.data.privacy.key import Key
from palate.data.privacy.mention import Mention
from palate.data.privacy.protect import Protection, protect
from palate.data.privacy.receipt import Receipt
from palate.data.privacy.search import search
from palate.models import ItemKNN, Popularity
from small_shop import tone

ANN, BOB = "ann-7@mail.example", "ann-7@mail.example.org"
"""The first is the beginning of the second."""
KEY = Key(bytes(range(32)))


def crowd(root=None, users=(ANN, BOB, "carl"), extra=None):
    """Each user likes three of six items; Ann is the first."""
    user = np.repeat(np.arange(len(users)), 3).astype(np.int32)
    item = (np.arange(len(user)) * 2 % 5 + np.arange(len(user)) % 2).astype(np.int32)
    events = Interactions(
        user,
        item,
        np.ones(len(user), np.float32),
        np.arange(len(user)),
        extra,
        {"clip": "audio"} if extra is not None and "clip" in extra.columns else {},
    )
    items = IdMap(f"i{code}" for code in range(6))
    goods = Catalogue(
        pl.DataFrame({"item_id": items.series, "title": [f"Thing {code}" for code in range(6)]}),
        {"title": "text"},
        root,
    )
    return Dataset(IdMap(users), items, events, goods)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A dataset folder with every kind of file, in each something of Ann, and a bundle."""
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    raw, ds = tmp_path / "raw", tmp_path / "shop"
    clips = [None] * 9
    for row, name in ((0, "mine.wav"), (1, "shared.wav"), (3, "shared.wav")):
        clips[row] = f"media/interactions.clip/{name}"
        path = raw / clips[row]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tone(200 + 100 * (name == "mine.wav")))
    text = ["fine", f"I am {ANN}", None, f"ask {ANN}, not {BOB}", "good", None, ANN, "so", "so"]
    data = crowd(raw, extra=pl.DataFrame({"text": text, "clip": clips}))
    people = pl.DataFrame(
        {"user_id": data.users.series, "bio": ["hello", f"friend of {ANN}.", None], "friends": [[BOB], [ANN, "carl"], []],
         "face": ["faces/a.jpg", "faces/b.jpg", None]}
    )  # fmt: skip
    for name in ("a", "b"):
        (raw / "faces").mkdir(exist_ok=True)
        (raw / "faces" / f"{name}.jpg").write_bytes(name.encode())
    tables = {
        "title": features_of(np.arange(12.0).reshape(6, 2)),
        "users.face": features_of(np.arange(6.0).reshape(3, 2), of="users"),
        "interactions.text": features_of(np.arange(18.0).reshape(9, 2), of="interactions"),
    }
    learned = features_of(np.ones((3, 2)), of="users")
    words = EncoderRef("tf-idf", {}, State({"idf": np.ones(2, np.float32)}, {"words": [ANN, "hello"]}))
    tables["users.bio"] = type(learned)(learned.values, learned.present, "x", "users", "text", words)
    whole = Dataset(
        data.users,
        data.items,
        data.interactions,
        data.catalogue,
        Catalogue(people, {"bio": "text", "face": "image"}, raw),
        tables,
    )
    rejected = pl.DataFrame(
        {"place": ["events.csv", "users.bio", "events.csv"], "row": [1, 2, 3], "id": [f"{ANN} → i1", ANN, f"{BOB} → i1"],
         "reason": ["bad"] * 3, "value": [None, None, f"{ANN} said"]}
    )  # fmt: skip
    folder.save(whole, ds, {"import": rejected})
    for part in ("users.face", "interactions.text"):
        table, _ = load_part(ds / "features" / part)
        keys = np.arange(16 * len(table), dtype=np.uint8).reshape(-1, 16)
        write_arrays(
            ds / "features" / part / "content.safetensors",
            {"keys": keys},
            json.dumps({"encoder": "e", "source": table.source}),
        )
    before = ds / "features/.before/users.face"
    before.mkdir(parents=True)
    for file in (ds / "features/users.face").iterdir():
        (before / file.name).write_bytes(file.read_bytes())
    heard = ds / "features/.speech/whisper.jsonl"
    heard.parent.mkdir()
    import hashlib

    told = [
        {
            "content": hashlib.blake2b((ds / clip).read_bytes(), digest_size=16).hexdigest(),
            "text": clip[-8:],
            "reason": None,
        }
        for clip in clips[:2]
    ]
    heard.write_text("\n" + "\n".join(map(json.dumps, told)) + "\n")
    (ds / "notes.json").write_text(json.dumps({"vip": [ANN, "ünïcode " + ANN]}))
    (tmp_path / "cache/graphs").mkdir(parents=True)
    (tmp_path / "cache/graphs/k.json").write_text("{}")
    data = folder.load(ds)
    Bundle.of(ItemKNN().fit(data), data).save(tmp_path / "knn.palate")
    return tmp_path


def bytes_of(path, what):
    """Return the files of a folder whose cells or bytes hold a text; written apart from the search that is tested."""
    found = []
    for file in sorted(path.rglob("*")):
        content = file.read_bytes() if file.is_file() else b""
        if file.suffix == ".parquet":
            content += pl.read_parquet(file).write_json().encode()
        hits = content.replace(BOB.encode(), b"").count(what.encode()) + (what in file.name)
        found += [str(file.relative_to(path))] if hits else []
    return found


def test_the_id_is_in_no_file_and_the_others_are_as_they_were(shop):
    ds = shop / "shop"
    assert len(bytes_of(ds, ANN)) == 8
    old = folder.load(ds)
    receipt = forget(ds, ANN, [shop / "knn.palate"])
    assert bytes_of(ds, ANN) == bytes_of(shop / "knn.palate", ANN) == []
    assert receipt.finished
    assert (receipt.found, receipt.elsewhere, receipt.unread) == ({}, {}, ())
    assert receipt.removed == {
        "interactions.parquet": 3, "users.parquet": 1, "quarantine.parquet": 2, "media": 2, "features/.speech": 1,
        "features/.before": 1, "features/users.face": 1, "features/interactions.text": 3,
    }  # fmt: skip
    assert receipt.masked == {
        "interactions.parquet text": 2, "users.parquet bio": 1, "users.parquet friends": 1, "quarantine.parquet value": 1, "notes.json": 2,
    }  # fmt: skip
    assert receipt.dropped == ("users.bio",)
    assert receipt.cache == 1
    data = folder.load(ds)
    assert data.users.ids == (BOB, "carl")
    assert data.interactions.item.tolist() == old.interactions.item[3:].tolist()
    assert data.interactions.column("text").to_list()[:2] == [f"ask [user], not {BOB}", "good"]
    assert data.people.table["friends"].to_list() == [["carl"], []]
    assert data.features["users.face"].values.tolist() == [[2, 3], [4, 5]]
    part = data.features["interactions.text"]
    assert part.values[:].tolist()[1] == [8, 9]
    assert part.present.tolist() == [
        False,
        True,
        True,
        False,
        True,
        True,
    ]  # two of them were made of what is masked now
    assert data.features["title"].fingerprint == old.features["title"].fingerprint
    assert (ds / "media/interactions.clip/shared.wav").is_file()
    assert (receipt.before, receipt.after) == (old.fingerprint, data.fingerprint)
    assert json.loads((ds / "notes.json").read_text()) == {"vip": ["[user]", "ünïcode [user]"]}


def test_vectors_that_were_encoded_are_used_again(shop):
    from palate.encoders.pipeline.store import PartStore

    before = PartStore(shop / "shop", "users.face").known("e", 2)
    forget(shop / "shop", ANN)
    after = PartStore(shop / "shop", "users.face").known("e", 2)
    assert list(after.place) == list(before.place)[1:]
    assert after.rows(list(after.place)).tolist() == [0, 1]


def test_the_receipt_holds_no_id_and_finds_the_person(shop):
    receipt = forget(shop / "shop", ANN)
    text = (shop / "shop/forgotten" / receipt.name).read_text()
    assert ANN not in text
    assert Receipt.of(json.loads(text)) == receipt
    assert receipt.concerns(ANN)
    assert not receipt.concerns(BOB)
    assert forget(shop / "shop", "carl").salt == receipt.salt
    assert len(Receipt.all_in(shop / "shop")) == 2
    again = forget(shop / "shop", ANN)
    assert (again.begun, again.removed) == (receipt.begun, receipt.removed)


def test_a_bundle_forgets_and_still_answers(shop):
    data = folder.load(shop / "shop")
    Bundle.of(Popularity().fit(data), data).save(shop / "people.palate")
    others = {
        name: Bundle.open(shop / f"{name}.palate").model.recommend([BOB, "carl"], 3) for name in ("knn", "people")
    }
    (shop / "people.palate.partial").mkdir()
    receipt = forget(shop / "shop", ANN, [shop / "knn.palate", shop / "people.palate"])
    assert [told["known"] for told in receipt.bundles] == [True, True]
    assert "train it again" in receipt.bundles[0]["stays"]
    assert not (shop / "people.palate.partial").exists()
    for name, before in others.items():
        bundle = Bundle.open(shop / f"{name}.palate")
        assert bundle.model.recommend([BOB, "carl"], 3).equals(before)
        assert (bundle.model.liked[[0]].nnz, bundle.model.seen[[0]].nnz) == (0, 0)
        assert 0 not in bundle.data.interactions.user.tolist()
        with pytest.raises(DataError, match="there is no user"):
            bundle.model.recommend(ANN)


def test_a_bundle_may_know_whom_the_dataset_does_not(shop):
    data = folder.load(shop / "shop")
    users = IdMap((*data.users.ids, "zoe"))
    events = Interactions(np.array([3], np.int32), np.array([0], np.int32), np.ones(1, np.float32))
    wider = Dataset(users, data.items, events, data.catalogue)
    Bundle.of(ItemKNN().fit(wider), wider).save(shop / "old.palate")
    with pytest.raises(DataError, match="there is no user 'zoe'"):
        forget(shop / "shop", "zoe")
    receipt = forget(shop / "shop", "zoe", [shop / "old.palate"])
    assert receipt.bundles[0]["events"] == 1
    assert set(receipt.removed) == {"features/.before"}  # whose it is cannot be told by the row
    assert "zoe" not in Bundle.open(shop / "old.palate").data.users


def test_vectors_of_people_become_zeros(shop):
    from palate.bundle.forget import forget_bundle

    path = shop / "knn.palate"
    state = State.load(path, "model")
    own = {"own": np.ones((3, 2), np.float32), "beside/known": np.ones(3, bool), "warm": np.ones(6, bool)}
    State({**state.arrays, **own}, state.meta).save(path, "model")
    from palate.bundle.manifest import Manifest

    Manifest._parsed(path).model_copy(update={"files": {}}).write(path)
    manifest = Manifest.read(path)
    (path / "manifest.json").unlink()
    manifest.sealed(path).write(path)
    assert forget_bundle(path, ANN)["vectors"] == ["own", "beside/known"]
    arrays = State.load(path, "model").arrays
    assert arrays["own"].tolist() == [[0, 0], [1, 1], [1, 1]]
    assert arrays["beside/known"].tolist() == [False, True, True]
    assert arrays["warm"].all()


@pytest.mark.parametrize("short", ["u1", "12", "thing"])
def test_an_id_that_is_a_part_of_others_is_handled_with_care(tmp_path, short):
    users = (short, f"{short}2", f"x{short}", f"{short}-b")
    data = crowd(users=users, extra=pl.DataFrame({"text": [f"{short} and {name}" for name in users for _ in range(3)]}))
    folder.save(data, tmp_path / "ds")
    receipt = forget(tmp_path / "ds", short)
    left = folder.load(tmp_path / "ds")
    assert left.users.ids == users[1:]
    assert left.interactions.column("text").to_list() == [f"{short} and {name}" for name in users[1:] for _ in range(3)]
    assert receipt.found == {}
    assert receipt.elsewhere["interactions.parquet text"] == 9  # once in each text, never in the others' ids
    assert receipt.elsewhere.get("items.parquet title", 0) == 0
    folder.save(data, tmp_path / "ds2")
    assert forget(tmp_path / "ds2", short, mentions=True).elsewhere == {}
    texts = folder.load(tmp_path / "ds2").interactions.column("text").to_list()
    assert texts == [f"[user] and {name}" for name in users[1:] for _ in range(3)]


def test_an_item_of_the_same_id_stays(tmp_path):
    data = crowd(users=("i1", "i2", "carl"))
    folder.save(
        data,
        tmp_path / "ds",
        {
            "import": pl.DataFrame(
                {
                    "place": ["title", "users.bio"],
                    "row": [1, 2],
                    "id": ["i1", "i1"],
                    "reason": ["a", "b"],
                    "value": [None, None],
                }
            )
        },
    )
    receipt = forget(tmp_path / "ds", "i1")
    left = folder.load(tmp_path / "ds")
    assert "i1" in left.items
    assert left.users.ids == ("i2", "carl")
    assert receipt.removed["quarantine.parquet"] == 1
    assert receipt.elsewhere["items.parquet item_id"] == 1
    assert receipt.found == {}


def test_the_last_person_can_go(tmp_path):
    folder.save(crowd(users=(ANN,)), tmp_path / "ds")
    assert forget(tmp_path / "ds", ANN).finished
    assert len(folder.load(tmp_path / "ds").users) == 0


def test_the_search_finds_what_is_planted(tmp_path):
    quoted = "ö-käufer 7"
    person = Mention(quoted)
    pl.DataFrame({"user_id": [quoted, "b"], "text": [f"by {quoted}!", f"x{quoted}"]}).write_parquet(
        tmp_path / "a.parquet", compression="zstd"
    )
    (tmp_path / "features/users.x").mkdir(parents=True)
    (tmp_path / "features/users.x/manifest.json").write_text('{"of": "users"}')
    pl.DataFrame({"id": ["b", quoted]}).write_parquet(tmp_path / "features/users.x/ids.parquet")
    pl.DataFrame({"step": ["s"], "id": [f"{quoted} → i"]}).write_parquet(tmp_path / "quarantine.parquet")
    pl.DataFrame({"friends": [["b", quoted]], "raw": [quoted.encode()]}).write_parquet(tmp_path / "lists.parquet")
    (tmp_path / "a.json").write_text(json.dumps([quoted]))
    (tmp_path / "b.txt").write_text("https://x.example/%C3%B6-k%C3%A4ufer%207?a=1")
    with gzip.open(tmp_path / "c.txt.gz", "wt") as file:
        file.write(quoted)
    write_arrays(tmp_path / "d.safetensors", {"a": np.ones(3, np.float32)}, quoted)
    (tmp_path / "e.zip").write_bytes(b"PK")
    found = search([tmp_path], person)
    assert found.theirs == {"a.parquet user_id": 1, "features/users.x/ids.parquet id": 1, "quarantine.parquet id": 1}
    assert found.elsewhere == {"a.parquet text": 2, "lists.parquet friends": 1, "lists.parquet raw": 1, "a.json": 1, "b.txt": 1, "c.txt.gz": 1, "d.safetensors": 1}  # fmt: skip
    assert found.unread == ("e.zip",)
    assert found.files == 10


IDS = st.lists(
    st.text("ab1-._ é@", min_size=1, max_size=7).filter(lambda name: name.strip()), min_size=2, max_size=6, unique=True
)


@settings(max_examples=8, deadline=None)
@given(ids=IDS)
def test_any_ids_leave_the_others_whole(ids, tmp_path_factory):
    ds = tmp_path_factory.mktemp("any") / "ds"
    folder.save(crowd(users=tuple(ids)), ds)
    before = folder.load(ds)
    receipt = forget(ds, ids[0])
    after = folder.load(ds)
    assert after.users.ids == tuple(ids[1:])
    assert after.interactions.item.tolist() == before.interactions.item[3:].tolist()
    assert receipt.found == {}


def test_pseudonyms_are_forgotten_by_the_id_as_it_came(shop, palate, monkeypatch):
    monkeypatch.chdir(shop)
    Key.made(shop / "key")
    protect(shop / "shop", shop / "safe", Protection(Key.read(shop / "key")))
    code, _, err = palate("data", "forget", "safe", "--user", ANN)
    assert code == 2
    assert "add --key KEY" in err
    code, out, _ = palate("data", "forget", "safe", "--user", ANN, "--key", "key", "--json")
    told = json.loads(out)
    assert (code, told["removed"]["interactions.parquet"], told["found"]) == (0, 3, {})
    assert bytes_of(shop / "safe", Key.read(shop / "key").pseudonym(ANN)) == []
    assert folder.load("safe").privacy.key


def test_the_command_line(shop, palate, monkeypatch):
    monkeypatch.chdir(shop)
    code, _, err = palate("data", "forget", "shop", "--user", "car")
    assert (code, "did you mean 'carl'?" in err) == (2, True)
    code, _, err = palate("data", "forget", "nowhere", "--user", "carl")
    assert (code, "there is no dataset folder" in err) == (2, True)
    code, _, err = palate("data", "forget", "shop", "--user", "carl", "--bundle", "nowhere")
    assert (code, "there is no bundle" in err) == (2, True)
    code, _, err = palate("data", "forget", "shop", "--user", "carl", "--key", "raw/key")
    assert (code, "is not there" in err) == (2, True)
    Key.made(shop / "key")
    code, _, err = palate("data", "forget", "shop", "--user", "carl", "--key", "key")
    assert (code, "are no pseudonyms" in err) == (2, True)
    assert "carl" in folder.load("shop").users
    code, out, err = palate("data", "forget", "shop", "--user", ANN, "--bundle", "knn.palate")
    assert (code, err) == (0, "")
    assert "the id is in none of them as a user's" in " ".join(out.split())
    assert "palate refit knn.palate --out knn.palate" in out
    assert max(map(len, out.splitlines())) <= 80


def test_an_import_tells_of_those_who_come_back(shop, palate, monkeypatch):
    monkeypatch.chdir(shop)
    (shop / "log.csv").write_text("user_id,item_id\nann-7,a\nbob,b\n")
    assert palate("data", "import", "table", "log.csv", "ds")[0] == 0
    assert palate("data", "forget", "ds", "--user", "ann-7")[0] == 0
    code, out, _ = palate("data", "import", "table", "log.csv", "ds", "--json")
    assert code == 0
    assert any("1 user who was removed" in note for note in json.loads(out)["notes"])
    assert len(Receipt.all_in(shop / "ds")) == 1


KILLER = """
import os, shutil, signal, sys
from pathlib import Path
left = int(sys.argv[3])
def deadly(plain):
    def run(*words, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*words, **more)
    return run
import palate.core.files as files
from palate.bundle.forget import forget
os.replace, shutil.rmtree = deadly(os.replace), deadly(shutil.rmtree)
forget(Path(sys.argv[1]), sys.argv[2], [Path(sys.argv[1]).with_name("knn.palate")])
"""


@pytest.mark.parametrize("step", [11, 13, 21], ids=["swap", "swapped", "bundle"])
def test_killed_half_way_the_same_command_finishes(shop, step):
    ds = shop / "shop"
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(ds), ANN, str(step)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    receipt = forget(ds, ANN, [shop / "knn.palate"])
    assert receipt.finished
    assert bytes_of(shop, ANN) == [name for name in bytes_of(shop, ANN) if name.startswith("raw/")]
    assert folder.load(ds).users.ids == (BOB, "carl")
    assert Bundle.open(shop / "knn.palate").model.recommend([BOB], 2).height == 2
    assert [path.name for path in shop.iterdir() if path.name.startswith(".")] == []
    assert receipt.removed["interactions.parquet"] == 3
