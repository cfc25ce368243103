"""Negatives that are another image with this label: the draw, the shared product, the gradients."""

import functools

import pytest
import torch
from tests.optimize.greedy import check_near, fit, network, steps_from_cache, uncached

import forward_forward as ff
from forward_forward.examples import AppendLabel, FromFirstLayer, OverlayLabel, Uniform, stack
from forward_forward.examples.negatives import mixed_with_others
from forward_forward.forward import Layer, MeanSquareOne
from forward_forward.optimize.batch_shard import BatchShard

CLASSES = 3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def samples(count=10, features=6):
    return torch.rand(count, features, generator=seeded(), dtype=torch.float64), (
        torch.arange(count) ** 2 % CLASSES
    )


@pytest.mark.parametrize("place", [AppendLabel, OverlayLabel])
def test_a_negative_has_this_label_and_an_image_of_another_class(place):
    examples = place(CLASSES, negatives=Uniform(4), other_images=1.0)
    x, y = samples()
    positive = examples.positive(x, y)
    negative = examples.negative(positive, y, seeded())
    assert (negative.index == y).all()
    assert (y[negative.rows] != y).all()
    dense = negative.dense()
    for variant, rows in zip(dense, negative.rows, strict=True):
        wanted = examples.positive(x[rows], y).dense()[0]
        torch.testing.assert_close(variant, wanted)


def test_images_of_other_classes_are_equally_likely():
    y = torch.tensor([2, 0, 2, 1, 0, 2])
    wrong = ((y + 1) % CLASSES).expand(6000, 6)
    labels, rows = mixed_with_others(y, wrong, 0.5, seeded())
    chosen = labels == y
    assert float(chosen.float().mean()) == pytest.approx(0.5, abs=0.02)
    own = torch.arange(6).expand_as(rows)
    assert torch.equal(rows[~chosen], own[~chosen])
    assert torch.equal(labels[~chosen], wrong[~chosen])
    for sample in range(6):
        others = rows[:, sample][chosen[:, sample]]
        fractions = others.bincount(minlength=6) / len(others)
        allowed = (y != y[sample]).double()
        torch.testing.assert_close(fractions.double(), allowed / allowed.sum(), atol=0.04, rtol=0.0)


def test_without_another_class_in_the_batch_the_label_is_wrong():
    y = torch.ones(5, dtype=torch.int64)
    examples = AppendLabel(CLASSES, other_images=1.0)
    negative = examples.negative(samples(5)[0], y, seeded())
    assert (negative.index != 1).all()
    assert torch.equal(negative.rows, torch.arange(5)[None])


def written_out(examples):
    """The same examples without a shared rest, so that every row has a product of its own."""

    class Dense(type(examples)):
        def negative(self, x, y, rng, scores=None):
            found = super().negative(x, y, rng, scores)
            return ff.examples.Inputs(found.rest.clone(), found.patterns, found.index,
                                      found.start, found.rows)  # fmt: skip

    return Dense(examples.num_classes, examples.strength, examples.negatives, examples.other_images)


@pytest.mark.parametrize("settings", [{}, {"skip": 0.5}, {"precision": "float32"}], ids=repr)
@pytest.mark.parametrize("normalize", [MeanSquareOne(), None], ids=repr)
@pytest.mark.parametrize("place", [AppendLabel, OverlayLabel])
def test_the_shared_product_gives_the_gradients_of_written_out_rows(place, normalize, settings):
    def trained(change=lambda examples: examples, **more):
        examples = place(CLASSES, 2.0, FromFirstLayer(0.1), 0.5)
        layer = functools.partial(Layer, normalize=normalize)
        net = ff.mlp(6, 8, 7, num_classes=CLASSES, examples=change(examples), layer=layer).double()
        trainer = ff.Trainer(net, optimizer=torch.optim.SGD, lr=0.1, **settings, **more)
        for _ in range(3):
            figures = trainer.step(*samples(20))
        return [each.detach() for each in net.parameters()], figures

    found = trained()
    check_near(found, trained(written_out))
    if not settings.get("skip"):
        check_near(found, trained(engine="autograd"))


def test_a_shard_shows_its_samples_images_of_the_whole_batch():
    examples = AppendLabel(CLASSES, other_images=1.0)
    x, y = samples()
    both = stack(examples.positive(x, y), examples.negative(x, y, seeded()))
    positive = examples.positive(x, y)
    both = stack(positive, examples.negative(positive, y, seeded()))
    shard = BatchShard(1, 2)
    part = shard.of(both, len(y))
    assert torch.equal(part.dense(), both.dense()[:, shard.rows(len(y))])


def test_the_cache_of_the_greedy_order_changes_nothing(monkeypatch):
    def made():
        net = network(FromFirstLayer(0.1))
        net.examples = AppendLabel(CLASSES, negatives=FromFirstLayer(0.1), other_images=0.5)
        return net

    counted = steps_from_cache(monkeypatch)
    found, rows = fit(made())
    assert counted
    uncached(monkeypatch)
    expected, expected_rows = fit(made())
    check_near(found, expected)
    check_near(rows, expected_rows)


def test_fractions_out_of_range_and_recurrent_networks_are_refused():
    with pytest.raises(ValueError, match=r"other_images from 0 to 1, got 1\.5"):
        AppendLabel(CLASSES, other_images=1.5)
    with pytest.raises(ValueError, match="leave other_images=0"):
        ff.recurrent.RecurrentNetwork(
            6, 8, num_classes=CLASSES, examples=AppendLabel(CLASSES, other_images=0.5)
        )
