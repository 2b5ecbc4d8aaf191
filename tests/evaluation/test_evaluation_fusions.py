"""Fusions compared: what is kept and made again, what is tested against concat, how it is shown."""

import json
from dataclasses import replace

import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError, MemoryLimitError, StoreError
from palate.core.files import locked
from palate.data.split import split
from palate.evaluation import compare, evaluate
from palate.evaluation.fusions import Method, Missing, compare_fusions
from palate.evaluation.fusions_report import write_fusions
from palate.evaluation.missing import missing_curve
from palate.fusion.concat import Concat
from palate.fusion.mean import Mean
from palate.models import ContentKNN


class Noise(ContentKNN):
    """Scores that follow the run's seed."""

    name = "noise"

    def _fit(self, train, valid, run):
        super()._fit(train, valid, run)
        self.noise = np.random.default_rng(run.seed).random((len(train.users), len(train.items))).astype(np.float32)

    def score(self, queries, items=None):
        return self.noise[queries.user]


class Hungry(ContentKNN):
    def _fit(self, train, valid, run):
        raise MemoryLimitError("it would take 900 MB, more than 100 MB")


class Faulty(ContentKNN):
    def _fit(self, train, valid, run):
        raise ZeroDivisionError("division by zero")


def knn(fusion, kind="early", parts=None, model=ContentKNN, **settings):
    made = {} if parts is None else {"parts": parts}
    return lambda label: Method(label, kind, lambda: model(**made, **settings, fusion=fusion()), parts)


METHODS = {
    "concat": knn(Concat),
    "mean": knn(Mean),
    "title alone": knn(Concat, "alone", ("title",)),
}


def named(**more):
    return {"content-knn": [make(label) for label, make in {**METHODS, **more}.items()]}


@pytest.fixture
def cut(tiny):
    return split(tiny)


@pytest.fixture
def fits(monkeypatch):
    """The labels of the models that are fitted, in order."""
    made = []
    fit = ContentKNN._fit

    def counted(model, *words):
        made.append(model.spec()["fusion"]["name"])
        return fit(model, *words)

    monkeypatch.setattr(ContentKNN, "_fit", counted)
    return made


def test_its_figures_are_those_of_evaluate_and_of_compare(cut):
    found = compare_fusions(cut, named(), k=5)
    (block,) = found.blocks
    model = ContentKNN(fusion=Mean()).fit(cut.train, cut.valid)
    alone = evaluate(model, cut, 5, ["recall", "ndcg"])
    assert block.trials["mean"].test.metrics == alone.metrics
    assert block.trials["mean"].test.intervals == alone.intervals
    factories = {label: (lambda _, make=make: make("").build()) for label, make in METHODS.items()}
    table = compare(cut, factories, k=5, metrics=["recall", "ndcg"], by="ndcg@5", pairs="all")
    (test,) = (each for each in table.tests if {each["model"], each["against"]} == {"concat", "title alone"})
    mine = block.tests["title alone"]
    sign = 1 if test["against"] == "concat" else -1
    assert mine["against"] == "concat"
    assert mine["difference"] == pytest.approx(sign * test["difference"])
    assert mine["p"] == pytest.approx(test["p"], abs=0.02)


def test_the_order_is_that_of_validation_and_popularity_is_the_floor(cut):
    found = compare_fusions(cut, named(), k=5)
    (block,) = found.blocks
    valid = [block.trials[name].valid.metrics["ndcg@5"] for name in block.order]
    assert valid == sorted(valid, reverse=True)
    assert block.kinds["popularity"] == "floor"
    assert block.best == block.order[0] != "popularity"
    assert block.tests["popularity"]["difference"] < 0
    assert block.tests["popularity"]["significant"]
    assert found.by == "ndcg@5"
    assert compare_fusions(cut, named(), k=5, metrics=["recall"]).by == "recall@5"


def test_a_second_run_fits_nothing_and_says_the_same(cut, fits, tmp_path):
    words = {"k": 5, "seeds": 2, "missing": Missing((0.5,)), "out": tmp_path / "study"}
    first = compare_fusions(cut, named(noise=knn(Concat, model=Noise)), **words)
    assert fits
    fits.clear()
    again = compare_fusions(cut, named(noise=knn(Concat, model=Noise)), **words)
    assert fits == []
    assert (
        _told(again)
        == _told(first)
        == _told(compare_fusions(cut, named(noise=knn(Concat, model=Noise)), **{**words, "out": None}))
    )
    assert again.blocks[0].trials["noise"].std["ndcg@5"] > 0
    assert again.blocks[0].trials["concat"].deterministic


