"""``ff predict``: a run and files -> labels, with the score of every label; or numbers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from forward_forward.cli.flags import Run, Switch, option

if TYPE_CHECKING:
    from torch import Tensor

    Samples = Iterator[tuple[dict[str, Any], Tensor]]  # origin (file, row), sample [1, *shape]


@dataclass(frozen=True)
class PredictCommand:
    """Print the label of image files of any size, or the label or number of each row of tables."""

    # The run's folder.
    run: Run
    # One or more image files; tables if the run was trained on a table.
    files: Annotated[tuple[str, ...], tyro.conf.Positional, option("FILE ...")]
    # Print one JSON object per image or row.
    json: Switch = False

    def __call__(self) -> int:
        from forward_forward import checkpoint
        from forward_forward.examples import OrdinalBins

        if not self.files:
            raise ValueError("expected at least one file, got none: ff predict RUN picture.png")
        about = checkpoint.Run(self.run).about
        samples = self._samples(about)
        network = checkpoint.load(self.run)
        classes = about["data"]["classes"]
        for origin, sample in samples:
            where = (f"row {value}" if name == "row" else value for name, value in origin.items())
            if isinstance(network.examples, OrdinalBins):
                by_layer = network.examples.decide(network.goodness_by_layer(sample))[:, 0].tolist()
                number = float(network.predict(sample))
                found = {**origin, "prediction": number, "by_layer": by_layer}
                print(json.dumps(found) if self.json else f"{', '.join(where)}: {number:.6g}")
                continue
            named = dict(zip(classes, network.scores(sample)[0].tolist(), strict=True))
            label = max(named, key=named.__getitem__)
            if self.json:
                found = {**origin, "label": label, "read_by": network.reading, "scores": named}
                print(json.dumps(found))
                continue
            print(f"{', '.join(where)}: {label}")
            for name, score in sorted(named.items(), key=lambda pair: -pair[1]):
                print(f"  {network.reading} of {name}: {score:.4f}")
        return 0

    def _samples(self, about: Mapping[str, Any]) -> Samples:
        if about.get("table"):
            return _rows(about["table"], self.files)
        if about.get("frame"):
            return _images(about["frame"], self.files)
        fix = "predict from Python, with ff.load(run)"
        raise ValueError(f"{self.run!r} was trained neither on images nor on a table: {fix}")


def _rows(table: Mapping[str, Any], files: tuple[str, ...]) -> Samples:
    import torch

    from forward_forward.data.tables.layout import TableLayout

    layout = TableLayout.from_json(table)
    for path in files:
        for number, row in enumerate(torch.from_numpy(layout.encode(path)), 1):
            yield {"table": path, "row": number}, row[None]


def _images(frame: Mapping[str, Any], files: tuple[str, ...]) -> Samples:
    from forward_forward.data.pictures.framing import Frame, read_picture

    for path in files:
        sample, notes = read_picture(path, Frame.from_json(frame))
        for note in notes:
            print(f"{path}: {note}", file=sys.stderr)
        yield {"picture": path}, sample
