"""Self-contrastive pairs, the loss of two thresholds and the triangle: against plain formulas."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward.examples import SelfContrast
from forward_forward.forward import Layer, Triangle
from forward_forward.losses import TwoThresholds


def seeded():
    return torch.Generator().manual_seed(0)


def test_positives_are_a_sample_twice_and_negatives_two_samples():
    x = 3 ** torch.arange(5.0)[:, None]
    pairs = SelfContrast(2)
    positive = pairs.positive(x, None)
    assert torch.equal(positive.dense()[0], 2 * x)
    assert torch.equal(pairs.neutral(positive).rest, 2 * x)
    from_inputs = pairs.negative(positive, None, seeded()).rest
    assert torch.equal(from_inputs, pairs.negative(x, None, seeded()).rest)
    others = (from_inputs - x).flatten().tolist()
    assert sorted(others) == x.flatten().tolist()
    assert all(other != own for other, own in zip(others, x.flatten().tolist(), strict=True))
    with pytest.raises(ValueError, match="SelfContrast expects at least two samples"):
        pairs.negative(x[:1], None, seeded())


def test_each_draw_has_its_own_shift_of_the_batch():
    x = torch.arange(7.0)[:, None]
    rng = seeded()
    shifts = {int(SelfContrast(2).negative(x, None, rng).rest[0] - x[0]) for _ in range(100)}
    assert shifts == set(range(1, 7))


def test_the_loss_is_the_sum_of_two_softplus_terms():
    margins = torch.linspace(-6, 9, 8, dtype=torch.float64)
    pos, neg = margins.clone().requires_grad_(), margins.flip(0)[None].clone().requires_grad_()
    loss = TwoThresholds(4.0, 6.0)
    wanted = functional.softplus(4.0 - pos) + functional.softplus(neg[0] - 6.0)
    torch.testing.assert_close(loss(pos, neg), wanted)
    slopes = torch.autograd.grad(wanted.sum(), (pos, neg))
    torch.testing.assert_close(loss.slope(pos.detach(), neg.detach()), slopes)


def test_the_triangle_subtracts_the_mean_over_the_channels_at_each_position():
    rows, maps = torch.rand(4, 6, generator=seeded()), torch.rand(2, 3, 4, 5, generator=seeded())
    wanted = torch.stack([(row - row.mean()).clamp(min=0) for row in rows])
    torch.testing.assert_close(Triangle()(rows), wanted)
    found = Triangle()(maps)
    torch.testing.assert_close(found[1, :, 2, 3], (maps - maps.mean(1, True)).relu()[1, :, 2, 3])


def network(engine="closed_form"):
    layer = functools.partial(
        Layer, activation=Triangle, loss=TwoThresholds(0.1, 0.3), threshold=0.0
    )
    net = ff.mlp(6, 8, 7, num_classes=3, examples=SelfContrast(3), layer=layer, head=True).double()
    trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, engine=engine)
    x = torch.rand(12, 6, generator=seeded(), dtype=torch.float64)
    for _ in range(3):
        trainer.step(x, torch.arange(12) % 3)
    return net


def test_steps_in_closed_form_are_those_of_autograd():
    found, wanted = network().state_dict(), network("autograd").state_dict()
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_last_batch_of_one_is_refused():
    data = ff.data.Data(torch.rand(9, 6), torch.arange(9) % 3, ("a", "b", "c"))
    with pytest.raises(ValueError, match="a negative is made of two samples"):
        ff.Trainer(network().float()).fit(data, epochs=1, batch_size=4)


def test_a_run_of_convolutions_is_saved_and_loaded(tmp_path):
    train, test = ff.datasets.digits()
    options = {"activation": Triangle, "loss": TwoThresholds(0.1, 0.3), "threshold": 0.0}
    net = ff.Network(
        Layer(nn.Conv2d(1, 8, 3, padding=1), **options),
        Layer(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 12, 3)), **options),
        examples=SelfContrast(10),
        head=ff.forward.SoftmaxHead((512, 48), 10, skip=0),
    )
    ff.Trainer(net, lr=1e-3).fit(train, epochs=1, batch_size=100, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    x = next(test.batches(50)).x
    assert torch.equal(loaded.predict(x), net.predict(x))
