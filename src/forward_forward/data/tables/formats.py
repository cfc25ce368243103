"""Anything a user passes -> whether it is a table, that is, a path or a frame. Without pandas."""

from __future__ import annotations

import os
from typing import Any

PARQUET = (".parquet", ".pq")

COMPRESSED = (".gz", ".bz2", ".xz", ".zip")

TEXT = (".csv", ".tsv", ".txt")

ENDINGS = (*TEXT, *(text + each for text in TEXT for each in COMPRESSED), *PARQUET)

FRAME = "the frame"  # what messages call one


def is_table(path: str) -> bool:
    """Whether a path names a table: by its ending, or a folder of parquet files, as Spark's."""
    if os.path.isdir(path):
        return any(each.lower().endswith(PARQUET) for each in [path.rstrip("/"), *os.listdir(path)])
    return path.lower().endswith(ENDINGS)


def is_frame(what: Any) -> bool:
    """Whether something is a frame of pandas, or offers Arrow's stream, as those of polars do."""
    pandas_like = all(hasattr(what, name) for name in ("columns", "iloc", "dtypes"))
    return pandas_like or hasattr(what, "__arrow_c_stream__")


def holds_frame(what: Any) -> bool:
    """Whether something is a frame, or (X, y) with a frame for X."""
    return is_frame(what[0] if isinstance(what, tuple) and len(what) == 2 else what)
