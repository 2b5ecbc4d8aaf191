import math
import struct
import wave
import zlib

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.clean.check import check, coverage
from palate.data import folder
from palate.data.frames import from_frames
from palate.data.interactions import Interactions
from palate.data.sources.movielens import MovieLens
from palate.data.split import split


def kinds(report):
    return {found.kind: found for found in report.problems}


def huge_png(path, side):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def tone(path, seconds=0.2):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        samples = (int(9000 * math.sin(n / 5)) for n in range(int(8000 * seconds)))
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def test_sizes_ranges_and_coverage(tiny):
    report = check(tiny)
    assert (report.users, report.items, report.interactions) == (40, 30, 320)
    assert report.density == pytest.approx(320 / 1200)
    assert report.weights == {"min": 1.0, "mean": 1.0, "max": 1.0}
    assert report.times["first"].startswith("202")
    assert report.coverage == {"title": 1.0, "photo": 25 / 30}
    assert report.as_dict()["interactions"] == 320


def test_each_problem_of_the_tables_is_named():
    events = pl.DataFrame({
        "user": ["a", "a", "a", "b", "c"], "item": ["1", "1", "2", "1", "9"],
        "timestamp": [1_700_000_000, 1_700_000_000, 0, 1_700_000_009, 1_700_000_009],
    })  # fmt: skip
    items = pl.DataFrame({"item": ["1", "2", "3", "4"], "title": ["x", "y", "y", None]})
    found = kinds(check(from_frames(events, items, types={"title": "text"})))
    assert found["duplicate-interactions"].ids == ("a → 1",)
    assert found["impossible-timestamps"].ids == ("a → 2",)
    assert found["few-interactions"].ids == ("b", "c")
    assert found["items-never-seen"].ids == ("3", "4")
    assert found["missing-text"].ids == ("4", "9")
    assert found["identical-items"].ids == ("3",)
    assert found["items-without-columns"].ids == ("4", "9")


def test_each_problem_of_the_media_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "good.jpg")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "same.jpg").write_bytes(whole)
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "named.png").write_bytes(whole)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture")
    huge_png(tmp_path / "huge.png", 30_000)
    huge_png(tmp_path / "large.png", 11_000)
    names = [
        "good.jpg",
        "same.jpg",
        "cut.jpg",
        "named.png",
        "empty.jpg",
        "text.jpg",
        "huge.png",
        "large.png",
        "gone.jpg",
        None,
    ]
    items = pl.DataFrame({"item": [str(name) for name in names], "photo": names})
    report = check(from_frames(None, items, types={"photo": "image"}, media_root=tmp_path))
    found = kinds(report)
    assert set(found["broken-media"].ids) == {"cut.jpg", "empty.jpg", "text.jpg"}
    assert found["wrong-extension"].details == ("named.png (named.png): it holds a JPEG",)
    assert found["huge-media"].ids == ("huge.png", "large.png")
    assert found["missing-file"].ids == ("gone.jpg",)
    assert found["missing-media"].ids == ("None",)
    assert found["identical-media"].ids == ("same.jpg",)
    assert not kinds(check(from_frames(None, items, types={"photo": "image"}), media=False)).keys() & {"broken-media"}


def test_sounds_and_videos_are_opened(tmp_path):
    pytest.importorskip("soundfile")
    av = pytest.importorskip("av")
    tone(tmp_path / "good.wav")
    content = (tmp_path / "good.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[:500])
    (tmp_path / "named.mp3").write_bytes(content)
    with av.open(str(tmp_path / "good.mp4"), "w") as film:
        stream = film.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        film.mux(stream.encode())
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "good.mp4").read_bytes()[:100])
    items = pl.DataFrame({
        "item": ["a", "b", "c"], "sound": ["good.wav", "cut.wav", "named.mp3"], "clip": ["good.mp4", "cut.mp4", None],
    })  # fmt: skip
    report = check(from_frames(None, items, types={"sound": "audio", "clip": "video"}, media_root=tmp_path))
    broken = {found.column: found.ids for found in report.problems if found.kind == "broken-media"}
    assert broken == {"sound": ("b",), "clip": ("b",)}
    assert kinds(report)["wrong-extension"].ids == ("c",)


