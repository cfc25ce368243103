"""Values [n] -> text that a result can hold and a page can draw."""

from __future__ import annotations

import base64

import numpy as np


def signed(values: np.ndarray) -> str:
    """Values as base64 of signed bytes, the largest size at 127.

    >>> np.frombuffer(base64.b64decode(signed(np.array([0.0, 2.0, -1.0]))), np.int8)
    array([  0, 127, -64], dtype=int8)
    """
    largest = max(float(np.abs(values).max()), 1e-30)
    return base64.b64encode(np.round(values / largest * 127).astype(np.int8).tobytes()).decode()
