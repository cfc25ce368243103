"""A plan and its metrics -> a summary of the settings on stderr, and the errors on stdout."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from forward_forward.cli.config import FILE as CONFIG
from forward_forward.datasets import Sets
from forward_forward.examples import OrdinalBins
from forward_forward.forward import Network
from forward_forward.forward.check import weight_layers
from forward_forward.forward.description import buildable, describe
from forward_forward.optimize.state import Fitted
from forward_forward.predict import better_layer, read_from
from forward_forward.recipes import Plan
from forward_forward.track import Row
from forward_forward.track.numbers import by_layer

QUOTE = "'"
LEARNED = 0.95  # fraction of the error of guessing above which a warning is printed
SILENT = 0.9  # fraction of silent units above which a warning is printed


def say_reading(data: str) -> None:
    """Print on stderr which file or folder is about to be read, which may take a while."""
    if os.path.exists(data):
        print(f"{'data':>8}  reading {data}", file=sys.stderr)


def announce(
    command: Mapping[str, Any], plan: Plan, sets: Sets, places: Iterable[str] = ()
) -> None:
    """Print on stderr what will be trained, and where else its metrics are logged."""
    network, trainer = plan.trainer.network, plan.trainer
    about, settings = describe(network), trainer.settings
    layer = about["layers"][0]
    weights = sum(weight.numel() for weight in network.parameters())
    optimizer = str(settings["optimizer"]).rpartition(":")[2]
    threads = "1 thread" if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} threads"
    products = str(trainer.products or network.dtype).removeprefix("torch.")
    epochs = _epochs(plan.epochs)
    kind = f"{len(sets.classes)} classes" if sets.classes else "a number to predict"
    for note in sets.notes:
        print(f"{'data':>8}  {note}", file=sys.stderr)
    lines = {
        "data": f"{command['data']}: {len(sets.train):,} training, {len(sets.validation):,}"
        f" validation and {len(sets.test):,} test samples, {kind}",
        "recipe": f"{command['recipe']}, seed {settings['seed']}",
        "network": f"{_layers(network, layer['activation'])}, {weights:,} weights",
        "goal": f"{layer['loss']} of {_for_any_layer(layer['goodness'])}{_threshold(layer)}",
        "label": _label(network),
        "steps": f"{optimizer} at {settings['lr']:g} ({settings['schedule']}), {epochs}"
        f" in batches of {plan.batch_size}",
        "machine": f"{trainer.device}, {threads}, {products} matrix products",
    }
    parallel = [("parallel", command["parallel"])] if command.get("parallel") else []
    for name, line in [*lines.items(), *parallel, *(("track", place) for place in places)]:
        print(f"{name:>8}  {line}", file=sys.stderr)


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"


def _for_any_layer(goodness: str) -> str:
    """A goodness without the number of the layer's units, in which the layers may differ.

    >>> _for_any_layer("LinearReadout(num_classes=10, units=8, grid=4)")
    'LinearReadout(num_classes=10, grid=4)'
    """
    return re.sub(r", units=\d+|units=\d+, ", "", goodness)


def _label(network: Network) -> str:
    """The examples as run.json has them; of ordered bins, their range: they may be many."""
    bins = network.examples
    if not isinstance(bins, OrdinalBins):
        return str(describe(network)["examples"])
    low, high = bins.centres[0], bins.centres[-1]
    return f"{len(bins.centres)} bins from {low:.4g} to {high:.4g}, spread {bins.spread:.4g}"


def _layers(network: Network, activation: str) -> str:
    """The widths of linear layers and their activation, or how many layers of which blocks."""
    linears = [layer.linear for layer in network.layers]
    sizes = [linear for linear in linears if linear is not None]
    if len(sizes) == len(linears):
        widths = [sizes[0].in_features, *(linear.out_features for linear in sizes)]
        return f"{' - '.join(map(str, widths))} units, {activation}"
    kinds = Counter(
        type(each).__name__ for layer in network.layers for each in weight_layers(layer.block)
    )
    blocks = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return f"{len(linears)} layer{'s' if len(linears) > 1 else ''} with {blocks}"


def _threshold(layer: Mapping[str, Any]) -> str:
    """The threshold in a description, unless it cancels out as in cross-entropy."""
    if not _compares(layer):
        return ""
    return f", threshold {layer['threshold'].strip(QUOTE)} x {layer['threshold_factor']}"


def _compares(layer: Mapping[str, Any]) -> bool:
    """Whether a layer's loss compares its goodness with the threshold."""
    return not layer["loss"].startswith("CrossEntropy")


