"""Batches -> trained layers: every layer takes its own step, and nothing flows back between them.

``gradients`` are a layer's own, by hand or by autograd, ``compiled`` the same in fewer kernels, and
``engine`` chooses between them. ``coming`` makes a batch ready to be shown, ``looking`` sees it
before it is: ``chance`` draws and ``scores`` ranks what a step needs first. ``steps`` lets layers
learn, from the whole batch or from a ``part`` of it; ``trainer`` takes one step of all layers;
``calibrate`` sets thresholds before the first, ``fit`` repeats steps over the epochs, alone or in a
``crew``, and ``cached`` spares the greedy order the layers below.
``optimizers``, ``averaged_sgd``, ``schedules``, ``precision`` and ``statistics`` are its parts.
"""

from forward_forward.optimize.averaged_sgd import AveragedSGD
from forward_forward.optimize.checks import Diverged
from forward_forward.optimize.schedules import Warmup, constant, cosine, half_cooldown
from forward_forward.optimize.trainer import Trainer

__all__ = ["AveragedSGD", "Diverged", "Trainer", "Warmup", "constant", "cosine", "half_cooldown"]
