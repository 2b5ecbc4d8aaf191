"""Vectors of users and items, smoothed over the graph of likes."""

from __future__ import annotations

import numpy as np

from palate.data.dataset import Dataset
from palate.models._hops import HopConfig, HopModel, HopNetwork


class LightGCNConfig(HopConfig):
    """How deep, beside how every network learns."""


class LightGCN(HopModel[LightGCNConfig]):
    """Score items by vectors that are averaged with those of their neighbours among the likes, hop by hop.

    e^(l+1)_u = sum over i of e^(l)_i / sqrt(|N_u| |N_i|), and so for items; e = mean over l of e^(l) (He et al. 2020,
    equations 3, 4 and 8). What is learned is e^(0) alone, by BPR in the paper. The same vectors held against the batch, as
    cosines and with popularity taken off, rank far better: loss=sampled-softmax, sampler=in-batch, cosine=true, reg=0.

    Missing data:
        NaN for items that nobody liked in training, and for people of whom nothing is known.
    """

    name = "lightgcn"
    config_type = LightGCNConfig

    def _network(self, train: Dataset, rng: np.random.Generator) -> HopNetwork:
        return HopNetwork(self.config, train, rng)
