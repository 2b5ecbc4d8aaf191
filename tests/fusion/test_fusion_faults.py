"""A fusion of somebody else that fails, or gives what it must not, is told by its name, with what was given and wanted."""

import re
from typing import Any, ClassVar

import numpy as np
import pytest

from palate.core.config import Config
from palate.core.errors import DataError, PalateError
from palate.fusion.concat import Concat
from palate.fusion.late.borda import Borda
from palate.models import ContentKNN


class Other(Concat):
    """Places rows as it is told."""

    name = "other"
    wrong: ClassVar[Any] = None

    def _place(self, units):
        return self.wrong(super()._place(units))


@pytest.mark.parametrize(
    ("does", "shape"),
    [(lambda rows: rows[:, :-1], "(30, 12)"), (lambda rows: rows[1:], "(29, 13)"), (lambda rows: rows[:, 0], "(30,)")],
)
def test_rows_of_another_shape_are_told(tiny, monkeypatch, does, shape):
    monkeypatch.setattr(Other, "wrong", staticmethod(does))
    says = f"the fusion other gave rows of shape {shape}, and it must be (30, 13)"
    with pytest.raises(PalateError, match=re.escape(says)):
        ContentKNN(fusion=Other()).fit(tiny)


def fails(error):
    def raising(_):
        raise error

    return raising


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
