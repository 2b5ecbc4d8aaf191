"""The recipe in the contributing guide makes a model that works."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def test_the_model_recipe_works(tiny, tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert code is not None
    path = tmp_path / "recency.py"
    path.write_text(code[1], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("recency", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    model = module.Recency(half_life=10).fit(tiny)
    frame = model.recommend(["u0"], k=3)
    assert frame.height == 3
    again = module.Recency(half_life=10).load_state(model.state())
    assert np.array_equal(again.heat, model.heat)


def test_every_file_that_the_guide_names_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"see\s+`(?:src/palate/)?([\w/]+\.py)`", text)
    assert len(named) == 3
    assert all((ROOT / "src" / "palate" / name).is_file() for name in named)
