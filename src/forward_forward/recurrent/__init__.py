"""A static image [batch, ...] shown as a video -> goodness of every label, labels [batch].

Each hidden layer reads the layers below and above it as they were one time step earlier, so that
lower layers learn from higher ones, yet no gradient passes between layers or back through time.
``network`` holds the weights and predicts labels, ``video`` runs the states over the iterations,
``gradients`` computes each layer's gradients in each iteration, ``trainer`` takes the steps, and
``arithmetic`` counts the multiply-adds of a step.
"""

from forward_forward.recurrent.arithmetic import MultiplyAdds, multiply_adds
from forward_forward.recurrent.checks import LabelPlace, TopDown, Update
from forward_forward.recurrent.network import RecurrentNetwork
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
