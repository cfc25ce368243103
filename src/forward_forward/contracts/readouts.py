"""Contracts of a read-out, activities [batch, *feature] -> [batch, classes]: each may be `Broken`.

Each function is one contract; its first line states it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forward_forward.contracts.broken import (
    expect,
    expect_close,
    expect_slopes_of_small_changes,
    expect_tensor,
    expect_unchanged,
)
from forward_forward.contracts.samples import activities, seeded, special
from forward_forward.contracts.training import batch_for, ready, side_of, small_network, units_of
from forward_forward.goodness import slope_of
from forward_forward.optimize import Trainer
from forward_forward.readouts import Readout, slopes_of

__all__ = [
    "is_one_number_a_class_and_row",
    "leaves_activities_alone",
    "makes_a_copy_of_any_width",
    "network_trained_with_it_learns",
    "slope_is_autograds",
    "slope_is_that_of_small_changes",
    "weight_gradients_are_autograds",
]


def is_one_number_a_class_and_row(readout: Readout) -> None:
    """It returns one number per class and row, in their dtype, independent of the other rows.

    Raises:
        Broken: It returns another shape or type, or depends on other rows.

    >>> from forward_forward.readouts import LinearReadout
    >>> is_one_number_a_class_and_row(LinearReadout(num_classes=3))
    """
    made: Readout = ready(readout)
    for feature in _shapes(made):
        for dtype in (torch.float32, torch.float64):
            made, h = made.to(dtype), activities(*feature).to(dtype)
            rated = made(h)
            shape = torch.Size([len(h), made.num_classes])
            expect_tensor(rated, shape, dtype, f"the goodness of {list(h.shape)}")
            expect(rated.isfinite().all(), "expected finite goodness, got NaN or infinity")
            expect_close(made(h[1:2]), rated[1:2], "the goodness of a row on its own")


def slope_is_autograds(readout: Readout) -> None:
    """Its slope is finite at silent rows and ties, and equals the one autograd computes.

    Raises:
        Broken: The slope differs by more than 1e-12 in float64, or is not finite.

    >>> from forward_forward.readouts import LinearReadout
    >>> slope_is_autograds(LinearReadout(num_classes=3))
    """
    made: Readout = ready(readout)
    for feature in _shapes(made):
        h = special(*feature)
        upstream = _upstream(made)
        expected = _gradients(made, h, upstream)[0]
        slope = slope_of(made, h, upstream)
        expect_tensor(slope, h.shape, h.dtype, "the slope")
        expect(slope.isfinite().all(), "expected finite slopes at silent rows and ties, got others")
        expect_close(slope, expected, "the slope", rtol=0, atol=1e-12)


def slope_is_that_of_small_changes(readout: Readout) -> None:
    """Its slope agrees with finite differences of the activities, unless it only reads.

    Raises:
        Broken: It does not, for example because a value is rounded on the way.

    >>> from forward_forward.readouts import LinearReadout
    >>> slope_is_that_of_small_changes(LinearReadout(num_classes=3))
    """
    made: Readout = ready(readout)
    if not getattr(made, "detached", False):
        for feature in _shapes(made):
            expect_slopes_of_small_changes(made, activities(*feature, batch=2))


def weight_gradients_are_autograds(readout: Readout) -> None:
    """If it has a closed form, the gradients of its own weights equal those autograd computes.

    Raises:
        Broken: They differ by more than 1e-12 in float64, or one is missing.

    >>> from forward_forward.readouts import LinearReadout
    >>> weight_gradients_are_autograds(LinearReadout(num_classes=3))
    """
    made: Readout = ready(readout)
    by_hand = slopes_of(made)
    if by_hand is None:
        return
    for feature in _shapes(made):
        h, upstream = activities(*feature), _upstream(made)
        _, *expected = _gradients(made, h, upstream)
        found = by_hand.weight_gradients(h, upstream)
        count = len(expected)
        expect(len(found) == count, f"expected {count} gradients of weights, got {len(found)}")
        for one, right in zip(found, expected, strict=True):
            expect_close(one.detach(), right, "a weight's gradient", rtol=0, atol=1e-12)


def leaves_activities_alone(readout: Readout) -> None:
    """It leaves the activities unchanged, and its call changes none of its weights and buffers.

    Raises:
        Broken: They are changed: means are updated by `follow`, after the step.

    >>> from forward_forward.readouts import LinearReadout
    >>> leaves_activities_alone(LinearReadout(num_classes=3))
    """
    made: Readout = ready(readout)
    for feature in _shapes(made):
        h = activities(*feature)
        values = [h, *made.state_dict().values()]
        before = [each.clone() for each in values]
        for call in (made, lambda h: slope_of(made, h, _upstream(made))):
            with torch.no_grad():
                call(h)
            expect_unchanged(
                [h, *made.state_dict().values()],
                before,
                "activities, weights and buffers as they were, but they were modified: avoid"
                " in-place operations (x.op_()), and update means in follow()",
            )


def makes_a_copy_of_any_width(readout: Readout) -> None:
    """It makes a read-out of its kind for any width, with weights of its own.

    Raises:
        Broken: `sized` returns another kind or width, itself, or shares weights.

    >>> from forward_forward.readouts import LinearReadout
    >>> makes_a_copy_of_any_width(LinearReadout(num_classes=3))
    """
    for units in (units_of(readout), 2 * units_of(readout)):
        one, other = readout.sized(units), readout.sized(units)
        for made in (one, other):
            expect(
                type(made) is type(readout) and made.units == units,
                f"expected a {type(readout).__name__} of {units} units, got {made!r}",
            )
        shared = {id(each) for each in one.parameters()} & {id(each) for each in other.parameters()}
        expect(one is not other and not shared, "expected weights of its own for each layer")


def network_trained_with_it_learns(readout: Readout) -> None:
    """A small network trained with it learns to tell the classes of its training samples apart.

    Raises:
        Broken: Of samples that are easy to tell apart, it errs in a third, or in half as many as by
            chance if that is less.

    >>> from forward_forward.readouts import LinearReadout
    >>> network_trained_with_it_learns(LinearReadout(num_classes=3))
    """
    network = small_network(readout, layers=1)
    x, y = batch_for(readout)
    trainer = Trainer(network, lr=0.03)
    network.train()
    for _ in range(100):
        trainer.step(x, y)
    error = 100 * float((network.predict(x) != y).double().mean())
    most = min(100 / 3, 50 * (1 - 1 / readout.num_classes))
    expect(error < most, f"expected errors below {most:.0f} % after 100 steps, got {error:.0f} %")


def _shapes(made: Readout) -> list[tuple[int, ...]]:
    """Shapes of a row: maps, and vectors unless maps are pooled to a grid."""
    units = units_of(made)
    return [(units, 4, 4)] if side_of(made) > 1 else [(units,), (units, 4, 4)]


def _upstream(made: Readout, batch: int = 5) -> Tensor:
    return torch.randn(batch, made.num_classes, generator=seeded(4), dtype=torch.float64)


def _gradients(made: Readout, h: Tensor, upstream: Tensor) -> list[Tensor]:
    """Autograd's, of the activities and then of each weight."""
    leaf = h.clone().requires_grad_()
    of = [leaf, *made.parameters()]
    rated = made(leaf)
    if not rated.requires_grad:
        return [torch.zeros_like(h)]
    return list(torch.autograd.grad(rated, of, upstream, allow_unused=True, materialize_grads=True))
