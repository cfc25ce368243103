"""Views of pictures: labels are predicted by their weighted mean, in memory and from files."""

import functools

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward import predict, recipes
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, HybridImages, OverlayLabel
from forward_forward.forward import Mirrored, MirroredShifts, SoftmaxHead, cnn
from forward_forward.forward.description import build, describe

CLASSES = 3
VIEWS = [Mirrored(), MirroredShifts(), MirroredShifts(pixels=2)]
PICTURES = [(6, 6), (2, 6, 7)]


def pictures(shape=(2, 6, 6), count=12):
    return torch.rand(count, *shape, dtype=torch.float64)


def network(shape=(2, 6, 6), views=None, **options):
    net = cnn(shape, 5, 4, num_classes=CLASSES, pooled=(), views=views, **options).double()
    for layer in net.layers:  # those of an untrained network are 0
        nn.init.normal_(layer.goodness.weight)
    return net


def by_hand(views, x):
    """The same views from indices, where a negative one and one too large are mirrored."""
    if isinstance(views, Mirrored):
        return [(x, 0.5), (x.flip(-1), 0.5)]
    height, width = x.shape[-2:]

    def moved(by):
        rows, columns = (
            [abs(at) if at < size else 2 * (size - 1) - at for at in range(by, size + by)]
            for size in (height, width)
        )
        return x[..., rows, :][..., columns]

    found = [(x, 1 / 4), (moved(views.pixels), 1 / 8), (moved(-views.pixels), 1 / 8)]
    return [*found, *((each.flip(-1), weight) for each, weight in found)]


@pytest.mark.parametrize("shape", PICTURES, ids=str)
@pytest.mark.parametrize("views", VIEWS, ids=repr)
def test_goodness_is_the_weighted_mean_over_the_views(views, shape):
    x = pictures(shape)
    plain, with_views = network(shape), network(shape, views)
    with_views.load_state_dict(plain.state_dict())
    mean = sum(weight * plain.goodness_by_layer(each) for each, weight in by_hand(views, x))
    assert not torch.allclose(mean, plain.goodness_by_layer(x), atol=1e-4)
    torch.testing.assert_close(with_views.goodness_by_layer(x), mean, atol=1e-12, rtol=0)
    torch.testing.assert_close(with_views.goodness(x), mean.sum(0), atol=1e-12, rtol=0)
    assert torch.equal(with_views.predict(x), mean.sum(0).argmax(1))
    assert sum(weight for _, weight in views(x)) == 1


def test_a_label_is_laid_over_the_view_and_not_mirrored_with_it():
    net = ff.mlp(36, 8, num_classes=CLASSES, examples=OverlayLabel(CLASSES)).double()
    x = pictures((6, 6))
    both = net.goodness(x) + net.goodness(x.flip(-1))
    net.views = Mirrored()
    torch.testing.assert_close(net.goodness(x), both / 2, atol=1e-12, rtol=0)


def test_logits_of_a_head_are_averaged_too():
    layer = ff.Layer(nn.Conv2d(1, 2, 3), threshold="width")
    head = SoftmaxHead([32], CLASSES, skip=0)
    net = ff.Network(layer, examples=HybridImages(CLASSES), head=head)
    nn.init.normal_(net.head.weights[0])
    net, x = net.double(), pictures((1, 6, 6))
    both = net.scores(x, "head") + net.scores(x.flip(-1), "head")
    net.views = Mirrored()
    torch.testing.assert_close(net.scores(x, "head"), both / 2, atol=1e-12, rtol=0)


def test_views_are_part_of_a_description_and_networks_without_them_have_none():
    assert "views" not in describe(network())
    about = describe(network(views=MirroredShifts(2)))
    assert about["views"] == "MirroredShifts(pixels=2)"
    assert build(about).views == MirroredShifts(2)


def test_a_picture_of_another_kind_is_refused():
    net = ff.mlp(36, 5, num_classes=CLASSES, examples=AppendLabel(CLASSES))
    net.views = Mirrored()
    with pytest.raises(ValueError, match=r"views expect pictures .* got samples of \[33\]"):
        net.predict(torch.rand(2, 33))
    with pytest.raises(ValueError, match="below both sides, got 6 and pictures of 6 x 7"):
        list(MirroredShifts(6)(pictures((6, 7))))
    for pixels in (0, 1.5, True):
        with pytest.raises(ValueError, match="MirroredShifts expects pixels of 1 or more"):
            MirroredShifts(pixels)


def test_two_stages_do_not_support_views():
    net = ff.mlp(36, 5, num_classes=CLASSES)
    net.views = Mirrored()
    with pytest.raises(ValueError, match=r"this network has views, .* use network\.predict"):
        predict.two_stage(net, torch.rand(9, 6, 6), agreement=1)


@pytest.mark.parametrize("average", [None, 0.5])
def test_training_and_validation_use_the_pictures_alone(average):
    seen = []

    def views(x):
        seen.append(len(x))
        return Mirrored()(x)

    labels = torch.arange(12) % CLASSES
    data = Data(pictures((1, 6, 6)).float(), labels, ("a", "b", "c"))

    def trained(views):
        net = cnn((1, 6, 6), 4, num_classes=CLASSES, pooled=(), views=views)
        trainer = ff.Trainer(net, lr=1e-2, average=average)
        return net, trainer.fit(data, epochs=2, validation=data).history

    plain, other = trained(None), trained(views)
    assert seen == []
    assert [row["validation_error"] for row in plain[1]] == [
        row["validation_error"] for row in other[1]
    ]
    weights = plain[0].parameters(), other[0].parameters()
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    predict.evaluate(other[0], data)
    assert seen == [12]


def test_an_exported_scan_averages_over_the_views():
    net = network(views=MirroredShifts()).float()
    x = pictures().float()
    goodness, label = ff.export.Scan(net)(x)
    torch.testing.assert_close(goodness, net.goodness(x))
    assert torch.equal(label, net.predict(x))


@pytest.mark.parametrize(
    ("setting", "views"),
    [("none", None), ("mirrored", Mirrored()), ("shifts", MirroredShifts())],
)
def test_local_airbench_has_views_and_its_runs_predict_with_them(setting, views, tmp_path):
    labels = torch.arange(40) % CLASSES
    data = Data(torch.rand(40, 3, 8, 8), labels, ("a", "b", "c"))
    recipe = functools.partial(recipes.local_airbench.per_convolution, channels=(4, 4), epochs=1)
    plan = recipe(data, views=setting)
    plan.trainer.fit(data, epochs=1, validation=data, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    assert loaded.views == plan.trainer.network.views == views
    expected = plan.trainer.network.eval().goodness_by_layer(data.inputs)
    assert torch.equal(loaded.goodness_by_layer(data.inputs), expected)
    if setting == "shifts":
        assert recipe(data).trainer.network.views == views


def test_local_airbench_refuses_views_of_another_name():
    data = Data(torch.rand(6, 3, 8, 8), torch.arange(6) % CLASSES, ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"views expects .*, got 'six'"):
        recipes.local_airbench.per_convolution(data, channels=(4, 4), views="six")


def test_views_of_your_own_are_called_but_never_run_by_a_name():
    net = network(views=lambda x: [(x.flip(-2), 1.0)])
    x = pictures()
    assert torch.equal(net.goodness(x), _without(net, x.flip(-2)))
    with pytest.raises(ValueError, match="code of your own"):
        build(describe(net))


def _without(net, x):
    net.views, views = None, net.views
    found = net.goodness(x)
    net.views = views
    return found
