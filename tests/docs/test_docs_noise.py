"""The page of noise is what its script writes, and says what the guides say of it."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from doc_blocks import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

import noise
from noise_training import STATES, WAYS

PAGE = (ROOT / "docs" / "results" / "noise.md").read_text(encoding="utf-8")


def finders():
    rows = re.findall(
        r"^\| ([^|`]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.–]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE
    )
    return {
        name: (*(int(n.replace(",", "")) for n in counts), precision, recall)
        for name, *counts, precision, recall in rows
    }


def figures(metric):
    section = PAGE.split(f"## {metric}")[1].split("\n## ")[0]
    rows = re.findall(
        r"^\| ([^|]+) \| `([\w-]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (.*) \| (.*) \|$", section, re.MULTILINE
    )
    return {
        (kind, model): (tuple(map(float, means)), *changes)
        for kind, model, *means, a, b in rows
        for changes in [(a, b)]
    }


def change(words):
    return tuple(map(float, re.findall(r"[+-]\d\.\d{4}", words)))


def test_the_page_says_what_its_notes_say():
    assert "\n".join(noise.NOTES) in PAGE
    found = finders()
    assert float(found["wrong pictures, mismatch"][4]) > float(
        found["wrong pictures, outlier, local outlier factor"][4]
    )
    precision, recall = found["wrong pictures, mismatch"][3:]
    assert float(precision) > 0.8
    assert float(recall) > 0.8
    assert found["near-duplicates (pairs)"][3] == found["bots, all"][3] == "1.00"


def test_shares_are_those_of_the_counts():
    assert len(finders()) >= 13
    for name, (told, right, planted, precision, recall) in finders().items():
        assert right <= min(told, planted), name
        assert precision == (f"{right / told:.2f}" if told else "–"), name
        assert recall == f"{right / planted:.2f}", name


@pytest.mark.parametrize("metric", noise.METRICS)
def test_every_noise_and_model_is_judged(metric):
    found = figures(metric)
    assert set(found) == {(kind, model) for kind in noise.KINDS for model in noise.MODELS}
    for (clean, spoilt, cleaned), lost, back in found.values():
        mean, low, high = change(lost)
        assert mean == pytest.approx(spoilt - clean, abs=2e-4)
        assert low <= mean <= high
        assert change(back)[0] == pytest.approx(cleaned - spoilt, abs=2e-4)


def trained(metric):
    section = PAGE.split(f"## Training on noise, {metric}")[1].split("\n## ")[0]
    return {row[0]: row[1:] for line in section.splitlines() if (row := line.strip("|").split(" | ")) and len(row) == 7}


@pytest.mark.parametrize("metric", noise.METRICS)
def test_every_way_of_training_is_held_against_the_one_without(metric):
    rows = {name.strip(): cells for name, cells in trained(metric).items()}
    assert set(map(str, WAYS)) <= set(rows)
    for way in WAYS:
        means, gains = rows[str(way)][:3], rows[str(way)][3:]
        if not way.setting:
            assert not "".join(gains).strip()
            continue
        low, high = change(gains[1])[1:]
        assert low < 0 < high  # as the notes say of what is spoilt
        for mean, base, gain in zip(means, rows[way.base][:3], gains, strict=True):
            middle, low, high = change(gain)
            assert middle == pytest.approx(float(mean) - float(base), abs=2e-4)
            assert low <= middle <= high


def test_cleaning_brings_back_most_of_what_networks_lose():
    for way in WAYS:
        clean, spoilt, cleaned = map(float, trained("recall@20")[f" {way}"][:3])
        assert way.setting or cleaned - spoilt > 0.5 * (clean - spoilt)


def seed(value):
    kinds = [f"{kind}, {state}, {model}, {metric}" for kind in noise.KINDS for state in ("spoilt", "cleaned")
             for model in noise.MODELS for metric in noise.METRICS]  # fmt: skip
    kinds += [f"training, {state}, {way}, {metric}" for state in STATES for way in WAYS for metric in noise.METRICS]
    return {"found": {"bots, all": [4, 3, 6]}, "figures": dict.fromkeys(kinds, value)}


def test_the_script_counts_and_averages_over_seeds():
    page = noise.report([seed(0.1), seed(0.3)], "head")
    assert "| bots, all | 8 | 6 | 12 | 0.75 | 0.50 |" in page
    assert "| all three | `als` | 0.2000 | 0.2000 | 0.2000 | +0.0000 [+0.0000 +0.0000] |" in page
    assert f"| lattice agree=0 | 0.2000 | 0.2000 | 0.2000{' | +0.0000 [+0.0000 +0.0000]' * 3} |" in page
    assert noise.interval([0.1, 0.3]) == "+0.2000 [-1.0706 +1.4706]"


def test_disguised_bots_go_their_ways(tiny):
    n, each = len(tiny.users), np.bincount(tiny.interactions.user)
    way = np.full(n, -1)
    way[:3] = (0, 1, 2)
    data = noise._disguised(tiny, way, 0)
    rows = [np.flatnonzero(data.interactions.user == user) for user in range(3)]
    assert np.array_equal(data.interactions.time[rows[0]], tiny.interactions.time[rows[0]])
    assert np.abs(np.diff(data.interactions.time[rows[1]]) - 1200).max() <= 10
    assert len(rows[2]) == each[2]
    assert (np.diff(data.interactions.time[rows[2]]) >= 0).all()
