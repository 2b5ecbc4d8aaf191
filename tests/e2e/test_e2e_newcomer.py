"""What somebody meets who has just found Palate: a shop's export, slips of the hand, a narrow terminal."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from PIL import Image

from palate import cli
from palate.cli import _run
from palate.data.folder import load


@pytest.fixture
def export(tmp_path: Path, monkeypatch) -> Path:
    """A folder as a shop's software writes it: semicolons, a byte order mark, decimal commas, pictures in folders."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Bilder" / "alt").mkdir(parents=True)
    for name in ("1000.JPG", "alt/1001 foto (1).jpeg"):
        Image.new("RGB", (40, 40), "red").save(tmp_path / "Bilder" / name, format="JPEG")
    goods = [
        f"100{n};Lampe;Aus Holz, sehr schön;{'' if n == 3 else f'1.29{n},50'};{path}"
        for n, path in enumerate(["1000.JPG", "alt/1001 foto (1).jpeg", "", "", ""])
    ]
    orders = [f"{n % 6};100{n % 5};{1 + n % 5}" for n in range(30)]
    _write(tmp_path / "artikel.csv", ["Nr;Titel;Text;Preis;Bild", *goods])
    _write(tmp_path / "kauf.csv", ["Kunde;Nr;Sterne", *orders])
    return tmp_path


def _write(path: Path, lines: list[str]) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode())


def say(capsys, *words: str) -> tuple[int, str, str]:
    """Run a command; return the exit code, what it said on one line, and its errors on one line."""
    code = _run(list(words), debug=False)
    out, err = capsys.readouterr()
    return code, " ".join(out.split()), " ".join(err.split())


IMPORT = (
    "data", "import", "table", ".", "ds", "--items", "artikel.csv", "--interactions", "kauf.csv",
    "--column", "user=Kunde,item=Nr,weight=Sterne",
)  # fmt: skip


def test_an_export_with_decimal_commas_is_read_as_it_is(export, capsys):
    code, out, _ = say(capsys, *IMPORT, "--media", "Bilder", "--positive", "weight>=4")
    assert code == 0
    assert "set aside: nothing" in out
    catalogue = load("ds").catalogue
    assert catalogue.types == {"Titel": "text", "Text": "category", "Preis": "number", "Bild": "image"}
    assert catalogue.table["Preis"].to_list() == [1290.5, 1291.5, 1292.5, None, 1294.5]
    assert catalogue.table["Bild"].null_count() == 3


def test_an_import_says_what_is_missing_to_make_it_right(export, capsys):
    _, out, _ = say(capsys, *IMPORT)
    assert "no file that 'Bild' names was found in ., as in '1000.JPG': name the folder with --media" in out
    assert 'say which are likes, as in --positive "weight>=4"' in out
    _, out, _ = say(capsys, *IMPORT, "--image", "foto=Bilder")
    assert "Bilder holds folders, in which no image was looked for" in out
    _, out, _ = say(capsys, *IMPORT, "--image", "foto=Bilder/alt", "--positive", "weight>=6")
    assert "no image of 'foto' was found in Bilder/alt: the files are to be called as in 1000.jpg" in out
    assert "no interaction counts as liked by 'weight>=6'" in out


def test_a_check_says_what_comes_next(export, capsys):
    say(capsys, *IMPORT, "--media", "Bilder")
    _, out, _ = say(capsys, "data", "check", "ds")
    assert out.endswith("next: palate encode ds --text use --image efficientnet-lite0")


def test_a_report_never_replaces_what_is_no_report(export, capsys):
    say(capsys, *IMPORT)
    before = (export / "kauf.csv").read_bytes()
    (export / "kauf.html").write_bytes(before)
    words = ("compare", "ds", "--models", "popularity,ease", "--report")
    for name, why in (("kauf.csv", "must end in .html or .md"), ("kauf.html", "exists and is no report")):
        code, out, err = say(capsys, *words, name)
        assert (code, out) == (2, "")
        assert why in err
        assert (export / name).read_bytes() == before
    code, _, err = say(capsys, *words, "Bilder")
    assert code == 2
    assert "is a folder: name a file for the report, such as Bilder" in err
    for _ in range(2):  # a report may replace a report
        assert say(capsys, *words, "r.html")[0] == 0


def test_a_narrow_terminal_keeps_the_names_of_the_models(export, capsys, monkeypatch):
    say(capsys, *IMPORT)
    monkeypatch.setenv("COLUMNS", "60")
    assert _run(["compare", "ds", "--models", "popularity,item-knn"], debug=False) == 0
    out = capsys.readouterr().out
    assert {"popularity", "item-knn"} <= {line.split(" ")[0] for line in out.splitlines()}
    assert "peak" not in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("recommend", "x"), "palate: Missing option '--user'; 'palate recommend --help' tells what there is"),
        (("recommend", "x", "--user", "a", "-k", "b"), "palate: Invalid value for '-k'"),
        (("similar", "x", "--item", "a", "--by", "looks"), "Invalid value for '--by': 'looks' is not one of"),
        (("recomend",), "No such command 'recomend'. Did you mean 'recommend'? 'palate --help' tells what there is"),
        (("data", "chek"), "Did you mean 'check'? 'palate data --help' tells what there is"),
    ],
)
def test_a_slip_of_the_hand_is_named(capsys, words, said):
    code, _, err = say(capsys, *words)
    assert code == 2
    assert said in err


def test_the_version_is_told(capsys):
    code, out, _ = say(capsys, "--version")
    assert code == 0
    assert out.startswith("palate 0.")


@pytest.mark.parametrize("where", ["in a command", "while its file is imported"])
def test_ctrl_c_says_that_it_stopped(capsys, monkeypatch, where):
    def interrupt(*_):
        raise KeyboardInterrupt

    if where == "in a command":
        monkeypatch.setattr("palate.cli.doctor.emit", interrupt)
    else:
        monkeypatch.setattr(cli.importlib, "import_module", interrupt)
    code, _, err = say(capsys, "doctor")
    monkeypatch.undo()
    assert importlib.import_module("palate")
    assert code == 130
    assert err.startswith("palate: stopped; nothing is left half-written")
