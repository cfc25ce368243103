"""Laws of positive, negative, neutral and candidate inputs; above all: no negative is true."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.public_parts import STRATEGIES

from forward_forward.contracts.negatives import check_wrong
from forward_forward.contracts.samples import KINDS, scores_of
from forward_forward.examples import (
    AppendLabel,
    FromGoodness,
    FromSoftmax,
    HybridImages,
    Inputs,
    OverlayLabel,
    Uniform,
    stack,
)
from forward_forward.examples.hybrids import blurred_masks
from forward_forward.examples.negatives import sample_wrong

PLACES = [AppendLabel, OverlayLabel]
every_place = pytest.mark.parametrize("place", PLACES)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Next:
    """A strategy of one's own: the next ``count`` labels."""

    count: int = 1
    scores = "nothing"
    fraction = 0.0

    def __call__(self, y, classes, rng, scores):
        return torch.stack([(y + 1 + k) % classes for k in range(self.count)])


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@given(
    classes=st.integers(2, 1000),
    batch=st.integers(1, 40),
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_wrong_labels_are_never_the_true_one(strategy, classes, batch, kind, seed):
    y = torch.randint(0, classes, (batch,), generator=seeded(seed))
    wrong = strategy(y, classes, seeded(seed + 1), scores_of(kind, y, classes, seed))
    check_wrong(wrong, y, classes)


@given(
    classes=st.integers(2, 12),
    true=st.integers(0, 11),
    draw=st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 1 - 2**-53, 0.5]),
    scores=st.lists(st.floats(-800, 800), min_size=12, max_size=12),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
@settings(max_examples=200, deadline=None)
def test_no_draw_ever_gives_the_true_label(classes, true, draw, scores, dtype):
    y = torch.tensor([true % classes])
    logits = torch.tensor([scores[:classes]], dtype=dtype)
    label = sample_wrong(y, logits, torch.tensor([draw], dtype=torch.float64))
    assert 0 <= int(label) < classes
    assert int(label) != int(y)


def test_draws_on_the_edges_of_the_cumulative_probability_pass_the_true_label_by():
    logits = torch.zeros(1, 5, dtype=torch.float64)
    edges = [0, 0.25, 0.5, 0.75, 1 - 2**-53, 0.25 - 2**-54, 0.5, 0.25]
    draw = torch.tensor(edges, dtype=torch.float64)
    for true in range(5):
        labels = sample_wrong(torch.full((8,), true), logits.expand(8, 5), draw)
        others = [label for label in range(5) if label != true]
        assert labels.tolist() == [others[k] for k in (0, 1, 2, 3, 3, 0, 2, 1)]


def chi_square(labels: torch.Tensor, true: int, classes: int) -> float:
    counts = labels.bincount(minlength=classes).double()
    counts = counts[torch.arange(classes) != true]
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("true", [0, 4, 9])
def test_uniform_labels_cover_all_wrong_ones_equally(true):
    labels = Uniform(count=3)(torch.full((20_000,), true), 10, seeded(1), None)
    for each in labels:
        assert chi_square(each, true, 10) < 26.1  # the 99.9 % point of 8 degrees of freedom


def test_hard_labels_follow_the_softmax_of_the_wrong_ones():
    scores = torch.tensor([[1.0, 50.0, 0.0, 2.0]]).expand(20_000, 4)
    labels = FromSoftmax()(torch.ones(20_000, dtype=torch.int64), 4, seeded(), scores)[0]
    expected = torch.tensor([1.0, 0.0, 2.0]).softmax(0)
    shares = labels.bincount(minlength=4)[[0, 2, 3]] / 20_000
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.015)


def test_the_temperature_and_the_fraction_of_goodness_negatives():
    scores = torch.tensor([[0.0, 0.2, 0.3]]).expand(1000, 3)
    y = torch.zeros(1000, dtype=torch.int64)
    cold = FromGoodness(temperature=1e-3, fraction=1.0)(y, 3, seeded(), scores)
    assert (cold == 2).all()
    half = FromGoodness(temperature=1e-3, fraction=0.5)(y, 3, seeded(), scores)[0]
    assert (half[:500] == 2).all()
    assert 150 < int((half[500:] == 1).sum()) < 350
    assert AppendLabel(3, negatives=FromGoodness(fraction=0.5)).hard_rows(1000) == 500


