"""What every database of a live service must do, SQLite and PostgreSQL alike."""

import multiprocessing
import threading

import pytest

from databases import postgres
from palate.core.errors import ConfigError, DataError, StoreError
from palate.data.store import Erased, Event, Key, Posted, Said, Store, key_digest
from palate.data.store._connection import connect
from palate.data.store._schema import FACTS, TABLES


@pytest.fixture(scope="module")
def server():
    with postgres() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'live' / 'events.db'}"
    return request.getfixturevalue("server").url


@pytest.fixture
def store(url):
    if url.startswith("postgresql"):
        engine = connect(url)
        TABLES.drop_all(engine)
        engine.dispose()
    made = Store(url, clock=lambda: 1000.9)
    yield made
    made.close()


def events(*numbers, user="ann"):
    return [Event(f"e{n}", user, f"i{n}", "click", 1.0, n) for n in numbers]


def test_events_come_back_in_the_order_of_acceptance(store):
    assert store.append(events(3, 1)) == [True, True]
    assert store.append(events(2)) == [True]
    found = store.since(0)
    assert [event.event_id for event in found] == ["e3", "e1", "e2"]
    assert found[0] == Event("e3", "ann", "i3", "click", 1.0, 3, cursor=found[0].cursor)
    assert store.since(found[1].cursor) == found[2:]
    assert store.since(0, limit=1) == found[:1]
    assert store.since(found[-1].cursor) == []


def test_an_event_is_kept_once(store):
    store.append(events(1, 2))
    assert store.append([*events(2, 3), *events(3)]) == [False, True, False]
    changed = Event("e1", "bob", "other")
    assert store.append([changed]) == [False]
    assert [(event.event_id, event.user_id) for event in store.since(0)] == [
        ("e1", "ann"),
        ("e2", "ann"),
        ("e3", "ann"),
    ]
    assert store.append([]) == []


def test_a_history_begins_with_the_newest(store):
    store.append([*events(5, 9, 7), *events(8, user="bob")])
    assert [event.timestamp for event in store.history("ann")] == [9, 7, 5]
    assert [event.timestamp for event in store.history("ann", limit=1)] == [9]
    assert store.history("nobody") == []


@pytest.mark.parametrize("word", ["", "naïve", "漢字", "🎬", "'; DROP TABLE palate_events; --", "a\nb", "x" * 10_000])
def test_any_text_comes_back_as_it_was(store, word):
    store.append([Event("e" + word, "u" + word, "i" + word, "k" + word)])
    (found,) = store.history("u" + word)
    assert (found.event_id, found.item_id, found.kind) == ("e" + word, "i" + word, "k" + word)


def test_the_newest_word_on_an_item_stands(store):
    first = store.post(Posted("shoe", {"title": "Shoe", "price": 3.5}, {"photo": "shoe.png"}))
    second = store.post(Posted("hat", {"title": "Hut ✓"}))
    third = store.post(Posted("shoe", gone=True))
    assert first < second < third
    assert store.item("shoe") == Posted("shoe", gone=True, cursor=third)
    assert store.item("hat") == Posted("hat", {"title": "Hut ✓"}, cursor=second)
    assert store.item("sock") is None
    assert [item.item_id for item in store.posted()] == ["hat", "shoe"]
    assert [item.item_id for item in store.posted(second)] == ["shoe"]


def test_the_files_of_an_item_go_with_the_newest_word_on_it(store):
    picture = bytes(range(256)) * 1000
    shoe = Posted("shoe", {}, {"photo": "ab.png", "sound": "cd.wav"})
    store.post(shoe, {"photo": picture, "sound": b""})
    store.post(Posted("hat", {}, {"photo": "ab.png"}), {"photo": b"hat"})
    assert store.medium("shoe", "photo") == picture
    assert store.medium("shoe", "sound") == b""
    assert store.medium("shoe", "film") is None
    store.post(Posted("shoe", {}, {"photo": "ef.png"}), {"photo": b"new"})
    assert store.medium("shoe", "photo") == b"new"
    assert store.medium("shoe", "sound") is None
    store.post(Posted("shoe", gone=True))
    assert store.medium("shoe", "photo") is None
    assert store.medium("hat", "photo") == b"hat"


def test_vectors_are_kept_under_keys(store):
    kept = {f"k{number}": bytes([number % 256]) * 8 for number in range(1200)}
    store.keep_vectors(kept)
    store.keep_vectors({"k1": b"another", "k9999": b"z"})
    assert store.vectors([*kept, "unknown"]) == kept
    assert store.vectors([]) == {}


def test_the_tables_of_an_older_palate_are_brought_up_to_date(url):
    store = Store(url)
    store.append(events(1))
    for table in ("palate_media", "palate_vectors"):
        TABLES.tables[table].drop(store.engine)
    with store.engine.begin() as connection:
        connection.execute(FACTS.update().where(FACTS.c.name == "version").values(value="1"))
    store.close()
    store = Store(url)
    store.keep_vectors({"k": b"v"})
    assert store.vectors(["k"]) == {"k": b"v"}
    assert len(store.since(0)) == 1
    store.close()
    Store(url).close()


def test_feedback_is_summed_up(store):
    assert store.satisfaction().mean is None
    for value, text, user in ((5, "good", "ann"), (2, "", None), (5, "better", "bob")):
        store.say(Said(value, text, user, 7))
    found = store.satisfaction()
    assert (found.answers, found.mean, found.counts) == (3, 4.0, {1: 0, 2: 1, 3: 0, 4: 0, 5: 2})
    assert list(found.newest) == [Said(5, "better", "bob", 7), Said(5, "good", "ann", 7)]


