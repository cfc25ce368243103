"""A layer's optimiser: its groups, and a step past torch's Python that is torch's, bit for bit."""

import copy
import functools

import pytest
import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from forward_forward.forward import Layer, mlp
from forward_forward.optimize import AveragedSGD, Trainer, optimizers
from forward_forward.optimize.optimizers import optimizer_of, stepper

ADAMS = [
    torch.optim.AdamW,
    torch.optim.Adam,
    functools.partial(torch.optim.AdamW, betas=(0.8, 0.95), eps=1e-5),
    functools.partial(torch.optim.Adam, betas=(0.7, 0.9), eps=1e-3),
]
OTHERS = [
    torch.optim.SGD,
    functools.partial(torch.optim.SGD, momentum=0.9),
    AveragedSGD,
    torch.optim.RMSprop,
    torch.optim.NAdam,
    functools.partial(torch.optim.AdamW, amsgrad=True),
    functools.partial(torch.optim.AdamW, maximize=True),
    functools.partial(torch.optim.Adam, fused=False, foreach=False),
    functools.partial(torch.optim.AdamW, fused=False, foreach=True),
]


class Subclassed(torch.optim.AdamW):
    """An optimiser of one's own: its step must not be passed over."""

    def step(self, closure=None):
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data.mul_(0.5)
        return super().step(closure)


def layer() -> Layer:
    linear = nn.Linear(5, 4)
    rng = torch.Generator().manual_seed(0)
    for weight in linear.parameters():
        nn.init.normal_(weight, generator=rng)
    return Layer(linear)


class Pair:
    """Two equal layers: one takes torch's own steps, the other those of `stepper`."""

    def __init__(self, make, weight_decay: float | None = None) -> None:
        self.layers = layer(), layer()
        self.by_torch, self.mine = (
            optimizer_of(each, make, 0.05, weight_decay) for each in self.layers
        )
        self.step = stepper(self.mine)
        self.rng = torch.Generator().manual_seed(1)

    def steps(self, count: int = 3) -> None:
        for _ in range(count):
            for mine, other in zip(*(each.parameters() for each in self.layers), strict=True):
                mine.grad = torch.randn(mine.shape, generator=self.rng)
                other.grad = mine.grad.clone()
            self.by_torch.step()
            self.step()
            self.check()

    def check(self) -> None:
        for mine, other in zip(*(each.parameters() for each in self.layers), strict=True):
            assert torch.equal(mine, other)
            theirs, ours = self.by_torch.state[mine], self.mine.state[other]
            assert theirs.keys() == ours.keys()
            assert all(map(same, theirs.values(), ours.values()))


def same(first: object, second: object) -> bool:
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


def refuse(*_: object) -> None:
    raise AssertionError("the slow step was taken")


def direct(pair: Pair) -> bool:
    """Whether the steps after the first go past ``optimizer.step``."""
    return isinstance(pair.step, functools.partial)


def named(make) -> str:
    return str(getattr(make, "__name__", "")) or f"{make.func.__name__} {make.keywords}"


@pytest.mark.parametrize("weight_decay", [None, 0.0, 0.1], ids=["own decay", "none", "0.1"])
@pytest.mark.parametrize("make", [*ADAMS, Subclassed], ids=named)
def test_steps_are_torchs_bit_for_bit(make, weight_decay):
    pair = Pair(make, weight_decay)
    pair.steps()
    before = copy.deepcopy(pair.layers[0].state_dict())
    for optimizer in (pair.by_torch, pair.mine):
        for group in optimizer.param_groups:
            group["lr"] *= 0.3
    pair.steps()
    for name, old in before.items():
        if name.startswith("block"):
            assert not torch.equal(old, pair.layers[0].state_dict()[name])


@pytest.mark.parametrize("make", OTHERS, ids=named)
def test_other_optimisers_take_their_own_steps(make):
    pair = Pair(make, 0.1)
    assert not direct(pair)
    pair.steps()


def test_amsgrad_falls_back_and_keeps_its_maximum():
    pair = Pair(functools.partial(torch.optim.AdamW, amsgrad=True))
    assert not direct(pair)
    pair.steps()
    assert all("max_exp_avg_sq" in memory for memory in pair.mine.state.values())


def test_a_learning_rate_that_is_a_tensor_falls_back():
    weights = [nn.Parameter(torch.ones(3))]
    optimizer = torch.optim.AdamW(weights, lr=torch.tensor(0.1), fused=True)
    assert stepper(optimizer) == optimizer.step


@pytest.mark.parametrize("make", ADAMS, ids=named)
def test_only_the_first_step_goes_through_torch(make, monkeypatch):
    pair = Pair(make)
    assert direct(pair)
    pair.steps(1)
    monkeypatch.setattr(pair.mine, "step", refuse, raising=False)
    pair.steps(2)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("make", ADAMS[:2], ids=named)
def test_a_state_that_was_loaded_is_stepped_from(make, weight_decay):
    pair = Pair(make, weight_decay)
    pair.steps(4)
    late = Pair(make, weight_decay)
    for mine, other in zip(late.layers, pair.layers, strict=True):
        mine.load_state_dict(other.state_dict())
    late.by_torch.load_state_dict(copy.deepcopy(pair.by_torch.state_dict()))
    late.mine.load_state_dict(copy.deepcopy(pair.mine.state_dict()))
    late.rng.set_state(pair.rng.get_state())
    late.steps(2)
    pair.steps(2)
    for mine, other in zip(late.layers[1].parameters(), pair.layers[1].parameters(), strict=True):
        assert torch.equal(mine, other)
    # And one loaded into an optimiser that has already stepped.
    for optimizer in (pair.by_torch, pair.mine):
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    pair.steps(2)