def _told(found):
    """Everything, but how long it took and how much memory."""
    value = found.to_json()
    for row in value["rows"]:
        row.pop("seconds"), row.pop("peak_mb")
    return json.loads(json.dumps(value))


def test_what_changed_is_made_again_and_nothing_else(cut, fits, tmp_path):
    compare_fusions(cut, named(), k=5, out=tmp_path / "study")
    fits.clear()
    compare_fusions(cut, named(mean=knn(lambda: Mean(dim=4))), k=5, out=tmp_path / "study")
    assert fits == ["mean"]
    fits.clear()
    compare_fusions(cut, named(), k=7, out=tmp_path / "study")
    assert fits == ["concat", "mean", "concat"]


def test_another_version_makes_all_again(cut, fits, tmp_path, monkeypatch):
    compare_fusions(cut, named(), k=5, out=tmp_path / "study")
    fits.clear()
    monkeypatch.setattr("palate.evaluation._study.version", lambda name: "99")
    compare_fusions(cut, named(), k=5, out=tmp_path / "study")
    assert len(fits) == 3


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:-8])])
@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_a_damaged_run_is_made_again(cut, fits, tmp_path, harm, ending):
    whole = compare_fusions(cut, named(), k=5, out=tmp_path)
    harm(tmp_path / "runs" / f"content-knn.mean.0.{ending}")
    fits.clear()
    assert _told(compare_fusions(cut, named(), k=5, out=tmp_path)) == _told(whole)
    assert fits == ["mean"]


def test_a_run_or_a_point_that_lacks_words_is_made_again(cut, fits, tmp_path):
    words = {"k": 5, "missing": Missing((0.5,)), "out": tmp_path}
    whole = compare_fusions(cut, named(), **words)
    for place, word in (("runs/content-knn.mean.0.json", "test"), ("missing/content-knn.concat.50.json", "point")):
        told = json.loads((tmp_path / place).read_text())
        del told[word]
        (tmp_path / place).write_text(json.dumps(told))
    fits.clear()
    assert _told(compare_fusions(cut, named(), **words)) == _told(whole)
    assert fits == ["mean", "concat"]


def test_figures_of_another_run_beside_the_words_of_this_one_do_not_count(cut, fits, tmp_path):
    compare_fusions(cut, named(), k=5, out=tmp_path)
    runs = tmp_path / "runs"
    (runs / "content-knn.mean.0.safetensors").write_bytes((runs / "content-knn.concat.0.safetensors").read_bytes())
    fits.clear()
    compare_fusions(cut, named(), k=5, out=tmp_path)
    assert fits == ["mean"]


def test_stopped_it_goes_on(cut, fits, tmp_path, monkeypatch):
    fit = ContentKNN._fit

    def stops(model, *words):
        if len(fits) == 1:
            raise KeyboardInterrupt
        return fit(model, *words)

    with monkeypatch.context() as patch:
        patch.setattr(ContentKNN, "_fit", stops)
        with pytest.raises(KeyboardInterrupt):
            compare_fusions(cut, named(), k=5, out=tmp_path / "study")
    assert fits == ["concat"]
    compare_fusions(cut, named(), k=5, out=tmp_path / "study")
    assert fits == ["concat", "mean", "concat"]


def test_a_method_that_fails_is_a_row_and_is_tried_again(cut, tmp_path):
    broken = named(hungry=knn(Concat, model=Hungry), faulty=knn(Concat, model=Faulty))
    broken["content-knn"].append(Method("never", "late", lambda: (_ for _ in ()).throw(ConfigError("no such thing"))))
    found = compare_fusions(cut, broken, k=5, out=tmp_path)
    failures = found.blocks[0].failures
    assert failures["hungry"] == "it would take 900 MB, more than 100 MB"
    assert failures["faulty"] == "a fault in the method: ZeroDivisionError: division by zero"
    assert failures["never"] == "no such thing"
    rows = {row["method"]: row for row in found.to_json()["rows"]}
    assert rows["hungry"]["error"] == failures["hungry"]
    assert "hungry failed: it would take 900 MB" in " ".join(str(found).split())
    assert "| hungry | failed: it would take 900 MB" in found.to_markdown()
    mended = compare_fusions(cut, named(hungry=knn(Concat)), k=5, out=tmp_path)
    assert "hungry" in mended.blocks[0].trials


