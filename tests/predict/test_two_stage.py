"""Two-stage prediction: a neutral pass ranks the labels, exact goodness decides the close calls."""

import copy
import functools
import math

import pytest
import torch
from torch import nn

from forward_forward import datasets
from forward_forward.examples import AppendLabel, HybridImages, OverlayLabel
from forward_forward.forward import Layer, Network, SoftmaxHead, mlp
from forward_forward.goodness import Minimised
from forward_forward.optimize import Trainer
from forward_forward.predict import TwoStage, two_stage
from forward_forward.predict.two_stage_prediction import Ranking


def samples(batch: int = 60, width: int = 12) -> torch.Tensor:
    return torch.rand(batch, width, generator=torch.Generator().manual_seed(0))


def of_blocks(place, classes: int) -> Network:
    width = place(classes).width(12)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = nn.Sequential(nn.Linear(width, 9), nn.Tanh(), nn.Linear(9, 8), nn.ReLU())
        second = nn.Sequential(nn.Unflatten(1, (2, 4)), nn.Conv1d(2, 3, 2), nn.GELU())
    layers = Layer(first, activation=None), Layer(second, activation=None)
    return Network(*layers, examples=place(classes))


def networks(place, classes: int) -> dict[str, Network]:
    options = {"num_classes": classes, "examples": place(classes)}
    return {
        "one layer": mlp(12, 9, **options),
        "two": mlp(12, 9, 8, **options),
        "four": mlp(12, 9, 8, 8, 7, **options),
        "the first is read": mlp(12, 9, 8, 7, readout=(0, 1), **options),
        "head": mlp(12, 9, 8, head=True, **options),
        "quiet": mlp(12, 9, 8, layer=functools.partial(Layer, goodness=Minimised()), **options),
        "no normalisation": mlp(
            12, 9, 8, layer=functools.partial(Layer, normalize=None), **options
        ),
        "blocks": of_blocks(place, classes),
    }


every_network = pytest.mark.parametrize(
    ("place", "classes", "name"),
    [
        (place, classes, name)
        for place in (AppendLabel, OverlayLabel)
        for classes in (2, 3, 10)
        for name in networks(place, classes)
    ],
)


@every_network
def test_with_an_infinite_margin_it_is_the_full_scan(place, classes, name):
    net, x = networks(place, classes)[name], samples()
    scan = net.goodness(x).argmax(1)
    exact = two_stage(net, x, agreement=1)
    assert exact.margin == math.inf
    assert torch.equal(exact.predict(x), scan)
    assert exact.report(x) == exact.expected == (1.0, 1.0, float(classes))
    one = [exact.predict(each[None]) for each in x[:5]]
    assert torch.equal(torch.cat(one), scan[:5])


@every_network
def test_the_samples_it_is_calibrated_on_are_kept_in_agreement(place, classes, name):
    net, x = networks(place, classes)[name], samples(200)
    stages = two_stage(net, x, agreement=0.9)
    assert 0 <= stages.margin < math.inf
    assert stages.expected.agreement >= 1 - 0.1 / 4
    # Each was ranked by a fit without it: the fit to all of them does no worse, but for chance.
    assert stages.agreement(x) >= 0.9


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.05, 0.1])
@pytest.mark.parametrize("name", ["two", "head", "blocks"])
def test_exact_goodness_decides_among_the_labels_within_the_margin(name, margin):
    net, x = networks(AppendLabel, 10)[name], samples()
    rng = torch.Generator().manual_seed(1)
    poor = Ranking(0, tuple(torch.randn(10, units, generator=rng) / 50 for units in units_of(net)))
    stages = TwoStage(net, poor, margin)
    scores, goodness = stages.scores(x), net.goodness(x)
    expected, counts = [], []
    for score, exact in zip(scores, goodness, strict=True):
        within = int((score >= score.max() - margin).sum())
        count = next(size for size in (1, 2, 4, 8, 10) if size >= within)
        best = score.argsort(descending=True)[:count]
        expected.append(int(best[exact[best].argmax()]))
        counts.append(count)
    assert stages.predict(x).tolist() == expected
    report = stages.report(x)
    agreeing = [a == b for a, b in zip(expected, goodness.argmax(1).tolist(), strict=True)]
    several = [count for count in counts if count > 1]
    assert report.agreement == pytest.approx(sum(agreeing) / 60)
    assert report.share == pytest.approx(len(several) / 60)
    assert report.candidates == pytest.approx(sum(several) / 60)
    assert report.agreement < 1
    assert (not several) == (margin == 0)


