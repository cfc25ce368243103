"""Texts and modules -> parts with kinds and names, both the library's own and user-defined."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal, NamedTuple, Protocol

from torch import nn

from forward_forward import goodness, losses, notation, readouts, terms
from forward_forward.examples import negatives

Kind = Literal["goodness", "readout", "loss", "term", "negatives"]
ARGUMENTS: dict[int, Kind] = {1: "goodness", 2: "loss", 4: "negatives"}
LABELS = {"y", "label", "labels", "target", "targets"}  # of a term; a loss is called with negatives
MODULES: dict[Kind, ModuleType] = {
    "loss": losses,
    "goodness": goodness,
    "negatives": negatives,
    "readout": readouts,
    "term": terms,
}
CLASSES = 3  # of parts that are made for some number of classes


class Named(NamedTuple):
    """A part with its kind and name, and whether it is user-defined."""

    kind: Kind
    name: str
    part: Any
    own: bool


def public_parts(module: ModuleType, **given: Any) -> dict[str, Any]:
    """The parts in a module's ``__all__``: functions, instances, and instances of its classes.

    Args:
        module: The module.
        given: Arguments for classes that accept them. Classes that need others are left out, as
            are protocols.

    >>> sorted(public_parts(losses))[-2:]
    ['log_sigmoid_literal', 'sigmoid']
    """
    made = {}
    for name, value in notation.public(module).items():
        if not inspect.isclass(value):
            made[name] = value
        elif Protocol not in value.__bases__:
            takes = inspect.signature(value).parameters
            options = {key: option for key, option in given.items() if key in takes}
            needed = {key for key, each in takes.items() if each.default is each.empty}
            if needed <= options.keys():
                made[name] = value(**options)
    return made


def kind_of(part: Any) -> Kind:
    """The kind of a part, from its class or from the arguments it must be called with.

    Args:
        part: A `Readout` or a `Term`; or a callable of activities (goodness); of activities and
            labels, the second named y, label, labels, target or targets (term); of margins of
            positives and of negatives (loss); or of labels, classes, a generator and scores
            (negatives).

    Raises:
        ValueError: It is none of them.

    >>> kind_of(lambda pos, neg: neg.mean(0) - pos)
    'loss'
    >>> kind_of(lambda h, y: h.square().mean())
    'term'
    """
    if isinstance(part, readouts.Readout | terms.Term):
        return "readout" if isinstance(part, readouts.Readout) else "term"
    expected = (
        "a part is called with activities (goodness), with activities and labels, as in (h, y)"
        " (term), with margins pos and neg (loss), or with y, classes, rng and scores (negatives)"
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
    return "term" if len(needed) == 2 and needed[1] in LABELS else ARGUMENTS[len(needed)]


def library(num_classes: int = CLASSES) -> list[Named]:
    """Every public part of the library, losses first, each once.

    Args:
        num_classes: Number of classes of the parts that are made for one.

    >>> library()[3]
    Named(kind='loss', name='SymBa(alpha=4.0)', part=SymBa(alpha=4.0), own=False)
    """
    found: dict[str, Named] = {}
    for kind, module in MODULES.items():
        for part in public_parts(module, num_classes=num_classes).values():
            name = notation.write(part, notation.public(module))
            found.setdefault(name, Named(kind, name, part, own=False))
    return [*found.values()]


def typed_parts(texts: Sequence[str], num_classes: int = CLASSES) -> list[Named]:
    """The parts that a user named.

    Args:
        texts: ``package.module:name``, or the library's names such as ``"SymBa(alpha=2)"``.
        num_classes: What classes that need a number of classes are instantiated with.

    Returns:
        The parts, one for each different text; classes are instantiated with their defaults.

    Raises:
        ValueError: A text names no part.

    >>> [(each.kind, each.name) for each in typed_parts(["l2_norm"])]
    [('goodness', 'l2_norm')]
    """
    names = notation.public(*MODULES.values())
    found = []
    for text in dict.fromkeys(texts):
        given = notation.read(text, names, typed=True)
        try:
            part = _of_classes(given, num_classes) or notation.made(given)
            found.append(Named(kind_of(part), text, part, ":" in text))
        except (TypeError, ValueError) as error:  # a class may lack methods, or need arguments
            raise ValueError(f"{text}: {error}") from error
    return found


def _of_classes(part: Any, num_classes: int) -> Any:
    """An instance of a class that needs nothing but a number of classes; else None."""
    if not inspect.isclass(part):
        return None
    needed = [
        name
        for name, each in inspect.signature(part).parameters.items()
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    make: Any = part
    return make(num_classes=num_classes) if needed == ["num_classes"] else None
