"""A folder -> runs of a small training in it, each killed at another moment, resumed, and compared.

Run as a process of its own, with one thread: every training that is killed is a fork of it.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tests.optimize import test_resume as resume

from forward_forward import files
from forward_forward.track import Callback

FIRST_STEP, LATE_STEP = 1, 9


class Kill(Callback):
    """Kills this process at a step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            kill()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(module: Any, name: str, calls: int, *, half: bool = False) -> None:
    """Kill this process once a function was called so often, or in the midst of that call."""
    real = getattr(module, name)
    count = 0

    @functools.wraps(real)
    def counted(*args: Any) -> Any:
        nonlocal count
        count += 1
        if count < calls:
            return real(*args)
        if half:
            path, content = args
            path.with_name(f".{path.name}.partial").write_bytes(content[: len(content) // 2])
        else:
            real(*args)
        return kill()

    setattr(module, name, counted)


# Each prepares the process and returns callbacks for its training.
MOMENTS: dict[str, Callable[[], list[Kill]]] = {
    "run.json alone": lambda: after(files, "write", 1) or [],
    "the first step": lambda: [Kill(FIRST_STEP)],
    "half of a checkpoint's file": lambda: after(files, "write", 5, half=True) or [],
    "the old checkpoint moved away": lambda: after(os, "rename", 3) or [],
    "a late step": lambda: [Kill(LATE_STEP)],
}


def in_a_fork(act: Callable[[], None]) -> int:
    """The signal that ended a fork of this process, 0 for none."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def train(out: Path, prepare: Callable[[], list[Kill]]) -> None:
    resume.fit(resume.CASES["all"](), out, callbacks=prepare())


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    os.fsync = lambda _: None  # a killed process loses nothing that it has written
    whole = resume.CASES["all"]()
    resume.fit(whole, folder / "whole")
    expected = resume.result(whole, folder / "whole")
    for number, (moment, prepare) in enumerate(MOMENTS.items()):
        out = folder / str(number)
        ended = in_a_fork(functools.partial(train, out, prepare))
        assert ended == signal.SIGKILL, moment
        resumed = resume.CASES["all"]()
        resume.fit(resumed, out, resume=True)
        resume.check_equal(resume.result(resumed, out), expected)
        names = sorted(path.name for path in (out / "checkpoints").iterdir())
        assert names == ["best", "last"], moment
        print(moment)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
