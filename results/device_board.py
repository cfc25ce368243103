"""What the measurements on the emulated Cortex-M4 share: samples, compilers, the board, sizes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from forward_forward.datasets import load

HERE = Path(__file__).parent / "device"
RATES, SEEDS, HELD_OUT, FEW = (0.003, 0.01, 0.03, 0.1), (0, 1, 2, 3, 4), 200, 40
CHIP = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
HOST = ["gcc", "-O2"]
CROSS = ["arm-none-eabi-gcc", "-O2", *CHIP, "-ffunction-sections", "-fdata-sections"]
LINK = ["--specs=rdimon.specs", "-nostartfiles", "-Wl,--gc-sections", f"-T{HERE / 'cortex_m.ld'}"]
BOARD = ["qemu-system-arm", "-M", "mps2-an386", "-cpu", "cortex-m4", "-nographic"]
BOARD += ["-icount", "shift=6", "-semihosting-config", "enable=on,target=native", "-kernel"]
PASSES, LARGEST = {"digits": 5, "mnist": 1}, {"digits": 16, "mnist": 255}  # of a pixel
INSTRUCTIONS_PER_TICK = 40 / 64  # a tick of 25 MHz is 40 ns, an instruction 2^6 ns
Part = tuple[np.ndarray, np.ndarray]


def out(*command: str | Path, **given: Any) -> str:
    """What a command prints; its own message if it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **given)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stderr}")
    return done.stdout


def samples(name: str) -> tuple[Part, Part]:
    """Pixels as bytes and labels, for training and for testing."""
    if name == "digits":
        x, y = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order].astype(np.uint8), y[order].astype(np.uint8)
        return (x[:1437], y[:1437]), (x[1437:], y[1437:])
    sets = load("mnist")
    parts = []
    for data, count in ((sets.train, 5000), (sets.test, 1000)):
        x = data.inputs[:count].reshape(count, -1).numpy()  # bytes, as in the file
        parts.append((x, data.labels[:count].numpy().astype(np.uint8)))
    return parts[0], parts[1]


def macros_of(folder: Path, part: tuple[Part, Part], name: str, data: str) -> list[str]:
    """The macros of harness.h for these samples, which are put into a file."""
    (x, y), (test_x, test_y) = part
    file = folder / f"{name}.{len(x)}"
    file.write_bytes(b"".join(a.tobytes() for a in (x, y, test_x, test_y)))
    values = {"INPUT": x.shape[1], "CLASSES": 10, "TRAIN": len(x), "TEST": len(test_x)}
    values |= {"PASSES": PASSES[data], "PIXEL_SCALE": f"(1.0f/{LARGEST[data]})"}
    values |= {"DATA": f'"{file}"', "SEED": 0, "RATE": "0.01f"}
    return [f"-D{key}={value}" for key, value in values.items()]


def few(part: tuple[Part, Part]) -> tuple[Part, Part]:
    """The first FEW samples for training and for testing."""
    (x, y), (test_x, test_y) = part
    return (x[:FEW], y[:FEW]), (test_x[:FEW], test_y[:FEW])


def held_out(part: tuple[Part, Part]) -> tuple[Part, Part]:
    """All training samples but the last HELD_OUT, and these instead of the test samples."""
    x, y = part[0]
    return (x[:-HELD_OUT], y[:-HELD_OUT]), (x[-HELD_OUT:], y[-HELD_OUT:])


def figures(printed: str) -> dict[str, int]:
    """The lines `name 0x...` of the harness."""
    return {key: int(value, 16) for key, value in map(str.split, printed.splitlines())}


def sizes(program: Path) -> dict[str, int]:
    """Bytes of the sections that lie in flash or RAM."""
    rows = [line.split() for line in out("arm-none-eabi-size", "-A", program).splitlines()]
    kept = (".text", ".rodata", ".ARM.exidx", ".data", ".bss")
    return dict.fromkeys(kept, 0) | {row[0]: int(row[1]) for row in rows if row and row[0] in kept}


def emulated(program: Path, timeout: float = 600) -> dict[str, int]:
    """What the harness prints on the emulated board."""
    return figures(out(*BOARD, program, stdin=subprocess.DEVNULL, timeout=timeout))


def flash(takes: dict[str, int]) -> dict[str, int]:
    """Bytes of flash of the sections that a library takes."""
    return {
        "code": takes[".text"] + takes[".ARM.exidx"],
        "constants": takes[".rodata"],
        "initial_data": takes[".data"],
    }


def steps(got: dict[str, int]) -> dict[str, int]:
    """Instructions a sample, to learn and to predict."""
    return {
        "training_step": instructions(got["train_ticks"]),
        "prediction": instructions(got["predict_ticks"]),
        "samples": FEW,
    }


def instructions(ticks: int) -> int:
    """Instructions a sample, of the ticks of FEW samples."""
    return round(ticks * INSTRUCTIONS_PER_TICK / FEW)


def tools() -> dict[str, Any]:
    """The compilers and the emulator."""
    cross = out("arm-none-eabi-gcc", "--version").splitlines()[0]
    return {
        "chip": "Cortex-M4 with FPU, emulated (board mps2-an386); instructions, not cycles",
        "host_compiler": {"version": out("gcc", "--version").splitlines()[0], "flags": HOST[1:]},
        "compiler": {"version": cross, "flags": CROSS[1:] + LINK[:-1]},
        "emulator": out("qemu-system-arm", "--version").splitlines()[0],
    }
