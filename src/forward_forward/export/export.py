"""A network, raw training samples [n, *shape] -> a folder of files that predict without it.

FOLDER/scan.onnx, scan.pt2           goodness of every label [batch, classes], label [batch]
FOLDER/one_pass.onnx, one_pass.pt2   scores of every label [batch, classes], label [batch]
FOLDER/scan.int8.onnx, ...           the same with int8 products
FOLDER/export.json                   input and outputs of each file, and how it was verified
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from forward_forward.export import onnx_file, torch_file
from forward_forward.export.arguments import check_whole, class_names
from forward_forward.export.folder import MADE_BY, check_replaceable, fingerprint, put
from forward_forward.export.measure import labels, measured
from forward_forward.export.quantize import quantized
from forward_forward.export.selection import MEANINGS, Predictor, Selection, check_labels, select
from forward_forward.export.torch_file import Run
from forward_forward.export.verify import BATCHES, TOLERANCE, verified
from forward_forward.forward import Network

To = Literal["onnx", "torch"]

ENDINGS: dict[To, str] = {"onnx": ".onnx", "torch": ".pt2"}
LIBRARY = "the library"  # the name of the library's own predictor among the measured ones


def export(
    network: Network,
    samples: Tensor,
    folder: Path | str,
    *,
    to: To = "onnx",
    predictor: Predictor = "both",
    classes: Sequence[str] | None = None,
    columns: Sequence[Mapping[str, Any]] | None = None,
    test: tuple[Tensor, Tensor] | None = None,
    int8: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write a network's predictors as files that take raw samples, after verifying them.

    Every file is run with batches of 1 and 17 samples and compared with the library's own scores;
    if one differs by more than 1e-5 relative to a row's largest score, or in a label, nothing is
    written.

    Args:
        network: The trained network.
        samples: Raw training samples [n, *shape], about 10,000: uint8 for pictures whose values
            are divided by 255, otherwise floating-point numbers as the network was trained on.
        folder: A new or empty folder, or an earlier export. Of an earlier export of the same
            network, files of other kinds are kept; everything else is replaced.
        to: "onnx" for ONNX Runtime, "torch" for ``torch.export.load``.
        predictor: "scan" for the goodness of every label; "one-pass" for the softmax head or, if
            the network has none, for linear scores fitted to the scan; "both" for each that the
            network has.
        classes: Names of the labels; by default their numbers.
        columns: A description of each value of a sample, if it is a row of a table, for
            export.json.
        test: Raw test samples [n, *shape] and their labels [n].
        int8: Whether to also write ONNX files with int8 products, and measure all on ``test``.
        say: Called with a line of text as each step begins.

    Returns:
        The content of export.json: ``input``, ``classes`` and, for each file, ``outputs``,
        ``verified`` and, if it was measured, ``measured``.

    Raises:
        ImportError: A package that the export needs is missing.
        RuntimeError: A file's outputs differ from the network's.
        ValueError: A setting is invalid, the folder holds something else, or the network is part of
            an estimator that does more than the network.
    """
    for name, value, choices in (("to", to, To), ("predictor", predictor, Predictor)):
        if value not in get_args(choices):
            raise ValueError(f"{name} expects one of {get_args(choices)}, got {value!r}")
    if int8 and (to != "onnx" or test is None):
        raise ValueError(
            'int8 files are ONNX files, measured on test samples: use to="onnx", and from Python'
            " pass test=(samples, labels)"
        )
    if to == "onnx":
        onnx_file.check_installed()
    check_whole(network)
    check_labels(network)
    names = class_names(network, classes)
    check_replaceable(Path(folder))
    shared = {
        "made_by": MADE_BY,
        "version": version("forward-forward"),
        "weights": fingerprint(network),
        "classes": names,
        "input": {**_input(samples), **({} if columns is None else {"columns": list(columns)})},
    }
    kind = torch.uint8 if samples.dtype == torch.uint8 else torch.float32  # of the graph's input
    x = samples.to("cpu", kind)
    seen, truth = (x, None) if test is None else (test[0].to("cpu", kind), test[1].cpu())
    with TemporaryDirectory() as temporary:
        predictors = select(network, samples, predictor)
        if predictor == "both" and not network.examples.labelled:
            say("no scan: this network's input contains no label, so its head is exported")
        models = _Export(Path(temporary), to, x, seen, truth, shared, say).all(predictors, int8)
        return put(Path(folder), Path(temporary), {**shared, "models": models}, say)