@pytest.mark.parametrize("strategy", [FromSoftmax(), FromGoodness(fraction=1.0)])
def test_hard_negatives_without_scores_are_refused(strategy):
    with pytest.raises(ValueError, match=r"require scores.*Uniform\(\)"):
        strategy(torch.zeros(4, dtype=torch.int64), 3, seeded(), None)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {"temperature": -1.0}, {"fraction": 1.1}, {"fraction": -0.1}]
)
def test_impossible_settings_of_goodness_negatives_are_refused(settings):
    with pytest.raises(ValueError, match="temperature > 0 and fraction within 0 to 1"):
        FromGoodness(**settings)


def test_a_count_of_no_negatives_is_refused():
    with pytest.raises(ValueError, match="count"):
        Uniform(count=0)(torch.zeros(2, dtype=torch.int64), 3, seeded(), None)


def test_hintons_stored_labels_come_from_his_draws():
    folder = Path(os.environ.get("FF_DATA", ""))
    if not (folder / "parity" / "hinton_supervised.npz").is_file():
        pytest.skip("set FF_DATA to a folder with parity/hinton_supervised.npz")
    golden = np.load(folder / "parity" / "hinton_supervised.npz")
    # Only two batches have stored logits; test_hinton2022 draws all 1,200 from its own.
    for batch in range(2):
        y = torch.from_numpy(golden["labels.train"][100 * batch : 100 * batch + 100]).long()
        logits = torch.from_numpy(golden[f"batch{batch + 1}.neutral.softmax_logits"])
        draw = torch.from_numpy(golden["run.uniform_draw"][0, batch])
        labels = sample_wrong(y, logits, draw)
        assert labels.tolist() == golden["run.negative_label"][0, batch].tolist()
        probability = torch.from_numpy(golden[f"batch{batch + 1}.negative.label_probability"])
        assert torch.equal(sample_wrong(y, probability.log(), draw), labels)


def direct(place, x: torch.Tensor, labels: torch.Tensor, strength: float) -> torch.Tensor:
    rows = []
    for sample, label in zip(x.flatten(1), labels, strict=True):
        pattern = torch.zeros(3).index_fill(0, label, strength)
        rest = sample if place is AppendLabel else sample[3:]
        rows.append(torch.cat([rest, pattern] if place is AppendLabel else [pattern, rest]))
    return torch.stack(rows)


@every_place
@pytest.mark.parametrize("shape", [(6,), (1, 2, 3)])
def test_dense_inputs_are_those_built_by_hand(place, shape):
    x, y = torch.rand(4, *shape, generator=seeded()), torch.tensor([2, 0, 1, 2])
    examples = place(3, strength=0.7, negatives=Next(2))
    assert torch.equal(examples.positive(x, y).dense()[0], direct(place, x, y, 0.7))
    negative = examples.negative(x, y, seeded()).dense()
    candidates = examples.candidates(x).dense()
    assert (len(negative), len(candidates)) == (2, 3)
    for k in range(2):
        assert torch.equal(negative[k], direct(place, x, (y + 1 + k) % 3, 0.7))
    for label in range(3):
        assert torch.equal(candidates[label], direct(place, x, torch.full((4,), label), 0.7))
    columns = examples.neutral(x).columns
    torch.testing.assert_close(
        examples.neutral(x).dense()[0][:, columns], torch.full((4, 3), 0.7 / 3)
    )
    assert candidates.shape[2] == examples.width(6)


@every_place
def test_samples_are_left_alone(place):
    x = torch.rand(4, 6, generator=seeded())
    before = x.clone()
    examples = place(3)
    examples.positive(x, torch.zeros(4, dtype=torch.int64)).dense()
    examples.candidates(x).dense()
    assert torch.equal(x, before)


