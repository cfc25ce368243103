"""A first network
===============

Two layers learn to classify scikit-learn's digits (8 x 8 pixels) without backpropagation.
"""

import matplotlib.pyplot as plt
import torch

import forward_forward as ff
from forward_forward import diagnose

# %%
# Data
# ----
# A data set has a training part and a test part. A fraction of the training part is held out for
# validation.

everything, test = ff.datasets.digits()
train, validation = everything.split()
print(train, validation, test, sep="\n")

# %%
# A network and a trainer
# -----------------------
# The label is part of the input: ten additional values after the 64 pixels. An image with its true
# label is *positive*, with any other label it is *negative*.

net = ff.mlp(64, 200, 200, num_classes=10, seed=0)
trainer = ff.Trainer(net, lr=5e-3, schedule=ff.optimize.cosine, seed=0)
net

# %%
# In each step of the trainer, all layers process one batch and each takes its own optimiser step.
# ``fit`` repeats this for all epochs.

fitted = trainer.fit(train, epochs=20, batch_size=64, validation=validation)
fitted

# %%
# The result of ``fit`` is a table of the layers at the best epoch. ``frame`` gives the figures of
# all epochs as a pandas DataFrame, and ``plot`` draws them.

fitted.frame()[["loss_1", "loss_2", "validation_error"]].iloc[::5]

# %%

fitted.plot()

# %%
# Predicting labels
# -----------------
# To classify an image, try every label: the one that makes the layers most active is the answer.

x, y, _ = next(test.batches(len(test)))
goodness = net.goodness(x)  # [batch, classes]
print("goodness of each label of the first image:", goodness[0].numpy().round(2))
print("answer:", int(net.predict(x[:1])), "truth:", int(y[0]))
print(f"test error: {ff.predict.evaluate(net, test)['error']:.2f} %")

# %%
# What the layers have learned
# ----------------------------
# Before training, positives and negatives had the same goodness. Now each layer separates them.

counts = diagnose.histograms(net, x, y, torch.Generator().manual_seed(0))
fig, axes = plt.subplots(1, 2, figsize=(6, 2.8), layout="constrained")
for number, (panel, layer) in enumerate(zip(axes, counts, strict=True), 1):
    for sign in ("positive", "negative"):
        panel.stairs(layer[sign], layer["edges"], fill=True, alpha=0.6, label=sign)
    panel.set(title=f"layer {number}", xlabel="goodness", yticks=[])
axes[0].legend()
plt.show()
