"""A fitted model, rows [n, columns] -> a verified .onnx file; an estimator -> rows to verify on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from forward_forward import __version__, files
from forward_forward.export import onnx_file
from forward_forward.export.folder import MADE_BY
from forward_forward.sklearn.converter import IS_MISSING, MISSING_TEXT, ML, register
from forward_forward.sklearn.inputs import Array

TOLERANCE = 1e-5  # of probabilities; of other numbers, relative to the largest
COLUMNS = "X"  # the input of all columns in one
GAPS = 0.1  # fraction of missing cells among made-up rows

_ROWS = 500


def export(model: Any, X: Any, path: Path) -> None:
    """Write a model whose estimators are registered with skl2onnx; see `onnx.to_onnx`."""
    import onnxruntime
    import skl2onnx

    model = getattr(model, "best_estimator_", model)
    check_is_fitted(model)
    feeds = feeds_of(X[:_ROWS])
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    proto = skl2onnx.convert_sklearn(
        model,
        name=type(last).__name__,
        initial_types=[(name, _type(values)) for name, values in feeds.items()],
        options={id(last): {"zipmap": False}} if is_classifier(last) else None,
    )
    _name_inputs(proto, feeds)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), onnx_file.options())
    names = [each.name for each in session.get_inputs()]
    feeds = dict(zip(names, feeds.values(), strict=True))
    found = session.run(None, feeds)
    _verify(found, _expected(model, X[:_ROWS]), path)
    alone = session.run(None, {name: values[:1] for name, values in feeds.items()})
    _verify(alone, [each[:1] for each in found], path)
    with TemporaryDirectory() as temporary:
        made = Path(temporary) / path.name
        about = {"made_by": MADE_BY, "version": __version__}
        onnx_file.save(proto, made, about)
        files.write(path, made.read_bytes())


def export_own(estimator: Any, path: Path) -> None:
    """Write an estimator of ours, compared with it on rows that are made up."""
    onnx_file.check_installed("skl2onnx")
    register([type(estimator)])
    export(estimator, rows_like(estimator), path)


def feeds_of(X: Any) -> dict[str, Array]:
    """Rows as ONNX Runtime takes them: an array each for the columns of a frame, else "X".

    Raises:
        ValueError: A column is neither numbers nor text, or there are no columns.

    >>> import pandas as pd
    >>> {name: each.tolist() for name, each in feeds_of(pd.DataFrame({"a": [1, 2]})).items()}
    {'a': [[1.0], [2.0]]}
    """
    if not hasattr(X, "iloc"):
        rows = np.asarray(X)
        if rows.ndim != 2:
            raise ValueError(
                "export to ONNX expects rows [n, columns] as a dense array or a DataFrame, got"
                f" {type(X).__name__}: use X.toarray() if it is sparse"
            )
        return {COLUMNS: _cells(rows, COLUMNS)}
    columns = {str(name): X.iloc[:, place] for place, name in enumerate(X.columns)}
    return {name: _cells(_plain(column), name)[:, None] for name, column in columns.items()}


def _plain(column: Any) -> Array:
    """A column of pandas as an array: numbers of its own types become float64."""
    if getattr(column.dtype, "kind", "O") in "biuf":
        plain: Array = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return plain
    return np.asarray(column)


def _cells(values: Array, name: str) -> Array:
    """Numbers as float64, text as objects."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind in "OUT":
        return values.astype(object)
    raise ValueError(
        f"export to ONNX expects columns of numbers or text, got {values.dtype} in {name!r}: make"
        " it one of them before fit"
    )


