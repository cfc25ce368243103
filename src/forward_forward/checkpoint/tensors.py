"""A checkpoint's folder -> its tensors by name, and the progress of the training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from forward_forward import files


def sharded(folder: Path) -> bool:
    """Whether a checkpoint was written by several ranks, each its own layers."""
    return any(folder.glob("shard-*.safetensors"))


def tensors_of(folder: Path, *, trainer: bool = False) -> dict[str, Tensor]:
    """All tensors of a checkpoint, with names that start with ``network.`` or ``trainer.``.

    Args:
        folder: The checkpoint.
        trainer: Whether the trainer's must be there.

    Raises:
        ValueError: A file is missing or broken.
    """
    if sharded(folder):
        parts = [files.read_tensors(path) for path in sorted(folder.glob("shard-*.safetensors"))]
        return {name: value for part in parts for name, value in part.items()}
    for name in ("network", "trainer") if trainer else ("network",):
        _require(folder / f"{name}.safetensors")
    tensors: dict[str, Tensor] = {}
    for kind in ("network", "trainer"):
        path = folder / f"{kind}.safetensors"
        if path.exists():
            tensors |= {f"{kind}.{name}": value for name, value in files.read_tensors(path).items()}
    return tensors


def _require(path: Path) -> None:
    if not path.exists():
        found = sorted(each.name for each in path.parent.iterdir())
        raise ValueError(
            f"expected the file {path.name} in the checkpoint {str(path.parent)!r}, got"
            f" {', '.join(found) or 'an empty folder'}: {files.RESTORE}"
        )


def parted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the network and those of the trainer."""
    kinds: dict[str, dict[str, Tensor]] = {"network": {}, "trainer": {}}
    for full, value in tensors.items():
        kind, _, name = full.partition(".")
        kinds[kind][name] = value
    return kinds["network"], kinds["trainer"]


def progress_of(folder: Path) -> dict[str, Any]:
    """The progress recorded in a checkpoint."""
    _require(folder / "progress.json")
    return files.read_json(folder / "progress.json")
