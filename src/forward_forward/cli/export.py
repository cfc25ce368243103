"""``ff export``: a run -> files that predict from raw samples without this library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import tyro

if TYPE_CHECKING:
    from torch import Tensor

    from forward_forward.data import Source

SAMPLES = 10_000  # of the training and of the test set at most


def export(
    run: tyro.conf.Positional[str],
    to: Literal["onnx", "torch"] = "onnx",
    predictor: Literal["scan", "one-pass", "both"] = "both",
    int8: bool = False,
    out: str | None = None,
    data: str | None = None,
    json: bool = False,
) -> int:
    """Write a trained network for ONNX Runtime or torch.export; each file is checked first.

    Pictures go in as raw pixels. What each file takes and gives is in export.json beside it.

    Args:
        run: The run's folder.
        to: onnx, or torch for torch.export's .pt2.
        predictor: scan looks at the goodness of every label, one-pass reads a softmax head or
            linear scores fitted to the scan; both where both are possible.
        int8: Write ONNX files with int8 products too, and measure errors, sizes and times of all.
        out: The folder of the files; RUN/export by default.
        data: The training data, as `ff train` takes them; by default where the run says they are.
        json: Print export.json.
    """
    import json as json_format
    import sys
    from pathlib import Path

    from forward_forward import checkpoint, export, notation
    from forward_forward.cli.train_output import say_reading
    from forward_forward.datasets.run_data import sets_of, sets_of_run, unchanged

    about = checkpoint.Run(run).about
    command = about.get("command", {})
    if data is None and "data" not in command:
        raise ValueError(f"{run!r} does not say what data it was trained on: give --data")
    try:
        network = checkpoint.load(run)
    except notation.OwnCode as error:
        raise ValueError(
            f"this run has code of your own ({error.text}), which is never run because a file names"
            " it: build the network in Python and call ff.export.export(ff.load(run,"
            " network=network), samples, folder)"
        ) from error
    say_reading(data or command["data"])
    sets = sets_of_run(about) if data is None else sets_of({**command, "data": data})
    if data is None:
        unchanged(about, sets, "Put them back, or name the training data with --data")
    if list(sets.classes) != about["data"]["classes"]:
        raise ValueError(
            f"the run was trained on the classes {about['data']['classes']}, got data with"
            f" {list(sets.classes)}: give --data of the same classes"
        )
    folder = Path(run, "export") if out is None else Path(out)
    result = export.export(
        network,
        raw_samples(sets.train)[0],
        folder,
        to=to,
        predictor=predictor,
        classes=sets.classes,
        columns=None if sets.layout is None else sets.layout.inputs(),
        test=raw_samples(sets.test),
        int8=int8,
        say=lambda line: print(line, file=sys.stderr),
    )
    if json:
        print(json_format.dumps({"folder": str(folder), **result}))
    else:
        print("\n".join(_lines(result)))
        print(f"folder: {folder}")
    return 0


def raw_samples(source: Source) -> tuple[Tensor, Tensor]:
    """Up to 10,000 samples of a set as they were before they were scaled, drawn at random.

    Args:
        source: The set.

    Returns:
        Samples [n, *shape], in uint8 where they are pictures of that type, and their labels [n].
    """
    import torch

    from forward_forward import seeds
    from forward_forward.data import Data, Folder

    xs, ys, count = [], [], 0
    for x, y, _ in source.batches(500, shuffle=seeds.generator(0, "export")):
        xs.append(x)
        ys.append(y)
        count += len(y)
        if count >= SAMPLES:
            break
    x, y = torch.cat(xs)[:SAMPLES], torch.cat(ys)[:SAMPLES]
    held = isinstance(source, Data) and source.inputs.dtype == torch.uint8
    if held or isinstance(source, Folder):
        x = (x * 255).round().to(torch.uint8)  # what was divided by 255 comes back exactly
    return x, y


def _lines(result: dict[str, Any]) -> list[str]:
    """What was found, in words, and a table where it was measured."""
    lines = []
    for name, model in result["models"].items():
        if "verified" not in model:
            continue
        check = model["verified"]
        ties = check["labels_another_in_a_tie"]
        equal = f"labels identical but for {ties} ties" if ties else "labels identical"
        lines.append(
            f"{name}: largest relative difference {check['largest_relative_difference']:.1e} at"
            f" batches of {' and '.join(map(str, check['batches']))}, {equal}"
        )
        if "agreement_with_scan" in model:
            agreement = model["agreement_with_scan"]
            lines.append(
                f"  its labels are the scan's for {agreement['percent']:.2f} % of"
                f" {agreement['samples']:,} {agreement['of']} samples"
            )
    return [*lines, *_table(result["models"])]


def _table(models: dict[str, Any]) -> list[str]:
    rows = []
    for name, model in models.items():
        if "measured" not in model:
            continue
        way = f" ({model['quantized']['way']})" if "quantized" in model else ""
        rows.append(_row(f"{name}{way}", f"{model['bytes']:,}", model["measured"]))
        if "library" in model["measured"]:
            rows.append(_row("  by this library", "", model["measured"]["library"]))
    if not rows:
        return []
    head = ("", "bytes", "test error %", "labels as float32 %", "ms/sample at 1", "at 256")
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in (head, *rows)
    ]


def _row(name: str, size: str, figures: dict[str, Any]) -> tuple[str, ...]:
    seconds = figures["seconds_a_sample"]
    return (
        name,
        size,
        f"{figures['test_error']:.2f}",
        f"{figures['labels_equal']:.2f}",
        f"{1000 * seconds['1']:.3f}",
        f"{1000 * seconds['256']:.4f}",
    )
