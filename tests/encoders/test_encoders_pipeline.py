"""The road from columns to parts: each content once, resumable, nothing dropped silently."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from slow_encoder import Letters

from palate.core.errors import DataError, StoreError, UnknownNameError
from palate.core.ids import IdMap
from palate.data import quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders.pipeline import encode, encode_columns
from palate.encoders.pipeline.run import run
from palate.encoders.pipeline.store import PartStore, Vectors
from palate.encoders.use import USE

HERE = Path(__file__).parent


class Pixels(Letters):
    """The mean colour of a picture, and a count of the files that were opened."""

    name = "pixels"
    modality = "image"
    opened = 0

    @property
    def dim(self) -> int:
        return 3

    def decode(self, raw: Any) -> Any:
        from palate.encoders._pictures import read_square

        type(self).opened += 1
        return read_square(raw, 8, 8).mean(axis=(0, 1)).astype(np.float32)

    def _encode(self, batch: Any) -> Any:
        return np.stack(batch)


def shop(titles: list[str | None], **columns: list[str | None]) -> Dataset:
    ids = IdMap(f"i{number}" for number in range(len(titles)))
    table = pl.DataFrame({"item_id": ids.series, "title": titles, **columns}, schema_overrides={"title": pl.String})
    types = {"title": "text", **dict.fromkeys(columns, "image")}
    return Dataset(IdMap([]), ids, Interactions.empty(), Catalogue(table, types))  # type: ignore[arg-type]


def stored(data: Dataset, folder: Path) -> Dataset:
    save(data, folder)
    return load(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


TITLES: list[str | None] = [
    f"{word} {number % 7}" for number, word in enumerate(["mug", "cup", "jar", "pot", "pan", "lid", "urn"] * 5)
]


def test_a_dataset_without_a_folder_is_encoded_in_memory() -> None:
    data, (done,) = encode_columns(shop(["a", None, "  ", "b", "a"]), {"title": Letters()})
    assert data.features["title"].present.tolist() == [True, False, False, True, True]
    assert not data.features["title"].values[1].any()
    assert (done.rows, done.present, done.computed, done.reused, done.quarantined) == (5, 3, 2, 1, 0)
    assert done.coverage == 0.6
    again, (done,) = encode_columns(data, {"title": Letters()})
    assert done.computed == 0
    assert again.features["title"] is data.features["title"]


def test_equal_rows_get_equal_vectors_and_order_is_kept() -> None:
    encoder = USE()
    table = encode(shop(TITLES), title=encoder).features["title"]
    for row, title in enumerate(TITLES):
        np.testing.assert_array_equal(table.values[row], table.values[TITLES.index(title)])
    single = encode(shop(TITLES[3:4]), title=encoder).features["title"]
    np.testing.assert_allclose(single.values[0], table.values[3], atol=1e-5)


def test_the_folder_keeps_the_part_and_nothing_is_done_twice(tmp_path: Path) -> None:
    first, (done,) = encode_columns(stored(shop(TITLES), tmp_path / "ds"), {"title": Letters()})
    assert done.computed == len(set(TITLES))
    opened = load(tmp_path / "ds")
    np.testing.assert_array_equal(opened.features["title"].values, first.features["title"].values)
    assert opened.features["title"].encoder is not None
    assert opened.features["title"].encoder.name == "letters"
    assert not (tmp_path / "ds" / "features" / ".partial").exists()
    before = files(tmp_path / "ds")
    _, (done,) = encode_columns(opened, {"title": Letters()})
    assert (done.computed, done.reused) == (0, len(TITLES))
    assert files(tmp_path / "ds") == before


def test_a_changed_catalogue_reuses_the_rows_that_stayed(tmp_path: Path) -> None:
    data = encode(stored(shop(TITLES), tmp_path / "ds"), title=Letters())
    old = data.features["title"].values
    other = shop(["a new one", *TITLES[:5], "another"])
    changed = replace(other, root=data.root)
    part, (done,) = encode_columns(changed, {"title": Letters()})
    assert (done.computed, done.reused) == (2, 5)
    np.testing.assert_array_equal(part.features["title"].values[1:6], old[:5])


def test_another_encoder_or_setting_is_not_mistaken_for_this_one(tmp_path: Path) -> None:
    data = encode(stored(shop(TITLES), tmp_path / "ds"), title=Letters())
    data, (done,) = encode_columns(data, {"title": "tf-idf"})
    assert done.computed == len(set(TITLES))
    assert load(tmp_path / "ds").features["title"].encoder is not None
    from palate.encoders.tf_idf import TfIdf

    _, (done,) = encode_columns(data, {"title": TfIdf(dim=3)})
    assert done.dim == 3
    assert done.computed > 0
    _, (done,) = encode_columns(data, {"title": TfIdf(dim=3)})
    assert done.computed == 0


def test_a_stored_learned_encoder_encodes_queries_the_same(tmp_path: Path) -> None:
    from palate.encoders import restore

    data = encode(stored(shop(TITLES), tmp_path / "ds"), title="tf-idf")
    ref = load(tmp_path / "ds").features["title"].encoder
    assert ref is not None
    again = restore(ref)
    values, _ = again.encode([again.decode(str(TITLES[4]))])
    np.testing.assert_allclose(values[0], data.features["title"].values[4], atol=1e-5)


def make_media(folder: Path) -> list[str | None]:
    folder.mkdir(parents=True)
    for number, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (20, 20), colour).save(folder / f"{number}.png")
    shutil.copyfile(folder / "0.png", folder / "twin.png")
    Image.new("RGB", (20, 20), "white").save(folder / "real.jpg")
    (folder / "real.jpg").rename(folder / "lying.png")
    (folder / "half.png").write_bytes((folder / "1.png").read_bytes()[:40])
    (folder / "empty.png").touch()
    names = [
        "0.png",
        "1.png",
        "2.png",
        "twin.png",
        "lying.png",
        "half.png",
        "empty.png",
        "absent.png",
        None,
        "https://x/y.png",
    ]
    return [f"media/photo/{name}" if name and "://" not in name else name for name in names]


def test_broken_media_are_absent_and_in_the_quarantine(tmp_path: Path) -> None:
    paths = make_media(tmp_path / "src" / "media" / "photo")
    made = shop([None] * len(paths), photo=paths)
    made = replace(made, catalogue=replace(made.catalogue, root=tmp_path / "src"))
    data = stored(made, tmp_path / "ds")
    Pixels.opened = 0
    data, (done,) = encode_columns(data, {"photo": Pixels()})
    assert data.features["photo"].present.tolist() == [True] * 5 + [False] * 5
    assert Pixels.opened == 6  # the twin was not opened, nor what is empty twice
    rows = quarantine.read(tmp_path / "ds")
    assert rows["step"].unique().to_list() == ["encode:photo"]
    assert rows["id"].to_list() == ["i5", "i6", "i7", "i9"]
    assert rows["row"].to_list() == [6, 7, 8, 10]
    assert "picture" in rows["reason"][0]
    assert rows["reason"].to_list()[1:3] == ["the file is empty", "there is no such file"]
    assert rows["value"][2] == "media/photo/absent.png"
    assert done.quarantined == 4
    _, (done,) = encode_columns(load(tmp_path / "ds"), {"photo": Pixels()})
    assert (done.computed, done.quarantined) == (0, 4)


def test_a_file_that_was_mended_is_read_and_leaves_the_quarantine(tmp_path: Path) -> None:
    paths = make_media(tmp_path / "src" / "media" / "photo")[5:6]
    made = shop(["x"], photo=paths)
    data = stored(replace(made, catalogue=replace(made.catalogue, root=tmp_path / "src")), tmp_path / "ds")
    data = encode(data, photo=Pixels())
    assert data.features["photo"].coverage == 0
    assert quarantine.read(tmp_path / "ds").height == 1
    Image.new("RGB", (9, 9), "red").save(tmp_path / "ds" / str(paths[0]))
    assert encode(data, photo=Pixels()).features["photo"].coverage == 1
    assert quarantine.read(tmp_path / "ds").height == 0


def test_what_is_missing_for_another_reason_than_before_is_told_anew(tmp_path: Path) -> None:
    paths = make_media(tmp_path / "src" / "media" / "photo")[:2]
    made = shop(["x"] * 4, photo=[*paths, "media/photo/gone.png", None])
    data = stored(replace(made, catalogue=replace(made.catalogue, root=tmp_path / "src")), tmp_path / "ds")
    data = encode(data, photo=Pixels())
    for third, fourth, told in (
        (None, "media/photo/lost.png", [("i3", "there is no such file")]),
        ("../x.png", None, [("i2", "the path leads out of the dataset folder")]),
        (None, None, []),
    ):
        table = data.catalogue.table.with_columns(pl.Series("photo", [*paths, third, fourth], pl.String))
        data, (done,) = encode_columns(
            replace(data, catalogue=replace(data.catalogue, table=table)), {"photo": Pixels()}
        )
        assert quarantine.read(tmp_path / "ds").select("id", "reason").rows() == told
        assert (done.computed, done.quarantined) == (0, len(told))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("values.safetensors", b"half"),
        ("values.safetensors", None),
        ("manifest.json", b"{"),
        ("manifest.json", b"{}"),
        ("manifest.json", b"[]"),
        ("ids.parquet", b"junk"),
        ("ids.parquet", None),
        ("content.safetensors", b"junk"),
        ("content.safetensors", None),
    ],
)
def test_a_damaged_part_is_made_again_as_its_error_says(tmp_path: Path, name: str, content: bytes | None) -> None:
    first = encode(stored(shop(TITLES), tmp_path / "ds"), title=Letters()).features["title"]
    path = tmp_path / "ds" / "features" / "title" / name
    path.unlink() if content is None else path.write_bytes(content)
    if not name.startswith("content"):
        with pytest.raises(StoreError, match="encode it again"):
            load(tmp_path / "ds")
    again = encode(load(tmp_path / "ds", stale=True), title=Letters()).features["title"]
    np.testing.assert_array_equal(again.values, first.values)
    np.testing.assert_array_equal(load(tmp_path / "ds").features["title"].values, first.values)


def slow(folder: Path, pause: float) -> subprocess.Popen[str]:
    words = [sys.executable, str(HERE / "slow_encoder.py"), str(folder), str(pause)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    titles: list[str | None] = [
        f"{'broken' if n % 11 == 0 else 'sound'} {'abcdefgh'[n % 8] * (n + 1)}" for n in range(90)
    ]
    titles[7] = None
    for name in ("calm", "killed"):
        stored(shop(titles), tmp_path / name)
    calm = slow(tmp_path / "calm", 0)
    out, err = calm.communicate(timeout=120)
    assert (calm.returncode, err, out.strip()) == (0, "", "80")
    work = tmp_path / "killed" / "features" / ".partial" / "title"
    victim = slow(tmp_path / "killed", 0.3)
    deadline = time.monotonic() + 60
    while len(list(work.glob("*/chunk-*"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.kill()
    victim.communicate()
    assert victim.returncode < 0
    assert not (tmp_path / "killed" / "features" / "title").exists()
    assert load(tmp_path / "killed").features == {}
    again = slow(tmp_path / "killed", 0)
    out, err = again.communicate(timeout=120)
    assert (again.returncode, err) == (0, "")
    assert 0 < int(out) <= 80 - 6 * 3
    assert files(tmp_path / "killed" / "features") == files(tmp_path / "calm" / "features")
    assert quarantine.read(tmp_path / "killed").equals(quarantine.read(tmp_path / "calm"))
    assert quarantine.read(tmp_path / "killed").height == 9


def test_two_at_once_on_one_part_is_refused(tmp_path: Path) -> None:
    stored(shop([f"title {number}" for number in range(200)]), tmp_path / "ds")
    busy = slow(tmp_path / "ds", 0.5)
    lock = tmp_path / "ds" / "features" / ".partial" / "title"
    deadline = time.monotonic() + 60
    while not list(lock.glob("*/chunk-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        with pytest.raises(DataError, match="another process is encoding the part 'title'"):
            encode(load(tmp_path / "ds"), title=Letters())
    finally:
        busy.kill()
        busy.communicate()


def test_a_part_that_is_finished_keeps_others_out_until_its_process_lets_go(tmp_path: Path) -> None:
    data = encode(stored(shop(TITLES), tmp_path / "ds"), title=Letters())
    first, second, third = (PartStore(tmp_path / "ds", "title") for _ in range(3))
    with first.locked():
        first.keep("encoder", Vectors(26))
        first.finish(data.features["title"], lambda _: data.items, "encoder", [None] * len(TITLES))
        with pytest.raises(DataError, match="another process"), second.locked():
            pass
        assert [path.name for path in first.partial.iterdir()] == ["lock"]
    with second.locked(), pytest.raises(DataError, match="another process"), third.locked():
        pass
    assert not first.partial.parent.exists()


def test_a_damaged_chunk_is_made_again(tmp_path: Path) -> None:
    stored(shop(TITLES), tmp_path / "ds")
    encoder = Letters()
    work = tmp_path / "ds" / "features" / ".partial" / "title" / encoder.fingerprint[:16]
    work.mkdir(parents=True)
    (work / "chunk-00000.safetensors").write_bytes(b"half a chunk")
    _, (done,) = encode_columns(load(tmp_path / "ds"), {"title": encoder})
    assert done.computed == len(set(TITLES))


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    data = encode(stored(shop(TITLES), tmp_path / "ds"), title=Letters())
    before = files(tmp_path / "ds" / "features" / "title")
    changed = replace(shop([f"{title} more" for title in TITLES]), root=data.root)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, old[1]))
        with pytest.raises(StoreError, match="untouched"):
            encode(changed, title=Letters())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert files(tmp_path / "ds" / "features" / "title") == before


def test_requests_that_cannot_be_met_are_refused_before_any_work() -> None:
    data = shop(["a"], photo=["media/x.png"])
    with pytest.raises(UnknownNameError, match="did you mean 'use'"):
        encode(data, title="usee")
    with pytest.raises(DataError, match="did you mean 'title'"):
        encode(data, titel="use")
    with pytest.raises(DataError, match="'photo' is image and the encoder 'use' reads text"):
        encode(data, title="use", photo="use")


def test_workers_change_neither_order_nor_values() -> None:
    raw = [f"text number {number}" for number in range(50)]
    blocks = {n: np.concatenate([batch.values for batch in run(Letters(), raw, threads=n)]) for n in (1, 2, 5)}
    np.testing.assert_array_equal(blocks[1], blocks[2])
    np.testing.assert_array_equal(blocks[1], blocks[5])
    assert list(run(Letters(), [])) == []


def test_an_error_of_the_encoder_comes_through() -> None:
    class Faulty(Letters):
        def _encode(self, batch: Any) -> Any:
            raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        encode(shop(TITLES), title=Faulty())


def test_an_import_over_a_dataset_keeps_what_was_encoded_but_shows_none_of_it(tmp_path: Path) -> None:
    from palate.data.sources import registry

    table = tmp_path / "items.csv"
    table.write_text("item_id,title\na,red mug\nb,blue cup\n", encoding="utf-8")
    source = registry.get("table")(items="items.csv", text={"title": "title"})
    source.read(tmp_path, tmp_path / "ds")
    encode_columns(load(tmp_path / "ds"), {"title": Letters()})

    table.write_text("item_id,title\nb,green jar\na,red mug\n", encoding="utf-8")
    source.read(tmp_path, tmp_path / "ds")
    again = load(tmp_path / "ds")
    assert again.features == {}
    data, (done,) = encode_columns(again, {"title": Letters()})
    assert (done.computed, done.reused) == (1, 1)
    fresh = encode(shop(["green jar", "red mug"]), title=Letters()).features["title"].values
    assert data.features["title"].values.shape == fresh.shape
    assert not (tmp_path / "ds" / "features" / ".before").exists()


def test_a_cleaned_dataset_is_not_encoded_again(tmp_path: Path) -> None:
    data = encode(stored(shop(TITLES), tmp_path / "ds"), title=Letters())
    for place, kept in ((tmp_path / "same", np.arange(len(TITLES))), (tmp_path / "less", np.arange(4, 20)[::-1])):
        ids = IdMap(data.items.decode(kept))
        part = data.features["title"] if len(kept) == len(TITLES) else data.features["title"].take(kept)
        fresh = replace(data, items=ids, catalogue=data.catalogue.take(kept), features={"title": part})
        again, (done,) = encode_columns(stored(fresh, place), {"title": Letters()})
        assert (done.computed, done.reused) == (0, len(kept))
        np.testing.assert_array_equal(again.features["title"].values, data.features["title"].values[kept])
        assert not (place / "features" / ".before").exists()
        _, (done,) = encode_columns(stored(shop([*TITLES, "new"]), tmp_path / "other"), {"title": Letters()})
        assert done.computed > 0


def test_a_folder_or_a_pipe_in_the_place_of_a_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    data = shop(["a", "b"], photo=[str(tmp_path / "folder.png"), str(tmp_path / "pipe.png")])
    _, (done,) = encode_columns(data, {"photo": Pixels()})
    assert (done.present, done.quarantined) == (0, 2)


def test_a_path_that_leaves_the_dataset_is_set_aside(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), "red").save(tmp_path / "secret.png")
    data = stored(shop(["a", "b", "c"], photo=["x", "x", "x"]), tmp_path / "ds")
    paths = ["../secret.png", str(tmp_path / "secret.png"), "media/\0.png"]
    table = data.catalogue.table.with_columns(pl.Series("photo", paths))
    data = replace(data, catalogue=replace(data.catalogue, table=table))
    data, (done,) = encode_columns(data, {"photo": Pixels()})
    assert (done.present, done.quarantined) == (0, 3)
    assert quarantine.read(tmp_path / "ds")["reason"].unique().to_list() == ["the path leads out of the dataset folder"]
    from palate.clean.check import check

    (found,) = [problem for problem in check(data).problems if problem.kind == "stray-media"]
    assert found.ids == ("i0", "i1", "i2")
