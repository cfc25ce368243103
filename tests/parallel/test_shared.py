"""Parcels between two processes: in memory that both see, or sent; whole, in order, held back."""

import json
import os

import pytest
import torch
from tests.parallel import processes as crews
from tests.parallel.packed import LENGTHS, fields

from forward_forward.parallel import shared
from forward_forward.parallel.parcel import Parcel
from forward_forward.parallel.shared import BLOCKS, Block

needs_memory = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux has such memory")


@pytest.mark.parametrize("apart", [pytest.param(False, marks=needs_memory), True])
def test_parcels_come_whole_and_in_order_and_a_slow_rank_holds_back_the_other(tmp_path, apart):
    words = ["-m", "tests.parallel.packed", tmp_path, "apart" if apart else "shared"]
    with crews.Crew(2, *words) as crew:
        code, said = crew.ended()
    assert code == 0, said
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    kinds = ("Outbox", "Inbox") if apart else ("SharedOutbox", "SharedInbox")
    assert (first["kind"], second["kind"]) == kinds
    assert second["wrong"] == 0
    for half in (first["waits"][: len(LENGTHS)], first["waits"][len(LENGTHS) :]):
        assert max(half[: BLOCKS + 1]) > 0.2  # seconds: nothing is taken before


@needs_memory
def test_memory_is_shared_with_those_alone_who_read_there_what_was_written():
    block = Block(8)
    block.memory.view(torch.int64).fill_(77)
    offer = shared._Offer(os.getpid(), block.file, 77, shared._host())
    assert shared._seen(offer)
    other = Block(4)
    for wrong in (
        {"number": 78},
        {"host": offer.host + 1},  # another host
        {"process": 0},  # that rank has no such memory
        {"process": 2**22 + 1},
        {"file": 10**6},
        {"file": other.file},
    ):
        assert not shared._seen(offer._replace(**wrong)), wrong


@needs_memory
def test_memory_ends_with_its_holders():
    block = Block(4096)
    file, seen = block.file, shared._opened(os.getpid(), block.file, block.length)
    Parcel(fields(3), block.memory)["h"].fill_(2.0)
    del block
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)
    assert Parcel(fields(3), seen)["h"].tolist() == [2.0] * 3  # whoever reads it has it still
