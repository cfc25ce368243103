"""A store that may be older than its ranks -> one with the words of this start's ranks alone.

torchrun keeps one store over all restarts. What the ranks of an earlier start have left there, such
as where a dead one could be reached, looks like an answer of the present ones.
"""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from torch.distributed.distributed_c10d import PrefixStore, Store

PAUSE = 0.005  # seconds


def fresh(store: Store, rank: int, ranks: int, timeout: timedelta) -> Store:
    """A part of the store of which only those ranks know that meet now; all ranks call this.

    Every rank says hello by a name that nobody had before. The first answers each of these names
    with its own, until all have thanked it: an answer to a name of an earlier start reaches nobody.

    Args:
        store: What all ranks reach.
        rank: This one's number.
        ranks: How many there are.
        timeout: How long to wait for all.

    Raises:
        RuntimeError: Not all came in time.
    """
    name = uuid.uuid4().hex
    if rank > 0:
        store.set(f"hello/{rank}", name)
        store.wait([f"answer/{name}"], timeout)
        meeting = store.get(f"answer/{name}").decode()
        store.set(f"thanks/{meeting}/{rank}", "")
        return PrefixStore(meeting, store)
    missing, answered = set(range(1, ranks)), set[str]()
    end = time.monotonic() + timeout.total_seconds()
    while missing:
        for other in sorted(missing):
            if store.check([f"thanks/{name}/{other}"]):
                missing.remove(other)
            elif store.check([f"hello/{other}"]):
                theirs = store.get(f"hello/{other}").decode()
                if theirs not in answered:
                    store.set(f"answer/{theirs}", name)
                    answered.add(theirs)
        if missing and time.monotonic() > end:
            raise RuntimeError(f"ranks {sorted(missing)} did not come")
        time.sleep(PAUSE)
    return PrefixStore(name, store)
