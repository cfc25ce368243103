"""A job's settings -> the same layers and one for the labels, trained by backpropagation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward import seeds
from forward_forward.forward.normalize import MeanSquareOne
from forward_forward.forward.perceptron import drawn_linear
from forward_forward.lab.reproduce.job import Job, Record, Split
from forward_forward.lab.reproduce.training.loop import OFTEN, Course, error, judged
from forward_forward.optimize import cosine
from forward_forward.recipes.plan import features


def backprop(job: Job, split: Split) -> Record:
    """Train a plain network end to end, on cross entropy.

    Inputs are normalised as Forward-Forward's are, and the layers have the same weights at the
    start; the layer for the labels is drawn alike. A job has ``hidden``, ``batch_size``, ``lr``,
    ``dropout`` (of the hidden units) and ``often``.
    """
    return trained(network_of(job, split), job, split)


def network_of(
    job: Job, split: Split, between: Callable[[int, nn.Linear], nn.Module] | None = None
) -> nn.Module:
    """The untrained network of a job; see `classifier` for ``between``."""
    network = classifier(
        features(split.train),
        job.settings["hidden"],
        len(split.train.classes),
        seed=job.seed,
        dropout=job.settings.get("dropout", 0.0),
        between=between,
    )
    return network.to(split.train.inputs.device)


def trained(network: nn.Module, job: Job, split: Split) -> Record:
    """Train a network that maps samples [batch, ...] to logits [batch, classes], by Adam."""
    settings = job.settings
    learner = Learner(network, settings["lr"], job.seed)
    course = Course(
        step=learner.step,
        set_rate=learner.set_rate,
        judge=lambda: error(learner.predict, split.watched),
        schedule=cosine,
        points=OFTEN if settings.get("often") else (),
    )
    course.follow(job, split, settings["batch_size"])
    found = judged(learner.predict, job, split)
    return {**course.record(), **found}


class Learner:
    """A network, its optimiser and the steps that it takes.

    Args:
        network: Samples [batch, ...] -> logits [batch, classes].
        lr: Learning rate of Adam.
        seed: For what the network draws in a step, such as dropout.
    """

    def __init__(self, network: nn.Module, lr: float, seed: int) -> None:
        self.network, self.lr, self.seed = network, lr, seed
        self.optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
        self.steps = 0

    def set_rate(self, factor: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = factor * self.lr

    def step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """One step on samples x [batch, ...] with labels y [batch]."""
        self.network.train()
        self.optimizer.zero_grad()
        with seeds.forked(self.seed, "block", self.steps):
            loss = functional.cross_entropy(self.network(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.steps += 1
        return {"loss": loss.detach()}

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Labels [batch]."""
        self.network.eval()
        logits: Tensor = self.network(x)
        return logits.argmax(1)


class Normalized(nn.Module):
    """Flattens samples [batch, ...] and scales each to mean square 1: [batch, features]."""

    def forward(self, x: Tensor) -> Tensor:
        return MeanSquareOne()(x.flatten(1))


def classifier(
    features: int,
    hidden: Sequence[int],
    classes: int,
    *,
    seed: int,
    dropout: float = 0.0,
    between: Callable[[int, nn.Linear], nn.Module] | None = None,
) -> nn.Sequential:
    """The network, its weights normal with variance 1 / inputs from the same draws as `mlp`'s.

    Args:
        features: Values in a sample.
        hidden: Units of each layer.
        classes: How many labels there are.
        seed: For the weights.
        dropout: Share of the hidden units dropped in training.
        between: What makes the module in the place of a linear layer, from its number and the
            layer; None leaves it.
    """
    sizes = [features, *hidden, classes]
    parts: list[nn.Module] = [Normalized()]
    for index in range(len(sizes) - 1):
        rng = seeds.generator(seed, "weights", index)
        linear = drawn_linear(sizes[index], sizes[index + 1], rng)
        parts.append(linear if between is None else between(index, linear))
        if index < len(hidden):
            parts.append(nn.ReLU())
            if dropout:
                parts.append(nn.Dropout(dropout))
    return nn.Sequential(*parts)
