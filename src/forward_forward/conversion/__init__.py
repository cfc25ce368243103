"""A model of torch -> local layers, with what became of each of its parts.

In reading order: ``parts`` (a model taken apart), ``groups`` (what belongs to one layer),
``widen`` (room for the label), ``entrance`` (how it gets there), ``model`` (the network).
"""

from forward_forward.conversion.entrance import Entrance
from forward_forward.conversion.model import Conversion, Step, convert

__all__ = ["Conversion", "Entrance", "Step", "convert"]
