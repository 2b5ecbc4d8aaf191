"""A small shop, as a bundle in memory and as one on disk."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from databases import postgres
from palate.bundle import Bundle
from palate.data.store import Store
from palate.models import ItemKNN
from palate.serving.app import create_app
from small_shop import write_shop


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    shop = write_shop(tmp_path_factory.mktemp("faults") / "shop")
    return Bundle.of(ItemKNN().fit(shop), shop)


@pytest.fixture
def folder(bundle, tmp_path):
    """A bundle on disk, whose service has a store of its own."""
    bundle.save(tmp_path / "b")
    return tmp_path / "b"


@pytest.fixture(scope="module")
def client(bundle, tmp_path_factory):
    """A service in this process, with a store."""
    app = create_app(bundle, None, Store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'events.db'}"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def database():
    """A PostgreSQL server."""
    with postgres() as server:
        yield server
