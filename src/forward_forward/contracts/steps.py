"""A part -> a small network with it, trained in both ways; nothing, or `Broken`.

Each function is one contract, and its first line says it.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from forward_forward.contracts.broken import expect, expect_close
from forward_forward.contracts.kind import kind_of
from forward_forward.contracts.samples import activities
from forward_forward.examples import AppendLabel
from forward_forward.forward import Layer, mlp
from forward_forward.optimize import Trainer
from forward_forward.optimize.engine import Kind as Engine

__all__ = ["takes_the_same_steps_by_hand_and_by_autograd"]
CLASSES = 3


def takes_the_same_steps_by_hand_and_by_autograd(part: Any) -> None:
    """A small network with it learns, and alike in closed form and by autograd.

    Args:
        part: Any part.

    Raises:
        Broken: Its weights after three steps differ by more than 1e-9, are those from before, or
            are no numbers.

    >>> takes_the_same_steps_by_hand_and_by_autograd(lambda pos, neg: neg.mean(0) - pos)
    """
    before = _weights(part, "closed_form", steps=0)
    by_hand, by_autograd = _weights(part, "closed_form"), _weights(part, "autograd")
    expect(by_autograd.isfinite().all(), "expected weights after three steps, got no numbers")
    expect(not torch.equal(before, by_autograd), "expected the weights to move, but they stayed")
    expect_close(by_hand, by_autograd, "a weight after three steps by hand", rtol=1e-9, atol=1e-9)


def _weights(part: Any, engine: Engine, steps: int = 3) -> Tensor:
    kind = kind_of(part)

    def layer(block: nn.Module, **options: Any) -> Layer:
        # One with weights of its own is trained, so each layer has another.
        own = {} if kind == "negatives" else {kind: copy.deepcopy(part)}
        return Layer(block, **own, **options)

    negatives = {"negatives": part} if kind == "negatives" else {}
    network = mlp(
        5,
        7,
        6,
        num_classes=CLASSES,
        examples=AppendLabel(CLASSES, **negatives),
        layer=layer,
        head=kind == "negatives" and part.scores == "softmax",
    ).double()
    trainer = Trainer(network, optimizer=torch.optim.SGD, lr=0.1, engine=engine)
    x, y = activities(5, batch=12), torch.arange(12) % CLASSES
    for _ in range(steps):
        trainer.step(x, y)
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])
