"""Vision models of the hub, on tiny random ones in its folder layout; transformers' own processors are the reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hub_models
from palate.core.errors import ConfigError, WeightsError
from palate.encoders import BrokenInput
from palate.encoders.hf_image import HFImage

pytestmark = pytest.mark.torch
KINDS = ("clip", "siglip", "dinov2", "vit", "resnet", "convnext")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hub")
    return {kind: getattr(hub_models, kind)(root / kind) for kind in KINDS}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Wide, tall, square, smaller than what the models read."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(1)
    for number, (width, height) in enumerate([(90, 61), (45, 77), (64, 64), (20, 23)]):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(root / f"{number}.png")
    return sorted(root.iterdir())


def pixels(folder: Path, path: Path) -> Any:
    """What transformers' processor on Pillow makes of a picture."""
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(folder, backend="pil")(Image.open(path), return_tensors="pt").pixel_values


def outputs(folder: Path, path: Path) -> Any:
    import torch
    from transformers import AutoModel

    with torch.inference_mode():
        return AutoModel.from_pretrained(folder).eval()(pixels(folder, path))


def unit(rows: Any) -> np.ndarray:
    rows = np.stack([np.asarray(row) for row in rows])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def vectors(encoder: HFImage, paths: Sequence[Path]) -> np.ndarray:
    values, present = encoder.encode([encoder.decode(path) for path in paths])
    assert present.all()
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_prepared_as_transformers_does(kind: str, folders: dict[str, Path], pictures: list[Path]) -> None:
    encoder = HFImage(model=str(folders[kind]))
    for path in pictures:
        np.testing.assert_allclose(encoder.decode(path), pixels(folders[kind], path)[0].numpy(), atol=1e-5)


