"""AIfES, a C library that trains by backpropagation on microcontrollers -> device/aifes.json.

    git clone https://github.com/Fraunhofer-IMS/AIfES_for_Arduino
    python results/device_aifes.py AIfES_for_Arduino [NETWORK]...

AIfES is licensed under the AGPL: none of it is part of this repository, and ``device/aifes.c`` is
compiled with it only here. Needed: gcc, arm-none-eabi-gcc with newlib, qemu-system-arm.

1. Error on test data, by the machine's own compiler: the rate that does best on the last 200
   training samples (mean of SEEDS), then training on all of them.
2. Memory, code and instructions, on an emulated Cortex-M4 with FPU. Instructions are no cycles.
   A step and a prediction are means over the first 40 samples for training and for testing.

What AIfES takes of flash and of static RAM is the difference between the linked program and the
same program without a call of it, so it includes what AIfES needs of libc and libm. Functions that
nobody calls are left out by the linker (-ffunction-sections, --gc-sections).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import device_board as board
from device_board import CROSS, HERE, HOST, LINK, RATES, SEEDS, Part, figures, out

KEPT = HERE / "aifes.json"
NETWORKS: dict[str, tuple[str, list[str]]] = {
    "64-32-10": ("digits", ["-DHIDDEN=32"]),
    "64-64-64-64-64-10": ("digits", ["-DHIDDEN=64,64,64,64"]),
    "784-128-128-10": ("mnist", ["-DHIDDEN=128,128"]),
    "28x28-conv8-pool-conv16-pool-10": ("mnist", ["-DCNN"]),
}


class Builder:
    """Compiles AIfES once for each of the two machines, and the harness with it at each call."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.folder = checkout, folder
        self.built = 0
        sources = sorted(
            path.resolve()
            for path in (checkout / "src").rglob("*.c")
            if not {"cmsis", "CMSIS", "avr_pgm"} & set(path.parts)
        )
        for name, compiler in (("host", HOST), ("cross", CROSS)):
            (folder / name).mkdir()
            out(*compiler, "-w", f"-I{checkout / 'src'}", "-c", *sources, cwd=folder / name)
            objects = sorted((folder / name).glob("*.o"))
            out(
                "ar" if name == "host" else "arm-none-eabi-ar", "rc", folder / f"{name}.a", *objects
            )

    def program(self, macros: list[str], *, host: bool = False, without: bool = False) -> Path:
        """The linked harness."""
        self.built += 1
        path = self.folder / f"program{self.built}"
        command: list[str | Path] = [*(HOST if host else CROSS), "-Wall", *macros]
        command += ["-DHOST"] if host else ["-DWITHOUT_AIFES"] if without else []
        command += [f"-isystem{(self.checkout / 'src').resolve()}", f"-I{HERE}", HERE / "aifes.c"]
        command += [] if host else [HERE / "start.c", *LINK]
        command += [self.folder / ("host.a" if host else "cross.a"), "-lm", "-o", path]
        out(*command)
        return path


def macros_of(folder: Path, part: tuple[Part, Part], name: str, data: str) -> list[str]:
    """The macros of aifes.c for these samples."""
    macros = board.macros_of(folder, part, name, data)
    return [*macros, f"-DPARAMETER_BYTES={1 << 19}", f"-DTRAINING_BYTES={3 << 19}"]


def error(builder: Builder, name: str, part: tuple[Part, Part]) -> dict[str, Any]:
    """The rate that is best on held-out samples, and the test errors in % with it."""
    data, network = NETWORKS[name]

    def errors(of: tuple[Part, Part], rates: tuple[float, ...]) -> dict[float, list[float]]:
        macros = macros_of(builder.folder, of, name, data)
        program = builder.program([*macros, *network], host=True)
        wrong = {r: [figures(out(program, str(r), str(s)))["wrong"] for s in SEEDS] for r in rates}
        return {r: [100 * w / len(of[1][0]) for w in each] for r, each in wrong.items()}

    held_out = {rate: mean(each) for rate, each in errors(board.held_out(part), RATES).items()}
    rate = min(held_out, key=held_out.__getitem__)
    found = errors(part, (rate,))[rate]
    return {
        "rate": rate,
        "held_out_error_percent": {str(r): round(e, 2) for r, e in held_out.items()},
        "test_error_percent": round(mean(found), 2),
        "test_error_percent_by_seed": [round(e, 2) for e in found],
    }


