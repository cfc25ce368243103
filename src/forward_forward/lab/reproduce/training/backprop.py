"""A job's settings -> the same layers and an output layer, trained by backpropagation."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.loop import OFTEN, Course, error, judged
from forward_forward.optimize import cosine
from forward_forward.recipes.backprop import BackpropTrainer, classifier
from forward_forward.recipes.plan import features


def backprop(job: Job, split: Split) -> Record:
    """Train a plain network end to end, on cross entropy, by Adam.

    A job has ``hidden``, ``batch_size``, ``lr``, ``dropout`` (of the hidden units) and ``often``
    (whether the learning curve has many points).
    """
    return trained(network_of(job, split), job, split)


def network_of(
    job: Job, split: Split, wrap: Callable[[int, nn.Linear], nn.Module] | None = None
) -> nn.Module:
    """The untrained network of a job; ``wrap`` is that of `classifier`."""
    network = classifier(
        features(split.train),
        job.settings["hidden"],
        len(split.train.classes),
        seed=job.seed,
        dropout=job.settings.get("dropout", 0.0),
        wrap=wrap,
    )
    return network.to(split.train.inputs.device)


def trained(network: nn.Module, job: Job, split: Split) -> Record:
    """Train a network that maps samples [batch, ...] to logits [batch, classes]."""
    trainer = BackpropTrainer(network, job.settings["lr"], job.seed)
    course = Course(
        step=trainer.step,
        set_rate=trainer.set_rate,
        judge=lambda: error(trainer.predict, split.watched),
        schedule=cosine,
        points=OFTEN if job.settings.get("often") else (),
    )
    course.follow(job, split, job.settings["batch_size"])
    return {**course.record(), **judged(trainer.predict, job, split)}
