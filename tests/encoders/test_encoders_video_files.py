"""Files of video as they are found: other kinds of pixels, clocks that are broken, what is cut off or hung on."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from clip_files import RATE, textured, write_clip
from palate.encoders import BrokenInput, EmptyInput
from palate.encoders._videos import Watched, watch

av = pytest.importorskip("av")


def see(path: Path) -> Watched:
    return watch(path, 64, 16, 8, 60.0)


def panning(step: int, count: int = 50) -> list[np.ndarray]:
    scene = textured(96, 0)
    return [np.roll(scene, step * number, axis=1) for number in range(count)]


def film(path: Path, pictures: list[np.ndarray], codec: str, pixels: str, **options: str) -> Path:
    """Write pictures of RGB or RGBA, 25 a second, in any kind of pixels."""
    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=25, options={"threads": "1", **options})
        track.height, track.width = pictures[0].shape[:2]
        track.pix_fmt = pixels
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.shape[2] == 3 else "rgba")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path


def copied(source: Path, target: Path, change: Callable[[int, av.Packet], None]) -> Path:
    """Copy the packets of a film, each after `change` has been at it."""
    with av.open(str(source)) as given, av.open(str(target), "w") as container:
        track = container.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(given.demux(video=0)):
            if packet.dts is not None:
                change(number, packet)
                packet.stream = track
                container.mux(packet)
    return target


PIXELS = [
    ("a.mp4", "libx264", "yuv420p10le"), ("a.mp4", "libx264", "yuv444p"), ("a.mp4", "libx264", "yuvj420p"),
    ("a.webm", "libvpx-vp9", "yuva420p"), ("a.mov", "prores_ks", "yuv422p10le"), ("a.mkv", "ffv1", "gbrp16le"),
    ("a.mov", "png", "rgb24"), ("a.avi", "mjpeg", "yuvj420p"), ("a.mpg", "mpeg1video", "yuv420p"), ("a.wmv", "wmv2", "yuv420p"),
    ("a.ts", "libx264", "yuv420p"), ("a.flv", "flv", "yuv420p"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "codec", "pixels"), PIXELS)
def test_all_kinds_of_pixels_show_the_same(name: str, codec: str, pixels: str, tmp_path: Path) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    pictures = [
        np.dstack([one, np.full(one.shape[:2], 255, np.uint8)]) if pixels == "yuva420p" else one
        for one in panning(1, 30)
    ]
    found = see(film(tmp_path / name, pictures, codec, pixels))
    plain = see(write_clip(tmp_path / "plain.mp4", panning(1, 30)))
    assert len(found.frames) == len(plain.frames) == 5
    assert found.end - found.times[0] == pytest.approx(29 / 25, abs=0.05)
    for one, other in zip(found.frames, plain.frames, strict=True):
        assert np.abs(one.astype(float) - other).mean() < 20


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    picture = np.full((64, 64, 4), (200, 0, 0, 255), np.uint8)
    picture[32:] = (0, 0, 200, 0)
    frame = see(film(tmp_path / "a.mov", [picture] * 3, "qtrle", "argb")).frames[0].astype(int)
    assert frame[5, 5].tolist() == [200, 0, 0]
    assert frame[-5, -5].tolist() == [255, 255, 255]


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi"])
def test_a_film_without_a_frame_is_broken(ending: str, tmp_path: Path) -> None:
    with av.open(str(tmp_path / f"a.{ending}"), "w") as container:
        container.add_stream("libx264", rate=25, width=96, height=96, pix_fmt="yuv420p")
        container.start_encoding()
    with pytest.raises(BrokenInput, match=r"holds no video|no frame|cannot be decoded"):
        see(tmp_path / f"a.{ending}")


def test_a_thousand_frames_between_two_that_stand_alone(tmp_path: Path) -> None:
    found = see(film(tmp_path / "a.mp4", panning(1, 600), "libx264", "yuv420p", g="9999", bf="8", sc_threshold="0"))
    assert found.times == pytest.approx(np.arange(12) * 2, abs=0.05)


def test_frames_before_the_beginning_are_not_shown(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w", options={"avoid_negative_ts": "disabled"}) as container:
        track = container.add_stream("libx264", rate=25, width=96, height=96, pix_fmt="yuv420p")
        for number, picture in enumerate(panning(1, 300), -200):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    found = see(tmp_path / "a.mp4")
    assert (found.times[0], found.end) == (0, pytest.approx(99 / 25, abs=0.05))


def test_times_that_begin_late_are_as_good(tmp_path: Path) -> None:
    late = see(write_clip(tmp_path / "a.ts", panning(1), ticks=range(90_000, 90_050)))
    assert np.array(late.times) - late.times[0] == pytest.approx([0, 0.28, 0.52, 0.76, 1, 1.28, 1.52, 1.76])


def test_a_clock_that_begins_anew_goes_on(tmp_path: Path) -> None:
    once = write_clip(tmp_path / "a.ts", panning(1)).read_bytes()
    (tmp_path / "b.ts").write_bytes(once + once)  # two films, one behind the other
    found = see(tmp_path / "b.ts")
    assert found.end - found.times[0] == pytest.approx(99 / 25, abs=0.05)


def test_a_wild_first_time_costs_no_other_frame(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", panning(1), "mjpeg", "yuvj420p")

    def wild(number: int, packet: av.Packet) -> None:
        packet.pts = 10**9 if number == 0 else packet.pts

    found = see(copied(tmp_path / "a.mkv", tmp_path / "b.mkv", wild))
    assert len(found.frames) == 8
    assert found.end - found.times[0] == pytest.approx(49 / 25, abs=0.05)


def test_a_last_picture_that_stands_long_is_no_cut(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", panning(9, 3), ticks=[0, 250, 500])

    def standing(number: int, packet: av.Packet) -> None:
        packet.duration = int(10 / packet.time_base)

    found = see(copied(tmp_path / "a.mp4", tmp_path / "b.mkv", standing))
    assert found.times == pytest.approx([0, 10, 20])


@pytest.mark.parametrize("tail", [b"\n", bytes(8), b"TAG" + bytes(125), b"\xff\xfe\x00\x10" * 50])
def test_what_is_hung_on_behind_a_whole_film_does_not_count(tail: bytes, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mp4", panning(1)).read_bytes()
    (tmp_path / "b.mp4").write_bytes(whole + tail)
    assert see(tmp_path / "b.mp4").times == see(tmp_path / "a.mp4").times


def test_a_frame_that_is_cut_off_is_not_shown(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.flv", panning(1), "flv", "yuv420p").read_bytes()
    (tmp_path / "a.flv").write_bytes(whole[: len(whole) // 4])
    with pytest.raises(BrokenInput, match="no frame that is whole"):
        see(tmp_path / "a.flv")


def test_pixels_that_are_not_square_are_set_right(tmp_path: Path) -> None:
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[:, 24:72] = 255  # shown twice as wide as it is stored, the centre square is all white
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        track = container.add_stream("libx264", rate=10, width=96, height=96, pix_fmt="yuv420p")
        track.codec_context.sample_aspect_ratio = 2
        container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(track.encode(None))
    frame = see(tmp_path / "a.mp4").frames[0]
    assert frame.shape == (64, 64, 3)
    assert (frame[:, 3:-3] > 200).all()


def test_a_stream_without_times_has_one_frame_after_another(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.h264", panning(1))
    found = see(tmp_path / "a.h264")
    assert found.times == pytest.approx([0, 0.28, 0.52, 0.76, 1, 1.28, 1.52, 1.76])


MATRICES = {
    "none": ((1, 0, 0, 1), "left upper"),
    "a quarter": ((0, 1, -1, 0), "right upper"),
    "half": ((-1, 0, 0, -1), "right lower"),
    "three quarters": ((0, -1, 1, 0), "left lower"),
    "mirrored": ((-1, 0, 0, 1), "right upper"),
    "upside down": ((1, 0, 0, -1), "left lower"),
    "along the diagonal": ((0, 1, 1, 0), "left upper"),
    "nothing": ((0, 0, 0, 0), "left upper"),
}
"""a, b, c, d of x' = a x + c y, y' = b x + d y, and where the red corner, upper left in the file, is shown."""


@pytest.mark.parametrize("name", MATRICES)
def test_a_noted_turn_or_mirroring_is_applied(name: str, tmp_path: Path) -> None:
    (a, b, c, d), where = MATRICES[name]
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, 16:48] = (255, 0, 0)
    content = bytearray(write_clip(tmp_path / "a.mp4", [picture] * 5).read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # version 0: the matrix begins 40 bytes after version and flags
    matrix = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    content[at : at + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in matrix)
    (tmp_path / "b.mp4").write_bytes(content)
    shown = see(tmp_path / "b.mp4").frames[0].astype(int)[..., 0]
    corners = {
        "left upper": shown[5, 5],
        "right upper": shown[5, -6],
        "left lower": shown[-6, 5],
        "right lower": shown[-6, -6],
    }
    assert corners.pop(where) > 200
    assert max(corners.values()) < 50


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    found = see(write_clip(tmp_path / "a.mp4", panning(0, 1)))
    assert (len(found.frames), found.times, found.cuts) == (1, [0], [])


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9, 0.995])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_file_that_is_cut_off_is_broken(name: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 96, 96, 3), dtype=np.uint8)
    whole = write_clip(tmp_path / name, list(noise)).read_bytes()
    assert see(tmp_path / name).end == pytest.approx(59 / 25, abs=0.05)
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BrokenInput, match=r"cut off|cannot be decoded"):
        see(tmp_path / name)


def test_a_film_whose_index_comes_first_is_cut_off_too(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", panning(1))
    with (
        av.open(str(tmp_path / "a.mp4")) as source,
        av.open(str(tmp_path / "b.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        track = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    whole = (tmp_path / "b.mp4").read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    see(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").write_bytes(whole[:-9])
    with pytest.raises(BrokenInput, match="9 bytes are missing"):
        see(tmp_path / "b.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        track = container.add_stream("aac", rate=RATE, layout="mono")
        for start in range(0, RATE, 1024):
            block = av.AudioFrame.from_ndarray(np.ones((1, 1024), np.int16), format="s16", layout="mono")
            block.sample_rate, block.pts = RATE, start
            container.mux(track.encode(block))
        container.mux(track.encode(None))
    with pytest.raises(EmptyInput, match="sound and no picture"):
        see(tmp_path / "a.mp4")


def test_huge_frames_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", panning(0, 2))
    monkeypatch.setattr("palate.encoders._frames.MAX_PIXELS", 96 * 96 - 1)
    with pytest.raises(BrokenInput, match="96 × 96 pixels"):
        see(path)
