"""Jobs -> their records, several at a time through joblib."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")


def leave_interrupts() -> None:
    """Leave Ctrl-C to the process that hands out the jobs; it ends the workers."""
    in_worker = multiprocessing.parent_process() is not None
    if in_worker and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def performed(perform: Callable[[J], R], jobs: Sequence[J], workers: int) -> Iterator[R]:
    """Perform jobs, some at a time, and yield each result as soon as it is there.

    One worker runs them in this process. The backend is joblib's current one: within
    ``joblib.parallel_config("dask")`` the jobs run on a Dask cluster.
    """
    import joblib

    if workers == 1 or len(jobs) < 2:
        yield from map(perform, jobs)
        return
    with warnings.catch_warnings():
        # Joblib warns when it replaces a worker because of the memory its data take.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        try:
            parallel = joblib.Parallel(
                n_jobs=workers,
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch=2 * workers,
            )
        except ValueError:
            # Some backends, such as Ray's, only return lists: one round of jobs at a time, so
            # that finished runs are kept if a later one is interrupted.
            parallel = joblib.Parallel(n_jobs=workers, batch_size=1)
            for start in range(0, len(jobs), workers):
                yield from parallel(map(joblib.delayed(perform), jobs[start : start + workers]))
            return
        yield from parallel(map(joblib.delayed(perform), jobs))
