"""The page of augmentations is what its script writes, and says what the guides say of it."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from doc_blocks import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

import augmentation

PAGE = (ROOT / "docs" / "results" / "augmentation.md").read_text(encoding="utf-8")


def rows(scene):
    """Return (row, training) -> [(mean, change, p) by metric] of a section; change and p are None without views."""
    about = augmentation.SCENES[scene]
    section = PAGE.split(f"## {about.ground}: `{about.column}` by `{about.encoder}`\n")[1].split("\n## ")[0]
    assert f"{about.size:,} items" in section
    found = {}
    for line in re.findall(r"^\| (.+) \|$", section, re.MULTILINE):
        row, events, *cells = line.split(" | ")
        if events not in augmentation.EVENTS:
            continue
        numbers = [None if cell == "–" else float(cell) for cell in cells]
        found[row, events] = [tuple(numbers[at : at + 3]) for at in range(0, len(numbers), 3)]
    return found


@pytest.mark.parametrize("scene", augmentation.SCENES)
def test_every_method_is_on_and_off(scene):
    found = rows(scene)
    names = [name for name, _ in augmentation.SCENES[scene].rows()]
    assert set(found) == {(name, events) for name in names for events in augmentation.EVENTS}
    for (name, events), cells in found.items():
        off = found[augmentation.OFF, events]
        for (mean, change, p), (base, *_) in zip(cells, off, strict=True):
            if name == augmentation.OFF:
                assert (change, p) == (None, None)
            else:
                assert mean - base == pytest.approx(change, abs=2e-4), (name, events)
                assert 0 < p <= 1


def test_every_registered_method_is_judged():
    from palate.augment import registry

    assert {name for scene in augmentation.SCENES.values() for name in scene.methods} == set(registry.names())


def test_the_verdict_is_that_of_the_tables():
    cells = [
        (change, p) for scene in augmentation.SCENES for row in rows(scene).values() for _, change, p in row
        if p is not None
    ]  # fmt: skip
    better, worse = (sum(p < 0.05 and sign * change > 0 for change, p in cells) for sign in (1, -1))
    assert f"Of {len(cells)} comparisons, {better} " in PAGE
    assert f" and {worse} worse" in PAGE


def test_the_guide_says_what_the_tables_say():
    guide = " ".join((ROOT / "docs" / "how-to" / "few-data.md").read_text(encoding="utf-8").split())
    judged = {}
    for scene in augmentation.SCENES:
        for (name, _), cells in rows(scene).items():
            for _, change, p in cells:
                if p is not None and p < 0.05:
                    judged.setdefault(name, set()).add(change > 0)
    assert judged == {"word-swap": {True}, "crop-text": {False}, "time-mask": {False}, "all": {False}}
    assert "`crop-text` and `time-mask` did harm" in guide
    assert "only `word-swap` with `tf-idf` did better" in guide


def user_figures(shift, users=40):
    values = (np.arange(users) % 5 / 10 + shift).tolist()
    return {"figures": {events: dict.fromkeys(augmentation.METRICS, values) for events in augmentation.EVENTS}}


def test_the_script_tests_each_row_against_the_one_without():
    found = {
        "music-sound": {augmentation.OFF: user_figures(0.0), "gain": user_figures(0.1), "noise": user_figures(0.0)}
    }
    page = augmentation.report(found, "head")
    assert "Of 8 comparisons, 4 are better than without views and 0 worse" in page
    assert "Better: `gain` of music-sound in 4 of 4." in page
    assert "| gain | all likes | 0.3000 | +0.1000 | 0.001 | 0.3000 | +0.1000 | 0.001 |" in page
    assert "| noise | all likes | 0.2000 | +0.0000 | 1.000 | 0.2000 | +0.0000 | 1.000 |" in page


def test_scarce_training_keeps_few_likes_of_each(tiny):
    few = augmentation.scarce(tiny, 3, 0)
    counts = np.bincount(tiny.interactions.user, minlength=len(tiny.users))
    assert np.array_equal(np.bincount(few.interactions.user, minlength=len(tiny.users)), np.minimum(counts, 3))
    assert not np.array_equal(few.interactions.item, augmentation.scarce(tiny, 3, 1).interactions.item)
