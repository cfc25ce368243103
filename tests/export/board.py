"""An exported C program -> firmware for a bare Cortex-M, run by QEMU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

HERE, START = Path(__file__).parent, Path(__file__).parents[2] / "results" / "device"
# A chip -> the compiler's options, and QEMU's board.
CHIPS = {
    "cortex-m4": (
        ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        ["-M", "mps2-an386", "-cpu", "cortex-m4"],
    ),
    "cortex-m3": (["-mcpu=cortex-m3"], ["-M", "mps2-an385", "-cpu", "cortex-m3"]),
    "cortex-m0": (["-mcpu=cortex-m0"], ["-M", "microbit"]),
}
MISSING = [name for name in ("arm-none-eabi-gcc", "qemu-system-arm") if shutil.which(name) is None]
needs_board = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


class DoesNotFit(Exception):
    """The linker refuses the program: it is larger than the chip's memory."""


def firmware(
    export: Path,
    samples: str,
    folder: Path,
    *,
    chip: str = "cortex-m4",
    kilobytes: tuple[int, int] = (4096, 4096),
    options: tuple[str, ...] = (),
) -> Path:
    """Compile board_main.c with an export.

    Args:
        export: The folder of the export.
        samples: The text of samples.h: see ``header``.
        folder: Where the firmware is written.
        chip: Its processor.
        kilobytes: Its flash and RAM; 2 kB of RAM are left for the stack.
        options: Further options of the compiler.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "samples.h").write_text(samples)
    flash, ram = (f"0x{1024 * each:x}" for each in kilobytes)
    sizes = {"flash_length": flash, "ram_length": ram, "stack_length": "0x800"}
    made = folder / "firmware.elf"
    flags = ["-std=gnu99", "-O2", "-mthumb", *CHIPS[chip][0], "-ffunction-sections", *options]
    command = ["arm-none-eabi-gcc", *flags, "-Wall", "-Wextra", "-Werror"]
    command += ["-Wl,--gc-sections", "--specs=rdimon.specs", "-nostartfiles"]
    command += [f"-Wl,--defsym={name}={size}" for name, size in sizes.items()]
    command += [f"-I{folder}", f"-I{START}", f"-I{export / 'src'}", f"-T{START / 'cortex_m.ld'}"]
    sources = START / "start.c", HERE / "board_main.c", export / "src" / "ff_model.c"
    command += [*map(str, sources), "-lm", "-o", str(made)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "overflowed by" in done.stderr or "no RAM left" in done.stderr:
        raise DoesNotFit(done.stderr)
    assert done.returncode == 0, done.stderr
    return made


def run(made: Path, chip: str = "cortex-m4") -> dict[str, list[int]]:
    """What the firmware prints: lines of a name and hexadecimal numbers."""
    command = ["qemu-system-arm", *CHIPS[chip][1], "-nographic"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (done.returncode, done.stdout[-500:], done.stderr[-500:])
    found: dict[str, list[int]] = {}
    for line in done.stdout.splitlines():
        name, *numbers = line.split()
        found.setdefault(name, []).extend(int(each, 16) for each in numbers)
    return found


def header(
    learned: tuple[np.ndarray, np.ndarray],
    tested: tuple[np.ndarray, np.ndarray],
    *,
    steps: int,
    rate: float,
    tested_first: bool = False,
    weights: bool = False,
) -> str:
    """samples.h: samples [n, values] and labels [n], and what board_main.c does with them."""
    parts = [f"#define STEPS {steps}u", f"#define RATE {rate}f"]
    parts += [f"#define TEST_FIRST {int(tested_first)}", f"#define PRINT_WEIGHTS {int(weights)}"]
    for name, (x, y) in (("learn", learned), ("test", tested)):
        rows = ",\n".join("{" + ",".join(map(repr, row.tolist())) + "}" for row in x)
        parts.append(f"#define {name.upper()}_COUNT {len(x)}u")
        parts.append(f"static const ff_input {name}_x[][FF_INPUTS] = {{{rows}}};")
        labels = ",".join(map(str, y.tolist()))
        parts.append(f"static const int {name}_y[] = {{{labels}}};")
    return "\n".join(parts) + "\n"
