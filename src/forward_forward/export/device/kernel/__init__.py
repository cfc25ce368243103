"""kernel.c and the C runtime -> WebAssembly, compiled once for all networks and shipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from forward_forward.export.device.source import filled

HERE = Path(__file__).parent
BLOCK = 0x20000  # where a network's block begins: behind the stack and the state
COMPILER = "Debian clang version 14.0.6"  # made the files that are shipped, with the linker
LINKER = "LLD 14.0.6"
EXPORTS = "init", "scores", "goodness", "predict", "learn", "set_rate", "layer_weights"
COMMAND = (
    *("clang", "--target=wasm32", "-std=c99", "-O2", "-ffreestanding", "-nostdlib", "-Wall"),
    *("-mbulk-memory", "-fvisibility=hidden", "-Wextra", "-Werror"),
    *("-Wl,--no-entry", "-Wl,--strip-all", "-Wl,--stack-first", "-Wl,-z,stack-size=65536"),
    f"-Wl,--initial-memory={BLOCK}",  # the linker refuses a state that does not fit below
    *(f"-Wl,--export=ff_{name}" for name in EXPORTS),
    f"-DFF_BLOCK={BLOCK}u",
)  # fmt: skip


def kernel_file(two_pass: bool) -> Path:
    """The shipped kernel, of layers that answer for every class or are shown each label."""
    return HERE / ("kernel_two_pass.wasm" if two_pass else "kernel.wasm")


def source_text() -> str:
    """The source of the kernels."""
    return (HERE / "kernel.c").read_text()


def build_kernel(out: Path, *, two_pass: bool = False) -> None:
    """Compile a kernel, as the shipped ones were compiled.

    Args:
        out: The file to write.
        two_pass: Whether layers are shown each label in turn.

    Raises:
        RuntimeError: clang or wasm-ld is missing, or clang refuses the source.

    >>> from tempfile import mkdtemp
    >>> if shutil.which("clang") and shutil.which("wasm-ld"):
    ...     build_kernel(Path(mkdtemp()) / "kernel.wasm")
    """
    if not shutil.which("clang") or not shutil.which("wasm-ld"):
        raise RuntimeError(
            "expected clang and wasm-ld on the PATH, got at most one of them: install clang and lld"
        )
    names = ("title", "version", "fingerprint", "input", "classes", "rate")
    header = filled(
        "ff_model.h",
        {
            **dict.fromkeys(names, ""),
            **dict.fromkeys(("spare", "inputs", "count", "layers"), 1),
            "input_type": "float", "two_pass": two_pass, "backprop": False,
        },
    )  # fmt: skip
    with TemporaryDirectory() as temporary:
        (Path(temporary) / "ff_model.h").write_text(header)
        given = f"-DFF_TWO_PASS={int(two_pass)}", f"-I{temporary}", f"-I{HERE.parent / 'runtime'}"
        command = [*COMMAND, *given, str(HERE / "kernel.c"), "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"clang refuses {HERE / 'kernel.c'}:\n{done.stderr[-2000:]}")
