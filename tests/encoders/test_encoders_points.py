"""`points`: shapes whose statistics are known, and copies that were moved, scaled and turned."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from palate.encoders import BrokenInput, EmptyInput
from palate.encoders._clouds import read_points
from palate.encoders.points import Points

RNG = np.random.default_rng(8)
N = 500


def shape(name: str) -> np.ndarray:
    flat = RNG.uniform(-1, 1, (N, 3))
    match name:
        case "sphere":
            ball = RNG.normal(size=(N, 3))
            return ball / np.linalg.norm(ball, axis=1, keepdims=True)
        case "plane":
            return flat * [1, 1, 0]
        case "line":
            return flat * [1, 0, 0]
    return flat


def vector(points: np.ndarray, **settings: object) -> np.ndarray:
    found = Points(**settings).decode(str(points.tolist()))
    assert found is not None
    return found


def test_ratios_of_known_shapes() -> None:
    linearity, planarity, sphericity, second, third, *_ = vector(shape("line"))
    np.testing.assert_allclose([linearity, planarity, sphericity, second, third], [1, 0, 0, 0, 0], atol=1e-5)
    linearity, planarity, sphericity, second, third, *_ = vector(shape("plane"))
    assert linearity < 0.2
    assert planarity > 0.8
    np.testing.assert_allclose([sphericity, third], 0, atol=1e-5)
    for name in ("sphere", "cube"):
        assert vector(shape(name))[2] > 0.8


def test_histograms_of_known_shapes() -> None:
    ball = vector(shape("sphere"), bins=60)
    pairs, radial = ball[7:67] ** 2, ball[67:127] ** 2
    assert pairs.sum() == pytest.approx(1, abs=1e-5)
    # two points on a unit sphere are 4/3 apart in the mean, and the density of a distance d from 0 to 2 is d/2
    edges = np.arange(61) * 3 / 60 * 4 / 3
    expected = np.diff(np.minimum(edges, 2) ** 2 / 4)
    np.testing.assert_allclose(pairs, expected, atol=0.012)
    assert radial[18:22].sum() > 0.97  # all at one distance from the centre
    thread = vector(shape("line"), bins=60)[7:67] ** 2
    assert thread[:20].sum() == pytest.approx(5 / 9, abs=0.03)  # of a line of length 1, closer than 1/3: 1 - (2/3)²


@pytest.mark.parametrize("name", ["sphere", "plane", "line", "cube"])
def test_moved_scaled_and_turned_copies_are_the_same(name: str) -> None:
    points = shape(name) * [1, 0.8, 0.6]
    once = vector(points, upright=False)
    for seed in range(3):
        turned = Rotation.random(random_state=seed).apply(points) * 37 + [5, -100, 3]
        np.testing.assert_allclose(vector(turned, upright=False), once, atol=0.02)
    about = Rotation.from_euler("z", 1.0).apply(points) * 0.01 + [1, 2, 3]
    np.testing.assert_allclose(vector(about), vector(points), atol=0.02)
    np.testing.assert_allclose(vector(RNG.permutation(points)), vector(points), atol=0.05)


def test_a_shape_of_several_equal_axes_may_be_turned() -> None:
    for points in (np.array(list(product([0, 1], repeat=3))), np.array(list(product([0, 1], [0, 1], range(9))))):
        for seed in range(3):
            turned = Rotation.random(random_state=seed).apply(points)
            np.testing.assert_allclose(vector(turned, upright=False), vector(points, upright=False), atol=1e-6)


def test_heights_tell_what_stands_from_what_lies() -> None:
    cone = RNG.uniform(0, 1, (N, 3)) ** [1, 1, 3]
    upside_down = Rotation.from_euler("x", np.pi).apply(cone)
    assert np.abs(vector(cone)[-32:] - vector(upside_down)[-32:]).max() > 0.2
    np.testing.assert_allclose(vector(cone)[:-32], vector(upside_down)[:-32], atol=0.02)


def test_shapes_are_told_apart() -> None:
    names = ["sphere", "plane", "line", "cube"] * 8
    values = np.stack(
        [vector(Rotation.random(random_state=n).apply(shape(name)), upright=False) for n, name in enumerate(names)]
    )
    distance = np.linalg.norm(values[:, None] - values[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert all(names[near] == name for near, name in zip(distance.argmin(axis=1), names, strict=True))


def test_every_kind_of_file_holds_the_same_points(tmp_path: Path) -> None:
    points = np.round(RNG.uniform(-1, 1, (9, 3)), 3)
    lines = [" ".join(map(str, row)) for row in points.tolist()]
    head = "format {}\ncomment made here\nelement vertex 9\nproperty float x\nproperty uchar red\nproperty double y\nproperty float z\n"
    tail = "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    files: dict[str, bytes] = {
        "a.xyz": "\n".join(lines).encode(),
        "a.csv": ("x,y,z,red\n" + "\n".join(line.replace(" ", ",") + ",7" for line in lines)).encode(),
        "led.csv": (
            "id;z;y;x\n" + "\n".join(f"{n};{z};{y};{x}" for n, (x, y, z) in enumerate(points.tolist()))
        ).encode(),
        "a.obj": ("# made here\no thing\n" + "".join(f"v {line}\n" for line in lines) + "vn 0 0 1\nf 1 2 3\n").encode(),
        "faces.obj": ("".join(f"v {line}\n" for line in lines) + "f 100 200 300\n" * 20).encode(),
        "a.off": ("OFF\n# made here\n9 1 0\n" + "\n".join(lines) + "\n3 0 1 2\n").encode(),
        "a.ply": (
            "ply\n"
            + head.format("ascii 1.0")
            + tail
            + "\n".join(f"{x} 3 {y} {z}" for x, y, z in points)
            + "\n3 0 1 2\n"
        ).encode(),
    }
    for kind, order in (("binary_little_endian", "<"), ("binary_big_endian", ">")):
        body = b"".join(struct.pack(f"{order}fBdf", x, 3, y, z) for x, y, z in points)
        files[f"{kind}.ply"] = ("ply\n" + head.format(f"{kind} 1.0") + tail).encode() + body + b"\x03\x00"
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        np.testing.assert_allclose(read_points(tmp_path / name), points, atol=1e-6)
        (tmp_path / f"cut.{name}").write_bytes(
            content[: content.rfind(b"\n9 ") if name == "a.off" else len(content) * 3 // 4]
        )
        if name.endswith(("off", "ply")):
            with pytest.raises(BrokenInput, match=r"cut|points"):
                read_points(tmp_path / f"cut.{name}")
    np.save(tmp_path / "a.npy", points)
    np.testing.assert_allclose(read_points(tmp_path / "a.npy"), points)
    points.view(np.uint8).reshape(-1)[8:16] = np.frombuffer(
        b"\nv 1 2 3", np.uint8
    )  # numbers that look like a line of OBJ
    np.save(tmp_path / "odd.npy", points)
    assert read_points(tmp_path / "odd.npy").shape == (9, 3)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("[[1, 2], [3, 4]]", "three columns"), ("[1, 2, 3]", "three columns"), ("a cube", "JSON"),
        ("[[1, 1, 1], [1, 1, 1]]", "one place"), ("[[1, null, 1]]", "no point"), ("[[1, 2, 3]]", "one place"),
    ],
)  # fmt: skip
def test_what_has_no_shape_is_told(cell: str, reason: str) -> None:
    with pytest.raises(BrokenInput, match=reason):
        Points().decode(cell)


def test_a_ply_that_promises_too_much_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_text("ply\nformat ascii 1.0\nelement vertex 4000000000\nproperty float x\nend_header\n")
    with pytest.raises(BrokenInput, match="'4000000000' as its number of points"):
        Points().decode(tmp_path / "a.ply")
    (tmp_path / "empty.ply").write_text("")
    with pytest.raises(EmptyInput, match="empty"):
        Points().decode(tmp_path / "empty.ply")
