"""A new modality is one file: an encoder of smells, installed from elsewhere, goes the whole road."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import polars as pl
import pytest
from smell_encoder import Nose

import palate
from palate.core.errors import DataError, PalateError
from palate.core.ids import IdMap
from palate.data import quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import modalities, registry

PROGRAM = "import sys; from pathlib import Path; import smell_encoder; smell_encoder.install(Path(sys.argv[1])); from palate.cli import main; main(sys.argv[2:])"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of perfumes whose smell is written in the cell or in a file."""
    folder = tmp_path_factory.mktemp("perfumes")
    (folder / "smells").mkdir()
    (folder / "smells" / "b.txt").write_text("musk musk lemon")
    (folder / "items.csv").write_text(
        "item_id,title,scent\na,Dawn,rose musk\nb,Noon,smells/b.txt\nc,Dusk,\nd,Night,rubber\ne,Fog,smells/e.txt\n"
    )
    (folder / "events.csv").write_text("user_id,item_id\nu,a\nu,b\nv,b\nv,c\nw,a\nw,d\n")
    return folder


def run(plugin: Path, *words: object) -> subprocess.CompletedProcess[str]:
    path = [str(Path(__file__).parent), *filter(None, sys.path)]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(plugin), *map(str, words)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(path), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        check=False,
    )


def test_by_command_line(shop: Path, tmp_path: Path) -> None:
    told = run(tmp_path / "1", "data", "import", "table", shop, tmp_path / "ds", "--smell", "scent", "--json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert report["columns"]["scent"] == "smell"
    assert report["rejected"] == {"the smell was left out: there is no such file": 1}
    assert (tmp_path / "ds" / "media" / "scent" / "smells" / "b.txt").is_file()
    told = run(tmp_path / "2", "data", "check", tmp_path / "ds", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["coverage"]["scent"] == pytest.approx(3 / 5)
    told = run(tmp_path / "3", "encode", tmp_path / "ds", "--smell", "nose", "--json")
    assert told.returncode == 0, told.stderr
    (row,) = json.loads(told.stdout)["rows"]
    assert (row["part"], row["dim"], row["present"], row["quarantined"]) == ("scent", 4, 2, 1)
    data = load(tmp_path / "ds")
    assert data.features["scent"].modality == "smell"
    assert data.features["scent"].values[:2].tolist() == [[1, 1, 0, 0], [0, 2, 0, 1]]
    assert "nobody knows the note 'rubber'" in quarantine.read(tmp_path / "ds")["reason"].to_list()
    listed = run(tmp_path / "4", "encode", tmp_path / "ds")
    assert "scent (smell: --smell nose)" in listed.stderr
    helped = run(tmp_path / "5", "data", "import", "--help")
    assert "--smell" in helped.stdout


def test_as_an_object(tmp_path: Path) -> None:
    table = pl.DataFrame({"item_id": ["a", "b"], "scent": ["rose", None]})
    data = Dataset(IdMap([]), IdMap("ab"), Interactions.empty(), Catalogue(table, {"scent": "smell"}))
    part = palate.encode(data, scent=Nose(strength=3)).features["scent"]
    assert (part.values.tolist(), part.present.tolist()) == ([[3, 0, 0, 0], [0, 0, 0, 0]], [True, False])
    with pytest.raises(DataError, match="is smell and the encoder 'tf-idf' reads text"):
        palate.encode(data, scent="tf-idf")
    save(data, tmp_path / "ds")
    assert load(tmp_path / "ds").catalogue.types == {"scent": "smell"}


@pytest.mark.parametrize(("kind", "told"), [("txet", "did you mean 'text'"), ("Smell!", "in small letters")])
def test_a_slip_is_no_new_modality(kind: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Catalogue(pl.DataFrame({"item_id": ["a"], "scent": ["rose"]}), {"scent": kind})


def test_series_by_command_line(tmp_path: Path) -> None:
    (tmp_path / "shop" / "sold").mkdir(parents=True)
    (tmp_path / "shop" / "sold" / "b.csv").write_text("day,n\n1,4\n2,5\n")
    (tmp_path / "shop" / "items.jsonl").write_text(
        '{"item_id": "a", "plays": [1, null, 3]}\n{"item_id": "b", "plays": [2, 5]}\n{"item_id": "c", "plays": null}\n'
    )
    words = ("data", "import", "table", tmp_path / "shop", tmp_path / "ds", "--series", "plays,sales=sold", "--json")
    told = run(tmp_path / "1", *words)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["columns"] == {"plays": "series", "sales": "series"}
    told = run(tmp_path / "2", "encode", tmp_path / "ds", "--series", "series", "--json")
    assert told.returncode == 0, told.stderr
    rows = {row["part"]: row for row in json.loads(told.stdout)["rows"]}
    assert (rows["plays"]["present"], rows["sales"]["present"], rows["plays"]["dim"]) == (2, 1, 702)


class Scanner(Nose):
    """Reads what no option can be called."""

    name = "scanner"
    modality = "3d-scan"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("no_such_module:X", r"the encoder 'odd' of the installed distribution 'no_such_module' cannot be loaded"),
        (f"{__name__}:Scanner", r"the encoder 'odd' reads '3d-scan', which cannot name a modality"),
    ],
)
def test_an_encoder_from_elsewhere_that_cannot_serve_is_named(
    place: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("odd", place, "palate.encoders")
    monkeypatch.setitem(registry.__dict__, "_plugins", {"odd": point})
    with pytest.raises(PalateError, match=told):
        modalities()
