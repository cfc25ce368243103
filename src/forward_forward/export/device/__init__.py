"""A network -> a C program for microcontrollers that predicts and goes on learning, or a web page.

In reading order: ``layers`` (a network as the program's tables hold it) with ``products`` and
``goals``, ``sizes`` (memory and operations), ``source`` (the tables, then the files of
``runtime/``), ``settings`` (checked arguments), ``program`` (the compiled program, called from
Python) and ``c_export`` (the folder).
``kernel`` is the runtime in WebAssembly, and ``page`` an HTML file with it.
"""

from forward_forward.export.device.c_export import RATE, c
from forward_forward.export.device.device_layer import NotForDevice
from forward_forward.export.device.page.web_export import web
from forward_forward.export.device.program import Program

__all__ = ["RATE", "NotForDevice", "Program", "c", "web"]