def cost(builder: Builder, name: str, part: tuple[Part, Part], rate: float) -> dict[str, Any]:
    """Memory, code and instructions on the emulated chip."""
    data, network = NETWORKS[name]
    macros = [
        *macros_of(builder.folder, board.few(part), name, data),
        *network,
        "-UPASSES",
        "-DPASSES=1",
    ]
    macros += ["-URATE", f"-DRATE={rate}f"]
    asked = board.emulated(builder.program(macros))
    # Again with just the memory that AIfES asked for: the run shows that it is enough.
    for macro, key in (
        ("PARAMETER_BYTES", "parameter_bytes"),
        ("TRAINING_BYTES", "training_bytes"),
    ):
        macros += [f"-U{macro}", f"-D{macro}={asked[key]}"]
    program = builder.program(macros)
    got = board.emulated(program)
    with_it, without = board.sizes(program), board.sizes(builder.program(macros, without=True))
    takes = {section: with_it[section] - without[section] for section in with_it}
    pools = got["parameter_bytes"] + got["training_bytes"]
    static = takes[".data"] + takes[".bss"] - pools
    beyond = got["training_bytes"] + got["train_stack"] + static + got["buffer_bytes"]

    result: dict[str, Any] = {
        "ram_bytes": {
            "training_with_parameters": got["parameter_bytes"] + beyond,
            "training_beyond_parameters": beyond,
            "aialgo_sizeof_parameter_memory": got["parameter_bytes"],
            "aialgo_sizeof_training_memory": got["training_bytes"],
            "of_it_optimizer": got["optimizer_bytes"],
            "stack_of_a_training_step": got["train_stack"],
            "static": static,
            "of_it_layers_model_and_tensors": got["model_bytes"],
            "input_output_and_label": got["buffer_bytes"],
            "aialgo_sizeof_inference_memory": got["inference_bytes"],
            "stack_of_a_prediction": got["predict_stack"],
        },
        "flash_bytes": board.flash(takes),
        "instructions": board.steps(got),
    }
    if "-DCNN" not in network:
        lean = board.emulated(builder.program([*macros, "-DNO_INPUT_GRADIENT"]))
        result["instructions"]["training_step_without_input_gradient"] = board.instructions(
            lean["train_ticks"]
        )
    if name == "64-32-10":
        # The whole training on the emulated chip, with the seed 0 and so the same first weights.
        whole = [*macros_of(builder.folder, part, name, data), *network]
        whole += ["-URATE", f"-DRATE={rate}f"]
        wrong = board.emulated(builder.program(whole))["wrong"]
        result["test_error_percent_on_the_chip_seed_0"] = round(100 * wrong / len(part[1][1]), 2)
    return result


def main() -> None:
    """Measure every network, and keep each one's figures as soon as it is done."""
    checkout = Path(sys.argv[1]).resolve()
    properties = (checkout / "library.properties").read_text().splitlines()
    report: dict[str, Any] = {
        "library": "AIfES for Arduino",
        "version": next(p.split("=")[1] for p in properties if p.startswith("version=")),
        "commit": out("git", "-C", checkout, "rev-parse", "HEAD").strip(),
        "training": "float32, batch 1, SGD without momentum, softmax and cross-entropy",
        "first_weights": "aialgo_initialize_parameters_model, seeds 0 to 4",
        **board.tools(),
        "networks": json.loads(KEPT.read_text())["networks"] if KEPT.exists() else {},
    }
    parts = {name: board.samples(name) for name in ("digits", "mnist")}
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(checkout, Path(folder))
        for name in sys.argv[2:] or NETWORKS:
            data, _ = NETWORKS[name]
            errors = error(builder, name, parts[data])
            row = errors | cost(builder, name, parts[data], errors["rate"])
            report["networks"][name] = {"data": data} | row
            KEPT.write_text(json.dumps(report, indent=1) + "\n")
            print(name, json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
