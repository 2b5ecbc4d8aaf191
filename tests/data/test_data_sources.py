import gzip
import os

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.core.errors import ConfigError, DataError, StoreError
from palate.data import folder, quarantine
from palate.data.assemble import guess_type
from palate.data.rows import shown_text
from palate.data.sources import _base as base
from palate.data.sources import _lines
from palate.data.sources._read import read_table
from palate.data.sources.mmrec import MMRec
from palate.data.sources.movielens import MovieLens
from palate.data.sources.table import Table

EVENTS = "user_id,item_id,rating,timestamp\nann,1,5,1700000000\nbob,2,0,1700000100\nann,9,3,1700000200\n"


@pytest.fixture
def src(tmp_path):
    """Items, events, users and two pictures; item 3 was never met, item 9 is not listed."""
    place = tmp_path / "src"
    (place / "posters").mkdir(parents=True)
    for name, colour in (("1", "red"), ("2", "blue")):
        Image.new("RGB", (8, 8), colour).save(place / "posters" / f"{name}.jpg")
    (place / "events.csv").write_text(EVENTS)
    (place / "items.csv").write_text(
        'id,title,price,file\n1,"one, two",3.5,posters/1.jpg\n2,,much,posters/9.jpg\n3,three,,\n'
    )
    (place / "users.csv").write_text("user,age\nann,30\n")
    return place


def test_a_folder_of_tables_is_found_typed_and_counted(src, tmp_path):
    report = Table(image={"poster": "posters"}, text={"title": "title"}, number={"price": "price"}).read(
        src, tmp_path / "ds"
    )
    data = folder.load(tmp_path / "ds")
    assert data.items.ids == ("1", "2", "3", "9")
    assert data.users.ids == ("ann", "bob")
    assert data.catalogue.table["title"].to_list() == ["one, two", None, "three", None]
    assert data.catalogue.table["price"].to_list() == [3.5, None, None, None]
    assert data.catalogue.table["poster"].to_list() == ["media/poster/1.jpg", "media/poster/2.jpg", None, None]
    assert data.people.table["age"].to_list() == [30.0, None]
    assert data.liked_rows.tolist() == [True, False, True]
    assert report.as_dict()["media"] == {"poster": 2, "file": 1}
    assert report.rejected == {
        "the image was left out: there is no such file": 1,
        "the price is not a number: left empty": 1,
    }
    assert any("1 item occurs in the interactions but not in the table of items" in note for note in report.notes)
    assert quarantine.read(tmp_path / "ds").filter(pl.col("id") == "2")["value"].sort().to_list() == [
        "much",
        "posters/9.jpg",
    ]


def test_columns_of_paths_stay_inside_their_folder(src, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"x")
    os.symlink(tmp_path / "secret.jpg", src / "posters" / "link.jpg")
    paths = [
        "../secret.jpg",
        str(tmp_path / "secret.jpg"),
        "posters/link.jpg",
        "posters",
        "posters/./1.jpg",
        "http://x/y.jpg",
    ]
    pl.DataFrame({"item_id": list("abcdef"), "photo": paths}).write_csv(src / "items.csv")
    (src / "events.csv").unlink()
    report = Table(image={"photo": "photo"}).read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.catalogue.table["photo"].to_list() == [
        None,
        None,
        None,
        None,
        "media/photo/posters/1.jpg",
        "http://x/y.jpg",
    ]
    assert report.rejected["the image was left out: the path leads out of the folder"] == 3
    assert report.rejected["the image was left out: it is not a file"] == 1
    assert any("1 value of 'photo' is an address" in note for note in report.notes)


def test_files_that_belong_to_no_item_are_told(src, tmp_path):
    for name in ("nobody.jpg", "1.png", "notes.txt"):
        (src / "posters" / name).write_bytes(b"x")
    rejected = Table(image={"poster": "posters"}).read(src, tmp_path / "ds").rejected
    assert rejected["no row of items has the id that the file is named after"] == 1
    assert rejected["another image has the same id"] == 1
    assert rejected["'.txt' is no ending of image files"] == 1


def test_a_lone_table_may_be_events_or_a_catalogue(src, tmp_path):
    assert Table().read(src / "events.csv", tmp_path / "a").interactions == 3
    report = Table().read(src / "items.csv", tmp_path / "b")
    assert (report.items, report.interactions, report.users) == (3, 0, 0)


