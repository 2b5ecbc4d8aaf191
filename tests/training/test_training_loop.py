"""The loop: it goes on after a break bit for bit, stops in time, keeps the best, and says where a loss became no number."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from palate.core.errors import PalateError  # noqa: E402
from palate.interfaces import Run  # noqa: E402
from palate.models import LightGCN  # noqa: E402
from palate.models._hops import HopNetwork  # noqa: E402
from palate.models.lightgcn import LightGCNConfig  # noqa: E402
from palate.training import loop  # noqa: E402
from palate.training.batches import Batches  # noqa: E402
from palate.training.checkpoint import clear  # noqa: E402
from palate.training.judge import Judge  # noqa: E402
from palate.training.loop import Settings, train  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402
from palate.training.trackers import registry as trackers  # noqa: E402

pytestmark = pytest.mark.torch
CONFIG = LightGCNConfig(dim=8, epochs=6, batch_size=64, lr=0.05, patience=0)


@pytest.fixture
def cut(tiny):
    import palate

    return palate.split(tiny, "random-per-user", seed=0)


def trained(cut, config=CONFIG, judge=True, **settings):
    network = HopNetwork(config, cut.train, np.random.default_rng(0))
    batches = Batches(cut.train.liked, samplers.get("uniform")(), config.batch_size)
    history = train(
        network, batches, config, Judge(cut.train, cut.valid, "ndcg@20") if judge else None, Settings(**settings)
    )
    return network, history


class Stopped(Exception):
    pass


@pytest.mark.parametrize("config", [CONFIG, CONFIG.model_copy(update={"truncate": 0.3})], ids=["whole", "truncated"])
def test_after_a_break_it_goes_on_bit_for_bit(cut, tmp_path, monkeypatch, config):
    whole, history = trained(cut, config)
    place = tmp_path / "checkpoint"
    judged = loop._judged

    def breaks(network, judge, where):
        if where.epoch == 4:
            raise Stopped
        return judged(network, judge, where)

    monkeypatch.setattr(loop, "_judged", breaks)
    with pytest.raises(Stopped):
        trained(cut, config, checkpoint=place, checkpoint_seconds=0.0)
    assert place.is_dir()
    monkeypatch.setattr(loop, "_judged", judged)
    again, later = trained(cut, config, checkpoint=place)
    assert len(later.figures) == 3
    for name, value in whole.weights.arrays().items():
        assert np.array_equal(again.weights.arrays()[name], value)
    assert (later.best_epoch, later.best_value) == (history.best_epoch, history.best_value)
    keys = [key for key in history.figures[-1] if key != "seconds"]
    assert [later.figures[-1][key] for key in keys] == [history.figures[-1][key] for key in keys]


def test_the_share_of_likes_left_out_grows_evenly_over_the_first_epochs(cut, monkeypatch):
    seen, losses = [], HopNetwork.losses

    def spied(network, batch, noise):
        seen.append(batch.left_out)
        return losses(network, batch, noise)

    monkeypatch.setattr(HopNetwork, "losses", spied)
    _, history = trained(cut, CONFIG.model_copy(update={"truncate": 0.2, "truncate_ramp": 2}), judge=False)
    steps = len(seen) // history.epochs
    assert steps > 1
    assert seen == pytest.approx(np.minimum(0.2, 0.1 * np.arange(len(seen)) / steps))


def test_ctrl_c_within_an_epoch_leaves_the_last_whole_one(cut, tmp_path, monkeypatch):
    whole, _ = trained(cut)
    place, losses = tmp_path / "checkpoint", HopNetwork.losses
    steps = iter(range(1000))

    def breaks(network, batch, noise):
        if next(steps) == 8:
            raise KeyboardInterrupt
        return losses(network, batch, noise)

    monkeypatch.setattr(HopNetwork, "losses", breaks)
    with pytest.raises(KeyboardInterrupt):
        trained(cut, checkpoint=place, checkpoint_seconds=1e9)
    monkeypatch.setattr(HopNetwork, "losses", losses)
    again, later = trained(cut, checkpoint=place)
    assert 0 < len(later.figures) < 6
    for name, value in whole.weights.arrays().items():
        assert np.array_equal(again.weights.arrays()[name], value)


def test_what_is_done_is_not_done_again(cut, tmp_path):
    """A second training, or the end of the command, may break off after the first was done."""
    run = Run(checkpoint=tmp_path / "partial")
    first = LightGCN(CONFIG).fit(cut.train, cut.valid, run)
    again = LightGCN(CONFIG).fit(cut.train, cut.valid, run)
    assert len(first.history.figures) == 6
    assert again.history.figures == []
    assert np.array_equal(first.vectors, again.vectors)
    others = [(CONFIG.model_copy(update={"lr": 0.01}), cut, run), (CONFIG, cut, Run(1, checkpoint=run.checkpoint))]
    less = replace(cut, train=cut.train.take_interactions(np.arange(len(cut.train.interactions)) % 9 > 0))
    for config, data, other in (*others, (CONFIG, less, run), (CONFIG, replace(cut, valid=less.train), run)):
        assert len(LightGCN(config).fit(data.train, data.valid, other).history.figures) == 6
    assert len(list((tmp_path / "partial").glob("lightgcn-*"))) == 5
    (tmp_path / "partial" / "mine.txt").write_text("not of a training")
    clear(tmp_path / "partial")
    assert [file.name for file in (tmp_path / "partial").iterdir()] == ["mine.txt"]


def test_it_stops_when_nothing_is_gained_and_keeps_the_best(cut, monkeypatch):
    values, kept, users = iter([0.1, 0.3, 0.2, 0.3, 0.25, 0.9]), {}, np.arange(5, dtype=np.int32)

    def scripted(judge, scores):
        value = next(values)
        kept.setdefault(value, scores(users))
        return value

    monkeypatch.setattr(Judge, "__call__", scripted)
    network, history = trained(cut, CONFIG.model_copy(update={"patience": 3}))
    assert (history.epochs, history.best_epoch, history.best_value) == (5, 2, 0.3)
    with torch.no_grad():
        assert np.allclose(network.scorer()(users), kept[0.3], atol=1e-6)
    assert not np.allclose(kept[0.2], kept[0.3], atol=1e-4)


class Clock:
    """Each epoch takes ten seconds, whatever it does."""

    def __init__(self, monkeypatch):
        self.now, epoch = 100.0, loop._epoch

        def slow(*given):
            self.now += 10
            return epoch(*given)

        monkeypatch.setattr(loop, "_epoch", slow)
        monkeypatch.setattr(loop.time, "monotonic", lambda: self.now)


def test_it_stops_after_the_epoch_in_which_the_time_is_over(cut, monkeypatch):
    Clock(monkeypatch)
    network, history = trained(cut, CONFIG.model_copy(update={"seconds": 25.0}))
    assert (history.epochs, history.stopped, history.seconds) == (3, "seconds", 30.0)
    shorter, done = trained(cut, CONFIG.model_copy(update={"epochs": 3}))
    assert done.stopped == "epochs"
    assert np.array_equal(network.weights.arrays()["things"], shorter.weights.arrays()["things"])
    assert trained(cut, CONFIG.model_copy(update={"patience": 1, "lr": 1e-9}))[1].stopped == "patience"


def test_time_before_a_break_counts(cut, tmp_path, monkeypatch):
    Clock(monkeypatch)
    slow = loop._epoch

    def breaks(network, batches, config, where):
        if where.epoch == 2 and where.seconds == 20:
            raise Stopped
        return slow(network, batches, config, where)

    config = CONFIG.model_copy(update={"seconds": 25.0})
    monkeypatch.setattr(loop, "_epoch", breaks)
    with pytest.raises(Stopped):
        trained(cut, config, checkpoint=tmp_path / "checkpoint", checkpoint_seconds=0.0)
    monkeypatch.setattr(loop, "_epoch", slow)
    _, history = trained(cut, config, checkpoint=tmp_path / "checkpoint")
    assert (history.epochs, history.stopped, history.seconds) == (3, "seconds", 30.0)


def test_a_loss_that_is_no_number_says_where(cut):
    with pytest.raises(PalateError, match=r"no number in epoch 1, batch 2 .*lr=1e\+30: give a smaller lr"):
        trained(cut, CONFIG.model_copy(update={"lr": 1e30}))


def test_gradients_are_cut_to_length(cut, monkeypatch):
    lengths = []
    cutting = torch.nn.utils.clip_grad_norm_

    def spied(parameters, limit):
        parameters = list(parameters)
        cutting(parameters, limit)
        lengths.append(float(sum(p.grad.square().sum() for p in parameters).sqrt()))

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spied)
    trained(cut, CONFIG.model_copy(update={"clip": 1e-3, "epochs": 1}))
    assert lengths
    assert max(lengths) <= 1.001e-3


def test_the_log_holds_every_epoch(cut, tmp_path):
    path = tmp_path / "logs" / "run.jsonl"
    _, history = trained(cut, trackers=[trackers.get("jsonl")(path=path)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["begin"]["config"]["dim"] == 8
    assert [line["epoch"] for line in lines[1:-1]] == [1, 2, 3, 4, 5, 6]
    assert lines[3]["valid ndcg@20"] == history.figures[2]["valid ndcg@20"]
    assert lines[-1] == {"end": True}


def test_validation_teaches_nothing(cut):
    """Shuffled, it may choose another epoch; the weights of each epoch stay what they were."""
    whole, _ = trained(cut, CONFIG.model_copy(update={"judge_every": 6}))
    without, _ = trained(cut, judge=False)
    for name, value in whole.weights.arrays().items():
        assert np.array_equal(without.weights.arrays()[name], value)


def test_scores_of_the_model_are_those_of_the_network(cut):
    from palate.interfaces import Queries

    model = LightGCN(CONFIG).fit(cut.train, cut.valid, Run(seed=3))
    users = np.arange(len(cut.train.users), dtype=np.int32)
    found = model.score(Queries.of_users(cut.train, users))
    network = HopNetwork(CONFIG, cut.train, np.random.default_rng(0))
    network.weights.load({**_first(model, cut.train)})
    with torch.no_grad():
        expected = network.scorer()(users)
    both = np.isfinite(found)
    assert both.any()
    np.testing.assert_allclose(found[both], expected[both], atol=1e-5)


def _first(model, train):
    """Solve the first vectors back from what the model kept: users from `own`, items from the mean of their hops."""
    from palate.nn.graph import bipartite

    users, hops = len(train.users), model.config.layers + 1
    dense = bipartite(train.liked).toarray()
    smooth = sum(np.linalg.matrix_power(dense, hop) for hop in range(hops)) / hops
    own = model.own * hops
    items = np.linalg.solve(smooth[users:, users:], model.vectors - smooth[users:, :users] @ own)
    return {"people": own.astype(np.float32), "things": items.astype(np.float32)}


def test_the_terminal_tells_every_so_many_epochs(cut, capsys):
    trained(cut, trackers=[trackers.get("console")(every=2)], label="lightgcn", seed=3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training lightgcn, seed 3"
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 2", "epoch 4", "epoch 6"]
    assert "valid ndcg@20" in lines[1]
