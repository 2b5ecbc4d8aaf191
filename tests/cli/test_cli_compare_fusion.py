"""`palate compare-fusion` as a person runs it."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from palate.data.folder import load, save
from palate.fusion import registry as early
from palate.fusion.late import registry as late
from palate.models import ContentKNN, VectorSpace

WORDS = ("compare-fusion", "shop", "-k", "5", "--models", "content-knn")


@pytest.fixture
def shop(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tiny, tmp_path / "shop")
    return tmp_path


@pytest.fixture
def fits(monkeypatch):
    made = []
    for kind in (ContentKNN, VectorSpace):
        fit = kind._fit

        def counted(model, *words, fit=fit):
            made.append(model.name)
            return fit(model, *words)

        monkeypatch.setattr(kind, "_fit", counted)
    return made


def test_it_prints_tables_writes_them_down_and_says_what_to_train(palate, shop):
    code, out, err = palate(*WORDS, "--fusions", "concat,mean", "--late", "borda", "--seed", 3)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "parts photo, title" in out
    rows = {"concat", "mean", "late borda", "photo alone", "title alone", "popularity"}
    assert all(any(line.startswith(row) for line in out.splitlines()) for row in rows)
    assert "best by ndcg@5 on validation" in " ".join(out.split())
    assert "wrote fusions.md, fusions.json to shop.fusions" in out
    assert sorted(file.name for file in (shop / "shop.fusions").iterdir()) == [
        "fusions.json", "fusions.md", "runs", "study.json",
    ]  # fmt: skip
    typed = out.partition("next: palate ")[2].replace("\\\n", " ").split()
    assert "--seed" in typed
    assert palate(*typed)[0] == 0
    best = json.loads((shop / "shop.fusions" / "fusions.json").read_text())["best"]["content-knn"]
    code, out, _ = palate("evaluate", "content-knn.palate", "-k", 5, "--json")
    assert json.loads(out)["metrics"]["ndcg@5"] == pytest.approx(best["test"])


def test_every_registered_method_is_in_the_table(palate, shop):
    code, out, err = palate(*WORDS, "--json")
    assert (code, err) == (0, "")
    value = json.loads(out)
    wanted = {*early.names(), *(f"late {name}" for name in late.names()), "photo alone", "title alone", "popularity"}
    assert {row["method"] for row in value["rows"]} == wanted
    assert {row["model"] for row in value["rows"]} == {"content-knn"}
    judged = [row for row in value["rows"] if "error" not in row]
    assert all(row["seconds"]["fit"] >= 0 for row in judged)
    assert all(row["against"]["against"] == "concat" for row in judged if row["method"] != "concat")
    assert {"recall@5", "ndcg@5"} == set(judged[0]["metrics"]) == set(judged[0]["intervals"])
    assert (value["reference"], value["by"], value["positive"]) == ("concat", "ndcg@5", "weight>0")


def test_the_same_command_again_fits_nothing(palate, shop, fits):
    words = (*WORDS, "--fusions", "mean", "--missing", "--shares", "0,0.5")
    _, first, _ = palate(*words)
    assert fits
    fits.clear()
    code, again, err = palate(*words)
    assert (code, err) == (0, "")
    assert again == first
    assert fits == []
    code, _, _ = palate(*words, "--models", "content-knn,vector-space")
    assert (code, set(fits)) == (0, {"vector-space"})
    fits.clear()
    palate(*words, "--set", "content-knn.neighbours=3")
    assert set(fits) == {"content-knn"}


def test_what_goes_missing_is_drawn(palate, shop):
    code, out, err = palate(*WORDS, "--fusions", "mean", "--missing", "--draws", 2, "--out", "study")
    assert (code, err) == (0, "")
    assert "ndcg@5, parts missing of" in out
    assert "90 %" in out
    assert "mean of 2 draws" in out
    assert "<svg" in (shop / "study" / "missing.svg").read_text(encoding="utf-8")
    value = json.loads((shop / "study" / "fusions.json").read_text(encoding="utf-8"))
    points = [row for row in value["missing"]["rows"] if row["method"] == "title alone"]
    assert [point["share"] for point in points] == [0.0, 0.3, 0.6, 0.9]
    assert points[-1]["metrics"]["ndcg@5"] < points[0]["metrics"]["ndcg@5"]


def test_one_part_alone_is_enough(palate, shop):
    code, out, err = palate(*WORDS, "--parts", "title", "--fusions", "mean", "--late", "all", "--json")
    assert (code, err) == (0, "")
    rows = {row["method"]: row for row in json.loads(out)["rows"]}
    assert rows["title alone"]["metrics"] == rows["concat"]["metrics"]
    assert "photo alone" not in rows
    assert set(rows) >= {"mean", *(f"late {name}" for name in late.names())}


def test_stopped_it_says_what_is_kept(palate, shop, monkeypatch, fits):
    words = (*WORDS, "--fusions", "mean")
    fit = ContentKNN._fit

    def stops(model, *rest):
        if len(fits) == 2:
            raise KeyboardInterrupt
        return fit(model, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(ContentKNN, "_fit", stops)
        code, out, err = palate(*words)
    assert (code, out) == (130, "")
    assert err == "palate: stopped; the 3 runs that are done are kept in shop.fusions, and the same command goes on\n"
    fits.clear()
    assert palate(*words)[0] == 0
    assert len(fits) == 2  # the parts alone; concat, mean and popularity were there


def test_stopped_before_its_first_run_nothing_is_kept(palate, shop, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("palate.models.popularity.Popularity._fit", stopped)
    code, _, err = palate(*WORDS)
    assert (code, err) == (130, "palate: stopped before a run was done: nothing is kept\n")
    assert not (shop / "shop.fusions").exists()


def test_killed_it_goes_on(shop, palate, fits):
    program = (
        "import time; from palate.models import ContentKNN; fit = ContentKNN._fit\n"
        "ContentKNN._fit = lambda *w: (time.sleep(0.5), fit(*w))\nfrom palate.cli import main; main()"
    )
    words = [*WORDS, "--fusions", "mean,weighted"]
    running = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.DEVNULL, cwd=shop)
    runs = shop / "shop.fusions" / "runs"
    deadline = time.monotonic() + 60
    while len(list(runs.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    running.wait()
    done = len(list(runs.glob("content-knn*.json")))
    assert done >= 1
    code, out, err = palate(*words)
    assert (code, err) == (0, "")
    assert len(fits) == 5 - done
    assert "weighted" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--fusions", "maen"], "there is no fusion 'maen': did you mean 'mean'"),
        (["--late", "bord"], "there is no score fusion 'bord': did you mean 'borda'"),
        (["--align", "ccaa"], "there is no aligner 'ccaa': did you mean 'cca'"),
        (["--models", "content-nn"], "there is no model 'content-nn': did you mean 'content-knn'"),
        (["--models", "ease"], "the model 'ease' takes no fusion"),
        (["--set", "dim=3"], "the setting 'dim' says not whose it is"),
        (["--how", "randomly"], "there is no splitter 'randomly'"),
        (["--shares", "0.5"], "--shares and --draws say how parts go missing: add --missing"),
        (["--missing", "--shares", "2"], "the share to drop of 'all' was 2"),
        (["--missing", "--shares", "0"], "does not say what to drop"),
        (["--missing", "--draws", "0"], "given 0 draws"),
        (["-k", "five"], "the cut-off k was 'five'"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_read(palate, words, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = palate("compare-fusion", "nowhere", *words)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.torch
def test_a_device_that_is_not_here_is_told_before_anything_is_read(palate, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PALATE_DEVICE", "cuda:99")
    code, _, err = palate("compare-fusion", "nowhere", "--models", "content-knn", "--fusions", "mlp")
    assert (code, "PALATE_DEVICE was 'cuda:99'" in err) == (2, True)


def test_data_that_will_not_do_are_told_before_anything_is_fitted(palate, shop, tiny, fits):
    code, _, err = palate(*WORDS, "--parts", "title,phota")
    assert (code, "there is no part 'phota': did you mean 'photo'" in err) == (2, True)
    code, _, err = palate(*WORDS, "--by", "recall@7")
    assert (code, "cannot be chosen by 'recall@7'" in err) == (2, True)
    save(tiny.without_features("title", "photo"), shop / "bare")
    code, _, err = palate("compare-fusion", "bare")
    assert (code, "the dataset has no features of items: encode it first with 'palate encode'" in err) == (2, True)
    save(tiny.take_interactions(np.arange(0)), shop / "quiet")
    code, _, err = palate("compare-fusion", "quiet")
    assert (code, "has no interactions to split" in err) == (2, True)
    code, _, err = palate(*WORDS, "--positive", "weight>9")
    assert (code, "the test part holds no new like" in err) == (2, True)
    assert fits == []
    assert not list(shop.glob("*.fusions"))


def test_a_folder_of_something_else_is_left_alone(palate, shop, fits):
    code, _, err = palate(*WORDS, "--out", "shop")
    assert (code, "shop is no study of fusions, and is left as it is: give another --out" in err) == (2, True)
    assert palate(*WORDS, "--fusions", "mean", "--out", "study")[0] == 0
    fits.clear()
    code, _, err = palate(*WORDS, "--fusions", "mean", "--out", "study", "--seed", 1)
    assert (code, "study is a study of other data, or of another split" in err) == (2, True)
    assert fits == []
    assert len(load(shop / "shop").items) == 30


def test_help_names_it_beside_compare(palate):
    _, out, _ = palate("--help")
    names = [line.split()[1] for line in out.splitlines() if len(line.split()) > 1 and line.startswith("│")]
    assert names.index("compare") < names.index("compare-fusion") < names.index("tune")


@pytest.mark.torch
def test_a_setting_that_does_nothing_with_concat_does_not_make_its_row_fail(palate, shop):
    pytest.importorskip("torch")
    settings = [word for told in ("hidden=0.3", "epochs=1") for word in ("--set", f"two-tower.{told}")]
    code, out, err = palate("compare-fusion", "shop", "-k", "5", "--models", "two-tower", "--fusions", "mlp", *settings)
    assert (code, err) == (0, "")
    assert "two-tower.hidden does nothing with concat: these go without it" in out
    found = json.loads((shop / "shop.fusions" / "fusions.json").read_text())
    assert not [row for row in found["rows"] if "error" in row]
