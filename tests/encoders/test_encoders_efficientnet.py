"""EfficientNet-Lite: the file read without torch, the graph against torch, and what it sees."""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from palate.core.errors import WeightsError
from palate.core.weights import fetch
from palate.encoders._efficientnet import EPSILON, strides, write_graph
from palate.encoders._efficientnet_encoder import EfficientNetLite
from palate.encoders._torch_pickle import read_state_dict
from palate.encoders.efficientnet_lite0 import EfficientNetLite0
from palate.encoders.efficientnet_lite2 import EfficientNetLite2

HALVED = {"efficientnet-lite0": {1, 3, 5, 11}, "efficientnet-lite2": {1, 4, 7, 15}}
"""Blocks of stride 2, from the repeats of B0 (1, 2, 2, 3, 3, 4, 1) times the depth, rounded up, but for first and last."""


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('the file ran code')",))


def old_torch_file(path: Path, content: Any) -> Path:
    """Write the frame of an old torch file around a pickled value."""
    with path.open("wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content, []):
            pickle.dump(value, file, protocol=2)
    return path


def test_a_file_that_wants_to_run_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"asks for (builtins|__builtin__)\.exec"):
        read_state_dict(old_torch_file(tmp_path / "x.pth", {"w": _Evil()}))
    with (tmp_path / "y.pth").open("wb") as file:
        pickle.dump(_Evil(), file, protocol=2)
    with pytest.raises(WeightsError, match="no state dict needs"):
        read_state_dict(tmp_path / "y.pth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(5), b"\x80\x02garbage"])
def test_a_file_that_is_no_state_dict(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"x\.pth"):
        read_state_dict(tmp_path / "x.pth")


def test_an_empty_state_dict(tmp_path: Path) -> None:
    assert read_state_dict(old_torch_file(tmp_path / "x.pth", OrderedDict())) == {}


@pytest.mark.torch
def test_what_torch_wrote_is_read_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensors = OrderedDict(
        a=torch.arange(24.0).reshape(2, 3, 4).transpose(0, 2),
        b=torch.arange(10)[3:7],
        c=torch.ones(3, dtype=torch.float64),
        d=torch.tensor(2.5, dtype=torch.float16),
        e=torch.zeros(0),
    )
    torch.save(tensors, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    ours = read_state_dict(tmp_path / "x.pth")
    assert list(ours) == list(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(ours[name], tensor.numpy())
        assert ours[name].shape == tuple(tensor.shape)
    short = tmp_path / "short.pth"
    short.write_bytes((tmp_path / "x.pth").read_bytes()[:-5])
    with pytest.raises(WeightsError, match="too early"):
        read_state_dict(short)
    assert struct.calcsize("<q") == 8


def torch_forward(
    weights: dict[str, np.ndarray], pixels: np.ndarray, halved: set[int]
) -> tuple[np.ndarray, np.ndarray]:
    """EfficientNet-Lite in torch, batch norms as they are: features and logits."""
    torch = pytest.importorskip("torch")
    from torch.nn import functional

    w = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}

    def layer(x: Any, conv: str, norm: str, stride: int = 1, groups: int = 1, active: bool = True) -> Any:
        kernel = w[f"{conv}.weight"]
        width = kernel.shape[-1]
        pad = max((-(-x.shape[-1] // stride) - 1) * stride + width - x.shape[-1], 0)
        x = functional.pad(x, (pad // 2, pad - pad // 2) * 2)
        x = functional.conv2d(x, kernel, stride=stride, groups=groups)
        stats = (w[f"{norm}.running_mean"], w[f"{norm}.running_var"], w[f"{norm}.weight"], w[f"{norm}.bias"])
        x = functional.batch_norm(x, *stats, eps=EPSILON)
        return functional.relu6(x) if active else x

    x = (torch.from_numpy(pixels).float().permute(0, 3, 1, 2) - 127) / 128
    x = layer(x, "_conv_stem", "_bn0", 2)
    index = 0
    while f"_blocks.{index}._project_conv.weight" in w:
        at, start = f"_blocks.{index}", x
        if f"{at}._expand_conv.weight" in w:
            x = layer(x, f"{at}._expand_conv", f"{at}._bn0")
        x = layer(x, f"{at}._depthwise_conv", f"{at}._bn1", 2 if index in halved else 1, x.shape[1])
        x = layer(x, f"{at}._project_conv", f"{at}._bn2", active=False)
        x = x + start if x.shape == start.shape else x
        index += 1
    features = layer(x, "_conv_head", "_bn1").mean(dim=(2, 3))
    logits = functional.linear(features, w["_fc.weight"], w["_fc.bias"])
    return features.numpy(), logits.numpy()


def small_weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Three blocks with random weights: one without expansion, one that halves the picture, one that adds its input."""
    weights: dict[str, np.ndarray] = {}

    def put(name: str, *shape: int) -> None:
        weights[name] = (rng.normal(size=shape) * 0.3).astype(np.float32)

    def norm(name: str, width: int) -> None:
        put(f"{name}.weight", width)
        put(f"{name}.bias", width)
        put(f"{name}.running_mean", width)
        weights[f"{name}.running_var"] = rng.uniform(0.5, 2, width).astype(np.float32)

    put("_conv_stem.weight", 8, 3, 3, 3)
    put("_blocks.0._depthwise_conv.weight", 8, 1, 3, 3)
    put("_blocks.0._project_conv.weight", 8, 8, 1, 1)
    put("_blocks.1._expand_conv.weight", 16, 8, 1, 1)
    put("_blocks.1._depthwise_conv.weight", 16, 1, 5, 5)
    put("_blocks.1._project_conv.weight", 10, 16, 1, 1)
    put("_blocks.2._expand_conv.weight", 20, 10, 1, 1)
    put("_blocks.2._depthwise_conv.weight", 20, 1, 3, 3)
    put("_blocks.2._project_conv.weight", 10, 20, 1, 1)
    put("_conv_head.weight", 12, 10, 1, 1)
    put("_fc.weight", 5, 12)
    put("_fc.bias", 5)
    for name, width in (("_bn0", 8), ("_blocks.0._bn1", 8), ("_blocks.0._bn2", 8), ("_blocks.1._bn0", 16),
                        ("_blocks.1._bn1", 16), ("_blocks.1._bn2", 10), ("_blocks.2._bn0", 20),
                        ("_blocks.2._bn1", 20), ("_blocks.2._bn2", 10), ("_bn1", 12)):  # fmt: skip
        norm(name, width)
    return weights


@pytest.mark.torch
@pytest.mark.parametrize("side", [32, 35])
def test_the_graph_equals_torch_on_random_weights(side: int, tmp_path: Path) -> None:
    import onnxruntime

    rng = np.random.default_rng(side)
    weights = small_weights(rng)
    write_graph(weights, side, tmp_path / "x.onnx")
    pixels = rng.integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    for ours, theirs in zip(
        session.run(["features", "logits"], {"pixels": pixels}), torch_forward(weights, pixels, {1}), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.torch
@pytest.mark.weights
@pytest.mark.parametrize("kind", [EfficientNetLite0, EfficientNetLite2])
def test_the_graph_equals_torch_on_the_real_weights(kind: type[EfficientNetLite[Any]]) -> None:
    torch = pytest.importorskip("torch")
    path = fetch(kind.weights[0])
    weights = read_state_dict(path)
    assert {index for index, stride in enumerate(strides(weights)) if stride == 2} == HALVED[kind.name]
    for name, tensor in torch.load(path, weights_only=True).items():
        np.testing.assert_array_equal(weights[name], tensor.numpy())
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (kind.side, kind.side, 3), dtype=np.uint8) for _ in range(2)]
    encoder = kind()
    features, logits = torch_forward(weights, np.stack(pixels), HALVED[kind.name])
    values, present = encoder.encode(pixels)
    assert present.all()
    np.testing.assert_allclose(values, features, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(encoder.logits(pixels), logits, atol=1e-4, rtol=1e-4)


@pytest.mark.data
@pytest.mark.weights
@pytest.mark.parametrize("kind", [EfficientNetLite0, EfficientNetLite2])
def test_it_knows_things_when_it_sees_them(kind: type[EfficientNetLite[Any]], real_data: Path) -> None:
    encoder = kind()
    images = real_data / "stamps" / "images"
    expected = {"animals-amphibians-frog.jpg": {30, 31, 32}, "animals-birds-blackbird.jpg": set(range(7, 25)),
                "animals-birds-chicken_profile.jpg": {7, 8, 80, 81, 82, 83, 86}}  # fmt: skip
    scores = encoder.logits([encoder.decode(images / name) for name in expected])
    assert [int(row.argmax()) in classes for row, classes in zip(scores, expected.values(), strict=True)] == [True] * 3


def described(shape: bytes, count: int) -> bytes:
    """Return a state dict of one tensor, of this pickled shape, whose storage claims so many numbers."""
    frame = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {}))
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0"
    head = b"\x80\x02}X\x01\0\0\0a" + tensor + shape + b"K\x01\x85tRs."
    return frame + head + pickle.dumps(["0"], 2) + struct.pack("<q", count) + bytes(4)


def test_a_file_that_would_take_all_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(described(b"K\x01\x85", 1))
    assert read_state_dict(path)["a"].tolist() == [0.0]
    frame = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {}))
    huge = frame + b"\x80\x04\x8e" + struct.pack("<Q", 2**60)
    for content in (described(b"K\x01\x85", 2**60), described(b"K\x01\x85", 2**62), described(b"K\x09\x85", 1), huge):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="could not be read as a torch state dict"):
            read_state_dict(path)
