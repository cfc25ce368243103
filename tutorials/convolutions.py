"""A convolutional network
=======================

Convolutions on Fashion-MNIST, each with a classifier and a loss of its own: about two minutes.
"""

import matplotlib.pyplot as plt

import forward_forward as ff

# %%
# Data
# ----
# Fashion-MNIST is downloaded at first use. Where that is not possible, scikit-learn's digits take
# its place.

try:
    everything, test = ff.datasets.fashion_mnist()
except ff.datasets.DataUnavailable:
    everything, test = ff.datasets.digits()
train, validation = everything.split()
train = train.first(min(20_000, len(train)))
print(train)

# %%
# A first layer without labels
# ----------------------------
# The first layer is measured, not trained: its filters are the principal components of the 3 x 3
# patches of some training pictures, scaled so that their responses have variance 1. Each occurs
# with both signs.

whitening = ff.Whitening.of(train)
filters = whitening.filters[: whitening.components, 0]
fig, axes = plt.subplots(1, len(filters), figsize=(9, 1.2), layout="constrained")
for axis, image in zip(axes, filters, strict=True):
    axis.imshow(image, cmap="gray")
    axis.axis("off")

# %%
# Layers of convolutions
# ----------------------
# ``cnn`` builds a network of 3 x 3 convolutions. Each is a layer: a convolution, pooling or none,
# batch normalisation and GELU, then a linear read-out of 4 x 4 averages with a cross-entropy of its
# own. A layer's input is detached, so no error reaches the layers below it.

net = ff.cnn(
    train.shape, 16, 32, 64, num_classes=len(train.classes), pooled=(0, 1), inputs=whitening
)
print(net.layers[1])

# %%
# Muon orthogonalises the step of each layer's filters; vectors and read-outs take AdamW's steps.

trainer = ff.Trainer(
    net,
    optimizer=ff.optimize.Muon,
    lr=3e-3,
    weight_decay=0.02,
    schedule=ff.optimize.linear,
    augment=[ff.data.augment.AlternatingFlip(), ff.data.augment.MirroredShift(1)],
    precision="auto",
)
fitted = trainer.fit(train, epochs=4, batch_size=128, validation=validation)
for row in fitted.history:
    print(f"epoch {row['epoch']}: {row['validation_error']:.1f} % of the validation images wrong")

# %%
# What each layer contributes
# ---------------------------
# Every layer gives an answer of its own; the network sums the goodness of the layers that were best
# on the validation images.

figures = ff.predict.evaluate(net, test)
print(f"test error: {figures['error']:.2f} %")

fig, axis = plt.subplots(figsize=(5, 2.8), layout="constrained")
names = [f"layer {index + 1}" for index in range(len(net.layers))]
axis.bar([*names, "read"], [*figures["goodness_error_by_layer"], figures["error"]])
axis.set_ylabel("test error, %")

# %%
# Filters that were learned
# -------------------------
# The filters of the first trained layer, for the first component of the whitening.

learned = net.layers[0].block[0].weight.detach()[:, 0]
fig, axes = plt.subplots(2, 8, figsize=(6, 1.8), layout="constrained")
for axis, image in zip(axes.flat, learned, strict=False):
    axis.imshow(image, cmap="gray")
    axis.axis("off")
plt.show()
