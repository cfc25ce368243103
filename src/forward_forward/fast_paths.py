"""A part and a protocol -> the object with the part's fast paths of that protocol, or None.

A part is called: ``goodness(h)``, ``loss(pos, neg)``, ``normalize(x)``. It may also have fast paths
that give the same in less time, such as a slope that saves an autograd call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Asked = TypeVar("Asked")

# What fast paths stand for: a module's call is its forward. A slope stands for its call, and may
# itself be replaced by a faster method.
PLAIN = "__call__", "forward", "slope"


class ModuleConstant:
    """A part without constants: its module holds the one object, under ``name``."""

    name: str

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name  # copies and pickles are this very object


def fast_path(part: object, protocol: Callable[..., Asked]) -> Asked | None:
    """The object that has a part's fast paths of a protocol.

    A part declares its fast paths with a method ``fast_paths()`` that returns an object with them,
    or None; or it is that object itself, if it has the protocol's methods. A class that overrides
    ``__call__`` does not inherit fast paths of the earlier one: a method counts only in the class
    that defines the call, and in classes derived from it.

    Args:
        part: A goodness, a loss, a normalisation.
        protocol: A protocol of methods.

    Returns:
        The part, or what its ``fast_paths`` returns; None if the part has no such fast path.

    >>> from forward_forward.goodness import PNorm, mean_square
    >>> from forward_forward.radial import Radial
    >>> fast_path(mean_square, Radial), fast_path(PNorm(3), Radial)
    (mean_square, None)
    """
    candidate: Any = part
    asked: Any = protocol
    if _answer(candidate.__class__, "fast_paths"):
        stated = candidate.fast_paths()
        if _answer(stated.__class__, asked):
            return stated  # type: ignore[no-any-return]
    return candidate if _answer(candidate.__class__, asked) else None


@functools.cache
def _answer(kind: type, asked: Any) -> bool:
    """Whether a class has a method, or those of a protocol, that stand for its present call."""
    methods = [asked] if isinstance(asked, str) else _methods(asked)
    return all(_definer(kind, each) and _stands(kind, each) for each in methods)


def _methods(protocol: Any) -> list[str]:
    """The methods that a protocol and those it extends ask for, the call left out."""
    kinds = [each for each in protocol.__mro__ if Protocol in each.__bases__]
    return [name for each in kinds for name in vars(each) if not name.startswith("_")]


def _stands(kind: type, method: str) -> bool:
    """Whether a method's class defines all that it stands for, or is derived from what does."""
    defined = _definer(kind, method)
    return all(
        issubclass(defined, _definer(kind, plain) or object) for plain in PLAIN if plain != method
    )


def _definer(kind: type, name: str) -> Any:
    """The class that a name comes from; None if the class and its bases do not define it."""
    return next((each for each in kind.__mro__ if name in vars(each)), None)
