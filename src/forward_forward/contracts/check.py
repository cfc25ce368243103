"""A part -> its kind, the contracts of that kind, and a verdict on each."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from forward_forward.contracts import every, goodness, losses, negatives, readouts, terms
from forward_forward.contracts.broken import Broken
from forward_forward.contracts.named import Kind, kind_of
from forward_forward.goodness import PNorm

Contract = Callable[[Any], None]
OF_NORMS = (goodness.is_a_norm_at_any_scale, goodness.norm_has_finite_slopes_at_tiny_activities)


class Verdict(NamedTuple):
    """Whether a part keeps a contract: its name, its sentence, and the reason if it does not."""

    contract: str
    says: str
    kept: bool
    reason: str


def contracts_of(part: Any) -> list[Contract]:
    """The contracts that a part must keep, by its kind.

    >>> from forward_forward.losses import sigmoid
    >>> contracts_of(sigmoid)[0].__name__
    'is_one_number_a_sample'
    """
    modules: dict[Kind, ModuleType] = {
        "goodness": goodness,
        "readout": readouts,
        "loss": losses,
        "term": terms,
        "negatives": negatives,
    }
    kind = kind_of(part)
    module = modules[kind]
    left_out: tuple[Contract, ...] = () if isinstance(part, PNorm) else OF_NORMS
    if kind == "term":  # whose gradients are always those of autograd
        left_out = (*left_out, every.takes_the_same_steps_in_closed_form_and_with_autograd)
    if getattr(part, "joint", False):  # as `losses.CrossEntropy`, whose slopes are probabilities
        left_out = (*left_out, losses.takes_the_mean_of_negatives)
    return [each for each in (*_public(module), *_public(every)) if each not in left_out]


def _public(module: ModuleType) -> list[Contract]:
    # In the order of definition, not in alphabetical order.
    return [part for name, part in vars(module).items() if name in module.__all__]


def check(part: Any) -> list[Verdict]:
    """Check a part against every contract of its kind.

    Args:
        part: A goodness, a read-out, a loss, a term or a strategy for wrong labels.

    Returns:
        A verdict for each contract.

    Raises:
        ValueError: It is none of them.

    >>> from forward_forward.losses import sigmoid
    >>> all(verdict.kept for verdict in check(sigmoid))
    True
    """
    return [_verdict(contract, part) for contract in contracts_of(part)]


def _verdict(contract: Contract, part: Any) -> Verdict:
    says = (contract.__doc__ or "").partition("\n")[0].replace("``", "")
    name = contract.__name__.replace("_", " ")
    try:
        contract(part)
    except Exception as error:  # whatever a part raises, it breaks the contract
        return Verdict(name, says, False, _reason(error))
    return Verdict(name, says, True, "")


def _reason(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text if isinstance(error, Broken) else f"{type(error).__name__}: {text}"
