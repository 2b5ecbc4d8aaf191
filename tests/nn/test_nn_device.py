"""Where networks live, and how wide their numbers are: what is not there is told, and new networks need to do nothing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import NETWORKS, everyone, shop  # noqa: E402
from palate.core.errors import ConfigError  # noqa: E402
from palate.interfaces import Run  # noqa: E402
from palate.models import registry  # noqa: E402
from palate.nn.device import device_for, on  # noqa: E402
from palate.nn.graph import Operator, bipartite  # noqa: E402

pytestmark = pytest.mark.torch
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")


def test_the_environment_and_the_run_choose_the_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("PALATE_DEVICE", raising=False)
    assert [device_for(name) for name in (None, "auto", "cpu", "cuda:1")] == ["cuda", "cuda", "cpu", "cuda:1"]
    monkeypatch.setenv("PALATE_DEVICE", "cpu")
    assert (device_for(), device_for("cuda")) == ("cpu", "cuda")
    with pytest.raises(ConfigError, match=r"^the device was 'cuda:2': here it can be auto, cpu, cuda, cuda:0, cuda:1$"):
        device_for("cuda:2")


def test_a_device_that_is_not_here_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PALATE_DEVICE", "gpu")
    message = r"PALATE_DEVICE was 'gpu': here it can be auto, cpu \(torch .* sees no CUDA device\)"
    with pytest.raises(ConfigError, match=message):
        registry.get("lightgcn")(epochs=1).fit(shop())


@pytest.mark.parametrize("name", sorted({*NETWORKS} - {"lattice"}))  # which reckons while it is built
def test_all_that_a_network_reads_lives_where_it_was_built(name):
    """`meta` is a device that every torch has, and on which nothing is reckoned."""
    with on("meta"):
        network = registry.get(name)()._network(shop(), np.random.default_rng(0))
    found = list(tensors(network))
    assert len(found) > 3
    assert {tensor.device.type for tensor in found} == {"meta"}


def tensors(thing, depth=0):
    if torch.is_tensor(thing):
        yield thing
    elif isinstance(thing, torch.nn.Module):
        yield from thing.parameters()
    elif isinstance(thing, dict | list | tuple):
        for inner in thing.values() if isinstance(thing, dict) else thing:
            yield from tensors(inner, depth)
    elif depth < 6 and type(thing).__module__.startswith("palate"):
        for inner in vars(thing).values():
            yield from tensors(inner, depth + 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_of_half_the_width_lead_nearly_to_the_same(name):
    data = shop(30, 20)
    whole, half = (
        registry.get(name)(epochs=2, precision=precision).fit(data, run=Run(device="cpu")).score(everyone(data))
        for precision in ("float32", "bfloat16")
    )
    assert np.array_equal(np.isnan(whole), np.isnan(half))
    assert not np.array_equal(whole, half, equal_nan=True) or name == "lightgcn"
    assert np.nanmax(abs(whole - half)) < 0.05 * np.nanmax(abs(whole))


def test_products_over_a_graph_are_exact():
    graph, x = Operator(bipartite(shop().liked), symmetric=True), torch.rand(21, 4)
    whole = graph.forward @ x
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(graph(x), whole)
        assert graph(x.bfloat16()).dtype == torch.float32


@on_gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_on_a_gpu_the_same_is_learned(name):
    data = shop(60, 40)
    settings = {"epochs": 3, "precision": "float32"}
    models = [registry.get(name)(**settings).fit(data, run=Run(device=device)) for device in ("cpu", "cuda")]
    one, other = (model.score(everyone(data)) for model in models)
    assert np.array_equal(np.isnan(one), np.isnan(other))
    if name in ("lightgcn", "vbpr", "freedom", "umami"):  # others draw numbers on the device
        assert np.nanmax(abs(one - other)) < 0.05 * np.nanmax(abs(one))
    assert np.isfinite(registry.get(name)(epochs=2).fit(data).history.figures[-1]["seconds"])


@on_gpu
def test_on_a_gpu_a_training_goes_on_after_a_break(tmp_path):
    data, run = shop(60, 40), Run(device="cuda", checkpoint=tmp_path)
    first = registry.get("lightgcn")(epochs=3).fit(data, run=run)
    again = registry.get("lightgcn")(epochs=3).fit(data, run=run)
    assert again.history.figures == []
    assert np.array_equal(first.vectors, again.vectors)
