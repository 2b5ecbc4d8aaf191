"""Tuning: trials follow from the seed, go on after a break, are given up in time, and know nothing of the test part."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna")

from palate.bundle import Recipe
from palate.cli import main
from palate.core.errors import ConfigError, DataError, MissingExtraError, PalateError, UnknownNameError
from palate.data.folder import save
from palate.evaluation import evaluate
from palate.models import registry
from palate.models.ease import EASE
from palate.models.item_knn import ItemKNN
from palate.tuning import SPACES, Between, OneOf, Whole, space_of, tune
from palate.tuning.space import parse_space

KNN = Recipe.of({"model": "item-knn", "settings": {"neighbours": 0}, "seed": 3})


def tried(found):
    return [(dict(trial.fields), trial.state, trial.value) for trial in found.trials]


def test_the_first_trial_has_the_defaults_and_the_best_is_the_best_on_validation(tiny):
    found = tune(tiny, KNN, 14)
    assert dict(found.trials[0].fields) == {"shrink": 100.0, "user_power": 0.25}
    assert len({str(fields) for fields, _, _ in tried(found)}) == 14
    assert found.best.value == max(trial.value for trial in found.trials)
    assert found.recipe.settings == {"neighbours": 0, **found.best.fields}
    cut = KNN.split(tiny)
    model = found.recipe.build().fit(cut.train, cut.valid)
    assert evaluate(model, cut, metrics=["ndcg"], on="valid").metrics["ndcg@20"] == found.best.value


def test_the_seed_makes_the_trials(tiny):
    one, same, other = (tune(tiny, recipe, 4) for recipe in (KNN, KNN, KNN.model_copy(update={"seed": 4})))
    assert tried(one) == tried(same)
    assert tried(one)[1:] != tried(other)[1:]


def test_the_test_part_is_never_looked_at(tiny, monkeypatch):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"the test part was asked for {name}")

    cut = Recipe.split(KNN, tiny)
    monkeypatch.setattr(Recipe, "split", lambda *_: replace(cut, test=Untouchable()))
    assert tune(tiny, KNN, 3).best.value is not None


def test_what_is_in_the_test_part_changes_nothing(tiny):
    cut = KNN.split(tiny)
    rng, found = np.random.default_rng(0), []
    for shuffled in (False, True):
        items = cut.test.interactions.item
        test = replace(cut.test.interactions, item=rng.permutation(items) if shuffled else items)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Recipe, "split", lambda *_, test=test: replace(cut, test=cut.test.with_interactions(test)))
            found.append(tried(tune(tiny, KNN, 3)))
    assert found[0] == found[1]


def test_a_study_goes_on_and_ends_as_if_it_had_not_been_interrupted(tiny, tmp_path, monkeypatch):
    whole = tune(tiny, KNN, 13)
    place, fit, fits = tmp_path / "study", ItemKNN._fit, iter(range(100))

    def breaks(model, *words):
        if next(fits) == 9:
            raise KeyboardInterrupt
        return fit(model, *words)

    tune(tiny, KNN, 2, study=place)
    monkeypatch.setattr(ItemKNN, "_fit", breaks)
    with pytest.raises(KeyboardInterrupt):
        tune(tiny, KNN, 13, study=place)
    monkeypatch.setattr(ItemKNN, "_fit", fit)
    kept = Recipe.load(place / "best.toml")
    again = tune(tiny, KNN, 13, study=place)
    assert tried(again) == tried(whole)
    assert kept.model == "item-knn"
    assert Recipe.load(place / "best.toml") == again.recipe
    assert tried(tune(tiny, KNN, 5, study=place)) == tried(whole), "there are more already"


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"settings": {"neighbours": 5}}, {"how": "leave-last-out"}, {"positive": "weight>=1"}]
)
def test_a_study_of_something_else_is_refused(tiny, tmp_path, change):
    tune(tiny, KNN, 1, study=tmp_path / "study")
    with pytest.raises(ConfigError, match="is of other data, settings, ranges, or another metric, split or seed"):
        tune(tiny, KNN.model_copy(update=change), 1, study=tmp_path / "study")


@pytest.mark.parametrize("lost", [1, 7, 20])
def test_a_study_whose_last_line_was_not_written_to_its_end_goes_on(tiny, tmp_path, lost):
    whole = tune(tiny, KNN, 4)
    log = tmp_path / "study" / "trials.log"
    tune(tiny, KNN, 2, study=log.parent)
    os.truncate(log, log.stat().st_size - lost)
    assert tried(tune(tiny, KNN, 4, study=log.parent)) == tried(whole)


def test_a_lock_that_a_killed_run_left_is_not_waited_for(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tune(tiny, KNN, 1, study=Path("study"))
    os.symlink("study/trials.log", "study/trials.log.lock")
    assert len(tune(tiny, KNN, 2, study=Path("study")).trials) == 2


def test_a_folder_that_is_no_study_and_one_in_use_are_left_alone(tiny, tmp_path):
    from palate.core.files import locked

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="is no study, and is left as it is"):
        tune(tiny, KNN, 1, study=tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    tune(tiny, KNN, 1, study=tmp_path / "study")
    with locked(tmp_path / "study" / ".lock"), pytest.raises(ConfigError, match="is in use: wait for the other run"):
        tune(tiny, KNN, 2, study=tmp_path / "study")


def test_the_clock_ends_it_after_the_trial_that_runs(tiny):
    assert len(tune(tiny, KNN, 50, seconds=0).trials) == 1


def test_a_trial_that_fails_is_told_and_the_others_go_on(tiny, monkeypatch):
    fit = EASE._fit

    def fails(model, *words):
        if model.config.reg > 100:
            raise PalateError("too much")
        return fit(model, *words)

    monkeypatch.setattr(EASE, "_fit", fails)
    found = tune(tiny, Recipe.of({"model": "ease"}), 6)
    assert {trial.state for trial in found.trials} == {"done", "failed"}
    assert {trial.why for trial in found.trials if trial.state == "failed"} == {"too much"}
    recipe = Recipe.of({"model": "ease", "settings": {"memory_limit_mb": 1}})
    monkeypatch.setattr(EASE, "_fit", lambda *_: fails(EASE(reg=101)))
    with pytest.raises(PalateError, match="too much"):  # the defaults fail: nothing else need be tried
        tune(tiny, recipe, 6)


def test_a_study_whose_first_trial_fails_is_not_in_the_way(tiny, tmp_path, monkeypatch):
    def fails(*_):
        raise PalateError("too much")

    with monkeypatch.context() as broken:
        broken.setattr(ItemKNN, "_fit", fails)
        with pytest.raises(PalateError, match="too much"):
            tune(tiny, KNN, 2, study=tmp_path / "study")
    assert not (tmp_path / "study").exists()
    other = KNN.model_copy(update={"seed": 4})
    assert tried(tune(tiny, other, 2, study=tmp_path / "study")) == tried(tune(tiny, other, 2))


def test_a_study_that_was_killed_in_its_first_trial_is_not_in_the_way(tiny, tmp_path, monkeypatch):
    class Killed(BaseException):
        """Nothing handles it."""

    def killed(*_):
        shutil.copytree(tmp_path / "study", tmp_path / "left")
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(ItemKNN, "_fit", killed)
        with pytest.raises(Killed):
            tune(tiny, KNN, 2, study=tmp_path / "study")
    assert (tmp_path / "left" / "trials.log").is_file()
    other = KNN.model_copy(update={"seed": 4})
    assert tried(tune(tiny, other, 2, study=tmp_path / "left")) == tried(tune(tiny, other, 2))


def test_parts_that_are_settled_are_not_tried(tiny):
    with pytest.raises(ConfigError, match=r"'parts' of content-knn is settled as .* and is to be tried too"):
        tune(tiny, Recipe.of({"model": "content-knn", "parts": ["title"]}), 2, words={"parts": OneOf((["title"],))})


def test_where_a_drawn_number_fails_first_the_others_go_on(tiny, monkeypatch):
    fit, failed = ItemKNN._fit, []

    def fails(model, *words):
        if not failed:
            failed.append(model)
            raise PalateError("too much")
        return fit(model, *words)

    monkeypatch.setattr(ItemKNN, "_fit", fails)
    found = tune(tiny, KNN, 3, words={"shrink": Between(1, 10)})
    assert [trial.state for trial in found.trials] == ["failed", "done", "done"]


def test_what_cannot_be_judged_is_told_at_once(tiny):
    with pytest.raises(DataError, match="validation holds nothing to judge by"):
        tune(tiny, KNN.model_copy(update={"split_settings": {"valid": 0.0}}), 1)
    with pytest.raises(ConfigError, match="of which less is better"):
        tune(tiny, KNN, 1, by="gini")


def test_without_optuna_the_extra_is_named(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'palate\[tune\]'"):
        tune(tiny, KNN, 1)


@pytest.mark.torch
def test_a_network_that_falls_behind_is_given_up(tiny):
    pytest.importorskip("torch")
    recipe = Recipe.of(
        {
            "model": "lightgcn",
            "settings": {"dim": 8, "epochs": 8, "layers": 1, "reg": 0.0, "negatives": 1, "batch_size": 128},
        }
    )
    found = tune(tiny, recipe, 10, words={"lr": Between(1e-6, 0.1)})
    states = [trial.state for trial in found.trials]
    assert "pruned" in states
    assert states[:5] == ["done"] * 5, "none is given up before there is something to compare it with"
    assert found.best.fields["lr"] > 1e-3
    assert all(trial.value < found.best.value for trial in found.trials if trial.state == "pruned")


@pytest.mark.parametrize("name", sorted({*registry.names()} - {"ensemble", "popularity"}))
def test_every_model_has_something_to_try_that_it_takes(name):
    kind = registry.get(name)
    space = space_of(name, {})
    config = kind.config_type()
    for word, dimension in space.items():
        if word == "fuse":
            assert "features" in kind.requires
            continue
        ends = dimension.values if isinstance(dimension, OneOf) else (dimension.low, dimension.high)
        assert all(getattr(kind.config_type.of({word: end}), word) == end for end in ends)
        default = getattr(config, word)
        assert default in ends if isinstance(dimension, OneOf) else dimension.low <= default <= dimension.high
    assert {*SPACES.get(name, {})} <= {*space}


def test_what_has_nothing_to_act_on_is_not_tried():
    assert {"temperature", "negatives"} & {*space_of("lightgcn", {})} == {"negatives"}
    softmax = {"loss": "sampled-softmax", "sampler": "in-batch", "lr": 0.01}
    assert {"temperature", "negatives", "lr"} & {*space_of("lightgcn", softmax)} == {"temperature"}
    assert {"fuse"} & {*space_of("content-knn", {"fuse": "mean"})} == set()
    assert {"content", "hop", "neighbours", "unmet"} <= {*space_of("umami", {})}
    assert not {"content", "hop", "neighbours", "unmet"} & {*space_of("umami", {}, parts=False)}
    beside = {"shrink", "user_power", "ease_reg"}
    assert beside & {*space_of("umami", {})} == beside
    assert beside & {*space_of("umami", {"beside": "ease"})} == {"ease_reg"}
    assert beside & {*space_of("umami", {"late": 0})} == set()
    assert beside & {*space_of("umami", {"late": 0.5})} == {"shrink", "user_power"}
    assert {"hop", "neighbours"} & {*space_of("umami", {"hop": 0})} == set()
    assert {"hop", "neighbours"} & {*space_of("umami", {"neighbours": 0})} == set()
    with pytest.raises(ConfigError, match="'content' of umami does nothing here, since the items have no parts"):
        space_of("umami", {}, {"content": Between(1, 3)}, parts=False)


def test_a_range_on_the_list_reaches_to_the_default_and_one_that_is_given_stays():
    assert SPACES["ease"]["reg"].holds(EASE().config.reg)
    assert space_of("ease", {}, {"reg": Between(1, 10)}) == {"reg": Between(1, 10)}
    assert Between(0.01, 0.9).stretched(0.0) == Between(0.0, 0.9, log=False)
    assert Whole(2, 9, log=True).stretched(0) == Whole(0, 9)
    assert OneOf((1, 2)).stretched(3) == OneOf((1, 2, 3))


def test_a_range_is_of_whole_numbers_where_the_setting_takes_no_others():
    assert space_of("item-knn", {}, {"user_power": Whole(0, 1)})["user_power"] == Between(0, 1, log=False)
    assert space_of("ease", {}, {"reg": Whole(200, 3000, log=True)}) == {"reg": Between(200, 3000)}
    assert space_of("umami", {}, {"late": Whole(0, 2)})["late"] == Between(0, 2, log=False)
    whole = Whole(10, 100, log=True)
    assert space_of("item-knn", {}, {"neighbours": Between(10.0, 100.0)})["neighbours"] == whole
    assert space_of("item-knn", {}, {"neighbours": whole})["neighbours"] == whole


def test_no_trial_leaves_a_range_that_is_given_and_the_first_has_the_other_defaults(tiny):
    words = {"user_power": Between(0.3333, 0.3336, log=False), "neighbours": Whole(3, 5)}
    recipe = Recipe.of({"model": "item-knn"})
    found = tune(tiny, recipe, 6, words=words)
    assert all(0.3333 <= trial.fields["user_power"] <= 0.3336 for trial in found.trials)
    assert all(3 <= trial.fields["neighbours"] <= 5 for trial in found.trials)
    assert found.trials[0].fields["shrink"] == ItemKNN().config.shrink
    found = tune(tiny, KNN, 1, words={"user_power": Whole(0, 1)})
    assert found.best.fields["user_power"] == 0.25


def test_a_fusion_that_is_settled_is_not_tried(tiny):
    found = tune(tiny, Recipe.of({"model": "content-knn", "fuse": "mean"}), 2)
    assert found.recipe.fuse == "mean"
    assert all("fuse" not in trial.fields for trial in found.trials)


def test_fusions_to_try_can_be_named(tiny):
    found = tune(tiny, Recipe.of({"model": "vector-space"}), 6, words={"fuse": OneOf(("mean", "weighted"))})
    assert {trial.fields["fuse"] for trial in found.trials} == {"mean", "weighted"}
    assert found.recipe.fuse == found.best.fields["fuse"]


def test_aligners_are_tried_as_fusions_are(tiny):
    words = {"align": OneOf(("cca", "whitening")), "fuse": OneOf(("mean", "concat"))}
    found = tune(tiny, Recipe.of({"model": "vector-space"}), 6, words=words)
    assert {trial.fields["align"] for trial in found.trials} == {"cca", "whitening"}
    assert (found.recipe.align, found.recipe.fuse) == (found.best.fields["align"], found.best.fields["fuse"])
    settled = tune(tiny, Recipe.of({"model": "vector-space", "align": "pca"}), 2)
    assert settled.recipe.align == "pca"
    with pytest.raises(UnknownNameError, match="no aligner 'cc'"):
        tune(tiny, Recipe.of({"model": "vector-space"}), 2, words={"align": OneOf(("cc",))})


@pytest.mark.parametrize("word", ["align", "fuse"])
@pytest.mark.parametrize("value", ["1", "null", "true", "[1]", "{}"])
def test_what_is_no_name_of_an_aligner_or_a_fusion_is_refused(word, value):
    with pytest.raises(ConfigError, match=rf"'{word}' was to be tried as .*, which is no name: allowed: "):
        space_of("content-knn", {}, parse_space([f"{word}={value}|mean"]))


def test_the_best_is_written_again_where_it_is_gone(tiny, tmp_path):
    found = tune(tiny, KNN, 1, study=tmp_path / "study")
    (tmp_path / "study" / "best.toml").unlink()
    tune(tiny, KNN, 1, study=tmp_path / "study")
    assert Recipe.load(tmp_path / "study" / "best.toml") == found.recipe


@pytest.mark.parametrize(
    ("name", "settings", "words", "says"),
    [
        ("popularity", {}, {}, "there is nothing to try"),
        ("ensemble", {"members": ["ease"]}, {}, "tune these"),
        ("ease", {"reg": 3}, {}, "leave out some --set"),
        ("ease", {}, {"reg_": OneOf((1,))}, "did you mean 'reg'"),
        ("ease", {"reg": 3}, {"reg": Between(1, 10)}, "settled as 3 and is to be tried too: leave out one"),
        ("ease", {}, {"fuse": OneOf(("mean",))}, "ease has no setting 'fuse' to try"),
        ("ease", {}, {"reg": Between(-5, 5)}, "setting 'reg' was -5"),
        ("ease", {}, {"memory_limit_mb": Between(0.5, 3.0)}, "setting 'memory_limit_mb' was 0.5"),
        ("item-knn", {}, {"neighbours": OneOf((5, "many"))}, "setting 'neighbours' was 'many'"),
        ("content-knn", {}, {"fuse": Whole(1, 2)}, "'fuse' of content-knn is no number"),
        ("slim", {}, {"non_negative": Whole(0, 1)}, "is no number, so a range says nothing: give values"),
    ],
)
def test_where_nothing_can_be_tried_that_is_told(name, settings, words, says):
    with pytest.raises(ConfigError, match=says):
        space_of(name, settings, words)


def test_a_fusion_to_try_that_is_not_there_is_told():
    with pytest.raises(UnknownNameError, match="no fusion 'maen': did you mean 'mean'"):
        space_of("content-knn", {}, {"fuse": OneOf(("mean", "maen"))})


def test_ranges_are_read_from_words():
    words = ["lr=1e-4..1e-2", "dropout=0..0.5", "layers=1..3", "k=1..100", "dim=32|64", "sampler=uniform|in-batch"]
    assert parse_space(words) == {
        "lr": Between(1e-4, 1e-2), "dropout": Between(0, 0.5, log=False), "layers": Whole(1, 3), "k": Whole(1, 100, log=True),
        "dim": OneOf((32, 64)), "sampler": OneOf(("uniform", "in-batch")),
    }  # fmt: skip
    for word in ("lr", "lr=", "lr=1..x", "lr=3..1", "lr=1..nan", "lr=1..inf", "=1|2"):
        with pytest.raises(ConfigError, match="is nothing to try: write a range"):
            parse_space([word])
    with pytest.raises(ConfigError, match="'lr' is to be tried twice: give one range"):
        parse_space(["lr=1e-4..1e-2", "lr=1|2"])


@pytest.mark.parametrize(
    ("typed", "instead"),
    [("align=cca,pca", "align=cca|pca"), ("dim=32, 64", "dim=32|64"), ("dim=16|32,64", "dim=16|32|64")],
)
def test_values_with_commas_between_them_are_told_how_to_be_written(typed, instead):
    with pytest.raises(ConfigError, match=re.escape(f"values stand between |: write '{instead}', in quotes")):
        parse_space([typed])
    assert parse_space(["layers=[64,32]|[128]"]) == {"layers": OneOf(([64, 32], [128]))}


@pytest.fixture
def shop(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tiny, tmp_path / "shop")


def run(capsys, *words):
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return left.value.code, capsys.readouterr()


def test_the_command_prints_a_table_and_what_to_train(shop, capsys):
    code, said = run(
        capsys, "tune", "shop", "--model", "content-knn", "--trials", "4", "--parts", "title", "--seed", "2"
    )
    assert code == 0, said.err
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "test is not looked at" in lines[1]
    assert lines[2] == "4 trials of content-knn (4 done), judged by ndcg@20 on validation"
    assert sum("fuse=" in line and "neighbours=" in line for line in lines) == 4
    typed = said.out.partition("next: palate ")[2].replace("\\\n", " ").split()
    assert run(capsys, *typed)[0] == 0
    assert run(capsys, "train", "content-knn.study/best.toml", "--out", "other.palate")[0] == 0
    one, other = (
        json.loads(Path(f"{name}.palate", "manifest.json").read_text())["metrics"] for name in ("content-knn", "other")
    )
    best = next(line for line in lines if "fuse=" in line).split()[0]
    assert f"{one['valid']['metrics']['ndcg@20']:.4f}" == f"{other['valid']['metrics']['ndcg@20']:.4f}" == best


def test_settings_of_the_model_of_an_aligner_and_of_a_fusion_are_settled_as_train_takes_them(shop, capsys):
    settled = ["content-knn.parts=[title,photo]", "cca.dim=3", "mean.dim=4"]
    words = ["--align", "cca", "--fuse", "mean", *(word for told in settled for word in ("--set", told))]
    code, said = run(capsys, "tune", "shop", "--model", "content-knn", "--trials", "2", *words)
    assert code == 0, said.err
    best = Recipe.load(Path("content-knn.study/best.toml"))
    assert (best.align_settings, best.fuse_settings) == ({"dim": 3}, {"dim": 4})
    assert best.settings["parts"] == ["title", "photo"]
    typed = said.out.partition("next: palate ")[2].replace("\\\n", " ")
    assert {"cca.dim=3", "mean.dim=4"} < set(typed.split())
    code, said = run(capsys, "tune", "shop", "--model", "content-knn", "--set", "mean.dim=4")
    assert (code, said.err.endswith("'mean', which is not named: add --complete mean or --fuse mean\n")) == (2, True)


@pytest.mark.torch
def test_a_fusion_that_is_fitted_first_learns_on_the_device_that_was_named(shop, capsys, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("PALATE_DEVICE", "cuda:99")
    words = ("--model", "content-knn", "--fuse", "mlp", "--set", "mlp.epochs=1", "--trials", "1")
    code, said = run(capsys, "tune", "shop", *words, "--device", "cpu")
    assert code == 0, said.err


def test_why_a_trial_failed_fits_the_terminal(shop, capsys, monkeypatch):
    fit = ItemKNN._fit

    def fails(model, *words):
        if model.config.shrink != ItemKNN().config.shrink:
            raise PalateError(" ".join(["a long sentence of what is wrong with it"] * 4))
        return fit(model, *words)

    monkeypatch.setattr(ItemKNN, "_fit", fails)
    code, said = run(capsys, "tune", "shop", "--model", "item-knn", "--trials", "4")
    assert code == 0, said.err
    assert "one failed: a long sentence of what" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_stopped_in_its_first_trial_it_says_that_nothing_is_kept(shop, capsys, monkeypatch, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ItemKNN, "_fit", stopped)
    code, said = run(capsys, "tune", "shop", "--model", "item-knn")
    assert (code, said.err) == (130, "palate: stopped before a trial was done: nothing is kept\n")
    assert not (tmp_path / "item-knn.study").exists()


def test_the_command_goes_on_after_a_kill(shop, capsys, tmp_path):
    words = ["tune", "shop", "--model", "item-knn", "--trials", "8", "--json"]
    program = (
        "import time; from palate.models.item_knn import ItemKNN; fit = ItemKNN._fit\n"
        "ItemKNN._fit = lambda *w: (time.sleep(0.1), fit(*w))\nfrom palate.cli import main; main()"
    )
    for sent, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        before = done(tmp_path)
        with subprocess.Popen(
            [sys.executable, "-c", program, *words], stderr=subprocess.PIPE, env=os.environ
        ) as started:
            while done(tmp_path) < before + 2:
                assert started.poll() is None, started.stderr.read()
                time.sleep(0.01)
            started.send_signal(sent)
            said = started.stderr.read().decode()
        assert started.returncode == code
    assert (
        said == "palate: stopped; the trials that are done are kept in item-knn.study, and the same command goes on\n"
    )
    again, whole = (run(capsys, *words, "--study", place)[1].out for place in ("item-knn.study", "whole"))
    again, whole = ([(t["fields"], t["value"]) for t in json.loads(out)["trials"]] for out in (again, whole))
    assert again == whole


def done(folder):
    log = folder / "item-knn.study" / "trials.log"
    return log.read_text().count('"state":1') if log.is_file() else 0
