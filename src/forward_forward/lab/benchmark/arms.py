"""A network's widths -> the ways to train it that are compared: a step on x [batch, features], y.

All have layers of the same sizes, the same fused AdamW and products of the same precision.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward.examples import AppendLabel, NoLabel, Uniform
from forward_forward.examples.negatives import uniform_wrong
from forward_forward.forward import Layer, mlp
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Trainer
from forward_forward.optimize.precision import Precision
from forward_forward.readouts import LinearReadout

LR = 1e-3
CLASSES = 10


def adamw(weights: Any) -> torch.optim.Optimizer:
    """The optimiser of every arm."""
    return torch.optim.AdamW(weights, lr=LR, weight_decay=0.0, fused=True)


def engine(widths: Sequence[int], products: torch.dtype, *, skip: float = 0.0) -> Trainer:
    """The trainer of this library, with uniform wrong labels."""
    features, *hidden = widths
    examples = AppendLabel(CLASSES, negatives=Uniform())
    network = mlp(features, *hidden, num_classes=CLASSES, examples=examples)
    precision: Precision = "bfloat16" if products == torch.bfloat16 else "float32"
    return Trainer(network, lr=LR, weight_decay=0.0, precision=precision, skip=skip)


def one_pass(widths: Sequence[int], products: torch.dtype) -> Trainer:
    """The trainer of this library with layers that answer for every class, one classifier each."""
    features, *hidden = widths
    layer = functools.partial(Layer, goodness=LinearReadout(CLASSES), loss=CrossEntropy())
    network = mlp(features, *hidden, num_classes=CLASSES, examples=NoLabel(CLASSES), layer=layer)
    precision: Precision = "bfloat16" if products == torch.bfloat16 else "float32"
    return Trainer(network, lr=LR, weight_decay=0.0, precision=precision)


def _linears(widths: Sequence[int]) -> list[nn.Linear]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [nn.Linear(inputs, units) for inputs, units in itertools.pairwise(widths)]


def _linear(x: Tensor, linear: nn.Linear, products: torch.dtype) -> Tensor:
    """The layer's product, with its weights converted to the type of the products."""
    return functional.linear(x.to(products), linear.weight.to(products), linear.bias.to(products))


class AutogradFF:
    """Forward-Forward as usually written: every row in full, autograd within each layer."""

    def __init__(self, widths: Sequence[int], products: torch.dtype) -> None:
        features, *hidden = widths
        self.products = products
        self.layers = _linears([features + CLASSES, *hidden])
        self.optimizers = [adamw(layer.parameters()) for layer in self.layers]
        self.rng = torch.Generator().manual_seed(0)

    def step(self, x: Tensor, y: Tensor) -> None:
        wrong = uniform_wrong(y, CLASSES, self.rng)
        labels = functional.one_hot(torch.stack([y, wrong]), CLASSES).to(x.dtype)
        h = torch.cat([x.expand(2, -1, -1), labels], 2).flatten(0, 1)
        for layer, optimizer in zip(self.layers, self.optimizers, strict=True):
            h = h.detach()
            h = h / (h.square().mean(1, keepdim=True).sqrt() + 1e-8)
            h = _linear(h, layer, self.products).float().relu()
            positive, negative = h.square().mean(1).view(2, -1)
            loss = functional.silu(-6 * (positive - negative)).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()


class Backprop:
    """The same layers and one for the labels, trained by backprop with cross entropy."""

    def __init__(self, widths: Sequence[int], products: torch.dtype) -> None:
        self.products = products
        self.layers = _linears([*widths, CLASSES])
        self.optimizer = adamw([weight for layer in self.layers for weight in layer.parameters()])

    def set_rate(self, lr: float) -> None:
        """Set the learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def logits(self, x: Tensor) -> Tensor:
        """Scores of the labels [batch, classes]."""
        for layer in self.layers[:-1]:
            x = _linear(x, layer, self.products).relu()
        return _linear(x, self.layers[-1], self.products).float()

    def step(self, x: Tensor, y: Tensor) -> None:
        self.optimizer.zero_grad()
        functional.cross_entropy(self.logits(x), y).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def gradients(self, x: Tensor, y: Tensor) -> None:
        """A step without the optimiser's, into gradients that are already allocated."""
        self.optimizer.zero_grad(set_to_none=False)
        functional.cross_entropy(self.logits(x), y).backward()  # type: ignore[no-untyped-call]


class BackpropByHand(Backprop):
    """The same step with its gradients written out, without a graph."""

    @torch.no_grad()
    def step(self, x: Tensor, y: Tensor) -> None:
        inputs = [x.to(self.products)]
        for layer in self.layers[:-1]:
            inputs.append(_linear(inputs[-1], layer, self.products).relu_())
        logits = _linear(inputs[-1], self.layers[-1], self.products).float()
        error = logits.softmax(1)
        error[torch.arange(len(y)), y] -= 1
        delta = error.div_(len(y)).to(self.products)
        for place in reversed(range(len(self.layers))):
            layer, h = self.layers[place], inputs[place]
            layer.weight.grad = (delta.t() @ h).float()
            layer.bias.grad = delta.sum(0, dtype=torch.float32)
            if place:
                below = delta @ layer.weight.to(self.products)
                delta = torch.ops.aten.threshold_backward(below, h, 0)
        self.optimizer.step()


class DeepSupervision(Backprop):
    """Backprop with a linear classifier, and its cross entropy, at each layer."""

    def __init__(self, widths: Sequence[int], products: torch.dtype) -> None:
        super().__init__(widths, products)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.heads = [nn.Linear(units, CLASSES) for units in widths[1:-1]]
        weights = [weight for head in self.heads for weight in head.parameters()]
        self.optimizer.add_param_group({"params": weights})

    def step(self, x: Tensor, y: Tensor) -> None:
        self.optimizer.zero_grad()
        loss = torch.zeros(())
        for layer, head in zip(self.layers[:-1], [*self.heads, self.layers[-1]], strict=True):
            x = _linear(x, layer, self.products).relu()
            logits = _linear(x, head, self.products).float()
            loss = loss + functional.cross_entropy(logits, y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def gradients_alone(
    widths: Sequence[int], products: torch.dtype
) -> Callable[[Tensor, Tensor], object]:
    """Backprop's step without the optimiser's, once its gradients and state are there."""
    arm = Backprop(widths, products)
    arm.step(torch.zeros(1, widths[0]), torch.zeros(1, dtype=torch.long))
    return arm.gradients


def sklearn_step(widths: Sequence[int], x: Tensor, y: Tensor) -> Callable[[], object]:
    """One step of scikit-learn's MLPClassifier on this batch, in float32."""
    from sklearn.neural_network import MLPClassifier

    hidden = tuple(widths[1:])
    model = MLPClassifier(hidden_layer_sizes=hidden, batch_size=len(x), random_state=0)
    step = functools.partial(model.partial_fit, x.numpy(), y.numpy())
    step(classes=list(range(CLASSES)))
    return step
