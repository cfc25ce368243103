"""Activities [batch, *feature] -> goodness of every class [batch, classes], in a single pass.

A layer with such a goodness sees no label: the goodness of the true class is its positive, and
those of the other classes are its negatives. A read-out without ``units`` is a template; a layer
makes its own copy for its width.

``readout`` is what all of them share, ``linear`` those with weights from every activity to every
class, ``groups`` the one whose channels belong to classes, ``positions`` the one that answers at
every position of a text.
"""

from forward_forward.readouts.groups import ChannelGroups
from forward_forward.readouts.linear import FixedReadout, LinearReadout
from forward_forward.readouts.positions import PositionReadout as PositionReadout
from forward_forward.readouts.readout import Readout as Readout
from forward_forward.readouts.readout import fitted as fitted
from forward_forward.readouts.readout import slopes_of as slopes_of

# `PositionReadout` is left out: what works with one label a sample takes these by their names.
__all__ = ["ChannelGroups", "FixedReadout", "LinearReadout"]
