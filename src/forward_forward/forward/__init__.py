"""Inputs [variants, batch, ...] -> activities and goodness of every layer.

``standardize`` scales samples, and ``whitening`` their patches; ``label_input`` feeds a label to a
block that is not linear; ``normalize`` removes a row's length; ``layer`` is normalise -> block ->
goodness, and ``activities`` its output. ``affine`` and ``operands`` compute the products of a
linear block, in the memory of a ``workspace``; ``passes`` runs a stack of layers. ``check`` finds
what is wrong with a layer, ``head`` reads labels off activities, ``network`` is the stack with its
examples; ``perceptron`` builds one of linear layers, ``convolutions`` one of convolutions;
``symbols`` has blocks for texts, and ``description`` writes a network as plain values. ``answers``
computes the goodness of every label, averaged over ``views``; ``combination`` weights the layers.
"""

from forward_forward.forward.convolutions import cnn
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.label_input import LabelInput
from forward_forward.forward.layer import Layer
from forward_forward.forward.network import Network
from forward_forward.forward.normalize import ClassGroupNorm, MeanSquareOne, UnitLength
from forward_forward.forward.peer import PeerNormalization
from forward_forward.forward.perceptron import mlp
from forward_forward.forward.standardize import Standardize
from forward_forward.forward.symbols import CausalBlock, SymbolEmbedding
from forward_forward.forward.triangle import Triangle
from forward_forward.forward.views import Mirrored, MirroredShifts
from forward_forward.forward.whitening import Whitening

__all__ = [
    "CausalBlock",
    "ClassGroupNorm",
    "LabelInput",
    "Layer",
    "MeanSquareOne",
    "Mirrored",
    "MirroredShifts",
    "Network",
    "PeerNormalization",
    "SoftmaxHead",
    "Standardize",
    "SymbolEmbedding",
    "Triangle",
    "UnitLength",
    "Whitening",
    "cnn",
    "mlp",
]
