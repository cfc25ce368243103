"""A layer and an optimiser's class -> the layer's own optimiser, and its fastest step."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import optimizer as torch_optimizer

from forward_forward.forward.arguments import LARGEST, check_number
from forward_forward.optimize.muon import Muon


def optimizer_of(
    module: nn.Module,
    make: Callable[..., torch.optim.Optimizer],
    lr: float,
    weight_decay: float | None,
    *,
    bias_lr: float | None = None,
    readout_lr: float | None = None,
) -> torch.optim.Optimizer:
    """The optimiser of one layer: weight decay applies to matrices, not to biases and vectors.

    Args:
        module: The layer, or the head.
        make: A torch optimiser's class, or a ``functools.partial`` of one. Its fused kernels are
            used if it has them, unless the partial sets ``fused`` or a weight is not contiguous.
        lr: Learning rate.
        weight_decay: Of the matrices; None keeps the optimiser's own default.
        bias_lr: Learning rate of biases and vectors; None for ``lr``.
        readout_lr: Learning rate of the weights of a layer's read-out; None for ``lr``.

    Raises:
        ValueError: A negative or infinite learning rate, a weight decay for an optimiser that has
            none, a learning rate in the partial,
            ``fused=True`` for weights that are not contiguous, or a module without weights.
    """
    for name, rate in {"lr": lr, "bias_lr": bias_lr, "readout_lr": readout_lr}.items():
        if rate is not None or name == "lr":
            check_number(name, rate, "0.001", finite=False)
        if rate is not None and not 0 <= rate <= LARGEST:
            raise ValueError(
                f"{name} expects a finite number of 0 or more, got {rate}: such as {name}=0.001"
            )
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    muon = is_muon(make)
    groups = _groups(module, weights, muon, lr, bias_lr, readout_lr)
    if weight_decay == 0 and not muon and {group["lr"] for group in groups} == {lr}:
        groups = [{"params": weights, "lr": lr}]  # one group is one call of the kernel
    for group in groups:
        group["initial_lr"] = group["lr"]
        if weight_decay is not None:
            group.setdefault("weight_decay", weight_decay)
    _check_trainable(module, weights)
    options = make.keywords if isinstance(make, functools.partial) else {}
    if "lr" in options:
        raise ValueError(
            f"the optimiser expects its learning rate from the Trainer, got lr={options['lr']} in"
            " the partial: use Trainer(..., lr=...)"
        )
    # Fused kernels read weights, gradients and state in the order of memory. Gradients are laid
    # out row by row, so the weights must be, too.
    row_by_row = all(weight.is_contiguous() for weight in weights)
    if options.get("fused") and not row_by_row:
        raise ValueError(
            "fused=True requires contiguous weights, got others: leave fused out, or set"
            " weight.data = weight.data.contiguous()"
        )
    if row_by_row and "fused" in inspect.signature(make).parameters and "fused" not in options:
        options = {"fused": True}
    else:
        options = {}
    optimizer = make(groups, lr=lr, **options)
    if weight_decay and "weight_decay" not in optimizer.defaults:
        raise ValueError(
            f"weight_decay={weight_decay} requires an optimiser with weight decay, got"
            f" {type(optimizer).__name__}: leave weight_decay out, or use AdamW or AveragedSGD"
        )
    return optimizer


def _check_trainable(module: nn.Module, weights: list[nn.Parameter]) -> None:
    """Reject a module without weights to train, or with some whose type cannot hold a step."""
    kind = type(module).__name__
    if not weights:
        if next(module.parameters(), None) is None:
            raise ValueError(f"{kind} has nothing to train: its block has no weights")
        raise ValueError(
            f"{kind} has nothing to train: all its weights are frozen (requires_grad is False). Use"
            " requires_grad_(True); train_layers(first, last) leaves out layers, and the trainer's"
            " steps then do not change those below"
        )
    if any(weight.dtype == torch.float16 for weight in weights):
        raise ValueError(
            f"{kind} expects weights in float32, bfloat16 or float64, got float16, in which squares"
            " and small steps are lost: use network.float(), or precision='bfloat16'"
        )


def is_muon(make: Callable[..., torch.optim.Optimizer]) -> bool:
    """Whether it makes a `Muon`, which treats the weights of read-outs differently."""
    kind = make.func if isinstance(make, functools.partial) else make
    return isinstance(kind, type) and issubclass(kind, Muon)


def _groups(
    module: nn.Module,
    weights: list[nn.Parameter],
    muon: bool,
    lr: float,
    bias_lr: float | None,
    readout_lr: float | None,
) -> list[dict[str, Any]]:
    """Matrices, then vectors and, if they are treated differently, the weights of the read-out."""
    goodness = getattr(module, "goodness", None)
    own: set[int] = set()
    if isinstance(goodness, nn.Module) and (muon or readout_lr is not None):
        own = {id(weight) for weight in goodness.parameters()}
    rest = [weight for weight in weights if id(weight) not in own]
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in rest if weight.dim() > 1], "lr": lr},
        {
            "params": [weight for weight in rest if weight.dim() <= 1],
            "weight_decay": 0.0,
            "lr": lr if bias_lr is None else bias_lr,
        },
        {
            "params": [weight for weight in weights if id(weight) in own],
            "lr": lr if readout_lr is None else readout_lr,
            **({"readout": True} if muon else {}),
        },
    ]
    return [group for group in groups if group["params"]]


def weights_of(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """All parameters that an optimiser updates, in its order."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def forget_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Release the gradients: `zero_grad` without its records for the profiler."""
    for weight in weights_of(optimizer):
        weight.grad = None


