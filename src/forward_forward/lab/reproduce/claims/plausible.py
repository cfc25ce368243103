"""The motivation of biological plausibility: no backward pass, no stored activities."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from forward_forward.lab.benchmark.arms import engine, gradients_alone
from forward_forward.lab.benchmark.measure import Step, activity_bytes
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, exact
from forward_forward.lab.reproduce.runner import Runner

DEPTHS = (4, 16)
GROWTH = 1.1


def _measure(runner: Runner) -> Finding:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(256, 256, generator=rng), torch.arange(256) % 10
    steps: dict[str, Callable[[int], Step]] = {"FF": _engine_step, "backprop": _backprop_step}
    held = {
        name: [activity_bytes(functools.partial(make, depth), x, y) for depth in DEPTHS]
        for name, make in steps.items()
    }
    ratios = {name: each[1] / each[0] for name, each in held.items()}
    kept = {name: tensors_saved(make(DEPTHS[0]), x, y) for name, make in steps.items()}
    checks = [
        rules.check(
            "tensors kept for a backward pass in a step, 4 layers", kept["FF"], "0", kept["FF"] == 0
        ),
        rules.check("the same, by backprop", kept["backprop"], "above 0", kept["backprop"] > 0),
        rules.check(
            "memory for activities, ratio of 16 layers to 4",
            round(ratios["FF"], 2),
            f"at most {GROWTH}",
            ratios["FF"] <= GROWTH,
        ),
        rules.check(
            "the same, by backprop", round(ratios["backprop"], 2), "above 2", ratios["backprop"] > 2
        ),
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
    measure=_measure,
)
