"""A part -> its kind, the contracts of that kind, and a verdict on each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, NamedTuple, get_args

from forward_forward.contracts import every, goodness, losses, negatives
from forward_forward.contracts.broken import Broken
from forward_forward.goodness import PNorm

Contract = Callable[[Any], None]
Kind = Literal["goodness", "loss", "negatives"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ARGUMENTS: dict[int, Kind] = {1: "goodness", 2: "loss", 4: "negatives"}
OF_NORMS = (goodness.is_a_norm_at_any_scale, goodness.norm_has_finite_slopes_at_tiny_activities)


class Verdict(NamedTuple):
    """Whether a part keeps a contract: its name, its sentence, and the reason where it does not."""

    contract: str
    says: str
    kept: bool
    reason: str


def kind_of(part: Any) -> Kind:
    """What kind of part it is, told by the arguments that it must be called with.

    Args:
        part: A callable of activities (goodness); of margins of positives and of negatives (loss);
            or of labels, classes, a generator and scores (negatives).

    Raises:
        ValueError: It is no part.

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
        given = inspect.signature(part).parameters.values()
    except ValueError as error:  # a function without a signature, such as one written in C
        raise ValueError(f"{expected}; got {part!r}, which does not say: {error}") from error
    needed = [
        each.name
        for each in given
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) not in ARGUMENTS:
        raise ValueError(f"{expected}; got one called with ({', '.join(needed)})")
    return ARGUMENTS[len(needed)]


def contracts_of(part: Any, kind: Kind | None = None) -> list[Contract]:
    """The contracts that a part must keep.

    Args:
        part: The part.
        kind: Of the part; None finds it.

    >>> from forward_forward.losses import sigmoid
    >>> contracts_of(sigmoid)[0].__name__
    'is_one_number_a_sample'
    """
    modules = {"goodness": goodness, "loss": losses, "negatives": negatives}
    module = modules[kind or kind_of(part)]
    found = [each for each in _public(module) if each not in OF_NORMS or isinstance(part, PNorm)]
    return [*found, *_public(every)]


def _public(module: ModuleType) -> list[Contract]:
    # In the order in which they are written, not that of the alphabet.
    return [part for name, part in vars(module).items() if name in module.__all__]


def check(part: Any, kind: Kind | None = None) -> list[Verdict]:
    """Hold a part to every contract of its kind.

    Args:
        part: A goodness, a loss or a way of choosing wrong labels.
        kind: Which; None finds it.

    Returns:
        A verdict for each contract.

    Raises:
        ValueError: It is no part.

    >>> from forward_forward.losses import sigmoid
    >>> all(verdict.kept for verdict in check(sigmoid))
    True
    """
    return [_verdict(contract, part) for contract in contracts_of(part, kind)]


def _verdict(contract: Contract, part: Any) -> Verdict:
    says = (contract.__doc__ or "").partition("\n")[0]
    name = contract.__name__.replace("_", " ")
    try:
        contract(part)
    except Exception as error:  # whatever a part does wrong, it does not keep the contract
        return Verdict(name, says, False, _reason(error))
    return Verdict(name, says, True, "")


def _reason(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text if isinstance(error, Broken) else f"{type(error).__name__}: {text}"
