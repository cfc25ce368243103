"""Read-outs and terms that each break a contract, in ways that people's own parts do."""

import torch
from torch import nn

from forward_forward.readouts import LinearReadout, Readout

# Terms.


def a_number_a_unit(h, y):
    return h.square().mean(0)


def logarithm(h, y):
    return h.log().mean()


def detached(h, y):
    return h.detach().square().mean()


def of_labels_alone(h, y):
    return (0 * h).sum() + y.to(h).mean()


def drawn_at_random(h, y):
    return nn.functional.dropout(h, 0.5).square().mean()


def bare_root(h, y):
    return h.square().sum(1).sqrt().mean()


def in_place(h, y):
    return h.clamp_(max=0.5).square().mean()


def of_neighbours(h, y):
    return (h[1:] - h[:-1]).square().mean()


def always_rising(h, y):
    """Its slope is that of another function: descent on it makes it larger."""
    return h.square().mean().detach() * 2 - h.square().mean()


class KeepsTheLayerBelow:
    """It compares with the activities of the call before: those of another layer."""

    kept = None

    def keep(self, h):
        return h.detach()

    def __call__(self, h, y):
        before, type(self).kept = type(self).kept, self.keep(h)
        value = h.square().mean()
        return value if before is None else value * (1 + before.square().mean())


class KeepsItsGraph(KeepsTheLayerBelow):
    def keep(self, h):
        return h


class Fixed(nn.Module):
    """A head for 7 units that does not say so."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(7, 3)

    def forward(self, h, y):
        return nn.functional.cross_entropy(self.head(h), y)


# Read-outs.


class OneForAll(LinearReadout):
    def forward(self, h):
        return super().forward(h).sum(1)

    def sized(self, units):
        return type(self)(self.num_classes, units)


class Own(LinearReadout):
    """A copy of the library's, for others to break."""

    def sized(self, units):
        return type(self)(self.num_classes, units)


class BesideTheOthers(Own):
    def forward(self, h):
        rated = super().forward(h)
        return rated - rated.mean(0)


class WrongReadoutSlope(Own):
    def slope(self, h, upstream, out=None):
        return 2 * super().slope(h, upstream, out)


class WrongGradients(Own):
    def weight_gradients(self, h, upstream):
        return [2 * each for each in super().weight_gradients(h, upstream)]


class NoGradients(Own):
    def weight_gradients(self, h, upstream):
        return []


class FollowsInItsCall(Own):
    def forward(self, h):
        rated = super().forward(h)
        with torch.no_grad():
            self.weight.mul_(0.99)
        return rated


class OneForAllLayers(Own):
    def sized(self, units):
        return self if self.units == units else super().sized(units)


class HalfDetached(Own):
    def forward(self, h):
        rated = super().forward(h)
        return 2 * rated - rated.detach()


class AlwaysTheSame(Readout):
    """Goodness that no label has any part in."""

    def __init__(self, num_classes, units=None):
        super().__init__(num_classes, units)
        self.register_buffer("weight", None if units is None else torch.ones(num_classes, units))

    def sized(self, units):
        return AlwaysTheSame(self.num_classes, units)
