"""In which order the layers learn from the batches, and what an order does not support."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from forward_forward.forward.layer import Layer
from forward_forward.optimize.collaboration import Collaboration, check_collaboration

Order = Literal["joint", "greedy", "overlapping", "together"]


def check_order(
    order: Order,
    layers: Sequence[Layer],
    *,
    skip: float,
    collaboration: Collaboration | None,
    look_ahead: int,
) -> None:
    """Reject an unknown order, and what it does not support.

    Raises:
        ValueError: An unknown order; in "overlapping" and "together" peer normalisation, an
            adversarial step, skipped samples or collaboration; in "greedy" looking ahead; or
            collaboration that does not suit the layers.
    """
    if order not in get_args(Order):
        names = ", ".join(map(repr, get_args(Order)))
        raise ValueError(f"order expects one of {names}, got {order!r}")
    if order in ("overlapping", "together"):
        _check_together(order, layers, skip, collaboration)
    if look_ahead < 0 or (look_ahead and order == "greedy"):
        raise ValueError(
            'look_ahead expects 0 or more steps, and 0 with order="greedy", got'
            f" look_ahead={look_ahead} and order={order!r}"
        )
    check_collaboration(collaboration, layers)


def _check_together(
    order: str, layers: Iterable[Layer], skip: float, collaboration: Collaboration | None
) -> None:
    """Reject what layers that are trained together, in such an order, do not support."""
    own = any(each.peer is not None or each.adversarial for each in layers)
    if own or skip or collaboration:
        raise ValueError(
            f"order={order!r} trains several layers by autograd, without peer normalisation,"
            f" adversarial steps, skip and collaboration, got skip={skip},"
            f" collaboration={collaboration!r} and layers {'with' if own else 'without'} one of the"
            ' first two: leave them out, or use order="joint"'
        )
