"""Goodness over time in the recurrent network
===========================================

A static image is presented repeatedly, as a video. Each layer receives the states of the layers
below and above at the previous time step. So lower layers learn from upper ones too, but no error
is propagated backward, neither through layers nor through time.
"""

import matplotlib.pyplot as plt
import torch

import forward_forward as ff
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer

train, test = ff.datasets.digits()

# %%
# A network
# ---------
# One bottom-up pass initialises the states, which are then updated for eight iterations. Labels are
# predicted from the mean goodness of iterations 3 to 5.

net = RecurrentNetwork(
    64,
    100,
    100,
    num_classes=10,
    goodness=ff.goodness.mean_square,
    loss=ff.losses.log_sigmoid,
    temperature=0.1,
    examples=ff.examples.AppendLabel(10, strength=3.0, negatives=ff.examples.FromGoodness()),
    seed=0,
)
trainer = RecurrentTrainer(net, lr=5e-3, learned=(3, 5), seed=0)

# %%
# The training loop
# -----------------

epochs = 20
rng = torch.Generator().manual_seed(0)
for epoch in range(epochs):
    trainer.set_rate(ff.optimize.cosine(epoch, epochs))
    for batch in train.batches(64, shuffle=rng):
        figures = trainer.step(batch.x, batch.y)
    if epoch % 5 == 4:
        apart = figures["separation"].numpy().round(2)
        print(f"epoch {epoch + 1}: fraction of pairs separated, by layer: {apart}")

x, y, _ = next(test.batches(len(test)))
wrong = 100 * float((net.predict(x) != y).float().mean())
print(f"test error: {wrong:.1f} %")

# %%
# Goodness over the iterations
# ----------------------------
# Goodness of each label for one image: [iterations, layers, batch, classes]. The thick line is the
# true label.

goodness = net.goodness_by_iteration(x)
print(list(goodness.shape))
misread = goodness.sum(1).argmax(-1) != y
close = goodness[2:5].mean((0, 1)).sort(1).values
image = int((close[:, -1] - close[:, -2]).argsort()[10])

fig, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained", width_ratios=(1, 2, 2, 2))
axes[0].imshow(x[image, 0].numpy(), cmap="gray")
axes[0].set(xticks=[], yticks=[], title=f"a {int(y[image])}")
steps = range(1, len(goodness) + 1)
for number, panel in enumerate(axes[1:3]):
    for label in range(10):
        true = label == int(y[image])
        line = goodness[:, number, image, label]
        panel.plot(steps, line, lw=2.5 if true else 0.8, label=label if true else None)
    panel.set(title=f"goodness, layer {number + 1}", xlabel="iteration")
    panel.legend()
axes[3].plot(steps, 100 * misread.float().mean(1), "o-")
axes[3].axvspan(3, 5, alpha=0.15)
axes[3].set(title="test error, %, at one iteration", xlabel="iteration")
axes[3].set_ylim(0, 1.15 * 100 * float(misread.float().mean(1).max()))
plt.show()
