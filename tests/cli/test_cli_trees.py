"""A tree of models and fusions is told on the command line as in a recipe."""

import pytest

from palate.bundle import Bundle
from palate.cli import main
from palate.data.folder import save

INNER = '{"name": "inner", "model": "ensemble", "late": "max", "settings": {"members": [ease, {"model": "content-knn", "parts": ["title"]}]}}'


def run(capsys, *words):
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return left.value.code, capsys.readouterr()


def test_an_ensemble_in_an_ensemble(tiny, tmp_path, capsys):
    save(tiny, tmp_path / "shop")
    settings = ("--set", f"members=[item-knn, {INNER}]", "--set", "inner.ease.reg=7", "--set", "item-knn.shrink=3")
    words = ("train", str(tmp_path / "shop"), "--model", "ensemble", *settings, "--late", "stacking")
    code, said = run(capsys, *words, "--out", str(tmp_path / "b"))
    assert code == 0, said.err
    model = Bundle.open(tmp_path / "b").model
    assert model.members["inner"].members["ease"].config.reg == 7
    assert model.members["inner"].combine.name == "max"
    assert model.members["item-knn"].config.shrink == 3
    assert model.combine.config.weights.keys() == {"inner", "item-knn"}


def test_a_hybrid_from_a_recipe(tiny, tmp_path, capsys):
    save(tiny, tmp_path / "shop")
    recipe = f'model = "vector-space"\nfuse = "hybrid"\ndata = "{tmp_path / "shop"}"\nout = "{tmp_path / "b"}"\n'
    groups = "[fuse_settings.groups]\na = {parts = ['photo']}\nb = {parts = ['title'], fuse = 'concat'}\n"
    (tmp_path / "r.toml").write_text(recipe + groups)
    code, said = run(capsys, "train", str(tmp_path / "r.toml"))
    assert code == 0, said.err
    assert Bundle.open(tmp_path / "b").model.fusion.members == {"a": ("photo",), "b": ("title",)}


def test_a_group_of_a_part_that_is_not_there_is_refused_in_one_sentence(tiny, tmp_path, capsys):
    save(tiny, tmp_path / "shop")
    recipe = f'model = "vector-space"\nfuse = "hybrid"\ndata = "{tmp_path / "shop"}"\nout = "{tmp_path / "b"}"\n'
    (tmp_path / "r.toml").write_text(recipe + "[fuse_settings.groups]\na = {parts = ['photos']}\n")
    code, said = run(capsys, "train", str(tmp_path / "r.toml"))
    assert code == 2
    assert "names the part 'photos', and there is none: did you mean 'photo'" in " ".join(said.err.split())
    assert not (tmp_path / "b").exists()
