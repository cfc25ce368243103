"""Your own goodness and loss
==========================

A goodness is any callable that returns one number per sample; a loss is any callable that compares
positives with negatives. Autograd computes the slopes, within the layer.
"""

from dataclasses import dataclass
from functools import partial

import matplotlib.pyplot as plt
import torch
from torch import Tensor

import forward_forward as ff

everything, test = ff.datasets.digits()
train, validation = everything.split()

# %%
# A goodness: activities [batch, units] -> [batch]
# -------------------------------------------------
# The mean of the largest squared activities only. It has a constant, so it is a frozen dataclass;
# otherwise a function would suffice.


@dataclass(frozen=True)
class Strongest:
    """Mean square of the most active units."""

    count: int = 20

    def __call__(self, h: Tensor) -> Tensor:
        return h.flatten(1).square().topk(self.count, dim=1).values.mean(1)


print(Strongest(count=1)(torch.tensor([[1.0, -3.0], [0.0, 2.0]])))

# %%
# A loss: margins [batch] and [negatives, batch] -> [batch]
# ----------------------------------------------------------
# A margin is goodness minus threshold. The hinge loss requires a margin of 1 on both sides, and is
# 0 for samples that have it.


def hinge(pos: Tensor, neg: Tensor) -> Tensor:
    return (1 - pos).relu() + (1 + neg).relu().mean(0)


# %%
# Both are arguments of a layer
# -----------------------------
# The threshold is the mean goodness of the untrained layer, so that every layer starts close to it.
# A temperature below 1 makes margins larger.


def trained(**parts: object) -> tuple[ff.Network, list[float]]:
    layer = partial(ff.Layer, temperature=0.2, **parts)
    net = ff.mlp(64, 100, 100, num_classes=10, seed=0, layer=layer)
    trainer = ff.Trainer(net, lr=5e-3, schedule=ff.optimize.cosine, seed=0)
    history = trainer.fit(train, epochs=15, batch_size=64, validation=validation).history
    return net, [row["validation_error"] for row in history]


ways = {
    "mean square, log-sigmoid": {"loss": ff.losses.log_sigmoid},
    "strongest, log-sigmoid": {"goodness": Strongest(), "loss": ff.losses.log_sigmoid},
    "mean square, hinge": {"loss": hinge},
    "strongest, hinge": {"goodness": Strongest(), "loss": hinge},
}
curves = {}
for name, parts in ways.items():
    net, curves[name] = trained(**parts)
    print(f"{name}: {ff.predict.evaluate(net, test)['error']:.2f} % test error")

# %%
# One seed and 359 test images show that they work, not which is better. Once a part is in one of
# the package's modules, the contract tests find it automatically.

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
margin = torch.linspace(-3, 3, 100)
none = torch.full((1, 100), -1e6)
left.plot(margin, ff.losses.log_sigmoid(margin, none), label="log-sigmoid")
left.plot(margin, hinge(margin, none), label="hinge")
left.set(title="loss of a positive", xlabel="margin")
left.legend()
for name, errors in curves.items():
    right.plot(range(1, 16), errors, label=name)
right.set(title="validation error, %", xlabel="epoch", ylim=(0, 30))
right.legend()
plt.show()
