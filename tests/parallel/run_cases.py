"""Under torchrun: trainings told as JSON -> how each ended on every rank, as JSON.

``python -m torch.distributed.run --nproc-per-node 2 -m tests.parallel.run_cases JOBS OUT``
"""

import io
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from tests.parallel import cases as crew_cases
from torch.utils.data import DataLoader, IterableDataset

from forward_forward import parallel
from forward_forward.data import Data
from forward_forward.parallel import shared


class Break:
    """Presses Ctrl-C after a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def start(self, beginning: Any) -> None:
        pass

    def step(self) -> None:
        self.at -= 1
        if self.at == 0:
            signal.raise_signal(signal.SIGINT)

    def epoch(self, row: dict[str, Any]) -> None:
        pass

    def stop(self, ending: Any) -> None:
        pass


class Rows(IterableDataset):
    """Samples and labels, of which nobody knows how many there are."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Any]:
        return zip(self.data.inputs, self.data.labels, strict=True)


def done(
    case: str,
    out: str | None,
    layout: dict[str, Any] | None,
    stop: int = 0,
    resume: bool = False,
    epochs: int = crew_cases.EPOCHS,
    stream: bool = False,
    apart: bool = False,
    again: Sequence[dict[str, Any] | None] = (),
    built: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Train a case, and say how that ended.

    Args:
        case: Its name.
        out: The run's folder.
        layout: Arguments of `Layout`; None for one process.
        stop: The step after which Ctrl-C is pressed; 0 for none.
        resume: Whether to go on with a run.
        epochs: Epochs in all.
        stream: Whether the data come as a stream without a length.
        apart: Whether the ranks take each other for ranks of other hosts.
        again: Layouts of further trainings of the same trainer, of an epoch each.
        built: Further arguments of the case's trainer.
        settings: Further arguments of `fit`.
    """
    if apart:
        with patch.object(shared, "_host", os.getpid):
            return done(case, out, layout, stop, resume)
    made, data_of = crew_cases.CASES[case]
    trainer, data = made(**(built or {})), data_of()
    given = {"batch_size": crew_cases.BATCH, **settings}
    judge = None if stream else Data(data.inputs[:101], data.labels[:101], data.classes)
    watch = [Break(stop)] if stop else []
    end, rows = "trained", []
    try:
        told = trainer.fit(
            DataLoader(Rows(data), batch_size=20) if stream else data,
            epochs=epochs,
            validation=judge,
            out=out,
            resume=resume,
            watch=watch,
            parallel=layout_of(layout),
            **given,
        )
        rows = told.history
    except KeyboardInterrupt:
        end = "interrupted"
    except ValueError as error:
        end = str(error)
    found = {"end": end, "steps": trainer.steps, "rows": rows}
    lengths = []
    for other in again:
        trainer.fit(data, epochs=1, batch_size=crew_cases.BATCH, parallel=layout_of(other))
        lengths.append([float(each.norm()) for each in trainer.network.parameters()])
    return {**found, "lengths": lengths, "steps in all": trainer.steps}


def layout_of(told: dict[str, Any] | None) -> parallel.Layout | None:
    if told is None:
        return None
    split = told.get("split")
    return parallel.Layout(**{"timeout": 30, **told, "split": split and tuple(split)})


def not_in_files(act: Callable[..., Any]) -> Callable[..., Any]:
    """A function that pickles: messages between ranks may be, files may not."""

    def checked(*args: Any, **settings: Any) -> Any:
        if any(isinstance(each, (str, Path, io.BufferedIOBase)) for each in args[:2]) and not any(
            isinstance(each, io.BytesIO) for each in args[:2]
        ):
            raise AssertionError(f"a checkpoint is no pickle: {args[:2]}")
        return act(*args, **settings)

    return checked


def forbid_pickles(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let no file be pickled, or unpickled, any more."""
    for module, name in ((pickle, "load"), (pickle, "dump"), (torch, "load"), (torch, "save")):
        put(module, name, not_in_files(getattr(module, name)))


def main(jobs: Path, out: Path) -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    forbid_pickles()
    results = []
    for job in json.loads(jobs.read_text()):
        own = done(**job)
        everyone: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(everyone, own)
        results.append(everyone)
    if dist.get_rank() == 0:
        out.write_text(json.dumps(results))
    parallel.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
