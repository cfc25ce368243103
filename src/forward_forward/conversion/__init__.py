"""A PyTorch model -> local layers, with a record of what each of its modules became.

In reading order: ``ready`` (a copy of the model, checked), ``modules`` (the model
taken apart), ``groups`` (what belongs to one layer), ``widen`` (room for the label), ``model`` (the
network).
"""

from forward_forward.conversion.model import Conversion, Step, convert

__all__ = ["Conversion", "Step", "convert"]
