"""RecBole atomic files: types, parts of a split, and what is told of what cannot be used."""

from __future__ import annotations

import pytest
from PIL import Image

from palate.core.errors import DataError
from palate.data import folder, quarantine
from palate.data.sources.mmrec import MMRec
from palate.data.sources.recbole import RecBole

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEMS = (
    "item_id:token\tmovie_title:token_seq\tclass:token_seq\tyear:token\tvec:float_seq\tprice:float\tfile:token\n"
    "10\tToy Story\tA B\t1995\t0.5  -2e1\t3\ta.jpg\n20\tHeat\tA\t1995\t0.1 zz\tmuch\tb.jpg\n30\tEnd\t\t\t\t\t\n"
)


@pytest.fixture
def src(tmp_path):
    place = tmp_path / "ml"
    place.mkdir()
    (place / "ml.inter").write_text(HEAD + "1\t10\t5\t978300760\n2\t20\t3\t978300761.0\n\t20\t3\t978300761\n")
    (place / "ml.item").write_text(ITEMS)
    (place / "ml.user").write_text("user_id:token\tage:token\tweight:float\n1\t25\t70\n2\t25\t60\n")
    return place


def test_types_come_from_the_header(src, tmp_path):
    (src / "ml.kg").write_text("head_id:token\n")
    Image.new("RGB", (8, 8)).save(src / "a.jpg")
    report = RecBole().read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.catalogue.table["file"].to_list() == ["media/file/a.jpg", None, None]
    assert (tmp_path / "ds" / "media" / "file" / "a.jpg").is_file()
    assert data.catalogue.types == {
        "movie_title": "text", "class": "text", "year": "category", "vec": "series", "price": "number", "file": "image",
    }  # fmt: skip
    assert data.catalogue.table.drop("file").rows() == [
        ("10", "Toy Story", "A B", "1995", [0.5, -20.0], 3.0), ("20", "Heat", "A", "1995", None, None),
        ("30", "End", None, None, None, None),
    ]  # fmt: skip
    assert data.people.types == {"age": "category", "weight": "number"}
    assert data.interactions.weight.tolist() == [5.0, 3.0]
    assert data.interactions.time.tolist() == [978300760, 978300761]
    assert any("left out: ml.kg" in note for note in report.notes)
    rows = quarantine.read(tmp_path / "ds")
    assert set(rows.select("place", "row", "reason", "value").rows()) >= {
        ("ml.inter", 3, "the user id is missing", None),
        ("file", 2, "the image was left out: there is no such file", "b.jpg"),
        ("ml.item", 2, "the price is not a number: left empty", "much"),
        ("ml.item", 2, "the vec is not a sequence of numbers: left empty", "0.1 zz"),
    }


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("part1", "part2", "part3"), ("a", "b", "c")])
def test_parts_bring_their_split(tmp_path, names):
    src = tmp_path / "x"
    src.mkdir()
    for number, name in enumerate(names):
        (src / f"x.{name}.inter").write_text(f"{HEAD}1\t{number}\t5\t97830076{number}\n")
    source = RecBole(parts="a, b, c") if names[0] == "a" else RecBole()
    for place in (src, src / f"x.{names[1]}.inter"):
        source.read(place, tmp_path / "ds")
        data = folder.load(tmp_path / "ds")
        assert data.interactions.column("split").to_list() == ["train", "valid", "test"]
        assert data.items.ids == ("0", "1", "2")
    if names[0] == "a":
        with pytest.raises(DataError, match=r"x\.a, x\.b, x\.c: .* with --parts"):
            RecBole().read(src, tmp_path / "ds")


def test_where_there_are_both_the_parts_win_and_this_is_said(src, tmp_path):
    (src / "ml.train.inter").write_text(HEAD + "1\t10\t5\t978300760\n")
    (src / "ml.test.inter").write_text(HEAD + "1\t20\t5\t978300760\n")
    report = RecBole().read(src, tmp_path / "ds")
    assert report.interactions == 2
    assert any("left out: ml.inter" in note for note in report.notes)


def test_a_label_is_a_weight_and_other_fields_are_told(tmp_path):
    (tmp_path / "c.inter").write_text(
        "user_id:token,item_id:token,label:float,item_id_list:token_seq\n1,2,1,3 4\n1,3,0,\n"
    )
    report = RecBole().read(tmp_path / "c.inter", tmp_path / "ds")
    assert (report.interactions, report.liked) == (2, 1)
    assert any("item_id_list" in note for note in report.notes)
    assert any("label of 0 is a dislike" in note for note in report.notes)


def test_unusual_names_are_named(tmp_path):
    (tmp_path / "c.inter").write_text("who:token\twhat:token\n1\t2\n")
    with pytest.raises(DataError, match="no column for the user"):
        RecBole().read(tmp_path, tmp_path / "ds")
    (tmp_path / "c.item").write_text("what:token\tname:token_seq\n2\tTwo\n")
    RecBole(columns={"user": "who", "item": "what"}).read(tmp_path / "c.inter", tmp_path / "ds")
    assert folder.load(tmp_path / "ds").catalogue.table.rows() == [("2", "Two")]


def test_two_files_for_one_part_are_one_too_many(tmp_path):
    for part in ("train", "part1"):
        (tmp_path / f"x.{part}.inter").write_text(HEAD + "1\t10\t5\t978300760\n")
    with pytest.raises(DataError, match=r"x\.part1\.inter and x\.train\.inter are both the train part"):
        RecBole().read(tmp_path, tmp_path / "ds")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("user_id:token\titem_id\n1\t2\n", r"the field 'item_id' without a type: write NAME:TYPE"),
        ("user_id:token\titem_id:int\n1\t2\n", r"the field 'item_id:int', whose type is unknown"),
        (HEAD, "holds no rows"),
        ("", "is empty"),
        ("user_id:token\titem_id:token\titem_id:float\n1\t2\t3\n", "has the field 'item_id' twice"),
    ],
)
def test_a_header_that_cannot_be_used_is_one_sentence(tmp_path, content, sentence):
    (tmp_path / "x.inter").write_text(content)
    with pytest.raises(DataError, match=sentence):
        RecBole().read(tmp_path, tmp_path / "ds")


def test_mmrec_and_recbole_point_to_each_other(src, tmp_path):
    (tmp_path / "mm.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n")
    with pytest.raises(
        DataError, match=r"without a type.*this looks like an MMRec folder: use 'palate data import mmrec'"
    ):
        RecBole().read(tmp_path / "mm.inter", tmp_path / "ds")
    with pytest.raises(DataError, match=r"typed fields.*this looks like RecBole.*: use 'palate data import recbole'"):
        MMRec().read(src, tmp_path / "ds")


def test_a_type_that_recbole_does_not_know_is_not_taken_for_mmrec(tmp_path):
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:str\n1\t2\n")
    with pytest.raises(DataError, match="'item_id:str', whose type is unknown") as told:
        RecBole().read(tmp_path, tmp_path / "ds")
    assert "MMRec" not in str(told.value)


@pytest.mark.data
def test_the_real_mmrec_folders_are_known_for_what_they_are(real_data, tmp_path):
    for name in ("tiktok", "amazon-baby"):
        with pytest.raises(DataError, match="use 'palate data import mmrec'"):
            RecBole().read(real_data / name, tmp_path / "ds")
