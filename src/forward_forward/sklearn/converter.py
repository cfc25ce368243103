"""A fitted estimator, the variables it reads -> nodes of ONNX, as a converter for skl2onnx."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from forward_forward.export import onnx_file, torch_file
from forward_forward.sklearn.graph import EstimatorGraph, values_of

# What ONNX Runtime reads for a missing cell of text in an array of objects: None, NaN, pandas.NA.
MISSING_TEXT = ("None", "nan", "<NA>")
ML = "ai.onnx.ml"  # the domain of `LabelEncoder`
IS_MISSING: Mapping[str, Any] = {
    "keys_strings": list(MISSING_TEXT),
    "values_int64s": [1] * len(MISSING_TEXT),
    "default_int64": 0,
}

_OPSET = 18  # the oldest that torch writes


def register(kinds: Iterable[type]) -> None:
    """Register converters with skl2onnx: for these estimators, and for `SimpleImputer`.

    skl2onnx's own converter of `SimpleImputer` refuses missing text, and its numbers are float32.
    """
    from skl2onnx import update_registered_converter
    from skl2onnx.shape_calculators.imputer import calculate_sklearn_imputer_output_shapes
    from sklearn.impute import SimpleImputer

    for kind in kinds:
        options = {
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [False],  # labels are always in the file
        }
        classifier = hasattr(kind, "predict_proba")
        update_registered_converter(
            kind,
            f"ForwardForward{kind.__name__}",
            set_shapes,
            convert_estimator,
            options=options if classifier else None,
        )
    update_registered_converter(
        SimpleImputer,
        "ForwardForwardSimpleImputer",
        calculate_sklearn_imputer_output_shapes,
        convert_imputer,
    )


def set_shapes(operator: Any) -> None:
    """Set the types and shapes of an estimator's outputs, as skl2onnx calls it."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    estimator, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    *labels, numbers = operator.outputs
    width = _width(estimator)
    numbers.type.shape = [rows, width]
    for label in labels:
        several = getattr(estimator, "_multilabel", False)
        kind = StringTensorType if label_values(estimator).dtype == object else Int64TensorType
        label.set_type(kind([rows, width] if several else [rows]))


def _width(estimator: Any) -> int:
    """Columns of an estimator's numbers."""
    if hasattr(estimator, "transform"):
        return int(estimator._n_features_out)
    return len(estimator.classes_) if hasattr(estimator, "classes_") else 1


def label_values(estimator: Any) -> np.ndarray[Any, Any]:
    """The labels in an order that the graph numbers: text, or int64 as skl2onnx has all numbers.

    >>> from types import SimpleNamespace
    >>> label_values(SimpleNamespace(classes_=np.array([False, True])))
    array([0, 1])
    """
    classes = np.asarray(getattr(estimator, "classes_", np.arange(2)))
    if classes.dtype.kind in "biuf":  # scikit-learn refuses labels that are not whole numbers
        return classes.astype(np.int64)
    return np.array([str(each) for each in classes], dtype=object)


