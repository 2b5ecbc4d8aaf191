"""A training that runs out of memory says what it went into and what to make smaller."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import shop  # noqa: E402
from palate.core.errors import PalateError  # noqa: E402
from palate.models import registry  # noqa: E402
from palate.models._heads import HeadsNetwork  # noqa: E402
from palate.models._hops import HopNetwork  # noqa: E402

pytestmark = pytest.mark.torch


def cuda_is_full():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


@pytest.mark.parametrize(
    ("take", "words"),
    [(lambda: torch.empty(1 << 50), "you tried to allocate 4503599627370496 bytes"),
     (lambda: np.empty(1 << 50), "Unable to allocate 8.00 PiB"),
     (cuda_is_full, "Tried to allocate 2 GiB")],
)  # fmt: skip
def test_what_to_make_smaller_is_told_with_the_figures(monkeypatch, take, words):
    """What is asked for here is more than any machine has: the allocation fails at once."""
    monkeypatch.setattr(HopNetwork, "losses", lambda *_: take())
    with pytest.raises(PalateError, match="lightgcn ran out of memory") as told:
        registry.get("lightgcn")(dim=1000, batch_size=500).fit(shop(800, 200, likes=0.02))
    assert words in str(told.value)
    assert "vectors of 1,000 users and items take about 20 MB in training, the scores of a batch 4 MB" in str(
        told.value
    )
    assert "make one of these smaller: batch_size (500), negatives (1), dim (1,000), layers (2)" in str(told.value)
    assert told.value.exit_code == 1


def test_widths_of_layers_are_told_as_they_were_given(monkeypatch):
    monkeypatch.setattr(HeadsNetwork, "losses", lambda *_: cuda_is_full())
    with pytest.raises(PalateError, match=r"mmdfm ran out of memory .* layers \(\(64, 32\)\)"):
        registry.get("mmdfm")().fit(shop())


def test_other_errors_stay_what_they_are(monkeypatch):
    def breaks(*_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(HopNetwork, "losses", breaks)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        registry.get("lightgcn")().fit(shop())
