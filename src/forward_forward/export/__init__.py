"""A trained network -> files that work from raw samples and need no library of ours.

``export`` writes files for ONNX Runtime or torch and checks each against the library. In reading
order: ``arguments`` (checked), ``predictors`` (what is exported, as modules), ``selection`` (which
predictors a network has), ``torch_file`` and ``onnx_file`` (a module's graph in a file, and the
file's outputs), ``verify`` (a file compared with the library), ``measure`` and ``quantize``
(errors, times and int8), ``folder`` (the folder of an export) and ``export``. ``device`` writes a
network as a C program for microcontrollers, or as a page for browsers, which go on learning there.
"""

from forward_forward.export.device import RATE, NotForDevice, c, web
from forward_forward.export.export import export
from forward_forward.export.predictors import OnePass, Scan

__all__ = ["RATE", "NotForDevice", "OnePass", "Scan", "c", "export", "web"]
