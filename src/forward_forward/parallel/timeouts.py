"""A call of torch.distributed -> its result, or an error that names the rank that is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

from forward_forward.parallel.place import Place

Result = TypeVar("Result")


class LostRank(RuntimeError):
    """Another rank died, or did not answer in time."""


class Timeout:
    """How long this rank waits for the others.

    Args:
        place: This rank's stage and replica, for error messages.
        seconds: The time limit.
    """

    def __init__(self, place: Place, seconds: float) -> None:
        self.place, self.seconds = place, seconds
        self.limit = timedelta(seconds=seconds)

    def send(self, content: Tensor, peer: int) -> dist.Work:
        """Start to send; the content must not change until the work is done."""
        work = self.guard(lambda: dist.isend(content, peer), peer, "sends to")
        assert work is not None  # this rank is in the group
        return work

    def receive(self, content: Tensor, peer: int) -> dist.Work:
        """Start to receive into a tensor."""
        work = self.guard(lambda: dist.irecv(content, peer), peer, "waits for")
        assert work is not None  # this rank is in the group
        return work

    def wait(self, work: dist.Work, peer: int | None, action: str) -> None:
        """Wait for work that involves another rank.

        Args:
            work: What torch.distributed has started.
            peer: The other rank, or None if it may be any.
            action: What this rank does, such as "sends to".

        Raises:
            LostRank: The work failed, or was not done in time.
        """
        self.guard(lambda: work.wait(self.limit), peer, action)

    def guard(self, call: Callable[[], Result], peer: int | None, action: str) -> Result:
        """The result of a call that involves other ranks; the arguments are those of `wait`."""
        try:
            return call()
        except RuntimeError as error:
            if peer in (None, self.place.rank):  # a collective: any rank may be the one
                other = "another rank"
            else:
                other = str(replace(self.place, rank=peer))
            reason = str(error).strip().partition("\n")[0]
            raise LostRank(
                f"{self.place} {action} {other}, which died or did not answer within"
                f" {self.seconds:g} s. The last checkpoint is intact: with --max-restarts, the same"
                " torchrun command resumes from it automatically; otherwise resume it,"
                " by `--resume` or, in Python, resume=True."
                f" (torch: {reason})"
            ) from error
