"""Memory by slots: reused, lent for a while, and overwritten with NaN in debug mode."""

import pytest
import torch

import forward_forward as ff
from forward_forward.examples import AppendLabel, FromFirstLayer, FromSoftmax
from forward_forward.forward import Layer, PeerNormalization, mlp
from forward_forward.forward.workspace import Slot, Workspace
from forward_forward.predict import two_stage
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer

Z, OTHER = Slot("z"), Slot("other")
X = torch.rand(24, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(24) % 3


def taken(workspace: Workspace, slot: Slot = Z, rows: int = 2, dtype=torch.float32):
    return workspace.take(slot, (rows, 3), dtype)


def test_a_slot_gives_the_same_memory_again_and_grows_when_it_must():
    workspace = Workspace()
    small = taken(workspace)
    assert taken(workspace) is small
    assert taken(workspace, rows=1).data_ptr() == small.data_ptr()
    assert taken(workspace, OTHER).data_ptr() != small.data_ptr()
    assert taken(workspace, Slot("z", layer=1)).data_ptr() != small.data_ptr()
    assert taken(workspace, dtype=torch.float64).dtype == torch.float64
    large = taken(workspace, rows=4)
    assert taken(workspace).data_ptr() == large.data_ptr()


def test_a_workspace_that_keeps_nothing_gives_new_memory():
    workspace = Workspace(keep=False)
    first = taken(workspace)
    assert taken(workspace).data_ptr() != first.data_ptr()


def test_lent_memory_serves_its_slot_within_the_block_alone():
    workspace, lent = Workspace(), torch.zeros(2, 3)
    own, other = taken(workspace), taken(workspace, OTHER)
    with workspace.lent(Z, lent):
        taken(workspace).fill_(1)
        assert taken(workspace, OTHER) is other
    assert torch.equal(lent, torch.ones(2, 3))
    assert taken(workspace).data_ptr() == own.data_ptr() != lent.data_ptr()


def test_memory_is_lent_before_there_was_any():
    workspace, lent = Workspace(), torch.zeros(2, 3)
    with workspace.lent(Z, lent):
        assert taken(workspace).data_ptr() == lent.data_ptr()
    assert taken(workspace).data_ptr() != lent.data_ptr()


def test_a_tensor_larger_than_the_loan_gets_other_memory():
    workspace, lent = Workspace(), torch.zeros(2, 3)
    with workspace.lent(Z, lent):
        taken(workspace, rows=5).fill_(1)
    assert not lent.any()
    assert taken(workspace, rows=5).shape == (5, 3)


def test_debug_mode_overwrites_a_buffer_whose_slot_is_taken_again(monkeypatch):
    monkeypatch.setattr(Workspace, "debug", True)
    workspace, lent = Workspace(), torch.zeros(2, 3)
    first, other = taken(workspace).fill_(1), taken(workspace, OTHER).fill_(2)
    second = taken(workspace).fill_(3)
    assert first.isnan().all()
    assert second.data_ptr() != first.data_ptr()
    assert torch.equal(other, torch.full((2, 3), 2.0))
    with workspace.lent(Z, lent):
        assert taken(workspace).data_ptr() == lent.data_ptr()
    assert torch.equal(second, torch.full((2, 3), 3.0))


def trained(precision: str = "float32", **options) -> list[torch.Tensor]:
    head = options.pop("head", False)
    negatives = FromSoftmax() if head else FromFirstLayer(fraction=0.5)
    settings = {name: options.pop(name) for name in ("skip", "order") if name in options}
    net = mlp(
        *(6, 9, 8, 7),
        num_classes=3,
        head=head,
        examples=AppendLabel(3, negatives=negatives),
        layer=lambda block: Layer(block, **options),
    )
    trainer = ff.Trainer(net, lr=0.05, precision=precision, **settings)
    trainer.fit(ff.data.Data(X, Y, ["a", "b", "c"]), epochs=3, batch_size=8)
    stages = two_stage(net, X, agreement=0.9)
    return [*net.state_dict().values(), net.goodness(X), stages.predict(X)]


def recurrent() -> list[torch.Tensor]:
    net = RecurrentNetwork(6, 7, 5, num_classes=3, iterations=3, scored=(2, 3))
    trainer = RecurrentTrainer(net, lr=0.05)
    for _ in range(2):
        trainer.step(X, Y)
    return [*net.state_dict().values(), net.goodness(X)]


@pytest.mark.parametrize(
    "run",
    [
        trained,
        lambda: trained("bfloat16", peer=PeerNormalization()),
        lambda: trained(head=True, activation=torch.nn.Tanh, dropout=0.2),
        lambda: trained("bfloat16", skip=0.1, activation=torch.nn.GELU),
        lambda: trained(order="greedy", normalize=None),
        recurrent,
    ],
    ids=["float32", "bfloat16", "head", "skip", "greedy", "recurrent"],
)
def test_no_step_reads_a_buffer_after_its_slot_was_taken_again(run, monkeypatch):
    expected = run()
    monkeypatch.setattr(Workspace, "debug", True)
    for value, right in zip(run(), expected, strict=True):
        assert torch.equal(value.nan_to_num(), right.nan_to_num())
        assert not value.isnan().any()