@every_place
@given(seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_the_label_is_in_the_label_part_alone(place, seed):
    x, y = torch.rand(5, 6, generator=seeded(seed)), torch.tensor([0, 1, 2, 0, 1])
    examples = place(3, negatives=Uniform(count=2))
    positive = examples.positive(x, y)
    permuted = examples.positive(x, y[torch.randperm(5, generator=seeded(seed))])
    outside = torch.ones(examples.width(6), dtype=torch.bool)
    outside[positive.columns] = False
    negative = examples.negative(x, y, seeded(seed)).dense()
    for other in (permuted.dense()[0], *negative):
        assert torch.equal(other[:, outside], positive.dense()[0][:, outside])
    assert not (negative == positive.dense()).flatten(2).all(2).any()


@every_place
def test_variants_made_of_inputs_share_their_rest(place):
    x, y = torch.rand(4, 6, generator=seeded()), torch.tensor([2, 0, 1, 2])
    examples = place(3, negatives=Next(2))
    positive = examples.positive(x, y)
    negative = examples.negative(positive, y, seeded())
    assert negative.rest is positive.rest
    both = stack(positive, negative)
    assert isinstance(both, Inputs)
    assert both.variants == 3
    apart = stack(positive, examples.negative(x.clone(), y, seeded()))
    assert torch.equal(both.dense().flatten(0, 1), apart)
    assert torch.equal(both.first(2).dense(), both.dense()[:, :2])


def test_more_classes_than_inputs_are_appended_but_not_overlaid():
    x, y = torch.rand(2, 4), torch.tensor([0, 9])
    with pytest.raises(ValueError, match=r"AppendLabel\(num_classes=10\)"):
        OverlayLabel(10).positive(x, y)
    assert AppendLabel(10).positive(x, y).dense().shape == (1, 2, 14)


@every_place
def test_samples_and_labels_of_the_wrong_type_are_refused(place):
    with pytest.raises(ValueError, match=r"y\.long\(\)"):
        place(3).positive(torch.rand(2, 6), torch.zeros(2))
    with pytest.raises(ValueError, match="HybridImages"):
        place(3).positive(torch.rand(2, 6), None)
    with pytest.raises(ValueError, match=r"floating-point.*/ 255"):
        place(3).candidates(torch.zeros(2, 6, dtype=torch.uint8))
    for impossible in ({"num_classes": 1}, {"num_classes": 3, "strength": 0.0}):
        with pytest.raises(ValueError, match="at least 2 classes and a strength"):
            place(**impossible)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 8), (1, 12, 20)])
def test_hybrids_mix_two_images_and_equal_neither(shape):
    # Every value is unlike any other, so a pixel tells which image it is from.
    images = torch.arange(200 * math.prod(shape)).double().view(200, *shape)
    negative = HybridImages(10).negative(images, None, seeded()).dense()[0]
    own = negative == images
    assert torch.equal(own, own[:, :1].expand_as(own))
    first, second = own.flatten(1).all(1), ~own.flatten(1).any(1)
    assert not (first | second).any()
    origin = negative.flatten(1) // math.prod(shape)
    for sample in range(200):
        assert len(set(origin[sample].tolist())) == 2
    place = negative.flatten(1) % math.prod(shape)
    assert torch.equal(place, torch.arange(math.prod(shape)).double().expand_as(place))


def test_hybrid_masks_are_zeros_and_ones_in_large_regions():
    masks = blurred_masks(50, 28, 28, seeded(), 10)
    assert masks.shape == (50, 1, 28, 28)
    assert sorted(masks.unique().tolist()) == [0.0, 1.0]
    rough = blurred_masks(50, 28, 28, seeded(), 0)
    smooth, random = ((m[..., 1:] != m[..., :-1]).double().mean() for m in (masks, rough))
    assert smooth < 0.2 < 0.45 < random


@pytest.mark.parametrize("shape", [(4, 64), (1, 1, 8, 8), (4, 8, 8)])
def test_hybrids_of_flat_samples_or_of_one_alone_are_refused(shape):
    with pytest.raises(ValueError, match=r"x\.view|another batch_size"):
        HybridImages(10).negative(torch.rand(shape), None, seeded())


def test_hybrid_images_have_no_candidates_but_equal_positive_and_neutral():
    images = torch.rand(3, 1, 8, 8)
    examples = HybridImages(10)
    assert torch.equal(examples.positive(images, None).dense()[0], images)
    assert torch.equal(examples.neutral(images).dense()[0], images)
    with pytest.raises(ValueError, match="SoftmaxHead"):
        examples.candidates(images)
