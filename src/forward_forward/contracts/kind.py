"""A part -> its kind, from the number of arguments it must be called with."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from torch import nn

Kind = Literal["goodness", "loss", "negatives"]
ARGUMENTS: dict[int, Kind] = {1: "goodness", 2: "loss", 4: "negatives"}


def kind_of(part: Any) -> Kind:
    """The kind of a part, from the number of arguments it must be called with.

    Args:
        part: A callable of activities (goodness); of margins of positives and of negatives (loss);
            or of labels, classes, a generator and scores (negatives).

    Raises:
        ValueError: It is none of them.

    >>> kind_of(lambda pos, neg: neg.mean(0) - pos)
    'loss'
    """
    expected = (
        "a part is called with activities (goodness), with margins pos and neg (loss), or with"
        " y, classes, rng and scores (negatives)"
    )
    if not callable(part):
        raise ValueError(f"{expected}; got {part!r}, which cannot be called")
    try:
        called = part.forward if isinstance(part, nn.Module) else part
        arguments = inspect.signature(called).parameters.values()
    except ValueError as error:  # a function without a signature, such as one written in C
        raise ValueError(f"{expected}; got {part!r}, which has no signature: {error}") from error
    needed = [
        each.name
        for each in arguments
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) not in ARGUMENTS:
        raise ValueError(f"{expected}; got one called with ({', '.join(needed)})")
    return ARGUMENTS[len(needed)]
