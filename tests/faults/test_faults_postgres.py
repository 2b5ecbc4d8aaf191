"""PostgreSQL goes away and comes back while people do things."""

from __future__ import annotations

import time

import pytest

from palate import Client, ServiceError
from services import served
from writers import every_event_is_there_once, written_to

SOAK = [pytest.mark.soak, pytest.mark.timeout(1800)]


def had(writers):
    return sum(len(writer.had) for writer in writers)


def wait_for_more(writers, n=20):
    end, wanted = time.monotonic() + 30, had(writers) + n
    while had(writers) < wanted:
        assert time.monotonic() < end, [writer.troubles for writer in writers]
        time.sleep(0.01)


@pytest.mark.parametrize("stops", [2, pytest.param(20, marks=SOAK)])
def test_a_database_that_goes_away_is_told_of_and_comes_back(folder, bundle, database, stops):
    item = bundle.data.items.ids[0]
    url = database.new()
    with served(folder, "--store", url) as service:
        with written_to(service.url, bundle.data.items.ids) as writers:
            for turn in range(stops):
                wait_for_more(writers)
                known = next(writer for writer in writers if writer.had)
                database.stop(("fast", "immediate")[turn % 2])
                service.wait_for(503)
                with Client(service.url, retries=0) as client:
                    for refused in (
                        lambda: client.events([{"user_id": "ann", "item_id": item}]),
                        lambda: client.feedback(3),
                        lambda: client.erase("ann"),
                        lambda: client.history(known.label),  # noqa: B023
                        client.ready,
                    ):
                        with pytest.raises(ServiceError, match="could not be used") as told:
                            refused()
                        assert told.value.status == 503
                    assert client.recommend("user 3", k=3).items
                    assert client.similar(item, k=3).items
                database.start()
                service.wait_for(200)
            wait_for_more(writers)
        assert [trouble for writer in writers for trouble in writer.troubles] == []
        every_event_is_there_once(url, writers)
        with Client(service.url) as client:
            client.events([{"user_id": "ann", "item_id": item}])
            assert client.recommend("ann", k=3).fallback is None
        assert "Traceback" not in service.said()
