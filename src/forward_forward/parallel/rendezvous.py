"""A store that outlives restarts -> a part of it that only the ranks of this start use.

torchrun keeps one store over all restarts. What the ranks of an earlier start wrote there, such as
the address of one that died, would be taken for entries of the present ranks.
"""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from torch.distributed.distributed_c10d import PrefixStore, Store

POLL_INTERVAL = 0.005  # seconds


def isolated_store(store: Store, rank: int, ranks: int, timeout: timedelta) -> Store:
    """A prefix of the store that is known only to the ranks that start now; all ranks call this.

    Every rank registers under a name that is unique to this start. Rank 0 answers each of these
    names with its own until all ranks have confirmed; an answer to a name of an earlier start is
    read by nobody.

    Args:
        store: A store that all ranks can reach.
        rank: The number of this rank.
        ranks: The number of ranks.
        timeout: How long to wait for all of them.

    Raises:
        RuntimeError: Not all ranks arrived in time.
    """
    name = uuid.uuid4().hex
    if rank > 0:
        store.set(f"register/{rank}", name)
        store.wait([f"answer/{name}"], timeout)
        prefix = store.get(f"answer/{name}").decode()
        store.set(f"confirm/{prefix}/{rank}", "")
        return PrefixStore(prefix, store)
    missing, answered = set(range(1, ranks)), set[str]()
    end = time.monotonic() + timeout.total_seconds()
    while missing:
        for other in sorted(missing):
            if store.check([f"confirm/{name}/{other}"]):
                missing.remove(other)
            elif store.check([f"register/{other}"]):
                theirs = store.get(f"register/{other}").decode()
                if theirs not in answered:
                    store.set(f"answer/{theirs}", name)
                    answered.add(theirs)
        if missing and time.monotonic() > end:
            raise RuntimeError(f"ranks {sorted(missing)} did not arrive")
        time.sleep(POLL_INTERVAL)
    return PrefixStore(name, store)
