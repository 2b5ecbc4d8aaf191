"""A service that is killed, and a disk that is full, while people do things."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import numpy as np
import pytest

from databases import free_port
from palate import Client, ServiceError
from palate.data.store import Store, store_of
from services import served
from writers import every_event_is_there_once, written_to

SOAK = [pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=SOAK)])
def test_kill_9_loses_nothing_and_doubles_nothing(folder, bundle, kills):
    rng = np.random.default_rng(kills)
    with served(folder, port=free_port()) as service, written_to(service.url, bundle.data.items.ids) as writers:
        for turn in range(kills):
            before = sum(len(writer.had) for writer in writers)
            while sum(len(writer.had) for writer in writers) < before + 20:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.1))
            with Client(service.url) as client:
                client.put_item(f"lamp {turn}", {"title": f"Lamp {turn}"})
                service.kill()
                service.start()
                assert client.item(f"lamp {turn}").title == f"Lamp {turn}"
        for writer in writers:
            writer.stop()
        assert [trouble for writer in writers for trouble in writer.troubles] == []
        for writer in writers:
            with Client(service.url) as client:
                newest = {event.event_id for event in client.history(writer.label, limit=1000).events}
            assert set(writer.had[-20:]) <= newest
        every_event_is_there_once(store_of(folder), writers)


def full(client, item):
    """Send events until one is refused; returns what was accepted, and the refusal."""
    had = []
    for number in range(3000):
        ids = [f"full {number} {each}" for each in range(20)]
        events = [{"event_id": each, "user_id": "u" * 200, "item_id": item, "kind": "k" * 200} for each in ids]
        try:
            client.events(events)
        except ServiceError as error:
            return had, error
        had += ids
    raise AssertionError("the disk never got full")


def a_full_disk_is_borne(service, url, item, make_room):
    """Fill the disk of a service, and make room; returns the events that it has in the end, and those that it accepted."""
    picture = service.log.with_name("picture.png")
    picture.write_bytes(bytes(3 << 20))
    with Client(service.url, retries=0) as client:
        had, error = full(client, item)
        assert error.status == 503
        assert "could not be used" in str(error)
        assert "nothing of this was kept" in str(error)
        with pytest.raises(ServiceError) as told:
            client.events(
                [{"event_id": f"more {number}", "user_id": "u" * 300, "item_id": item} for number in range(500)]
            )
        assert told.value.status == 503
        with pytest.raises(ServiceError, match="nothing of this was kept"):
            client.put_item("big", {"title": "Big lamp"}, {"photo": picture})
        assert client.recommend("user 3", k=3).items
        assert client.history("u" * 200, limit=5).events
        make_room()
        assert client.put_item("big", {"title": "Big lamp"}, wait=20).live
        assert client.events([{"event_id": "at last", "user_id": "ann", "item_id": item}]).accepted == 1
        assert client.history("ann").events[0].event_id == "at last"
        assert client.ready()
    assert "Traceback" not in service.said()
    service.kill()
    store = Store(url)
    kept = [event.event_id for event in store.since(0, 1_000_000)]
    store.close()
    return kept, [*had, "at last"]


@pytest.mark.skipif(os.name != "posix", reason="limits of processes")
def test_files_that_may_not_grow(folder, bundle):
    with served(folder) as service:
        service.limit_files(1 << 20)
        item = bundle.data.items.ids[0]
        kept, accepted = a_full_disk_is_borne(service, store_of(folder), item, lambda: service.limit_files(-1))
    assert kept == accepted


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="mount is absent")
def test_a_disk_that_is_full(folder, bundle, small_disk):
    url = f"sqlite:///{small_disk / 'events.db'}"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    with served(folder, "--store", url) as service:
        kept, accepted = a_full_disk_is_borne(service, url, bundle.data.items.ids[0], ballast.unlink)
    assert kept == accepted
