"""Your own blocks
===============

Any torch module can be the block of a layer, and a whole ``nn.Sequential`` can become layers.
"""

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn

import forward_forward as ff

everything, test = ff.datasets.digits()
train, validation = everything.split()

# %%
# A block is a module
# -------------------
# It maps [batch, features] to [batch, units]. Here each unit is the maximum of two linear maps.


class Maxout(nn.Module):
    """For each unit, the maximum of two linear maps."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.both = nn.Linear(features, 2 * units)

    def forward(self, x: Tensor) -> Tensor:
        return self.both(x).unflatten(1, (2, -1)).amax(1)


# %%
# The block has its own activation, so the layer has none. The inputs of the first block are 64
# pixels and the 10 units of the label.

torch.manual_seed(0)
maxout = ff.Network(
    ff.Layer(Maxout(64 + 10, 100), activation=None),
    ff.Layer(Maxout(100, 100), activation=None),
    examples=ff.examples.AppendLabel(10, strength=3.0, negatives=ff.examples.FromGoodness()),
)

# %%
# ``check`` looks for common mistakes in a block. It finds none here.

x, y, _ = next(test.batches(len(test)))
print(maxout.check(x))

# %%
# It does report a block with two weight layers, because errors would be propagated backward inside
# the block, as in an ordinary network.

two = ff.Layer(nn.Sequential(nn.Linear(74, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU()), None)
print(*two.check(torch.rand(20, 74)), sep="\n")

# %%
# A model becomes layers
# ----------------------
# ``ff.convert`` splits an ``nn.Sequential`` into layers and reports what became of each part.

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 100),
    nn.ReLU(),
    nn.Linear(100, 10),
)
made = ff.convert(model, num_classes=10, input_shape=(1, 8, 8), strength=0.3)
print(made)

# %%
# Both are trained in the same way.

errors = {}
for name, net, rate in (("maxout", maxout, 5e-3), ("convolution", made.network, 3e-3)):
    trainer = ff.Trainer(net, lr=rate, schedule=ff.optimize.cosine, seed=0)
    trainer.fit(train, epochs=20, batch_size=64)
    errors[name] = ff.predict.evaluate(net, test)
    print(f"{name}: {errors[name]['error']:.2f} % test error")

# %%
# Each layer has its own goodness, so it can predict labels alone. One seed each, 359 test images.

fig, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
for place, (name, found) in enumerate(errors.items()):
    values = [*found["goodness_error_by_layer"], found["error"]]
    bars = axes.bar([3.5 * place + each for each in range(3)], values, label=name)
    axes.bar_label(bars, fmt="%.1f")
labels = ["layer 1", "layer 2", "all"] * 2
axes.set_xticks([0, 1, 2, 3.5, 4.5, 5.5], labels)
axes.set(ylabel="test error, %")
axes.legend()
plt.show()
