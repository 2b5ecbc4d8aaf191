"""Reading pictures: every kind, every turn, and what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from palate.clean._files import look_at_picture
from palate.data.media import picture_kinds
from palate.encoders import BrokenInput
from palate.encoders._pictures import read_rgb, read_square

RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(width: int = 80, height: int = 80) -> Image.Image:
    """A picture that is red on its left and blue on its right."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), fill=BLUE)
    return image


def read(path: Path) -> np.ndarray:
    return read_square(path, 224, 256)


def looks(path: Path, left: tuple[int, int, int] = RED, right: tuple[int, int, int] = BLUE, within: int = 20) -> bool:
    square = read(path).astype(int)
    assert square.shape == (224, 224, 3)
    spots = (square[112, 40], square[112, 184])
    return all(np.abs(spot - colour).max() <= within for spot, colour in zip(spots, (left, right), strict=True))


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm"])
def test_kinds_of_files(kind: str, tmp_path: Path) -> None:
    halves().save(tmp_path / f"x.{kind}")
    assert looks(tmp_path / f"x.{kind}", within=45)


@pytest.mark.parametrize("mode", ["P", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"])
def test_modes_of_colour(mode: str, tmp_path: Path) -> None:
    image = halves()
    if mode == "LAB":
        pytest.importorskip("PIL.ImageCms")
        from PIL import ImageCms

        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        image.save(tmp_path / "x.tiff")
        assert read(tmp_path / "x.tiff").shape == (224, 224, 3)
        return
    kind = {"P": "png", "RGBA": "png", "CMYK": "jpg", "YCbCr": "jpg", "HSV": "png"}[mode]
    saved = image.convert(mode) if mode != "HSV" else image.convert("P")
    saved.save(tmp_path / f"x.{kind}", **({"quality": 95} if kind == "jpg" else {}))
    assert looks(tmp_path / f"x.{kind}", within=45)


def test_grey_of_8_and_of_16_bits_look_the_same(tmp_path: Path) -> None:
    levels = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    Image.fromarray(levels).save(tmp_path / "8.png")
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / "16.png")
    assert np.abs(read(tmp_path / "8.png").astype(int) - read(tmp_path / "16.png")).max() <= 1
    Image.fromarray(levels.astype(np.float32) / 255).save(tmp_path / "f.tiff")
    assert np.abs(read(tmp_path / "8.png").astype(int) - read(tmp_path / "f.tiff")).max() <= 1


@pytest.mark.parametrize("odd", [1.05, np.nan, np.inf, -np.inf])
def test_one_odd_sample_does_not_blacken_a_floating_picture(odd: float, tmp_path: Path) -> None:
    levels = np.tile(np.linspace(0, 1, 64).astype(np.float32), (64, 1))
    Image.fromarray(levels).save(tmp_path / "plain.tiff")
    levels[0, 0] = odd
    Image.fromarray(levels).save(tmp_path / "odd.tiff")
    np.testing.assert_array_equal(read(tmp_path / "odd.tiff"), read(tmp_path / "plain.tiff"))


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    image = halves().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.array([[0] * 40 + [255] * 40], np.uint8), 80, axis=0)))
    image.save(tmp_path / "x.png")
    assert looks(tmp_path / "x.png", left=(255, 255, 255))
    indexed = halves().quantize(2)
    indexed.save(tmp_path / "p.png", transparency=indexed.getpixel((5, 5)))
    assert looks(tmp_path / "p.png", left=(255, 255, 255))


def test_a_clear_shade_of_a_16_bit_grey_lies_on_white(tmp_path: Path) -> None:
    shades = np.repeat(np.array([[700] * 40 + [30_000] * 40], np.uint16), 80, axis=0)
    Image.fromarray(shades).save(tmp_path / "x.png", transparency=700)
    assert looks(tmp_path / "x.png", left=(255, 255, 255), right=(117, 117, 117), within=2)


@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "webp"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_are_applied(turn: int, kind: str, tmp_path: Path) -> None:
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}  # fmt: skip
    image = halves(90, 60)
    stored = image if turn == 1 else image.transpose(undo[turn])
    exif = Image.Exif()
    exif[0x0112] = turn
    how: dict[str, Any] = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(kind, {})
    stored.save(tmp_path / f"x.{kind}", exif=exif, **how)
    image.save(tmp_path / "upright.png")
    found, upright = read(tmp_path / f"x.{kind}").astype(int), read(tmp_path / "upright.png").astype(int)
    assert np.abs(found - upright).mean() < 2
    whole = np.asarray(read_rgb(tmp_path / f"x.{kind}", 60)).astype(int)
    assert whole.shape == (60, 90, 3)
    assert np.abs(whole - np.asarray(image)).mean() < 2


