"""Terms over the batch: their values, written out, and what does not fit."""

import math

import pytest
import torch
from torch import nn

from forward_forward import notation, terms
from forward_forward.contracts import public_parts
from forward_forward.examples import NoLabel
from forward_forward.forward import ClassGroupNorm, Layer, Network
from forward_forward.forward.description import names
from forward_forward.readouts import LinearReadout
from forward_forward.terms import SimilarityMatching, SupervisedContrast, each_sample

LABELS = torch.tensor([0, 2, 1, 0, 0, 1])


def activities(*feature):
    rng = torch.Generator().manual_seed(0)
    return torch.randn(len(LABELS), *feature, generator=rng, dtype=torch.float64)


def unit(row):
    return row / row.norm()


@pytest.mark.parametrize("labels", [LABELS, torch.arange(6)], ids=["partners", "alone"])
def test_supervised_contrast_is_the_mean_over_partners_of_their_negative_log_probability(labels):
    term = SupervisedContrast(weight=3.0, units=5, features=4, temperature=0.5).double()
    h = activities(5)
    projected = h @ term.projection.detach().t()
    z = (projected - projected.mean(0)) / (projected.var(0, unbiased=False) + 1e-5).sqrt()
    z = [unit(row) for row in z]
    for i, value in enumerate(term(h, labels).detach()):
        others = [j for j in range(6) if j != i]
        total = sum(math.exp(float(z[i] @ z[j]) / 0.5) for j in others)
        partners = [j for j in others if labels[j] == labels[i]]
        wanted = [-(float(z[i] @ z[j]) / 0.5 - math.log(total)) for j in partners]
        assert float(value) == pytest.approx(3 * sum(wanted) / max(1, len(wanted)))


@pytest.mark.parametrize(("shape", "kernel"), [((5,), 0), ((5,), 1), ((5, 2, 3), 3), ((4, 5), 1)])
def test_similarity_matching_compares_standard_deviations_over_positions(shape, kernel):
    term = SimilarityMatching(3, weight=2.0, units=5, kernel=kernel).double()
    h = activities(*shape)
    mixed = h
    if kernel and h.dim() == 4:
        mixed = nn.functional.conv2d(h, term.mixing, padding=1)
    elif kernel:
        mixed = h @ term.mixing[:, :, 0, 0].t()
    rows = {2: lambda: mixed, 3: lambda: mixed.std(1), 4: lambda: mixed.flatten(2).std(2)}[
        h.dim()
    ]()
    rows = [unit(row - row.mean()) for row in rows.detach()]
    hot = [unit(row - row.mean()) for row in nn.functional.one_hot(LABELS, 3).double()]
    for i, value in enumerate(term(h, LABELS).detach()):
        gaps = [float(rows[i] @ rows[j] - hot[i] @ hot[j]) ** 2 for j in range(6)]
        assert float(value) == pytest.approx(2 * sum(gaps) / 6)


@pytest.mark.parametrize(
    ("term", "shape"),
    [
        (SupervisedContrast(units=4, features=3), (4,)),
        (SupervisedContrast(units=4, features=3, grid=2), (4, 3, 3)),
        (SupervisedContrast(units=4, features=3, normalize=ClassGroupNorm(2)), (4, 2, 2)),
        (SimilarityMatching(3, units=4), (4, 2, 2)),
        (SimilarityMatching(3, units=4, kernel=3), (4, 2, 2)),
    ],
    ids=repr,
)
def test_slopes_are_those_of_small_changes_and_finite_for_silent_rows(term, shape):
    term = term.double()
    h = activities(*shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda h: term(h, LABELS), h)
    with torch.no_grad():
        h[0] = 0
    slopes = torch.autograd.grad(term(h, LABELS).sum(), [h, *term.parameters()])
    assert all(slope.isfinite().all() for slope in slopes)


@pytest.mark.parametrize("term", [SupervisedContrast(units=4), SimilarityMatching(3, units=4)])
def test_a_batch_of_one_has_nothing_to_compare(term):
    h = torch.randn(1, 4, requires_grad=True)
    value = term(h, torch.tensor([2])).sum()
    (slope,) = torch.autograd.grad(value, h)
    assert float(value.detach()) == pytest.approx(0, abs=1e-12)
    assert slope.abs().max() < 1e-6


def test_the_temperature_falls_on_a_cosine_in_the_course_of_the_training():
    term = SupervisedContrast(units=4, temperature=(0.8, 0.2))
    found = []
    for done in (0.0, 0.5, 1.0, 1.5):
        term.set_progress(done)
        found.append(float(term.current))
    assert found == pytest.approx([0.8, 0.5, 0.2, 0.2])
    assert "current" not in term.state_dict()


@pytest.mark.parametrize(
    "term",
    [
        SupervisedContrast(),
        SupervisedContrast(0.5, 7, 16, (0.8, 0.1), 2, ClassGroupNorm(10), 3),
        SimilarityMatching(10),
        SimilarityMatching(10, weight=99.0, units=8, kernel=3, seed=1),
    ],
    ids=repr,
)
def test_a_term_is_written_and_read_back(term):
    text = notation.write((term,), names())
    (again,) = notation.read(text, names())
    assert repr(again) == repr(term)
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in term.state_dict().items()
    }


def test_a_term_returns_a_mean_or_a_number_for_each_sample():
    h, y = torch.ones(2, 3), torch.tensor([0, 1])
    assert each_sample(lambda h, y: h.sum(1), h, y).tolist() == [3, 3]
    with pytest.raises(ValueError, match=r"each of the 2 samples, got \[2, 3\]"):
        each_sample(lambda h, y: h, h, y)
    with pytest.raises(ValueError, match="got float"):
        each_sample(lambda h, y: 1.0, h, y)
    with pytest.raises(ValueError, match="learn from labels, got none"):
        each_sample(lambda h, y: h.sum(), h, None)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"a weight above 0 .* got weight=0"):
        SupervisedContrast(weight=0)
    with pytest.raises(ValueError, match="temperature above 0"):
        SupervisedContrast(temperature=(0.5, 0.0))
    with pytest.raises(ValueError, match="a kernel of 0 or of odd size"):
        SimilarityMatching(3, kernel=2)
    h = torch.ones(6, 4)
    with pytest.raises(ValueError, match=r"5 units .* got \[4\] per sample"):
        SupervisedContrast(units=5)(h, LABELS)
    with pytest.raises(ValueError, match=r"maps unless kernel=1, got \[4\] .* kernel=3"):
        SimilarityMatching(3, units=4, kernel=3)(h, LABELS)
    with pytest.raises(ValueError, match=r"one label a sample \[6\], got labels \[6, 2\]"):
        SimilarityMatching(3, units=4)(h, torch.ones(6, 2))
    with pytest.raises(ValueError, match="terms expects a tuple of callables"):
        Layer(nn.Linear(4, 5), terms=SimilarityMatching(3))
    block = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
    layer = Layer(block, goodness=LinearReadout(3, 5), terms=(SupervisedContrast(),))
    with pytest.raises(ValueError, match=r"layer 1 .* give its SupervisedContrast .* units="):
        Network(layer, examples=NoLabel(3))


def test_every_public_term_is_tested_here():
    assert set(public_parts(terms, num_classes=3)) == set(terms.__all__)
    assert set(terms.__all__) == {"SimilarityMatching", "SupervisedContrast"}
