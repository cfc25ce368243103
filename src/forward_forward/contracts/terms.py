"""Contracts of a term, activities [batch, *feature] and labels [batch] -> a loss of a layer.

Each function is one contract, which passes or raises `Broken`; its first line states it.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from forward_forward.contracts.broken import (
    expect,
    expect_close,
    expect_slopes_of_small_changes,
    expect_tensor,
    expect_unchanged,
)
from forward_forward.contracts.samples import activities, seeded
from forward_forward.contracts.training import (
    batch_for,
    classes_of,
    ready,
    side_of,
    small_network,
    units_of,
)
from forward_forward.forward import Layer, Network
from forward_forward.optimize import Trainer
from forward_forward.terms import LocalTerm, each_sample

__all__ = [
    "does_not_depend_on_the_order_of_the_batch",
    "has_finite_slopes_at_silent_rows",
    "is_a_finite_mean_or_number_a_sample",
    "leaves_activities_and_labels_alone",
    "network_trained_with_it_alone_learns",
    "no_gradient_crosses_a_layer",
    "slope_is_that_of_small_changes",
]


def is_a_finite_mean_or_number_a_sample(term: LocalTerm) -> None:
    """It returns one finite number, or one per sample, in the dtype of the activities.

    Raises:
        Broken: It returns another shape or type, or NaN or infinity.

    >>> is_a_finite_mean_or_number_a_sample(lambda h, y: h.square().mean())
    """
    for dtype in (torch.float32, torch.float64):
        made, (h, y) = ready(term, dtype), _batch(term)
        value = made(h.to(dtype), y)
        single = isinstance(value, Tensor) and value.dim() == 0
        expect_tensor(value, torch.Size([] if single else [len(y)]), dtype, "the term")
        expect(value.isfinite().all(), "expected a finite term, got NaN or infinity")


def slope_is_that_of_small_changes(term: LocalTerm) -> None:
    """It depends on the activities, and its slope agrees with finite differences of them.

    Raises:
        Broken: It does not, for example because a value is detached or drawn at random.

    >>> slope_is_that_of_small_changes(lambda h, y: h.square().mean())
    """
    made, (h, y) = ready(term), _batch(term)
    leaf = h.clone().requires_grad_()
    value = made(leaf, y)
    expect(value.requires_grad, "expected a term with a slope, got one without: is it detached?")
    (slope,) = torch.autograd.grad(value.sum(), leaf, materialize_grads=True, allow_unused=True)
    expect(slope.any(), "expected a term that depends on the activities, got a slope of 0")
    expect_slopes_of_small_changes(lambda h: each_sample(made, h, y).mean(), h)


def has_finite_slopes_at_silent_rows(term: LocalTerm) -> None:
    """Its slopes are finite where all activities of a sample are 0.

    Raises:
        Broken: They are not, for example because of a division by a length.

    >>> has_finite_slopes_at_silent_rows(lambda h, y: h.square().mean())
    """
    made, (h, y) = ready(term), _batch(term)
    h[:2] = 0
    leaf = h.requires_grad_()
    of = [leaf, *_weights(made)]
    slopes = torch.autograd.grad(made(leaf, y).sum(), of, materialize_grads=True, allow_unused=True)
    expect(
        all(slope.isfinite().all() for slope in slopes),
        "expected finite slopes at silent rows, got NaN or infinity: divide by a length only if it"
        " is not 0",
    )


def leaves_activities_and_labels_alone(term: LocalTerm) -> None:
    """It leaves the activities and the labels unchanged.

    Raises:
        Broken: They are changed: the next layer would read other activities.

    >>> leaves_activities_and_labels_alone(lambda h, y: h.square().mean())
    """
    made, (h, y) = ready(term), _batch(term)
    before = h.clone(), y.clone()
    made(h, y)
    expect_unchanged(
        (h, y),
        before,
        "activities and labels as they were, but they were modified: avoid in-place operations"
        " (x.op_())",
    )


def does_not_depend_on_the_order_of_the_batch(term: LocalTerm) -> None:
    """The order of the samples in the batch does not matter.

    Raises:
        Broken: Reordered samples have another loss, or another mean.

    >>> does_not_depend_on_the_order_of_the_batch(lambda h, y: h.square().mean())
    """
    made, (h, y) = ready(term), _batch(term)
    order = torch.randperm(len(y), generator=seeded(5))
    value, reordered = made(h, y).detach(), made(h[order], y[order]).detach()
    wanted = value[order] if value.dim() else value
    expect_close(reordered, wanted, "the term of reordered samples", rtol=1e-9, atol=1e-12)


def network_trained_with_it_alone_learns(term: LocalTerm) -> None:
    """A small network whose layers have no other objective learns: the term falls in each layer.

    Raises:
        Broken: It does not fall within 100 steps, or weights become NaN.

    >>> network_trained_with_it_alone_learns(lambda h, y: h.square().mean())
    """
    network, (x, y) = small_network(term), batch_for(term)
    before = _values(network.layers, x, y)
    trainer = Trainer(network, lr=0.01)
    network.train()
    for _ in range(100):
        trainer.step(x, y)
    after = _values(network.layers, x, y)
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        expect(
            new < old,
            f"expected the term of layer {number} to fall within 100 steps, got {old:.4g} before"
            f" and {new:.4g} after",
        )


def no_gradient_crosses_a_layer(term: LocalTerm) -> None:
    """No gradient crosses a layer: the first layer's steps do not depend on the second's.

    Raises:
        Broken: The second layer's term has a gradient for the first layer's weights, or the first
            layer takes other steps without the second.

    >>> no_gradient_crosses_a_layer(lambda h, y: h.square().mean())
    """
    x, y = batch_for(term)
    two = small_network(term)
    one = Network(copy.deepcopy(two.layers[0]), examples=two.examples)  # its weights may be drawn
    first, second = two.layers
    below = first(x)
    each_sample(first.terms[0], below, y)  # as in a step: what a term keeps must not lead back
    value = each_sample(second.terms[0], second(below), y).sum()
    crossing = torch.autograd.grad(value, [*first.parameters()], allow_unused=True)
    expect(
        all(each is None for each in crossing),
        "expected no gradient of layer 2's term for layer 1's weights, got one: does the term keep"
        " activities of another layer?",
    )
    start = copy.deepcopy(one.layers[0].state_dict())
    for network in (one, two):
        trainer = Trainer(network, optimizer=torch.optim.SGD, lr=0.05)
        for _ in range(2):
            trainer.step(x, y)
    alone, lower = (network.layers[0].state_dict() for network in (one, two))
    expect(
        any(not torch.equal(value, start[name]) for name, value in alone.items()),
        "expected the first layer to learn, but it did not",
    )
    for name, value in alone.items():
        expect_close(lower[name], value, f"{name} of layer 1 below another layer", rtol=0)


def _batch(term: LocalTerm) -> tuple[Tensor, Tensor]:
    """Activities [batch, units], or maps, and labels of some classes."""
    classes, side = classes_of(term), side_of(term)
    batch = max(8, 2 * classes)
    feature = (units_of(term), side, side) if side > 1 else (units_of(term),)
    return activities(*feature, batch=batch), torch.arange(batch) % classes


def _weights(term: LocalTerm) -> list[nn.Parameter]:
    return [*term.parameters()] if isinstance(term, nn.Module) else []


def _values(layers: list[Layer], x: Tensor, y: Tensor) -> list[float]:
    """The mean of each layer's term."""
    found = []
    with torch.no_grad():
        for layer in layers:
            x = layer(x)
            found.append(float(each_sample(layer.terms[0], x, y).mean()))
    return found
