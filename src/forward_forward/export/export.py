"""A network, raw training samples [n, *shape] -> a folder of files that predict without it.

FOLDER/scan.onnx, scan.pt2           goodness of every label [batch, classes], label [batch]
FOLDER/one_pass.onnx, one_pass.pt2   scores of every label [batch, classes], label [batch]
FOLDER/scan.int8.onnx, ...           the same with int8 products
FOLDER/export.json                   what goes in and comes out of each, and how it was checked
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import torch
from torch import Tensor

import forward_forward
from forward_forward.export import onnx_file, torch_file
from forward_forward.export.folder import check_free, fingerprint, put
from forward_forward.export.measure import labels, measured
from forward_forward.export.quantize import quantized
from forward_forward.export.served import MEANINGS, Predictor, Served, served
from forward_forward.export.torch_file import Run
from forward_forward.export.verify import BATCHES, TOLERANCE, verified
from forward_forward.forward import Network

To = Literal["onnx", "torch"]

ENDINGS: dict[To, str] = {"onnx": ".onnx", "torch": ".pt2"}
LIBRARY = "the library"  # what measures of the library's own predictors are listed under


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
    """Write a network's predictors as files that take raw samples, after checking them.

    Every file is run at batches of 1 and 17 and compared with the library's own scores; where one
    differs by more than 1e-5 of a row's largest, or in a label, nothing is written.

    Args:
        network: The network, trained.
        samples: Raw training samples [n, *shape], about 10,000: uint8 for pictures whose values
            are divided by 255, else floating-point numbers as the network was trained on.
        folder: Where the files go: a new folder, an empty one or an export, which is replaced, but
            for its files of the other kind if they are of the same network.
        to: "onnx" for ONNX Runtime, "torch" for ``torch.export.load``.
        predictor: "scan" for the goodness of every label; "one-pass" for the softmax head or, in a
            network without one, for linear scores fitted to the scan; "both" where both are
            possible.
        classes: The labels' names; by default their numbers.
        columns: What each value of a sample is, where it is a row of a table, for export.json.
        test: Raw test samples [n, *shape] and their labels [n].
        int8: Whether to write ONNX files with int8 products too, and to measure all on ``test``.
        say: Is told what is being done.

    Returns:
        What export.json says: ``input``, ``classes`` and, for each file, ``outputs``, ``verified``
        and, where it was measured, ``measured``.

    Raises:
        ImportError: A package that the export needs is missing.
        RuntimeError: A file is not what the network is.
        ValueError: A setting is not possible, or the folder holds something else.
    """
    for name, given, known in (("to", to, To), ("predictor", predictor, Predictor)):
        if given not in get_args(known):
            raise ValueError(f"{name} expects one of {get_args(known)}, got {given!r}")
    if int8 and (to != "onnx" or test is None):
        raise ValueError(
            'int8 files are ONNX files, measured on test samples: choose "onnx", and give'
            " test=(samples, labels) from Python"
        )
    if to == "onnx":
        onnx_file.check_installed()
    names = _class_names(classes, network)
    check_free(Path(folder))
    shared = {
        "made_by": "forward-forward",
        "version": forward_forward.__version__,
        "weights": fingerprint(network),
        "classes": names,
        "input": {**_input(samples), **({} if columns is None else {"columns": list(columns)})},
    }
    with TemporaryDirectory() as made:
        predictors = served(network, samples, predictor)
        if predictor == "both" and len(predictors) == 1:
            say("no scan: there is no label in this network's input, so its head is read")
        models = _Making(Path(made), to, samples, test, shared, say).all(predictors, int8)
        return put(Path(folder), Path(made), {**shared, "models": models}, say)


def _class_names(classes: Sequence[str] | None, network: Network) -> list[str]:
    count = network.examples.num_classes
    names = list(map(str, range(count))) if classes is None else list(classes)
    if len(names) != count:
        raise ValueError(f"the network has {count} classes, got {len(names)} names: name each one")
    return names


def _input(samples: Tensor) -> dict[str, Any]:
    """What a person who calls the graph must know of its input."""
    pixels = samples.dtype == torch.uint8
    if not (pixels or samples.is_floating_point()) or len(samples) == 0:
        raise ValueError(
            "export expects raw training samples [n, *shape] in uint8 or floating-point numbers,"
            f" got {list(samples.shape)} in {samples.dtype}: give them as they were trained on"
        )
    if pixels:
        reach: list[float] = [0, 255]
    else:
        reach = [float(each) for each in samples.aminmax()]
    return {
        "name": onnx_file.INPUT,
        "type": "uint8" if pixels else "float32",
        "shape": [torch_file.BATCH, *samples.shape[1:]],
        "range": reach,
        "scaling": "divided by 255 in the graph" if pixels else "none, but the network's own",
    }


class _Making:
    """One export in the making."""

    def __init__(
        self,
        folder: Path,
        to: To,
        samples: Tensor,
        test: tuple[Tensor, Tensor] | None,
        shared: dict[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.to = to
        # The graph takes no other floating-point numbers.
        kind = torch.uint8 if samples.dtype == torch.uint8 else torch.float32
        self.samples = samples.to("cpu", kind)
        self.truth = None if test is None else test[1].cpu()
        self.seen = self.samples if test is None else test[0].to("cpu", kind)
        self.shared = shared
        self.say = say

    def all(self, predictors: Sequence[Served], int8: bool) -> dict[str, Any]:
        """Write, check and measure every predictor: what is known of each file, by its name."""
        models: dict[str, Any] = {}
        for each in predictors:
            self.say(f"exporting {each.name}")
            name, run, about = self._written(each)
            models[name] = about
            if int8:
                models |= self._in_int8(each, name, run, about)
        if len(predictors) == 2:
            self._agreement(predictors, models)
        return models

    def _about(self, each: Served, numbers: str) -> dict[str, Any]:
        classes = len(self.shared["classes"])
        return {
            "predictor": each.name,
            "format": self.to,
            "numbers": numbers,
            "outputs": [
                {
                    "name": each.module.scores,
                    "type": "float32",
                    "shape": [torch_file.BATCH, classes],
                    "meaning": MEANINGS[each.scored_by],
                },
                {
                    "name": "label",
                    "type": "int64",
                    "shape": [torch_file.BATCH],
                    "meaning": "place of the best score among the classes",
                },
            ],
            "scored_by": each.scored_by,
        }

    def _written(self, each: Served) -> tuple[str, Run, dict[str, Any]]:
        name = f"{each.name}{ENDINGS[self.to]}"
        path, about = self.folder / name, self._about(each, "float32")
        each.library(self.samples[:2])  # says it better than torch.export where a shape is wrong
        program = torch_file.traced(each.module, self.samples)
        inside = {**self.shared, **about}
        if self.to == "onnx":
            onnx_file.write(program, path, each.module.scores, inside)
            run = onnx_file.opened(path)
        else:
            torch_file.write(program, path, inside)
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

    def _in_int8(self, each: Served, name: str, run: Run, about: dict[str, Any]) -> dict[str, Any]:
        """The same in int8, and all three measured side by side."""
        if self.truth is None:
            return {}
        self.say(f"quantising {each.name}, and measuring it")
        small = f"{each.name}.int8{ENDINGS[self.to]}"
        about_small = self._about(each, "int8 products, the rest float32")
        path = self.folder / small
        about_small["quantized"] = quantized(
            self.folder / name, path, self.samples, {**self.shared, **about_small}
        )
        about_small["bytes"] = path.stat().st_size
        runs = {name: run, small: onnx_file.opened(path), LIBRARY: each.library}
        figures = measured(runs, self.seen, self.truth)
        about["measured"], about_small["measured"] = figures[name], figures[small]
        about["measured"]["library"] = figures[LIBRARY]
        return {small: about_small}

    def _agreement(self, predictors: Sequence[Served], models: dict[str, Any]) -> None:
        """How often the one-pass predictor's labels are the scan's, by the library."""
        scan, one_pass = (labels(each.library, self.seen) for each in predictors)
        share = float((scan == one_pass).double().mean())
        models[f"one_pass{ENDINGS[self.to]}"]["agreement_with_scan"] = {
            "percent": 100 * share,
            "samples": len(scan),
            "of": "training" if self.truth is None else "test",
        }
