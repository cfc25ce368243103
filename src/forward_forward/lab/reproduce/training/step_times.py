"""A job -> how long a step of Forward-Forward and one of backprop take, timed in turns.

Runs go side by side on a machine that others use too, so that the seconds of two runs cannot be
compared; those of steps taken in turns can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from forward_forward import recipes
from forward_forward.lab.benchmark.measure import medians
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.backprop import Learner, network_of

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
    learner = Learner(network_of(job, split), LR, job.seed)
    calls: dict[str, Callable[[], object]] = {
        "ff": lambda: _waited(plan.trainer.step(x, y)),
        "backprop": lambda: _waited(learner.step(x, y)),
    }
    return {"step_seconds": medians(calls, budget=job.settings["seconds"])}


def _waited(figures: Mapping[str, Tensor]) -> float:
    """The mean loss, once the device has come to it: a GPU goes on after the call."""
    return float(figures["loss"].mean())
