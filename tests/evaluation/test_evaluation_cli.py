"""`palate compare` and `palate evaluate` as a person runs them."""

import json
import re

import polars as pl
import pytest

from palate.bundle import Recipe, train
from palate.data.folder import save
from palate.evaluation import compare


@pytest.fixture
def folder(tiny, tmp_path):
    n = len(tiny.interactions)
    labels = pl.Series("split", ["train"] * (n - 60) + ["valid"] * 30 + ["test"] * 30)
    log = tiny.interactions.with_column("split", labels)
    save(tiny.with_interactions(log), tmp_path / "shop")
    return tmp_path / "shop"


def test_compare_prints_a_leaderboard(palate, folder):
    code, out, err = palate("compare", folder, "--models", "popularity,item-knn,content-knn", "-k", 5)
    assert (code, err) == (0, "")
    assert "split random-per-user, seed 0 (none was named)" in out
    assert "the data carry a split column of their own: --how as-labelled uses it" in out
    assert "liked means weight>0" in out
    assert "Best by recall@5 on validation" in out
    assert f"next: palate train {folder} --model" in out.replace(" \\\n         ", "")
    assert max(len(line) for line in out.splitlines() if str(folder) not in line) <= 80


def test_compare_says_what_python_says(palate, folder):
    code, out, _ = palate(
        "compare", folder, "--models", "popularity,item-knn", "--k", 5, "--how", "as-labelled", "--set",
        "item-knn.shrink=7", "--json",
    )  # fmt: skip
    assert code == 0
    from palate.data.folder import load
    from palate.models import ItemKNN, Popularity

    cut = Recipe(model="popularity", how="as-labelled").split(load(folder))
    found = compare(cut, {"popularity": lambda _: Popularity(), "item-knn": lambda _: ItemKNN(shrink=7)}, k=5)
    value = json.loads(out)
    assert [row["metrics"] for row in value["rows"]] == [row["metrics"] for row in found.rows]
    assert value["how"] == "as-labelled"
    assert value["positive"] == "weight>0"


def test_compare_writes_a_report_and_hands_the_settings_on(palate, folder, tmp_path):
    report = tmp_path / "r.html"
    code, out, _ = palate(
        "compare", folder, "--models", "item-knn", "--set", "item-knn.shrink=7", "--protocol", "refit",
        "--report", report, "-k", 5,
    )  # fmt: skip
    assert code == 0
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert f"wrote {report}" in out
    assert "item-knn (refit)" in out
    told = out.replace(" \\\n         ", "")
    assert "--model item-knn --set shrink=7 --protocol refit --out item-knn.palate" in told


def test_refit_is_said_wherever_a_model_is_named(palate, folder, tmp_path):
    words = ("compare", folder, "--models", "popularity,item-knn", "-k", 5, "--protocol", "refit", "--report")
    code, table, _ = palate(*words, tmp_path / "r.html")
    code, out, _ = palate(*words, tmp_path / "r.md", "--json")
    assert code == 0
    value = json.loads(out)
    named = [row["model"] for row in value["rows"]] + [value["best"]]
    named += [test[side] for test in value["tests"] for side in ("model", "against")]
    assert len(named) == 5
    assert all(name.endswith(" (refit)") for name in named)
    html, markdown = ((tmp_path / name).read_text(encoding="utf-8") for name in ("r.html", "r.md"))
    told = {"table": table.split("next:")[0], "html": html, "markdown": markdown, "notes": "\n".join(value["notes"])}
    for where, text in told.items():
        lines = [line for line in re.split(r"[\n<>]", text) if re.search(r"\b(popularity|item-knn)\b", line)]
        bare = [line for line in lines if "(refit" not in line and "because" not in line]
        assert lines, where
        assert bare == [], where


def test_compare_takes_several_k_metrics_names_and_ensembles(palate, folder, tmp_path):
    code, out, err = palate(
        "compare", folder, "--models", "popularity,wide=item-knn,both=ensemble", "--set", "wide.shrink=70", "--set",
        "both.members=[item-knn,content-knn]", "--parts", "title", "-k", "3,5", "--metrics", "ndcg,recall", "--by",
        "recall@3", "--tests", "all", "--seeds", 2, "--json", "--report", tmp_path / "r.md",
    )  # fmt: skip
    assert (code, err) == (0, "")
    value = json.loads(out)
    assert value["by"] == "recall@3"
    assert {row["model"] for row in value["rows"]} == {"popularity", "wide", "both"}
    assert list(value["rows"][0]["metrics"]) == ["ndcg@3", "ndcg@5", "recall@3", "recall@5"]
    assert len(value["tests"]) == 3
    report = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "| shrink=70.0 |" in report
    assert "content-knn (parts=title, fusion concat), item-knn (defaults), joined by weighted-scores" in report


