"""A part and a protocol -> whether the part has what the protocol asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

Asked = TypeVar("Asked")


_ANSWERS: dict[tuple[Any, Any], bool] = {}  # not functools.cache: torch.compile warns of it


def offers(part: object, protocol: Callable[..., Asked]) -> TypeGuard[Asked]:
    """What ``isinstance`` says of a runtime protocol, which is slow, asked once of each type.

    Args:
        part: A goodness, a loss, a normalisation.
        protocol: A protocol of methods alone.

    >>> from collections.abc import Sized
    >>> offers("text", Sized)
    True
    """
    key: tuple[Any, Any] = type(part), protocol
    if key not in _ANSWERS:
        _ANSWERS[key] = issubclass(*key)
    return _ANSWERS[key]
