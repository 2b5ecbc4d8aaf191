"""`make eval-deep` on little data: what a run leaves, when it is run again, and the table."""

import json
import re
import sys
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("torch")

from doc_blocks import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

import deep
import deep_code
import deep_runs
import deep_settings
from deep_runs import Job, Place, best, is_done, read, run, shuffled
from deep_table import table
from grounds import GROUNDS, Ground

import palate
from palate.interfaces import Queries, Run
from palate.models import registry

pytestmark = pytest.mark.torch
DEEP = [name for name in registry.names() if registry.get(name).extra == "deep"]
WHERE = "tiktok"


@pytest.fixture
def few(monkeypatch):
    """Networks learn for three epochs."""
    short = {name: {"all": {"epochs": 3}, WHERE: {"dim": 4}} for name in DEEP}
    monkeypatch.setattr(deep_settings, "SETTINGS", {**short, "item-knn": {WHERE: {"shrink": 10}}})


def place_of(data, out):
    place = Place(Ground(WHERE, "mmrec", "tiny", "random-per-user"), out, out)
    place.cut = palate.split(data, "random-per-user", seed=0)
    return place


def test_a_run_leaves_what_the_table_needs_and_is_done(tiny, tmp_path, few):
    place, job = place_of(tiny, tmp_path), Job(WHERE, "umami", "", 1)
    assert not is_done(job, place, tmp_path, 600)
    run(job, place, tmp_path, 600)
    assert job.file(tmp_path) == tmp_path / "tiktok" / "umami.1.json"
    text = job.file(tmp_path).read_text()
    found = json.loads(text)
    assert str(tmp_path) not in text
    assert len(text) < 3000
    assert found["settings"] == {"epochs": 3, "dim": 4}
    assert (found["epochs"], found["stopped"], found["threads"], found["seed"]) == (3, "epochs", 1, 1)
    assert is_done(job, place, tmp_path, 600)
    model = registry.get("umami")(dim=4, epochs=3).fit(place.cut.train, place.cut.valid, Run(seed=1, threads=1))
    judged = palate.evaluate(model, place.cut, (10, 20), ["recall", "ndcg"], resamples=1)
    assert found["test"] == pytest.approx(dict(judged.metrics), abs=1e-6)
    users = np.flatnonzero(np.diff((place.cut.test.liked - place.cut.test.liked.multiply(place.cut.train.seen)).indptr))
    lists = model.rank(Queries.of_users(place.cut.train, users.astype(np.int32)), 20, place.cut.train.seen[users])
    assert abs(found["items@20"] - len(np.unique(lists.items[lists.items >= 0]))) <= 1
    assert list(tmp_path.glob("running/*")) == []


def test_other_data_settings_and_code_are_run_again(tiny, tmp_path, few, monkeypatch):
    place, job = place_of(tiny, tmp_path), Job(WHERE, "lightgcn", "", 0)
    run(job, place, tmp_path, 600)
    fewer = tiny.with_interactions(tiny.interactions.take(np.arange(300)))
    assert not is_done(job, place_of(fewer, tmp_path), tmp_path, 600)
    assert not is_done(job, place, tmp_path, 500)
    assert is_done(job, place, tmp_path, 600)
    monkeypatch.setattr(deep_runs, "code_of", lambda *_: "other")
    assert not is_done(job, place, tmp_path, 600)
    monkeypatch.undo()
    assert not is_done(job, place, tmp_path, 600)  # its settings are the defaults again


def test_the_clock_ends_a_training(tiny, tmp_path, few):
    run(Job(WHERE, "lightgcn", "", 0), place_of(tiny, tmp_path), tmp_path, 1e-9)
    (found,) = read(tmp_path, [WHERE])
    assert (found["epochs"], found["stopped"]) == (1, "seconds")


def test_parts_are_dealt_out_anew_and_together(tiny):
    other = shuffled(tiny, 0)
    before, after = (
        np.concatenate([data.features[name].values for name in ("photo", "title")], axis=1) for data in (tiny, other)
    )
    assert not np.array_equal(before, after)
    order = np.lexsort(before.T), np.lexsort(after.T)
    assert np.array_equal(before[order[0]], after[order[1]])
    assert other.features["photo"].present.sum() == tiny.features["photo"].present.sum()


