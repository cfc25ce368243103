"""Local losses against a transcription in plain floats; the weighted mean that is trained."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_forward.examples import AppendLabel
from forward_forward.forward import mlp
from forward_forward.losses import (
    CrossEntropy,
    SiluPair,
    SymBa,
    judged,
    log_sigmoid,
    log_sigmoid_literal,
    sigmoid,
)
from forward_forward.optimize import AveragedSGD, Trainer

FEW = settings(max_examples=40, deadline=None)  # however busy the machine is


def slope_of(loss, pos, neg):
    return judged(loss, pos, neg)[1:]


def logistic(t: float) -> float:
    return 1 / (1 + math.exp(-t))


def softplus(t: float) -> float:
    return math.log(1 + math.exp(t))


def silu(t: float) -> float:
    return t * logistic(t)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


# (part, its definition for one sample's positive margin and negative margins)
DEFINED = {
    "poster": (sigmoid, lambda p, n: mean([logistic(k) for k in n]) - logistic(p)),
    "log_sigmoid": (
        log_sigmoid,
        lambda p, n: -math.log(logistic(p)) - mean([math.log(logistic(-k)) for k in n]),
    ),
    "hinton": (log_sigmoid, lambda p, n: softplus(-p) + mean([softplus(k) for k in n])),
    "literal": (
        log_sigmoid_literal,
        lambda p, n: mean([math.log(logistic(k)) for k in n]) - math.log(logistic(p)),
    ),
    "symba": (SymBa(4.0), lambda p, n: mean([softplus(-4 * (p - k)) for k in n])),
    "silu": (SiluPair(6.0), lambda p, n: mean([silu(-6 * (p - k)) for k in n])),
}

margin = st.floats(-20, 20)


@pytest.mark.parametrize(("loss", "definition"), DEFINED.values(), ids=DEFINED)
@FEW
@given(pos=margin, neg=st.lists(margin, min_size=1, max_size=4))
def test_a_loss_is_its_definition(loss, definition, pos, neg):
    value = loss(
        torch.tensor([pos], dtype=torch.float64), torch.tensor(neg, dtype=torch.float64)[:, None]
    )
    assert float(value) == pytest.approx(definition(pos, neg), rel=1e-6, abs=1e-7)


@FEW
@given(margin, margin)
def test_hintons_softplus_form_is_the_posters_log_sigmoid(pos, neg):
    p, n = torch.tensor([pos], dtype=torch.float64), torch.tensor([[neg]], dtype=torch.float64)
    softplus_form = torch.nn.functional.softplus(-p) + torch.nn.functional.softplus(n)[0]
    assert float(log_sigmoid(p, n)) == pytest.approx(float(softplus_form), rel=1e-12)


def hard_and_easy(loss) -> list[float]:
    """Slopes for a negative of high and one of low goodness."""
    return slope_of(loss, torch.zeros(2), torch.tensor([[10.0, -10.0]]))[1][0].tolist()


def test_only_the_literal_log_sigmoid_lets_hard_negatives_go():
    hard, easy = hard_and_easy(log_sigmoid_literal)
    assert hard < 1e-4
    assert easy > 0.99
    hard, easy = hard_and_easy(log_sigmoid)
    assert hard > 0.99
    assert easy < 1e-4


def test_the_posters_sigmoid_loss_stands_still_far_from_the_threshold():
    # Threshold sqrt(500) on an untrained layer whose goodness is about half of it.
    d_pos, d_neg = slope_of(sigmoid, torch.tensor([-13.0]), torch.tensor([[-13.0]]))
    assert float(d_pos) == pytest.approx(-2.26e-6, rel=1e-2)
    assert float(d_neg) == pytest.approx(2.26e-6, rel=1e-2)
    assert slope_of(sigmoid, torch.zeros(1), torch.zeros(1, 1))[0].item() == -0.25


@pytest.mark.parametrize("loss", [SymBa(), SiluPair()])
def test_a_pairwise_loss_has_no_threshold(loss):
    pos, neg = torch.tensor([1.0, -2.0]), torch.tensor([[0.5, 0.25], [3.0, -1.0]])
    torch.testing.assert_close(loss(pos + 7, neg + 7), loss(pos, neg), rtol=1e-4, atol=1e-6)
    d_pos, d_neg = slope_of(loss, pos, neg)
    torch.testing.assert_close(d_pos, -d_neg.sum(0))


@pytest.mark.parametrize("loss", [SymBa(), SiluPair()])
def test_a_pairwise_loss_pushes_pairs_on_the_wrong_side_with_slope_alpha(loss):
    d_pos, d_neg = slope_of(loss, torch.tensor([-50.0]), torch.tensor([[50.0]]))
    assert (float(d_pos), float(d_neg)) == (-loss.alpha, loss.alpha)
    assert float(slope_of(loss, torch.tensor([50.0]), torch.tensor([[-50.0]]))[0]) == 0


def test_the_silu_pair_has_its_least_value_just_right_of_the_tie():
    gaps = torch.linspace(-3, 3, 6001, dtype=torch.float64)
    values = SiluPair(1.0)(gaps, torch.zeros(1, 6001, dtype=torch.float64))
    assert float(values.min()) == pytest.approx(-0.2785, abs=1e-4)
    assert float(gaps[values.argmin()]) == pytest.approx(1.2785, abs=2e-3)


def test_without_negatives_the_log_sigmoid_is_the_positives_part():
    value = log_sigmoid(torch.tensor([2.0]), torch.zeros(0, 1))
    assert float(value) == pytest.approx(softplus(-2.0))


def test_a_loss_of_the_users_own_gets_its_slopes_from_autograd():
    pos, neg = torch.tensor([1.0, 2.0]), torch.ones(3, 2)
    d_pos, d_neg = slope_of(lambda pos, neg: -pos.square(), pos, neg)
    assert d_pos.tolist() == [-2.0, -4.0]
    assert torch.equal(d_neg, torch.zeros(3, 2))
    assert not d_pos.requires_grad


class Next:
    """A strategy of one's own that draws nothing: the next label."""

    scores = "nothing"
    fraction = 0.0

    def __call__(self, y, classes, rng, scores):
        return (y[None] + 1) % classes


