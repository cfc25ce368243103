"""Networks exported as C, trained by local learning and by backprop -> device/ours.json.

    python results/device.py [NETWORK]...    # 20 minutes on one core

The same networks, samples and counting rules as device_aifes.py. Needed: gcc, arm-none-eabi-gcc
with newlib, qemu-system-arm. Every network begins with the weights that the library draws, and
read-outs of 0; it is exported once for each arm:

local     each layer has a read-out of its own and learns by its own loss; read-outs are summed
groups    the same without weights to read out: the units of a layer are divided among the classes
backprop  the last layer alone has a read-out, and all learn by its loss

1. Error on test data, by the machine's own compiler: the rate, the normalisation of the layers'
   inputs and the temperature of channel groups that do best on the last 200 training samples (mean
   of SEEDS, for each arm), then training on all of them. Test samples are read once.
2. Memory, code and instructions, on the emulated chip: see device_aifes.py.
3. DEPTHS: the same memory and instructions against the number of hidden layers of 64 units.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import device_board as board
import numpy as np
import torch
from device_board import CROSS, HERE, LINK, RATES, SEEDS, Part
from torch import nn

from forward_forward import seeds
from forward_forward.examples import NoLabel
from forward_forward.export.device import Program, c
from forward_forward.export.device.sizes import Numbers
from forward_forward.forward import Layer, MeanSquareOne, Network, mlp
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import ChannelGroups, LinearReadout

KEPT = HERE / "ours.json"
ARMS = "local", "groups", "backprop"
TEMPERATURES = {"groups": (1.0, 0.3, 0.1)}  # of their goodness in the loss; of the others, 1
NORMS = "none", "mean_square_one"
NETWORKS: dict[str, tuple[str, tuple[int, ...]]] = {
    "64-32-10": ("digits", (32,)),
    "64-64-64-64-64-10": ("digits", (64, 64, 64, 64)),
    "784-128-128-10": ("mnist", (128, 128)),
    "28x28-conv8-pool-conv16-pool-10": ("mnist", ()),  # CHANNELS
}
CHANNELS, GRID = (8, 16), 4  # the averages that the lower convolution's read-out sees
DEPTHS = 1, 2, 4, 8


class Arm(NamedTuple):
    """How a network learns."""

    rule: str
    norm: str = "mean_square_one"
    temperature: float = 1.0

    @property
    def settings(self) -> str:
        """What is chosen besides the rate, as text."""
        return f"{self.norm}, temperature {self.temperature}"


def choices(rule: str) -> list[Arm]:
    """The arms among which the held-out samples choose."""
    return [Arm(rule, norm, each) for norm in NORMS for each in TEMPERATURES.get(rule, (1.0,))]


def normalised(arm: Arm) -> MeanSquareOne | None:
    return MeanSquareOne() if arm.norm == "mean_square_one" else None


def dense(features: int, hidden: Sequence[int], arm: Arm, seed: int) -> Network:
    layer = functools.partial(
        Layer,
        activation=nn.ReLU,
        goodness=ChannelGroups(10) if arm.rule == "groups" else LinearReadout(10),
        loss=CrossEntropy(),
        normalize=normalised(arm),
        temperature=arm.temperature,
    )
    return mlp(features, *hidden, num_classes=10, seed=seed, examples=NoLabel(10), layer=layer)


def convolutional(arm: Arm, seed: int) -> Network:
    layers, below, side = [], 1, 28
    for index, units in enumerate(CHANNELS):
        convolution = nn.Conv2d(below, units, 3, padding=1)
        rng = seeds.generator(seed, "weights", index)
        nn.init.normal_(convolution.weight, 0, (9 * below) ** -0.5, generator=rng)
        nn.init.zeros_(convolution.bias)
        side, below = side // 2, units
        # The last read-out has a weight for each value, as AIfES's dense layer.
        last = index + 1 == len(CHANNELS)
        readout = LinearReadout(10, units * side**2) if last else LinearReadout(10, units, GRID)
        layers.append(
            Layer(
                nn.Sequential(convolution, nn.MaxPool2d(2)),
                nn.ReLU,
                goodness=readout,
                loss=CrossEntropy(),
                normalize=normalised(arm),
            )
        )
    return Network(*layers, examples=NoLabel(10), inputs=nn.Unflatten(1, (1, 28)))


def placed(x: np.ndarray, data: str, hidden: Sequence[int]) -> torch.Tensor:
    """Pixels as the network's inputs: from 0 to 1, in rows or as pictures."""
    values = torch.from_numpy(x.astype(np.float32) / board.LARGEST[data])
    return values if hidden else values.view(-1, 28, 28)


def exported(
    folder: Path,
    data: str,
    hidden: Sequence[int],
    arm: Arm,
    seed: int,
    x: np.ndarray,
    numbers: Numbers = "float32",
) -> dict[str, Any]:
    """The untrained network as C, verified on samples; the content of its export.json."""
    made = dense(x.shape[1], hidden, arm, seed) if hidden else convolutional(arm, seed)
    if arm.rule == "backprop":
        made.set_readout((len(made.layers) - 1, len(made.layers)))
    samples = placed(x[:20], data, hidden)
    return c(made, samples, folder, numbers=numbers, backprop=arm.rule == "backprop")


def wrong(program: Program, rate: float, part: tuple[Part, Part], data: str) -> int:
    """Errors on the second samples after training on the first, from the first weights."""
    (x, y), (test_x, test_y) = part
    program.init()
    program.set_rate(rate)
    scale = np.float32(1 / board.LARGEST[data])
    inputs, labels = x * scale, y.tolist()
    for _ in range(board.PASSES[data]):
        for row, label in enumerate(labels):
            if program.learn(inputs[row : row + 1], label):
                return len(test_y)  # diverged
    return int((np.array(program.predict(test_x * scale)) != test_y).sum())