def units_of(net: Network) -> list[int]:
    return [h[0].numel() for h in net(net.examples.neutral(samples(1)))]


def test_a_ranking_is_a_product_with_the_normalised_neutral_activities():
    net, x = mlp(12, 9, 8, num_classes=3), samples()
    head = SoftmaxHead([9, 8], 3, skip=0)
    rng = torch.Generator().manual_seed(1)
    for weight in head.weights:
        weight.data.normal_(generator=rng)
    as_stages = TwoStage(net, Ranking(0, tuple(each.detach() for each in head.weights)), 0.0)
    net.head = head
    torch.testing.assert_close(as_stages.scores(x), net.scores(x, by="head").detach())
    assert torch.equal(as_stages.predict(x), net.predict(x, by="head"))


def test_without_close_calls_no_label_is_scanned(monkeypatch):
    net, x = mlp(12, 9, 8, num_classes=3), samples()
    stages = two_stage(net, x, agreement=0.9)
    ranked = TwoStage(net, stages.ranking, 0.0)
    monkeypatch.setattr(AppendLabel, "candidates", None)
    assert torch.equal(ranked.predict(x), ranked.scores(x).argmax(1))
    with pytest.raises(TypeError):
        TwoStage(net, stages.ranking, math.inf).predict(x)


def test_a_trained_network_agrees_on_samples_it_has_not_seen():
    train, test = datasets.digits()
    net = mlp(64, 80, 80, num_classes=10, readout=(1, 2))
    Trainer(net, lr=0.01).fit(train, epochs=8, batch_size=64)
    x, unseen = (next(iter(each.batches(len(each)))).x for each in (train, test))
    stages = two_stage(net, x, agreement=0.99)
    report = stages.report(unseen)
    assert report.agreement >= 0.99
    assert report.candidates < 1  # of 10
    ranked = TwoStage(net, stages.ranking, 0.0)
    assert 0.9 < ranked.agreement(unseen) < report.agreement
    wider = two_stage(net, x, agreement=0.998)
    assert wider.margin > stages.margin
    assert wider.expected.candidates > stages.expected.candidates


def test_scores_that_are_no_numbers_leave_it_to_the_scan():
    net, x = mlp(12, 9, 8, num_classes=10), samples()
    scan = net.predict(x)
    assert len(scan.unique()) > 1
    broken = Ranking(0, (torch.full((10, 9), math.nan), torch.zeros(10, 8)))
    assert torch.equal(TwoStage(net, broken, 0.0).predict(x), scan)


def test_of_labels_with_one_goodness_the_first_is_taken_as_by_the_scan():
    net, x = mlp(12, 9, num_classes=10), samples()
    with torch.no_grad():
        net.layers[0].block.weight[:, 13:] = net.layers[0].block.weight[:, 12:13]  # all but one
        net.layers[0].block.weight[:, 12] = 0
    scan = net.goodness(x).argmax(1)
    assert set(scan.tolist()) <= {0, 1}
    rng = torch.Generator().manual_seed(1)
    poor = Ranking(0, (torch.randn(10, 9, generator=rng),))
    assert torch.equal(TwoStage(net, poor, math.inf).predict(x), scan)


