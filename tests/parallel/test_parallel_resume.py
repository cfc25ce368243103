"""A run broken off by some ranks, or by one process, goes on with any others: to the same bits."""

import json
import shutil
from typing import NamedTuple

import pytest
import torch
from tests.parallel import cases as crew_cases
from tests.parallel import processes as crews
from tests.parallel import run_cases as crew_runs

import forward_forward as ff

CASES = ("goodness, look-ahead", "softmax, look-ahead, average", "first layer, look-ahead")
STOP = 34 + 15  # in the second epoch of three
LAYERS = {2: {"split": (1, 3)}, 3: {"split": (2, 1, 1)}}
DATA = {"stages": 1, "replicas": None}


class Job(NamedTuple):
    """A training that a launch does: its run's name, its layout, the run it goes on with.

    Where ranks are apart, they send what they would else leave in memory that both see.
    """

    run: str
    case: str
    layout: dict
    begun: str = ""
    stop: int = 0
    apart: bool = False


def jobs(ranks):
    """What two ranks do first, then three: each goes on with what others have broken off."""
    found = []
    for case in CASES:
        if ranks == 2:
            found += [
                Job(f"broken by 2, {case}", case, LAYERS[2], stop=STOP),
                Job(f"broken by 2 with data, {case}", case, DATA, stop=STOP),
                Job(f"1 then 2, {case}", case, LAYERS[2], f"broken by 1, {case}"),
                Job(f"1 then 2 apart, {case}", case, LAYERS[2], f"broken by 1, {case}", apart=True),
                Job(f"1 then 2 with data, {case}", case, DATA, f"broken by 1, {case}"),
            ]
        else:
            found += [
                Job(f"2 then 3, {case}", case, LAYERS[3], f"broken by 2, {case}"),
                Job(f"2 then 3 with data, {case}", case, DATA, f"broken by 2, {case}"),
                Job(f"data then 3, {case}", case, LAYERS[3], f"broken by 2 with data, {case}"),
            ]
    return found


def launch(folder, ranks):
    told: list[dict] = []
    for run, case, layout, begun, stop, apart in jobs(ranks):
        if begun:
            shutil.copytree(folder / begun, folder / run)
        job = {"case": case, "out": str(folder / run), "layout": layout}
        told.append({**job, "stop": stop, "resume": bool(begun), "apart": apart})
    (folder / "jobs.json").write_text(json.dumps(told))
    with crews.Crew(
        ranks, "-m", "tests.parallel.run_cases", folder / "jobs.json", folder / f"{ranks}.json"
    ) as crew:
        code, said = crew.ended()
    assert code == 0, said
    ends = json.loads((folder / f"{ranks}.json").read_text())
    for job, everyone in zip(jobs(ranks), ends, strict=True):
        wanted = "interrupted" if job.stop else "trained"
        assert [each["end"] for each in everyone] == [wanted] * ranks, job
        steps = {each["steps"] for each in everyone}
        assert len(steps) == 1
        if job.stop:  # all ranks take the steps whose parcels are on their way
            assert min(steps) in range(STOP, STOP + 3)


@pytest.fixture(scope="session")
def runs(tmp_path_factory, worker_id):
    """A folder of runs: whole ones, broken ones, and those that others went on with."""

    def make(folder):
        for case in CASES:
            assert crew_runs.done(case, str(folder / f"whole, {case}"), None)["end"] == "trained"
            broken = str(folder / f"broken by 1, {case}")
            assert crew_runs.done(case, broken, None, stop=STOP)["end"] == "interrupted"
        launch(folder, 2)
        launch(folder, 3)

    return crews.once(tmp_path_factory, worker_id, "crew-runs", make)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["1 then 2", "1 then 2 apart", "2 then 3"])
def test_layers_that_go_on_over_other_ranks_end_in_the_same_bits(runs, way, case):
    crews.assert_same(runs / f"{way}, {case}", runs / f"whole, {case}")


@pytest.mark.parametrize("case", CASES)
def test_one_process_goes_on_with_the_run_of_two(runs, case, tmp_path, monkeypatch):
    crew_runs.forbid_pickles(monkeypatch.setattr)
    run = tmp_path / "run"
    shutil.copytree(runs / f"broken by 2, {case}", run)
    assert crew_runs.done(case, str(run), None, resume=True)["end"] == "trained"
    crews.assert_same(run, runs / f"whole, {case}")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["1 then 2 with data", "2 then 3 with data", "data then 3"])
def test_batches_over_ranks_go_on_to_the_same_but_for_rounding(runs, way, case):
    found, wanted = (crews.tensors(runs / name) for name in (f"{way}, {case}", f"whole, {case}"))
    assert found.keys() == wanted.keys()
    assert crew_cases.gap(found, wanted) < 1e-4
    weights = [name for name in wanted if name.startswith("network.")]
    kept = {name: found[name] for name in weights}
    assert crew_cases.gap(kept, wanted) < 1e-5
    assert len(crews.rows(runs / f"{way}, {case}")) == crew_cases.EPOCHS


def test_a_checkpoint_of_ranks_is_tensors_and_json_and_each_rank_writes_its_own(runs):
    folder = runs / f"2 then 3, {CASES[1]}" / "checkpoints" / "last"
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    assert len(list(folder.glob("shard-*.safetensors"))) == 3
    left = {path.name for path in folder.parent.iterdir()}
    assert left == {"last", "best"}


def test_a_broken_run_holds_the_scores_of_the_batches_that_were_seen(runs):
    for steps, name in ((2, CASES[0]), (3, CASES[1]), (2, CASES[2])):
        for way in ("broken by 2", "broken by 2 with data", "broken by 1"):
            held = crews.tensors(runs / f"{way}, {name}")
            waiting = sorted(each for each in held if "waiting." in each)
            assert waiting == [f"trainer.waiting.{index}" for index in range(steps)]
            assert all(bool(held[each].count_nonzero() > 0) for each in waiting)


@pytest.mark.parametrize("which", ["last", "best"])
@pytest.mark.parametrize("case", CASES)
def test_a_network_is_loaded_from_the_run_of_ranks(runs, which, case, monkeypatch):
    crew_runs.forbid_pickles(monkeypatch.setattr)
    found, wanted = (
        ff.load(runs / name, which=which).state_dict()
        for name in (f"2 then 3, {case}", f"whole, {case}")
    )
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())
