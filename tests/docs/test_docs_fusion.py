"""The fusions of docs/how-to/write-a-fusion.md are small, whole, and keep the contract; the page's check finds those that do not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib

import pytest

import palate
from doc_blocks import ROOT, blocks

PAGE = "docs/how-to/write-a-fusion.md"
FILES = dict(
    re.findall(r"^cat > (\w+\.py) <<'END'\n(.*?)^END$", (ROOT / PAGE).read_text(encoding="utf-8"), re.M | re.S)
)
SPOILT = """
import numpy as np
from contract import check
from loudest import Loudest
from palate.data.features import FeatureTable


class Spoilt(Loudest):
    fitted = False

    def fit(self, parts, *more):
        self.first, self.fitted = next(iter(parts)), True
        self.rubbish = np.isnan(parts["photo"].values).any()
        return super().fit(parts, *more)

    def fuse(self, parts):
        fused = super().fuse(parts)
        return FeatureTable(self.spoil(fused.values), self.there(fused.present, parts), fused.source)

    def spoil(self, values):
        return values

    def there(self, present, parts):
        return present


class Ordered(Spoilt):
    def spoil(self, values):
        return -values if self.first == "photo" else values


class Leaking(Spoilt):
    def spoil(self, values):
        return -values if self.rubbish else values


class Absent(Spoilt):
    def there(self, present, parts):
        return parts["photo"].present


class Long(Spoilt):
    def spoil(self, values):
        return 2 * values


class Divided(Spoilt):
    def shares(self, parts, left, right):
        return {name: 2 * amount for name, amount in super().shares(parts, left, right).items()}


class Forgetful(Spoilt):
    def spoil(self, values):
        return values if self.fitted else -values


class Nameless(Spoilt):
    paper = ""


check(Loudest())
for kind in (Spoilt, Ordered, Leaking, Absent, Long, Divided, Forgetful, Nameless):
    try:
        check(kind())
    except AssertionError as error:
        print(error)
"""


@pytest.fixture
def folder(tiny, tmp_path):
    """The files of the page, beside a small shop and the entry points that the page declares."""
    palate.save(tiny, tmp_path / "shop")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    about = tmp_path / "fusions-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fusions\nVersion: 1.0\n")
    (declared,) = (text for language, text in blocks(PAGE) if language == "toml")
    points = tomllib.loads(declared)["project"]["entry-points"]
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in named.items())
        for group, named in points.items()
    ]
    (about / "entry_points.txt").write_text("".join(lines))
    return tmp_path


def run(folder, *words, cwd=None):
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, *words], cwd=cwd or folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_each_is_one_file_of_at_most_thirty_lines():
    sizes = {name: len(text.splitlines()) for name, text in FILES.items() if name != "contract.py"}
    assert set(sizes) == {"loudest.py", "pooling.py"}
    assert all(size <= 30 for size in sizes.values()), sizes


@pytest.mark.slow
@pytest.mark.torch
def test_they_pass_the_whole_contract_by_their_names(folder):
    suite = str(ROOT / "tests" / "contracts" / "test_fusion_contract.py")
    done = run(folder, "-m", "pytest", suite, "-k", "loudest or pooling", "-p", "no:cacheprovider", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", run_summary(done.stdout))
    assert passed is not None
    assert int(passed[1]) >= 40


def run_summary(text):
    return text.strip().splitlines()[-1]


def test_they_are_listed_with_paper_and_cost(folder):
    done = run(folder, "-c", "from palate.cli import main; main()", "fusions", "--json")
    assert done.returncode == 0, done.stderr
    assert "Boureau, Ponce and LeCun 2010" in done.stdout
    assert "Su et al. 2015" in done.stdout


def test_what_the_page_checks_finds_fusions_that_do_not_keep_it(folder):
    """Each is the page's first fusion, spoilt in one way."""
    (folder / "spoilt.py").write_text(SPOILT)
    done = run(folder, "spoilt.py")
    assert done.returncode == 0, done.stdout + done.stderr
    reasons = re.findall(r'^    assert .*, "([^"]+)"$', FILES["contract.py"], re.M)
    assert done.stdout.splitlines() == [*["loudest keeps the contract"] * 2, *reasons]
