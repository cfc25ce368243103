"""A graph -> an .onnx file; the file, raw samples [batch, *shape] -> what ONNX Runtime gives."""

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
    """Refuse to begin where a package that ONNX needs is missing.

    Raises:
        ImportError: With the line that installs them.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ImportError(
                f"an export to ONNX expects onnx, onnxscript and onnxruntime, and {name} is not to"
                ' be had: pip install "forward-forward[onnx]"'
            ) from error


def write(program: ExportedProgram, path: Path, scores: str, about: Mapping[str, Any]) -> None:
    """Write a graph as ONNX.

    Args:
        program: The graph of a predictor.
        path: The file.
        scores: Name of the first output; the second is ``label``.
        about: What goes into the file's ``metadata_props``; what is no text, as JSON.
    """
    import onnx

    raw = path.with_name(f"{path.name}.raw")
    with _quiet():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            dynamic_shapes=({0: BATCH},),
            input_names=[INPUT],
            output_names=[scores, "label"],
            # The exporter's own simplification takes an addition of 1e-8 for one of 0, and a blank
            # sample would be divided by 0.
            optimize=False,
            verbose=False,
        )
    if exported is None:
        raise RuntimeError("torch.onnx.export gave no model")
    onnx.save_model(exported.model_proto, str(raw))
    _fold(raw, path)
    raw.unlink()
    save(onnx.load(str(path)), path, about)


def _fold(path: Path, out: Path) -> None:
    """Compute once what is constant, such as the labels' part of the first layer."""
    import onnxruntime

    options = _options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    onnxruntime.InferenceSession(str(path), options, providers=_PROVIDERS)


def save(model: Any, path: Path, about: Mapping[str, Any]) -> None:
    """Write a model with what is to be known about it, and without what the makers noted.

    Args:
        model: An ``onnx.ModelProto``; it is changed.
        path: The file.
        about: What goes into ``metadata_props``; what is no text, as JSON.
    """
    import onnx

    for each in (model.graph, *model.graph.node, *model.graph.value_info):
        del each.metadata_props[:]  # files of this machine are among them
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
    """Keep back what the exporter says of itself and of torchvision, which is not used."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Torch copies a class of its own that it has itself declared outdated.
            warnings.filterwarnings("ignore", r".*LeafSpec.* is deprecated", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _options() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    options.intra_op_num_threads = torch.get_num_threads()
    # Its threads would go on running for a while after each call, in the way of what comes next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def opened(path: Path) -> Run:
    """The outputs of an .onnx file for raw samples, by ONNX Runtime on as many threads as torch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), _options(), providers=_PROVIDERS)

    def run(x: Tensor) -> Scored:
        scores, label = session.run(None, {INPUT: x.numpy()})
        return torch.from_numpy(scores), torch.from_numpy(label)

    return run
