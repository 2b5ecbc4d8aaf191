"""Parts that are hidden in training, so that a network learns to do without (modality dropout)."""

from __future__ import annotations

from typing import Any

from palate.nn._torch import Tensor, torch


def hidden(present: Tensor, share: float, noise: Any) -> Tensor:
    """Return which parts are left where each is hidden with that chance; of an item that has any, one stays at least.

    ModDrop of Neverova et al. 2016. The one that stays is drawn too, so that each is hidden as often as the others.

    Shapes:
        present: bool[n, m], the parts of n items -> bool[n, m].
    """
    if not share:
        return present
    luck = torch.rand(present.shape, generator=noise, device=present.device).masked_fill(~present, -1)
    best = luck == luck.amax(1, keepdim=True)
    return present & ((luck >= share) | best)
