"""A part that breaks a contract is found, by that contract, with a reason; no contract is idle."""

import re

import pytest
import torch
from tests.contracts import broken_parts as parts
from torch import nn

from forward_forward import contracts
from forward_forward.contracts import every
from forward_forward.contracts import goodness as of_goodness
from forward_forward.contracts import losses as of_losses
from forward_forward.contracts import negatives as of_negatives

BROKEN = [
    (
        parts.one_for_the_batch,
        of_goodness.is_one_number_a_row,
        r"expected \[5\] in float32 .* got \[\]",
    ),
    (parts.one_a_row_and_channel, of_goodness.is_one_number_a_row, r"got \[5, 2, 3\]"),
    (parts.beside_the_others, of_goodness.is_one_number_a_row, "a row on its own to be .* got 0"),
    (lambda h: None, of_goodness.is_one_number_a_row, "expected a tensor .* got NoneType"),
    (parts.WrongSlope(), of_goodness.slope_is_autograds, "expected the slope at ties to be"),
    (
        parts.SlopeOfAnotherShape(),
        of_goodness.slope_is_autograds,
        r"expected \[5, 2, 3, 4\] .* \[5, 24\]",
    ),
    (parts.naive_root, of_goodness.slope_is_autograds, "finite slope at a silent row, got nan"),
    (parts.detached, of_goodness.slope_is_that_of_small_changes, "finite differences find"),
    (
        parts.naive_root,
        of_goodness.is_without_slope_at_silent_rows,
        "no slope at a silent row, got nan",
    ),
    (parts.ShiftedSlope(), of_goodness.is_without_slope_at_silent_rows, "silent row, got 0.003"),
    (parts.in_place, of_goodness.leaves_activities_alone, "activities as they were"),
    (parts.ChangesInItsSlope(), of_goodness.leaves_activities_alone, "leave the activities"),
    (parts.with_a_weight_outside, of_goodness.leaves_activities_alone, "no graph"),
    (parts.NaiveNorm(8.0), of_goodness.is_a_norm_at_any_scale, r"at 1e\+20, to be .* got inf"),
    (parts.NaiveNorm(2.0), of_goodness.norm_has_finite_slopes_at_tiny_activities, "at 1e-39, got"),
    (parts.mean_of_the_batch, of_losses.is_one_number_a_sample, r"expected \[5\] .* got \[\]"),
    (parts.centred_on_the_batch, of_losses.is_one_number_a_sample, "a sample on its own to be"),
    (parts.of_another_type, of_losses.is_one_number_a_sample, "in float32 .* in float64"),
    (parts.LossOfWrongSlope(), of_losses.slopes_are_autograds, "the slope of negatives to be"),
    (parts.LossOfWrongValue(), of_losses.slopes_are_autograds, "the value beside the slopes to be"),
    (parts.half_detached, of_losses.slopes_are_those_of_small_changes, "finite differences find"),
    (
        parts.rising_with_positives,
        of_losses.falls_with_positives_and_rises_with_negatives,
        "below 0 for positives, got 0.25",
    ),
    (
        parts.without_a_word_of_negatives,
        of_losses.falls_with_positives_and_rises_with_negatives,
        "above 0 for negatives, got 0",
    ),
    (parts.overflowing, of_losses.is_finite_at_extreme_margins, r"margins -1e\+06 and .* got inf"),
    (parts.sum_of_negatives, of_losses.takes_the_mean_of_negatives, "three negatives to be"),
    (
        parts.first_negative_twice,
        of_losses.is_the_same_in_any_order_of_negatives,
        "reordered negatives to be",
    ),
    (parts.hardest_negative, of_losses.takes_the_mean_of_negatives, "three negatives to be"),
    (
        parts.mean_of_none,
        of_losses.is_the_positive_part_without_negatives_or_refuses,
        r"got nan: divide neg.sum\(0\) by max",
    ),
    (
        parts.pairs_of_none,
        of_losses.is_the_positive_part_without_negatives_or_refuses,
        "what negatives add, whatever the positive",
    ),
    (
        parts.RefusesInItsValueAlone(),
        of_losses.is_the_positive_part_without_negatives_or_refuses,
        "reject empty negatives as its value does",
    ),
    (
        parts.RefusesWithoutAWord(),
        of_losses.is_the_positive_part_without_negatives_or_refuses,
        "a ValueError with a message",
    ),
    (parts.LossInPlace(), of_losses.leaves_margins_alone, "margins as they were"),
    (parts.Unnamed(), of_negatives.says_what_it_draws_from, "nothing, softmax, .* got None"),
    (parts.plain_function, of_negatives.says_what_it_draws_from, "got None"),
    (parts.FromElsewhere(), of_negatives.says_what_it_draws_from, "got 'the moon'"),
    (parts.TooLarge(), of_negatives.says_what_it_draws_from, "from 0 to 1, got 1.5"),
    (parts.ShareOfNothing(), of_negatives.says_what_it_draws_from, "expected fraction 0"),
    (
        parts.SometimesTrue(),
        of_negatives.never_gives_the_true_label,
        r"the true one \d+ times in 64",
    ),
    (parts.OutOfRange(), of_negatives.never_gives_the_true_label, "labels 0 to 1, got 1 to 2"),
    (parts.OneRow(), of_negatives.never_gives_the_true_label, r"got \[64\]"),
    (parts.NoRow(), of_negatives.never_gives_the_true_label, "at least one wrong label"),
    (parts.Fractions(), of_negatives.never_gives_the_true_label, "in int64 .* in float32"),
    (parts.AllScores(), of_negatives.needs_scores_of_its_share_alone, ""),
    (parts.TorchsOwnNumbers(), of_negatives.draws_from_its_generator_alone, "pass generator=rng"),
    (
        parts.Counting(),
        of_negatives.draws_from_its_generator_alone,
        "same labels from the same seed",
    ),
    (parts.ChangesLabels(), of_negatives.leaves_labels_alone, "labels and scores as they were"),
    (
        parts.WrongSlope(),
        every.takes_the_same_steps_in_closed_form_and_with_autograd,
        "a weight after three steps in closed form to be",
    ),
    (
        parts.nothing_to_learn,
        every.takes_the_same_steps_in_closed_form_and_with_autograd,
        "the weights to change",
    ),
    (
        parts.never_a_number,
        every.takes_the_same_steps_in_closed_form_and_with_autograd,
        "got NaN or infinity",
    ),
    (parts.within(), every.is_found_under_its_name, "define it at the top of its module"),
    (parts.within(), every.keeps_its_name_in_copies, "local|within"),
    (parts.Forgets(), every.keeps_its_name_in_copies, r"to be .*:Forgets, got SiluPair"),
]


