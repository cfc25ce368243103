"""A goodness, a loss, a recipe and a data set, each one function."""

import torch

from forward_forward.data import Data
from forward_forward.recipes import Plan, standard


def bounded(h):
    """Goodness of activities [batch, *feature], between 0 and 1: a mean square that saturates."""
    square = h.flatten(1).square().mean(1)
    return square / (1 + square)


def hinge(pos, neg):
    """Loss of margins of positives [batch] and negatives [negatives, batch] -> [batch]."""
    if len(neg) == 0:
        raise ValueError("hinge compares positives with negatives: it expects at least one")
    return torch.relu(0.5 - (pos - neg)).mean(0)


def recipe(train, *, seed=0, epochs=10, lr=3e-3, hidden=(64, 64)) -> Plan:
    """Two layers with a goodness between 0 and 1; the keywords are the settings of ``ff train``."""
    return standard(
        train, seed=seed, epochs=epochs, lr=lr, hidden=hidden, goodness=bounded, loss=hinge
    )


def stripes():
    """Pictures [n, 1, 8, 8] of stripes, across or down, with noise."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(600) % 2
    ramp = (torch.arange(8) % 2).float()
    down = ramp.expand(8, 8)
    pictures = torch.where(labels[:, None, None] == 0, down, down.t())
    pictures = (pictures + 0.5 * torch.rand(600, 8, 8, generator=rng)).clamp(0, 1)[:, None]
    data = Data(pictures, labels, ("down", "across"), "stripes")
    return data.split(0.2, 0)
