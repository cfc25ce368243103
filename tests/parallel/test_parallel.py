"""Ranks that share layers give the bits of one process; those that share batches, its numbers."""

import json

import pytest
from tests.parallel import cases as crew_cases
from tests.parallel import processes as crews

RANKS = (2, 3, 4)


@pytest.fixture(scope="session")
def launched(tmp_path_factory, worker_id):
    """All cases on some ranks."""

    def results(ranks):
        def launch(folder):
            with crews.Crew(ranks, "-m", "tests.parallel.cases", folder / "out.json") as crew:
                code, said = crew.ended()
            assert code == 0, said

        made = crews.once(tmp_path_factory, worker_id, f"crew-{ranks}", launch)
        return json.loads((made / "out.json").read_text())

    return results


def names(kinds):
    for ranks in RANKS:
        for case in crew_cases.CASES:
            for kind in crew_cases.layouts(ranks):
                if kind in kinds and crew_cases.has(ranks, case, kind):
                    yield pytest.param(
                        ranks, f"{case}, {kind}", id=f"{ranks} ranks, {case}, {kind}"
                    )


@pytest.mark.parametrize(("ranks", "case"), [*names({"layers"})])
def test_layers_over_ranks_learn_bit_for_bit_as_in_one_process(launched, ranks, case):
    found = launched(ranks)[case]
    assert {name: value for name, value in found.items() if value is False} == {}
    assert [name for name, value in found.items() if "gap" in name and value != 0] == []
    assert found["steps"] >= 100


@pytest.mark.parametrize(("ranks", "case"), [*names({"data", "both"})])
def test_batches_over_ranks_learn_as_in_one_process_but_for_rounding(launched, ranks, case):
    found = launched(ranks)[case]
    bound = 1e-9 if "float64" in case else 1e-5
    assert found["weights_gap"] < bound
    assert found["memory_gap"] < 10 * bound
    assert found["goodness_gap"] < bound
    assert found["loss_gap"] < 10 * bound
    assert found["error_gap"] == 0
    assert found["moved"]
    assert found["memory_whole"]
    assert found["steps_same"]
    assert found["steps"] >= 100
