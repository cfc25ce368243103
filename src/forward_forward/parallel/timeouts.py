"""Work of torch.distributed -> its end, or an error that says which rank did not answer."""

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
    """How long this rank waits for others.

    Args:
        place: Where this rank stands.
        seconds: How long.
    """

    def __init__(self, place: Place, seconds: float) -> None:
        self.place, self.seconds = place, seconds
        self.limit = timedelta(seconds=seconds)

    def send(self, content: Tensor, peer: int, tag: int = 0) -> dist.Work:
        """Begin to send; the content must stand until that is done."""
        work = self.guard(lambda: dist.isend(content, peer, tag=tag), peer, "sends to")
        assert work is not None  # this rank is in the group
        return work

    def receive(self, content: Tensor, peer: int, tag: int = 0) -> dist.Work:
        """Begin to receive."""
        work = self.guard(lambda: dist.irecv(content, peer, tag=tag), peer, "waits for")
        assert work is not None  # this rank is in the group
        return work

    def wait(self, work: dist.Work, peer: int | None, deed: str) -> None:
        """Wait for something that another rank has a part in.

        Args:
            work: What torch.distributed began.
            peer: The other rank, or None where it may be any.
            deed: What this rank does, such as "receives from".

        Raises:
            LostRank: It failed, or was not done in time.
        """
        self.guard(lambda: work.wait(self.limit), peer, deed)

    def guard(self, act: Callable[[], Result], peer: int | None, deed: str) -> Result:
        """The result of something that other ranks have a part in."""
        try:
            return act()
        except RuntimeError as error:
            if peer in (None, self.place.rank):  # of what it gives to all: any may be the one
                other = "another rank"
            else:
                other = str(replace(self.place, rank=peer))
            reason = str(error).strip().partition("\n")[0]
            raise LostRank(
                f"{self.place} {deed} {other}, which died or did not answer within"
                f" {self.seconds:g} s. The last checkpoint stands: the same torchrun command with"
                " --max-restarts goes on from it by itself, and so does `--resume`."
                f" (torch: {reason})"
            ) from error