def test_the_table_holds_seeds_refusals_and_ablations(tiny, tmp_path, few):
    place, bare = place_of(tiny, tmp_path), place_of(tiny.without_features("title", "photo"), tmp_path)
    for job in (
        Job(WHERE, "item-knn", "", 0),
        Job(WHERE, "umami", "", 0),
        Job(WHERE, "umami", "", 1),
        Job(WHERE, "lightgcn", "", 0),
    ):
        run(job, place, tmp_path, 600)
    for variation in ("no graph of items", "all items take alike from neighbours"):
        run(Job(WHERE, "umami", variation, 0), place, tmp_path, 600)
    run(Job(WHERE, "umami", "shuffled", 0), bare, tmp_path, 600)
    run(Job(WHERE, "freedom", "", 0), bare, tmp_path, 600)
    runs = read(tmp_path, [WHERE])
    text = table(runs, [WHERE, "amazon-baby"])
    assert "amazon-baby" not in text
    values = [each["test"]["recall@20"] for each in runs if each["model"] == "umami" and each["variation"] == ""]
    row = f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"
    (ours,) = [line for line in text.splitlines() if line.startswith("| `umami` |")]
    assert row in ours
    assert ours.split("|")[7].strip() == "2"
    assert "`freedom`: the dataset has no features of items" in text
    assert "`umami, shuffled`: items have no parts here" in text
    assert "### What `umami` owes to what" in text
    assert "| no graph of items (hop 0.0) |" in text
    assert "| all items take alike from neighbours (prior None) |" in text
    assert best(runs, WHERE, 0, 1)[0] in ("umami", "lightgcn")
    assert set(best(runs, WHERE, 0, 5)) == {"umami", "lightgcn"}


def words(tmp_path, **given):
    usual = {"results": tmp_path, "models": [], "grounds": [WHERE, "amazon-baby"], "seeds": [0, 1, 2]}
    return Namespace(**{**usual, **given})


def test_every_network_is_run_and_the_best_with_more_seeds(tiny, tmp_path, few):
    jobs = list(deep.first(words(tmp_path)))
    assert {job.model for job in jobs} == {*DEEP, *deep_settings.REFERENCES}
    assert [job.ground for job in jobs[:2]] == [WHERE, "amazon-baby"]
    assert len(set(jobs)) == len(jobs)
    run(Job(WHERE, "lightgcn", "", 0), place_of(tiny, tmp_path), tmp_path, 600)
    later = list(deep.more(words(tmp_path)))
    assert {(job.model, job.ground) for job in later} == {
        ("umami", WHERE), ("umami", "amazon-baby"), ("lightgcn", WHERE),
    }  # fmt: skip
    assert {job.seed for job in later} == {1, 2}
    assert {job.seed for job in deep.more(words(tmp_path, models=["item-knn", "bm3"]))} == {1, 2}
    assert {job.model for job in deep.more(words(tmp_path, models=["item-knn", "bm3"]))} == {"bm3"}


def test_settings_and_variations_are_such_as_models_know():
    assert set(deep_settings.GROUNDS) <= set(GROUNDS)
    for model, grounds in deep_settings.SETTINGS.items():
        assert set(grounds) <= {"all", *deep_settings.GROUNDS}
        for ground in deep_settings.GROUNDS:
            assert Job(ground, model, "", 0).build().name == model
    for model, variations in deep_settings.ABLATIONS.items():
        specs = {json.dumps(Job(WHERE, model, name, 0).build().spec(), default=str) for name in ("", *variations)}
        assert len(specs) == len(variations) + 1


def test_the_code_behind_a_figure_is_that_of_the_model_and_what_it_uses():
    umami = deep_code.behind(["palate.models.umami", "palate.evaluation.protocol"])
    assert {"palate.nn.graph", "palate.training.loop", "palate.models._hops", "palate.linalg.topk"} <= umami
    assert not [
        name
        for name in umami
        if name.startswith(("palate.cli", "palate.data", "palate.training.trackers", "palate.fusion"))
    ]
    assert not {"palate.models.mgcn", "palate.training.losses.bpr"} & umami
    bpr, softmax = (deep_code.code_of(registry.get("umami")(loss=loss)) for loss in ("bpr", "sampled-softmax"))
    assert bpr != softmax


