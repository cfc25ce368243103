"""The recurrent network's equations written out row by row, with autograd within each layer."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from forward_forward.examples import AppendLabel, OverlayLabel
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer

CLASSES, BATCH = 3, 8
X = torch.rand(BATCH, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(BATCH) % CLASSES


@dataclass(frozen=True)
class EveryOther:
    """All wrong labels, so that nothing is left to chance."""

    scores = "nothing"
    fraction = 0.0

    def __call__(self, y, classes, rng, scores):
        return torch.stack([(y + shift) % classes for shift in range(1, classes)])


APPENDED = AppendLabel(CLASSES, strength=0.7, negatives=EveryOther())
OVERLAID = OverlayLabel(CLASSES, strength=2.0, negatives=EveryOther())


def network(*hidden: int, **options) -> RecurrentNetwork:
    given = {"examples": APPENDED, "threshold": 1.5, "temperature": 0.7, "iterations": 5}
    net = RecurrentNetwork(6, *hidden, num_classes=CLASSES, **{**given, **options}).double()
    for layer in net.layers:
        nn.init.normal_(layer.block.bias, std=0.3, generator=torch.Generator().manual_seed(1))
    return net


def stepped(net: RecurrentNetwork, **options) -> dict[str, torch.Tensor]:
    """The statistics of one step by plain gradient descent, of rate 1."""
    trainer = RecurrentTrainer(net, optimizer=torch.optim.SGD, lr=1.0, **options)
    return trainer.step(X, Y)


def weights(net: RecurrentNetwork) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in net.named_parameters()}


def last_states(net: RecurrentNetwork) -> list[torch.Tensor]:
    return list(net.states(net.examples.positive(X, Y)))[-1]


class Transcription:
    """The network's equations, row by row written out, with autograd within each layer alone."""

    def __init__(self, net: RecurrentNetwork, labels: torch.Tensor) -> None:
        self.net = net
        self.weights = {
            name: value.requires_grad_(net.get_parameter(name).requires_grad)
            for name, value in weights(net).items()
        }
        one_hot = nn.functional.one_hot(labels.flatten(), CLASSES).double()
        image = X.repeat(len(labels), 1)
        strength = net.examples.strength
        self.label = None
        if net.label == "top":
            self.label = strength * math.sqrt(CLASSES) * one_hot
        elif isinstance(net.examples, AppendLabel):
            image = torch.cat([image, strength * one_hot], 1)
        else:
            image[:, :CLASSES] = strength * one_hot
        self.image = self.normalized(image)
        self.states: list[torch.Tensor] = []
        for index in range(len(net.layers)):
            self.states.append(self.activity(index, first=True).detach())

    def normalized(self, h):
        return h if self.net.layers[0].normalize is None else self.net.layers[0].normalize(h)

    def activity(self, index, first=False):
        below = self.normalized(self.states[index - 1]) if index else self.image
        z = below @ self.weights[f"layers.{index}.block.weight"].t()
        z = z + self.weights[f"layers.{index}.block.bias"]
        if index == len(self.net.layers) - 1:
            if self.label is not None:
                z = z + self.label @ self.weights["label_map.weight"].t()
        elif self.net.top_down != "zero" and not first:
            above = self.normalized(self.states[index + 1])
            z = z + above @ self.weights[f"feedback.{index}.weight"].t()
        return self.net.layers[index].activation(z)

    def iterate(self) -> list[torch.Tensor]:
        """The new states; each keeps the graph of its own layer's last activity."""
        count, damping = len(self.states), self.net.damping
        groups = [[range(count)], [range(1, count, 2), range(0, count, 2)]]
        new = list(self.states)
        for group in groups[self.net.update == "alternating"]:
            for index in group:
                new[index] = damping * self.states[index] + (1 - damping) * self.activity(index)
            self.states = [state.detach() for state in new]
        return new

    def learn(self, first: int, last: int) -> torch.Tensor:
        """Leave the gradients in the weights; return loss and goodness [3, layers]."""
        figures = []
        for iteration in range(1, last + 1):
            states = self.iterate()
            if iteration < first:
                continue
            for layer, state in zip(self.net.layers, states, strict=True):
                rated = layer.goodness(state).view(-1, BATCH)
                margins = (rated - layer.threshold_value) / layer.temperature
                loss = layer.loss(margins[0], margins[1:]).mean()
                (loss / (last - first + 1)).backward()
                figures.append(torch.stack([loss, rated[0].mean(), rated[1:].mean()]).detach())
        return torch.stack(figures).view(-1, len(self.net.layers), 3).mean(0).t()


EVERY_LABEL = torch.stack([(Y + shift) % CLASSES for shift in range(CLASSES)])
