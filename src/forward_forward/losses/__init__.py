"""Margins of positives [batch] and negatives [negatives, batch] -> the layer's own loss [batch].

A margin is goodness minus threshold, divided by the layer's temperature, so a loss needs no
threshold; `TwoThresholds` shifts it for each sign. Several negatives of a sample are averaged,
unless a loss is `joint`: over all of them at once. Every loss is finite for margins of +-1e6.
"""

from forward_forward.losses.relative import CrossEntropy, NPairMargin, SiluPair, SymBa
from forward_forward.losses.separable import (
    TwoThresholds,
    log_sigmoid,
    log_sigmoid_literal,
    sigmoid,
)
from forward_forward.losses.slopes import HasSlopes as HasSlopes
from forward_forward.losses.slopes import HasSoftTargets as HasSoftTargets
from forward_forward.losses.slopes import HasTable as HasTable
from forward_forward.losses.slopes import HasValueAndSlopes as HasValueAndSlopes
from forward_forward.losses.slopes import LocalLoss as LocalLoss
from forward_forward.losses.slopes import judged as judged

__all__ = [
    "CrossEntropy",
    "NPairMargin",
    "SiluPair",
    "SymBa",
    "TwoThresholds",
    "log_sigmoid",
    "log_sigmoid_literal",
    "sigmoid",
]
