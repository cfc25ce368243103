"""Contracts of a goodness, activities [batch, *feature] -> [batch]: each passes or raises `Broken`.

Each function is one contract; its first line states it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forward_forward.contracts.broken import (
    expect,
    expect_close,
    expect_slopes_of_small_changes,
    expect_tensor,
    expect_unchanged,
)
from forward_forward.contracts.samples import activities, special
from forward_forward.goodness import Goodness, PNorm, slope_of

__all__ = [
    "is_a_norm_at_any_scale",
    "is_one_number_a_row",
    "is_without_slope_at_silent_rows",
    "leaves_activities_alone",
    "norm_has_finite_slopes_at_tiny_activities",
    "slope_is_autograds",
    "slope_is_that_of_small_changes",
]
SHAPES = ((6,), (2, 3, 4))


def is_one_number_a_row(goodness: Goodness) -> None:
    """It returns one number per row, in its dtype, independent of other rows and of feature shape.

    Raises:
        Broken: It returns another shape or type, or depends on other rows.

    >>> is_one_number_a_row(lambda h: h.flatten(1).square().mean(1))
    """
    for feature in SHAPES:
        for dtype in (torch.float32, torch.float64):
            h = activities(*feature).to(dtype)
            rated = goodness(h)
            expect_tensor(rated, torch.Size([5]), dtype, f"the goodness of {list(h.shape)}")
            flat = goodness(h.flatten(1))
            expect_close(flat, rated, f"the goodness of {list(h.shape)}, flattened,")
            expect_close(goodness(h[1:2]), rated[1:2], "the goodness of a row on its own")


def slope_is_autograds(goodness: Goodness) -> None:
    """Its slope is finite at silent rows and ties, and equals the one autograd computes.

    Args:
        goodness: Any goodness; one with a ``slope`` of its own is compared with its values.

    Raises:
        Broken: The slope differs by more than 1e-12 in float64, or is not finite.

    >>> slope_is_autograds(lambda h: h.flatten(1).square().mean(1))
    """
    for feature in SHAPES:
        h, upstream = special(*feature), _upstream()
        leaf = h.clone().requires_grad_()
        (expected,) = torch.autograd.grad(goodness(leaf), leaf, upstream)
        slope = slope_of(goodness, h, upstream)
        expect_tensor(slope, h.shape, h.dtype, "the slope")
        for row, name in enumerate(("a silent row", "ties", "opposite ties", "one active unit")):
            expect(
                slope[row].isfinite().all(),
                f"expected a finite slope at {name}, got {slope[row].flatten()[0]:g}",
            )
            expect_close(slope[row], expected[row], f"the slope at {name}", rtol=0, atol=1e-12)
        expect_close(slope, expected, "the slope", rtol=0, atol=1e-12)


def slope_is_that_of_small_changes(goodness: Goodness) -> None:
    """Its slope agrees with finite differences of the activities.

    Raises:
        Broken: It does not, for example because a value is detached or rounded on the way.

    >>> slope_is_that_of_small_changes(lambda h: h.flatten(1).square().mean(1))
    """
    for feature in ((4,), (2, 1, 3)):
        expect_slopes_of_small_changes(goodness, activities(*feature, batch=2))


def is_without_slope_at_silent_rows(goodness: Goodness) -> None:
    """If ``g(-h) = g(h)``, the slope at a silent row is 0, by symmetry.

    Args:
        goodness: Any goodness; one that distinguishes signs keeps this trivially.

    Raises:
        Broken: The slope at 0 is not 0, for example because of a bare square root.

    >>> is_without_slope_at_silent_rows(lambda h: h.flatten(1).square().mean(1))
    """
    for feature in SHAPES:
        h = activities(*feature)
        if not torch.equal(goodness(h), goodness(-h)):
            return
        slope = slope_of(goodness, torch.zeros_like(h), _upstream())
        expect(not slope.any(), f"expected no slope at a silent row, got {slope.abs().max():g}")


def leaves_activities_alone(goodness: Goodness) -> None:
    """It leaves the activities unchanged and keeps no graph.

    Raises:
        Broken: They are changed, or the goodness of plain activities requires a gradient.

    >>> leaves_activities_alone(lambda h: h.flatten(1).square().mean(1))
    """
    h = activities(4)
    before = h.clone()
    rated = goodness(h)
    expect_unchanged(
        [h],
        [before],
        "the activities as they were, but they were modified: avoid in-place operations (x.op_())",
    )
    slope_of(goodness, h, torch.ones(5, dtype=torch.float64))
    expect_unchanged([h], [before], "the slope to leave the activities as they were")
    # A goodness with weights is trained with its layer, and so may require a gradient.
    learns = isinstance(goodness, nn.Module) and any(True for _ in goodness.parameters())
    expect(learns or not rated.requires_grad, "expected no graph of plain activities, got one")


def is_a_norm_at_any_scale(norm: PNorm) -> None:
    """The norm of 1e20 or 1e-20 times the activities is that multiple of the norm, in float32.

    Raises:
        Broken: It overflows or underflows.

    >>> is_a_norm_at_any_scale(PNorm(8))
    """
    h, upstream = activities(6).float(), torch.linspace(-1, 1, 5)
    for scale in (1e20, 1e-20):
        expect_close(norm(h * scale), norm(h) * scale, f"the norm, at {scale:g},", rtol=1e-5)
        slope, wanted = norm.slope(h * scale, upstream), norm.slope(h, upstream)
        expect_close(slope, wanted, f"the norm's slope, at {scale:g},", rtol=1e-5, atol=1e-7)


def norm_has_finite_slopes_at_tiny_activities(norm: PNorm) -> None:
    """A norm's slope is finite at the smallest activities that float32 holds.

    Raises:
        Broken: It is not.

    >>> norm_has_finite_slopes_at_tiny_activities(PNorm(2))
    """
    # 1 / 1e-39 is infinite in float32, so a slope must not divide by the goodness alone.
    slope = norm.slope(torch.tensor([[0.0, 1e-39]]), torch.ones(1))
    expect(slope.isfinite().all(), f"expected a finite slope at 1e-39, got {slope.tolist()[0]}")


def _upstream() -> Tensor:
    return torch.tensor([1.0, -2.0, 0.5, 3.0, -0.25], dtype=torch.float64)
