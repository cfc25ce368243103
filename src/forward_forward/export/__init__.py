"""A trained network -> files that take raw samples [batch, *shape] and need no library of ours.

``export`` writes files for ONNX Runtime or torch and checks each against the library. In reading
order: ``predictors`` (what is exported, as modules), ``selection`` (which predictors a network
has), ``torch_file`` and ``onnx_file`` (a module's graph in a file, and the file's outputs),
``verify`` (a file compared with the library), ``measure`` and ``quantize`` (errors, times and
int8), ``folder`` (the folder of an export) and ``export``.
"""

from forward_forward.export.export import export
from forward_forward.export.predictors import OnePass, Scan

__all__ = ["OnePass", "Scan", "export"]
