"""The tensors of several ranks <-> one checkpoint, to which each rank writes those it owns.

The files are safetensors, written by torch.distributed.checkpoint, so another number of ranks, or a
single process, can resume from them; nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from forward_forward import files


def write(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the tensors of this rank; all ranks call this.

    A tensor that several ranks hold is written once.

    Raises:
        OSError: A rank could not write, for example because its disk is full.
    """
    # Copies: the format refuses tensors that share their memory, or are not laid out row by row.
    ready = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    try:
        save(ready, storage_writer=writer)
    except CheckpointException as error:  # a BaseException: handlers of Exception would miss it
        reasons = [f"rank {rank}: {failure[0]}" for rank, failure in error.failures.items()]
        raise OSError(f"a checkpoint could not be written ({'; '.join(reasons)})") from error


def read(folder: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """Read the tensors that this rank wants; all ranks call this.

    Args:
        folder: A checkpoint written by `write`, on any number of ranks.
        wanted: Whether to read the tensor with a given name.

    Raises:
        ValueError: A file of the checkpoint is broken.
    """
    reader = HuggingFaceStorageReader(str(folder))
    tensors: dict[str, Tensor] = {}
    try:
        for name, kind in reader.read_metadata().state_dict_metadata.items():
            if wanted(name) and isinstance(kind, TensorStorageMetadata):
                tensors[name] = torch.empty(kind.size, dtype=kind.properties.dtype)
        load(tensors, storage_reader=reader)
    except (CheckpointException, SafetensorError) as error:  # the former is a BaseException
        raise ValueError(
            f"expected whole safetensors files in {str(folder)!r}, got some that cannot be read"
            f" ({error}): {files.RESTORE}"
        ) from error
    return tensors