def test_where_no_method_could_be_judged_it_says_so_and_blames_not_validation(cut):
    broken = {"hungry": [knn(Concat, model=Hungry)("concat")]}
    with pytest.raises(DataError, match="no method could be judged: it would take 900 MB"):
        compare_fusions(cut, broken, k=5)
    notes = compare_fusions(cut, {**named(), **broken}, k=5).notes()
    assert "hungry: no method could be judged, so nothing was chosen." in notes
    assert not any("validation holds no likes" in note for note in notes)


def test_without_likes_in_validation_nothing_is_chosen(cut):
    found = compare_fusions(replace(cut, valid=cut.train), named(), k=5)
    assert found.blocks[0].best is None
    assert "content-knn: validation holds no likes, so nothing was chosen; the order is that of test." in found.notes()
    flattered = [
        [note for note in each.notes() if "a little better there" in note]
        for each in (found, compare_fusions(cut, named(), k=5))
    ]
    assert list(map(len, flattered)) == [0, 1]


def test_without_concat_nothing_is_tested_and_the_rest_stands(cut):
    found = compare_fusions(cut, named(concat=knn(Concat, model=Hungry)), k=5)
    (block,) = found.blocks
    assert block.tests == {}
    assert block.best in ("mean", "title alone")
    assert "concat failed" in str(found)


def test_nothing_to_judge_by_is_told_before_anything_is_fitted(cut, fits):
    nobody = replace(cut, test=cut.train)
    with pytest.raises(DataError, match="the test part holds no new like"):
        compare_fusions(nobody, named(), k=5)
    with pytest.raises(ConfigError, match="given 0 methods and 1 seeds"):
        compare_fusions(cut, {"content-knn": []}, k=5)
    with pytest.raises(ConfigError, match="cannot be chosen by 'recall@9'"):
        compare_fusions(cut, named(), k=5, by="recall@9")
    assert fits == []


def test_another_study_and_foreign_folders_are_left_alone(cut, tiny, fits, tmp_path):
    study = tmp_path / "study"
    compare_fusions(cut, named(), k=5, out=study)
    fits.clear()
    with pytest.raises(ConfigError, match="is a study of other data, or of another split"):
        compare_fusions(split(tiny, seed=1), named(), k=5, out=study)
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in (foreign, tmp_path / "file"):
        with pytest.raises(ConfigError, match="is no study of fusions, and is left as it is"):
            compare_fusions(cut, named(), k=5, out=place)
    assert [file.name for file in foreign.iterdir()] == ["notes.txt"]
    assert fits == []
    assert not (study / ".lock").exists()


def test_a_study_in_use_waits_for_the_other(cut, tmp_path):
    with (
        locked(tmp_path / "study" / ".lock"),
        pytest.raises(ConfigError, match="is in use: wait for the other run"),
    ):
        compare_fusions(cut, named(), k=5, out=tmp_path / "study")


def test_what_a_kill_in_the_first_run_left_is_in_nobodys_way(cut, tiny, tmp_path):
    compare_fusions(split(tiny, seed=1), named(), k=5, out=tmp_path)
    for file in (tmp_path / "runs").iterdir():
        file.unlink()
    assert compare_fusions(cut, named(), k=5, out=tmp_path).blocks[0].trials


