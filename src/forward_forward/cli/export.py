"""``ff export``: a run -> files that work from raw samples without this library."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forward_forward.cli.flags import Folder, Name, Number, Run, Switch

if TYPE_CHECKING:
    from torch import Tensor

    from forward_forward.data import Source
    from forward_forward.datasets import Sets
    from forward_forward.forward import Network

SUFFIX = ".skops"
BATCH, BATCHES = 500, 20  # at most 10,000 samples of the training set, and of the test set


@dataclass(frozen=True)
class ExportCommand:
    """Write a trained network for ONNX Runtime, torch.export, microcontrollers or a browser.

    Each file is checked against the network first. Images are passed as raw pixels. export.json,
    next to the files, says what each one takes and returns.
    """

    # The run's folder, or an estimator or a pipeline that skops has saved (.skops).
    run: Run
    # onnx, torch for a .pt2 file of torch.export, c for a C99 source that predicts and goes on
    # learning on a microcontroller, or web for an HTML file in which the network does so.
    to: Literal["onnx", "torch", "c", "web"] = "onnx"
    # scan computes the goodness of every label, one-pass reads a softmax head or linear scores
    # fitted to the scan; both writes both if possible.
    predictor: Literal["scan", "one-pass", "both"] = "both"
    # Also write ONNX files with int8 products, and measure errors, sizes and times of all files.
    int8: Switch = False
    # Type of the weights in C. Integers have a scale for each unit.
    numbers: Literal["float32", "int16", "int8"] = "float32"
    # Classes that the network can learn, in C or in the page, besides those of the run.
    spare_classes: int = 0
    # Learning rate of the device or the page at the start, 0.01 by default.
    rate: Number = None
    # Folder of the files, by default RUN/export, RUN/device for c or RUN/page for web; for a .skops
    # file, the .onnx file.
    out: Folder = None
    # The training data, specified as for `ff train`; by default those that the run names. For a
    # saved pipeline, a table with rows as in fit.
    data: Name = None
    # Print export.json.
    json: Switch = False

    def __call__(self) -> int:
        from forward_forward import export

        if self.run.endswith(SUFFIX):
            return self._convert_stored()
        if self.out is None and self.run.startswith("hf:"):
            raise ValueError(
                f"expected a folder to write to, for {self.run!r} has none: pass --out"
            )
        self._check()
        network, sets = self._read()
        folder = Path(self.run, self._folder) if self.out is None else Path(self.out)
        if self.to in ("c", "web"):
            return self._write_device(network, sets, folder)
        result = export.export(
            network,
            raw_samples(sets.train)[0],
            folder,
            to="torch" if self.to == "torch" else "onnx",
            predictor=self.predictor,
            classes=sets.classes,
            columns=None if sets.layout is None else sets.layout.inputs(),
            test=raw_samples(sets.test),
            int8=self.int8,
            say=lambda line: print(line, file=sys.stderr),
        )
        if self.json:
            print(json.dumps({"folder": str(folder), **result}))
        else:
            _print_result(result)
            print(f"folder: {folder}")
        return 0

    @property
    def _folder(self) -> str:
        return {"c": "device", "web": "page"}.get(self.to, "export")

    def _check(self) -> None:
        """Refuse options of another kind of file."""
        learns = self.to in ("c", "web")
        if learns and (self.int8 or self.predictor != "both"):
            raise ValueError(
                "--predictor and --int8 are for onnx and torch; for integers in C: --numbers"
            )
        if self.numbers != "float32" and self.to != "c":
            raise ValueError("--numbers is for --to c")
        if not learns and (self.spare_classes or self.rate is not None):
            raise ValueError("--spare-classes and --rate are for --to c and --to web")

    def _write_device(self, network: Network, sets: Sets, folder: Path) -> int:
        """Write the C program or the page."""
        from forward_forward import export
        from forward_forward.cli.export_device import print_device, print_page

        x, y = raw_samples(sets.train)
        common: dict[str, Any] = {
            "classes": sets.classes,
            "spare_classes": self.spare_classes,
            "rate": export.RATE if self.rate is None else self.rate,
            "say": lambda line: print(line, file=sys.stderr),
        }
        if self.to == "c":
            test = raw_samples(sets.test)
            about = export.c(network, x, folder, numbers=self.numbers, test=test, **common)
        else:
            about = export.web(network, x, y, folder, **common)
        if self.json:
            print(json.dumps({"folder": str(folder), **about}))
        elif self.to == "c":
            print_device(about)
            print(f"folder: {folder}")
        else:
            print_page(about)
        return 0

    def _convert_stored(self) -> int:
        """Convert an estimator or a pipeline."""
        from forward_forward.sklearn.stored import stored_to_onnx

        if self.to != "onnx" or self.predictor != "both" or self.int8:
            raise ValueError(
                "a .skops file becomes one ONNX file: omit --to, --predictor and --int8"
            )
        path = Path(self.run).with_suffix(".onnx") if self.out is None else Path(self.out)
        stored_to_onnx(Path(self.run), path, None if self.data is None else Path(self.data))
        print(json.dumps({"file": str(path)}) if self.json else f"file: {path}")
        return 0

    def _read(self) -> tuple[Network, Sets]:
        """The run's network and data."""
        from forward_forward import checkpoint, notation
        from forward_forward.cli.train_output import say_reading
        from forward_forward.datasets.run_data import sets_like, sets_of_run, unchanged

        about = checkpoint.Run(self.run).about
        command = about.get("command", {})
        if self.data is None and "data" not in command:
            raise ValueError(f"{self.run!r} does not name its training data: pass --data")
        try:
            network = checkpoint.load(self.run)
        except notation.OwnCode as error:
            raise ValueError(
                f"this run contains your own code ({error.text}), which is never run just because a"
                " file names it: build the network in Python and call ff.export.export(ff.load(run,"
                " network=network), samples, folder)"
            ) from error
        say_reading(self.data or command["data"])
        if self.data is None:
            sets = sets_of_run(about)
        else:
            before = command.get("data", self.data)
            sets = sets_like({**command, "data": self.data}, before=before)
        if self.data is None:
            unchanged(about, sets, "Restore them, or name the training data with --data")
        if list(sets.classes) != about["data"]["classes"]:
            expected = f"the run was trained on the classes {about['data']['classes']}"
            fix = "pass --data with the same classes"
            raise ValueError(f"{expected}, got data with {list(sets.classes)}: {fix}")
        return network, sets