def errors(folder: Path, name: str, rule: str, part: tuple[Part, Part]) -> dict[str, Any]:
    """Rate and normalisation that are best on held-out samples, and the test errors in %."""
    data, hidden = NETWORKS[name]
    shorter = board.held_out(part)
    found: dict[Arm, dict[float, float]] = {}
    programs: dict[Arm, list[Program]] = {}
    count = board.HELD_OUT / 100
    for arm in choices(rule):
        programs[arm] = [program_of(folder, data, hidden, arm, seed, part) for seed in SEEDS]
        found[arm] = {
            rate: mean(wrong(each, rate, shorter, data) / count for each in programs[arm])
            for rate in RATES
        }
        print(name, rule, arm.settings, found[arm], flush=True)
    arm, rate = min(
        ((a, r) for a in found for r in RATES), key=lambda each: found[each[0]][each[1]]
    )
    count = len(part[1][1]) / 100
    tested = [wrong(each, rate, part, data) / count for each in programs[arm]]
    return {
        "normalisation": arm.norm,
        "temperature": arm.temperature,
        "rate": rate,
        "held_out_error_percent": {
            a.settings: {str(r): round(e, 2) for r, e in each.items()} for a, each in found.items()
        },
        "test_error_percent": round(mean(tested), 2),
        "test_error_percent_by_seed": [round(e, 2) for e in tested],
    }


def program_of(
    folder: Path,
    data: str,
    hidden: Sequence[int],
    arm: Arm,
    seed: int,
    part: tuple[Part, Part],
    numbers: Numbers = "float32",
) -> Program:
    """The untrained network, exported and compiled for this machine."""
    here = folder / f"{arm.settings}-{seed}-{numbers}"
    exported(here, data, hidden, arm, seed, part[0][0], numbers)
    return Program(here)


def built(folder: Path, macros: Sequence[str], *, without: bool = False) -> Path:
    """The harness with an export, linked for the chip."""
    path = folder.parent / "program"
    command: list[str | Path] = [*CROSS, "-Wall", *macros, f"-I{HERE}", f"-I{folder / 'src'}"]
    command += [HERE / "ours.c", HERE / "start.c", *LINK]
    command += ["-DWITHOUT_MODEL"] if without else [folder / "src" / "ff_model.c"]
    board.out(*command, "-lm", "-o", path)
    return path


def chip(folder: Path, macros: Sequence[str], weights: int) -> dict[str, Any]:
    """Memory, code and instructions of an export on the emulated chip."""
    program = built(folder, macros)
    got, with_it = board.emulated(program), board.sizes(program)
    without = board.sizes(built(folder, macros, without=True))
    takes = {section: with_it[section] - without[section] for section in with_it}
    static = takes[".data"] + takes[".bss"]
    beyond = static - weights + got["train_stack"] + got["buffer_bytes"]
    return {
        "ram_bytes": {
            "training_with_parameters": weights + beyond,
            "training_beyond_parameters": beyond,
            "parameters": weights,
            "static_beyond_parameters": static - weights,
            "stack_of_a_training_step": got["train_stack"],
            "input_output_and_label": got["buffer_bytes"],
            "stack_of_a_prediction": got["predict_stack"],
        },
        "flash_bytes": board.flash(takes),
        "instructions": board.steps(got),
    }


def cost(
    folder: Path,
    data: str,
    hidden: Sequence[int],
    arm: Arm,
    rate: float,
    part: tuple[Part, Part],
    numbers: Numbers = "float32",
) -> dict[str, Any]:
    """What `chip` measures; for the local arm also if one layer at a time is in RAM."""
    here = folder / "cost" / "export"
    here.parent.mkdir(exist_ok=True)
    about = exported(here, data, hidden, arm, 0, part[0][0], numbers)
    macros = board.macros_of(folder, board.few(part), "few", data)
    macros += ["-UPASSES", "-DPASSES=1", "-URATE", f"-DRATE={rate}f"]
    memory = about["memory"]
    result = chip(here, macros, memory["ram_to_learn"]["weights"])
    if arm.rule != "backprop":
        weights = memory["ram_to_learn_a_layer"]["weights"]
        result["one_layer"] = chip(here, [*macros, "-DFF_ONE_LAYER=1"], weights)["ram_bytes"]
    return result


def depth_rows(folder: Path, part: tuple[Part, Part]) -> dict[str, Any]:
    """The cost of both arms against the number of hidden layers of 64 units."""
    rows = {}
    for depth in DEPTHS:
        hidden = [64] * depth
        rows[str(depth)] = {
            rule: cost(folder, "digits", hidden, Arm(rule), 0.01, part) for rule in ARMS
        }
    return rows


def main() -> None:
    """Measure every network, and keep each one's figures as soon as it is done."""
    report: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {"networks": {}}
    report |= {"training": "float32, batch 1, SGD without momentum, cross-entropy"} | board.tools()
    parts = {name: board.samples(name) for name in ("digits", "mnist")}
    for name in sys.argv[1:] or [*NETWORKS, "depths"]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if name == "depths":
                report["depths"] = depth_rows(folder, parts["digits"])
            else:
                data, hidden = NETWORKS[name]
                row: dict[str, Any] = {"data": data}
                for rule in ARMS:
                    if rule == "groups" and not hidden:
                        continue  # the lowest layer has fewer channels than there are classes
                    row[rule] = errors(folder, name, rule, parts[data])
                    arm = Arm(rule, row[rule]["normalisation"], row[rule]["temperature"])
                    row[rule] |= cost(folder, data, hidden, arm, row[rule]["rate"], parts[data])
                report["networks"][name] = row
        KEPT.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