@pytest.mark.parametrize("ending", ["tsv", "parquet", "jsonl", "csv.gz", "psv"])
def test_every_kind_of_table_gives_the_same_dataset(src, tmp_path, ending):
    frame = pl.read_csv(src / "events.csv")
    file = src / f"log.{ending}"
    match ending:
        case "tsv":
            frame.write_csv(file, separator="\t")
        case "psv":
            frame.write_csv(file, separator="|")
        case "parquet":
            frame.write_parquet(file)
        case "jsonl":
            frame.write_ndjson(file)
        case _:
            file.write_bytes(gzip.compress((src / "events.csv").read_bytes()))
    Table().read(file, tmp_path / "a")
    Table().read(src / "events.csv", tmp_path / "b")
    assert folder.load(tmp_path / "a").fingerprint == folder.load(tmp_path / "b").fingerprint


def test_lines_that_cannot_be_parsed_are_set_aside(tmp_path):
    (tmp_path / "events.csv").write_bytes(
        b'user,item,text\na,1,fine\na,2,too,many\nb\nb,3,\xff\xfe\nc,4,"two\nlines"\n'
    )
    read = read_table(tmp_path / "events.csv")
    assert read.table["item"].to_list() == ["1", "4"]
    assert read.rejected["row"].to_list() == [2, 3, 4]
    report = Table().read(tmp_path / "events.csv", tmp_path / "ds")
    assert (report.interactions, sum(report.rejected.values())) == (2, 3)


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path):
    (tmp_path / "events.csv").write_text(
        'user,item,text,text\na,1,x,"open\nb,2,"x, ""y""\n",z\n\nc,3,say "hi",z\nd,4,"a" b,z\n'
    )
    read = read_table(tmp_path / "events.csv")
    assert read.table["user"].to_list() == ["b", "c"]
    assert read.table.columns == ["user", "item", "text", "text_duplicated_0"]
    assert read.rejected["row"].to_list() == [1, 5]


@pytest.mark.parametrize(("ending", "separator"), [("csv", ","), ("tsv", "\t")])
def test_a_row_with_too_few_fields_is_set_aside_even_alone(tmp_path, ending, separator):
    lines = (
        ["user,item,text", "a,1,", "b,2", "", 'c,3,"x, y"', "d,4,fine"]
        if separator == ","
        else ["user,item,text", "a,1,", "b,2", "", "c,3,xy", "d,4,fine"]
    )
    file = tmp_path / f"events.{ending}"
    file.write_text("\n".join(line.replace(",", separator) if '"' not in line else line for line in lines) + "\n")
    read = read_table(file)
    assert read.table["item"].to_list() == ["1", "3", "4"]
    assert read.rejected.select("row", "reason").rows() == [(2, "the row has 2 fields for 3 columns")]


def test_a_mark_at_the_start_and_blank_lines_are_no_data(tmp_path):
    (tmp_path / "events.csv").write_bytes("\ufeffuser,item\r\na,1\r\n\r\n,2\r\n".encode())
    read = read_table(tmp_path / "events.csv")
    assert read.table.rows() == [("a", "1"), (None, "2")]
    assert read.rows.to_list() == [1, 3]


def test_json_lines_with_a_broken_line(tmp_path):
    (tmp_path / "log.jsonl").write_text(
        '{"user": 1, "item": "a"}\n{"user": 2,\n\n{"user": 3, "item": "b", "tags": ["x", "y"]}\n'
    )
    read = read_table(tmp_path / "log.jsonl")
    assert read.table["user"].to_list() == [1, 3]
    assert read.rejected["row"].to_list() == [2]


def test_types_are_the_same_whatever_the_blocks(tmp_path, monkeypatch):
    rows = [
        '{"user": 1, "price": 2, "tags": ["x"], "vec": [1, 2]}',
        '{"user": "b", "price": 2.5, "tags": "y", "vec": [0.5]}',
        "",
        '{"user": 3, "late": {"a": 1}}',
        "{broken",
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(rows))
    tables = []
    for size in (1, 60, 1 << 20):
        monkeypatch.setattr(_lines, "BLOCK", size)
        read = read_table(tmp_path / "log.jsonl")
        assert read.rows.to_list() == [1, 2, 4]
        assert read.rejected["row"].to_list() == [5]
        tables.append(read.table)
    for table in tables:
        assert table["user"].to_list() == ["1", "b", "3"]
        assert table["price"].to_list() == [2.0, 2.5, None]
        assert table["vec"].to_list() == [[1.0, 2.0], [0.5], None]
        assert shown_text(table["late"]).str.replace_all(" ", "").to_list() == [None, None, '{"a":1}']


