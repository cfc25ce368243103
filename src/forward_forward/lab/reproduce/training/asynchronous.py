"""A job's settings -> layers that learn out of step, each from older copies of those below.

Every layer is a site with its own trainer and its own copies of the layers below, which become
outdated until it updates them. With no delay this is the joint training of all layers.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from forward_forward import seeds
from forward_forward.forward import Network
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.feedforward import calibrate, plan_of
from forward_forward.lab.reproduce.training.loop import Course, finished
from forward_forward.lab.reproduce.training.start import start
from forward_forward.optimize import Trainer

_OF_THE_SITES = ("delay", "every", "frozen")


def asynchronous(job: Job, split: Split) -> Record:
    """Train a variation of the poster's method with layers out of step.

    Besides the settings of `forward_forward` a job has ``delay`` (mean delay in steps until a layer
    updates its copies of those below; each one is drawn uniformly from 0 to twice this), ``every``
    (for each layer n: it learns from every n-th batch; for example (1, 4)) and ``frozen`` (a layer,
    and the fractions of the training between which it does not learn; for example (0, 0.25, 0.5)).
    """
    plan = plan_of(job, split, _OF_THE_SITES)
    began = start(plan.trainer.network, *calibrate(plan.trainer, split, job), job.seed)
    sites = Sites(
        plan.trainer,
        delay=job.settings.get("delay", 0),
        every=job.settings.get("every") or (1,) * len(plan.trainer.network.layers),
        frozen=job.settings.get("frozen"),
        steps=max(1, round(job.epochs * -(-len(split.train) // plan.batch_size))),
    )
    course = Course(sites.step, sites.set_rate, plan.trainer.schedule)
    return finished(course, sites.network, job, split, began)


class Sites:
    """A network whose layers are trained separately; see `asynchronous` for the arguments.

    ``whole`` is the trainer of the calibrated network; its settings are those of all sites.
    """

    def __init__(
        self,
        whole: Trainer,
        *,
        delay: int = 0,
        every: Sequence[int],
        frozen: tuple[int, float, float] | None = None,
        steps: int,
    ) -> None:
        self.delay, self.every, self.frozen, self.steps = delay, tuple(every), frozen, steps
        self.trainers = [_site(whole, index) for index in range(len(whole.network.layers))]
        own_layers = [trainer.network.layers[-1] for trainer in self.trainers]
        self.network = Network(*own_layers, examples=whole.network.examples)
        self.done = 0
        self.rng = seeds.generator(whole.seed, "delays")
        self.next_update = [0] * len(self.trainers)

    def set_rate(self, factor: float) -> None:
        for trainer in self.trainers:
            trainer.set_rate(factor)

    def step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Take one step on a batch with every layer that learns now."""
        for index in range(1, len(self.trainers)):
            if self.done >= self.next_update[index]:
                self._update_copies(index)
        losses = []
        for index, trainer in enumerate(self.trainers):
            trainer.steps = self.done  # so that all draw the same negatives for a batch
            if self._learns(index):
                losses.append(trainer.step(x, y)["loss"])
        self.done += 1
        return {"loss": torch.cat(losses) if losses else torch.zeros(1)}

    def _update_copies(self, index: int) -> None:
        copies = self.trainers[index].network.layers[:index]
        for copied, layer in zip(copies, self.network.layers, strict=False):
            copied.load_state_dict(layer.state_dict())
        wait = 1
        if self.delay:
            wait += int(torch.randint(0, 2 * self.delay + 1, (1,), generator=self.rng))
        self.next_update[index] = self.done + wait

    def _learns(self, index: int) -> bool:
        layer, first, last = self.frozen or (None, 0, 0)
        frozen = layer == index and first <= self.done / self.steps < last
        return self.done % self.every[index] == 0 and not frozen


def _site(whole: Trainer, index: int) -> Trainer:
    """A trainer of one layer, with copies of the layers below."""
    layers = copy.deepcopy(list(whole.network.layers[: index + 1]))
    network = Network(*layers, examples=whole.network.examples)
    network.train()
    trainer = Trainer(
        network,
        optimizer=torch.optim.Adam,
        lr=float(str(whole.settings["lr"])),
        weight_decay=0.0,
        seed=whole.seed,
    )
    trainer.train_layers(index, index)
    return trainer
