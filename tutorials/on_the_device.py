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
# bytes to predict and to learn, all layers or one at a time. With two layers, learning all of them
# takes as much as backpropagation; learning one at a time, for which backpropagation has no
# counterpart, takes half.

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
SEEN = askew(sets.train.inputs)
TESTS = {"askew": askew(sets.test.inputs), "straight": sets.test.inputs}


def errors(program):
    """Test errors in % of a camera that is askew, and of one that is straight."""
    labels = sets.test.labels.numpy()
    return [100 * (np.array(program.predict(x)) != labels).mean() for x in TESTS.values()]


def learn(program, seed):
    """Test errors before the first sample and after every 50th, [11, 2]."""
    order = np.random.default_rng(seed).permutation(len(SEEN))[:SAMPLES]
    found = [errors(program)]
    for step, row in enumerate(order, 1):
        program.learn(SEEN[[row]], sets.train.labels[row])
        if step % 50 == 0:
            found.append(errors(program))
    return np.array(found)


steps = range(0, SAMPLES + 1, 50)
fig, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
for seed in range(5):
    ff.export.c(trained(seed), sets.train.inputs, folder / f"seed{seed}", numbers="int8")
    found = learn(Program(folder / f"seed{seed}"), seed)[:, 0]
    axis.plot(steps, found, marker="o", markersize=3, label=f"seed {seed}")
    print(f"seed {seed}: {found[0]:.1f} % before, {found[-1]:.1f} % after {SAMPLES} samples")
axis.set(xlabel="labelled samples on the device", ylabel="test error, %", ylim=(0, None))
axis.grid(alpha=0.3)
_ = axis.legend(frameon=False)

# %%
# What it forgets
# ---------------
# A device that is put straight again has forgotten some of what it knew. ``-DFF_REPLAY=60`` makes
# room for 60 samples in RAM, 15 kB here, and ``ff_learn`` repeats one of them with every new one.
# Fill it with samples of the training data before the device is shipped.

fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for size in (0, 60):
    program = Program(folder / "device", [f"-DFF_REPLAY={size}"])
    for row in range(size):
        program.remember(sets.train.inputs[[row]], sets.train.labels[row])
    found = learn(program, seed=0)
    for axis, curve in zip(axes, found.T, strict=True):
        axis.plot(steps, curve, marker="o", markersize=3, label=f"{size} samples in RAM")
    print(f"{size:2} samples in RAM: askew {found[-1, 0]:.1f} %, straight {found[-1, 1]:.1f} %")
for axis, name in zip(axes, TESTS, strict=True):
    axis.set(title=f"camera {name}", xlabel="samples from the camera askew", ylim=(0, None))
    axis.grid(alpha=0.3)
axes[0].set_ylabel("test error, %")
_ = axes[1].legend(frameon=False)

# %%
# How to put the program on a board is described in :doc:`/on_the_device`.
plt.show()
