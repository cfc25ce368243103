"""A part <-> the text that names it, as typed on the command line and kept in a run's file.

A name is looked up in a module's ``__all__`` and may carry literal arguments: ``l2_norm``,
``PNorm(p=4)``, ``Minimised(sum_of_squares)``. A dotted ``package.module:object``, with arguments or
without, is imported only if the caller states that a person typed it: code is never run because a
file names it. ``read`` and ``write`` are the two directions.
"""

from forward_forward.notation.read import OwnCode, looked_up, made, public, read
from forward_forward.notation.write import constructor_arguments, torch_modules, write, write_call

__all__ = [
    "OwnCode",
    "constructor_arguments",
    "looked_up",
    "made",
    "public",
    "read",
    "torch_modules",
    "write",
    "write_call",
]
