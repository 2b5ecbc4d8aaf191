"""Worlds where it is known what a fusion can find: what additive ones cannot, those that multiply or bend can."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

import planted_worlds  # noqa: E402
from planted_worlds import SETTINGS, Known, methods, reached  # noqa: E402
from worlds import CLASSES, ITEMS, USERS, WORLDS, world  # noqa: E402

from palate.core.files import write_json  # noqa: E402
from palate.data.split import split  # noqa: E402
from palate.fusion import registry  # noqa: E402
from palate.models.two_tower import TwoTower  # noqa: E402

ADDITIVE = ("concat",)
JOINT = ("low-rank-bilinear", "mlp", "transformer")


@pytest.fixture(scope="module")
def parity():
    data, liking = world("parity", 0)
    cut = split(data, "cold-items", 0)
    oracle = reached(Known(liking), cut, 0)
    settings = {**SETTINGS, "seconds": None, "epochs": 30}
    return {
        name: reached(TwoTower(fusion=registry.get(name)(), **settings), cut, 0) / oracle for name in ADDITIVE + JOINT
    }


@pytest.mark.xdist_group("parity")
@pytest.mark.parametrize("name", JOINT)
def test_what_two_parts_mean_together_is_found(parity, name):
    assert parity[name] > 0.7
    assert all(parity[additive] < 0.5 * parity[name] for additive in ADDITIVE)


@pytest.mark.xdist_group("parity")
def test_what_adds_up_stays_near_chance(parity):
    assert all(0.1 < parity[additive] < 0.4 for additive in ADDITIVE)


def test_in_the_world_of_parity_no_part_alone_tells_anything():
    data, liking = world("parity", 0)
    classes = np.arange(ITEMS) % CLASSES**2
    for of in (classes // CLASSES, classes % CLASSES):
        liked = np.array([liking[:, of == one].mean() for one in range(CLASSES)])
        assert np.allclose(liked, liked.mean(), rtol=0.05)
    assert data.liked.shape == (USERS, ITEMS)


def test_worlds_are_small_and_the_same_for_a_seed():
    assert USERS <= 800
    for name in WORLDS:
        (one, first), (other, second) = world(name, 3), world(name, 3)
        assert one.fingerprint == other.fingerprint
        assert np.array_equal(first, second)
        assert world(name, 4)[0].fingerprint != one.fingerprint


def test_sixty_percent_lack_the_part_that_taste_is_in():
    data, _ = world("60 % missing", 0)
    assert data.features["sound"].present.mean() == pytest.approx(0.4)
    assert data.features["colour"].present.all()


TABLE = ROOT / "docs" / "results" / "planted.md"


def cells():
    rows = re.findall(r"^\| `?([^`|]+?)`? \| (.+) \|$", TABLE.read_text(encoding="utf-8"), re.M)
    return {name: [cell.strip() for cell in line.split("|")] for name, line in rows if name not in ("method", "---")}


def test_every_method_is_in_the_published_table():
    found = cells()
    assert set(methods()) <= set(found)
    assert not any("–" in cell for name in methods() for cell in found[name])


def test_the_published_table_tells_additive_fusions_from_joint_ones_on_parity():
    place = 1 + list(WORLDS).index("parity")
    figures = {
        name: float(found[place - 1].split()[0]) for name, found in cells().items() if found[place - 1][0].isdigit()
    }
    joint = max(figures[name] for name in JOINT)
    for name in (*ADDITIVE, "mean", "sum", "weighted", "colour alone", "sound alone"):
        assert figures[name] < 0.5 * joint


def test_one_seed_has_no_deviation(tmp_path, monkeypatch):
    monkeypatch.setattr(planted_worlds, "chance", lambda *_: 0.1)
    file = planted_worlds._file(tmp_path, next(iter(WORLDS)), "mlp")
    write_json(file, {"relative": [0.5], "seconds": 1.0})
    text = planted_worlds.table(tmp_path, ["mlp"], 1)
    assert "| `mlp` | 0.50 | –" in text
    assert "nan" not in text
    assert "of one seed" in text
    assert planted_worlds.spread([0.5, 0.7], 3) == "0.600 ± 0.141"


def test_a_method_that_is_not_there_is_told_before_any_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["planted_worlds.py", "--out", str(tmp_path), "--methods", "concat,mpl"])
    with pytest.raises(SystemExit, match="no method 'mpl': did you mean 'mlp'"):
        planted_worlds.main()
    assert list(tmp_path.iterdir()) == []
