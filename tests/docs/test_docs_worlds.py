"""What docs/worlds.md says of the worlds is what they are."""

from __future__ import annotations

import re

import pytest

from doc_blocks import ROOT, run_page
from palate.data.worlds import registry
from palate.data.worlds._faults import FAULTS
from palate.data.worlds._settings import WorldConfig

PAGE = "docs/worlds.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def test_every_taste_is_told_with_its_default_and_its_attributes():
    rows = re.findall(r"^\| `([\w-]+)` \| `(\w+)` \| ([\d.]+) \| [^|]+ \| ([^|]*)\|", TEXT, re.M)
    told = {(scenario, taste): (float(default), attributes.strip()) for scenario, taste, default, attributes in rows}
    true = {}
    for name in registry.names():
        kind = registry.get(name)
        for field, about in kind.config_type.model_fields.items():
            if field.endswith("_taste"):
                taste = field.removesuffix("_taste")
                true[name, taste] = (about.default, ", ".join(kind.items_type.vocabulary.get(taste, {})))
    assert told == true


def test_every_scenario_and_every_fault_has_a_row():
    assert [name for name in registry.names() if f"| `{name}` | a" not in TEXT] == []
    faults = [*FAULTS, "missing_text", "duplicates", "bots"]
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", TEXT, re.M)) == set(faults) <= set(WorldConfig.model_fields)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_block_runs_in_order(tmp_path):
    assert run_page(PAGE, tmp_path) == 4
