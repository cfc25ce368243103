"""The sizes of a network -> the same network with an output layer, trained by backpropagation.

The baseline that Forward-Forward is compared with: equal inputs, layers and starting weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from forward_forward import seeds
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network
from forward_forward.forward.normalize import MeanSquareOne
from forward_forward.forward.perceptron import drawn_linear
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Trainer, cosine
from forward_forward.readouts import ModuleReadout


def backprop_trainer(model: nn.Module, classes: int, *, lr: float, seed: int) -> Trainer:
    """A trainer that sees a model as one layer: backprop through it, on cross entropy, by Adam.

    Its schedule is `cosine`.

    Args:
        model: Samples [batch, ...] -> logits [batch, classes].
        classes: How many labels there are.
        lr: Learning rate.
        seed: For random numbers that the model draws in a step, such as dropout.

    >>> trainer = backprop_trainer(nn.Linear(4, 3), 3, lr=0.01, seed=0)
    >>> trainer.network.predict(torch.rand(5, 4)).shape
    torch.Size([5])
    """
    scores = ModuleReadout(nn.Identity(), classes)
    layer = Layer(model, activation=None, normalize=None, goodness=scores, loss=CrossEntropy())
    network = Network(layer, examples=NoLabel(classes))
    return Trainer(
        network,
        optimizer=torch.optim.Adam,
        lr=lr,
        weight_decay=0.0,
        schedule=cosine,
        rule="backprop",
        seed=seed,
    )


class _Normalized(nn.Module):
    """Flattens samples [batch, ...] and scales each to mean square 1: [batch, features]."""

    def forward(self, x: Tensor) -> Tensor:
        return MeanSquareOne()(x.flatten(1))


def classifier(
    features: int,
    hidden: Sequence[int],
    classes: int,
    *,
    seed: int,
    dropout: float = 0.0,
    wrap: Callable[[int, nn.Linear], nn.Module] | None = None,
) -> nn.Sequential:
    """A model for `backprop_trainer`, with the starting weights of `forward_forward.forward.mlp`.

    Weights are normal with variance 1 / inputs; the output layer's are drawn in the same way.

    Args:
        features: Values in a sample.
        hidden: Units of each layer.
        classes: How many labels there are.
        seed: For the weights.
        dropout: Fraction of the hidden units dropped in training.
        wrap: Makes the module used in place of each linear layer, from the layer's number and the
            layer; None uses the layer itself.

    >>> classifier(64, (100, 100), 10, seed=0)(torch.rand(5, 1, 8, 8)).shape
    torch.Size([5, 10])
    """
    sizes = [features, *hidden, classes]
    modules: list[nn.Module] = [_Normalized()]
    for index in range(len(sizes) - 1):
        rng = seeds.generator(seed, "weights", index)
        linear = drawn_linear(sizes[index], sizes[index + 1], rng)
        modules.append(linear if wrap is None else wrap(index, linear))
        if index < len(hidden):
            modules.append(nn.ReLU())
            if dropout:
                modules.append(nn.Dropout(dropout))
    return nn.Sequential(*modules)
