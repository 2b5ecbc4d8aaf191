"""What every way to fine-tune an encoder can be told."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from palate.training.config import TrainingConfig


class TunerConfig(TrainingConfig):
    """How much may change, and by what it is learned, beside how every network learns."""

    hidden: PositiveInt = 64
    """Numbers of the bottleneck."""
    history: PositiveInt = 4
    """How many of the other likes of a person stand for them, drawn anew for each like."""
    neighbours: PositiveInt = 20
    """How many nearest items speak for an item where validation judges, as in `content-knn`."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Share of the numbers of a vector that are dropped each time it teaches."""
    epochs: PositiveInt = 30
    """Passes over the likes, at most."""
    lr: PositiveFloat = 1e-4
    """Step of Adam."""
    reg: NonNegativeFloat = 0.0
    """Weight of the mean square of what is added to vectors, in units of how far these are from their mean."""
    batch_size: PositiveInt = 256
    """Likes of a step."""
    loss: str = "sampled-softmax"
    """sampled-softmax, bpr, bce, or alignment."""
    sampler: str = "in-batch"
    """What a like is held against: in-batch, uniform, popularity, hard."""
    temperature: PositiveFloat = 0.1
    """Of sampled-softmax."""
