"""Filters of recommendations, similar items and searches, in the library, over HTTP and on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from palate.bundle import Bundle
from palate.cli import _run
from palate.models import ItemKNN, Popularity
from palate.serving import Engine


def ids(answer):
    return [hit["item_id"] for hit in answer.json()["items"]]


@pytest.mark.parametrize(
    ("path", "more"),
    [("/v1/recommend/user%203", {}), ("/v1/recommend/nobody", {}), ("/v1/similar/tea%2F0", {}),
     ("/v1/similar/tea%2F0", {"by": "behaviour"})],
)  # fmt: skip
def test_the_filter_comes_before_the_cut(client, path, more):
    everything = ids(client.get(path, params={"k": 36, **more}))
    kept = [item for item in everything if int(item.split("/")[1]) >= 20]
    assert 3 < len(kept) < len(everything)
    found = client.get(path, params={"k": len(kept), "filter": "price >= 23.5", **more})
    assert ids(found) == kept
    assert found.json()["fallback"] == client.get(path, params={"k": 1}).json()["fallback"]


def test_a_search_is_filtered_by_json_and_by_form(client):
    everything = ids(client.post("/v1/search", json={"text": "green lamp", "k": 36}))
    cheap = [item for item in everything if int(item.split("/")[1]) < 6]
    assert len(cheap) > 2
    assert ids(client.post("/v1/search", json={"text": "green lamp", "k": 36, "filter": "price < 9.5"})) == cheap
    wrong = client.post("/v1/search", files={"image": ("x.png", b"12")}, data={"filter": "prize < 3"})
    assert wrong.status_code == 422
    assert "did you mean 'price'" in wrong.json()["error"]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [("prize < 3", "no column 'prize': did you mean 'price'"), ("price <", "at character 8"), ("", "the filter is empty"),
     ("__import__('os')", "at character 11"), ("price < 'x'", "holds numbers")],
)  # fmt: skip
def test_a_wrong_filter_is_one_sentence(client, where, sentence):
    asked = [
        client.get("/v1/recommend/user%203", params={"filter": where}),
        client.get("/v1/similar/tea%2F0", params={"filter": where}),
        client.post("/v1/search", json={"text": "lamp", "filter": where}),
    ]
    for answer in asked:
        assert answer.status_code == 422
        assert list(answer.json()) == ["error"]
        assert sentence in answer.json()["error"]


def test_a_filter_that_leaves_nothing_is_no_reason_to_fall_back(bundle):
    engine = Engine(bundle)
    assert engine.recommend("user 3", 5, "price < 0").model_dump() == {"items": [], "fallback": None}
    seen = ", ".join(f'"{bundle.data.items.ids[code]}"' for code in bundle.model.seen[[3]].indices)
    assert engine.recommend("user 3", 5, f"item_id in [{seen}]").model_dump() == {"items": [], "fallback": None}
    stranger = engine.recommend("nobody", 5, "price < 0")
    assert stranger.model_dump() == {"items": [], "fallback": "popularity"}
    assert engine.similar("tea/0", 5, "content", "price < 0").items == []


def test_scores_and_reasons_stay_what_they_are(shop):
    for model in (ItemKNN(), Popularity()):
        engine = Engine(Bundle.of(model.fit(shop), shop))
        full = {hit.item_id: hit for hit in engine.recommend("user 3", 36).items}
        for hit in engine.recommend("user 3", 36, "price > 10 and photo is not missing").items:
            assert np.isclose(hit.score, full[hit.item_id].score)
            assert [reason.of for reason in hit.reasons] == [reason.of for reason in full[hit.item_id].reasons]


def test_the_command_line_filters_too(bundle, tmp_path, capsys):
    bundle.save(tmp_path / "b")
    asked = (("recommend", "--user", "user 3"), ("similar", "--item", "tea/0"), ("search", "--text", "lamp"))
    for command, *words in asked:
        assert _run([command, str(tmp_path / "b"), *words, "--filter", "price < 9.5", "--json"], debug=False) == 0
        items = [hit["item_id"] for hit in json.loads(capsys.readouterr().out)["items"]]
        assert items
        assert all(int(item.split("/")[1]) < 6 for item in items)
        assert _run([command, str(tmp_path / "b"), *words, "--filter", "price < 9.5 and"], debug=False) == 2
        assert "at character 16 (its end): expected a column" in capsys.readouterr().err
    assert _run(["recommend", str(tmp_path / "b"), "--user", "user 3", "--filter", "price<0"], debug=False) == 0
    assert "nothing was found: no item passes the filter" in capsys.readouterr().out