def test_a_full_disk_ends_it_rather_than_a_method(cut, tmp_path, monkeypatch):
    def full(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr("palate.evaluation._kept.Keeper.keep_run", full)
    with pytest.raises(StoreError, match="the disk is full"):
        compare_fusions(cut, named(), k=5, out=tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_curves_are_those_of_missing_curve(cut):
    found = compare_fusions(cut, named(), k=5, missing=Missing((0.9, 0.3), draws=2))
    curve = found.blocks[0].curves["title alone"]
    assert [point.share for point in curve] == [0.0, 0.3, 0.9]
    alone = missing_curve(lambda _: ContentKNN(parts=("title",)), cut, ["all=0.3,0.9"], 2, 5, parts=("title",))
    assert [point.metrics for point in curve[1:]] == [point.metrics for point in alone.curves[0].points]
    assert curve[0].metrics == found.blocks[0].trials["title alone"].test.metrics
    assert "popularity" not in found.blocks[0].curves
    rows = found.to_json()["missing"]["rows"]
    assert {(row["method"], row["share"]) for row in rows} >= {("mean", 0.0), ("mean", 0.9)}


def test_a_share_more_makes_only_its_own_points(cut, fits, tmp_path):
    compare_fusions(cut, named(), k=5, missing=Missing((0.5,)), out=tmp_path)
    assert len(fits) == 6
    fits.clear()
    found = compare_fusions(cut, named(), k=5, missing=Missing((0.5, 0.9)), out=tmp_path)
    assert fits == ["concat", "mean", "concat"]
    assert [point.share for point in found.blocks[0].curves["mean"]] == [0.0, 0.5, 0.9]
    fits.clear()
    compare_fusions(cut, named(), k=5, missing=Missing((0.5,), draws=2), out=tmp_path)
    assert len(fits) == 6


def test_a_share_at_which_nothing_can_be_fitted_is_a_point_with_the_reason(cut, monkeypatch):
    fit = ContentKNN._fit

    def picky(model, train, *words):
        if train.item_coverage("title") < 0.5:
            raise MemoryLimitError("too little is left")
        return fit(model, train, *words)

    monkeypatch.setattr(ContentKNN, "_fit", picky)
    found = compare_fusions(cut, named(), k=5, missing=Missing((0.2, 0.9)))
    curve = found.blocks[0].curves["mean"]
    assert [point.error for point in curve] == [None, None, "too little is left"]
    assert "mean with 90 % missing has no figures: too little is left" in " ".join(str(found).split())
    assert "| – |" in found.to_markdown()
    assert "</svg>" in found.plot()


def test_the_tables_fit_a_terminal_and_say_what_is_real(cut):
    found = compare_fusions(
        cut, named(**{"late reciprocal-rank of " + "long " * 5: knn(Concat)}), k=5, missing=Missing()
    )
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "best by ndcg@5 on validation" in " ".join(text.split())
    popularity = next(line for line in text.splitlines() if line.startswith("popularity"))
    assert "*" in popularity
    markdown = found.to_markdown()
    assert "| method | kind | valid ndcg@5 | test recall@5 | test ndcg@5 |" in markdown
    assert "### Parts missing (ndcg@5)" in markdown
    assert "| title alone | alone |" in markdown.replace("**", "")


def test_the_files_hold_the_same_and_the_plot_a_panel_a_method(cut, tiny, tmp_path):
    found = compare_fusions(cut, named(), k=5, missing=Missing((0.5,)))
    files = write_fusions(tmp_path, tiny, found)
    assert [file.name for file in files] == ["fusions.md", "fusions.json", "missing.svg"]
    value = json.loads(files[1].read_text(encoding="utf-8"))
    assert value["best"]["content-knn"]["method"] == found.blocks[0].best
    assert [row["method"] for row in value["rows"]] == [row["method"] for row in found.to_json()["rows"]]
    assert "![ndcg@5 when parts go missing](missing.svg)" in files[0].read_text(encoding="utf-8")
    picture = files[2].read_text(encoding="utf-8")
    assert picture.count('class="curve"') == 3
    assert all(f">{name}</text>" in picture for name in METHODS)
    assert [file.name for file in write_fusions(tmp_path / "b", tiny, compare_fusions(cut, named(), k=5))] == [
        "fusions.md", "fusions.json",
    ]  # fmt: skip


def test_parts_whose_names_look_alike_in_a_file_are_kept_apart(tiny, fits, tmp_path):
    data = tiny.with_features(**{"a b": tiny.features["title"], "a-b": tiny.features["photo"]})
    cut = split(data)
    alone = {f"{part} alone": knn(Concat, "alone", (part,)) for part in ("a b", "a-b")}
    words = {"k": 5, "out": tmp_path / "study"}
    compare_fusions(cut, named(**alone), **words)
    names = {file.stem for file in (tmp_path / "study" / "runs").glob("*.json")}
    assert {"content-knn.a-b-alone.0", "content-knn.title-alone.0"} < names
    fits.clear()
    compare_fusions(cut, named(**alone), **words)
    assert fits == []