def _name_inputs(proto: Any, feeds: dict[str, Array]) -> None:
    """Call the inputs like the columns, and read every kind of missing text as the one in fit."""
    from onnx import TensorProto, helper, numpy_helper

    graph, first = proto.graph, []
    outputs = {each.name for each in graph.output}
    for value, (column, cells) in zip(graph.input, feeds.items(), strict=True):
        given = value.name
        inner = name = value.name = given if column in outputs else column
        kinds = set(MISSING_TEXT) & set(map(str, cells.flat)) if cells.dtype == object else set()
        if len(kinds) == 1:
            inner, code, missing, token = (f"{name}/{part}" for part in ("text", "c", "m", "none"))
            graph.initializer.append(numpy_helper.from_array(np.array([*kinds], object), token))
            first += [
                helper.make_node("LabelEncoder", [name], [code], domain=ML, **IS_MISSING),
                helper.make_node("Cast", [code], [missing], to=TensorProto.BOOL),
                helper.make_node("Where", [missing, token, name], [inner]),
            ]
        for node in graph.node:
            renamed = [inner if each == given else each for each in node.input]
            node.ClearField("input")
            node.input.extend(renamed)
    for node in reversed(first):
        graph.node.insert(0, node)
    if first:
        versions = {ML: 0} | {each.domain: each.version for each in proto.opset_import}
        versions[ML] = max(versions[ML], 2)  # that of LabelEncoder
        del proto.opset_import[:]
        proto.opset_import.extend(helper.make_opsetid(*each) for each in versions.items())


def _type(values: Array) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    kind = DoubleTensorType if values.dtype == np.float64 else StringTensorType
    return kind([None, values.shape[1]])


def _expected(model: Any, X: Any) -> list[Array]:
    """What a model says of rows, in the order of the outputs of its graph."""
    if hasattr(model, "predict_proba"):
        return [model.predict(X), model.predict_proba(X)]
    if hasattr(model, "decision_function"):
        return [model.predict(X), model.decision_function(X)]
    return [model.predict(X) if hasattr(model, "predict") else model.transform(X)]


def _verify(found: list[Array], expected: list[Array], path: Path) -> None:
    """Compare the outputs of a graph with the model's; another label must be nearly as probable.

    Raises:
        RuntimeError: They differ.
    """
    numbers = np.asarray(expected[-1], dtype=np.float64)
    got = found[-1].reshape(numbers.shape).astype(np.float64)
    allowed = TOLERANCE * max(1.0, float(np.abs(numbers).max()))
    difference = float(np.abs(got - numbers).max())
    wrong = np.zeros(len(numbers), dtype=bool)
    if len(expected) == 2:
        wrong = (found[0] != expected[0]).reshape(len(numbers), -1).any(1)
        if numbers.ndim == 2 and numbers.shape[1] > 1 and expected[0].ndim == 1:
            best, second = -np.sort(-numbers, axis=1)[:, :2].T
            wrong &= best - second > allowed
    if not difference <= allowed or wrong.any():
        raise RuntimeError(
            f"{path.name} differs from the model by {difference:.1e} in its numbers, expected at"
            f" most {allowed:.0e}, and in the labels of {int(wrong.sum())} of {len(numbers)} rows:"
            " nothing was written"
        )


def rows_like(estimator: Any) -> Any:
    """Made-up rows for a fitted estimator of ours: a frame if it has categories, else an array.

    Values are drawn around those that fill missing cells; some are missing.

    >>> from sklearn.datasets import load_iris
    >>> from forward_forward.sklearn import FFClassifier
    >>> fitted = FFClassifier((8,), max_iter=1).fit(*load_iris(return_X_y=True))
    >>> rows_like(fitted).shape
    (500, 4)
    """
    import pandas as pd

    rng, features = np.random.default_rng(0), estimator._inputs_of
    scaling, centres = estimator.network_.inputs, features.imputer.statistics_
    scales = 1 + np.abs(centres) if scaling is None else scaling.deviation.double().numpy()
    columns, place = [], 0
    for column in range(estimator.n_features_in_):
        kind = features.categories.get(column)
        if kind is None:
            columns.append(pd.Series(rng.normal(centres[place], 2 * scales[place], _ROWS)))
        else:
            codes = rng.integers(len(kind.categories), size=_ROWS)
            columns.append(pd.Series(pd.Categorical.from_codes(codes, dtype=kind)))
        place += 1 if kind is None else len(kind.categories)
    frame = pd.concat(columns, axis=1)
    frame.columns = getattr(estimator, "feature_names_in_", frame.columns)
    if estimator._fills_gaps:
        frame = frame.mask(rng.random(frame.shape) < GAPS)
    return frame if features.categories else frame.to_numpy()
