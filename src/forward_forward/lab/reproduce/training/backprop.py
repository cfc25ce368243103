"""A job's settings -> the same layers and an output layer, trained by backpropagation."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.feedforward import course_of
from forward_forward.lab.reproduce.training.loop import finished
from forward_forward.recipes.backprop import backprop_trainer, classifier
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


def trained(model: nn.Module, job: Job, split: Split) -> Record:
    """Train a model that maps samples [batch, ...] to logits [batch, classes]."""
    classes = len(split.train.classes)
    trainer = backprop_trainer(model, classes, lr=job.settings["lr"], seed=job.seed)
    return finished(course_of(job, split, trainer), trainer.network, job, split)