def errors(about: Mapping[str, Any], metrics: Mapping[str, Any], what: str) -> list[str]:
    """Errors from `predict.evaluate` as lines of text: in total, by layer, and by the head."""
    if "rmse" in metrics:
        lines = [f"{what} error {metrics['rmse']:.4g} (root mean square, in units of the target)"]
        for layer, error in by_layer(metrics, "rmse_by_layer", about).items():
            lines.append(f"    layer {layer} alone: {error:.4g}")
        return lines
    lines = [f"{what} error {metrics['error']:.2f} %"]
    if "goodness_error" in metrics:
        how = f" ({'fitted to' if 'fitted_readout' in about else 'chosen on'} the validation data)"
        span = read_from(about) + (how if "readout" in about else "")
        lines.append(f"  labels are read from {span}: {metrics['goodness_error']:.2f} %")
        for layer, error in by_layer(metrics, "goodness_error_by_layer", about).items():
            lines.append(f"    layer {layer} alone: {error:.2f} %")
    if "head_error" in metrics:
        lines.append(f"  by the softmax head: {metrics['head_error']:.2f} %")
        for layer, error in by_layer(metrics, "head_error_by_layer", about).items():
            lines.append(f"    layer {layer} alone: {error:.2f} %")
    return lines


def better_alone(rows: Sequence[Row], about: Mapping[str, Any]) -> list[str]:
    """A line if a single layer has fewer validation errors than the layers that are read."""
    found = better_layer(about, rows)
    if found is None:
        return []
    return [f"  layer {found[0]} alone is better on the validation data: {found[1]:.2f} %"]


def _silent(result: Fitted) -> list[str]:
    """A warning for each layer in which almost all units were silent at the end of training."""
    fractions = result.history[-1].get("silent_units", []) if result.history else []
    return [
        f"ff: warning: {100 * fraction:.0f} % of the units in layer {number} are zero for every"
        " input, so the layer carries little information; try a lower --lr, more units, or inputs"
        " centred at 0"
        for number, fraction in enumerate(fractions, 1)
        if fraction > SILENT
    ]


def _nothing_learned(about: Mapping[str, Any]) -> list[str]:
    """A warning if the test error is about that of guessing among equally frequent classes."""
    classes = len(about["data"]["classes"])
    error = about["test"].get("error")
    if error is None or classes < 2 or error < LEARNED * 100 * (1 - 1 / classes):
        return []
    rate = about["trainer"]["lr"]
    return [
        f"ff: warning: the network has learned next to nothing: guessing among {classes} classes"
        f" gives {100 * (1 - 1 / classes):.0f} % errors; try another --lr, such as {rate / 10:g}"
        f" (now {rate:g})"
    ]


def _next_commands(about: Mapping[str, Any], folder: Path) -> list[str]:
    """The next commands for a finished run; one with the user's own code is loaded in Python.

    After a run that has learned nothing, it is one to train again.
    """
    if _nothing_learned(about):
        file, lower = str(folder / CONFIG), f"{about['trainer']['lr'] / 10:g}"
        return [shlex.join(["ff", "train", "--config", file, "--lr", lower])]
    if not buildable(about["network"]):
        return [f"ff.load({str(folder)!r}, network=...) in Python, with your own parts"]
    commands = [["ff", "evaluate", str(folder)]]
    if about.get("frame"):
        commands.append(["ff", "predict", str(folder), "picture.png"])
    if about.get("table"):
        commands.append(["ff", "predict", str(folder), "new_rows.csv"])
    return [shlex.join(args) for args in commands]


def finish(result: Fitted, about: Mapping[str, Any], folder: Path, *, as_json: bool) -> None:
    """Print on stdout the errors of a finished run, its folder and next commands, or JSON."""
    if as_json:
        figures = ("test_error", "validation_error", "best_epoch", "seconds", "validation_seconds")
        # Older runs have no validation_seconds.
        summary = {"run": str(folder), **{name: about.get(name) for name in figures}}
        print(json.dumps({**summary, "test": about["test"]}))
        return
    lines = [*errors(about, about["test"], "test"), *better_alone(result.history, about)]
    print("\n".join(lines))
    if result.validation_error is not None:
        error, numbers = result.validation_error, "rmse" in about["test"]
        text = f"{error:.4g}" if numbers else f"{error:.2f} %"
        lowest = f"the lowest validation error ({text})"
        time = f"{result.seconds:.1f} s, including {result.validation_seconds:.1f} s of validation"
        epochs = f"of {_epochs(len(result.history))}; {time}"
        if result.stopped is not None:
            print(f"  stopped: {result.stopped}")
        print(f"  weights of epoch {result.best_epoch}, which has {lowest} {epochs}")
    for line in [*_silent(result), *_nothing_learned(about)]:
        print(line, file=sys.stderr)
    if any(map(_compares, about["network"]["layers"])):
        thresholds = ", ".join(f"{value:.4g}" for value in about["thresholds"])
        print(f"  thresholds by layer: {thresholds}")
    print(f"run folder: {folder}")
    for lead, line in zip(("next: ", "      "), _next_commands(about, folder), strict=False):
        print(f"{lead}{line}")
