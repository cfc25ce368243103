"""What the exported C program does on a device: predictions, spare classes, replay, memory."""

import ctypes
import functools
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export import device_networks

from forward_forward import datasets, recipes
from forward_forward.export.device import c
from forward_forward.export.device.layers import channels_last
from forward_forward.export.device.program import Program

OPTIONS = {"no": "-DFF_LEARN=0", "whole": "-DFF_LEARN=1", "layer": "-DFF_ONE_LAYER=1"}


@functools.cache
def trained(hidden=(40, 40), without=None):
    """A network trained on the digits, perhaps without those of one class."""
    sets = datasets.load("digits")
    train = sets.train
    if without is not None:
        keep = train.labels != without
        train = train.__class__(train.inputs[keep], train.labels[keep], train.classes[:without])
    plan = recipes.one_pass(train, hidden=hidden, epochs=10, readout=None)
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    return plan.trainer.network.eval(), sets


def made(network, x, folder, *options, **settings):
    c(network, x[:20], folder / "device", **settings)
    return Program(folder / "device", options)


def wrong(program, x, y):
    return float((np.array(program.predict(x)) != y.numpy()).mean())


def same_answers(network, x, program):
    right = network.goodness_by_layer(x).permute(1, 0, 2).numpy()
    found = program.goodness(x)
    assert np.abs(found - right).max() < 1e-5 * np.abs(right).max()
    assert program.predict(x) == network.predict(x).tolist()


def test_all_digits_get_the_labels_and_the_goodness_of_the_library(tmp_path):
    network, sets = trained()
    x = torch.cat([each.inputs for each in (sets.train, sets.validation, sets.test)])
    assert len(x) == 1797
    same_answers(network, x, made(network, x, tmp_path))


@pytest.mark.skipif(
    not (Path(os.environ.get("FF_DATA", "-")) / "mnist").is_dir(), reason="FF_DATA has no mnist/"
)
def test_a_thousand_images_of_mnist_get_those_of_the_library(tmp_path):
    sets = datasets.load("mnist")
    train = sets.train.__class__(
        sets.train.inputs[:5000], sets.train.labels[:5000], sets.train.classes
    )
    plan = recipes.one_pass(train, hidden=(64, 64), epochs=2, readout=None)
    plan.trainer.fit(train, epochs=2, batch_size=100)
    network, pixels = plan.trainer.network.eval(), sets.test.inputs[:1000]
    c(network, pixels, tmp_path / "device")
    program = Program(tmp_path / "device")
    right = network.goodness_by_layer(pixels / 255).permute(1, 0, 2).numpy()
    found = program.goodness(pixels)
    assert np.abs(found - right).max() < 1e-5 * np.abs(right).max()
    assert program.predict(pixels) == network.predict(pixels / 255).tolist()


def test_a_class_is_learned_that_was_never_seen(tmp_path):
    network, sets = trained(without=9)
    program = made(network, sets.train.inputs, tmp_path, spare_classes=2)
    nines, others = sets.test.labels == 9, sets.test.labels < 9
    x, y = sets.test.inputs, sets.test.labels
    assert wrong(program, x[nines], y[nines]) == 1
    before = wrong(program, x[others], y[others])
    assert program.class_name(9) == "spare 1"
    for row in range(800):
        assert program.learn(sets.train.inputs[row : row + 1], sets.train.labels[row]) == 0
    assert wrong(program, x[nines], y[nines]) < 0.3
    assert wrong(program, x[others], y[others]) < before + 0.1
    assert 10 not in program.predict(x)


def test_remembered_samples_are_forgotten_less(tmp_path):
    network, sets = trained()
    x, y = sets.train.inputs, sets.train.labels
    turned = x.rot90(1, (2, 3))
    forgotten = {}
    for size in (0, 60):
        folder = tmp_path / str(size)
        options = [f"-DFF_REPLAY={size}"] if size else []
        program = made(network, x, folder, *options, numbers="int16")
        for row in range(200):
            code = program.remember(x[row : row + 1], y[row])
            assert code == (0 if size else -7)
        for row in range(200, 500):
            program.learn(turned[row : row + 1], y[row])
        forgotten[size] = wrong(program, sets.test.inputs, sets.test.labels)
    assert forgotten[60] < forgotten[0] / 1.5


def test_one_layer_at_a_time_learns_the_same_in_the_memory_of_one(tmp_path):
    network, sets = trained()
    x, y = channels_last(sets.train.inputs), sets.train.labels
    weights = []
    for name in ("whole", "layer"):
        program = made(network, sets.train.inputs, tmp_path / name, OPTIONS[name])
        kept = []
        for layer in range(2):
            for row in range(100):
                assert learn_layer(program, layer, x[row], y[row]) == 0
            kept.append(program.layer_weights(layer))
            if name == "layer":
                assert learn_layer(program, 1 - layer, x[0], y[0]) == -6  # busy
                use_layer(program, layer, kept[-1])
        weights.append(kept)
    assert weights[0] == weights[1]
    assert weights[1][0] == program.layer_weights(0)


def learn_layer(program, layer, x, label):
    return program.library.ff_learn_layer(layer, program._given(x), int(label))


KEPT = []  # the memory of what a device would write to flash


def use_layer(program, layer, parts):
    buffers = [ctypes.create_string_buffer(each, len(each)) for each in parts]
    KEPT.extend(buffers)
    assert program.library.ff_use_layer(layer, *buffers) == 0


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="no arm-none-eabi-gcc")
@pytest.mark.parametrize("numbers", ["float32", "int16", "int8"])
@pytest.mark.parametrize("name", ["every read-out", "overlaid label", "maps"])
def test_the_memory_of_the_report_is_that_of_the_compiled_program(name, numbers, tmp_path):
    network, x, _ = device_networks.of(name)
    about = c(network, x, tmp_path / "device", numbers=numbers)
    parts = {"no": "ram_to_predict", "whole": "ram_to_learn", "layer": "ram_to_learn_a_layer"}
    for learn, part in parts.items():
        made = tmp_path / f"{learn}.o"
        source = str(tmp_path / "device" / "src" / "ff_model.c")
        flags = "-mcpu=cortex-m4", "-O2", OPTIONS[learn]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", source, "-o", str(made)], check=True)
        command = ["arm-none-eabi-size", str(made)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        _, data, bss, *_ = printed.splitlines()[1].split()
        assert data == "0"
        assert 0 <= about["memory"][part]["total"] - int(bss) < 4  # it ends at a whole word
