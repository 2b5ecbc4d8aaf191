"""Ways to join parts, by names: every registered one, and what cannot be asked for."""

import pytest

from palate.align import registry as aligners
from palate.bundle import fusions as room
from palate.bundle.fusions import MODELS, Ways
from palate.core.errors import ConfigError, UnknownNameError
from palate.fusion import registry as early
from palate.fusion.late import registry as late
from palate.models import registry as models

PARTS = ["photo", "title"]


def test_every_registered_way_is_there_by_default():
    ways = Ways.of()
    assert set(ways.models) == {name for name in MODELS if name in models.names()} - _without_torch()
    recipes = ways.recipes("content-knn", PARTS)
    wanted = {*early.names(), *(f"late {name}" for name in late.names()), "photo alone", "title alone"}
    assert set(recipes) == wanted
    assert next(iter(recipes)) == "concat"
    kinds = {label: kind for label, (kind, _) in recipes.items()}
    assert (kinds["mean"], kinds["late borda"], kinds["title alone"]) == ("early", "late", "alone")


def _without_torch():
    return {name for name in MODELS if name in models.names() and not room._can_run(name)}


def test_every_aligner_can_be_asked_for_with_what_fuses_after_it():
    recipes = Ways.of(align=["all"]).recipes("content-knn", PARTS)
    assert {f"{name} + mean" for name in aligners.names()} == {
        label for label, (kind, _) in recipes.items() if kind == "aligned"
    }
    named = Ways.of(early=["all"], align=["cca"]).recipes("content-knn", PARTS)
    aligned = {label for label, (kind, _) in named.items() if kind == "aligned"}
    assert aligned == {f"cca + {name}" for name in early.names() if name != "aligned"}
    recipe = named["cca + concat"][1]
    assert (recipe.align, recipe.fuse) == ("cca", "concat")


def test_aligners_are_followed_by_mean_where_no_fusion_can_follow():
    for words in ({"late": ["borda"]}, {"early": ["aligned"]}, {"early": []}):
        ways = Ways.of(["content-knn"], align=["cca"], settings={"mean.dim": 4}, **words)
        assert ways.recipes("content-knn", [])["cca + mean"][1].fuse_settings == {"dim": 4}


def test_naming_one_kind_leaves_the_other_out_and_keeps_the_reference():
    assert list(Ways.of(early=["mean"]).recipes("content-knn", [])) == ["concat", "mean"]
    assert list(Ways.of(late=["borda"]).recipes("content-knn", [])) == ["concat", "late borda"]
    both = Ways.of(early=["mean"], late=["all"])
    assert (both.early, both.late) == (("concat", "mean"), tuple(late.names()))


def test_the_methods_build_models_of_the_parts():
    ways = Ways.of(
        ["content-knn"],
        early=["mean"],
        late=["borda"],
        parts=["title", "photo"],
        settings={"content-knn.neighbours": 7},
    )
    methods = {each.label: each for each in ways.methods(PARTS)["content-knn"]}
    assert methods["mean"].build().spec()["fusion"]["name"] == "mean"
    assert methods["mean"].build().config.neighbours == 7
    assert set(methods["late borda"].build().spec()["members"]) == {"photo", "title"}
    assert methods["photo alone"].build().config.parts == ("photo",)
    assert methods["photo alone"].parts == ("photo",)


def test_settings_go_to_whose_they_are():
    ways = Ways.of(
        early=["mean"],
        late=["reciprocal-rank"],
        align=["cca"],
        settings={"mean.dim": 4, "reciprocal-rank.offset": 9, "cca.dim": 3},
    )
    recipes = {label: recipe for label, (_, recipe) in ways.recipes("content-knn", PARTS).items()}
    assert recipes["mean"].fuse_settings == {"dim": 4}
    assert recipes["cca + mean"].fuse_settings == {"dim": 4}
    assert recipes["cca + mean"].align_settings == {"dim": 3}
    assert recipes["late reciprocal-rank"].late_settings == {"offset": 9}
    assert recipes["concat"].fuse_settings == {}


@pytest.mark.parametrize(
    ("asked", "kind", "says"),
    [
        ({"models": ["content-nn"]}, UnknownNameError, "no model 'content-nn': did you mean 'content-knn'"),
        ({"models": ["ease"]}, ConfigError, "the model 'ease' takes no fusion"),
        ({"models": []}, ConfigError, "no model was named"),
        ({"early": ["maen"]}, UnknownNameError, "no fusion 'maen': did you mean 'mean'"),
        ({"late": ["borda", "bord"]}, UnknownNameError, "no score fusion 'bord': did you mean 'borda'"),
        ({"align": ["ccaa"]}, UnknownNameError, "no aligner 'ccaa': did you mean 'cca'"),
        ({"settings": {"dim": 3}}, ConfigError, "'dim' says not whose it is: write NAME.dim"),
        ({"settings": {"ease.reg": 3}}, ConfigError, "for 'ease', which is not compared"),
        ({"settings": {"mean.dmi": 3}}, ConfigError, "no setting 'dmi': did you mean 'dim'"),
        ({"settings": {"mean.dim": 0}}, ConfigError, "setting 'dim' was 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_told(asked, kind, says):
    with pytest.raises(kind, match=says):
        Ways.of(**asked)


def test_without_torch_the_default_models_are_those_that_need_none_and_the_methods_all_stay(monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    ways = Ways.of()
    assert ways.models == ("content-knn", "vector-space")
    assert set(ways.early) == set(early.names())
    assert not ways.trains


@pytest.mark.torch
def test_a_network_among_models_or_fusions_is_told():
    pytest.importorskip("torch")
    assert Ways.of(["two-tower"], early=["mean"]).trains
    assert Ways.of(["content-knn"], early=["mlp"]).trains
    assert not Ways.of(["content-knn"], early=["mean"], late=["borda"]).trains


@pytest.mark.torch
def test_what_a_fusion_cannot_use_of_the_models_settings_it_goes_without():
    pytest.importorskip("torch")
    ways = Ways.of(
        ["two-tower"],
        early=["mean", "mlp", "gated"],
        align=["cca"],
        settings={"two-tower.hidden": 0.3, "two-tower.epochs": 2, "gated.learn": "contrast"},
    )
    recipes = {label: recipe for label, (_, recipe) in ways.recipes("two-tower", PARTS).items()}
    for recipe in recipes.values():
        recipe.build(PARTS)
        assert recipe.settings["epochs"] == 2
    acting = {label for label, recipe in recipes.items() if recipe.settings.get("hidden") == 0.3}
    assert acting == {"mlp", "photo alone", "title alone"}
    assert ways.idle("two-tower", PARTS) == {
        "hidden": ["concat", "mean", "gated", "cca + mean", "cca + mlp", "cca + gated"]
    }
    assert Ways.of(["content-knn"], settings={"content-knn.neighbours": 3}).idle("content-knn", PARTS) == {}
