"""A graph -> an .onnx file; the file, raw samples [batch, *shape] -> ONNX Runtime's outputs."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from forward_forward.export.predictors import Scored
from forward_forward.export.torch_file import BATCH, Run

INPUT = "samples"

_PROVIDERS = ["CPUExecutionProvider"]


def check_installed(*also: str) -> None:
    """Raise an ImportError with the command to install them if packages for ONNX are missing."""
    for name in ("onnx", "onnxscript", "onnxruntime", *also):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"export to ONNX needs {', '.join(('onnx, onnxscript', *also))} and onnxruntime,"
                f' but {name} is not installed: pip install "forward-forward[onnx]"'
            ) from error


def write(program: ExportedProgram, path: Path, scores: str, about: Mapping[str, Any]) -> None:
    """Write a graph as ONNX, with outputs called ``scores`` and "label", and its description."""
    save(model_of(program, [scores, "label"]), path, about)


def model_of(program: ExportedProgram, outputs: Sequence[str]) -> Any:
    """A graph as an ``onnx.ModelProto`` with outputs of these names, its constants folded."""
    import onnx

    with _quiet():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            dynamic_shapes=({0: BATCH},),
            input_names=[INPUT],
            output_names=list(outputs),
            # The exporter's own simplification treats an addition of 1e-8 as one of 0, and a blank
            # sample would be divided by 0.
            optimize=False,
            verbose=False,
        )
    if exported is None:
        raise RuntimeError("torch.onnx.export returned no model")
    with TemporaryDirectory() as temporary:
        raw, folded = (Path(temporary) / name for name in ("raw.onnx", "folded.onnx"))
        onnx.save_model(exported.model_proto, str(raw))
        _fold(raw, folded)
        return onnx.load(str(folded))


def _fold(path: Path, out: Path) -> None:
    """Fold constants, such as the contribution of the labels to the first layer."""
    import onnxruntime

    settings = options()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    settings.optimized_model_filepath = str(out)
    onnxruntime.InferenceSession(str(path), settings, providers=_PROVIDERS)


def save(model: Any, path: Path, about: Mapping[str, Any]) -> None:
    """Write an ``onnx.ModelProto``, which is changed, without the metadata of the exporter.

    Its description becomes ``metadata_props``; values other than text are written as JSON.
    """
    import onnx

    for each in (model.graph, *model.graph.node, *model.graph.value_info):
        del each.metadata_props[:]  # they contain paths of this machine
    used = {each.domain for each in model.graph.node}
    versions = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(versions)
    properties = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()
    }
    onnx.helper.set_model_props(model, properties)
    onnx.save_model(model, str(path))
    onnx.checker.check_model(str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's messages about itself and about torchvision, which is not used."""
    names = "torch.onnx._internal.exporter._registration", "onnx_ir._convenience"
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Torch copies a class that it has deprecated itself.
            warnings.filterwarnings("ignore", r".*LeafSpec.* is deprecated", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def options() -> Any:
    """ONNX Runtime's options for a session that uses as many threads as torch."""
    import onnxruntime

    made = onnxruntime.SessionOptions()
    made.log_severity_level = 3  # errors only
    made.intra_op_num_threads = torch.get_num_threads()
    # Its threads would spin for a while after each call and slow down whatever runs next.
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return made


def opened(path: Path) -> Run:
    """The outputs of an .onnx file for raw samples; ONNX Runtime uses as many threads as torch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), options(), providers=_PROVIDERS)

    def run(x: Tensor) -> Scored:
        scores, label = session.run(None, {INPUT: x.numpy()})
        return torch.from_numpy(scores), torch.from_numpy(label)

    return run
