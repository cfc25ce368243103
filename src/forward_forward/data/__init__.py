"""Arrays, tensors, a Dataset or a DataLoader in; batches x [batch, *shape], y [batch] out.

In reading order: ``batch`` (one step's samples, what every source offers, and the checks),
``held`` (a set [n, *shape] in memory and its splits), ``tensors`` (a user's numbers as tensors),
``stream`` (a loader read batch by batch) and ``source`` (what the user has, made one of the two).
"""

from forward_forward.data.batch import Batch, Source
from forward_forward.data.held import Data
from forward_forward.data.source import as_source
from forward_forward.data.stream import Stream

__all__ = ["Batch", "Data", "Source", "Stream", "as_source"]
