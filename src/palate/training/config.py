"""How to learn: the settings that every network shares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from palate.core.config import Config
from palate.nn.precision import Precision


class TrainingConfig(Config):
    """How long, how fast, when to stop."""

    epochs: PositiveInt = 200
    """Passes over the likes, at most."""
    seconds: PositiveFloat | None = None
    """Stop at the end of the epoch in which so many seconds are over; None looks at no clock."""
    lr: PositiveFloat = 1e-3
    """Step of Adam."""
    reg: NonNegativeFloat = 1e-4
    """Weight of half the squared length of the vectors that a batch reads, per like."""
    batch_size: PositiveInt = 2048
    """Likes of a step."""
    loss: str = "bpr"
    """bpr, sampled-softmax, bce, or alignment."""
    sampler: str = "uniform"
    """What a like is held against: uniform, popularity, in-batch, hard."""
    balance_items: float = Field(0.0, ge=0, le=1)
    """How far popular items are held back where likes are drawn: a like comes by (likes of its item)^-balance_items; 0 draws each once an
    epoch, 1 every item alike."""
    negatives: PositiveInt = 1
    """How many items each like is held against, where the sampler draws them."""
    temperature: PositiveFloat = 0.2
    """Of sampled-softmax."""
    log_q: NonNegativeFloat = 1.0
    """Of sampled-softmax: how much of an item's popularity is made up for."""
    truncate: float = Field(0.0, ge=0, lt=1)
    """Share of a step's likes, those of the largest losses, that the ranking leaves out: likes that no taste explains may be none."""
    truncate_ramp: PositiveInt = 5
    """Epochs over which that share grows evenly from 0: what is plain is learned before what is noise (Wang et al. 2021)."""
    patience: NonNegativeInt = 10
    """Stop after so many judgements without a better one; 0 never stops early."""
    judge_every: PositiveInt = 1
    """Epochs from one judgement by validation to the next."""
    judge_by: Literal["ndcg@20", "recall@20"] = "ndcg@20"
    """What validation judges by; the weights of the best judgement are kept."""
    clip: PositiveFloat | None = None
    """Gradients longer than this are cut to it; None leaves them."""
    precision: Precision = "auto"
    """Of dense products in training: float32, or bfloat16 (torch.autocast); auto is bfloat16 on a GPU."""
