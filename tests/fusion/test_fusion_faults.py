"""A fusion of somebody else that fails, or gives what it must not, is told by its name, with what was given and wanted."""

from typing import ClassVar

import numpy as np
import pytest

from palate.core.config import Config
from palate.core.errors import DataError, PalateError
from palate.core.rng import generator
from palate.fusion.concat import Concat
from palate.fusion.late.borda import Borda
from palate.models import ContentKNN


class Other(Concat):
    """Does one thing as it is told."""

    name = "other"
    wrong: ClassVar[dict] = {}

    def _did(self, what, right):
        return self.wrong.get(what, lambda value: value)(right)

    def _fit(self, given):
        self._did("fit", None)
        super()._fit(given)

    def _place(self, units):
        return self._did("place", super()._place(units))

    def _shares(self, left, right):
        return self._did("shares", super()._shares(left, right))


def fails(error):
    def raising(_):
        raise error

    return raising


@pytest.mark.parametrize(
    ("what", "does", "says"),
    [
        ("place", lambda rows: rows[:, :-1], r"other gave rows of shape \(30, 12\), and it must be \(30, 13\)"),
        ("place", lambda rows: rows[1:], r"other gave rows of shape \(29, 13\), and it must be \(30, 13\)"),
        ("place", lambda rows: rows[:, 0], r"other gave rows of shape \(30,\), and it must be \(30, 13\)"),
        ("place", lambda rows: None, "other failed when placing rows: AttributeError"),
        ("place", fails(ValueError("operands\n could not")), "placing rows: ValueError: operands could not"),
        ("fit", fails(KeyError("title")), "the fusion other failed when fitting: KeyError: 'title'"),
    ],
)
def test_it_is_told_where_it_is_fitted_and_fuses(tiny, monkeypatch, what, does, says):
    monkeypatch.setattr(Other, "wrong", {what: does})
    with pytest.raises(PalateError, match=says) as told:
        ContentKNN(fusion=Other()).fit(tiny)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (lambda shares: {**shares, "title": shares["title"][1:]}, r"shares of 'title' of shape \(2,\), and it must be"),
        (lambda shares: {**shares, "sound": shares["title"]}, "failed when dividing a likeness: KeyError: 'sound'"),
    ],
)
def test_it_is_told_where_it_divides_a_likeness(tiny, monkeypatch, does, says):
    parts, three = tiny.item_parts(None), np.arange(3, dtype=np.int32)
    fusion = Other().fit(parts, tiny, generator(0))
    monkeypatch.setattr(Other, "wrong", {"shares": does})
    with pytest.raises(PalateError, match=says):
        fusion.shares(parts, three, three)


def test_what_is_refused_on_purpose_stays_as_it_is(tiny, monkeypatch):
    for error in (DataError("no likes"), MemoryError("too much")):
        monkeypatch.setattr(Other, "wrong", {"fit": fails(error)})
        with pytest.raises(type(error)) as told:
            ContentKNN(fusion=Other()).fit(tiny)
        assert told.value is error


class Late(Borda):
    """Ranks, wrongly."""

    name = "late-other"
    config_type = type("LateConfig", (Config,), {})

    def terms(self, scores):
        return self.wrong(scores)


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (fails(TypeError("no")), "the fusion late-other failed when joining scores: TypeError: no"),
        (lambda scores: {"b": None, **scores}, "late-other failed when joining scores"),
    ],
)
def test_a_late_fusion_is_told_too(monkeypatch, does, says):
    monkeypatch.setattr(Late, "wrong", staticmethod(does), raising=False)
    with pytest.raises(PalateError, match=says):
        Late().combine({"a": np.zeros((2, 3), np.float32)})


def test_what_a_late_fusion_refuses_on_purpose_stays_as_it_is(monkeypatch):
    for error in (DataError("no weights"), MemoryError("too much")):
        monkeypatch.setattr(Late, "wrong", staticmethod(fails(error)), raising=False)
        with pytest.raises(type(error)) as told:
            Late().combine({"a": np.zeros((2, 3), np.float32)})
        assert told.value is error


def test_amounts_of_another_shape_are_told():
    class Wide(Borda):
        def terms(self, scores):
            return {name: _Twice(term) for name, term in super().terms(scores).items()}

    class _Twice:
        def __init__(self, term):
            self.slope, self.offset = np.stack([term.slope] * 2), np.stack([term.offset] * 2)

    with pytest.raises(PalateError, match=r"borda gave amounts of 'a' of shape \(2, 2, 3\), and it must be \(2, 3\)"):
        Wide().combine({"a": np.zeros((2, 3), np.float32)})
