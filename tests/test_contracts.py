"""What every public goodness, loss, strategy, maker and schedule must do, however it is written.

Defects of published implementations, and the tests that would catch them here:

| defect                             | test                                                        |
|------------------------------------|-------------------------------------------------------------|
| negative can be the true label     | test_examples::test_wrong_labels_are_never_the_true_one     |
| model selected on the test set     | test_optimize::test_the_best_epoch_is_chosen_by_validation  |
| layers not registered              | test_forward::test_every_layer_is_registered                |
| train() shadows nn.Module.train    | test_forward::test_train_and_eval_are_torchs_own            |
| log(1 + exp) overflows             | test_contracts::test_a_loss_is_finite_at_extreme_margins    |
| the whole set as one batch         | test_optimize::test_fit_takes_one_step_a_batch              |
| CUDA only                          | test_optimize::test_a_trainer_goes_where_it_is_told         |
| peer normalisation too weak to act | test_hinton2022::test_parity_notices_a_changed_constant     |
"""

import copy
import pickle

import pytest
import torch
from tests.contracts import (
    GOODNESS,
    LOSSES,
    MAKERS,
    NORMS,
    PARTS,
    SCHEDULES,
    STRATEGIES,
    activities,
    is_pairwise,
)

from forward_forward import examples, notation
from forward_forward.forward.description import names
from forward_forward.goodness import slope_of as goodness_slope
from forward_forward.losses import judged
from forward_forward.optimize import schedules

