"""A job -> the seconds of a Forward-Forward step and of a backprop step, timed in alternation.

Runs are made side by side, possibly beside other work on the machine, so the seconds of two runs
cannot be compared; those of alternating steps can.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from forward_forward import recipes
from forward_forward.lab.benchmark.measure import medians
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.backprop import network_of

LR = 1e-3


def step_times(job: Job, split: Split) -> Record:
    """Time steps of the poster's method and of backprop on the same batch, with one thread.

    A job has ``hidden``, ``batch_size`` and ``seconds``, the time for both. The record has
    ``step_seconds`` by "ff" and "backprop".
    """
    hidden, batch = job.settings["hidden"], job.settings["batch_size"]
    x, y, _ = next(split.train.batches(batch))
    device = split.train.inputs.device
    plan = recipes.poster.variation(
        split.train, hidden=hidden, batch_size=batch, lr=LR, precision="float32", device=device
    )
    plan.trainer.network.train()
    model = network_of(job, split).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)

    def backprop() -> None:  # as torch's users write it: a `Trainer` would also count figures
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    calls = {"ff": lambda: plan.trainer.step(x, y), "backprop": backprop}
    return {"step_seconds": medians(calls, budget=job.settings["seconds"])}
