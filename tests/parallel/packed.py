"""Under torchrun: parcels from one rank to the other, of all sizes -> what came of them, as JSON.

``python -m torch.distributed.run --nproc-per-node 2 -m tests.parallel.packed OUT shared|apart``
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

from forward_forward import parallel
from forward_forward.parallel import Place, shared
from forward_forward.parallel.shared import inbox, outbox
from forward_forward.parallel.timeouts import Timeout

CPU = torch.device("cpu")
LENGTHS = [5, 5, 9, 2, 70_000, 9, 70_001, 3, 1, 40, 200_000, 8, 8]  # of parcels, up and down


def fields(length):
    return {"h": ((length,), torch.float32), "stop": ((1,), torch.int64)}


def main(folder, apart):
    """The first rank sends, the second takes, twice over."""
    if apart:
        shared._host = os.getpid
    parallel.begin(30, CPU)
    rank = dist.get_rank()
    patience = Timeout(Place(rank, (1, 1)), 30)
    box = outbox(1, patience, CPU) if rank == 0 else inbox(0, patience, CPU)
    found = {"kind": type(box).__name__, "wrong": 0, "waits": []}
    for _ in range(2):
        if rank == 1:
            box.expect(fields(length) for length in LENGTHS)
            time.sleep(0.5)  # the other one has to wait
        for number, length in enumerate(LENGTHS):
            if rank == 0:
                began = time.perf_counter()
                parcel = box.parcel(fields(length))
                parcel["h"].fill_(number)
                parcel["stop"].fill_(-number)
                box.send(parcel)
                found["waits"].append(time.perf_counter() - began)
            else:
                parcel = box.take()
                time.sleep(0.02)  # whoever gave it too early back would see the next ones' numbers
                right = bool((parcel["h"] == number).all()) and parcel["h"].shape == (length,)
                found["wrong"] += not (right and int(parcel["stop"]) == -number)
        box.drain()
    (folder / f"{rank}.json").write_text(json.dumps(found))
    parallel.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), apart=sys.argv[2] == "apart")
