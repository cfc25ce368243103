"""Samples [batch, ...], labels [batch] -> positive, negative, neutral and candidate inputs.

``labels`` puts one label into the input and ``multilabel`` any number of them; ``negatives``
chooses wrong labels; ``hybrids`` makes negatives of two samples, without labels; ``no_label``
leaves samples as they are, for layers that answer for every class, ``next_symbol`` the symbols of a
text, for layers that answer at every position, and ``bins`` samples for those that predict a
number; all return ``inputs``.
"""

from forward_forward.examples.bins import OrdinalBins
from forward_forward.examples.hybrids import HybridImages, HybridRows, SelfContrast
from forward_forward.examples.inputs import Examples, Inputs, stack
from forward_forward.examples.labels import AppendLabel, OverlayLabel
from forward_forward.examples.multilabel import MultiLabel
from forward_forward.examples.negatives import (
    FromFirstLayer,
    FromGoodness,
    FromSoftmax,
    Uniform,
    WrongLabels,
)
from forward_forward.examples.next_symbol import NextSymbol
from forward_forward.examples.no_label import NoLabel

__all__ = [
    "AppendLabel",
    "Examples",
    "FromFirstLayer",
    "FromGoodness",
    "FromSoftmax",
    "HybridImages",
    "HybridRows",
    "Inputs",
    "MultiLabel",
    "NextSymbol",
    "NoLabel",
    "OrdinalBins",
    "OverlayLabel",
    "SelfContrast",
    "Uniform",
    "WrongLabels",
    "stack",
]