def lacks_gradients(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a weight has no gradient: it is not used, or it is no longer the module's.

    It is quick: a step of a small layer can afford it, and seldom needs `check_held`.
    """
    return any(
        weight.grad is None for group in optimizer.param_groups for weight in group["params"]
    )


def check_held(module: nn.Module, optimizer: torch.optim.Optimizer, name: str) -> None:
    """Reject a module with weights that its optimiser does not update.

    Args:
        module: A layer, or the head.
        optimizer: Its optimiser.
        name: What the message calls it.

    Raises:
        ValueError: A weight, or a part with weights, was replaced.
    """
    held = {id(weight) for weight in weights_of(optimizer)}
    for weight_name, weight in module.named_parameters():
        if weight.requires_grad and id(weight) not in held:
            raise ValueError(
                f"{name} expects the parts it had when the Trainer was built, got another whose"
                f" {weight_name} would never learn: build a new Trainer"
            )


# Names that torch does not document: where one is missing, `optimizer.step` is called instead.
KERNELS = {True: "_fused_adamw_", False: "_fused_adam_"}  # by ``decoupled_weight_decay``
HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
GLOBAL_HOOKS = ("_global_optimizer_pre_hooks", "_global_optimizer_post_hooks")


def stepper(optimizer: torch.optim.Optimizer) -> Callable[[], object]:
    """The fastest way to take an optimiser's step.

    On layers of a few hundred units torch's fused Adam spends more time in Python than in its
    kernel; if nothing but the kernel is needed, it is called directly. The numbers are the same.
    """
    # A step that was replaced on the instance, as torch's schedulers do, must be called.
    own = type(optimizer) in (torch.optim.Adam, torch.optim.AdamW) and "step" not in vars(optimizer)
    plain = own and all(
        group["fused"]
        and not (group["amsgrad"] or group["maximize"] or group["differentiable"])
        and not isinstance(group["lr"], torch.Tensor)
        and hasattr(torch, KERNELS.get(bool(group.get("decoupled_weight_decay")), ""))
        for group in optimizer.param_groups
    )
    return functools.partial(_fused_adam, optimizer) if plain else optimizer.step


def _fused_adam(optimizer: torch.optim.Optimizer) -> None:
    groups = [
        (group, [weight for weight in group["params"] if weight.grad is not None])
        for group in optimizer.param_groups
    ]
    # torch creates a weight's state in its first step, and calls the hooks.
    begun = all(optimizer.state.get(weight) for _, weights in groups for weight in weights)
    if not begun or _hooked(optimizer):
        optimizer.step()
        return
    for group, weights in groups:
        if weights:
            _call_kernel(group, weights, [optimizer.state[weight] for weight in weights])


def _hooked(optimizer: torch.optim.Optimizer) -> bool:
    """Whether a step must call hooks, or may have to since torch keeps them elsewhere."""
    own = any(getattr(optimizer, name, True) for name in HOOKS)
    return own or any(getattr(torch_optimizer, name, True) for name in GLOBAL_HOOKS)


def _call_kernel(
    group: dict[str, Any], weights: list[torch.Tensor], states: list[dict[str, Any]]
) -> None:
    steps = [state["step"] for state in states]
    torch._foreach_add_(steps, 1)
    kernel = getattr(torch, KERNELS[group["decoupled_weight_decay"]])
    kernel(
        weights,
        [weight.grad for weight in weights if weight.grad is not None],
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
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
