"""What makes a step of convolutional layers cheaper leaves its results as they were."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from forward_forward.examples import AppendLabel, NoLabel
from forward_forward.forward import Layer
from forward_forward.forward.passes import read_by
from forward_forward.optimize.outcome import silent_fraction
from forward_forward.readouts.readout import averages

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def maps(*shape: int, layout: torch.memory_format = torch.contiguous_format) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64).contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("sides", [(8, 12), (4, 4), (16, 16), (6, 9)], ids=str)
def test_averages_and_their_slopes_are_those_of_torch(sides, layout):
    h = maps(3, 5, *sides, layout=layout).requires_grad_()
    upstream = maps(3, 5, 4, 4)
    found, expected = averages(h, 4), functional.adaptive_avg_pool2d(h, 4)
    torch.testing.assert_close(found, expected)
    (mine,), (theirs,) = (torch.autograd.grad(each, h, upstream) for each in (found, expected))
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(averages(h.detach(), 4), expected)
    if sides != (6, 9):
        assert mine.is_contiguous(memory_format=layout)


def test_averages_have_second_derivatives():
    h = maps(2, 3, 4, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: averages(h, 2), h)
    assert torch.autograd.gradgradcheck(lambda h: averages(h, 2), h)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_units_whose_activities_cancel_are_not_silent(layout):
    h = torch.zeros(4, 2, 2, 2).contiguous(memory_format=layout)
    h[0, 0, 0, 0], h[3, 0, 0, 0] = 1.5, -1.5  # a sum of 0
    h[1, 1, 1, 0] = float("nan")
    h[2, 1, 1, 1] = -0.0
    assert silent_fraction(h, positive=False) == 6 / 8
    assert silent_fraction(h.bfloat16(), positive=False) == 6 / 8
    assert silent_fraction(torch.zeros(4, 3), positive=False) == 1


@pytest.mark.parametrize("block", [nn.Conv2d(3, 4, 3), nn.Sequential(nn.Conv2d(3, 4, 3))], ids=str)
def test_a_convolution_reads_samples_where_they_are(block):
    x = torch.rand(2, 3, 5, 5)
    layer = Layer(block, normalize=None)
    assert read_by(layer, NoLabel(4).neutral(x)) is x


@pytest.mark.parametrize(
    "layer",
    [
        Layer(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3)), normalize=None),
        Layer(nn.Conv2d(3, 4, 3), normalize=lambda x: x.mul_(2)),
        Layer(nn.Sequential(nn.Flatten()), normalize=None),
    ],
    ids=["block", "norm", "other"],
)
def test_a_layer_that_may_work_in_place_reads_a_copy(layer):
    x = torch.rand(2, 3, 5, 5)
    read = read_by(layer, NoLabel(4).neutral(x))
    assert torch.equal(read, x)
    assert read.data_ptr() != x.data_ptr()


def test_samples_with_a_label_are_written_out():
    x = torch.rand(2, 5)
    layer = Layer(nn.Sequential(nn.Conv1d(1, 1, 1)), normalize=None)
    assert read_by(layer, AppendLabel(3).positive(x, torch.tensor([0, 2]))).shape == (2, 8)
