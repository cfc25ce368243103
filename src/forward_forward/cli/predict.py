"""``ff predict``: a run and files -> labels, with the score of every label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import tyro

if TYPE_CHECKING:
    from torch import Tensor


def predict(
    run: tyro.conf.Positional[str],
    files: tyro.conf.Positional[tuple[str, ...]],
    json: bool = False,
) -> int:
    """The label of picture files of any size, or of each row of tables.

    Args:
        run: The run's folder.
        files: One or more picture files; tables, where the run was trained on one.
        json: Print one JSON object a picture or row.
    """
    import json as json_format

    from forward_forward import checkpoint

    if not files:
        raise ValueError("expected at least one file: ff predict RUN picture.png")
    about = checkpoint.Run(run).about
    read = _samples(run, about, files)
    network = checkpoint.load(run)
    classes = about["data"]["classes"]
    for where, sample in read:
        scores = network.scores(sample)[0].tolist()
        label = classes[max(range(len(scores)), key=scores.__getitem__)]
        named = dict(zip(classes, scores, strict=True))
        if json:
            found = {**where, "label": label, "read_by": network.reading, "scores": named}
            print(json_format.dumps(found))
            continue
        print(f"{', '.join(map(_said, where.items()))}: {label}")
        for name, score in sorted(named.items(), key=lambda pair: -pair[1]):
            print(f"  {network.reading} of {name}: {score:.4f}")
    return 0


def _said(where: tuple[str, Any]) -> str:
    name, value = where
    return f"row {value}" if name == "row" else str(value)


def _samples(
    run: str, about: Mapping[str, Any], files: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], Tensor]]:
    """Samples [1, *shape], each with the file, and row of a table, that it comes from."""
    if about.get("table"):
        return _rows(about["table"], files)
    if about.get("frame"):
        return _pictures(about["frame"], files)
    raise ValueError(
        f"{run!r} was trained neither on pictures nor on a table: predict from Python, ff.load(run)"
    )


def _rows(
    table: Mapping[str, Any], files: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], Tensor]]:
    import torch

    from forward_forward.data.tables.layout import TableLayout

    layout = TableLayout.from_json(table)
    for path in files:
        for number, row in enumerate(torch.from_numpy(layout.encode(path)), 1):
            yield {"table": path, "row": number}, row[None]


def _pictures(
    frame: Mapping[str, Any], files: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], Tensor]]:
    import sys

    from forward_forward.data.pictures.framing import Frame, read_picture

    for path in files:
        sample, done = read_picture(path, Frame.from_json(frame))
        for words in done:
            print(f"{path}: {words}", file=sys.stderr)
        yield {"picture": path}, sample
