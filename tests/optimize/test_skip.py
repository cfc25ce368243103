"""Samples of shallow slope left out of the gradients' products: what remains is what it was."""

import pytest
import torch
from torch import nn

from forward_forward.examples import AppendLabel, FromFirstLayer, Uniform, stack
from forward_forward.forward import Layer, mlp
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.operands import operand_of
from forward_forward.optimize import Trainer

CLASSES = 3
X = torch.rand(10, 6, generator=torch.Generator().manual_seed(0)).double()
Y = torch.arange(10) % CLASSES
KEPT = torch.tensor([0, 3, 4, 9])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_the_gradients_are_those_of_the_kept_samples_alone(bias, shared, scaled):
    examples = AppendLabel(CLASSES, negatives=Uniform(count=2))
    positive = examples.positive(X, Y)
    source = stack(positive, examples.negative(positive, Y, torch.Generator()))
    if not shared:
        source = Activities(source.dense().flatten(0, 1))
    affine = Affine(Layer(nn.Linear(9, 4, bias=bias)).double(), torch.float64)
    operand = operand_of(affine, source)
    delta = torch.rand(30, 4, generator=torch.Generator().manual_seed(1)).double()
    scale = torch.rand(30, generator=torch.Generator().manual_seed(2)).double() if scaled else None
    mask = torch.zeros(10, dtype=torch.float64).index_fill(0, KEPT, 1).repeat(3)
    expected = operand.gradients(delta * mask[:, None], scale)
    few = operand.gradients(delta, scale, KEPT, 10)
    torch.testing.assert_close(few, expected, rtol=0, atol=1e-12)


def trained(skip: float, weight: torch.Tensor | None = None) -> list[torch.Tensor]:
    examples = AppendLabel(CLASSES, negatives=FromFirstLayer())
    net = mlp(6, 7, 5, num_classes=CLASSES, examples=examples).double()
    trainer = Trainer(net, optimizer=torch.optim.SGD, lr=0.5, skip=skip)
    for _ in range(4):
        trainer.step(X, Y, weight)
    return [each.detach() for each in net.parameters()]


def test_a_share_too_small_to_leave_out_anything_changes_nothing():
    for mine, full in zip(trained(1e-12), trained(0.0), strict=True):
        torch.testing.assert_close(mine, full, rtol=0, atol=1e-9)


def test_a_large_share_leaves_out_some():
    assert not torch.allclose(trained(0.9)[0], trained(0.0)[0])


def test_samples_without_weight_are_left_out_without_loss():
    weight = torch.tensor([1.0, 0.0] * 5).double()
    for mine, full in zip(trained(1e-12, weight), trained(0.0, weight), strict=True):
        torch.testing.assert_close(mine, full, rtol=0, atol=1e-9)


def test_nothing_to_learn_is_no_error():
    assert all(each.isfinite().all() for each in trained(0.2, torch.zeros(10).double()))


@pytest.mark.parametrize(
    "settings", [{"skip": -0.1}, {"skip": 1.0}, {"skip": 0.2, "engine": "autograd"}]
)
def test_a_skip_that_cannot_be_is_refused(settings):
    with pytest.raises(ValueError, match="skip"):
        Trainer(mlp(6, 7, num_classes=CLASSES), **settings)
