import time

import numpy as np

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


def test_peak_memory_sees_a_large_array():
    with PeakMemory() as memory:
        array = np.ones(20_000_000)
        time.sleep(0.05)
        del array
    assert 100 < memory.peak_mb < 1000
    assert available_mb() > 10