CLIPS = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
SQUARE = {"size": {"height": 32, "width": 32}}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("CLIPFeatureExtractor", {"size": 36, "crop_size": 32}),
        ("CLIPImageProcessor", CLIPS),
        ("CLIPImageProcessorFast", CLIPS | {"do_center_crop": None}),
        ("CLIPImageProcessor", CLIPS | {"do_center_crop": False}),
        ("CLIPImageProcessor", CLIPS | {"do_resize": False}),
        ("BitImageProcessorFast", CLIPS | {"do_center_crop": True}),
        ("ViTImageProcessor", SQUARE),
        ("ViTImageProcessor", SQUARE | {"crop_size": {"height": 16, "width": 16}}),
        ("ViTImageProcessorFast", SQUARE | {"do_center_crop": None, "crop_size": None, "do_convert_rgb": None}),
        ("ViTImageProcessor", SQUARE | {"do_resize": False}),
        ("ViTImageProcessor", SQUARE | {"do_normalize": None, "image_mean": None}),
        ("ViTImageProcessor", SQUARE | {"image_mean": 0.5, "image_std": 0.25}),
        ("ConvNextImageProcessorFast", {"size": {"shortest_edge": 32}, "crop_pct": 0.875, "do_center_crop": None}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 32}, "do_resize": False}),
        ("DeiTFeatureExtractor", {"size": 36, "crop_size": 32}),
        ("BeitFeatureExtractor", {"size": 32, "crop_size": 24}),
        ("EfficientNetImageProcessor", SQUARE | {"include_top": True, "do_center_crop": False}),
        ("EfficientNetImageProcessor", SQUARE | {"include_top": False}),
    ],
)
def test_every_way_to_write_the_preparation(
    kind: str, settings: dict[str, Any], pictures: list[Path], tmp_path: Path
) -> None:
    folder = hub_models.prepares(hub_models.vit(tmp_path), kind, **settings)
    rng = np.random.default_rng(2)
    small = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8))
    if settings.get("do_resize") is False:  # else a large JPEG is decoded at a fraction of its size
        small.resize((400, 300)).save(tmp_path / "large.jpg")
        pictures = [*pictures, tmp_path / "large.jpg"]
    encoder = HFImage(model=str(folder))
    for path in pictures:
        np.testing.assert_allclose(encoder.decode(path), pixels(folder, path)[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_shared_space_is_what_pictures_are_projected_into(
    kind: str, folders: dict[str, Path], pictures: list[Path]
) -> None:
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folders[kind]).eval()
    with torch.inference_mode():
        wanted = [model.get_image_features(pixels(folders[kind], path)).pooler_output[0] for path in pictures]
    np.testing.assert_allclose(vectors(HFImage(model=str(folders[kind])), pictures), unit(wanted), atol=1e-4)


def test_each_architecture_is_pooled_as_it_was_trained(folders: dict[str, Path], pictures: list[Path]) -> None:
    def check(kind: str, wanted: Any) -> None:
        made = vectors(HFImage(model=str(folders[kind])), pictures)
        np.testing.assert_allclose(made, unit([wanted(outputs(folders[kind], path)) for path in pictures]), atol=1e-4)

    check("dinov2", lambda out: out.pooler_output[0])
    check("vit", lambda out: out.last_hidden_state[0, 0])  # its pooler was never trained
    check("resnet", lambda out: out.pooler_output[0].flatten())
    check("convnext", lambda out: out.pooler_output[0])


def test_other_ways_to_pool(folders: dict[str, Path], pictures: list[Path]) -> None:
    made = vectors(HFImage(model=str(folders["dinov2"]), pooling="mean", normalise=False), pictures)
    wanted = [outputs(folders["dinov2"], path).last_hidden_state[0, 1:].mean(dim=0) for path in pictures]
    np.testing.assert_allclose(made, np.stack([row.numpy() for row in wanted]), atol=1e-4)
    with pytest.raises(ConfigError, match="without one that was trained; choose cls or mean"):
        HFImage(model=str(folders["vit"]), pooling="pooler").prepare()
    with pytest.raises(ConfigError, match="has no class token; choose mean or auto"):
        HFImage(model=str(folders["resnet"]), pooling="cls").prepare()


def test_the_towers_share_a_space_and_others_do_not(folders: dict[str, Path]) -> None:
    pictures = HFImage(model=str(folders["clip"]))
    texts = pictures.companion("text")
    assert texts is not None
    assert (texts.name, texts.space) == ("hf-text", pictures.space)
    back = texts.companion("image")
    assert back is not None
    assert (back.fingerprint, back.space) == (pictures.fingerprint, pictures.space)
    assert pictures.companion("audio") is None
    patches = HFImage(model=str(folders["clip"]), pooling="mean")
    assert patches.companion("text") is None
    assert patches.space != pictures.space
    assert HFImage(model=str(folders["vit"])).companion("text") is None


def test_the_part_on_pictures_of_processor_config(
    folders: dict[str, Path], pictures: list[Path], tmp_path: Path
) -> None:
    folder = hub_models.clip(tmp_path)
    said = folder / "preprocessor_config.json"
    hub_models.write_json(folder / "processor_config.json", {"image_processor": json.loads(said.read_text())})
    said.unlink()
    np.testing.assert_array_equal(
        HFImage(model=str(folder)).decode(pictures[0]), HFImage(model=str(folders["clip"])).decode(pictures[0])
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"image_processor_type": "PixtralImageProcessor"}, "prepares pictures by 'PixtralImageProcessor': known are"),
        ({"image_mean": None}, "does not say image_mean"),
        ({"size": {"longest_edge": 9}}, "gives the size"),
        ({"do_pad": True}, "not known here"),
        ({"size": {"shortest_edge": 9, "longest_edge": 12}}, "gives the size"),
        ({"size": {"height": 9}}, r"cannot be followed \('width'\)"),
        ({"size": {"height": 0, "width": 9}}, "a side of 0 pixels"),
        ({"resample": None}, "by which filter"),
        ({"resample": 9}, "9 is not a valid Resampling"),
        ({"image_std": [0.5, 0.5]}, "cannot be followed"),
        ({"image_std": 0}, "image_std is not above 0"),
        ({"do_center_crop": True}, "does not say crop_size"),
    ],
)
def test_what_a_folder_does_not_say_is_not_guessed(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    hub_models.vit(tmp_path)
    hub_models.prepares(tmp_path, **{"kind": "ViTImageProcessor", "size": {"height": 32, "width": 32}} | {
        ("kind" if key == "image_processor_type" else key): value for key, value in settings.items()
    })  # fmt: skip
    with pytest.raises(WeightsError, match=said):
        HFImage(model=str(tmp_path)).prepare()


def test_a_long_and_narrow_picture_does_not_become_huge(folders: dict[str, Path], tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2), "red").save(tmp_path / "line.png")
    assert HFImage(model=str(folders["clip"])).decode(tmp_path / "line.png").shape == (3, 32, 32)
    whole = hub_models.prepares(
        hub_models.vit(tmp_path / "vit"), "BitImageProcessor", size={"shortest_edge": 32}, do_center_crop=False
    )
    with pytest.raises(BrokenInput, match="3000 × 2 pixels, too long and narrow"):
        HFImage(model=str(whole)).decode(tmp_path / "line.png")


def test_transparency_lies_on_white_and_pictures_are_turned(folders: dict[str, Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    plain = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    plain.save(tmp_path / "plain.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    plain.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    encoder = HFImage(model=str(folders["siglip"]))
    np.testing.assert_allclose(
        encoder.decode(tmp_path / "turned.png"), encoder.decode(tmp_path / "plain.png"), atol=1e-6
    )
    Image.new("RGBA", (40, 40), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (40, 40), "white").save(tmp_path / "white.png")
    np.testing.assert_array_equal(encoder.decode(tmp_path / "clear.png"), encoder.decode(tmp_path / "white.png"))