def test_it_is_the_shorter_side_at_256_and_the_centre_224(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)).resize(
        (384, 256), Image.Resampling.BICUBIC
    )
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read(tmp_path / "x.png"), np.asarray(image)[16:240, 80:304])


def test_a_large_jpeg_read_at_reduced_size_looks_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (9, 14, 3), dtype=np.uint8))
    small.resize((2800, 1800), Image.Resampling.BICUBIC).save(tmp_path / "x.jpg", quality=95)
    with Image.open(tmp_path / "x.jpg") as image:
        whole = image.convert("RGB").resize((398, 256), Image.Resampling.BICUBIC)
    expected = np.asarray(whole)[16:240, 87:311].astype(int)
    assert np.abs(read(tmp_path / "x.jpg") - expected).mean() < 1.5


def test_a_picture_that_is_not_to_be_scaled_is_read_whole(tmp_path: Path) -> None:
    halves(1000, 900).save(tmp_path / "x.jpg")
    assert read_rgb(tmp_path / "x.jpg", 0).size == (1000, 900)
    assert read_rgb(tmp_path / "x.jpg", 100).size == (250, 225)


def test_a_jpeg_named_png_is_read(tmp_path: Path) -> None:
    halves().save(tmp_path / "x.jpg")
    (tmp_path / "x.jpg").rename(tmp_path / "x.png")
    assert looks(tmp_path / "x.png")


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_truncated_picture_is_broken(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / f"x.{kind}"
    Image.fromarray(rng.integers(0, 255, (100, 100, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BrokenInput, match="the picture is truncated"):
        read(path)


def giant(path: Path, width: int, height: int) -> Path:
    """Write a PNG that claims a size, with a few bytes of picture."""

    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", zlib.compress(bytes(1000))) + block(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (30_000, 3_100), (30_000, 20), (10_500, 10_500)])
def test_a_giant_is_refused_before_it_is_decoded(width: int, height: int, tmp_path: Path) -> None:
    with pytest.raises(BrokenInput, match="pixels"):
        read(giant(tmp_path / "x.png", width, height))


def test_a_very_long_picture_takes_no_more_memory_than_it_has(tmp_path: Path) -> None:
    halves(12_000, 3).save(tmp_path / "x.png")
    assert read(tmp_path / "x.png").shape == (224, 224, 3)


@pytest.mark.parametrize("kind", ["gif", "tiff", "webp", "png"])
def test_the_first_of_several_pictures_counts(kind: str, tmp_path: Path) -> None:
    how: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
    halves().save(tmp_path / f"x.{kind}", save_all=True, append_images=[Image.new("RGB", (80, 80), (0, 200, 0))], **how)
    assert looks(tmp_path / f"x.{kind}", within=45)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20_000, 1), (1, 20_000)])
def test_the_smallest_and_the_longest(width: int, height: int, tmp_path: Path) -> None:
    Image.new("RGB", (width, height), RED).save(tmp_path / "x.png")
    assert looks(tmp_path / "x.png", right=RED, within=0)


@pytest.mark.parametrize("content", [b"GIF89a\0\0\0\0\0\0\0;", b"GIF89a\5\0\5\0\0\0\0;", b"BM", b"\xff\xd8\xff\xd9"])
def test_a_picture_without_pixels_is_broken(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(BrokenInput, match="picture"):
        read(tmp_path / "x.png")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(BrokenInput):
        read(tmp_path)


def test_a_vector_drawing_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    with pytest.raises(BrokenInput, match="not a picture of a known kind"):
        read(tmp_path / "x.png")


def test_jpeg_2000_is_read_and_no_kind_starts_another_program(tmp_path: Path) -> None:
    if "JPEG2000" not in picture_kinds():
        pytest.skip("this Pillow was built without JPEG 2000")
    Image.new("RGB", (30, 20), (9, 8, 7)).save(tmp_path / "x.jp2")
    assert read_square(tmp_path / "x.jp2", 8, 8).mean(axis=(0, 1)).tolist() == [9, 8, 7]
    assert look_at_picture(tmp_path / "x.jp2").kind == "blank-picture"  # it could be opened, and shows one colour
    (tmp_path / "script.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    assert "EPS" not in picture_kinds()
    assert "cannot identify" in look_at_picture(tmp_path / "script.jpg").what
