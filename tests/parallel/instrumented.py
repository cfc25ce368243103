"""``python -m tests.parallel.instrumented ARGUMENTS``: ff on one rank, whose steps a test controls.

Variables of the environment say what is added:

- ``FF_LOG``: a folder, in which each rank logs when its steps began and ended, and the bytes sent;
- ``FF_HOLD``: a folder, the numbers of ranks and a step, at which each of them writes ``held.RANK``
  to the folder, and then waits for a signal or for a file ``release``; once in all restarts;
- ``FF_TIMEOUT``: seconds to wait for other ranks after that; starting up may take longer;
- ``FF_DTYPE``: the type of the weights.
"""

import json
import os
import signal
import threading
import time
from pathlib import Path

import torch

from forward_forward.cli import main
from forward_forward.parallel.stage import Stage


def hold(held: Path) -> None:
    """Wait for a signal, which is passed on, or for the file ``release``."""
    signalled = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)

        def passed_on(number, frame, handler=handler):
            handler(number, frame)
            signalled.set()

        signal.signal(number, passed_on)
    held.touch()
    while not signalled.is_set() and not (held.parent / "release").exists():
        time.sleep(0.01)


def instrument() -> None:
    original, rank = Stage.step, os.environ["RANK"]
    folder, ranks, step_held = os.environ.get("FF_HOLD", "- - -1").rsplit(maxsplit=2)
    held = Path(folder, f"held.{rank}")

    def step(stage: Stage) -> object:
        number = stage.trainer.steps
        if rank in ranks and number == int(step_held) and not held.exists():
            hold(held)
            if "FF_TIMEOUT" in os.environ:
                for channel in filter(None, (stage.below, stage.above)):
                    channel.timeout.__init__(stage.place, float(os.environ["FF_TIMEOUT"]))
        began = time.monotonic()
        metrics = original(stage)
        if "FF_LOG" in os.environ:
            with Path(os.environ["FF_LOG"], rank).open("a") as file:
                file.write(json.dumps([began, time.monotonic(), stage.sent]) + "\n")
        return metrics

    Stage.step = step


if __name__ == "__main__":
    if "FF_DTYPE" in os.environ:
        torch.set_default_dtype(getattr(torch, os.environ["FF_DTYPE"]))
    instrument()
    main()
