"""A job and its data -> a record: how to train, by the method's name.

The names are part of the keys of all finished runs, so they stay when a function is renamed.
"""

from __future__ import annotations

from collections.abc import Callable

from forward_forward.lab.reproduce.job import Job, Record, Split, split_of
from forward_forward.lab.reproduce.training.analog import analog_backprop, analog_forward_forward
from forward_forward.lab.reproduce.training.asynchronous import asynchronous
from forward_forward.lab.reproduce.training.backprop import backprop
from forward_forward.lab.reproduce.training.feedforward import forward_forward
from forward_forward.lab.reproduce.training.recurrent import recurrent
from forward_forward.lab.reproduce.training.step_times import step_times
from forward_forward.lab.reproduce.training.unsupervised import unsupervised

METHODS: dict[str, Callable[[Job, Split], Record]] = {
    "forward_forward": forward_forward,
    "backprop": backprop,
    "recurrent": recurrent,
    "asynchronous": asynchronous,
    "analog_forward_forward": analog_forward_forward,
    "analog_backprop": analog_backprop,
    "unsupervised": unsupervised,
    "step_times": step_times,
}


def train(job: Job) -> Record:
    """Run a job by its method.

    Raises:
        ValueError: No method has the job's name for it.
    """
    if job.method not in METHODS:
        raise ValueError(f"expected a method among {', '.join(METHODS)}, got {job.method!r}")
    record = METHODS[job.method](job, split_of(job.data, job.images, job.device))
    return {"key": job.key, "job": job.about, **record, "device": job.device}
