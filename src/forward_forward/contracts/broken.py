"""What a part returned, and what was expected -> nothing, or `Broken` with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Broken(AssertionError):
    """A part breaks a contract; the message states what was expected and what it returned."""


def expect(kept: object, reason: str) -> None:
    """Raise `Broken` with the reason, unless the contract is kept."""
    if not kept:
        raise Broken(reason)


def expect_tensor(value: object, shape: torch.Size, dtype: torch.dtype, what: str) -> None:
    """Raise `Broken` unless a value is a tensor of this shape and type; ``what`` is its name.

    >>> expect_tensor(torch.zeros(2), torch.Size([2]), torch.float32, "goodness")
    """
    expect(isinstance(value, Tensor), f"expected a tensor as {what}, got {type(value).__name__}")
    if isinstance(value, Tensor):
        wanted, came = (list(shape), dtype), (list(value.shape), value.dtype)
        expect(
            wanted == came,
            f"expected {wanted[0]} in {_short(dtype)} as {what}, got {came[0]} in"
            f" {_short(value.dtype)}",
        )


def expect_close(
    value: Tensor, wanted: Tensor, what: str, *, rtol: float | None = None, atol: float | None = 0
) -> None:
    """Raise `Broken`, with the entry that differs most, if a tensor differs from the expected one.

    ``rtol`` and ``atol`` are the tolerances, relative and absolute; without ``rtol`` both are those
    of `torch.testing.assert_close`.

    >>> expect_close(torch.ones(2), torch.ones(2), "the slope")
    """
    if rtol is None:
        atol = None
    try:
        torch.testing.assert_close(value, wanted, rtol=rtol, atol=atol)
    except AssertionError as error:
        raise Broken(f"expected {what} {_difference(value, wanted)}") from error


def expect_unchanged(values: Sequence[Tensor], before: Sequence[Tensor], what: str) -> None:
    """Raise `Broken` if a part has changed tensors, of which there are copies from before."""
    expect(all(map(torch.equal, values, before)), f"expected {what}")


def expect_slopes_of_small_changes(call: Callable[..., Tensor], *leaves: Tensor) -> None:
    """Raise `Broken` if a function's slopes at float64 leaves are not those of small changes."""
    inputs = [leaf.requires_grad_() for leaf in leaves]
    right = torch.autograd.gradcheck(call, inputs, raise_exception=False)
    expect(
        right, "expected the slopes that finite differences find, got others: is a tensor detached?"
    )


def _difference(value: Tensor, wanted: Tensor) -> str:
    if value.shape != wanted.shape or value.dtype != wanted.dtype:
        return (
            f"of {list(wanted.shape)} in {_short(wanted.dtype)}, got {list(value.shape)} in"
            f" {_short(value.dtype)}"
        )
    value, wanted = value.detach(), wanted.detach()
    gap = (value - wanted).abs().flatten().nan_to_num(nan=torch.inf)
    worst = int(gap.argmax())
    return f"to be {float(wanted.flatten()[worst]):.8g}, got {float(value.flatten()[worst]):.8g}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