def test_who_is_erased_is_gone_and_others_learn_of_it(store):
    store.append([*events(1, 2), *events(3, user="bob")])
    store.say(Said(1, "never again", "ann"))
    store.add_key("of ann", ["read"], "ann")
    assert store.erase("ann") == Erased(events=2, feedback=1, keys=1)
    assert [event.user_id for event in store.since(0)] == ["bob"]
    assert store.satisfaction().answers == 0
    ((cursor, digest),) = store.erased()
    assert digest == store.digest("ann") != store.digest("bob")
    assert "ann" not in digest
    assert store.erased(cursor) == []
    assert store.append(events(1)) == [True]


def test_cursors_of_what_was_erased_are_not_given_again(store):
    store.append(events(1))
    (first,) = store.since(0)
    store.erase("ann")
    store.append(events(2))
    (second,) = store.since(0)
    assert second.cursor > first.cursor


def test_a_key_is_known_by_what_it_is_and_kept_as_a_digest(store):
    secret = store.add_key("shop", ["write", "read"])
    bound = store.add_key("ann's", ["read"], "ann")
    shop, ann = Key("shop", frozenset({"read", "write"})), Key("ann's", frozenset({"read"}), "ann")
    assert list(store.known_keys().items()) == [(key_digest(bound), ann), (key_digest(secret), shop)]
    assert secret != store.add_key("third", ["read"])
    assert store.remove_key("third")
    with store.engine.connect() as connection:
        rows = str(list(connection.execute(TABLES.tables["palate_keys"].select())))
    assert secret not in rows
    assert store.remove_key("shop")
    assert not store.remove_key("shop")
    assert list(store.known_keys().values()) == [ann]


def test_a_key_needs_a_name_of_its_own_and_scopes_that_exist(store):
    store.add_key("shop", ["read"])
    with pytest.raises(DataError, match="a key named 'shop' already"):
        store.add_key("shop", ["read"])
    with pytest.raises(DataError, match="the scope 'root' is unknown: allowed are read, write, admin"):
        store.add_key("other", ["root"])
    with pytest.raises(DataError, match="was given no scope"):
        store.add_key("other", [])


def test_what_is_stored_is_there_when_it_is_opened_again(store, url):
    store.append(events(1))
    other = Store(url)
    assert other.since(0) == store.since(0)
    assert other.digest("ann") == store.digest("ann")
    other.close()


def test_many_writers_at_once_lose_nothing_and_readers_miss_nothing(store, url):
    seen, left = [], threading.Event()

    def follow():
        follower = Store(url)
        cursor = 0
        while True:
            ended = left.is_set()
            found = follower.since(cursor, limit=7)
            seen.extend(event.event_id for event in found)
            cursor = found[-1].cursor if found else cursor
            if ended and not found:
                break
        follower.close()

    def write(writer):
        for n in range(20):
            store.append(events(*(1000 * writer + 10 * n + m for m in range(3))))

    reader = threading.Thread(target=follow)
    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    left.set()
    reader.join()
    assert len(seen) == len(set(seen)) == 240


def _append_many(url, writer):
    store = Store(url)
    for n in range(20):
        store.append(events(*(1000 * writer + 10 * n + m for m in range(3))))
    store.close()


def test_two_processes_share_one_store(store, url):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_append_many, args=(url, n)) for n in range(2)]
    for process in others:
        process.start()
    for process in others:
        process.join()
    assert [process.exitcode for process in others] == [0, 0]
    assert len({event.event_id for event in store.since(0)}) == 120


def test_a_store_of_a_newer_palate_is_left_alone(store, url):
    with store.engine.begin() as connection:
        connection.execute(FACTS.update().where(FACTS.c.name == "version").values(value="99"))
    with pytest.raises(StoreError, match="have version 99, and this Palate knows those up to 2"):
        Store(url)


def test_a_failed_write_keeps_nothing_of_the_call(store):
    with pytest.raises(StoreError, match="nothing of this was kept"):
        store.append([*events(1), Event("e2", None, "i2")])
    assert store.since(0) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is no URL of a database"),
        ("mysql://host/shop", "of the kind 'mysql': allowed are sqlite and postgresql"),
        ("sqlite://", "would keep nothing: name a file"),
    ],
)
def test_a_store_that_cannot_be_is_refused(url, said):
    with pytest.raises(ConfigError, match=said):
        Store(url)


def test_a_server_that_is_not_there_is_told_without_its_password():
    with pytest.raises(StoreError, match="could not be used") as told:
        Store("postgresql://me:secret@127.0.0.1:1/shop")
    assert "secret" not in str(told.value)


def test_the_bytes_of_who_is_erased_are_in_no_file(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    store.append(events(*range(500), user="ann-the-unforgettable"))
    store.append(events(*range(500, 900), user="bob"))
    assert any(b"ann-the-unforgettable" in file.read_bytes() for file in tmp_path.iterdir())
    store.erase("ann-the-unforgettable")
    assert not [file for file in tmp_path.iterdir() if b"ann-the-unforgettable" in file.read_bytes()]
    assert len(store.since(0)) == 400
    store.close()


def test_bytes_that_a_reader_holds_back_are_told(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    store.append(events(1))
    with store.engine.connect() as reader:
        reader.execute(TABLES.tables["palate_events"].select()).fetchone()
        raw = store.engine.raw_connection()
        raw.cursor().execute("PRAGMA busy_timeout=50")
        raw.close()
        with pytest.raises(StoreError, match="their bytes are still in its log: ask again"):
            store.erase("ann")
    assert store.erase("ann").events == 0
    assert not [file for file in tmp_path.iterdir() if b"ann" in file.read_bytes()]
    store.close()


def test_a_store_without_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="has no folder that can be made"):
        Store(f"sqlite:///{tmp_path / 'file' / 'events.db'}")