def test_compare_aligns_parts_and_hands_that_on(palate, folder):
    code, out, err = palate("compare", folder, "--models", "content-knn,popularity", "--align", "pca")
    assert (code, err) == (0, "")
    assert "train " in out
    value = json.loads(palate("compare", folder, "--models", "content-knn", "--align", "cca", "--json")[1])
    plain = json.loads(palate("compare", folder, "--models", "content-knn", "--json")[1])
    assert value["rows"][0]["metrics"] != plain["rows"][0]["metrics"]
    hint = palate("compare", folder, "--models", "content-knn", "--align", "cca")[1]
    assert "--align cca" in " ".join(hint.split())


def test_the_report_says_by_what_parts_were_aligned(palate, folder, tmp_path):
    words = "--models", "content-knn,popularity", "--align", "cca", "--report", tmp_path / "r.md"
    assert palate("compare", folder, *words)[0] == 0
    assert "align cca, fusion mean" in (tmp_path / "r.md").read_text(encoding="utf-8")


def test_aligners_are_listed_with_their_papers(palate):
    code, out, err = palate("aligners", "--json")
    assert (code, err) == (0, "")
    rows = {row["name"]: row for row in json.loads(out)["rows"]}
    assert {"cca", "pca", "procrustes", "projection", "whitening"} <= set(rows)
    assert all(row["paper"] and row["cost"] and row["summary"].endswith(".") for row in rows.values())
    shown = palate("aligners")[1]
    assert "Kettenring 1971; fitting takes" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_compare_hands_any_name_on_so_that_a_shell_reads_it(palate, folder):
    code, out, err = palate("compare", folder, "--models", "[/b] a=popularity", "-k", 5)
    assert (code, err) == (0, "")
    assert "\n[/b] a  " in out
    assert out.endswith("--out '[/b] a.palate'\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--models", "popularity,popularity=item-knn"], "two models are called 'popularity'"),
        (["--models", "=item-knn"], "'=item-knn' names no model"),
        (["--models", "popularity", "-k", "ten"], "the cut-off k was 'ten'"),
        (["--models", "popularity", "-k", ""], "the cut-off k was ''"),
        (["--models", "popularity", "--metrics", "recal"], "there is no metric 'recal': did you mean 'recall'?"),
        (["--models", "popularity", "--by", "recall@5"], "cannot be chosen by 'recall@5', which is not measured: did you mean 'recall@20'"),
        (["--models", "popularity", "--tests", "some"], "the tests were 'some': allowed are best"),
        (["--models", "popularity", "--report", "r.pdf"], "its name must end in .html or .md"),
        (["--models", "both=ensemble", "--set", "both.members=[item-knn]", "--parts", "title"], "none of both reads parts"),
        (["--models", "popularity,cease", "--fuse", "mean"], "none of popularity, cease takes a fusion: leave out --fuse"),
        (["--models", "cease", "--align", "cca", "--fuse", "mean"], "none of cease takes a fusion: leave out --align and --fuse"),
        (["--models", "content-knn", "--align", "ccaa"], "there is no aligner 'ccaa': did you mean 'cca'?"),
        (["--models", "popularty"], "there is no model 'popularty': did you mean 'popularity'?"),
        (["--models", ","], "no model was named"),
        (["--models", "popularity,item-knn", "--set", "shrink=3"], "names no model: write item-knn.shrink=3"),
        (["--models", "popularity", "--set", "shrnk=3"], "names no model: write MODEL.shrnk=3"),
        (["--models", "item-knn", "--set", "item-knm.shrink=3"], "did you mean 'item-knn'?"),
        (["--models", "item-knn", "--set", "item-knn.shrnk=3"], "did you mean 'shrink'?"),
        (["--models", "popularity", "--how", "random"], "there is no splitter 'random'"),
        (["--models", "popularity", "--fuse", "mean"], "none of popularity reads parts"),
        (["--models", "popularity", "--positive", "stars>3"], "write it as weight>=4"),
        (["--models", "popularity", "--protocol", "loose"], "'protocol' was 'loose'"),
        (["--models", "popularity", "--seeds", "0"], "1 models and 0 seeds to compare: give at least one of each"),
        (["--models", "popularity", "-k", "0"], "the cut-off k was 0: give 1 or more"),
        (["--models", "popularity", "--positive", "weight>=9"], "no model could be judged: popularity: popularity learns from likes"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_sentence_and_code_2(palate, folder, words, sentence):
    code, out, err = palate("compare", folder, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_evaluate_opens_the_test_part_of_a_bundle(palate, folder, tmp_path):
    from palate.data.folder import load

    bundle = tmp_path / "b.palate"
    recipe = Recipe(model="item-knn", data=str(folder), settings={"shrink": 7}, protocol="refit")
    trained = train(load(folder), recipe)
    trained.bundle().save(bundle)
    code, out, err = palate("evaluate", bundle, "--json", "-k", 5)
    assert (code, err) == (0, "")
    value = json.loads(out)
    assert (value["split"], value["protocol"]) == ("test", "refit")
    assert set(value["seconds"]) == {"fit", "evaluate"}
    row = compare(trained.split, {"item-knn": lambda _: recipe.build()}, k=5, protocol="refit").rows[0]
    assert value["metrics"] == row["metrics"]
    code, out, _ = palate("evaluate", bundle, folder, "-k", 5)
    assert code == 0
    assert "item-knn on test" in out
    assert f"palate serve {bundle}" in out.replace(" \\\n         ", "")


def test_evaluate_refuses_changed_data(palate, folder, tmp_path, tiny):
    from palate.data.folder import load

    bundle = tmp_path / "b.palate"
    train(load(folder), Recipe(model="popularity", data=str(folder))).bundle().save(bundle)
    save(tiny, folder)
    code, out, err = palate("evaluate", bundle)
    assert (code, out) == (2, "")
    assert "has changed since" in err


@pytest.fixture
def by_content(folder, tmp_path):
    from palate.data.folder import load

    bundle = tmp_path / "c.palate"
    recipe = Recipe(model="content-knn", data=str(folder), parts=("title",), settings={"neighbours": 5})
    train(load(folder), recipe).bundle().save(bundle)
    return bundle


def test_evaluate_drops_parts(palate, by_content, tmp_path):
    code, whole, _ = palate("evaluate", by_content, "-k", 5, "--json")
    words = ("evaluate", by_content, "-k", 5, "--drop", "title=0.3,0.9", "--drop", "all=0.5", "--seeds", 2)
    code, out, err = palate(*words, "--json")
    assert (code, err) == (0, "")
    value = json.loads(out)
    assert value["metrics"]["recall@5"] == json.loads(whole)["metrics"]["recall@5"]
    rows = value["missing"]["rows"]
    assert [(row["drop"], row["parts"], row["share"]) for row in rows] == [
        ("title", ["title"], 0.3), ("title", ["title"], 0.9), ("all", ["title"], 0.5),
    ]  # fmt: skip
    assert rows[1]["change"]["recall@5"] < rows[0]["change"]["recall@5"] < 0
    for name in ("c.html", "c.md", "c.svg"):
        code, out, err = palate(*words, "--report", tmp_path / name)
        assert (code, err) == (0, "")
        assert f"wrote {tmp_path / name}" in out
        assert max(map(len, out.splitlines()[:-1])) <= 80
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "title" in text
        assert ("<svg" in text) == (name != "c.md")
    assert "| title | 30 % | ." in (tmp_path / "c.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--drop", "poster=0.5"], "content-knn reads no part 'poster' that could be dropped: allowed: all, title"),
        (["--drop", "photo=0.5"], "reads no part 'photo'"),
        (["--drop", "title"], "'title' does not say what to drop"),
        (["--drop", "all=0.5", "--seeds", "0"], "given 1 drops and 0 seeds"),
        (["--drop", "all=0.5", "--report", "r.txt"], "its name must end in .html or .md or .svg"),
        (["--report", "r.html"], "add --drop"),
        (["--seeds", "3"], "--drop-at and --seeds say how parts go missing: add --drop"),
        (["--drop-at", "serve"], "--drop-at and --seeds say how parts go missing: add --drop"),
    ],
)
def test_evaluate_refuses_what_cannot_be_dropped(palate, by_content, words, sentence):
    code, out, err = palate("evaluate", by_content, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_evaluate_does_not_drop_what_nobody_reads(palate, folder, tmp_path):
    from palate.data.folder import load

    train(load(folder), Recipe(model="item-knn", data=str(folder))).bundle().save(tmp_path / "i.palate")
    code, _, err = palate("evaluate", tmp_path / "i.palate", "--drop", "all=0.5")
    assert code == 2
    assert "item-knn reads no parts" in err
