"""A part and a protocol -> whether the part has what the protocol asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

Asked = TypeVar("Asked")


PLAIN = "__call__", "slope"  # what the engine's faster ways stand for

_ANSWERS: dict[tuple[Any, Any], bool] = {}  # not functools.cache: torch.compile warns of it


def supports(part: object, protocol: Callable[..., Asked]) -> TypeGuard[Asked]:
    """What ``isinstance`` says of a runtime protocol, which is slow, asked once of each type.

    A class that gives `PLAIN` methods of its own, and inherits a faster way from a part whose plain
    ones were others, does not offer that way: it would not be the same.

    Args:
        part: A goodness, a loss, a normalisation.
        protocol: A protocol of methods alone.

    >>> from collections.abc import Sized
    >>> supports("text", Sized)
    True
    """
    key: tuple[Any, Any] = type(part), protocol
    if key not in _ANSWERS:
        _ANSWERS[key] = issubclass(*key) and _agrees(*key)
    return _ANSWERS[key]


def _agrees(kind: type, protocol: type) -> bool:
    """Whether the protocol's own methods are as new as the plain ones that they stand for."""
    ways = [name for name in vars(protocol) if not name.startswith("_")]
    return all(
        _age(kind, way) <= _age(kind, plain)
        for way in ways
        for plain in PLAIN
        if plain != way and hasattr(kind, plain)
    )


def _age(kind: type, name: str) -> int:
    """How many classes up a method is defined."""
    return next(age for age, each in enumerate(kind.__mro__) if name in vars(each))
