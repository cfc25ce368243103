"""``ff predict``: a run and files -> labels, with the score of every label; or numbers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from forward_forward.cli.flags import Name, Run, Switch, option

if TYPE_CHECKING:
    from torch import Tensor

    from forward_forward.forward import Network

    Samples = Iterator[tuple[list[dict[str, Any]], Tensor]]  # origins (file, row), [k, *shape]

AT_ONCE = 256  # rows of a table


@dataclass(frozen=True)
class PredictCommand:
    """Print the label of image files of any size, or the label or number of each row of tables."""

    # The run's folder.
    run: Run
    # One or more image files; tables if the run was trained on a table.
    files: Annotated[tuple[str, ...], tyro.conf.Positional, option("FILE ...")]
    # Print one JSON object per image or row, with the probability of every class.
    json: Switch = False
    # CSV file to write instead, with a line for each image or row: the predicted label and the
    # probability of every class, or the predicted number.
    out: Name = None
    # With --out: begin each line with all columns of the table.
    with_inputs: Switch = False

    def __call__(self) -> int:
        from forward_forward import checkpoint

        self._check()
        about = checkpoint.Run(self.run).about
        samples = self._samples(about)
        network = checkpoint.load(self.run)
        classes = about["data"]["classes"]
        temperature = self._temperature(about)
        answers = (
            (origin, answer)
            for origins, rows in samples
            for origin, answer in zip(
                origins, _answers(network, classes, rows, temperature), strict=True
            )
        )
        if self.out is not None:
            from forward_forward.cli import predictions_file

            columns = about.get("table") if self.with_inputs else None
            predictions_file.write(self.out, [*answers], self.files, columns)
            return 0
        for origin, answer in answers:
            if self.json:
                print(json.dumps({**origin, **answer}))
            else:
                print("\n".join(_lines(origin, answer)))
        return 0

    def _check(self) -> None:
        if not self.files:
            raise ValueError("expected at least one file, got none: ff predict RUN picture.png")
        if self.out is None:
            if self.with_inputs:
                raise ValueError("--with-inputs expects a file to write: add --out predictions.csv")
            return
        if self.json:
            raise ValueError("expected --json or --out, got both: omit one of them")
        if not self.out.lower().endswith(".csv"):
            raise ValueError(f"--out expects a file that ends in .csv, got {self.out!r}: rename it")
        if os.path.exists(self.out):
            for path in self.files:
                if os.path.exists(path) and os.path.samefile(path, self.out):
                    fix = "choose another --out"
                    raise ValueError(f"--out would overwrite {path!r}, which is read: {fix}")

    def _temperature(self, about: Mapping[str, Any]) -> float:
        """What scores are divided by in probabilities, with a warning if nothing was fitted."""
        if about["data"]["classes"] and "temperature" not in about and (self.json or self.out):
            fix = "probabilities are the softmax of the scores, and not calibrated"
            print(f"ff: warning: this run is older and has no temperature: {fix}", file=sys.stderr)
        return float(about.get("temperature", 1.0))

    def _samples(self, about: Mapping[str, Any]) -> Samples:
        if about.get("table"):
            return _rows(about["table"], self.files)
        if self.with_inputs:
            raise ValueError("--with-inputs is for runs on tables: omit it")
        if about.get("frame"):
            return _images(about["frame"], self.files)
        fix = "predict from Python, with ff.load(run)"
        raise ValueError(f"{self.run!r} was trained neither on images nor on a table: {fix}")


def _answers(
    network: Network, classes: list[str], samples: Tensor, temperature: float
) -> Iterator[dict[str, Any]]:
    """What is predicted of each sample, as ``--json`` prints it."""
    from forward_forward.examples import OrdinalBins

    if isinstance(network.examples, OrdinalBins):
        by_layer = network.examples.decide(network.goodness_by_layer(samples)).T.tolist()
        for number, alone in zip(network.predict(samples).tolist(), by_layer, strict=True):
            yield {"predicted": number, "by_layer": alone}
        return
    found = network.scores(samples)
    chances = (found.double() / temperature).softmax(1)
    for scores, chance in zip(found.tolist(), chances.tolist(), strict=True):
        named = dict(zip(classes, scores, strict=True))
        label = max(named, key=named.__getitem__)
        probabilities = {name: round(p, 6) for name, p in zip(classes, chance, strict=True)}
        answer = {"label": label, "read_by": network.reading, "scores": named}
        yield {**answer, "probabilities": probabilities}


def _lines(origin: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    where = ", ".join(f"row {value}" if name == "row" else value for name, value in origin.items())
    if "predicted" in answer:
        yield f"{where}: {answer['predicted']:.6g}"
        return
    yield f"{where}: {answer['label']}"
    for name, score in sorted(answer["scores"].items(), key=lambda pair: -pair[1]):
        yield f"  {answer['read_by']} of {name}: {score:.4f}"


def _rows(table: Mapping[str, Any], files: tuple[str, ...]) -> Samples:
    import torch

    from forward_forward.data.tables.layout import TableLayout

    layout = TableLayout.from_json(table)
    for path in files:
        number = 1
        for rows in torch.split(torch.from_numpy(layout.encode(path)), AT_ONCE):
            yield [{"table": path, "row": number + place} for place in range(len(rows))], rows
            number += len(rows)


def _images(frame: Mapping[str, Any], files: tuple[str, ...]) -> Samples:
    from forward_forward.data.pictures.framing import Frame, read_picture

    for path in files:
        sample, notes = read_picture(path, Frame.from_json(frame))
        for note in notes:
            print(f"{path}: {note}", file=sys.stderr)
        yield [{"picture": path}], sample
