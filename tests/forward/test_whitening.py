"""`Whitening`: responses to the measured patches are uncorrelated, with variance 1."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import forward_forward as ff
from forward_forward.data import Data
from forward_forward.forward import Whitening, cnn


def pictures(count: int = 300, channels: int = 3) -> Tensor:
    """Smooth pictures, whose neighbouring pixels and channels are correlated."""
    rng = torch.Generator().manual_seed(0)
    drawn = torch.rand(count, channels, 10, 10, generator=rng)
    return functional.avg_pool2d(drawn, 3, 1) + drawn[:, :1, 1:-1, 1:-1]


def responses(whitening: Whitening, x: Tensor) -> Tensor:
    """Responses before GELU of whole patches [patches, filters]."""
    x = (x - whitening.mean) / whitening.deviation
    return functional.conv2d(x, whitening.filters).movedim(1, -1).flatten(0, 2).double()


@pytest.mark.parametrize(("channels", "components"), [(3, 27), (3, 8), (1, 9)])
def test_responses_are_uncorrelated_with_variance_1(channels, components):
    x = pictures(channels=channels)
    whitening = Whitening(channels, components, eps=0.0)
    whitening.measure(list(x.split(70)))
    found = responses(whitening, x)[:, :components]
    second_moments = found.t() @ found / len(found)
    torch.testing.assert_close(second_moments, torch.eye(components).double(), atol=2e-3, rtol=0)
    patches = functional.unfold((x - whitening.mean) / whitening.deviation, 3)
    raw = torch.corrcoef(patches.movedim(1, 2).flatten(0, 1).t())
    assert (raw - torch.eye(len(raw))).abs().max() > 0.2  # there was something to remove


def test_eps_damps_the_weakest_components():
    x = pictures()
    plain, damped = Whitening(3, 27, eps=0.0), Whitening(3, 27, eps=0.1)
    for each in (plain, damped):
        each.measure([x])
    ratio = damped.filters[:27].flatten(1).norm(dim=1) / plain.filters[:27].flatten(1).norm(dim=1)
    assert ratio[0] > 0.95
    assert (ratio.diff() < 1e-6).all()
    assert ratio[-1] < 0.8


def test_every_filter_occurs_with_both_signs_and_passes_gelu():
    x = pictures()
    whitening = Whitening(3, 5)
    whitening.measure([x])
    assert torch.equal(whitening.filters[:5], -whitening.filters[5:])
    inner = whitening(x)[:, :, 1:-1, 1:-1].movedim(1, -1).flatten(0, 2)
    expected = functional.gelu(responses(whitening, x)).float()
    torch.testing.assert_close(inner, expected, atol=1e-4, rtol=1e-4)
    assert whitening(x).shape == (300, 10, 8, 8)
    assert whitening(x).is_contiguous(memory_format=torch.channels_last)


def test_it_is_deterministic_and_has_nothing_to_train():
    data = Data(pictures(), torch.arange(300) % 2, ("a", "b"))
    first = Whitening.of(data, seed=3)
    torch.manual_seed(99)
    again = Whitening.of(data, seed=3)
    assert torch.equal(first.filters, again.filters)
    assert first.filters.any()
    assert not list(first.parameters())


def test_grey_pictures_without_an_axis_of_channels():
    x = pictures(channels=1)
    labels = torch.arange(300) % 2
    with_axis = Whitening.of(Data(x, labels, ("a", "b")))
    without = Whitening.of(Data(x[:, 0], labels, ("a", "b")))
    assert with_axis.components == 9  # the numbers in a patch
    assert torch.equal(with_axis.filters, without.filters)
    assert torch.equal(without(x[:, 0]), with_axis(x))
    assert with_axis(x).is_contiguous(memory_format=torch.channels_last)


def test_a_channel_that_never_changes_stays_finite():
    x = pictures()
    x[:, 1] = 0.25
    whitening = Whitening(3, 27)
    whitening.measure([x])
    assert whitening(x).isfinite().all()


def test_other_shapes_are_refused():
    whitening = Whitening(3, 4)
    with pytest.raises(ValueError, match=r"pictures of 3 channels, got samples of \[1, 8, 8\]"):
        whitening(torch.rand(2, 1, 8, 8))
    with pytest.raises(ValueError, match=r"pictures of 3 channels, got samples of \[5\]"):
        whitening.measure([torch.rand(2, 5)])
    rows = Data(torch.rand(20, 5), torch.arange(20) % 2, ("a", "b"))
    with pytest.raises(ValueError, match=r"whitening expects pictures .*got samples of \[5\]"):
        Whitening.of(rows)
    with pytest.raises(ValueError, match="patches of 3 x 3, got pictures of 2 x 2"):
        Whitening(1, 4).measure([torch.rand(5, 2, 2)])
    for wrong in ({"components": 28}, {"components": 0}, {"kernel": 2}):
        with pytest.raises(ValueError, match="Whitening expects 1 to"):
            Whitening(3, **wrong)


def test_it_is_saved_with_a_run(tmp_path):
    data = Data(pictures(60), torch.arange(60) % 2, ("a", "b"))
    inputs = Whitening.of(data, components=4)
    network = cnn(data.shape, 6, num_classes=2, pooled=(), inputs=inputs)
    ff.Trainer(network).fit(data, epochs=1, batch_size=30, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    assert torch.equal(loaded.inputs.filters, inputs.filters)
    assert torch.equal(loaded.inputs.mean, inputs.mean)
    assert torch.equal(loaded.predict(data.inputs), network.eval().predict(data.inputs))
