"""Trained on the PC, adapted on the chip
=======================================

A network learns digits here and is exported as a C program. On the device the camera is mounted
askew, and the network goes on learning there: about half a minute, with the program compiled for
this machine in place of the chip.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import ndimage

import forward_forward as ff
from forward_forward.export.device import Program

folder = Path(tempfile.mkdtemp())

# %%
# On the PC
# ---------
# Two layers of 64 units, each with a read-out and a loss of its own.

sets = ff.datasets.load("digits")


def trained(seed):
    plan = ff.recipes.one_pass(sets.train, seed=seed, hidden=(64, 64), epochs=15, readout=None)
    plan.trainer.fit(sets.train, epochs=plan.epochs, batch_size=plan.batch_size)
    return plan.trainer.network.eval()


net = trained(seed=0)
print(f"test error {ff.predict.evaluate(net, sets.test)['error']:.1f} %")

# %%
# As a C program
# --------------
# Weights of 8 bits, with a scale for each unit. What the chip needs is known before it is bought:
# bytes to predict and to learn, all layers or one at a time, and the same by backpropagation.

about = ff.export.c(net, sets.train.inputs, folder / "device", numbers="int8")
for way in ("ram_to_predict", "ram_to_learn", "ram_to_learn_a_layer"):
    print(f"{way:22}{about['memory'][way]['total']:7,} bytes")
print(f"{'by backprop':22}{about['memory_of_backprop']['ram_to_learn']['total']:7,} bytes")

# %%
# ``device/`` is a library for Arduino, PlatformIO, ESP-IDF and CMake. Here it is compiled by this
# machine's C compiler and called from Python: the same code as on the chip.

program = Program(folder / "device")
print(program.predict(sets.test.inputs[:10]), sets.test.labels[:10].tolist())

# %%
# On the device
# -------------
# Its camera is turned by 30 degrees, sits one pixel too low, and gets half of the light.


def askew(pictures):
    seen = ndimage.rotate(pictures.numpy(), 30, axes=(3, 2), reshape=False, order=1)
    return torch.from_numpy(0.5 * ndimage.shift(seen, (0, 0, 1, 0), order=1)).float()


first = sets.test.inputs[:8]
fig, axes = plt.subplots(2, 8, figsize=(8, 2.2), layout="constrained")
for column, (before, after) in enumerate(zip(first, askew(first), strict=True)):
    for axis, picture in zip(axes[:, column], (before, after), strict=True):
        axis.imshow(picture[0], cmap="gray_r", vmin=0, vmax=1)
        axis.axis("off")

# %%
# Somebody tells the device the labels of up to 500 such pictures, one after the other. Each is
# learned once, by one call of ``ff_learn``.

SAMPLES = 500


def errors_while_learning(program, seed):
    """Test errors in % before the first sample, and after every 50th."""
    order = np.random.default_rng(seed).permutation(len(sets.train.inputs))[:SAMPLES]
    seen, test = askew(sets.train.inputs), askew(sets.test.inputs)
    errors = []
    for step, row in enumerate([*order, None]):
        if step % 50 == 0:
            wrong = np.array(program.predict(test)) != sets.test.labels.numpy()
            errors.append(100 * wrong.mean())
        if row is not None:
            program.learn(seen[[row]], sets.train.labels[row])
    return errors


fig, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
for seed in range(5):
    ff.export.c(trained(seed), sets.train.inputs, folder / f"seed{seed}", numbers="int8")
    errors = errors_while_learning(Program(folder / f"seed{seed}"), seed)
    axis.plot(range(0, SAMPLES + 1, 50), errors, marker="o", markersize=3, label=f"seed {seed}")
    print(f"seed {seed}: {errors[0]:.1f} % before, {errors[-1]:.1f} % after {SAMPLES} samples")
axis.set(xlabel="labelled samples on the device", ylabel="test error, %", ylim=(0, None))
axis.grid(alpha=0.3)
_ = axis.legend(frameon=False)

# %%
# What it forgets
# ---------------
# A device that is put straight again has forgotten some of what it knew. ``-DFF_REPLAY=60`` keeps
# 60 samples in RAM, 15 kB here, and repeats one with every new one. Fill it with samples of the
# training data before the device is shipped.

for size in (0, 60):
    program = Program(folder / "device", [f"-DFF_REPLAY={size}"])
    for row in range(60 if size else 0):
        program.remember(sets.train.inputs[[row]], sets.train.labels[row])
    adapted = errors_while_learning(program, seed=0)[-1]
    straight = np.array(program.predict(sets.test.inputs)) != sets.test.labels.numpy()
    print(f"{size:2} samples in RAM: askew {adapted:.1f} %, straight {100 * straight.mean():.1f} %")

# %%
# The next steps, with a real board, are in :doc:`/on_the_device`.