def test_comments_docstrings_form_and_refusals_are_no_code(tmp_path):
    one, same, other = (tmp_path / f"{name}.py" for name in ("one", "same", "other"))
    one.write_text('"""Doc."""\nx = [1,\n 2]  # why\ndef f():\n    """Doc."""\n')
    refuses = "from palate.core.errors import ConfigError\n", "    if x:\n        raise ConfigError('why')\n"
    same.write_text("{}x = [1, 2]\ndef f():\n    '''Other.'''\n{}".format(*refuses))
    other.write_text("x = [1, 3]\ndef f():\n    '''Other.'''\n")
    assert deep_code.essence(one) == deep_code.essence(same) != deep_code.essence(other)


@pytest.mark.parametrize(
    "line",
    [
        "if (y := x) < 0: raise ConfigError(x)",
        "if rng.random() < 0: raise ConfigError(x)",
        "if x: raise MemoryLimitError(x)",
    ],
)
def test_a_refusal_that_does_something_or_is_caught_is_code(tmp_path, line):
    for name, text in (("with", f"{line}\nreturns = x\n"), ("without", "returns = x\n")):
        (tmp_path / f"{name}.py").write_text(text)
    assert deep_code.essence(tmp_path / "with.py") != deep_code.essence(tmp_path / "without.py")


def test_nothing_catches_an_error_that_is_said_to_end_a_run():
    files = [
        file
        for name in deep_code.behind(["palate.models.umami", "palate.evaluation.protocol"])
        if (file := deep_code._place(name))
    ]
    caught = {
        word
        for file in files
        for found in re.findall(r"except ([^:]+):", file.read_text())
        for word in re.findall(r"\w+", found)
    }
    assert "MemoryLimitError" in caught
    assert not caught & {*deep_code.ENDS}


def test_the_published_table_is_of_the_published_runs():
    """But for the words about runs that an earlier state of the code made, which change with the code."""
    place = ROOT / "docs" / "results"
    runs = read(place / "deep", deep_settings.GROUNDS)
    published = (place / "deep.md").read_text(encoding="utf-8").split("\nMade by an earlier state")[0]
    assert published.rstrip() == table(runs, deep_settings.GROUNDS).rstrip()
    assert len(runs) > 30


def test_what_stands_beside_another_toolkit_is_of_the_published_table():
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| [\d. /]* ?\| (\d\.\d{4}) / (\d\.\d{4}) \|$", page, re.MULTILINE)
    text = (ROOT / "docs" / "results" / "deep.md").read_text(encoding="utf-8")
    section = text.split("## tiktok\n")[1].split("\n## ")[0]
    figure = r"(\d\.\d{4})[^|]*"
    found = re.findall(rf"^\| `(\w+)` \| {figure}\| {figure}\| {figure}\|", section, re.MULTILINE)
    published = {name: (recall, ndcg) for name, _, recall, ndcg in found}
    assert len(told) == 8
    assert {name: (recall, ndcg) for name, recall, ndcg in told}.items() <= published.items()


def test_umami_is_first_on_every_ground_and_owes_something_to_the_parts_as_they_are():
    text = (ROOT / "docs" / "results" / "deep.md").read_text(encoding="utf-8")
    for ground in deep_settings.GROUNDS:
        section = text.split(f"## {ground}\n")[1].split("\n## ")[0].split("\n### ")[0]
        figure = r"(\d\.\d{4})[^|]*"
        found = re.findall(rf"^\| `([\w, -]+)` \| {figure}\| {figure}\| {figure}\|", section, re.MULTILINE)
        ndcg = {name: float(value) for name, _, _, value in found}
        ours = ndcg.pop("umami")
        assert len(ndcg) >= 4
        assert ours > max(ndcg.values()), ground
        assert ("umami, shuffled" in ndcg) == (ground != "amazon-baby")
