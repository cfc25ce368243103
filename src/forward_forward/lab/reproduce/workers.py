"""A job -> its record, with one thread, the machine and the date."""

from __future__ import annotations

import time

import torch

from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.methods import train
from forward_forward.lab.workers import leave_interrupts
from forward_forward.track.run_record import machine


def perform(job: Job) -> tuple[Job, Record]:
    """Run one job with one thread; its record includes the machine and the date."""
    leave_interrupts()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        record = train(job)
    finally:
        torch.set_num_threads(threads)
    here = machine()
    about = {name: here[name] for name in ("torch", "cpu_capability") if name in here}
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return job, {**record, "machine": about, "date": date}