def test_the_margin_is_found_on_samples_that_the_fit_has_not_seen():
    net, x = mlp(12, 9, num_classes=10), samples(50)
    goodness = net.goodness(x)
    h = net(net.examples.neutral(x))[0].detach()
    rows = (h / h.square().mean(1, keepdim=True).sqrt()).double()
    target = (goodness - goodness.mean(1, keepdim=True)).double()
    gaps = []
    for index in range(50):
        others = torch.arange(50) % 5 != index % 5
        square = rows[others].t() @ rows[others] + 0.01 * 40 * torch.eye(9)
        score = rows[index] @ torch.linalg.solve(square, rows[others].t() @ target[others])
        gaps.append(float(score.max() - score[goodness[index].argmax()]))
    for agreement, misses in {0.9: 1, 0.8: 2, 0.5: 6}.items():
        expected = sorted(gaps, reverse=True)[misses]
        assert two_stage(net, x, agreement=agreement).margin == pytest.approx(expected, rel=1e-4)


def test_dead_layers_and_the_networks_own_type():
    net, x = mlp(12, 9, 8, num_classes=3).double(), samples(100).double()
    assert two_stage(net, x, agreement=0.9).scores(x).dtype == torch.float64
    dead = copy.deepcopy(net)
    dead.layers[1].block.bias.data.fill_(-100)
    stages = two_stage(dead, x, agreement=0.9)
    assert stages.scores(x).isfinite().all()
    assert stages.agreement(x) >= 0.9


def test_layers_above_those_read_are_not_needed():
    net, x = mlp(12, 9, 8, num_classes=3, readout=(0, 1)), samples()
    assert [each.shape for each in two_stage(net, x, agreement=0.9).ranking.weights] == [(3, 9)]


def test_wide_networks_are_ranked_by_their_last_layers(monkeypatch):
    net, x = mlp(12, 9, 8, 7, num_classes=3), samples(100)
    for most, skip in {24: 0, 23: 1, 15: 1, 14: 2, 3: 2}.items():
        monkeypatch.setattr("forward_forward.predict.two_stage_prediction.UNITS", most)
        stages = two_stage(net, x, agreement=0.9)
        assert stages.ranking.skip == skip
        assert stages.agreement(x) >= 0.9


def test_it_draws_nothing_and_leaves_the_network_as_it_is():
    net, x = mlp(12, 9, 8, num_classes=3), samples(100)
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    first, again = (two_stage(net, x, agreement=0.9) for _ in range(2))
    first.predict(x)
    assert torch.equal(torch.get_rng_state(), state)
    exactly = {"rtol": 0, "atol": 0, "equal_nan": True}  # thresholds of untrained layers are NaN
    torch.testing.assert_close(net.state_dict(), before, **exactly)
    assert (first.margin, first.expected) == (again.margin, again.expected)
    assert not any(weight.requires_grad for weight in first.ranking.weights)
    assert not first.scores(x).requires_grad


def unlabelled() -> Network:
    head = SoftmaxHead([9], 3, skip=0)
    return Network(Layer(nn.Linear(12, 9)), examples=HybridImages(3), head=head)


MISTAKES = {
    "HybridImages: predict by the head": lambda: two_stage(unlabelled(), samples()),
    "put the label into the input": lambda: TwoStage(unlabelled(), Ranking(0, ()), 0.0),
    "1000 samples or more, got 60": lambda: two_stage(mlp(12, 9, num_classes=3), samples()),
    "above 0 and up to 1": lambda: two_stage(mlp(12, 9, num_classes=3), samples(), agreement=99.9),
    "at least 0": lambda: TwoStage(mlp(12, 9, num_classes=3), Ranking(0, ()), -1.0),
    "floating-point": lambda: two_stage(mlp(12, 9, num_classes=3), samples().byte(), agreement=0.9),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_is_answered_with_what_to_do(message):
    with pytest.raises(ValueError, match=message):
        MISTAKES[message]()
