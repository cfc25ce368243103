"""Gradients -> weights, by Hinton's averaged gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class AveragedSGD(Optimizer):
    """Gradient descent on an exponential average of the gradient, with decoupled weight decay.

    ``v <- average v + (1 - average) gradient`` from v = 0, then
    ``w <- w - lr (v + weight_decay w)``, with the decay computed from the weights before the step.
    Torch's ``SGD(dampening=...)`` differs: its first step is a full one and its decay enters the
    average.

    Args:
        params: Parameters or groups of them.
        lr: Learning rate.
        average: Weight of the old average in the new one, 0 to below 1.
        weight_decay: Decay of the weights, decoupled from the average.

    Raises:
        ValueError: An argument is out of range.

    References:
        Hinton (2022), ``ffnew.m`` (there with half the gradient, twice the rate, half the decay).

    >>> w = torch.nn.Parameter(torch.ones(1))
    >>> w.grad = torch.ones(1)
    >>> AveragedSGD([w], lr=1.0).step()
    >>> w.data
    tensor([0.9000])
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.005,
        average: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        if lr < 0 or weight_decay < 0 or not 0 <= average < 1:
            raise ValueError(
                "AveragedSGD expects lr >= 0, weight_decay >= 0 and average from 0 to below 1, got"
                f" lr={lr}, weight_decay={weight_decay}, average={average}"
            )
        super().__init__(params, {"lr": lr, "average": average, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)
        return loss

    def _move(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["average"] = torch.zeros_like(weight)
        average = state["average"].lerp_(weight.grad, 1 - group["average"])
        weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(average, alpha=group["lr"])
