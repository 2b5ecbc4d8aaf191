"""The pages of docs/ name everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from palate.align import registry as aligners
from palate.augment import registry as augmentations
from palate.bundle import Bundle
from palate.complete import registry as completers
from palate.data.sources import registry as sources
from palate.data.split import registry as splitters
from palate.encoders import registry as encoders
from palate.fusion import registry as fusions
from palate.fusion.late import registry as late
from palate.metrics import COMPAT, NAMES
from palate.metrics.prediction import CLICKS, RATINGS
from palate.models import ItemKNN
from palate.models import registry as models
from palate.retrieval.indexes import registry as indexes
from palate.serving.app import create_app
from palate.standardise import registry as standardisers

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("data.md", sources.names()), ("data.md", splitters.names()), ("encoders.md", encoders.names()),
        ("encoders.md", augmentations.names()),
        ("models.md", models.names()), ("models.md", fusions.names()), ("models.md", late.names()),
        ("models.md", aligners.names()), ("models.md", completers.names()), ("models.md", standardisers.names()),
        ("evaluation.md", list(NAMES)), ("evaluation.md", [*RATINGS, *CLICKS]), ("evaluation.md", list(COMPAT)),
        ("search.md", indexes.names()),
    ],
)  # fmt: skip
def test_every_part_is_documented(page, names):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert names
    assert [name for name in names if f"| `{name}`" not in text and f"`{name}` trains" not in text] == []


def test_the_widths_of_the_encoders_are_true():
    rows = re.findall(r"^\| `([\w-]+)` \|[^|]+\| (\d+) \|", (DOCS / "encoders.md").read_text(encoding="utf-8"), re.M)
    assert len(rows) >= 7
    assert {name: int(width) for name, width in rows} == {name: encoders.get(name)().dim for name, _ in rows}


def test_every_route_is_documented(tiny):
    app = create_app(Bundle.of(ItemKNN().fit(tiny), tiny))
    text = (DOCS / "serving.md").read_text(encoding="utf-8")
    paths = [path.replace(":path", "") for path in app.openapi()["paths"]]
    assert len(paths) >= 9
    assert [path for path in paths if f" {path}`" not in text] == []
