"""By what a part was standardised is known wherever the part goes."""

from dataclasses import replace

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.data.feature_folder import load_features, save_features
from palate.data.features import FeatureTable, features_of
from palate.data.interactions import Interactions
from palate.data.pooling import pooled
from palate.models import ContentKNN, VectorSpace
from palate.standardise.whitening import Whitening
from parted import shop, some_parts


def table(by="pca"):
    return FeatureTable(np.arange(8, dtype=np.float32).reshape(4, 2), np.ones(4, bool), "given", standardised=by)


def test_the_mark_goes_with_the_rows():
    assert table().take(np.array([3, -1])).standardised == "pca"
    assert table().dropped(np.array([True, False, False, False])).standardised == "pca"
    assert table().followed_by(table()).standardised == "pca"
    assert "standardised by pca" in repr(table())
    assert "standardised" not in repr(table(None))


def test_rows_that_were_standardised_otherwise_do_not_go_together():
    with pytest.raises(DataError, match="standardised by 'pca' and nothing do not go together"):
        table().followed_by(table(None))


@pytest.mark.parametrize("of", ["items", "interactions"])
def test_the_mark_is_a_piece_of_the_fingerprint(of):
    prints = {replace(table(by), of=of).fingerprint for by in (None, "pca", "l2")}
    assert len(prints) == 3


def test_the_mark_survives_on_disk(tmp_path):
    ids = IdMap("abcd")
    save_features(tmp_path, "photo", table(), ids)
    save_features(tmp_path, "plain", table(None), ids)
    found = load_features(tmp_path, ids)
    assert (found["photo"].standardised, found["plain"].standardised) == ("pca", None)
    assert found["photo"].fingerprint == table().fingerprint


def test_the_mark_survives_pooling():
    data = shop(2)
    log = data.with_interactions(Interactions(np.zeros(4, np.int32), np.array([0, 0, 1, 1]), np.ones(4, np.float32)))
    log = log.with_features(**{"interactions.text": replace(table(), of="interactions")})
    assert pooled(log, "interactions.text").standardised == "pca"


@pytest.mark.parametrize("kind", [ContentKNN, VectorSpace])
def test_a_model_keeps_the_mark_and_reads_nothing_that_has_another(kind):
    parts = some_parts({"a": 6, "b": 4})
    data = shop(50)
    standardiser = Whitening().fit(parts, data)
    made = standardiser.standardise(parts)
    model = kind().fit(data.with_features(**made))
    again = kind().load_state(model.state())
    assert {name: part.standardised for name, part in again.parts.items()} == {"a": "whitening", "b": "whitening"}
    assert np.array_equal(again.vectors.values, model.vectors.values)
    assert np.array_equal(model.reading(made).vectors.values, model.vectors.values)
    with pytest.raises(DataError, match=r"'a' was standardised by 'whitening' when .* was fitted, and by nothing now"):
        model.reading(parts)


def test_a_part_without_a_mark_is_as_it_was():
    values = np.arange(8, dtype=np.float32).reshape(4, 2)
    assert features_of(values).standardised is None
