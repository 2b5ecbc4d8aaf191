import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from palate.core import registry as room
from palate.core.errors import UnknownNameError
from palate.core.registry import Registry
from palate.models import Popularity, registry


def test_a_part_is_found_by_its_file_name():
    assert registry.get("popularity") is Popularity
    assert "item-knn" in registry.names()
    assert not any(name.startswith(("-", "_")) for name in registry.names())


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UnknownNameError, match="no model 'item-kn': did you mean 'item-knn'"):
        registry.get("item-kn")


def test_other_distributions_add_parts_by_entry_points(monkeypatch):
    asked = []

    def points(group):
        asked.append(group)
        return [EntryPoint("best-sellers", "palate.models.popularity:Popularity", group)]

    monkeypatch.setattr(room, "entry_points", points)
    fresh = Registry("model", "palate.models")
    assert fresh.get("best-sellers") is Popularity
    assert {"best-sellers", "ease"} <= set(fresh.names())
    assert asked == ["palate.models"]


def test_listing_the_names_imports_no_part():
    code = (
        "import sys; from palate.models import registry; registry.names(); print('palate.models.ease' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_part_says_what_it_is():
    assert all(row["summary"].endswith(".") for row in registry.summaries())
