"""A graph -> an .onnx file; the file, raw samples [batch, *shape] -> ONNX Runtime's outputs."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from forward_forward.export.predictors import Scored
from forward_forward.export.torch_file import BATCH, Run

INPUT = "samples"

_PROVIDERS = ["CPUExecutionProvider"]


def check_installed() -> None:
    """Raise an ImportError with the command to install them if packages for ONNX are missing."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"export to ONNX needs onnx, onnxscript and onnxruntime, but {name} is not"
                ' installed: pip install "forward-forward[onnx]"'
            ) from error


def write(program: ExportedProgram, path: Path, scores: str, about: Mapping[str, Any]) -> None:
    """Write a graph as ONNX, with outputs called ``scores`` and "label", and its description."""
    import onnx

    raw = path.with_name(f"{path.name}.raw")
    with _quiet():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            dynamic_shapes=({0: BATCH},),
            input_names=[INPUT],
            output_names=[scores, "label"],
            # The exporter's own simplification treats an addition of 1e-8 as one of 0, and a blank
            # sample would be divided by 0.
            optimize=False,
            verbose=False,
        )
    if exported is None:
        raise RuntimeError("torch.onnx.export returned no model")
    onnx.save_model(exported.model_proto, str(raw))
    _fold(raw, path)
    raw.unlink()
    save(onnx.load(str(path)), path, about)


def _fold(path: Path, out: Path) -> None:
    """Fold constants, such as the contribution of the labels to the first layer."""
    import onnxruntime

    options = _options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    onnxruntime.InferenceSession(str(path), options, providers=_PROVIDERS)


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
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Torch copies a class that it has deprecated itself.
            warnings.filterwarnings("ignore", r".*LeafSpec.* is deprecated", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _options() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = torch.get_num_threads()
    # Its threads would spin for a while after each call and slow down whatever runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def opened(path: Path) -> Run:
    """The outputs of an .onnx file for raw samples; ONNX Runtime uses as many threads as torch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), _options(), providers=_PROVIDERS)

    def run(x: Tensor) -> Scored:
        scores, label = session.run(None, {INPUT: x.numpy()})
        return torch.from_numpy(scores), torch.from_numpy(label)

    return run
