"""Jobs -> their records, side by side through joblib, each with one thread."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch

from forward_forward.checkpoint import machine
from forward_forward.lab.reproduce.job import Job, Record


class Watcher(Protocol):
    """Whoever shows how far the runs are."""

    def start(self, work: float) -> None:
        """So much work is to be done, in units of `Job.cost`."""
        ...

    def claim(self, name: str, number: int, claims: int) -> None:
        """A claim's turn has come."""
        ...

    def expect(self, jobs: Sequence[Job]) -> None:
        """These are to be run now, or will be."""
        ...

    def done(self, job: Job) -> None:
        """One of them has been run."""
        ...

    def stop(self) -> None: ...


def perform(job: Job) -> tuple[Job, Record]:
    """Do one job with one thread; its record says when and on what."""
    _leave_interrupts()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        record = job.run()
    finally:
        torch.set_num_threads(threads)
    here = machine()
    about = {name: here[name] for name in ("torch", "cpu_capability") if name in here}
    when = time.strftime("%Y-%m-%d", time.gmtime())
    return job, {**record, "machine": about, "date": when}


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that gives out the jobs, which ends those that do them."""
    given_out = multiprocessing.parent_process() is not None
    if given_out and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def performed(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Record]]:
    """Do jobs, several at a time, and give each one's outcome as soon as it is there.

    Joblib's own backends are obeyed: within ``joblib.parallel_config("dask")`` the jobs run on a
    Dask cluster.

    Args:
        jobs: The jobs.
        workers: How many at a time; 1 does them in this process.
    """
    import joblib

    if workers == 1 or len(jobs) < 2:
        yield from map(perform, jobs)
        return
    with warnings.catch_warnings():
        # Joblib says so when it starts a worker anew because of the memory its data take.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        try:
            parallel = joblib.Parallel(
                n_jobs=workers,
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch=2 * workers,
            )
        except ValueError:
            # Some backends, such as Ray's, hand back lists: a round at a time, so that what is
            # done is kept.
            parallel = joblib.Parallel(n_jobs=workers, batch_size=1)
            for round_ in _rounds(jobs, workers):
                yield from parallel(joblib.delayed(perform)(job) for job in round_)
            return
        yield from parallel(joblib.delayed(perform)(job) for job in jobs)


def _rounds(jobs: Sequence[Job], workers: int) -> Iterator[Sequence[Job]]:
    return (jobs[start : start + workers] for start in range(0, len(jobs), workers))
