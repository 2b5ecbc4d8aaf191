"""What there is to choose from is listed whole, and a row says what kind it is of."""

import json
import re

import pytest

from palate.cli import main
from palate.cli._listing import LETTERS
from palate.fusion import late, registry


def run(capsys, *words):
    with pytest.raises(SystemExit) as left:
        main(list(words))
    assert not left.value.code
    return capsys.readouterr().out


def test_fusions_are_early_or_late(capsys):
    rows = json.loads(run(capsys, "fusions", "--json"))["rows"]
    for kind, names in (("early", registry.names()), ("late", late.registry.names())):
        assert [row["name"] for row in rows if row["kind"] == kind] == names
    assert all(row["summary"] and row["paper"] and row["cost"] for row in rows)


def test_the_two_kinds_stand_apart(capsys):
    text = run(capsys, "fusions")
    early, _, after = text.partition("late:\n")
    assert early.startswith("early:\n")
    assert "concat" in early
    assert "concat" not in after
    assert "borda" in after


@pytest.mark.parametrize("command", ["aligners", "completers", "models", "standardisers"])
def test_what_is_of_one_kind_says_none(capsys, command):
    rows = json.loads(run(capsys, command, "--json"))["rows"]
    assert rows
    assert not any("kind" in row for row in rows)
    assert all(row["name"] in run(capsys, command) for row in rows)


@pytest.mark.parametrize("command", ["aligners", "completers", "fusions", "standardisers"])
def test_the_letters_of_a_cost_are_told(capsys, command):
    text, letters = run(capsys, command), " ".join(LETTERS.split())
    assert letters in " ".join(text.split())
    used = {
        word
        for row in json.loads(run(capsys, command, "--json"))["rows"]
        for word in re.findall(r"\b[a-z]\b", row["cost"])
    }
    assert {letter for letter in used - {"a"} if not re.search(rf"\b{letter}\b", LETTERS)} == set()
    assert LETTERS.split()[0] not in run(capsys, "models").splitlines()[-1].split()
