"""A job's settings -> the record of a trained recurrent network."""

from __future__ import annotations

from torch import Tensor

from forward_forward.examples import AppendLabel, OverlayLabel
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.parts import with_parts
from forward_forward.lab.reproduce.training.loop import Course, finished
from forward_forward.lab.reproduce.training.start import calibration_images, described
from forward_forward.optimize import cosine
from forward_forward.recipes.plan import features
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer

_OF_TRAINING = ("lr", "batch_size", "hidden", "learned")


def recurrent(job: Job, split: Split) -> Record:
    """Train a recurrent network by the poster's loss and goodness, with Adam.

    A job has settings of `RecurrentNetwork`, including ``label``, and ``learned`` of
    `RecurrentTrainer`.
    """
    network = network_of(job, split).to(split.train.inputs.device)
    trainer = RecurrentTrainer(
        network,
        lr=job.settings["lr"],
        weight_decay=0.0,
        learned=job.settings["learned"],
        seed=job.seed,
    )
    x, y = calibration_images(split, job)
    network.calibrate(x, y)
    began = _start(network, x, y)
    course = Course(step=trainer.step, set_rate=trainer.set_rate, schedule=cosine)
    return finished(course, network, job, split, began)


def _start(network: RecurrentNetwork, x: Tensor, y: Tensor) -> Record:
    """Thresholds, goodness and slopes before the first step, over the iterations that predict."""
    goodness = network.goodness_by_layer(x)
    y = y.to(goodness.device)
    positive = goodness.gather(2, y.expand(len(goodness), -1)[:, :, None])[:, :, 0]
    wrong = (y + 1) % goodness.shape[2]
    negative = goodness.gather(2, wrong.expand(len(goodness), -1)[:, :, None])[:, :, 0]
    return described(network.layers, list(positive), [each[None] for each in negative])


def network_of(job: Job, split: Split) -> RecurrentNetwork:
    """The untrained network of a job."""
    settings = job.settings
    classes = len(split.train.classes)
    over = OverlayLabel if settings["label"] == "image" else AppendLabel
    return RecurrentNetwork(
        features(split.train),
        *settings["hidden"],
        num_classes=classes,
        examples=over(classes),
        seed=job.seed,
        **with_parts(settings, _OF_TRAINING),
    )