every_goodness = pytest.mark.parametrize("goodness", GOODNESS.values(), ids=GOODNESS)
every_norm = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def margins(negatives: int = 3, batch: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    pos = torch.randn(batch, generator=rng, dtype=torch.float64)
    return pos, torch.randn(negatives, batch, generator=rng, dtype=torch.float64)


def pickled(part):
    return pickle.loads(pickle.dumps(part))


def test_every_public_class_of_the_examples_is_of_a_known_kind():
    known = {*STRATEGIES, *MAKERS, "Examples", "WrongLabels", "Inputs", "stack"}
    assert known == set(examples.__all__)


@every_goodness
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("feature", [(6,), (2, 3, 4)])
def test_a_goodness_is_one_number_a_row_whatever_the_feature_shape(goodness, dtype, feature):
    h = activities(*feature).to(dtype)
    rated = goodness(h)
    assert rated.shape == (5,)
    assert rated.dtype == dtype
    torch.testing.assert_close(rated, goodness(h.flatten(1)))
    torch.testing.assert_close(rated[1:2], goodness(h[1:2]))


@every_goodness
@pytest.mark.parametrize("feature", [(6,), (2, 3, 4)])
def test_a_goodness_slope_is_autograds_with_zeros_and_ties(goodness, feature):
    h = activities(*feature)
    flat = h.flatten(1)
    flat[0] = 0
    flat[1] = 0.5
    flat[2, :2] = torch.tensor([2.0, -2.0])
    flat[3, 1:] = 0
    upstream = torch.tensor([1.0, -2.0, 0.5, 3.0, -0.25], dtype=torch.float64)
    leaf = h.clone().requires_grad_()
    (expected,) = torch.autograd.grad(goodness(leaf), leaf, upstream)
    slope = goodness_slope(goodness, h, upstream)
    assert slope.shape == h.shape
    torch.testing.assert_close(slope, expected, rtol=0, atol=1e-12)
    assert not slope[0].any()


@every_goodness
@pytest.mark.parametrize("feature", [(4,), (2, 1, 3)])
def test_a_goodness_agrees_with_finite_differences(goodness, feature):
    assert torch.autograd.gradcheck(goodness, activities(*feature, batch=2).requires_grad_())


@every_goodness
def test_a_goodness_leaves_its_input_alone_and_needs_no_graph(goodness):
    h = activities(4)
    before = h.clone()
    goodness_slope(goodness, h, torch.ones(5, dtype=torch.float64))
    assert torch.equal(h, before)
    assert not goodness(h).requires_grad


@every_norm
@pytest.mark.parametrize("scale", [1e20, 1e-20])
def test_a_norm_neither_overflows_nor_underflows(norm, scale):
    h = activities(6).float()
    upstream = torch.linspace(-1, 1, 5)
    torch.testing.assert_close(norm(h * scale), norm(h) * scale, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        norm.slope(h * scale, upstream), norm.slope(h, upstream), rtol=1e-5, atol=1e-7
    )


@every_norm
def test_a_norm_has_no_infinite_slope_at_the_smallest_activities(norm):
    # 1 / 1e-39 is infinite in float32, so a slope must not divide by the goodness alone.
    assert norm.slope(torch.tensor([[0.0, 1e-39]]), torch.ones(1)).isfinite().all()


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("negatives", [1, 3])
def test_a_loss_is_one_number_a_sample(loss, dtype, negatives):
    pos, neg = margins(negatives)
    value = loss(pos.to(dtype), neg.to(dtype))
    assert value.shape == pos.shape
    assert value.dtype == dtype


def loss_slopes(loss, pos, neg):
    return judged(loss, pos, neg)[1:]


@every_loss
@pytest.mark.parametrize("negatives", [1, 3])
def test_loss_slopes_are_autograds_and_finite_differences(loss, negatives):
    pos, neg = margins(negatives)
    pos[0], neg[:, 0] = 0, 0
    leaves = pos.clone().requires_grad_(), neg.clone().requires_grad_()
    expected = torch.autograd.grad(loss(*leaves).sum(), leaves)
    for slope, right in zip(loss_slopes(loss, pos, neg), expected, strict=True):
        torch.testing.assert_close(slope, right, rtol=0, atol=1e-12)
    assert torch.autograd.gradcheck(loss, leaves)


@every_loss
def test_a_loss_falls_with_positives_and_rises_with_negatives(loss):
    d_pos, d_neg = loss_slopes(loss, torch.zeros(2), torch.zeros(3, 2))
    assert (d_pos < 0).all()
    assert (d_neg > 0).all()


@every_loss
def test_a_loss_is_finite_at_extreme_margins(loss):
    ends = torch.tensor([-1e6, -100.0, 0.0, 100.0, 1e6])
    pos, neg = torch.cartesian_prod(ends, ends).unbind(1)
    d_pos, d_neg = loss_slopes(loss, pos, neg[None])
    for value in (loss(pos, neg[None]), d_pos, d_neg):
        assert value.dtype == torch.float32
        assert value.isfinite().all()


@every_loss
def test_several_negatives_enter_as_their_mean(loss):
    pos, neg = margins(3)
    alone = torch.stack([loss(pos, each[None]) for each in neg])
    torch.testing.assert_close(loss(pos, neg), alone.mean(0), rtol=0, atol=1e-12)


@every_loss
def test_without_negatives_a_loss_is_its_positive_part_or_refuses(loss):
    pos, neg = margins(1)
    if is_pairwise(loss):
        for call in (loss, loss.slope):
            with pytest.raises(ValueError, match=r"expected at least one negative.*log_sigmoid"):
                call(pos, neg[:0])
        return
    # The positive part: the loss less what a negative adds, which no positive changes.
    added = loss(pos, neg) - loss(pos, neg[:0])
    torch.testing.assert_close(added, loss(pos + 1, neg) - loss(pos + 1, neg[:0]))
    d_pos, d_neg = loss_slopes(loss, pos, neg[:0])
    assert torch.equal(d_pos, loss_slopes(loss, pos, neg)[0])
    assert d_neg.shape == (0, 5)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_part_is_read_back_from_what_is_written(part):
    assert notation.read(notation.write(part, names()), names()) == part


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_schedule_is_read_back_and_stays_between_0_and_1(schedule):
    known = notation.public(schedules)
    assert notation.read(notation.write(schedule, known), known) == schedule
    factors = [schedule(epoch / 4, 10) for epoch in range(40)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) > 0.5


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copied_or_pickled_part_keeps_its_name(part, copied):
    # Else the description of a copied network cannot be built, and its run not resumed.
    assert notation.write(copied(part), names()) == notation.write(part, names())
