"""Asking a service in tests: items that are posted, ids of what is answered, and waiting for what comes in a moment."""

from __future__ import annotations

import json
import time


def put(client, item, given, status=200, wait=30, **files):
    """Post an item, with files where some are given, and return the answer; who does not wait may find it live all the same."""
    path = f"/v1/items/{item}?wait={wait}"
    if files:
        forms = {name: ("a.png", content) for name, content in files.items()}
        answer = client.put(path, data={"data": json.dumps(given)}, files=forms)
    else:
        answer = client.put(path, json=given)
    assert answer.status_code in ((status,) if wait else (status, 200, 202)), answer.text
    return answer.json()


def ids(answer):
    """Return the items of a list, best first."""
    assert answer.status_code == 200, answer.text
    return [hit["item_id"] for hit in answer.json()["items"]]


def wait_until(true, seconds=60):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
