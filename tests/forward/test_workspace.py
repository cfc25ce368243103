"""Memory by name, and memory that is lent to a name for a while."""

import torch

from forward_forward.forward.workspace import Workspace


def taken(room: Workspace, name: str = "z", rows: int = 2) -> torch.Tensor:
    return room.take(name, (rows, 3), torch.float32)


def test_what_is_lent_serves_the_name_meanwhile_and_then_no_more():
    room, lent = Workspace(), torch.zeros(2, 3)
    own, other = taken(room), taken(room, "h")
    with room.lent("z", lent):
        taken(room).fill_(1)
        assert taken(room, "h") is other
    assert torch.equal(lent, torch.ones(2, 3))
    assert taken(room).data_ptr() == own.data_ptr() != lent.data_ptr()


def test_memory_is_lent_before_there_was_any():
    room, lent = Workspace(), torch.zeros(2, 3)
    with room.lent("z", lent):
        assert taken(room).data_ptr() == lent.data_ptr()
    assert taken(room).data_ptr() != lent.data_ptr()


def test_what_does_not_fit_into_the_loan_lies_elsewhere():
    room, lent = Workspace(), torch.zeros(2, 3)
    with room.lent("z", lent):
        taken(room, rows=5).fill_(1)
    assert not lent.any()
    assert taken(room, rows=5).shape == (5, 3)
