"""The published table is of every model and every ground, as the script writes it."""

from __future__ import annotations

import re
import sys

from doc_blocks import ROOT
from palate.models import registry

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))


def test_every_model_stands_in_every_table():
    text = (ROOT / "docs" / "results" / "ground.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    from grounds import GROUNDS
    from rivals import RIVALS

    assert set(sections) == set(GROUNDS)
    for ground, section in sections.items():
        named = set(re.findall(r"^(?:\| )?`([\w\- ()]+)`", section, re.MULTILINE))
        assert named >= {*registry.names(), *RIVALS}, ground
        judged = re.findall(r"^\| `[\w\- ()]+` \| (\d\.\d{4})", section, re.MULTILINE)
        assert len(judged) >= 10, ground


def test_every_model_has_a_space_to_be_tuned_over():
    from spaces import SPACES

    assert set(registry.names()) - {"ensemble"} <= set(SPACES)
