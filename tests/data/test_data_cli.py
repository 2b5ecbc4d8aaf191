import json

import pytest

from palate.cli import main
from palate.data import folder

EVENTS = "who,what,stars,when\n" + "".join(f"u{n % 8},i{n % 11},{n % 6},{1_700_000_000 + n}\n" for n in range(60))
COLUMNS = ("--column", "user=who,item=what", "--column", "weight=stars,timestamp=when")


@pytest.fixture
def say(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(EVENTS)
    (tmp_path / "goods.tsv").write_text("id\ttitle\n" + "".join(f"i{n}\tthing {n}\n" for n in range(12)))

    def run(*words):
        with pytest.raises(SystemExit) as left:
            main(list(words))
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def test_import_check_clean_split(say):
    words = (
        "--items",
        "goods.tsv",
        "--interactions",
        "log.csv",
        *COLUMNS,
        "--text",
        "name=title",
        "--positive",
        "weight>=4",
    )
    code, out, _ = say("data", "import", "table", ".", "ds", *words)
    assert code == 0
    assert "60, of which 20 count as liked (weight>=4)" in out
    assert "next: palate data check ds" in out
    code, out, _ = say("data", "check", "ds", "--verbose")
    assert code == 0
    assert "1 of 12 items occur in no interaction [items-never-seen]" in " ".join(out.split())
    code, out, _ = say("data", "clean", "ds", "clean", "--core", "2", "--min-weight", "1")
    assert code == 0
    assert "10" in out
    assert "the weight is below 1" in out
    for how in ("random-per-user", "leave-last-out", "global-time", "cold-items"):
        code, out, _ = say("data", "split", "ds", "--how", how, "--seed", "3")
        assert code == 0
        assert f"by {how}, seed 3" in out
    assert folder.load("ds").interactions.column("split").null_count() == 0
    assert max(map(len, out.splitlines())) <= 80


def test_every_result_is_one_json_object(say):
    def told(*words):
        code, out, _ = say(*words, "--json")
        assert code == 0
        return json.loads(out)

    report = told("data", "import", "table", "log.csv", "ds", *COLUMNS)
    assert (report["users"], report["items"], report["interactions"]) == (8, 11, 60)
    report = told("data", "check", "ds")
    assert {"users", "items", "interactions", "coverage", "problems"} <= report.keys()
    assert told("data", "clean", "ds", "clean", "--user-core", "2")["after"]["interactions"] == 60
    report = told("data", "split", "ds", "--how", "leave-last-out")
    assert sum(report["interactions"].values()) == 60
    assert told("data", "check", "ds")["splits"] == report["interactions"]
    assert {"mmrec", "movielens", "table"} <= {row["name"] for row in told("data", "formats")["rows"]}


def test_reasons_of_the_same_count_are_all_told(say, tmp_path):
    (tmp_path / "log.csv").write_text("user,item,rating\na,x,1\n,x,1\na,,1\n")
    _, out, _ = say("data", "import", "table", "log.csv", "ds")
    assert "the user id is missing" in out
    assert "the item id is missing" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("data", "import", "tabel", "log.csv", "ds"), "did you mean 'table'"),
        (("data", "import", "table", "nothing.csv", "ds"), "there is no file or folder at nothing.csv"),
        (("data", "import", "table", "log.csv", "ds"), "no column for the user"),
        (("data", "import", "table", "log.csv", "ds", "--column", "user=whoo"), "did you mean 'who'"),
        (("data", "import", "table", "log.csv", "ds", "--column", "user"), "write ROLE=COLUMN"),
        (("data", "import", "movielens", ".", "ds", "--text", "title"), "takes no --text"),
        (("data", "import", "table", "log.csv", "log.csv", *COLUMNS), "is a file"),
        (("data", "import", "table", "log.csv", ".", *COLUMNS), "something other than a dataset"),
        (("data", "check", "nowhere"), "no dataset folder at nowhere"),
        (("data", "split", "log.csv"), "log.csv is a file, not a dataset folder"),
    ],
)
def test_a_wrong_request_is_one_sentence(say, words, sentence):
    code, out, err = say(*words)
    assert code == 2
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


def test_formats_tell_files_and_a_line_of_each(say):
    code, out, _ = say("data", "formats")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for word in ("NAME.inter", "user_id:token", "layout of 2014", "yelp_academic_dataset_review.json", "terms:", "…"):
        assert word in out
    code, out, _ = say("data", "formats", "amazon")
    assert max(map(len, out.splitlines())) <= 80
    assert "'categories': [['Cell" in " ".join(out.split())
    assert "yelp" not in out
    code, out, _ = say("data", "formats", "yelp", "--json")
    row = json.loads(out)["rows"][0]
    assert {"name", "summary", "terms", "files"} == row.keys()
    assert {"file", "holds", "example", "header", "layout", "needed"} == row["files"][0].keys()
    assert json.loads(row["files"][0]["example"])["business_id"]
    code, _, err = say("data", "formats", "yelpp")
    assert code == 2
    assert "did you mean 'yelp'" in err


def test_parts_of_a_recbole_split_can_be_named(say, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"x.{name}.inter").write_text("user_id:token\titem_id:token\n1\t2\n3\t4\n")
    code, _, _ = say("data", "import", "recbole", ".", "ds", "--parts", "a,b", "--json")
    assert code == 0
    assert folder.load("ds").interactions.column("split").to_list() == ["train", "train", "valid", "valid"]
    code, _, err = say("data", "import", "yelp", ".", "ds", "--parts", "a,b")
    assert (code, err.count("\n")) == (2, 1)
