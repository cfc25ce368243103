"""Activities [batch, *feature] -> goodness of every class [batch, classes], in a single pass.

A layer with such a goodness sees no label: the goodness of the true class is its positive, and
those of the other classes are its negatives. A read-out without ``units`` is a template; a layer
makes its own copy for its width.

``readout`` is what all of them share, ``linear`` those with weights from every activity to every
class, ``groups`` the one whose channels belong to classes, ``positions`` the one that answers at
every position of a text, ``module`` the end of a model, ``prototypes`` those that compare
activities with learned prototypes or with the mean of each class.
"""

from forward_forward.readouts.groups import ChannelGroups
from forward_forward.readouts.linear import FixedReadout, LinearReadout
from forward_forward.readouts.module import ModuleReadout as ModuleReadout
from forward_forward.readouts.positions import PositionReadout as PositionReadout
from forward_forward.readouts.prototypes import Centroids, Prototypes
from forward_forward.readouts.readout import HasReadoutSlopes as HasReadoutSlopes
from forward_forward.readouts.readout import Readout as Readout
from forward_forward.readouts.readout import by_channel as by_channel
from forward_forward.readouts.readout import fitted as fitted
from forward_forward.readouts.readout import is_readout as is_readout
from forward_forward.readouts.readout import of_classes as of_classes
from forward_forward.readouts.readout import of_units as of_units
from forward_forward.readouts.readout import pooled as pooled
from forward_forward.readouts.readout import redrawn as redrawn
from forward_forward.readouts.readout import slopes_of as slopes_of
from forward_forward.readouts.readout import unit_rows as unit_rows

# `PositionReadout` and `ModuleReadout` are left out: what takes these by name gives each layer one
# of its own size, for one label a sample.
__all__ = [
    "Centroids",
    "ChannelGroups",
    "FixedReadout",
    "LinearReadout",
    "Prototypes",
]
