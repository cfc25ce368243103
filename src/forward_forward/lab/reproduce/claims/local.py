"""Local steps: no layer's step depends on the weights of others, no activities are stored."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from forward_forward.forward import Network
from forward_forward.lab.benchmark.arms import engine, gradients_alone
from forward_forward.lab.benchmark.measure import Step, activity_bytes
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, exact
from forward_forward.lab.reproduce.claims.method import CLOSE, SOURCE, untrained
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.optimize import Trainer

DEPTHS = (4, 16)
GROWTH = 1.1


def _local(runner: Runner) -> Finding:
    tests = (_same_gradients, _others_stay, _independent, _no_graph)
    checks = [test(runner) for test in tests]
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
    for gradients in ("closed_form", "autograd"):
        network, trainer, x, y = _stepped(runner, engine=gradients)
        trainer.step(x, y)
        moved.append(_weights(network))
    difference = max(float((a - b).abs().max()) for a, b in zip(*moved, strict=True))
    name = "closed form and autograd within each layer: largest difference of a weight"
    return rules.check(name, difference, CLOSE, difference <= CLOSE)


def _others_stay(runner: Runner) -> dict[str, Any]:
    network, trainer, x, y = _stepped(runner)
    trainer.train_layers(0, 0)
    before = _weights(network)
    trainer.step(x, y)
    changed = [not torch.equal(a, b) for a, b in zip(before, _weights(network), strict=True)]
    own = len(list(network.layers[0].parameters()))
    elsewhere = sum(changed[own:])
    name = "only the first layer learns: weights that change elsewhere"
    return rules.check(name, elsewhere, "0", all(changed[:own]) and not elsewhere)


def _independent(runner: Runner) -> dict[str, Any]:
    difference = first_layer_change(lambda: _stepped(runner))
    name = "different last layer: change of the first layer's step"
    return rules.check(name, difference, "0 exactly", difference == 0)


def first_layer_change(
    make: Callable[[], tuple[Any, Any, Tensor, Tensor]], steps: int = 1
) -> float:
    """How much the first layer's weights after some steps depend on the last layer's weights.

    ``make`` makes a network, its trainer, and samples with labels to step on.
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
    measure=_local,
)


def _plausible(runner: Runner) -> Finding:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(256, 256, generator=rng), torch.arange(256) % 10
    steps: dict[str, Callable[[int], Step]] = {"FF": _engine_step, "backprop": _backprop_step}
    held = {
        name: [activity_bytes(functools.partial(make, depth), x, y) for depth in DEPTHS]
        for name, make in steps.items()
    }
    ratios = {name: deep / shallow for name, (shallow, deep) in held.items()}
    kept = {name: tensors_saved(make(DEPTHS[0]), x, y) for name, make in steps.items()}
    ff, backprop = ratios.values()
    tensors = "tensors kept for a backward pass in a step, 4 layers"
    memory, growth = "memory for activities, ratio of 16 layers to 4", f"at most {GROWTH}"
    checks = [
        rules.check(tensors, kept["FF"], "0", kept["FF"] == 0),
        rules.check("the same, by backprop", kept["backprop"], "above 0", kept["backprop"] > 0),
        rules.check(memory, round(ff, 2), growth, ff <= GROWTH),
        rules.check("the same, by backprop", round(backprop, 2), "above 2", backprop > 2),
    ]
    note = (
        "No backward pass: autograd keeps nothing in a step. No stored activities: the memory of a"
        f" step for a batch of 256 does not grow with depth ({held['FF'][0] / 1e6:.1f} MB with 4"
        f" layers of 256 units, {held['FF'][1] / 1e6:.1f} MB with 16; backprop"
        f" {held['backprop'][0] / 1e6:.1f} and {held['backprop'][1] / 1e6:.1f} MB). No symmetric"
        " weights and no global error: a layer's step does not depend on the weights above it"
        " (method.local, limit.feedback). Two things remain implausible: every unit needs the"
        " goodness of its whole layer, and making the negative data requires the labels."
    )
    conditions = {"data": "random", "layers": "256 units each", "batch": len(x)}
    return exact(checks, note, conditions=conditions)


def _engine_step(depth: int) -> Step:
    return engine([256, *(256,) * depth], torch.float32).step


def _backprop_step(depth: int) -> Step:
    return gradients_alone([256, *(256,) * depth], torch.float32)


def tensors_saved(step: Step, x: Tensor, y: Tensor) -> int:
    """How many tensors autograd keeps in a step for a backward pass."""
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step(x, y)
    return len(kept)


PLAUSIBLE = Claim(
    name="motive.plausible",
    title="Biological plausibility",
    statement="Biologically plausible. (No backward pass, no stored activities, no symmetric"
    " weights, no global error.)",
    source="poster, Motivations",
    rule=f"{rules.EXACT} Autograd must keep nothing in a step, and the memory of a step for a batch"
    f" must grow by a factor of at most {GROWTH:g} from 4 to 16 layers; backprop must fail both.",
    measure=_plausible,
)
