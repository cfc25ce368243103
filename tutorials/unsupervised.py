"""Features without labels, and a linear probe
===========================================

Layers learn to distinguish images from hybrids of two images, without labels. A linear classifier
on their activities then shows what they have learned.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import forward_forward as ff

train, test = ff.datasets.digits()
x, y, _ = next(train.batches(len(train)))
x_test, y_test, _ = next(test.batches(len(test)))
labels, labels_test = y.numpy(), y_test.numpy()

# %%
# Hybrids are the negatives
# -------------------------
# A blurred random mask selects some regions from one image and the rest from another. Short-range
# patterns stay real, but their combination is wrong.

hybrids = ff.examples.HybridImages(num_classes=10, blurs=2)
mixed = hybrids.negative(x[:6], None, torch.Generator().manual_seed(3)).dense()[0]

# %%
# Train
# -----
# The softmax head is trained at the same time, but the layers learn nothing from it: they never
# receive a label.


def network() -> ff.Network:
    layer = partial(ff.Layer, loss=ff.losses.log_sigmoid, temperature=0.1)
    return ff.mlp(64, 300, 300, num_classes=10, seed=0, examples=hybrids, layer=layer, head=True)


untrained, net = network(), network()
trainer = ff.Trainer(net, lr=1e-3, schedule=ff.optimize.cosine, seed=0)
trainer.fit(train, epochs=40, batch_size=64)

# %%
# Probe
# -----
# The same linear classifier is fitted to the pixels, to the activities of the untrained network and
# to those of the trained one. It uses a tenth of the labels, where good features should help most.


def features(net: ff.Network, samples: torch.Tensor) -> np.ndarray:
    return torch.cat(ff.predict.embeddings(net, samples), 1).detach().numpy()


def error(inputs: np.ndarray, inputs_test: np.ndarray) -> float:
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    few = slice(None, None, 10)
    return 100 - 100 * probe.fit(inputs[few], labels[few]).score(inputs_test, labels_test)


errors = {"pixels": error(x.flatten(1).numpy(), x_test.flatten(1).numpy())}
errors["untrained layers"] = error(features(untrained, x), features(untrained, x_test))
errors["trained layers"] = error(features(net, x), features(net, x_test))
for name, value in errors.items():
    print(f"{name}: {value:.1f} % test error of the probe")

# %%

pictures = np.stack([x[:6, 0].numpy(), mixed[:, 0].numpy()])
fig = plt.figure(figsize=(9, 3), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=(3, 2))
for column, panels in enumerate(left.subplots(2, 6).T):
    for panel, image in zip(panels, pictures[:, column], strict=True):
        panel.imshow(image, cmap="gray")
        panel.axis("off")
left.suptitle("images, and hybrids of them")
bars = right.subplots().barh(list(errors), list(errors.values()))
right.axes[0].bar_label(bars, fmt=" %.1f")
right.axes[0].set(xlabel="test error of the probe, %", xlim=(0, 1.25 * max(errors.values())))
right.axes[0].invert_yaxis()
plt.show()
