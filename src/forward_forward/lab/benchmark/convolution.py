"""Images [batch, channels, height, width] -> a converted CNN's time relative to the plain one's."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward.conversion import convert
from forward_forward.forward import Layer, Network
from forward_forward.lab.benchmark.arms import CLASSES, LR, adamw
from forward_forward.lab.benchmark.measure import medians
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Trainer
from forward_forward.readouts import LinearReadout

WIDTHS = (32, 32, 64)


def cnn(shape: tuple[int, ...]) -> nn.Sequential:
    """Three convolutions with batch norms, and two linear layers; samples are of this shape."""
    channels, height, width = shape
    first, second, third = WIDTHS
    flat = third * (height // 4) * (width // 4)
    return nn.Sequential(
        *(nn.Conv2d(channels, first, 3, padding=1), nn.BatchNorm2d(first), nn.ReLU()),
        *(nn.Conv2d(first, second, 3, padding=1), nn.BatchNorm2d(second), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Conv2d(second, third, 3, padding=1), nn.BatchNorm2d(third)),
        *(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(flat, 128), nn.ReLU(), nn.Linear(128, CLASSES)),
    )


def one_pass_layer() -> functools.partial[Layer]:
    """Makes the layers of a converted model: one classifier each, and no norm of their own."""
    return functools.partial(
        Layer, goodness=LinearReadout(CLASSES, grid=4), loss=CrossEntropy(), normalize=None
    )


def convolution_figures(x: Tensor, y: Tensor, budget: float) -> dict[str, float]:
    """Time of a step and of inference by `convert`'s layers, in one pass and in two.

    Args:
        x: Images [batch, channels, height, width].
        y: Labels [batch].
        budget: Seconds of measuring.

    Returns:
        ``one_pass_step_vs_backprop`` and ``one_pass_inference_vs_plain``, and the same of
        ``two_pass``.
    """
    shape = tuple(x.shape[1:])
    plain = _drawn(shape)
    optimizer = adamw(plain.parameters())

    def backprop() -> None:
        plain.train()
        optimizer.zero_grad()
        functional.cross_entropy(plain(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    @torch.no_grad()
    def inference() -> None:
        plain.eval()(x).argmax(1)

    calls = {"backprop": backprop, "plain": inference}
    for name, layer in (("one_pass", one_pass_layer()), ("two_pass", Layer)):
        network = convert(plain, num_classes=CLASSES, input_shape=shape, layer=layer).network
        trainer = Trainer(network, lr=LR, weight_decay=0.0)
        calls[f"{name}_step"] = functools.partial(_step, trainer, x, y)
        calls[f"{name}_inference"] = functools.partial(_predict, network, x)
    seconds = medians(calls, budget=budget, least=3, block=1)
    return {
        f"{name}_{what}_vs_{other}": seconds[f"{name}_{what}"] / seconds[other]
        for name in ("one_pass", "two_pass")
        for what, other in (("step", "backprop"), ("inference", "plain"))
    }


def _drawn(shape: tuple[int, ...]) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cnn(shape)


def _step(trainer: Trainer, x: Tensor, y: Tensor) -> None:
    trainer.network.train()
    trainer.step(x, y)


def _predict(network: Network, x: Tensor) -> None:
    network.eval().predict(x)
