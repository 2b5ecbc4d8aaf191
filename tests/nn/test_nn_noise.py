"""What is drawn inside a network: by the right chances, and again the same from the same stream."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from palate.nn.noise import dropped, gumbel  # noqa: E402

pytestmark = pytest.mark.torch


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def test_dropped_numbers_are_made_up_for_in_the_others():
    found = dropped(torch.full((200, 100), 3.0), 0.25, stream())
    assert set(found.unique().tolist()) == {0.0, 4.0}
    assert float(found.mean()) == pytest.approx(3, abs=0.05)
    assert torch.equal(found, dropped(torch.full((200, 100), 3.0), 0.25, stream()))
    assert torch.equal(dropped(found, 0.0, stream()), found)


def test_the_largest_with_gumbel_noise_is_drawn_by_its_chance():
    chances = torch.tensor([0.1, 0.6, 0.3])
    rows = chances.log().expand(20_000, 3)
    drawn = (rows + gumbel(rows, stream(1))).argmax(1)
    np.testing.assert_allclose(np.bincount(drawn.numpy(), minlength=3) / 20_000, chances.numpy(), atol=0.015)
    assert torch.equal(gumbel(rows, stream(1)), gumbel(rows, stream(1)))
    assert not torch.equal(gumbel(rows, stream(1)), gumbel(rows, stream(2)))
