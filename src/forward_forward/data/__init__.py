"""Arrays, tensors, frames, Datasets, files, folders -> batches x [batch, *shape], y [batch].

In reading order: ``batch`` (the samples of one step, the protocol of a Source, and the checks),
``in_memory`` (a set [n, *shape], from which ``holdout`` selects rows), ``pictures`` (files in a
folder or an archive), ``tables`` (rows as inputs), ``arrays`` (npz files), ``tensors`` (numbers as
tensors), ``stream`` (a loader, read batch by batch), ``text`` (windows of symbols), ``source`` (any
of these as a Source), ``checksum`` (by which a run recognises its data) and ``augment`` (random
changes to pictures).
"""

from forward_forward.data import augment
from forward_forward.data.batch import Batch, Source
from forward_forward.data.checksum import check_unchanged, checksum
from forward_forward.data.in_memory import Data
from forward_forward.data.pictures.folder import Folder, folder
from forward_forward.data.source import as_source
from forward_forward.data.stream import Stream
from forward_forward.data.text import Text

__all__ = [
    "Batch",
    "Data",
    "Folder",
    "Source",
    "Stream",
    "Text",
    "as_source",
    "augment",
    "check_unchanged",
    "checksum",
    "folder",
]
