"""Gradients -> weights: orthogonalised steps of matrices and filters, AdamW's of all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Views = list[tuple[Tensor, Tensor]]


class Muon(Optimizer):
    """torch's Muon for matrices and filters, its fused AdamW for vectors and read-outs.

    The momentum of a matrix is orthogonalised by Newton and Schulz's iteration before each step;
    the filters of a convolution [units, channels, height, width] are a matrix of a row a unit.
    Each layer has an optimiser of its own, so its update is orthogonalised by itself.

    Args:
        params: Parameters or groups of them; those of a group with ``readout=True`` are AdamW's.
        lr: Learning rate of AdamW, for vectors and read-outs.
        matrix_lr: Learning rate of matrices, relative to ``lr``; a step of a matrix then has
            singular values of about ``lr * matrix_lr``, times ``sqrt(rows / columns)`` if it has
            more rows than columns.
        momentum: Weight of the old momentum of matrices in the new one, 0 to below 1.
        weight_decay: Decay of the weights per unit of the learning rate.

    Raises:
        ValueError: An argument is out of range.

    References:
        Keller Jordan (2024), "Muon: An optimizer for hidden layers in neural networks".

    >>> filters = nn.Parameter(torch.zeros(2, 1, 3, 3))
    >>> filters.grad = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    >>> Muon([filters], lr=1.0, matrix_lr=0.1).step()
    >>> [round(each, 1) for each in filters.data.flatten(1).norm(dim=1).tolist()]
    [0.1, 0.1]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 3e-3,
        matrix_lr: float = 7.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        if min(lr, matrix_lr, weight_decay) < 0 or not 0 <= momentum < 1:
            raise ValueError(
                "Muon expects lr, matrix_lr and weight_decay of 0 or more and momentum from 0 to"
                f" below 1, got lr={lr}, matrix_lr={matrix_lr}, weight_decay={weight_decay},"
                f" momentum={momentum}"
            )
        defaults = {"lr": lr, "matrix_lr": matrix_lr, "momentum": momentum, "readout": False}
        super().__init__(params, {**defaults, "weight_decay": weight_decay})
        self._parts = [_split(group) for group in self.param_groups]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # A copy or a loaded state has other groups, whose parts are made anew.
        self._parts = [_split(group) for group in self.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group, (views, matrices, others) in zip(self.param_groups, self._parts, strict=True):
            if matrices is not None:
                for weight, view in views:
                    # Anew in each step: a module may have moved its weights.
                    view.data = weight.data.reshape(view.shape)
                    view.grad = None if weight.grad is None else weight.grad.reshape(view.shape)
                    matrices.state[view] = self.state[weight]
                self._take(matrices, group, group["lr"] * group["matrix_lr"])
                for weight, view in views:
                    view.grad = None
                    if not weight.is_contiguous():  # then the view is a copy
                        weight.copy_(view.view(weight.shape))
            if others is not None:
                for weight in others.param_groups[0]["params"]:
                    others.state[weight] = self.state[weight]
                self._take(others, group, group["lr"])
        return loss

    def _take(self, optimizer: Optimizer, group: dict[str, Any], lr: float) -> None:
        optimizer.param_groups[0].update(lr=lr, weight_decay=group["weight_decay"])
        optimizer.step()


def _split(group: dict[str, Any]) -> tuple[Views, Optimizer | None, Optimizer | None]:
    """A group's matrices with their views of two dimensions, and torch's optimisers of its parts.

    The optimisers' states are kept in those of `Muon`, so that a checkpoint holds them.
    """
    weights = group["params"]
    matrices = [] if group["readout"] else [each for each in weights if each.dim() > 1]
    others = [each for each in weights if all(each is not matrix for matrix in matrices)]
    views: Views = [(each, nn.Parameter(each.data.reshape(len(each), -1))) for each in matrices]
    muon = adamw = None
    if views:
        muon = torch.optim.Muon([view for _, view in views], momentum=group["momentum"])
    if others:
        adamw = torch.optim.AdamW(others, fused=True)
    return views, muon, adamw
