"""`palate train --set NAME.key=value` gives a setting to whose it is, or says what is missing."""

from __future__ import annotations

import pytest

from palate.bundle import Recipe
from palate.cli._settings import shared_out
from palate.cli.compare import _options
from palate.cli.train import _recipe
from palate.core.config import parse_settings
from palate.core.errors import ConfigError


def shared(settings, **fields):
    found = shared_out({"model": "content-knn", **fields}, settings)
    return {name: value for name, value in found.items() if name.endswith("settings")}


def test_a_setting_goes_to_whose_it_is():
    settings = {"neighbours": 9, "content-knn.parts": ["title"], "cca.dim": 4, "mean.dim": 8}
    assert shared(settings, align="cca", fuse="mean") == {
        "settings": {"neighbours": 9, "parts": ["title"]},
        "align_settings": {"dim": 4},
        "fuse_settings": {"dim": 8},
    }
    assert shared({"stacking.reg": 2}, late="stacking")["late_settings"] == {"reg": 2}


def test_what_the_recipe_says_stays_beside_what_is_typed():
    fields = {"model": "content-knn", "fuse": "mean", "fuse_settings": {"dim": 4, "seed": 1}}
    found = shared_out({**fields, "settings": {"neighbours": 3}}, {"mean.dim": 8})
    assert {name: found[name] for name in ("settings", "fuse_settings")} == {
        "settings": {"neighbours": 3},
        "fuse_settings": {"dim": 8, "seed": 1},
    }


def test_a_member_of_an_ensemble_is_asked_for_by_the_ensemble():
    found = shared({"item-knn.shrink": 3, "borda.depth": 4}, model="ensemble", late="borda")
    assert found == {"settings": {"item-knn.shrink": 3}, "late_settings": {"depth": 4}}


def test_a_fusion_that_is_not_named_is_told():
    with pytest.raises(ConfigError, match="'gated', which is not named: add --fuse gated"):
        shared({"gated.dim": 8})
    with pytest.raises(ConfigError, match="add --align mlp or --fuse mlp"):
        shared({"mlp.dim": 8})
    with pytest.raises(ConfigError, match="--align mlp and --fuse mlp: say which in a recipe, by align_settings"):
        shared({"mlp.dim": 8}, align="mlp", fuse="mlp")


def test_wrong_settings_of_a_fusion_are_refused_by_its_own_name():
    recipe = _recipe({"data": "shop"}, {"model": "content-knn", "fuse": "mean"}, {"mean.dim": 0})
    with pytest.raises(ConfigError, match="MeanConfig: setting 'dim' was 0"):
        recipe.check()


def test_what_a_comparison_suggests_has_the_settings_it_was_made_with():
    told = {"align": "cca", "align_settings": {"dim": 4}, "fuse": "mean", "fuse_settings": {"dim": 8}}
    recipe = Recipe.of({"model": "content-knn", "settings": {"neighbours": 9}, **told})
    words = _options(recipe)
    given = {word[2:]: words[n + 1] for n, word in enumerate(words) if word.startswith("--") and word != "--set"}
    typed = [words[n + 1] for n, word in enumerate(words) if word == "--set"]
    assert _recipe({}, given, parse_settings(typed)) == recipe