def raw_samples(source: Source) -> tuple[Tensor, Tensor]:
    """Up to 10,000 random samples [n, *shape], uint8 if images are of that type, and labels [n]."""
    import torch

    from forward_forward import seeds
    from forward_forward.data import Data, Folder

    batches = source.batches(BATCH, shuffle=seeds.generator(0, "export"))
    xs, ys, _ = zip(*islice(batches, BATCHES), strict=True)
    x, y = torch.cat(xs), torch.cat(ys)
    in_memory = isinstance(source, Data) and source.inputs.dtype == torch.uint8
    if in_memory or isinstance(source, Folder):
        x = (x * 255).round().to(torch.uint8)  # exact, since it was divided by 255
    return x, y


def _print_result(result: dict[str, Any]) -> None:
    """Print how far each file agrees with the network, and its error, size and time if measured."""
    from forward_forward.cli.tables import print_table

    for name, model in result["models"].items():
        if "verified" not in model:
            continue
        check = model["verified"]
        ties = check["labels_another_in_a_tie"]
        equal = f"labels identical except for {ties} ties" if ties else "labels identical"
        batches = " and ".join(map(str, check["batches"]))
        difference = f"largest relative difference {check['largest_relative_difference']:.1e}"
        print(f"{name}: {difference} in batches of {batches}, {equal}")
        if "agreement_with_scan" in model:
            agreement = model["agreement_with_scan"]
            samples = f"{agreement['samples']:,} {agreement['of']} samples"
            percent = f"{agreement['percent']:.2f} %"
            print(f"  agrees with the scan on {percent} of {samples}")
    if rows := _rows(result["models"]):
        print_table("", [_COLUMNS, *rows])


_COLUMNS = ("", "bytes", "test error %", "agreement with float32 %", "ms/sample at 1", "at 256")


def _rows(models: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for name, model in models.items():
        if "measured" not in model:
            continue
        way = f" ({model['quantized']['way']})" if "quantized" in model else ""
        rows.append(_row(f"{name}{way}", f"{model['bytes']:,}", model["measured"]))
        if "library" in model["measured"]:
            rows.append(_row("  by this library", "", model["measured"]["library"]))
    return rows


def _row(name: str, size: str, figures: dict[str, Any]) -> tuple[str, ...]:
    errors = f"{figures['test_error']:.2f}", f"{figures['labels_equal']:.2f}"
    seconds = figures["seconds_a_sample"]
    return name, size, *errors, f"{1000 * seconds['1']:.3f}", f"{1000 * seconds['256']:.4f}"
