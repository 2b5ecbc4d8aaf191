"""Trackers: what TensorBoard reads back, what Weights & Biases is told, and what a missing library says."""

import json
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("torch")

from palate.core.errors import MissingExtraError, StoreError
from palate.interfaces import Run
from palate.models import LightGCN
from palate.training.trackers import registry

pytestmark = pytest.mark.torch
SETTINGS = {"dim": 4, "epochs": 3, "batch_size": 64, "patience": 0}


@pytest.fixture
def cut(tiny):
    import palate

    return palate.split(tiny, "random-per-user", seed=0)


def trained(cut, *trackers, **settings):
    return LightGCN(**SETTINGS | settings).fit(cut.train, cut.valid, Run(seed=5, trackers=trackers))


def test_tensorboard_reads_back_every_figure(cut, tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    model = trained(cut, registry.get("tensorboard")(path=tmp_path / "my runs"))
    trained(cut, registry.get("tensorboard")(path=tmp_path / "my runs"), lr=0.1)
    folders = sorted((tmp_path / "my runs").iterdir())
    assert len(folders) == 2, "trainings with other settings have folders of their own"
    assert all(folder.name.startswith("lightgcn-") for folder in folders)
    found = []
    for folder in folders:
        events = accumulators.EventAccumulator(str(folder))
        events.Reload()
        found.append({tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]})
    wanted = {
        name: [(step + 1, pytest.approx(figures[name])) for step, figures in enumerate(model.history.figures)]
        for name in ("bpr", "reg", "valid ndcg@20", "seconds")
    }
    assert wanted in found


def test_wandb_is_told_settings_figures_and_how_it_ended(cut, monkeypatch):
    """Against a recording stand-in: the library itself brings a server of its own and is not among what tests install."""
    told = []
    run = SimpleNamespace(
        log=lambda figures, step: told.append((step, figures)), finish=lambda exit_code: told.append(exit_code)
    )
    library = SimpleNamespace(init=lambda **about: (told.append(about), run)[1])
    monkeypatch.setitem(sys.modules, "wandb", library)
    model = trained(cut, registry.get("wandb")(project="mine"))
    about, *epochs, code = told
    assert about["project"] == "mine"
    assert about["name"] == "lightgcn, seed 5"
    assert about["config"]["config"]["dim"] == 4
    assert epochs == [(step + 1, figures) for step, figures in enumerate(model.history.figures)]
    assert code == 0


def test_a_training_that_breaks_off_is_told_too(cut, tmp_path):
    path = tmp_path / "log.jsonl"
    with pytest.raises(Exception, match="no number"):
        trained(cut, registry.get("jsonl")(path=path), lr=1e30)
    assert json.loads(path.read_text().splitlines()[-1]) == {"end": False}


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("tensorboard", "torch.utils.tensorboard", "track"), ("wandb", "wandb", "wandb")]
)
def test_a_missing_library_names_the_extra(cut, monkeypatch, name, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"'{name}', which is not installed: pip install 'palate\[{extra}\]'"):
        trained(cut, registry.get(name)())


@pytest.mark.parametrize("name", ["jsonl", "tensorboard"])
def test_a_place_that_cannot_be_written_is_told(cut, tmp_path, name):
    if name == "tensorboard":
        pytest.importorskip("tensorboard")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        StoreError, match=r"of a tracker, .*within, cannot be written \(.*\): name another place for it"
    ):
        trained(cut, registry.get(name)(path=tmp_path / "file" / "within"))
    assert (tmp_path / "file").read_text() == "mine"
