"""A job's settings -> the record of a network trained by a variation of the poster's method."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from forward_forward import recipes
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.parts import with_parts
from forward_forward.lab.reproduce.training.loop import OFTEN, SELDOM, Course, error, finished
from forward_forward.lab.reproduce.training.probes import probed
from forward_forward.lab.reproduce.training.start import calibration_images, set_temperatures, start
from forward_forward.optimize import Trainer
from forward_forward.recipes import Plan

# Settings of the training loop, not of the recipe.
_OF_THE_LOOP = ("often", "enough", "probes", "temperature_factor")


def forward_forward(job: Job, split: Split) -> Record:
    """Train a variation of the poster's method.

    Besides the settings of ``recipes.poster.variation`` a job has ``often`` (whether the learning
    curve has many points), ``enough`` (an error at which to stop), ``probes`` (names for `probed`)
    and ``temperature_factor`` (see `set_temperatures`).
    """
    trainer = plan_of(job, split).trainer
    network = trainer.network
    x, y = calibrate(trainer, split, job)
    began = start(network, x, y, job.seed)
    probes = job.settings.get("probes", ())
    before = probed(probes, network, split, job.seed, "before")
    record = finished(course_of(job, split, trainer), network, job, split, began)
    if probes:
        record["probes"] = before | probed(probes, network, split, job.seed, "after")
    return record


def plan_of(job: Job, split: Split, without: Collection[str] = ()) -> Plan:
    """The untrained network of a job and its trainer; ``without`` are settings of neither."""
    return recipes.poster.variation(
        split.train,
        seed=job.seed,
        precision="float32",
        device=split.train.inputs.device,
        **with_parts(job.settings, {*_OF_THE_LOOP, *without}),
    )


def calibrate(trainer: Trainer, split: Split, job: Job) -> tuple[Tensor, Tensor]:
    """Set thresholds, and temperatures if the job scales them, from training samples."""
    x, y = calibration_images(split, job)
    trainer.network.calibrate(x, y)
    factor = job.settings.get("temperature_factor")
    if factor is not None:
        set_temperatures(trainer.network, x, y, factor)
    return x, y


def course_of(job: Job, split: Split, trainer: Trainer) -> Course:
    """The loop's settings for a trainer."""
    return Course(
        step=trainer.step,
        set_rate=trainer.set_rate,
        judge=lambda: error(trainer.network.predict, split.watched),
        schedule=trainer.schedule,
        points=OFTEN if job.settings.get("often") else SELDOM if job.settings.get("enough") else (),
        enough=job.settings.get("enough"),
    )
