"""A file that skops has written, rows of a table for a pipeline -> an .onnx file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forward_forward.sklearn.estimator import Estimator
from forward_forward.sklearn.onnx import to_onnx
from forward_forward.sklearn.state import TRUSTED


def stored_to_onnx(source: Path, path: Path, table: Path | None) -> None:
    """Write a stored estimator, or a stored pipeline, as one ONNX file; see `onnx.to_onnx`.

    Args:
        source: The file, written by ``skops.io.dump``; no code in it is run.
        path: The ONNX file, which is replaced if it exists.
        table: A table (.csv or .parquet) with rows as in fit; needed for a pipeline.

    Raises:
        ImportError: skops or a package that the export needs is missing.
        ValueError: The file holds something else, or a pipeline comes without rows.
    """
    model = _loaded(source)
    if table is not None:
        to_onnx(model, _rows(model, table), path)
    elif isinstance(model, Estimator):
        model.to_onnx(path)
    else:
        raise ValueError(
            f"expected rows as {source.name!r} was fitted on, to read the types of its columns"
            " from, got none: pass --data with a table (.csv or .parquet)"
        )


def _loaded(source: Path) -> Any:
    try:
        import skops.io
        from skops.io.exceptions import UntrustedTypesFoundException
    except ImportError as error:
        fix = 'pip install "forward-forward[skops]"'
        raise ImportError(f"{source.name!r} is read by the package skops: {fix}") from error
    try:
        return skops.io.load(source, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise ValueError(
            f"expected estimators of this library and of scikit-learn in {str(source)!r}, got"
            f" other types ({error}): if you trust them, load the file with skops.io.load in"
            " Python, and call forward_forward.sklearn.to_onnx"
        ) from error
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:  # of a damaged file, skops may raise anything
        raise ValueError(
            f"expected a file that skops.io.dump has written, got {str(source)!r}"
            f" ({type(error).__name__}: {error}): write it again"
        ) from error


def _rows(model: Any, table: Path) -> Any:
    """The columns of a table that the model was fitted on."""
    import pandas as pd

    frame = (pd.read_parquet if table.suffix == ".parquet" else pd.read_csv)(table)
    names = list(getattr(model, "feature_names_in_", frame.columns))
    if missing := [name for name in names if name not in frame.columns]:
        found = f"got none of the name {missing[0]!r} in {str(table)!r}"
        raise ValueError(f"expected the columns {names}, {found}: pass the table it was fitted on")
    return frame[names]
