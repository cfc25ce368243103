"""Arrays, tensors, frames, Datasets, files, folders in; batches x [batch, *shape], y [batch] out.

In reading order: ``batch`` (one step's samples, what every source offers, and the checks),
``held`` (a set [n, *shape] in memory, of which a ``share`` is held out); ``tree`` (files of a
folder or an archive), ``listing`` (pictures by class), ``decode`` (files as pictures), ``on_disk``
(a set of them, each batch read when due); ``frames`` and ``cells`` (rows of a table), ``table``
(rows as inputs), ``arrays`` (npz files), ``tensors`` (a user's numbers as tensors), ``stream`` (a
loader read batch by batch), ``source`` (what the user has, made one of the three); ``checksum`` (by
which a run knows its data again) and ``augment`` (pictures changed at random).
"""

from forward_forward.data import augment
from forward_forward.data.batch import Batch, Source
from forward_forward.data.checksum import check_unchanged, checksum
from forward_forward.data.in_memory import Data
from forward_forward.data.pictures.folder import Folder, folder
from forward_forward.data.source import as_source
from forward_forward.data.stream import Stream

__all__ = [
    "Batch",
    "Data",
    "Folder",
    "Source",
    "Stream",
    "as_source",
    "augment",
    "check_unchanged",
    "checksum",
    "folder",
]
