"""`Muon` is torch's Muon on flattened filters and its AdamW on the rest, bit for bit."""

import copy
import functools

import pytest
import torch
from torch import nn

from forward_forward import datasets
from forward_forward.forward import Whitening, cnn
from forward_forward.optimize import Muon, Trainer
from forward_forward.optimize.gradients import set_gradients

LR, MATRIX_LR, DECAY = 0.01, 5.0, 0.02


def weights() -> list[nn.Parameter]:
    """Filters, a matrix, a vector and a read-out's matrix."""
    rng = torch.Generator().manual_seed(0)
    shapes = ((6, 3, 3, 3), (4, 7), (5,), (3, 8))
    return [nn.Parameter(torch.randn(shape, generator=rng)) for shape in shapes]


def muon_of(all_of: list[nn.Parameter], **options: float) -> Muon:
    groups = [{"params": all_of[:3]}, {"params": all_of[3:], "readout": True}]
    given = {"lr": LR, "matrix_lr": MATRIX_LR, "momentum": 0.8, "weight_decay": DECAY, **options}
    return Muon(groups, **given)


def set_drawn(step: int, *lists: list[nn.Parameter]) -> None:
    rng = torch.Generator().manual_seed(step)
    for equal in zip(*lists, strict=True):
        gradient = torch.randn(equal[0].shape, generator=rng)
        for each in equal:
            each.grad = gradient.clone().view(each.shape).to(each.device)


def assert_equal(found: list[nn.Parameter], expected: list[nn.Parameter]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.detach(), other.detach().view(one.shape))


def test_it_takes_the_steps_of_torch_s_optimisers():
    mine, theirs, before = weights(), weights(), weights()
    flat = [nn.Parameter(theirs[0].detach().flatten(1)), theirs[1]]
    muon = torch.optim.Muon(flat, lr=LR * MATRIX_LR, momentum=0.8, weight_decay=DECAY)
    adamw = torch.optim.AdamW(theirs[2:], lr=LR, weight_decay=DECAY, fused=True)
    optimizer = muon_of(mine)
    for step in range(5):
        set_drawn(step, mine, theirs)
        flat[0].grad = theirs[0].grad.flatten(1)
        for each in (optimizer, muon, adamw):
            each.step()
        assert_equal(mine, [*flat, *theirs[2:]])
    assert not any(map(torch.equal, mine, before))


def test_each_group_has_its_own_rate_and_decay_and_a_schedule_changes_them():
    mine, theirs = weights(), weights()
    optimizer = muon_of(mine)
    optimizer.param_groups[1].update(lr=0.5, weight_decay=0.0)
    adamw = torch.optim.AdamW(theirs[3:], lr=0.5, weight_decay=0.0, fused=True)
    set_drawn(0, mine, theirs)
    optimizer.step()
    adamw.step()
    assert_equal(mine[3:], theirs[3:])


def test_its_state_survives_saving():
    through, resumed = weights(), weights()
    optimizer, first = muon_of(through), muon_of(resumed)
    for step in range(3):
        set_drawn(step, through, resumed)
        optimizer.step()
        first.step()
    state = first.state_dict()
    assert len(state["state"]) == 4
    second = muon_of(resumed, lr=1.0)
    second.load_state_dict(state)
    for step in range(3, 6):
        set_drawn(step, through, resumed)
        optimizer.step()
        second.step()
    assert_equal(resumed, through)


def test_a_copy_trains_its_own_weights():
    mine, theirs = weights(), weights()
    optimizer = muon_of(mine)
    copied, copies = copy.deepcopy((optimizer, mine))
    for each, own in ((copied, copies), (muon_of(theirs), theirs)):
        set_drawn(0, own)
        each.step()
    assert_equal(copies, theirs)
    assert_equal(mine, weights())


def replaced(weight: torch.Tensor) -> torch.Tensor:
    """A copy in other memory, as `Module.to` makes."""
    return weight.clone()


def channels_last(weight: torch.Tensor) -> torch.Tensor:
    """Filters in another order of memory; other weights as they are."""
    layout = torch.channels_last if weight.dim() == 4 else torch.preserve_format
    return weight.clone(memory_format=layout)


@pytest.mark.parametrize("change", [replaced, channels_last])
def test_weights_in_other_memory_are_trained_as_before(change):
    mine, theirs = weights(), weights()
    optimizers = [muon_of(each) for each in (mine, theirs)]
    for step in range(3):
        for weight in mine:
            weight.data = change(weight.data)
        set_drawn(step, mine, theirs)
        for each in optimizers:
            each.step()
    assert_equal(mine, theirs)


def test_weights_without_gradients_stay():
    mine, before = weights(), weights()
    set_drawn(0, mine)
    mine[0].grad = mine[3].grad = None
    muon_of(mine).step()
    assert [torch.equal(*pair) for pair in zip(mine, before, strict=True)] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("options", [{"lr": -1.0}, {"momentum": 1.0}, {"matrix_lr": -0.1}])
def test_arguments_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="Muon expects lr, matrix_lr and weight_decay of 0 or"):
        muon_of(weights(), **options)


@pytest.fixture(scope="module")
def digits():
    return datasets.digits()[0].first(120)


def trained(data, out=None, **options) -> list[torch.Tensor]:
    network = cnn(data.shape, 6, 8, num_classes=10, pooled=(0,))
    optimizer = functools.partial(Muon, matrix_lr=3.0)
    trainer = Trainer(network, optimizer=optimizer, weight_decay=0.01, average=0.5)
    trainer.fit(data, epochs=3, batch_size=50, out=out, **options)
    return [each.detach().clone() for each in trainer.evaluated.state_dict().values()]


def test_an_interrupted_run_ends_as_an_uninterrupted_one(digits, tmp_path, monkeypatch):
    whole, original = trained(digits), Trainer.step

    def step(self, *batch):
        if self.steps == 5:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(Trainer, "step", step)
    with pytest.raises(KeyboardInterrupt):
        trained(digits, tmp_path / "run")
    monkeypatch.undo()
    resumed = trained(digits, tmp_path / "run", resume=True)
    assert all(map(torch.equal, resumed, whole))


def test_gradients_are_laid_out_as_their_weights():
    weight = nn.Parameter(torch.randn(4, 3, 3, 3))
    drawn = torch.randn(4, 3, 3, 3)
    gradient = drawn.contiguous(memory_format=torch.channels_last)
    set_gradients([weight, nn.Parameter(torch.ones(2))], [gradient, None])
    assert gradient.stride() != weight.stride() == weight.grad.stride()
    assert torch.equal(weight.grad, drawn)


def test_fused_steps_equal_others_for_channels_last_maps(digits):
    inputs, found = Whitening.of(digits), []  # whose maps are channels-last
    for fused in (True, False):
        network = cnn(digits.shape, 6, 8, num_classes=10, pooled=(0,), inputs=inputs)
        for layer in network.layers:  # of zeros, slopes of the filters would be 0
            nn.init.constant_(layer.goodness.weight[1:4], 0.1)
        optimizer = functools.partial(torch.optim.AdamW, fused=fused)
        trainer = Trainer(network, optimizer=optimizer, lr=0.01)
        for _ in range(3):
            trainer.step(digits.inputs, digits.labels)
        found.append([each.detach() for each in network.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
