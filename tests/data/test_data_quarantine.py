import multiprocessing

from palate.data import quarantine
from palate.data.quarantine import Rejected


def test_rows_of_a_step_replace_those_of_the_same_step(tmp_path):
    quarantine.append(
        tmp_path, "import", [Rejected("events.csv", 1, "u", "first", "v"), Rejected("x", None, None, "other", None)]
    )
    quarantine.append(tmp_path, "encode:poster", [Rejected("poster", None, "i", "broken", None)])
    quarantine.append(tmp_path, "import", [Rejected("events.csv", 2, "w", "second", None)])
    rows = quarantine.read(tmp_path)
    assert rows.columns == ["step", "place", "row", "id", "reason", "value"]
    assert sorted(rows["reason"]) == ["broken", "second"]
    quarantine.append(tmp_path, "import", [])
    assert quarantine.read(tmp_path)["step"].to_list() == ["encode:poster"]


def test_nothing_set_aside_writes_nothing(tmp_path):
    quarantine.append(tmp_path, "import", [])
    assert list(tmp_path.iterdir()) == []
    assert quarantine.read(tmp_path).is_empty()


def test_reasons_are_counted_most_first(tmp_path):
    rows = [Rejected("a", None, None, reason, None) for reason in ("x", "y", "y")]
    assert quarantine.reasons(quarantine.frame_of(rows)) == {"y": 2, "x": 1}


def _set_aside(place, step):
    for number in range(15):
        quarantine.append(place, step, [Rejected("x", number, None, "broken", None)])


def test_two_at_once_lose_nothing(tmp_path):
    workers = [multiprocessing.get_context("spawn").Process(target=_set_aside, args=(tmp_path, s)) for s in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(quarantine.read(tmp_path)["step"]) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == [quarantine.FILE]
