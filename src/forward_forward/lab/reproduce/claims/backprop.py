"""Forward-Forward beside backprop: Figure 3, and where each wins."""

from __future__ import annotations

import statistics
from dataclasses import replace

import torch

from forward_forward.lab.benchmark.arithmetic import arithmetic_ratio, layer_products
from forward_forward.lab.benchmark.arms import engine, gradients_alone
from forward_forward.lab.benchmark.measure import activity_bytes
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.pace import Pace, measured, pace_job, slower_by
from forward_forward.lab.reproduce.claims.variations import by_backprop, poster
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.lab.reproduce.tuning import GOAL
from forward_forward.recipes.plan import features

FF, BACKPROP, LONGER = "Forward-Forward", "backprop", "backprop, equal seconds"
SAMPLES = 512  # of the batch whose memory is measured
DEEP = 16  # layers of the deep network whose memory is measured


def arms(scale: Scale) -> list[Arm]:
    """The two."""
    return [poster(FF), by_backprop(BACKPROP)]


def _equal_seconds(pace: Pace) -> Arm:
    """Backprop trained for as long as Forward-Forward takes, in tenths of the epochs."""
    longer = max(0.1, round(pace.forward_forward / pace.backprop, 1))
    return replace(by_backprop(LONGER, longer=longer), like=by_backprop())


def _figure_3(runner: Runner) -> Finding:
    pace = measured(runner)
    found = runner.arms(*arms(runner.scale), _equal_seconds(pace))
    ff, backprop, longer = (found[name] for name in (FF, BACKPROP, LONGER))
    comparisons = [rules.better(backprop, ff), rules.better(longer, ff)]
    note = (
        figures.errors_in_words(found)
        + f" An epoch of Forward-Forward takes {pace.forward_forward:.2f} s, one of backprop"
        f" {pace.backprop:.2f} s (one thread, steps timed in turns), so that at equal seconds"
        f" backprop has {longer.arm.longer:g} times the epochs. Both have the same layers, inputs"
        " and starting weights; backprop has a layer for the labels on top. The poster's figure is"
        " not in its text: the claim tested is that backprop's error is lower, at equal epochs and"
        " at equal seconds."
    )
    return Finding(
        rules.directional(comparisons),
        None,
        note,
        comparisons,
        outcomes=[ff, backprop, longer],
        figures=[
            figures.points("Test error after training", [ff, backprop, longer]),
            figures.curves("Validation error during training", [ff, backprop]),
        ],
    )


def _scope(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    pace = measured(runner)
    ff, backprop = found[FF], found[BACKPROP]
    comparisons = [rules.better(backprop, ff), slower_by(ff, backprop, pace)]
    values = features(split_of(runner.scale.data, runner.scale.images, "cpu").train)
    widths = [values, *runner.scale.hidden]
    held, deep = _held(widths), _held([values, *(runner.scale.hidden[0],) * DEEP])
    rows = [
        [*_row(each, pace, widths), held[each.arm.name], deep[each.arm.name]]
        for each in (ff, backprop)
    ]
    columns = [
        "arm",
        "test error, %",
        "seconds of training",
        "million multiply-adds a sample",
        f"MB for the activities of {SAMPLES} samples",
        f"the same with {DEEP} layers",
    ]
    more = "more" if held[FF] > held[BACKPROP] else "less"
    less = "less" if deep[FF] < deep[BACKPROP] else "more"
    note = (
        "The statement is a limitation: outside of low-power environments Forward-Forward does not"
        " replace backprop. Tested here: backprop's error is lower at equal epochs, and it reaches"
        f" {100 - GOAL:g} % in fewer seconds. For the activities of {SAMPLES} samples"
        f" Forward-Forward holds {held[FF]} MB in this network, {more} than backprop's"
        f" {held[BACKPROP]} MB, since it shows each layer two rows a sample; with {DEEP} such"
        f" layers it holds {deep[FF]} MB, {less} than backprop's {deep[BACKPROP]} MB, since it"
        " keeps none for a backward pass. Nothing has to be known of what lies between two layers;"
        " what that is worth, motive.analog tells."
    )
    return Finding(
        rules.directional(comparisons),
        None,
        note,
        comparisons,
        outcomes=[ff, backprop],
        figures=[figures.table("Side by side", columns, rows, "Where each wins.")],
    )


def _held(widths: list[int]) -> dict[str, float]:
    """Megabytes that a step holds for a batch."""
    x, y = torch.rand(SAMPLES, widths[0]), torch.arange(SAMPLES) % 10
    held = {
        FF: activity_bytes(lambda: engine(widths, torch.float32).step, x, y),
        BACKPROP: activity_bytes(lambda: gradients_alone(widths, torch.float32), x, y),
    }
    return {name: round(count / 1e6, 2) for name, count in held.items()}


def _row(outcome: ArmResult, pace: Pace, widths: list[int]) -> list[str | float]:
    """An arm's figures side by side, but for its memory."""
    name = outcome.arm.name
    work = sum(2 * each.rows * each.inputs * each.units for each in layer_products(widths, 1))
    if name == BACKPROP:
        work = round(work / arithmetic_ratio(widths))
    epochs = outcome.each("job")[0]["epochs"]
    seconds = f"{epochs * pace.of(outcome):.3g}"
    return [name, f"{statistics.fmean(outcome.errors):.2f}", seconds, f"{work / 1e6:.2f}"]


FIGURE_3 = Claim(
    "fig3",
    "Backprop and Forward-Forward",
    "Performance of backpropagation vs Forward-Forward.",
    "poster, Figure 3",
    f"{rules.BETTER} Here: backprop is better, both at equal epochs and at equal seconds of"
    " training (the larger p decides).",
    _figure_3,
    arms,
    lambda scale: [pace_job(scale)],
)
SCOPE = Claim(
    "limit.scope",
    "Where each wins",
    "Replace backpropagation outside of low-power environments. (Listed as a limitation.)",
    "poster, Limitations",
    f"{rules.BETTER} Here: backprop's error is lower at equal epochs, and it reaches"
    f" {100 - GOAL:g} % in fewer seconds (the larger p decides).",
    _scope,
    arms,
    lambda scale: [pace_job(scale)],
)
