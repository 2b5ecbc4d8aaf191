import re
import time

import numpy as np
import pytest

import palate.core.progress as room
from palate.core.memory import PeakMemory, available_mb
from palate.core.progress import progress, track


def test_nothing_is_drawn_where_there_is_no_terminal(capsys):
    assert list(track(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_on_standard_error_when_forced(capsys, monkeypatch):
    monkeypatch.setenv("PALATE_PROGRESS", "on")
    monkeypatch.setattr(room, "_BRIEF", 0.0)
    with progress("weighing", 2, "items") as advance:
        advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "weighing" in err


def test_a_bar_that_took_no_time_leaves_no_words_behind(capsys, monkeypatch):
    monkeypatch.setenv("PALATE_PROGRESS", "on")
    with progress("blinking", 1) as advance:
        advance(1)
    assert "blinking" not in capsys.readouterr().err


def test_bars_may_stand_in_one_another(capsys, monkeypatch):
    monkeypatch.setenv("PALATE_PROGRESS", "on")
    monkeypatch.setattr(room, "_BRIEF", 0.0)
    with progress("outer", 1) as outer:
        assert list(track([1], "inner")) == [1]
        outer(1)
    err = capsys.readouterr().err
    assert "outer" in err
    assert "inner" not in err
    with progress("next", 1) as advance:
        advance(1)
    assert "next" in capsys.readouterr().err


def test_the_pace_is_told_also_where_a_step_takes_long():
    assert room._pace(1240.4, "items", 50_000) == "1,240 items/s, 0:00:41 left"
    assert room._pace(2.345, "items", 10) == "2.3 items/s, 0:00:05 left"
    assert room._pace(0.0213, "items", 700) == "0.021 items/s, 9:07:44 left"
    assert room._pace(3.0, "", 3) == "0:00:01 left"
    assert room._pace(3.0, "items", None) == "3.0 items/s"
    assert room._pace(0.0, "items", 3) == ""


@pytest.mark.parametrize("columns", [80, 120])
def test_items_a_second_and_time_left_fit_on_one_line(capsys, monkeypatch, columns):
    monkeypatch.setenv("PALATE_PROGRESS", "on")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(room, "_BRIEF", 0.0)
    with progress("encoding trailer.sound", 50_000, "items") as advance:
        time.sleep(0.02)
        advance(1)  # the first step already tells the pace
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1
    line = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", lines[0]).strip()
    assert re.search(r"encoding trailer\.sound .* +1/50000 +\d+ items/s, \d:\d\d:\d\d left", line), line
    assert line.endswith("left" if columns == 80 else "0:00:00")
    assert len(line) <= columns


def test_peak_memory_sees_a_large_array():
    with PeakMemory() as memory:
        array = np.ones(20_000_000)
        time.sleep(0.05)
        del array
    assert 100 < memory.peak_mb < 1000
    assert available_mb() > 10