def test_another_encoding_is_read_when_it_is_named(tmp_path):
    (tmp_path / "items.csv").write_bytes("id,title\n1,青蛙\n".encode("gb18030"))
    Table(encoding="gb18030").read(tmp_path / "items.csv", tmp_path / "ds")
    assert folder.load(tmp_path / "ds").catalogue.table["title"].to_list() == ["青蛙"]
    with pytest.raises(DataError, match="not UTF-8"):
        Table().read(tmp_path / "items.csv", tmp_path / "ds2")


def test_of_repeated_item_rows_the_last_stays(tmp_path):
    (tmp_path / "items.csv").write_text("id,title\n1,old\n2,two\n1,new\n,none\n")
    report = Table().read(tmp_path / "items.csv", tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert dict(zip(data.items, data.catalogue.table["title"], strict=True)) == {"1": "new", "2": "two"}
    assert report.rejected == {"a later row has the same id": 1, "the item id is missing": 1}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda src: (src / "events.csv").write_text(""), "is empty"),
        (lambda src: (src / "events.csv").write_text("user_id,item_id\n"), "holds no rows"),
        (lambda src: (src / "events.csv").write_text("a,b\n1,2\n"), "no column for the user"),
        (lambda src: (src / "events.csv").write_text("user,item,rating\n1,2,nan\n"), "none of the 1 rows"),
        (lambda src: (src / "events.csv").write_bytes(b"PK\x03\x04xx"), "zip or Excel"),
        (lambda src: (src / "events.csv").write_text('[{"user": 1}]'), "one JSON array"),
        (lambda src: (src / "events.csv").write_bytes(b"\x00\x01\x02"), "not a table of text"),
        (lambda src: (src / "events.csv").write_bytes(b"PAR1junkjunk"), "could not be read as a table"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(src, tmp_path, change, sentence):
    change(src)
    with pytest.raises(DataError, match=sentence):
        Table().read(src, tmp_path / "ds")
    assert not (tmp_path / "ds").exists()


def test_names_that_are_wrong_are_told(src, tmp_path):
    with pytest.raises(DataError, match="did you mean 'title'"):
        Table(text={"titel": "titel"}).read(src, tmp_path / "ds")
    with pytest.raises(DataError, match="neither a column nor a folder 'photos'"):
        Table(image={"poster": "photos"}).read(src, tmp_path / "ds")
    with pytest.raises(DataError, match="there is no file"):
        Table(interactions="log.csv").read(src, tmp_path / "ds")
    with pytest.raises(DataError, match="is a folder"):
        Table(interactions="posters").read(src, tmp_path / "ds")
    with pytest.raises(DataError, match="holds no table such as"):
        Table().read(src / "posters", tmp_path / "ds")
    with pytest.raises(ConfigError, match="no setting 'texts'"):
        Table(texts={})


def test_stopping_and_failing_leave_the_old_dataset(src, tmp_path, monkeypatch):
    Table().read(src, tmp_path / "ds")
    before = folder.load(tmp_path / "ds").fingerprint

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for failure, error in ((stop, KeyboardInterrupt), (full, StoreError)):
        monkeypatch.setattr(base, "bring", failure)
        with pytest.raises(error):
            Table(image={"poster": "posters"}).read(src, tmp_path / "ds")
    assert folder.load(tmp_path / "ds").fingerprint == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ds", "src"]


@pytest.fixture
def films(tmp_path):
    place = tmp_path / "ml"
    (place / "posters").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(place / "posters" / "10.jpg")
    (place / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,4.0,964982703\n2,20,0.5,964982704\n")
    (place / "movies.csv").write_text(
        'movieId,title,genres\n10,"Usual, The (1995)",Crime|Drama\n20,Untold,(no genres listed)\n30,Blade (2) (1998),Action\n'
    )
    (place / "tags.csv").write_text(
        "userId,movieId,tag,timestamp\n1,10,dark,1\n2,10,twist,2\n2,10,dark,2\n1,99,lost,3\n"
    )
    return place


def test_films_get_titles_years_genres_tags_and_posters(films, tmp_path):
    report = MovieLens().read(films, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.catalogue.table.rows() == [
        ("10", "Usual, The", 1995.0, "Crime, Drama", "dark, twist", "media/poster/10.jpg"),
        ("20", "Untold", None, None, None, None),
        ("30", "Blade (2)", 1998.0, "Action", None, None),
    ]
    assert data.interactions.column("kind").to_list() == ["rating", "rating"]
    assert data.interactions.weight.tolist() == [4.0, 0.5]
    assert report.rejected == {"movies.csv has no film of this id": 1}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"), (["1.5", "2", None], "number"), ([True, False], "number"), ([[1, 2], [3]], "series"),
        (["a/1.JPG", "b.png", "x"], "image"), (["a.wav", "b.mp3"], "audio"), (["a.mp4", None], "video"),
        (["2024-01-31", "2023-02-01T10:00:00"], "date"), ([None, " "], None),
        (["red", "blue", "red", "red", "blue"], "category"), ([f"a thing of number {n}" for n in range(9)], "text"),
    ],
)  # fmt: skip
def test_types_are_guessed_from_the_values(values, kind):
    assert guess_type(pl.Series(values, strict=False)) == kind


def test_a_folder_that_is_no_movielens_is_told(tmp_path):
    with pytest.raises(DataError, match=r"holds no ratings\.csv"):
        MovieLens().read(tmp_path, tmp_path / "ds")


@pytest.fixture
def mmrec(tmp_path):
    place = tmp_path / "mm"
    place.mkdir()
    (place / "mm.inter").write_text("userID\titemID\tx_label\r\n0\t0\t0\r\n0\t2\t1\r\n1\t1\t2\r\n1\t0\t0\r\n")
    np.save(place / "image_feat.npy", np.array([[1, 0], [0, 0], [np.nan, 1]], np.float16))
    return place


def test_mmrec_brings_its_split_and_its_features(mmrec, tmp_path):
    np.save(mmrec / "graph.npy", np.array({"a": 1}), allow_pickle=True)
    np.save(mmrec / "flat.npy", np.ones(3))
    report = MMRec().read(mmrec, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.items.ids == ("0", "1", "2")
    assert data.interactions.column("split").to_list() == ["train", "valid", "test", "train"]
    assert data.features["image_feat"].present.tolist() == [True, False, False]
    assert data.features["image_feat"].modality == "image"
    assert any("2 rows of zeros or NaN" in note for note in report.notes)
    assert "the file was left out: it holds Python objects" in report.rejected
    assert len(report.rejected) == 2


def test_features_of_another_data_set_are_refused(mmrec, tmp_path):
    np.save(mmrec / "image_feat.npy", np.ones((5, 2)))
    with pytest.raises(DataError, match=r"image_feat\.npy has 5 rows, but mm\.inter has items 0 to 2, which want 3"):
        MMRec().read(mmrec, tmp_path / "ds")


def test_mmrec_without_features_keeps_only_what_occurs(mmrec, tmp_path):
    (mmrec / "image_feat.npy").unlink()
    (mmrec / "mm.inter").write_text("userID\titemID\tx_label\n0\t10\t0\n0\t9\t1\n1\t9\t2\n")
    MMRec().read(mmrec / "mm.inter", tmp_path / "ds")
    assert folder.load(tmp_path / "ds").items.ids == ("9", "10")


def test_two_inter_files_are_one_too_many(mmrec, tmp_path):
    (mmrec / "other.inter").write_text("userID\titemID\n0\t0\n")
    with pytest.raises(DataError, match=r"holds mm\.inter, other\.inter"):
        MMRec().read(mmrec, tmp_path / "ds")


@pytest.mark.data
def test_tiktok_and_baby_have_the_published_sizes(real_data, tmp_path):
    MMRec().read(real_data / "tiktok", tmp_path / "tiktok")
    data = folder.load(tmp_path / "tiktok")
    assert (len(data.users), len(data.items), len(data.interactions)) == (9308, 6710, 68722)
    assert {name: part.values.shape for name, part in data.features.items()} == {
        "audio_feat": (6710, 128), "image_feat": (6710, 128),
    }  # fmt: skip
    report = MMRec().read(real_data / "amazon-baby", tmp_path / "baby")
    assert (report.users, report.items, report.interactions) == (19445, 7050, 160792)


def test_a_source_inside_the_dataset_is_not_lost(src, tmp_path):
    Table().read(src, tmp_path / "ds")
    src.rename(tmp_path / "ds" / "raw")
    for place in (tmp_path / "ds" / "raw", tmp_path / "ds" / "raw" / "events.csv", tmp_path / "ds"):
        with pytest.raises(DataError, match="which the import would replace"):
            Table().read(place, tmp_path / "ds")
    assert (tmp_path / "ds" / "raw" / "events.csv").is_file()


def test_what_an_import_names_inside_the_dataset_is_not_lost(src, tmp_path):
    ds = tmp_path / "ds"
    Table().read(src, ds)
    (ds / "mine").mkdir()
    for name in ("events.csv", "items.csv", "users.csv", "posters/1.jpg"):
        (ds / "mine" / name.rpartition("/")[2]).write_bytes((src / name).read_bytes())
    mine = str(ds / "mine")
    named = [{what: f"{mine}/{file}"} for what, file in
             (("interactions", "events.csv"), ("items", "items.csv"), ("users", "users.csv"))]  # fmt: skip
    for settings in (*named, {"media": mine}, {"image": {"poster": mine}}, {"image": {"users.face": mine}}):
        with pytest.raises(DataError, match="which the import would replace"):
            Table(**settings).read(src, ds)
    assert len(list((ds / "mine").iterdir())) == 4


def test_a_long_text_is_kept_whatever_its_neighbours_are(src, tmp_path):
    long = "word, " * 40_000
    (src / "events.csv").write_text(f'user_id,item_id,rating,text\nann,1,5,"{long}"\nbob,2,4,"fine, too"\ncy,3\n')
    report = Table().read(src / "events.csv", tmp_path / "ds")
    assert folder.load(tmp_path / "ds").interactions.column("text").to_list() == [long, "fine, too"]
    assert report.rejected == {"the row has 2 fields for 4 columns": 1}


@pytest.mark.parametrize("n_features", [0, 9])
def test_mmrec_items_that_are_not_numbered_are_refused_or_kept_as_written(mmrec, tmp_path, n_features):
    (mmrec / "mm.inter").write_text("userID\titemID\tx_label\n0\t007\t0\n0\t3\t1\n1\t3\t2\n")
    (mmrec / "image_feat.npy").unlink()
    if n_features:
        np.save(mmrec / "image_feat.npy", np.ones((n_features, 2)))
        with pytest.raises(DataError, match="has the item '007', but features by row need items numbered from 0"):
            MMRec().read(mmrec, tmp_path / "ds")
    else:
        MMRec().read(mmrec, tmp_path / "ds")
        assert folder.load(tmp_path / "ds").items.ids == ("007", "3")


def test_an_item_number_beyond_all_features_takes_no_memory(mmrec, tmp_path):
    (mmrec / "mm.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n0\t999999999999\t1\n1\t1\t2\n")
    with pytest.raises(DataError, match=r"image_feat\.npy has 3 rows, but mm\.inter has items 0 to 999,999,999,999"):
        MMRec().read(mmrec, tmp_path / "ds")


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="file names are Unicode there")
def test_a_file_name_that_is_not_unicode_is_set_aside(src, tmp_path):
    with open(os.fsencode(src / "posters") + b"/\xb9\xfe.jpg", "wb"):  # as old Chinese zip files have them
        pass
    report = Table(image={"poster": "posters"}).read(src, tmp_path / "ds")
    assert report.rejected["the name of the file is not Unicode: rename it"] == 1
    assert quarantine.read(tmp_path / "ds")["value"].str.contains(r"\\xb9\\xfe").any()


@pytest.mark.parametrize("ending", ["csv.gz", "jsonl.gz"])
def test_a_packed_table_that_is_cut_off_is_refused(tmp_path, ending):
    rows = range(20_000)
    text = "user,item\n" + "".join(f"u{n * 7919 % 10007},{n}\n" for n in rows)
    if ending == "jsonl.gz":
        text = "".join(f'{{"user": "u{n * 7919 % 10007}", "item": {n}}}\n' for n in rows)
    packed = gzip.compress(text.encode())
    file = tmp_path / f"events.{ending}"
    for size in (len(packed), len(packed) - 5, len(packed) // 2, 100, 15):
        file.write_bytes(packed[:size])
        if size == len(packed):
            assert read_table(file).table.height == len(rows)
            continue
        with pytest.raises(DataError, match="is cut off or damaged"):
            read_table(file)
