"""A trainer <-> tensors by name and plain numbers: all that a resumed run needs, and no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from forward_forward.optimize.trainer import Trainer


def state_of(trainer: Trainer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What the optimisers and the average remember; the network's own weights are kept apart.

    Args:
        trainer: The trainer.

    Returns:
        Tensors by name, and numbers for JSON.
    """
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, optimizer in trainer.all_optimizers.items():
        for index, memory in optimizer.state_dict()["state"].items():
            for key, value in memory.items():
                kept = tensors if isinstance(value, Tensor) else numbers
                kept[f"{name}.{index}.{key}"] = value
    if trainer.averaged is not None:
        for key, value in trainer.averaged.state_dict().items():
            tensors[f"averaged.{key}"] = value
    about = {"steps": trainer.steps, "optimizers": numbers}
    if trainer.looking.waiting:
        about["waiting"] = len(trainer.looking.waiting)
        for index, coming in enumerate(trainer.looking.waiting):
            if coming.scores is not None:
                tensors[f"waiting.{index}"] = coming.scores
    return tensors, about


def restore(trainer: Trainer, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
    """Put a state made by `state_of` back into a trainer built with the same settings.

    Args:
        trainer: The trainer; its optimisers and average are overwritten.
        tensors: The tensors by name.
        numbers: The numbers.
    """
    trainer.steps = numbers["steps"]
    trainer.looking.forget()
    waiting = range(numbers.get("waiting", 0))  # batches seen before they were shown
    trainer.looking.restored.extend(tensors.get(f"waiting.{index}") for index in waiting)
    values = {**tensors, **numbers["optimizers"]}
    for name, optimizer in trainer.all_optimizers.items():
        state = optimizer.state_dict()
        state["state"] = _memories(values, name)
        optimizer.load_state_dict(state)
    if trainer.averaged is not None:
        own = {
            key.removeprefix("averaged."): value
            for key, value in tensors.items()
            if key.startswith("averaged.")
        }
        trainer.averaged.load_state_dict(own)


def _memories(values: Mapping[str, Any], name: str) -> dict[int, dict[str, Any]]:
    memories: dict[int, dict[str, Any]] = {}
    for full, value in values.items():
        owner, _, rest = full.partition(".")
        if owner == name:
            index, _, key = rest.partition(".")
            memories.setdefault(int(index), {})[key] = value
    return memories


def add(sums: dict[str, Tensor], statistics: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add one step's statistics to an epoch's sums, on the device."""
    if not sums:
        return {name: value.clone() for name, value in statistics.items()}
    return {name: sums[name] + value for name, value in statistics.items()}


def means(sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
    """Mean statistics of an epoch, one number a layer: the one place where the device is read."""
    if not sums:
        return {}
    table = torch.stack(list(sums.values())).div(steps).tolist()
    return dict(zip(sums, table, strict=True))
