"""A column's name and numbers [n] -> why it would tell the rows apart, and so is no input."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# A column of this name that counts the rows would give the labels away wherever rows are in order.
COUNTER = re.compile(
    r"|.*id|index|row(s|.?(number|num|nr|no|names?))?|s(l|r)?\.? ?no\.?|no\.?|nr\.?|num(ber)?|#"
    r"|serial.*|sample|instance|case|record|obs(ervation)?|Unnamed: \d+|__index_level_\d+__",
    re.IGNORECASE,
)

# One of this name whose numbers are all different names the rows: nobody has the number of another.
IDENTIFIER = re.compile(r"(?i:(.*[\W_])?id)|.*[a-z]I[dD]")

FRAME_INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")  # as pandas writes it

COUNTS = "it numbers the rows"


def row_number(name: str, values: Array) -> str | None:
    """Why a column says which row it is rather than anything about it; None if it does not.

    >>> row_number("Id", np.array([7.0, 8.0, 9.0])), row_number("paid", np.array([7.0, 9.0, 8.0]))
    ('it numbers the rows', None)
    >>> row_number("customerId", np.array([7.0, 9.0, 3.0]))
    'each row has a number of its own in it'
    """
    whole = np.array_equal(values, np.round(values))
    steps = set(np.diff(values).tolist())
    if COUNTER.fullmatch(name) and whole and steps in ({1}, {-1}):
        return COUNTS
    if FRAME_INDEX.fullmatch(name):  # of some rows of a frame, its index is not consecutive
        return COUNTS if whole else "it is named like the index of a data frame"
    if IDENTIFIER.fullmatch(name) and whole and len(np.unique(values)) == len(values) > 2:
        return "each row has a number of its own in it"
    return None
