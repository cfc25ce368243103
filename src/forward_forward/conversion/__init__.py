"""A model of torch -> local layers, with what became of each of its parts.

In reading order: ``ready`` (a copy of a model, and what stands against it), ``modules`` (the model
taken apart), ``groups`` (what belongs to one layer), ``widen`` (room for the label), ``model`` (the
network).
"""

from forward_forward.conversion.model import Conversion, Step, convert

__all__ = ["Conversion", "Step", "convert"]
