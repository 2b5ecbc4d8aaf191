"""Pictures, sounds and videos lose their metadata and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from palate.data.privacy.bring import bring_clean
from palate.data.privacy.pictures import Unknown, without_metadata
from peopled import SECRET, photo

RNG = np.random.default_rng(0)
BASE = Image.fromarray(RNG.integers(0, 255, (24, 40, 3), dtype=np.uint8))


def picture(kind, way):
    """Return a picture with every place for metadata filled."""
    exif, out, xmp = Image.Exif(), io.BytesIO(), f"<x>{SECRET}</x>".encode()
    exif[0x0112], exif[0x010F], exif[0x8825] = way, SECRET, {1: "N", 2: (52.0, 31.0, 12.0)}
    more = {"exif": exif}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", SECRET)
        info.add_text("Comment", SECRET, zip=True)
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        more["pnginfo"] = info
    elif kind == "JPEG":
        more |= {"comment": SECRET.encode(), "xmp": xmp, "progressive": way > 4, "icc_profile": b"profile" * 20}
    elif kind == "WEBP":
        more |= {"xmp": xmp, "lossless": way > 4}
    else:
        more = {"comment": SECRET.encode(), "save_all": True, "append_images": [BASE.rotate(180)], "loop": 0}
    BASE.save(out, kind, **more)
    return out.getvalue() + SECRET.encode()


def frames(content):
    with Image.open(io.BytesIO(content)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            yield np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("way", [1, 3, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_metadata_goes_and_pixels_stay_upright(kind, way):
    content = picture(kind, way)
    clean = without_metadata(content)
    assert SECRET.encode() in content
    assert SECRET.encode() not in clean
    with Image.open(io.BytesIO(clean)) as image:
        assert set(image.getexif()) <= {0x0112}
        assert image.info.get("icc_profile") == (b"profile" * 20 if kind == "JPEG" else None)
        assert not image.getexif().get_ifd(0x8825)
    assert all(np.array_equal(*pair) for pair in zip(frames(content), frames(clean), strict=True))
    assert without_metadata(clean) == clean


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_picture_is_refused_or_read_never_worse(kind, data):
    content = bytearray(picture(kind, 6))
    cut = data.draw(st.integers(0, len(content)))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        clean = without_metadata(bytes(content[:cut]))
    except Unknown:
        return
    assert len(clean) <= cut + 64


def test_other_files_and_broken_ones_are_told(tmp_path):
    (tmp_path / "a.tiff").write_bytes(b"II*\0")
    (tmp_path / "b.jpg").write_bytes(photo()[:60])
    (tmp_path / "c.csv").write_text("1,2")
    (tmp_path / "d.wav").write_bytes(b"RIFF")
    told = {
        name: bring_clean(tmp_path / name, tmp_path / "out" / name) for name in ("a.tiff", "b.jpg", "c.csv", "d.wav")
    }
    assert "only JPEG, PNG, WebP and GIF" in told["a.tiff"]
    assert "cut off" in told["b.jpg"]
    assert told["c.csv"] is None
    assert "could not be written anew" in told["d.wav"]
    assert all((tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes() for name in told)


def test_the_file_that_was_there_before_stays(tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo())
    assert bring_clean(tmp_path / "a.jpg", tmp_path / "out" / "a.jpg") is None
    assert SECRET.encode() in (tmp_path / "a.jpg").read_bytes()
    assert SECRET.encode() not in (tmp_path / "out" / "a.jpg").read_bytes()


@pytest.mark.parametrize(
    ("name", "kind", "codec"), [("a.mp3", "mp3", "mp3"), ("a.flac", "flac", "flac"), ("v.mp4", "mp4", "aac")]
)
def test_tags_go_and_samples_stay(tmp_path, name, kind, codec):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / name), "w", format=kind) as out:
        out.metadata.update(title=SECRET, comment=SECRET)
        stream = out.add_stream(codec, rate=44100)
        frame = av.AudioFrame.from_ndarray(
            RNG.integers(-900, 900, (1, 4410), dtype=np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 44100
        resampler = av.AudioResampler(stream.format.name, "mono", 44100, frame_size=stream.frame_size or 0)
        for part in resampler.resample(frame) + resampler.resample(None):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    assert bring_clean(tmp_path / name, tmp_path / "out" / name) is None
    assert SECRET.encode() in (tmp_path / name).read_bytes()
    assert SECRET.encode() not in (tmp_path / "out" / name).read_bytes()

    def samples(path):
        with av.open(str(path)) as file:
            return np.concatenate([part.to_ndarray().ravel() for part in file.decode()])

    assert np.array_equal(samples(tmp_path / name), samples(tmp_path / "out" / name))