def _input(samples: Tensor) -> dict[str, Any]:
    """The description of the graph's input."""
    pixels = samples.dtype == torch.uint8
    if not (pixels or samples.is_floating_point()) or len(samples) == 0:
        raise ValueError(
            "export expects raw training samples [n, *shape] in uint8 or floating-point numbers,"
            f" got {list(samples.shape)} in {samples.dtype}: pass them as they were trained on"
        )
    return {
        "name": onnx_file.INPUT,
        "type": "uint8" if pixels else "float32",
        "shape": [torch_file.BATCH, *samples.shape[1:]],
        "range": [0, 255] if pixels else [float(each) for each in samples.aminmax()],
        "scaling": "divided by 255 in the graph" if pixels else "none outside the network",
    }


@dataclass(frozen=True)
class _Export:
    """The files of one export in progress, with the samples they are verified and measured on."""

    folder: Path
    to: To
    samples: Tensor
    seen: Tensor
    truth: Tensor | None
    shared: Mapping[str, Any]
    say: Callable[[str], None]

    def all(self, predictors: Sequence[Selection], int8: bool) -> dict[str, Any]:
        """Write, verify and measure every predictor; returns the description of each file."""
        models: dict[str, Any] = {}
        for each in predictors:
            self.say(f"exporting {each.name}")
            name, run, about = self._write(each)
            models[name] = about
            if int8 and self.truth is not None:
                models |= self._write_int8(each, name, run, about, self.truth)
        if len(predictors) == 2:
            scan, one_pass = (labels(each.library, self.seen) for each in predictors)
            models[f"one_pass{ENDINGS[self.to]}"]["agreement_with_scan"] = {
                "percent": 100 * float((scan == one_pass).double().mean()),
                "samples": len(scan),
                "of": "training" if self.truth is None else "test",
            }
        return models

    def _about(self, each: Selection, numbers: str) -> dict[str, Any]:
        scores = {
            "name": each.module.scores,
            "type": "float32",
            "shape": [torch_file.BATCH, len(self.shared["classes"])],
            "meaning": MEANINGS[each.scored_by],
        }
        label = {
            "name": "label",
            "type": "int64",
            "shape": [torch_file.BATCH],
            "meaning": "index of the highest score among the classes",
        }
        return {
            "predictor": each.name,
            "format": self.to,
            "numbers": numbers,
            "outputs": [scores, label],
            "scored_by": each.scored_by,
        }

    def _write(self, each: Selection) -> tuple[str, Run, dict[str, Any]]:
        name = f"{each.name}{ENDINGS[self.to]}"
        path, about = self.folder / name, self._about(each, "float32")
        each.library(self.samples[:2])  # has clearer errors than torch.export if a shape is wrong
        program = torch_file.traced(each.module, self.samples)
        metadata = {**self.shared, **about}
        if self.to == "onnx":
            onnx_file.write(program, path, each.module.scores, metadata)
            run = onnx_file.opened(path)
        else:
            torch_file.write(program, path, metadata)
            run = torch_file.opened(path)
        check = verified(run, each.library, self.seen, name)
        about["bytes"] = path.stat().st_size
        about["verified"] = {
            "batches": BATCHES,
            "samples": check.rows,
            "largest_relative_difference": check.difference,
            "allowed": TOLERANCE,
            "labels_another_in_a_tie": check.ties,
        }
        return name, run, about

    def _write_int8(
        self, each: Selection, name: str, run: Run, about: dict[str, Any], truth: Tensor
    ) -> dict[str, Any]:
        """Write the same in int8, and measure both and the library."""
        self.say(f"quantising and measuring {each.name}")
        small = f"{each.name}.int8{ENDINGS[self.to]}"
        about_small = self._about(each, "int8 products, the rest float32")
        path, metadata = self.folder / small, {**self.shared, **about_small}
        about_small["quantized"] = quantized(self.folder / name, path, self.samples, metadata)
        about_small["bytes"] = path.stat().st_size
        runs = {name: run, small: onnx_file.opened(path), LIBRARY: each.library}
        figures = measured(runs, self.seen, truth)
        about["measured"] = {**figures[name], "library": figures[LIBRARY]}
        return {small: {**about_small, "measured": figures[small]}}
