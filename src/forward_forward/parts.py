"""A part and a protocol -> whether the part has what the protocol asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

Asked = TypeVar("Asked")


@functools.cache
def _offers(kind: Any, protocol: Any) -> bool:
    return issubclass(kind, protocol)


def offers(part: object, protocol: Callable[..., Asked]) -> TypeGuard[Asked]:
    """What ``isinstance`` says of a runtime protocol, which is slow, asked once of each type.

    Args:
        part: A goodness, a loss, a normalisation.
        protocol: A protocol of methods alone.

    >>> from collections.abc import Sized
    >>> offers("text", Sized)
    True
    """
    kind: Any = type(part)
    asked: Any = protocol  # mypy knows no hash of a callable
    return _offers(kind, asked)
