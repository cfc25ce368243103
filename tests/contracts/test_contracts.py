"""What every public part must do, however it is written: goodness, losses, terms, strategies, ...

The contracts themselves are `forward_forward.contracts`, so that parts of anyone are held to the
same. Defects of published implementations, and what would catch them here:

| defect                             | contract or test                                            |
|------------------------------------|-------------------------------------------------------------|
| negative can be the true label     | never_gives_the_true_label, and test_examples               |
| model selected on the test set     | test_optimize::test_the_best_epoch_is_chosen_by_validation  |
| layers not registered              | test_forward::test_every_layer_is_registered                |
| train() shadows nn.Module.train    | test_forward::test_train_and_eval_are_torchs_own            |
| log(1 + exp) overflows             | is_finite_at_extreme_margins                                |
| the whole set as one batch         | test_optimize::test_fit_takes_one_step_a_batch              |
| CUDA only                          | test_optimize::test_a_trainer_goes_where_it_is_told         |
| peer normalisation too weak to act | test_hinton2022::test_parity_notices_a_changed_constant     |
"""

import pytest
from tests.contracts.public_parts import (
    GOODNESS,
    LOSSES,
    MAKERS,
    READOUTS,
    SCHEDULES,
    STRATEGIES,
    TERMS,
)

from forward_forward import contracts, examples, notation
from forward_forward.contracts import every
from forward_forward.contracts.losses import is_pairwise
from forward_forward.contracts.samples import margins
from forward_forward.optimize import schedules

KINDS = {
    "goodness": GOODNESS,
    "readout": READOUTS,
    "loss": LOSSES,
    "term": TERMS,
    "negatives": STRATEGIES,
}
CASES = [
    pytest.param(contract, part, id=f"{name}-{contract.__name__}")
    for parts in KINDS.values()
    for name, part in parts.items()
    for contract in contracts.contracts_of(part)
]


def test_every_public_class_of_the_examples_is_of_a_known_kind():
    of_numbers = {"OrdinalBins"}  # made from centres, not from a number of classes
    known = {*STRATEGIES, *MAKERS, *of_numbers, "Examples", "WrongLabels", "Inputs", "stack"}
    assert known == set(examples.__all__)


@pytest.mark.parametrize(("contract", "part"), CASES)
def test_a_part_keeps_its_contracts(contract, part):
    contract(part)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_a_part_is_told_by_its_arguments(kind):
    assert {contracts.kind_of(part) for part in KINDS[kind].values()} == {kind}


PAIRWISE = {name: loss for name, loss in LOSSES.items() if is_pairwise(loss)}


@pytest.mark.parametrize("loss", PAIRWISE.values(), ids=PAIRWISE)
def test_a_pairwise_loss_that_refuses_names_one_that_does_not(loss):
    pos, neg = margins(1)
    with pytest.raises(ValueError, match=r"expected at least one negative.*log_sigmoid"):
        loss(pos, neg[:0])


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_a_maker_of_examples_is_read_back_and_copied(maker):
    every.is_found_under_its_name(maker)
    # Else the description of a copied network cannot be built, and its run not resumed.
    every.keeps_its_name_in_copies(maker)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_schedule_is_read_back_and_stays_between_0_and_1(schedule):
    known = notation.public(schedules)
    assert notation.read(notation.write(schedule, known), known) == schedule
    factors = [schedule(epoch / 4, 10) for epoch in range(40)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) > 0.5
