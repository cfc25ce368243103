"""A PyTorch model -> local layers, with a record of what each of its modules became.

In reading order: ``modules`` (a copy of the model, checked and taken apart), ``groups`` (what
belongs to one layer), ``answers`` (examples, and samples to probe a model with), ``widen`` (inputs
for the label), ``widths`` (parts for the channels of a layer's activities), ``model`` (the
network).
"""

from forward_forward.conversion.model import Conversion, Step, convert

__all__ = ["Conversion", "Step", "convert"]
