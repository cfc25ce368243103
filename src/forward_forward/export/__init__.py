"""A trained network outside the library: raw samples [batch, *shape] -> scores, label [batch].

``export`` writes files for ONNX Runtime or torch and checks each against the library. In reading
order: ``predictors`` (what is exported, as modules), ``torch_file`` and ``onnx_file`` (a module's
graph in a file, and the file's outputs), ``verify`` (a file beside the library), ``measure`` and
``quantize`` (errors, times and int8), ``served`` (which predictors a network has), ``folder``
(where the files go) and ``export``. ``demo`` is a page in the browser.
"""

from forward_forward.export.export import export
from forward_forward.export.predictors import OnePass, Scan

__all__ = ["OnePass", "Scan", "export"]
