"""In which order, and by which rule, the layers learn from the batches; what each supports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from forward_forward.forward.layer import Layer
from forward_forward.forward.network import Network
from forward_forward.optimize.collaboration import Collaboration, check_collaboration

Order = Literal["joint", "greedy", "overlapping", "together"]
Rule = Literal["local", "backprop"]


def trains_jointly(order: Order, rule: Rule) -> bool:
    """Whether losses reach lower layers, so that several layers are trained by one graph."""
    return rule == "backprop" or order in ("overlapping", "together")


def named(order: Order, rule: Rule) -> str:
    """The setting by which layers are trained jointly, for messages."""
    return f"order={order!r}" if rule == "local" else f"rule={rule!r}"


def check_order(
    network: Network,
    order: Order,
    rule: Rule,
    *,
    skip: float,
    collaboration: Collaboration | None,
    look_ahead: int,
) -> None:
    """Reject an unknown order or rule, and what they do not support.

    Raises:
        ValueError: An unknown order or rule; with "overlapping", "together" and "backprop" peer
            normalisation, an adversarial step, skipped samples or collaboration; with "greedy"
            looking ahead; with "backprop" another order, looking ahead, a softmax head, or a last
            layer that does not answer for every class; or collaboration that does not suit the
            layers.
    """
    for name, value, known in (("order", order, Order), ("rule", rule, Rule)):
        if value not in get_args(known):
            names = ", ".join(map(repr, get_args(known)))
            raise ValueError(f"{name} expects one of {names}, got {value!r}")
    if rule == "backprop":
        _check_backprop(network, order, look_ahead)
    if trains_jointly(order, rule):
        _check_together(named(order, rule), network.layers, skip, collaboration)
    if look_ahead < 0 or (look_ahead and order == "greedy"):
        raise ValueError(
            'look_ahead expects 0 or more steps, and 0 with order="greedy", got'
            f" look_ahead={look_ahead} and order={order!r}"
        )
    check_collaboration(collaboration, network.layers)


def _check_together(
    setting: str, layers: Iterable[Layer], skip: float, collaboration: Collaboration | None
) -> None:
    """Reject what layers that are trained together do not support."""
    own = any(each.peer is not None or each.adversarial for each in layers)
    if own or skip or collaboration:
        raise ValueError(
            f"{setting} trains several layers by autograd, without peer normalisation,"
            f" adversarial steps, skip and collaboration, got skip={skip},"
            f" collaboration={collaboration!r} and layers {'with' if own else 'without'} one of the"
            f" first two: leave them out, or leave out {setting}"
        )


def _check_backprop(network: Network, order: Order, look_ahead: int) -> None:
    """Reject what backpropagation through the network does not support."""
    if order != "joint" or look_ahead or network.head is not None:
        raise ValueError(
            'rule="backprop" trains all layers by the loss of the last one, without an order,'
            f" look_ahead or a softmax head, got order={order!r}, look_ahead={look_ahead} and a"
            f" network {'without' if network.head is None else 'with'} a head: leave them out"
        )
    if not network.layers[-1].class_wise:
        raise ValueError(
            'rule="backprop" expects a last layer that answers for every class, such as one with'
            " goodness=LinearReadout(num_classes) and loss=CrossEntropy(), got one whose goodness"
            " is one number per sample: build the network for one pass"
        )