@pytest.mark.parametrize("make", [*ADAMS[:2], torch.optim.SGD, AveragedSGD], ids=named)
@pytest.mark.parametrize("late", [False, True])
def test_step_hooks_fire(make, late):
    fired: list[str] = []
    pair = Pair(make)
    if late:
        pair.steps(2)
    before = pair.mine.register_step_pre_hook(lambda *_: fired.append("before"))
    after = pair.mine.register_step_post_hook(lambda *_: fired.append("after"))
    pair.steps(3)
    assert fired == ["before", "after"] * 3
    before.remove()
    pair.steps(1)
    assert fired == ["before", "after"] * 3 + ["after"]
    after.remove()
    pair.steps(1)
    assert len(fired) == 7


@pytest.mark.parametrize(
    "register",
    [
        register_optimizer_step_pre_hook,
        register_optimizer_step_post_hook,
    ],
    ids=["before", "after"],
)
def test_hooks_of_all_optimisers_fire(register):
    pair = Pair(torch.optim.AdamW)
    pair.steps(2)
    fired: list[torch.optim.Optimizer] = []
    handle = register(lambda optimizer, *_: fired.append(optimizer))
    try:
        pair.step()
    finally:
        handle.remove()
    assert fired == [pair.mine]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1], ids=["one group", "two groups"])
def test_weights_without_a_gradient_stand_still(weight_decay):
    pair = Pair(torch.optim.AdamW, weight_decay)
    for each, optimizer in zip(pair.layers, (pair.by_torch.step, pair.step), strict=True):
        for _ in range(3):
            each.block.weight.grad = torch.ones(4, 5)
            each.block.bias.grad = None
            optimizer()
    assert torch.equal(pair.layers[0].block.weight, pair.layers[1].block.weight)
    assert torch.equal(pair.layers[1].block.bias, layer().block.bias)


def test_no_decay_merges_the_groups_and_any_other_keeps_biases_undecayed():
    linear = layer()
    weight, bias = linear.block.parameters()
    (merged,) = optimizer_of(linear, torch.optim.AdamW, 0.1, 0.0).param_groups
    assert [id(each) for each in merged["params"]] == [id(weight), id(bias)]
    assert merged["weight_decay"] == 0
    for decay, expected in ((0.3, 0.3), (None, 1e-2)):
        decayed, kept = optimizer_of(linear, torch.optim.AdamW, 0.1, decay).param_groups
        assert [id(each) for each in decayed["params"]] == [id(weight)]
        assert [id(each) for each in kept["params"]] == [id(bias)]
        assert (decayed["weight_decay"], kept["weight_decay"]) == (expected, 0)
        assert decayed["initial_lr"] == kept["initial_lr"] == 0.1


def test_one_group_steps_as_two_without_decay():
    first, second = layer(), layer()
    one = optimizer_of(first, torch.optim.AdamW, 0.05, 0.0)
    groups = [{"params": [each], "weight_decay": 0.0} for each in second.block.parameters()]
    two = torch.optim.AdamW(groups, lr=0.05, fused=True)
    rng = torch.Generator().manual_seed(2)
    for _ in range(3):
        for mine, other in zip(first.parameters(), second.parameters(), strict=True):
            mine.grad = torch.randn(mine.shape, generator=rng)
            other.grad = mine.grad.clone()
        stepper(one)()
        two.step()
    assert all(map(torch.equal, first.parameters(), second.parameters()))


@pytest.mark.parametrize("make", [torch.optim.AdamW, torch.optim.SGD, AveragedSGD])
def test_weights_that_lie_column_by_column_learn_as_others_do_and_stay_where_they_are(make):
    ended = []
    for transposed in (False, True):
        network = mlp(6, 5, 5, num_classes=3, seed=1).double()
        linear = network.layers[1].linear
        if transposed:
            linear.weight = nn.Parameter(linear.weight.detach().t().contiguous().t())
        memory, strides = linear.weight.data_ptr(), linear.weight.stride()
        rng = torch.Generator().manual_seed(2)
        x, y = torch.rand(12, 6, generator=rng, dtype=torch.float64), torch.arange(12) % 3
        network.calibrate(x, y)
        trainer = Trainer(network, optimizer=make, lr=0.01)
        for _ in range(4):
            trainer.step(x, y)
        assert (linear.weight.data_ptr(), linear.weight.stride()) == (memory, strides)
        ended.append([weight.detach().clone() for weight in network.parameters()])
    for first, second in zip(*ended, strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=1e-12)


def test_fused_kernels_refuse_weights_that_lie_column_by_column():
    linear = nn.Linear(5, 4)
    linear.weight = nn.Parameter(linear.weight.detach().t().contiguous().t())
    make = functools.partial(torch.optim.AdamW, fused=True)
    with pytest.raises(ValueError, match="fused=True requires contiguous weights"):
        optimizer_of(Layer(linear), make, 0.1, None)


@pytest.mark.parametrize("missing", ["KERNELS", "HOOKS", "GLOBAL_HOOKS"])
@pytest.mark.parametrize("make", ADAMS[:2], ids=named)
def test_steps_are_torchs_where_torch_lacks_a_private_name(make, missing, monkeypatch):
    names = {True: "_moved_", False: "_moved_"} if missing == "KERNELS" else ("_moved",)
    monkeypatch.setattr(optimizers, missing, names)
    pair = Pair(make)
    pair.steps()
    taken = []
    real = pair.mine.step
    monkeypatch.setattr(pair.mine, "step", lambda: (taken.append(1), real()), raising=False)
    pair.step = stepper(pair.mine)
    pair.steps()
    assert len(taken) == 3
