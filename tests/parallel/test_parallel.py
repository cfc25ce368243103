"""Layers spread over ranks train bit for bit as in one process; batches do, up to rounding."""

import json

import pytest
from tests.parallel import cases, processes

RANKS = (2, 3, 4)
pytestmark = pytest.mark.timeout(1800)  # a busy machine takes long


def steps_of(name: str) -> int:
    case, _, kind = name.rpartition(", ")
    return cases.STEPS * cases.epochs_of(case, kind)


@pytest.fixture(scope="session")
def launched(tmp_path_factory, worker_id):
    """The differences of all cases on a number of ranks."""

    def results(ranks):
        def launch(folder):
            processes.on_ranks(ranks, cases.compare_all, folder / "out.json")

        folder = processes.once(tmp_path_factory, worker_id, f"cases-{ranks}", launch)
        return json.loads((folder / "out.json").read_text())

    return results


def names(kinds):
    for ranks in RANKS:
        for case in cases.CASES:
            for kind in cases.layouts(ranks):
                if kind in kinds and cases.has(ranks, case, kind):
                    yield pytest.param(
                        ranks, f"{case}, {kind}", id=f"{ranks} ranks, {case}, {kind}"
                    )


@pytest.mark.parametrize(("ranks", "case"), [*names({"layers"})])
def test_layers_over_ranks_train_bit_for_bit_as_in_one_process(launched, ranks, case):
    found = launched(ranks)[case]
    assert {name: value for name, value in found.items() if value is False} == {}
    assert [name for name, value in found.items() if "gap" in name and value != 0] == []
    assert found["steps"] == steps_of(case)


@pytest.mark.parametrize(("ranks", "case"), [*names({"data", "both"})])
def test_batches_over_ranks_train_as_in_one_process_up_to_rounding(launched, ranks, case):
    found = launched(ranks)[case]
    bound = 1e-5 if case.rpartition(", ")[0] in cases.FLOAT32_SHARDS else 1e-9
    assert found["weights_gap"] < bound
    assert found["states_gap"] < 10 * bound
    assert found["goodness_gap"] < bound
    assert found["loss_gap"] < 10 * bound
    assert found["error_gap"] == 0
    assert found["moved"]
    assert found["states_complete"]
    assert found["steps_same"]
    assert found["steps"] == steps_of(case)
