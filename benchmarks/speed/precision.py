"""Whether bfloat16, or torch.compile, makes a training step of lightgcn and umami cheaper on one core of a processor.

    python benchmarks/speed/precision.py [--steps 25] [--compile]

The same steps are taken in turn with float32 and with the other; printed are the middle of the ratios of processor time, and
with --compile what the first step costs, which is when torch compiles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from palate.core.rng import generator
from palate.models import registry
from palate.nn.precision import mixed
from palate.training.batches import Batches
from palate.training.samplers import registry as samplers
from training import generated, tiktok


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    train = tiktok() or generated()
    for name in ("lightgcn", "umami"):
        config = registry.get(name)().config
        network: Any = registry.get(name)()._network(train, generator(0, name))
        optimizer = torch.optim.Adam(network.weights.parameters(), lr=config.lr, fused=True)
        noise = torch.Generator().manual_seed(0)
        losses = torch.compile(network.losses, dynamic=True) if asked.compile else network.losses
        rivals: dict[str, Callable[[Any], Any]] = {
            "float32": lambda batch: network.losses(batch, noise),  # noqa: B023
            "compiled" if asked.compile else "bfloat16": lambda batch: losses(batch, noise),  # noqa: B023
        }
        spent: dict[str, list[float]] = {rival: [] for rival in rivals}
        for number, batch in enumerate(Batches(train.liked, samplers.get(config.sampler)(), 2048).epoch(generator(0))):
            if number == asked.steps:
                break
            for rival, made in rivals.items():
                start = time.process_time()
                optimizer.zero_grad(set_to_none=True)
                with mixed("bfloat16" if rival == "bfloat16" else "float32", "cpu"):
                    total = sum(made(batch).values())
                total.backward()
                optimizer.step()
                spent[rival].append(time.process_time() - start)
        (_, one), (rival, other) = spent.items()
        ratio = median(mine / theirs for mine, theirs in zip(other[3:], one[3:], strict=True))
        first = f", its first step {other[0]:.1f} s" if asked.compile else ""
        print(f"{name}: float32 {1e3 * median(one[3:]):.1f} ms a step, {rival} {ratio:.2f} times that{first}")


if __name__ == "__main__":
    main()
