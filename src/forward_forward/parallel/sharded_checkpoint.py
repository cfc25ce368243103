"""A crew's training <-> one checkpoint in which each rank has written what it holds.

The files are safetensors, by torch.distributed.checkpoint, so another number of ranks, or one
process, can go on from them; no pickle is written or read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

Wanted = Callable[[str], bool]


def write(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write this rank's tensors; all ranks call this. Those of one name are written once.

    Raises:
        OSError: A rank could not write: its disk is full, say.
    """
    # Copies: the format refuses tensors that share their memory, or are not laid out row by row.
    ready = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    try:
        save(ready, storage_writer=writer)
    except CheckpointException as error:  # no Exception: it would pass by all who report errors
        reasons = [f"rank {rank}: {failure[0]}" for rank, failure in error.failures.items()]
        raise OSError(f"a checkpoint could not be written ({'; '.join(reasons)})") from error


def read(folder: Path, wanted: Wanted) -> dict[str, Tensor]:
    """Read the tensors that are wanted here; all ranks call this.

    Args:
        folder: Written by `write` on any number of ranks.
        wanted: Whether a tensor of a name is.
    """
    reader = HuggingFaceStorageReader(str(folder))
    about = reader.read_metadata().state_dict_metadata
    tensors: dict[str, Tensor] = {}
    for name, kind in about.items():
        if wanted(name) and isinstance(kind, TensorStorageMetadata):
            tensors[name] = torch.empty(kind.size, dtype=kind.properties.dtype)
    load(tensors, storage_reader=reader)
    return tensors
