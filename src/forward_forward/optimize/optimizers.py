"""A layer and an optimiser's class -> the layer's own optimiser."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import optimizer as torch_optimizer


def optimizer_of(
    module: nn.Module,
    make: Callable[..., torch.optim.Optimizer],
    lr: float,
    weight_decay: float | None,
) -> torch.optim.Optimizer:
    """The optimiser of one layer: its weights decay, its biases and other vectors do not.

    Args:
        module: The layer, or the head.
        make: A torch optimiser's class, or a ``functools.partial`` of one; fused kernels are used
            where it has them, unless the partial says otherwise.
        lr: Learning rate.
        weight_decay: Of the weights; None keeps the optimiser's own default.

    Raises:
        ValueError: A weight decay for an optimiser that has none, a learning rate within the
            partial, or a module without weights.
    """
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in weights:
        # Fused kernels go through weights, gradients and what they remember in the order of memory,
        # so all must be laid out alike: row by row, as gradients are, and what files hold.
        if not weight.is_contiguous():
            weight.data = weight.data.contiguous()
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if weight.dim() > 1]},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    if weight_decay == 0:  # nothing tells them apart: one group is one call of the kernel
        groups = [{"params": weights, "weight_decay": 0.0}]
    elif weight_decay is not None:
        groups[0]["weight_decay"] = weight_decay
    groups = [{**group, "initial_lr": lr} for group in groups if group["params"]]
    if not groups:
        raise ValueError(f"{type(module).__name__} has nothing to train: its block has no weights")
    told = make.keywords if isinstance(make, functools.partial) else {}
    if "lr" in told:
        raise ValueError("the optimiser's learning rate is the Trainer's: Trainer(..., lr=...)")
    fused = "fused" in inspect.signature(make).parameters and "fused" not in told
    optimizer = make(groups, lr=lr, **({"fused": True} if fused else {}))
    if weight_decay and "weight_decay" not in optimizer.defaults:
        raise ValueError(
            f"weight_decay={weight_decay} expects an optimiser that has one, got"
            f" {type(optimizer).__name__}: leave weight_decay out, or use AdamW or AveragedSGD"
        )
    return optimizer


def weights_of(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """All that an optimiser moves, in its order."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def forget_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Let go of the gradients: `zero_grad` without the records for a profiler that it keeps."""
    for weight in weights_of(optimizer):
        weight.grad = None


def stepper(optimizer: torch.optim.Optimizer) -> Callable[[], object]:
    """The quickest way to take an optimiser's step.

    torch's fused Adam spends more time in Python than in its kernel on layers of a few hundred
    units; where nothing but the kernel is needed, it is called at once. The numbers are the same.

    Args:
        optimizer: The optimiser.

    Returns:
        What takes a step when called.
    """
    # A step that was replaced on the optimiser itself, as torch's schedulers do, is taken.
    own = type(optimizer) in (torch.optim.Adam, torch.optim.AdamW) and "step" not in vars(optimizer)
    plain = own and all(
        group["fused"]
        and not (group["amsgrad"] or group["maximize"] or group["differentiable"])
        and not isinstance(group["lr"], torch.Tensor)
        for group in optimizer.param_groups
    )
    return functools.partial(_fused_adam, optimizer) if plain else optimizer.step


def _fused_adam(optimizer: torch.optim.Optimizer) -> None:
    groups = [
        (group, [weight for weight in group["params"] if weight.grad is not None])
        for group in optimizer.param_groups
    ]
    # A weight's first step makes its memory; and hooks are torch's own affair.
    begun = all(optimizer.state.get(weight) for _, weights in groups for weight in weights)
    if not begun or _hooked(optimizer):
        optimizer.step()
        return
    for group, weights in groups:
        if weights:
            _call_kernel(group, weights, [optimizer.state[weight] for weight in weights])


def _hooked(optimizer: torch.optim.Optimizer) -> bool:
    return bool(
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or torch_optimizer._global_optimizer_pre_hooks
        or torch_optimizer._global_optimizer_post_hooks
    )


def _call_kernel(
    group: dict[str, Any], weights: list[torch.Tensor], memories: list[dict[str, Any]]
) -> None:
    steps = [memory["step"] for memory in memories]
    for step in steps:
        step += 1
    kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
    kernel(
        weights,
        [weight.grad for weight in weights if weight.grad is not None],
        [memory["exp_avg"] for memory in memories],
        [memory["exp_avg_sq"] for memory in memories],
        [],
        steps,
        lr=group["lr"],
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )
