"""A fitted pipeline or estimator, rows as they were fitted on -> an .onnx file that predicts alone.

``register`` tells skl2onnx of the estimators, for those who call it themselves; ``to_onnx`` does
it, chooses skl2onnx's types and options, and verifies the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forward_forward.export import onnx_file
from forward_forward.sklearn import converter
from forward_forward.sklearn.classifier import FFClassifier
from forward_forward.sklearn.detector import FFDetector
from forward_forward.sklearn.exported import export
from forward_forward.sklearn.regressor import FFRegressor
from forward_forward.sklearn.transformer import FFTransformer


def register() -> None:
    """Register the estimators with skl2onnx, whose functions then take models that contain them.

    Raises:
        ImportError: skl2onnx or another package is missing.
    """
    onnx_file.check_installed("skl2onnx")
    converter.register((FFClassifier, FFDetector, FFRegressor, FFTransformer))


def to_onnx(model: Any, X: Any, path: Path | str) -> None:
    """Write a fitted model, such as a pipeline that ends in an `FFClassifier`, as one ONNX file.

    The file takes the rows that ``model.predict`` takes: of an array, one input "X" [batch,
    columns]; of a DataFrame, an input [batch, 1] for each column, named like it. Numbers are
    float64, NaN if missing; text is an array of objects, with None or NaN if missing. Outputs are
    ``label`` and ``probabilities`` of a classifier, ``label`` and ``scores`` of a detector, else
    ``variable`` [batch, 1 or more]. ONNX Runtime runs it on ``X`` and its outputs are compared with
    the model's before anything is written.

    Args:
        model: The fitted estimator, pipeline or search.
        X: Rows as in fit, with examples of missing cells if there may be any.
        path: The file, which is replaced if it exists.

    Raises:
        ImportError: A package that the export needs is missing.
        RuntimeError: An output of the file differs from the model's.
        ValueError: A column or a step has no counterpart in ONNX.
    """
    register()
    export(model, X, Path(path))
