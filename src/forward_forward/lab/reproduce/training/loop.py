"""A training step and data -> a learning curve: the loop of all methods of training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from forward_forward import seeds
from forward_forward.data import Data
from forward_forward.forward import Network
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.optimize.schedules import Schedule
from forward_forward.recurrent import RecurrentNetwork

# Epochs after which a curve has a point: more of them at first, when a network learns fastest.
OFTEN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, *map(float, range(2, 1000)))
SELDOM = tuple(map(float, range(1, 1000)))
CHECK_EVERY = 50  # steps between two checks that the loss is finite


@dataclass
class Course:
    """One training: how to step and when to evaluate, then its learning curve."""

    step: Callable[[Tensor, Tensor], Mapping[str, Tensor]]  # x, y -> figures, including "loss"
    set_rate: Callable[[float], None]  # multiplies the learning rates by a factor
    schedule: Schedule  # the factor over the epochs
    judge: Callable[[], float] = lambda: math.nan  # errors in percent, on `Split.watched`
    points: tuple[float, ...] = ()  # epochs after which it is evaluated
    enough: float | None = None  # training stops when an evaluation finds at most this error
    epochs: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    seconds: float = 0.0
    diverged: bool = False

    def follow(self, job: Job, split: Split, batch_size: int) -> None:
        """Train for the job's epochs, the last one in part if their number is not whole.

        The order of the samples is drawn from the job's seed, and is the same for all methods.
        Evaluation is not counted in ``seconds``.
        """
        in_epoch = math.ceil(len(split.train) / batch_size)
        steps = max(1, round(job.epochs * in_epoch))
        judged = {max(1, round(point * in_epoch)) for point in self.points}
        done, mark = 0, time.perf_counter()
        while done < steps:
            order = seeds.generator(job.seed, "order", done // in_epoch)
            for x, y, _ in split.train.batches(batch_size, shuffle=order):
                self.set_rate(self.schedule(done / in_epoch, steps / in_epoch))
                figures = self.step(x, y)
                done += 1
                last = done == steps
                if not (last or done in judged or done % CHECK_EVERY == 0):
                    continue
                self.diverged = not bool(figures["loss"].isfinite().all())  # waits for the device
                self.seconds, mark = self.seconds + time.perf_counter() - mark, time.perf_counter()
                if last or self.diverged:
                    return
                if done in judged:
                    self.epochs.append(round(done / in_epoch, 4))
                    self.errors.append(round(self.judge(), 4))
                    if self.enough is not None and self.errors[-1] <= self.enough:
                        return
                    mark = time.perf_counter()

    def record(self) -> Record:
        """The curve, and the duration of training; `judged` adds the final error."""
        return {
            "seconds": round(self.seconds, 3),
            "diverged": self.diverged,
            "curve": {"epochs": self.epochs, "errors": self.errors},
        }


def misses(predict: Callable[[Tensor], Tensor], data: Data, rows: int = 2_000) -> Tensor:
    """Which samples are misclassified [n], on the CPU, by a prediction of some rows at a time."""
    return torch.cat([(predict(x).cpu() != y.cpu()) for x, y, _ in data.batches(rows)])


def error(predict: Callable[[Tensor], Tensor], data: Data) -> float:
    """Errors in percent."""
    return 100 * float(misses(predict, data).double().mean())


def finished(
    course: Course,
    network: Network | RecurrentNetwork,
    job: Job,
    split: Split,
    began: Record | None = None,
) -> Record:
    """Train a network and evaluate it: the run's record; ``began`` is `start`'s description."""
    network.train()
    course.follow(job, split, job.settings["batch_size"])
    network.eval()
    record = {**course.record(), **judged(network.predict, job, split)}
    return record if began is None else {**record, "start": began}


def judged(predict: Callable[[Tensor], Tensor], job: Job, split: Split) -> Record:
    """The final evaluation: the validation error, and for a final run the test error, once."""
    record: Record = {"validation_error": round(error(predict, split.validation), 4)}
    if job.final:
        wrong = misses(predict, split.test)
        record["test_error"] = round(100 * float(wrong.double().mean()), 4)
        record["test_wrong"] = wrong.nonzero()[:, 0].tolist()
        record["test_images"] = len(wrong)
    return record
