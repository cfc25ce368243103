"""A job's settings -> the errors of a linear read-out of features learned without labels."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from forward_forward import goodness, losses, seeds
from forward_forward.examples import HybridImages
from forward_forward.forward import Layer, Network, mlp
from forward_forward.forward.normalize import MeanSquareOne
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.feedforward import calibrate
from forward_forward.lab.reproduce.training.loop import Course, judged
from forward_forward.lab.reproduce.training.start import start
from forward_forward.optimize import Trainer, cosine
from forward_forward.predict import embeddings
from forward_forward.recipes.backprop import backprop_trainer
from forward_forward.recipes.plan import features

Features = Literal["learned", "random", "pixels"]
READOUT_EPOCHS = 10


def unsupervised(job: Job, split: Split) -> Record:
    """Train layers on hybrid negatives, without labels, then a linear read-out on their activities.

    A job has ``features``: "learned", "random" (of untrained layers) or "pixels"; ``readout_lr``;
    and, if features are learned, ``lr`` and ``threshold_factor``.
    """
    settings = job.settings
    record: Record = {"seconds": 0.0, "diverged": False}
    record["curve"] = {"epochs": [], "errors": []}
    kind: Features = settings["features"]
    read: Callable[[Tensor], Tensor] = _pixels
    if kind != "pixels":
        network = _network(job, split)
        read = functools.partial(_activities, network)
        if kind == "learned":
            record |= _learned(network, job, split)
    readout = _readout(read, job, split)
    return {**record, **judged(lambda x: readout.predict(read(x)), job, split)}


def _network(job: Job, split: Split) -> Network:
    layer = functools.partial(
        Layer,
        goodness=goodness.l2_norm,
        loss=losses.sigmoid,
        threshold="calibrated",
        threshold_factor=job.settings.get("threshold_factor", 1.0),
    )
    classes = len(split.train.classes)
    return mlp(
        features(split.train),
        *job.settings["hidden"],
        num_classes=classes,
        seed=job.seed,
        examples=HybridImages(classes),
        layer=layer,
        head=True,  # required if the input has no labels; its weights stay 0
    ).to(split.train.inputs.device)


def _learned(network: Network, job: Job, split: Split) -> Record:
    trainer = Trainer(
        network,
        optimizer=torch.optim.Adam,
        lr=job.settings["lr"],
        weight_decay=0.0,
        schedule=cosine,
        seed=job.seed,
    )
    x, y = calibrate(trainer, split, job)
    began = start(network, x, y, job.seed)
    network.train()
    course = Course(
        step=lambda x, y: trainer.step(x, None),
        set_rate=trainer.set_rate,
        schedule=trainer.schedule,
    )
    course.follow(job, split, job.settings["batch_size"])
    network.eval()
    return {"seconds": round(course.seconds, 3), "diverged": course.diverged, "start": began}


def _pixels(x: Tensor) -> Tensor:
    return MeanSquareOne()(x.flatten(1))


@torch.no_grad()
def _activities(network: Network, x: Tensor) -> Tensor:
    """All layers' activities, each at mean square 1 [batch, units of all layers]."""
    rows = [MeanSquareOne()(h.flatten(1)) for h in embeddings(network, x)]
    return torch.cat(rows, 1)


def _readout(read: Callable[[Tensor], Tensor], job: Job, split: Split) -> Network:
    """A linear softmax, trained on the features of the training images with their labels."""
    rows = torch.cat([read(x) for x, _, _ in split.train.batches(2_000)])
    labels = split.train.labels
    readout: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, rows.shape[1], len(split.train.classes), device=rows.device
    )
    nn.init.zeros_(readout.weight)
    nn.init.zeros_(readout.bias)
    lr = job.settings.get("readout_lr", job.settings["lr"])
    trainer = backprop_trainer(readout, readout.out_features, lr=lr, seed=job.seed)
    batch = job.settings["batch_size"]
    steps = math.ceil(len(rows) / batch)
    for epoch in range(READOUT_EPOCHS):
        order = torch.randperm(len(rows), generator=seeds.generator(job.seed, "readout", epoch))
        for step, chosen in enumerate(torch.split(order.to(rows.device), batch)):
            trainer.set_rate(trainer.schedule(epoch + step / steps, READOUT_EPOCHS))
            trainer.step(rows[chosen], labels[chosen])
    return trainer.network
