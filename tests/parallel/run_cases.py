"""On every rank: trainings described as JSON -> how each of them ended on every rank, as JSON."""

import io
import json
import logging
import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from tests.parallel import cases
from tests.parallel.processes import LIMIT
from torch.utils.data import DataLoader, IterableDataset

from forward_forward import parallel
from forward_forward.data import Data


class Interrupt:
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
    """Samples and labels as a stream of unknown length."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Any]:
        return zip(self.data.inputs, self.data.labels, strict=True)


def train(
    case: str,
    out: str | None,
    layout: dict[str, Any] | None,
    stop: int = 0,
    resume: bool = False,
    epochs: int = cases.EPOCHS,
    stream: bool = False,
    again: Sequence[dict[str, Any] | None] = (),
    built: Mapping[str, Any] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Train a case, and return how that ended.

    Args:
        case: Its name.
        out: The run's folder.
        layout: Arguments of `Layout`; None for one process.
        stop: The step after which Ctrl-C is pressed; 0 for none.
        resume: Whether to resume the run.
        epochs: Epochs in total.
        stream: Whether the data are a stream without a length.
        again: Layouts of further trainings of the same trainer, of an epoch each.
        built: Further arguments of the case's trainer.
        settings: Further arguments of `fit`.
    """
    made, data_of = cases.CASES[case]
    trainer, data = made(**(built or {})), data_of()
    given = {"batch_size": cases.BATCH, **settings}
    validation = None if stream else Data(data.inputs[:101], data.labels[:101], data.classes)
    watch = [Interrupt(stop)] if stop else []
    end, rows = "trained", []
    try:
        fitted = trainer.fit(
            DataLoader(Rows(data), batch_size=20) if stream else data,
            epochs=epochs,
            validation=validation,
            out=out,
            resume=resume,
            callbacks=watch,
            parallel=layout_of(layout),
            **given,
        )
        rows = fitted.history
    except KeyboardInterrupt:
        end = "interrupted"
    except ValueError as error:
        end = str(error)
    found = {"end": end, "steps": trainer.steps, "rows": rows}
    lengths = []
    for other in again:
        trainer.fit(data, epochs=1, batch_size=cases.BATCH, parallel=layout_of(other))
        lengths.append([float(each.norm()) for each in trainer.network.parameters()])
    return {**found, "lengths": lengths, "steps in all": trainer.steps}


def layout_of(arguments: dict[str, Any] | None) -> parallel.Layout | None:
    if arguments is None:
        return None
    split = arguments.get("split")
    return parallel.Layout(**{"timeout": LIMIT, **arguments, "split": split and tuple(split)})


def refuse_files(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that pickles, but no files: only messages between ranks may be pickled."""

    def checked(*args: Any, **settings: Any) -> Any:
        if any(isinstance(each, (str, Path, io.BufferedIOBase)) for each in args[:2]) and not any(
            isinstance(each, io.BytesIO) for each in args[:2]
        ):
            raise AssertionError(f"a checkpoint must not be pickled: {args[:2]}")
        return call(*args, **settings)

    return checked


def no_pickled_files() -> AbstractContextManager[Any]:
    """A context in which no file can be pickled or unpickled."""
    with ExitStack() as stack:
        for module, name in ((pickle, "load"), (pickle, "dump"), (torch, "load"), (torch, "save")):
            checked = refuse_files(getattr(module, name))
            stack.enter_context(patch.object(module, name, checked))
        return stack.pop_all()


def run_jobs(jobs: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Train all of them in turn; the first rank writes how each ended, and what it printed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.getLogger("forward_forward").setLevel(logging.INFO)
    results = []
    for job in jobs:
        printed, log = io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(log)
        logging.getLogger("forward_forward").addHandler(handler)
        with no_pickled_files(), redirect_stdout(printed), redirect_stderr(printed):
            own = train(**job)
        logging.getLogger("forward_forward").removeHandler(handler)
        everyone: list[Any] = [None] * dist.get_world_size()
        own |= {"printed": printed.getvalue(), "log": log.getvalue()}
        dist.all_gather_object(everyone, own)
        results.append(everyone)
    if dist.get_rank() == 0:
        out.write_text(json.dumps(results))
