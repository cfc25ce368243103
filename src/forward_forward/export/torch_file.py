"""A predictor -> its graph and a .pt2 file; the file, raw samples [batch, *shape] -> its outputs.

The file needs only torch, not this package: ``torch.export.load(path).module()``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from forward_forward.export.predictors import Scored

Run = Callable[[Tensor], Scored]

BATCH = "batch"


def traced(predictor: nn.Module, samples: Tensor) -> ExportedProgram:
    """The graph of a predictor, for any number of samples of the same shape and type.

    Raises:
        RuntimeError: Torch cannot trace it, e.g. because a block branches on values.
    """
    # Two samples: torch treats a batch size of one as a constant.
    example = torch.zeros(2, *samples.shape[1:], dtype=samples.dtype)
    try:
        program = torch.export.export(predictor, (example,), dynamic_shapes=({0: Dim(BATCH)},))
    except Exception as error:  # a user's block may raise anything
        reason = str(error).strip().partition("\n")[0]
        raise RuntimeError(
            f"torch.export cannot trace this network ({reason}): a block must not branch on values"
            " or on len(x); x.shape[0] is allowed"
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def write(program: ExportedProgram, path: Path, about: Mapping[str, Any]) -> None:
    """Write a graph as .pt2, with its description as ``about.json`` inside."""
    torch.export.save(program, path, extra_files={"about.json": json.dumps(about)})


def opened(path: Path) -> Run:
    """The outputs of a .pt2 file for raw samples."""
    module = torch.export.load(path).module()

    def run(x: Tensor) -> Scored:
        with torch.no_grad():
            scores, label = module(x)
        return scores, label

    return run
