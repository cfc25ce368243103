"""Inputs [variants, batch, ...] -> activities and goodness of every layer.

``standardize`` scales samples, ``entrance`` lets a label into a block that is not linear,
``normalize`` forgets a row's length, ``layer`` is normalise -> block -> goodness, ``activities``
are what it gives; ``activation`` is what the engine knows of a layer's, ``affine`` holds the
products of a linear block, in the memory of a ``room``; ``passes`` runs a row of layers, in
evaluation ``mode``; ``check`` says what is wrong with one, ``head`` reads labels off activities,
``network`` is the row with its examples, ``description`` writes it down.
"""

from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.label_input import LabelInput
from forward_forward.forward.layer import Layer, PeerNormalization
from forward_forward.forward.network import Network
from forward_forward.forward.normalize import MeanSquareOne, UnitLength
from forward_forward.forward.perceptron import mlp
from forward_forward.forward.standardize import Standardize

__all__ = [
    "LabelInput",
    "Layer",
    "MeanSquareOne",
    "Network",
    "PeerNormalization",
    "SoftmaxHead",
    "Standardize",
    "UnitLength",
    "mlp",
]
