"""Each contract of read-outs and terms is broken by a part that breaks it; good ones keep all."""

import functools

import pytest
import torch
from tests.contracts import broken_batch_parts as parts
from torch import nn

from forward_forward import contracts
from forward_forward.contracts import Broken, readouts, terms
from forward_forward.readouts import LinearReadout

BROKEN_TERMS = [
    (terms.is_a_finite_mean_or_number_a_sample, parts.a_number_a_unit, "expected .8. in float32"),
    (terms.is_a_finite_mean_or_number_a_sample, parts.logarithm, "got NaN or infinity"),
    (terms.slope_is_that_of_small_changes, parts.detached, "is it detached"),
    (terms.slope_is_that_of_small_changes, parts.of_labels_alone, "got a slope of 0"),
    (terms.slope_is_that_of_small_changes, parts.drawn_at_random, "finite differences find"),
    (terms.has_finite_slopes_at_silent_rows, parts.bare_root, "divide by a length only if"),
    (terms.leaves_activities_and_labels_alone, parts.in_place, "avoid in-place operations"),
    (terms.does_not_depend_on_the_order_of_the_batch, parts.of_neighbours, "reordered samples"),
    (terms.network_trained_with_it_alone_learns, parts.always_rising, "layer 1 to fall within"),
    (terms.no_gradient_crosses_a_layer, parts.KeepsTheLayerBelow(), "below another layer"),
    (terms.no_gradient_crosses_a_layer, parts.KeepsItsGraph(), "for layer 1's weights, got one"),
]
BROKEN_READOUTS = [
    (readouts.is_one_number_a_class_and_row, parts.OneForAll, "expected .5, 3. in float32"),
    (readouts.is_one_number_a_class_and_row, parts.BesideTheOthers, "a row on its own"),
    (readouts.slope_is_autograds, parts.WrongReadoutSlope, "the slope to be"),
    (readouts.slope_is_that_of_small_changes, parts.HalfDetached, "finite differences find"),
    (readouts.weight_gradients_are_autograds, parts.WrongGradients, "a weight's gradient to be"),
    (readouts.weight_gradients_are_autograds, parts.NoGradients, "expected 1 gradients .* got 0"),
    (readouts.leaves_activities_alone, parts.FollowsInItsCall, r"means in follow\(\)"),
    (readouts.makes_a_copy_of_any_width, parts.OneForAllLayers, "weights of its own for each"),
    (readouts.network_trained_with_it_learns, parts.AlwaysTheSame, "expected errors below 33 %"),
]


def name(case):
    return getattr(case, "__name__", type(case).__name__)


@pytest.mark.parametrize(("contract", "term", "why"), BROKEN_TERMS, ids=name)
def test_a_broken_term_is_found_out(contract, term, why):
    with torch.random.fork_rng(devices=[]), pytest.raises(Broken, match=why):
        contract(term)


@pytest.mark.parametrize(("contract", "make", "why"), BROKEN_READOUTS, ids=name)
def test_a_broken_read_out_is_found_out(contract, make, why):
    made = make(3, 6 if make is parts.OneForAllLayers else None)
    with pytest.raises(Broken, match=why):
        contract(made)


def test_every_contract_of_read_outs_and_terms_is_broken_by_one():
    tested = {contract.__name__ for contract, *_ in BROKEN_TERMS + BROKEN_READOUTS}
    assert tested == {*terms.__all__, *readouts.__all__}


def local_loss(activity, label):
    """As the field writes it; without weights, so for any width."""
    return nn.functional.cross_entropy(activity[:, : int(label.max()) + 1], label)


class LocalHead(nn.Module):
    """A loss with a head of its own, made for the width of each layer, whose output starts at 0."""

    def __init__(self, num_classes, units=None):
        super().__init__()
        self.num_classes, self.units = num_classes, units
        if units is not None:
            self.inner = nn.Parameter(torch.randn(units, units))  # drawn from torch's own generator
            self.outer = nn.Parameter(torch.zeros(num_classes, units))

    def sized(self, units):
        return LocalHead(self.num_classes, units)

    def forward(self, h, y):
        return nn.functional.cross_entropy((h @ self.inner).tanh() @ self.outer.t(), y)


@pytest.mark.parametrize(
    "part",
    [local_loss, LocalHead(3), parts.Own(3), parts.Own(4, units=9), LinearReadout(5)],
    ids=name,
)
def test_parts_of_ones_own_keep_all(part):
    assert [each for each in contracts.check(part) if not each.kept] == []


def test_a_head_of_another_width_is_named():
    broken = [each for each in contracts.check(parts.Fixed()) if not each.kept]
    assert broken
    assert "cannot be multiplied" in broken[0].reason


def test_kinds_are_told_by_class_and_by_the_name_of_the_labels():
    kinds = {
        "term": [local_loss, lambda h, y: h.sum(), lambda h, targets: h.sum(), LocalHead(3)],
        "loss": [lambda pos, neg: neg.mean(0) - pos, lambda a, b: a],
        "readout": [LinearReadout(3)],
    }
    for kind, made in kinds.items():
        assert {contracts.kind_of(part) for part in made} == {kind}


def test_a_class_that_needs_a_number_of_classes_gets_one():
    own = f"{__name__}:LocalHead"
    texts = ["LinearReadout", "SimilarityMatching", own, "ChannelGroups(num_classes=5)", "SymBa"]
    found = contracts.typed_parts(texts, num_classes=4)
    assert [each.kind for each in found] == ["readout", "term", "term", "readout", "loss"]
    assert [getattr(each.part, "num_classes", None) for each in found] == [4, 4, 4, 5, None]
    names = [each.name for each in contracts.library(num_classes=10)]
    assert "LinearReadout(num_classes=10)" in names
    assert "SupervisedContrast()" in names
    assert functools.reduce(max, map(names.count, names)) == 1
