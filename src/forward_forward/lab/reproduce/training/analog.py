"""A job's settings -> a network on hardware that differs from what the learning rule assumes.

A signal has the value that the hardware produces, and the slope that an ideal one would have: the
learning rule, Forward-Forward's or backprop's, does not know of the difference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from forward_forward import seeds
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.backprop import network_of, trained
from forward_forward.lab.reproduce.training.feedforward import calibrate, course_of, plan_of
from forward_forward.lab.reproduce.training.loop import finished
from forward_forward.lab.reproduce.training.start import start
from forward_forward.optimize import Trainer

Imperfection = Literal["inside", "between", "noise", "4 bits", "black box"]
IMPERFECTIONS = get_args(Imperfection)

SPREAD = 0.5  # standard deviation of the logarithms of unknown gains
OFFSET = 0.3  # that of unknown offsets, relative to the signal's root mean square
NOISE = 0.3  # that of additive noise, relative to the same
LEVELS = 15  # steps of four bits


def with_ideal_slope(ideal: Tensor, actual: Tensor) -> Tensor:
    """The actual signal with the slope of the ideal one.

    >>> x = torch.tensor([2.0], requires_grad=True)
    >>> with_ideal_slope(3 * x, 3 * x + 1).backward()
    >>> x.grad
    tensor([3.])
    """
    return ideal + (actual - ideal).detach()


def rounded(values: Tensor) -> Tensor:
    """Values rounded to four bits and a sign, each row [rows, n] on its own scale.

    >>> rounded(torch.tensor([[0.0, 0.5, 1.0]]))
    tensor([[0.0000, 0.5333, 1.0000]])
    """
    largest = values.abs().amax(1, keepdim=True).clamp_min(1e-12)
    return (values / largest * LEVELS).round() / LEVELS * largest


class Hardware(nn.Module):
    """A linear layer [batch, inputs] -> [batch, units] as imperfect hardware computes it.

    ``inside``: every unit has an unknown gain and offset. ``between``: every input has. ``noise``:
    new noise is added to the inputs and totals in every pass. ``4 bits``: inputs and weights are
    rounded. ``black box``: the inputs pass through a fixed random mixture and a step function,
    which has no derivative. The inputs of the layer with index 0 are the data: not changed.
    """

    gain: Tensor
    offset: Tensor
    mixture: Tensor | None

    def __init__(self, linear: nn.Linear, kind: Imperfection, seed: int, index: int) -> None:
        super().__init__()
        self.linear, self.kind, self.index, self.seed = linear, kind, index, seed
        self.calls = 0
        draw = functools.partial(torch.randn, generator=seeds.generator(seed, "hardware", index))
        count = linear.out_features if kind == "inside" else linear.in_features
        self.register_buffer("gain", (SPREAD * draw(count)).exp())
        self.register_buffer("offset", OFFSET * draw(count))
        mixture = draw(linear.in_features, linear.in_features) if kind == "black box" else None
        self.register_buffer("mixture", mixture)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.index > 0:
            x = with_ideal_slope(x, self._received(x.detach()))
        weight, bias = self.linear.weight, self.linear.bias
        if self.kind == "4 bits":
            weight = with_ideal_slope(weight, rounded(weight.detach()))
        total = nn.functional.linear(x, weight, bias)
        if self.kind == "inside":
            actual = total.detach() * self.gain + self.offset * _scale(total.detach())
            return with_ideal_slope(total, actual)
        if self.kind == "noise":
            return with_ideal_slope(total, self._noisy(total.detach(), 1))
        return total

    def _received(self, x: Tensor) -> Tensor:
        """The inputs as they arrive [batch, inputs]."""
        if self.kind == "between":
            return x * self.gain + self.offset * _scale(x)
        if self.kind == "noise":
            return self._noisy(x, 0)
        if self.kind == "4 bits":
            return rounded(x)
        if self.mixture is not None:
            return (x @ self.mixture > 0).to(x.dtype)
        return x

    def _noisy(self, values: Tensor, place: int) -> Tensor:
        where = ("noise", self.index, self.calls, place)
        rng = seeds.generator(self.seed, *where, device=values.device)
        noise = torch.randn(values.shape, generator=rng, device=values.device, dtype=values.dtype)
        return values + NOISE * _scale(values) * noise


def _scale(values: Tensor) -> Tensor:
    """Root mean square of each row [rows, 1]."""
    return values.square().mean(1, keepdim=True).sqrt()


def analog_forward_forward(job: Job, split: Split) -> Record:
    """The poster's method on imperfect hardware; a job also has an ``imperfection``."""
    ideal = plan_of(job, split, ["imperfection"])
    network, hardware = ideal.trainer.network, _hardware(job)
    for index, layer in enumerate(network.layers):
        layer.block = hardware(index, layer.block)  # type: ignore[arg-type]
    trainer = Trainer(
        network.to(split.train.inputs.device),
        optimizer=torch.optim.Adam,
        lr=job.settings["lr"],
        weight_decay=0.0,
        schedule=ideal.trainer.schedule,
        seed=job.seed,
    )
    x, y = calibrate(trainer, split, job)
    began = start(network, x, y, job.seed)
    return finished(course_of(job, split, trainer), network, job, split, began)


def analog_backprop(job: Job, split: Split) -> Record:
    """Backprop on the same hardware, including the output layer; its backward pass is ideal."""
    return trained(network_of(job, split, _hardware(job)), job, split)


def _hardware(job: Job) -> Callable[[int, nn.Linear], nn.Module]:
    kind = job.settings["imperfection"]
    if kind not in IMPERFECTIONS:
        raise ValueError(f"expected an imperfection among {IMPERFECTIONS}, got {kind!r}")
    return lambda index, linear: Hardware(linear, kind, job.seed, index)
