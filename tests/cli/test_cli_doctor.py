"""palate doctor names extras that there are."""

from __future__ import annotations

import importlib.util
import json
import tomllib

from doc_blocks import ROOT
from palate.cli import _run
from palate.cli.doctor import LIBRARIES


def test_each_library_is_of_an_extra_that_installs_it():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    missing = [
        (library, extra)
        for library, extra in LIBRARIES.items()
        if not any(line.startswith(library.replace("_", "-")) for line in extras.get(extra, []))
    ]
    assert missing == []


def test_it_tells_which_are_here(capsys):
    assert _run(["doctor", "--json"], debug=False) == 0
    told = json.loads(capsys.readouterr().out)["libraries"]
    here = {name: importlib.util.find_spec(name) is not None for name in LIBRARIES}
    assert {name: version is not None for name, version in told.items()} == here


def test_what_to_type_names_the_extra(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert _run(["doctor"], debug=False) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} not installed: pip install 'palate[{extra}]'" in said for name, extra in LIBRARIES.items())
