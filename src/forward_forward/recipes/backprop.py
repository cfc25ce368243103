"""The sizes of a network -> the same network with an output layer, trained by backpropagation.

The baseline that Forward-Forward is compared with: equal inputs, layers and starting weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward import seeds
from forward_forward.forward.normalize import MeanSquareOne
from forward_forward.forward.perceptron import drawn_linear


class BackpropTrainer:
    """A classifier and its optimiser, Adam: trains end to end on cross entropy.

    Args:
        network: Samples [batch, ...] -> logits [batch, classes].
        lr: Learning rate.
        seed: For random numbers that the network draws in a step, such as dropout.
    """

    def __init__(self, network: nn.Module, lr: float, seed: int) -> None:
        self.network, self.lr, self.seed = network, lr, seed
        self.optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
        self.steps = 0

    def set_rate(self, factor: float) -> None:
        """Set the learning rate to ``factor`` times ``lr``."""
        for group in self.optimizer.param_groups:
            group["lr"] = factor * self.lr

    def step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Take one step on samples x [batch, ...] with labels y [batch]; returns its ``loss``."""
        self.network.train()
        self.optimizer.zero_grad()
        with seeds.forked(self.seed, "block", self.steps):
            loss = functional.cross_entropy(self.network(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.steps += 1
        return {"loss": loss.detach()}

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """The most probable label of each sample [batch]."""
        self.network.eval()
        logits: Tensor = self.network(x)
        return logits.argmax(1)


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
    """A network for `BackpropTrainer`, with the starting weights of `forward_forward.forward.mlp`.

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
