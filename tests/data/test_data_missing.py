"""Rows that lose a part on purpose."""

import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError
from palate.data.missing import with_missing


def gone(tiny, share, seed=0, parts=("title", "photo")):
    poorer = with_missing(tiny, parts, share, seed)
    return {name: tiny.part(name).present & ~poorer.part(name).present for name in parts}


@pytest.mark.parametrize(
    ("share", "titles", "photos"), [(0, 0, 0), (0.1, 3, 2), (0.5, 15, 12), (0.9, 27, 22), (1, 30, 25)]
)
def test_the_share_is_of_what_is_there(tiny, share, titles, photos):
    lost = gone(tiny, share)
    assert (lost["title"].sum(), lost["photo"].sum()) == (titles, photos)


def test_draws_are_nested_seeded_and_apart(tiny):
    for few, more in ((0.1, 0.3), (0.3, 0.8)):
        for name in ("title", "photo"):
            assert not (gone(tiny, few)[name] & ~gone(tiny, more)[name]).any()
    assert (gone(tiny, 0.5)["title"] == gone(tiny, 0.5)["title"]).all()
    assert (gone(tiny, 0.5)["title"] != gone(tiny, 0.5, seed=1)["title"]).any()
    assert (gone(tiny, 0.5)["title"] == gone(tiny, 0.5, parts=("title",))["title"]).all()
    assert (gone(tiny, 0.5)["title"] != gone(tiny, 0.5)["photo"])[tiny.part("photo").present].any()


def test_nothing_else_changes(tiny):
    poorer = with_missing(tiny, ["photo"], 0.5)
    assert poorer.part("title") is tiny.part("title")
    assert poorer.interactions is tiny.interactions
    table = poorer.part("photo")
    assert (table.values[table.present] == tiny.part("photo").values[table.present]).all()
    assert not table.values[~table.present].any()
    assert table.fingerprint != tiny.part("photo").fingerprint
    assert tiny.part("photo").present.sum() == 25


def test_wrong_requests_are_refused(tiny):
    with pytest.raises(DataError, match="there is no part 'poster'"):
        with_missing(tiny, ["poster"], 0.5)
    for share in (-0.1, 1.1, np.nan):
        with pytest.raises(ConfigError, match="from 0"):
            with_missing(tiny, ["photo"], share)


def test_an_item_loses_all_of_its_reviews(tiny):
    from palate.data.features import features_of

    rows = np.arange(len(tiny.interactions), dtype=float)[:, None]
    data = tiny.with_features(review=features_of(rows, of="interactions"))
    poorer = with_missing(data, ["review"], 0.4)
    had, has = (each.item_parts(("review",))["review"].present for each in (data, poorer))
    assert (had.sum(), has.sum()) == (30, 18)
    left = poorer.part("review").present
    assert (left == has[data.interactions.item]).all()
