"""A small shop served in the process."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from palate.bundle import Bundle
from palate.data.features import FeatureTable
from palate.encoders.tf_idf import TfIdf
from palate.models import ContentKNN
from palate.serving.app import create_app
from small_shop import write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    data = write_shop(tmp_path_factory.mktemp("served") / "shop")
    texts = data.catalogue.table["title"].to_list()
    encoder = TfIdf(dim=16).fit(texts)
    values, present = encoder.encode([encoder.decode(text) for text in texts])
    words = FeatureTable(values, present, "words", "items", "text", encoder.reference())
    return data.with_features(title=words)


@pytest.fixture(scope="module")
def bundle(shop):
    return Bundle.of(ContentKNN(neighbours=10).fit(shop), shop)


@pytest.fixture(scope="module")
def client(bundle):
    return TestClient(create_app(bundle), raise_server_exceptions=False)