X = torch.rand(12, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(12) % 3
WEIGHTS = {
    "0 leaves a row out": ([0.0, 0.0, *[1.0] * 10], [*range(2, 12)]),
    "2 is the row twice": ([2.0, *[1.0] * 11], [0, *range(12)]),
    "only shares count": ([7.0] * 12, [*range(12)]),
}


def after_three_steps(rows: list[int], weight: torch.Tensor | None) -> list[torch.Tensor]:
    net = mlp(6, 9, 8, num_classes=3, examples=AppendLabel(3, negatives=Next()), head=True).double()
    for layer in net.layers:
        layer.threshold_value.fill_(0.5)
    trainer = Trainer(net, optimizer=AveragedSGD, lr=1.0)
    for _ in range(3):
        trainer.step(X[rows], Y[rows], weight)
    return [each.detach() for each in net.parameters()]


@pytest.mark.parametrize(("weight", "rows"), WEIGHTS.values(), ids=WEIGHTS)
def test_a_sample_weight_is_a_share_of_the_mean(weight, rows):
    weighted = after_three_steps([*range(12)], torch.tensor(weight))
    torch.testing.assert_close(weighted, after_three_steps(rows, None), rtol=0, atol=1e-12)


def test_a_batch_of_weightless_rows_does_no_harm():
    weights = after_three_steps([*range(12)], torch.zeros(12))
    assert all(each.isfinite().all() for each in weights)


@pytest.mark.parametrize("margin", [0.0, 0.5])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_a_table_is_torchs(smoothing, margin):
    loss = CrossEntropy(label_smoothing=smoothing, margin=margin)
    table = torch.randn(5, 4, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([3, 0, 1, 1, 2])
    value, slope = loss.judged_table(table.detach(), labels)
    needed = margin * torch.nn.functional.one_hot(labels, 4)
    wanted = torch.nn.functional.cross_entropy(
        table - needed, labels, reduction="none", label_smoothing=smoothing
    )
    torch.testing.assert_close(value, wanted.detach())
    torch.testing.assert_close(slope, torch.autograd.grad(wanted.sum(), table)[0])
