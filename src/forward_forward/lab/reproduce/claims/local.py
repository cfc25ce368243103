"""The method of local steps: a layer's step does not depend on the weights of other layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from forward_forward.forward import Network
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, exact
from forward_forward.lab.reproduce.claims.method import CLOSE, SOURCE, untrained
from forward_forward.lab.reproduce.claims.plausible import tensors_saved
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.optimize import Trainer


def _measure(runner: Runner) -> Finding:
    checks = [
        _same_gradients(runner),
        _others_stay(runner),
        _independent(runner),
        _no_graph(runner),
    ]
    note = (
        "The closed-form gradients of each layer equal those of autograd within the layer alone."
        " When one layer learns, no other weight changes. A step of one layer is bit for bit the"
        " same whatever the weights above it. No tensor is kept for a backward pass."
    )
    return exact(checks, note)


def _stepped(runner: Runner, **settings: Any) -> tuple[Network, Trainer, Tensor, Tensor]:
    network, x, y = untrained(runner)
    trainer = Trainer(network, optimizer=torch.optim.SGD, lr=0.1, weight_decay=0.0, **settings)
    return network, trainer, x, y


def _weights(network: Network) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def _same_gradients(runner: Runner) -> dict[str, Any]:
    moved = []
    for engine in ("closed_form", "autograd"):
        network, trainer, x, y = _stepped(runner, engine=engine)
        trainer.step(x, y)
        moved.append(_weights(network))
    difference = max(float((a - b).abs().max()) for a, b in zip(*moved, strict=True))
    return rules.check(
        "closed form and autograd within each layer: largest difference of a weight",
        difference,
        CLOSE,
        difference <= CLOSE,
    )


def _others_stay(runner: Runner) -> dict[str, Any]:
    network, trainer, x, y = _stepped(runner)
    trainer.train_layers(0, 0)
    before = _weights(network)
    trainer.step(x, y)
    changed = [not torch.equal(a, b) for a, b in zip(before, _weights(network), strict=True)]
    own = len(list(network.layers[0].parameters()))
    return rules.check(
        "only the first layer learns: weights that change elsewhere",
        sum(changed[own:]),
        "0",
        all(changed[:own]) and not any(changed[own:]),
    )


def _independent(runner: Runner) -> dict[str, Any]:
    difference = first_layer_change(lambda: _stepped(runner))
    return rules.check(
        "different last layer: change of the first layer's step",
        difference,
        "0 exactly",
        difference == 0,
    )


def first_layer_change(
    make: Callable[[], tuple[Any, Any, Tensor, Tensor]], steps: int = 1
) -> float:
    """How much the first layer's weights after some steps depend on the last layer's weights.

    Args:
        make: Makes a network, its trainer, and samples with labels to step on.
        steps: Number of steps.
    """
    first = []
    for factor in (1.0, -0.5):
        network, trainer, x, y = make()
        with torch.no_grad():
            network.layers[-1].block.weight.mul_(factor)
        for _ in range(steps):
            trainer.step(x, y)
        first.append(network.layers[0].block.weight.detach().clone())
    return float((first[0] - first[1]).abs().max())


def _no_graph(runner: Runner) -> dict[str, Any]:
    _, trainer, x, y = _stepped(runner)
    kept = tensors_saved(trainer.step, x, y)
    return rules.check("tensors that autograd keeps in a step", kept, "0", kept == 0)


LOCAL = Claim(
    name="method.local",
    title="Local steps",
    statement="Forward-Forward is an alternative to backpropagation that computes local gradient"
    " updates without the need for a backward pass.",
    source=SOURCE,
    rule=rules.EXACT,
    measure=_measure,
)