def convert_estimator(scope: Any, operator: Any, container: Any) -> None:
    """Add an estimator's nodes to a graph of skl2onnx.

    Raises:
        ValueError: The version of ONNX is too old, or the inputs are not those of `fit`.
    """
    from onnx import TensorProto, numpy_helper
    from skl2onnx.common.data_types import guess_proto_type

    estimator = operator.raw_operator
    if container.target_opset is not None and container.target_opset < _OPSET:
        raise ValueError(
            f"{type(estimator).__name__} expects target_opset of {_OPSET} or more, got"
            f" {container.target_opset}: leave it out, or raise it"
        )

    def node(kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or scope.get_unique_variable_name(kind.lower())
        container.add_node(kind, inputs, output, **attributes)
        return output

    columns = _columns(scope, operator, node)
    *labels, numbers = operator.outputs
    outputs = [scope.get_unique_variable_name(name) for name in ("label", "numbers")]
    graph = graph_of(estimator, outputs[-1 - len(labels) :])
    _insert(graph, {onnx_file.INPUT: columns}, scope, container)
    node("Cast", [outputs[1]], numbers.full_name, to=guess_proto_type(numbers.type))
    for label in labels:
        if not hasattr(estimator, "predict_proba") or estimator._multilabel:
            node("Cast", [outputs[0]], label.full_name, to=TensorProto.INT64)
            continue
        classes = scope.get_unique_variable_name("classes")
        container.initializers.append(numpy_helper.from_array(label_values(estimator), classes))
        node("Gather", [classes, outputs[0]], label.full_name, axis=0)


def graph_of(estimator: Any, outputs: list[str]) -> Any:
    """An estimator as an ``onnx.ModelProto`` of numbers [batch, features] in float64.

    The network is in float64 too, unless ONNX Runtime lacks one of its operations in float64, such
    as convolutions.
    """
    from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Lacking

    samples = torch.zeros(1, estimator.n_features_in_, dtype=torch.float64)

    def made(dtype: torch.dtype) -> Any:
        program = torch_file.traced(EstimatorGraph(estimator, dtype), samples)
        return onnx_file.model_of(program, outputs)

    try:
        return made(torch.float64)
    except Lacking:
        return made(torch.float32)


def _columns(scope: Any, operator: Any, node: Any) -> str:
    """The name of all columns [n, features] in float64; text is the number of its category."""
    from onnx import TensorProto
    from skl2onnx.common.data_types import StringTensorType

    categories = operator.raw_operator._inputs_of.categories
    parts = []
    for place, variable in enumerate(operator.inputs):
        name = variable.full_name
        if isinstance(variable.type, StringTensorType):
            if place not in categories or variable.type.shape[1] != 1:
                raise ValueError(
                    f"{type(operator.raw_operator).__name__} expects numbers, or columns that were"
                    f" categories in fit, one input each, got text in {variable.raw_name!r}: encode"
                    " it before, such as by OneHotEncoder"
                )
            values_of(categories[place])  # refuses what is no text
            texts = list(categories[place].categories)
            check_texts(texts)
            name = node(
                "LabelEncoder",
                [name],
                op_domain=ML,
                op_version=2,
                keys_strings=texts,
                values_floats=[float(code) for code in range(len(texts))],
                default_float=-1.0,
            )
        parts.append(node("Cast", [name], to=TensorProto.DOUBLE))
    joined: str = parts[0] if len(parts) == 1 else node("Concat", parts, axis=1)
    return joined


def check_texts(texts: Iterable[Any]) -> None:
    """Refuse a category that ONNX Runtime cannot tell from a missing cell.

    >>> check_texts(["red", "nan"])
    Traceback (most recent call last):
    ValueError: ONNX Runtime reads a missing cell as 'nan', which is also a category: rename it
    """
    for text in texts:
        if text in MISSING_TEXT:
            raise ValueError(
                f"ONNX Runtime reads a missing cell as {text!r}, which is also a category: rename"
                " it"
            )


def _insert(model: Any, names: dict[str, str], scope: Any, container: Any) -> None:
    """Add the nodes of a model to a graph; ``names`` gives those of its inputs."""
    import onnx

    kept = {each.name for each in model.graph.output}

    def name_of(name: str) -> str:
        if name and name not in names:
            names[name] = name if name in kept else scope.get_unique_variable_name(f"ff_{name}")
        return names.get(name, "")

    for tensor in model.graph.initializer:
        tensor.name = name_of(tensor.name)
        container.initializers.append(tensor)
    versions = {each.domain: each.version for each in model.opset_import}
    for each in model.graph.node:
        container.add_node(
            each.op_type,
            [name_of(name) for name in each.input],
            [name_of(name) for name in each.output],
            op_domain=each.domain,
            op_version=versions[each.domain],
            name=scope.get_unique_operator_name(each.op_type),
            **{part.name: onnx.helper.get_attribute_value(part) for part in each.attribute},
        )


def convert_imputer(scope: Any, operator: Any, container: Any) -> None:
    """Add a `SimpleImputer` for missing text, or for NaN in float64; others are skl2onnx's own.

    Raises:
        ValueError: It adds indicators, or drops columns that had no value in `fit`.
    """
    import pandas as pd
    from onnx import TensorProto, numpy_helper
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
    from skl2onnx.operator_converters.imputer_op import convert_sklearn_imputer

    imputer, kinds = operator.raw_operator, {type(each.type) for each in operator.inputs}
    text, number = kinds == {StringTensorType}, kinds == {DoubleTensorType}
    if not (text or number) or not pd.isna(imputer.missing_values):
        convert_sklearn_imputer(scope, operator, container)
        return
    if imputer.add_indicator or pd.isna(imputer.statistics_).any():
        found = "add_indicator=True" if imputer.add_indicator else "a column without any value"
        raise ValueError(
            f"export to ONNX expects a SimpleImputer that keeps its columns, got {found}: leave it"
            " out (FFClassifier and FFRegressor mark missing values themselves)"
        )
    filling = imputer.statistics_.astype(object if text else np.float64)
    fill = scope.get_unique_variable_name("filling")
    container.initializers.append(numpy_helper.from_array(filling[None], fill))
    columns, found, missing = (scope.get_unique_variable_name(name) for name in "cfm")
    container.add_node("Concat", [each.full_name for each in operator.inputs], columns, axis=1)
    if text:
        container.add_node("LabelEncoder", columns, found, op_domain=ML, op_version=2, **IS_MISSING)
        container.add_node("Cast", found, missing, to=TensorProto.BOOL)
    else:
        container.add_node("IsNaN", columns, missing)
    container.add_node("Where", [missing, fill, columns], operator.outputs[0].full_name)
