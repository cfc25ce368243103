"""The motivations: layers out of step, unknown hardware, no labels, no stored activities."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import torch

from forward_forward.benchmark.arms import engine, gradients_alone
from forward_forward.benchmark.measure import activity_bytes
from forward_forward.reproduce import rules
from forward_forward.reproduce.arms import Arm, Outcome, Seeds
from forward_forward.reproduce.claims import figures
from forward_forward.reproduce.claims.arms import by_backprop, poster
from forward_forward.reproduce.claims.claim import Claim, Finding
from forward_forward.reproduce.lab import Lab
from forward_forward.reproduce.scales import Scale
from forward_forward.reproduce.training.analog import (
    IMPERFECTIONS,
    analog_backprop,
    analog_forward_forward,
)
from forward_forward.reproduce.training.asynchronous import asynchronous
from forward_forward.reproduce.training.unsupervised import unsupervised

SYNCHRONOUS = "in step"
DECIDING_DELAYS = (1, 10, 100)
DELAYS = (*DECIDING_DELAYS, 1000)


def _out_of_step(name: str, seeds: Seeds, **told: Any) -> Arm:
    return Arm(name, asynchronous, told, seeds=seeds, like=poster())


def _delayed(delay: int) -> Arm:
    seeds: Seeds = "deciding" if delay in DECIDING_DELAYS else "others"
    return _out_of_step(f"delay {delay}", seeds, delay=delay)


def out_of_step_arms(scale: Scale) -> list[Arm]:
    """Layers in step, with delays, at different rates, and with one frozen for a while."""
    layers = len(scale.hidden)
    slow_last, slow_first = (1,) * (layers - 1) + (4,), (4,) + (1,) * (layers - 1)
    return [
        poster(SYNCHRONOUS),
        *map(_delayed, DELAYS),
        _out_of_step("last layer every 4th batch", "others", every=slow_last),
        _out_of_step("first layer every 4th batch", "others", every=slow_first),
        _out_of_step("first layer frozen, 2nd quarter", "others", frozen=(0, 0.25, 0.5)),
        _out_of_step("last layer frozen, 2nd quarter", "others", frozen=(layers - 1, 0.25, 0.5)),
    ]


def _asynchronous(lab: Lab) -> Finding:
    found = lab.arms(*out_of_step_arms(lab.scale))
    plain = found[SYNCHRONOUS]
    others = [outcome for name, outcome in found.items() if name != SYNCHRONOUS]
    rows = [rules.similar(plain, each) for each in others]
    names = {_delayed(delay).name for delay in DECIDING_DELAYS}
    decide = [row for row, each in zip(rows, others, strict=True) if each.arm.name in names]
    statistic, verdict = rules.alike(decide)
    note = (
        figures.errors_in_words(found)
        + " Each layer is a site of its own that learns from copies of the layers below it. A"
        " delay is the mean number of steps until it looks at them again, drawn anew each time."
        " With no delay the weights are those of training in step, which a test shows. All take"
        " the settings that were chosen for training in step."
    )
    return Finding(
        statistic,
        verdict,
        note,
        rows,
        outcomes=list(found.values()),
        figures=[
            figures.points("Test error, layers out of step", found.values()),
            _against_delay([plain, *(found[_delayed(delay).name] for delay in DELAYS)]),
        ],
    )


def _against_delay(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    seeds = min(len(outcome.records) for outcome in outcomes)
    return {
        "kind": "curves",
        "title": "Error against delay",
        "caption": "Each line is a seed; the thick one their mean. A delay of 0 is drawn at 0.5.",
        "x_label": "mean delay, steps",
        "y_label": "test error, %",
        "x_log": True,
        "y_log": False,
        "series": [
            {
                "name": "Forward-Forward",
                "x": [0.5, *map(float, DELAYS)],
                "y": [[outcome.errors[seed] for outcome in outcomes] for seed in range(seeds)],
            }
        ],
    }


ASYNCHRONOUS = Claim(
    "motive.async",
    "Layers out of step",
    "Local updates allow for asynchronous layer updates.",
    "poster, Motivations",
    f"{rules.SAME} Here: layers that see those below with random delays of 1, 10 and 100 steps on"
    " average, against layers in step; all must be similar. A delay of 1,000 steps, different rates"
    " and frozen layers are shown beside them.",
    _asynchronous,
    out_of_step_arms,
)


def _on_hardware(kind: str, train: str) -> Arm:
    if train == "FF":
        return Arm(
            f"FF, {kind}",
            analog_forward_forward,
            {"imperfection": kind},
            seeds="deciding",
            like=poster(),
        )
    return Arm(
        f"backprop, {kind}",
        analog_backprop,
        {"imperfection": kind},
        seeds="deciding",
        like=by_backprop(),
    )


def analog_arms(scale: Scale) -> list[Arm]:
    """Both on ideal hardware and with every imperfection."""
    imperfect = [
        _on_hardware(kind, train) for kind in IMPERFECTIONS for train in ("FF", "backprop")
    ]
    return [poster("FF, ideal"), by_backprop("backprop, ideal"), *imperfect]


def _analog(lab: Lab) -> Finding:
    found = lab.arms(*analog_arms(lab.scale))
    rows = [_loses_less(found, kind) for kind in IMPERFECTIONS]
    losses = {
        kind: [_added(found, train, kind) for train in ("FF", "backprop")] for kind in IMPERFECTIONS
    }
    words = "; ".join(
        f"{kind}: {ff:+.2f} and {backprop:+.2f}" for kind, (ff, backprop) in losses.items()
    )
    note = (
        "What an imperfection adds to the mean test error of Forward-Forward and of backprop, in"
        f" points: {words}. The signals are what the hardware makes of them, in training and in"
        " use; both learning rules reckon with the ideal layer. Inside: every unit has a gain"
        " (spread 0.5 of its logarithm) and an offset (0.3). Between: so has every input of the"
        " second layer and those above. Noise: 0.3 of the signal, anew each time. 4 bits: weights"
        " and inputs rounded. Black box: the inputs of these layers go through a fixed random"
        " mixture and a step, which has no derivative; backprop passes its error straight through."
        " The settings are those chosen on ideal hardware."
    )
    return Finding(
        rules.directional(rows),
        None,
        note,
        rows,
        outcomes=list(found.values()),
        figures=[figures.points("Test error on imperfect hardware", found.values())],
    )


def _loses_less(found: dict[str, Outcome], kind: str) -> dict[str, Any]:
    """By how much more backprop suffers than Forward-Forward, seed by seed."""
    four = [found[f"{train}, {what}"] for train in ("backprop", "FF") for what in (kind, "ideal")]
    seeds = sorted(set.intersection(*(set(each.records) for each in four)))
    values = []
    for seed in seeds:
        backprop, backprop_ideal, ff, ff_ideal = (rules.test_error(each, seed) for each in four)
        values.append((backprop - backprop_ideal) - (ff - ff_ideal))
    return rules.compared(f"{kind}: added to backprop's error - added to FF's", values)


def _added(found: dict[str, Outcome], train: str, kind: str) -> float:
    means = [statistics.fmean(found[f"{train}, {what}"].errors) for what in (kind, "ideal")]
    return means[0] - means[1]


ANALOG = Claim(
    "motive.analog",
    "Analog hardware",
    "Can be run on analog computers. (The exact forward computation need not be known.)",
    "poster, Motivations",
    f"{rules.BETTER} Here: each of five imperfections that the learning rule is not told of adds"
    " less to the error of Forward-Forward than to that of backprop (the largest p decides).",
    _analog,
    analog_arms,
)


def unsupervised_arms(scale: Scale) -> list[Arm]:
    """Features learned without labels, untrained ones, and pixels."""
    return [
        Arm(
            "learned without labels",
            unsupervised,
            {"features": "learned", "readout_lr": 1e-2},
            seeds="deciding",
        ),
        *(
            Arm(name, unsupervised, {"features": kind}, 1e-2, second=None, seeds="deciding")
            for name, kind in (("random features", "random"), ("pixels", "pixels"))
        ),
    ]


def _unsupervised(lab: Lab) -> Finding:
    found = lab.arms(*unsupervised_arms(lab.scale))
    learned = found["learned without labels"]
    rows = [rules.better(learned, found[name]) for name in ("random features", "pixels")]
    note = (
        figures.errors_in_words(found)
        + " Positive data are images, negative data hybrids of two images; no label is seen by the"
        " layers. A linear softmax then reads the activities of all layers, each at mean square 1;"
        " it is trained alike on all three kinds of features, for those not learned with a rate of"
        " its own choice."
    )
    return Finding(
        rules.directional(rows),
        None,
        note,
        rows,
        outcomes=list(found.values()),
        figures=[figures.points("Test error of a linear read-out", found.values())],
    )


UNSUPERVISED = Claim(
    "motive.unsupervised",
    "Learning without labels",
    "Can be easily adapted for unsupervised learning.",
    "poster, Motivations",
    f"{rules.BETTER} Here: a linear read-out of features learned on hybrid negatives is better than"
    " one of random features and one of pixels (the larger p decides).",
    _unsupervised,
    unsupervised_arms,
)

DEPTHS = (4, 16)
GROWTH = 1.1


def _plausible(lab: Lab) -> Finding:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(256, 256, generator=rng), torch.arange(256) % 10
    held = {
        name: [activity_bytes(lambda d=depth, m=make: m(d), x, y) for depth in DEPTHS]  # type: ignore[misc]
        for name, make in {"FF": _engine_step, "backprop": _backprop_step}.items()
    }
    ratios = {name: each[1] / each[0] for name, each in held.items()}
    kept = {
        name: _saved(make(DEPTHS[0]), x, y)
        for name, make in {"FF": _engine_step, "backprop": _backprop_step}.items()
    }
    checks = [
        rules.check(
            "tensors kept for a backward pass in a step, 4 layers", kept["FF"], "0", kept["FF"] == 0
        ),
        rules.check("the same, by backprop", kept["backprop"], "above 0", kept["backprop"] > 0),
        rules.check(
            "memory for activities, 16 layers over 4",
            round(ratios["FF"], 2),
            f"at most {GROWTH}",
            ratios["FF"] <= GROWTH,
        ),
        rules.check(
            "the same, by backprop", round(ratios["backprop"], 2), "above 2", ratios["backprop"] > 2
        ),
    ]
    statistic, verdict = rules.exact(checks)
    note = (
        "No backward pass: autograd keeps nothing in a step. No stored activities: what a step"
        f" holds for a batch of 256 does not grow with depth ({held['FF'][0] / 1e6:.1f} MB with 4"
        f" layers of 256 units, {held['FF'][1] / 1e6:.1f} MB with 16; backprop"
        f" {held['backprop'][0] / 1e6:.1f} and {held['backprop'][1] / 1e6:.1f} MB). No symmetric"
        " weights and no global error: a layer's step does not depend on the weights above it"
        " (method.local, limit.feedback). What is not plausible stays: a layer knows its whole"
        " goodness, and positive and negative data come in turn."
    )
    return Finding(statistic, verdict, note, checks=checks)


def _engine_step(depth: int) -> Any:
    return engine([256, *(256,) * depth], torch.float32).step


def _backprop_step(depth: int) -> Any:
    return gradients_alone([256, *(256,) * depth], torch.float32)


def _saved(step: Any, x: torch.Tensor, y: torch.Tensor) -> int:
    kept: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        step(x, y)
    return len(kept)


PLAUSIBLE = Claim(
    "motive.plausible",
    "Biological plausibility",
    "Biologically plausible. (No backward pass, no stored activities, no symmetric weights, no"
    " global error.)",
    "poster, Motivations",
    f"{rules.EXACT}",
    _plausible,
)