@pytest.mark.parametrize(
    ("part", "contract", "reason"),
    BROKEN,
    ids=[f"{type(part).__name__}-{getattr(part, '__name__', '')}" for part, *_ in BROKEN],
)
def test_a_broken_part_is_found(part, contract, reason):
    verdicts = {each.contract: each for each in contracts.check(part)}
    found = verdicts[contract.__name__.replace("_", " ")]
    assert not found.kept
    assert re.search(reason, found.reason), found.reason


def test_every_contract_has_been_broken():
    modules = of_goodness, of_losses, of_negatives, every
    known = {name for module in modules for name in module.__all__}
    assert {contract.__name__ for _, contract, _ in BROKEN} == known


def test_a_contract_raises_broken_which_is_an_assertion_error():
    with pytest.raises(contracts.Broken, match="below 0"):
        of_losses.falls_with_positives_and_rises_with_negatives(parts.rising_with_positives)
    assert issubclass(contracts.Broken, AssertionError)


def absolute(h):
    return h.flatten(1).abs().mean(1)


def signed(h):
    """A goodness that tells signs apart may have a slope at silent rows."""
    return h.flatten(1).mean(1)


class Learned(nn.Module):
    """A goodness with weights of its own, which are trained with the layer's."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, h):
        return h.flatten(1).square().mean(1) * self.scale.to(h)


def hinge(pos, neg):
    return (1 - pos).relu() + (1 + neg).relu().sum(0) / max(len(neg), 1)


@pytest.mark.parametrize("part", [absolute, signed, hinge, parts.Wrong()])
def test_a_plain_part_of_ones_own_keeps_all(part):
    broken = [each for each in contracts.check(part) if not each.kept]
    assert broken == []


def test_a_module_with_weights_of_its_own_keeps_all():
    learned = Learned()
    assert contracts.kind_of(learned) == "goodness"
    assert [each for each in contracts.check(learned) if not each.kept] == []
    assert learned.scale == 1  # what was trained is a copy


def test_what_is_no_part_is_refused_with_what_a_part_is():
    for part, got in ((3, "3, which cannot be called"), (lambda a, b, c: a, r"\(a, b, c\)")):
        with pytest.raises(ValueError, match=f"a part is called with activities .* got .*{got}"):
            contracts.kind_of(part)
    with pytest.raises(ValueError, match="which has no signature"):
        contracts.kind_of(max)


def test_arguments_with_defaults_do_not_count():
    assert contracts.kind_of(lambda pos, neg, margin=1.0, *, scale=2.0: pos) == "loss"
