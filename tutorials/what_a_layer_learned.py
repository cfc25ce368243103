"""What a layer has learned
========================

The weights of the first layer's units are images. This page shows them, the class that each unit
responds to, and how well each layer separates positives from negatives.
"""

import matplotlib.pyplot as plt
import torch

import forward_forward as ff
from forward_forward import diagnose

train, test = ff.datasets.digits()
net = ff.mlp(64, 100, 100, num_classes=10, seed=0)
trainer = ff.Trainer(net, lr=5e-3, schedule=ff.optimize.cosine, weight_decay=0.3, seed=0)
trainer.fit(train, epochs=30, batch_size=64)
x, y, _ = next(test.batches(len(test)))
print(f"test error: {ff.predict.evaluate(net, test)['error']:.2f} %")

# %%
# Fields
# ------
# A unit's weights [height, width] are the image it detects. The units with the largest weight norms
# have learned most.

fields = diagnose.fields(net, (1, 8, 8), x)
units = list(diagnose.strongest(fields, 24))
print(fields.shape, "strongest:", units[:5])

# %%
# What a unit responds to
# -----------------------
# The mean activity of each unit on the images of each class, with the neutral label.

first = ff.predict.embeddings(net, x)[0].detach()  # [batch, units]
by_class = torch.stack([first[y == label].mean(0) for label in range(10)])  # [classes, units]
fraction = by_class / by_class.sum(0).clamp(min=1e-9)
best = fraction.argmax(0)
print("number of units that respond most to each class:", best.bincount(minlength=10).tolist())

# %%
# Silent units and separation
# ---------------------------
# A unit that is 0 for every image is silent. Positives and negatives are separated where a positive
# has the higher goodness.

ff.plot.histograms(net, x, y)

# %%
# Red pixels make a unit more active, blue pixels less. Above each field are the class that the unit
# responds to most, and the percentage of its activity that this class accounts for; 10 % would be
# no preference.

fig, axes = plt.subplots(3, 8, figsize=(9, 4), layout="constrained")
for panel, unit in zip(axes.flat, units, strict=True):
    size = abs(fields[unit]).max()
    panel.imshow(fields[unit], cmap="RdBu_r", vmin=-size, vmax=size)
    panel.set_title(f"{int(best[unit])}: {100 * float(fraction[:, unit].max()):.0f} %", fontsize=9)
    panel.axis("off")
fig.suptitle("weights of 24 units, with the class that each responds to most")
plt.show()
