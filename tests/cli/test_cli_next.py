"""What a command proposes to type next runs as it stands, whatever blanks and signs the paths hold."""

from __future__ import annotations

import shlex

import pytest

from palate.cli import main
from palate.cli._next import say_next

EVENTS = "user_id,item_id,timestamp\n" + "".join(f"the user {n % 9},i{n % 7 + n // 40},{n}\n" for n in range(90))


@pytest.fixture
def road(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"i{n},thing {n} 台灯\n" for n in range(9)))
    (tmp_path / "events.csv").write_text(EVENTS)

    def run(*words):
        with pytest.raises(SystemExit) as left:
            main(list(words))
        out, err = capsys.readouterr()
        assert left.value.code == 0, err
        assert max(map(len, out.splitlines())) <= 80
        return proposed(out)

    return run


def proposed(out: str) -> list[list[str]]:
    """Return the words of each command after `next:`, as a shell reads them."""
    commands = out.partition("next: ")[2].replace(" \\\n", " ").splitlines()
    return [words for words in (shlex.split(command, comments=True) for command in commands) if words]


def test_every_proposal_runs_where_the_folder_has_a_blank(road):
    tables = ("--items", "items.csv", "--interactions", "events.csv", "--text", "title")
    (check,) = road("data", "import", "table", ".", "my shop 店", *tables)
    assert check == ["palate", "data", "check", "my shop 店"]
    (encode,) = road(*check[1:])
    assert encode == ["palate", "encode", "my shop 店", "--text", "use"]
    (compare,) = road("encode", "my shop 店", "--text", "tf-idf")
    (train,) = road(*compare[1:], "--how", "leave-last-out")
    assert train[:3] == ["palate", "train", "my shop 店"]
    evaluate, recommend, refit = road(*train[1:-1], "a bundle")
    assert evaluate == ["palate", "evaluate", "a bundle"]
    assert recommend == ["palate", "recommend", "a bundle", "--user", "the user 0"]
    assert road(*evaluate[1:])[0] == recommend
    assert road(*refit[1:]) == [["palate", "serve", "live.palate"]]


def test_a_long_command_goes_on_in_the_next_line(capsys):
    words = ["compare", "a folder", *(f"--option-{n}" for n in range(12))]
    say_next(words, ["serve", "x"], told="to serve it" * 6)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert proposed(out) == [["palate", *words], ["palate", "serve", "x"]]
