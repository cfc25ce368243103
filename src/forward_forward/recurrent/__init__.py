"""A static image [batch, ...] shown as a video -> goodness of every label, labels [batch].

Each hidden layer sees the layer below and the layer above as they were one time step before, so
that earlier layers learn from later ones too, and yet no gradient passes between layers or back
through time. ``network`` holds the weights and reads labels, ``video`` runs the states over the
iterations, ``gradients`` are each layer's own in each iteration, ``trainer`` takes the steps, and
``arithmetic`` counts what a step costs.
"""

from forward_forward.recurrent.arithmetic import MultiplyAdds, multiply_adds
from forward_forward.recurrent.network import LabelPlace, RecurrentNetwork, TopDown, Update
from forward_forward.recurrent.trainer import RecurrentTrainer

__all__ = [
    "LabelPlace",
    "MultiplyAdds",
    "RecurrentNetwork",
    "RecurrentTrainer",
    "TopDown",
    "Update",
    "multiply_adds",
]