def labelled(tiny, how):
    parts = split(tiny, how)
    events = Interactions.concat(
        Interactions.concat(parts.train.interactions, parts.valid.interactions), parts.test.interactions
    )
    labels = [label for label in ("train", "valid", "test") for _ in range(len(getattr(parts, label).interactions))]
    return tiny.with_interactions(events.with_column("split", pl.Series(labels)))


@pytest.mark.parametrize("how", ["random-per-user", "leave-last-out", "global-time", "cold-items"])
def test_our_own_splits_do_not_leak(tiny, how):
    assert not {kind for kind in kinds(check(labelled(tiny, how))) if kind.startswith("split")}
    assert not {kind for kind in kinds(check(tiny, split(tiny, how))) if kind.startswith("split")}


@pytest.mark.parametrize("how", ["leave-last-out", "global-time"])
def test_training_after_test_is_a_leak(tiny, how):
    data = labelled(tiny, how)
    time = data.interactions.time.copy()
    time[0] = time.max() + 1
    events = Interactions(
        data.interactions.user, data.interactions.item, data.interactions.weight, time, data.interactions.extra
    )
    assert kinds(check(tiny.with_interactions(events)))["split-time"].count >= 1


def test_pairs_on_both_sides_are_a_leak(tiny):
    cut = split(tiny)
    again = Interactions.concat(cut.train.interactions, cut.test.interactions.take(np.arange(3)))
    leaking = type(cut)(tiny.with_interactions(again), cut.valid, cut.test, cut.how)
    assert kinds(check(tiny, leaking))["split-overlap"].count == 3


def test_labels_that_cannot_be_read_are_a_note(tiny):
    data = tiny.with_interactions(tiny.interactions.with_column("split", pl.Series(["odd"] * 320)))
    assert "says 'odd'" in check(data).notes[0]


@pytest.mark.data
def test_the_films_without_a_poster_are_named(real_data, tmp_path):
    MovieLens().read(real_data / "movielens-posters", tmp_path / "ml")
    data = folder.load(tmp_path / "ml")
    assert coverage(data)["poster"] == pytest.approx(9517 / 9742)
    [found] = [found for found in check(data, media=False, noise=False).problems if found.column == "poster"]
    assert (found.kind, found.count, len(found.ids)) == ("missing-media", 225, 225)
    posters = {path.stem for path in (real_data / "movielens-posters" / "posters").iterdir()}
    assert set(found.ids) == set(data.items) - posters


def test_a_column_may_be_called_anything():
    items = pl.DataFrame({"item": ["1", "2"], "a{0}b%s{n}": ["x", None], "{": ["y", None]})
    found = check(from_frames(items=items, types={"a{0}b%s{n}": "text", "{": "text"}))
    told = [each.what for each in found.problems if each.kind == "missing-text"]
    assert told == ["1 of 2 items have no a{0}b%s{n}", "1 of 2 items have no {"]


def test_an_address_is_not_a_file(tmp_path, capsys):
    items = pl.DataFrame({"item": ["1", "2", "3"], "photo": ["https://x/1.jpg", "https://x/2.jpg", None]})
    data = from_frames(items=items, types={"photo": "image"})
    report = check(data)
    assert report.coverage["photo"] == 0
    assert any("2 values of 'photo' are addresses" in note and "palate data fetch" in note for note in report.notes)
    Image.new("RGB", (8, 8)).save(tmp_path / "3.jpg")
    mixed = items.with_columns(pl.Series("photo", ["https://x/1.jpg", "https://x/2.jpg", "3.jpg"]))
    report = check(from_frames(items=mixed, types={"photo": "image"}, media_root=tmp_path))
    assert report.coverage["photo"] == pytest.approx(1 / 3)
