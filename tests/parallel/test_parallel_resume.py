"""A run interrupted on some ranks, or in one process, resumes on any others to the same bits."""

import json
import shutil
from typing import NamedTuple

import pytest
import torch
from tests.parallel import cases, processes, run_cases

import forward_forward as ff
from forward_forward.parallel import sharded_checkpoint

CASES = ("goodness, look-ahead", "softmax, look-ahead, average", "first layer, look-ahead")
pytestmark = pytest.mark.timeout(1800)  # a busy machine takes long
EPOCHS, STOP = 3, cases.STEPS + 2  # in the second epoch of three
LAYERS = {2: {"split": (1, 3)}, 3: {"split": (2, 1, 1)}}
DATA = {"stages": 1, "replicas": None}


class Job(NamedTuple):
    """A training on the ranks: the name of its run, its layout, the run that it resumes."""

    run: str
    case: str
    layout: dict
    resumes: str = ""
    stop: int = 0


def jobs(ranks):
    """The trainings of two ranks, then of three, which resume what others have interrupted."""
    found = []
    for case in CASES:
        if ranks == 2:
            found += [
                Job(f"interrupted on 2, {case}", case, LAYERS[2], stop=STOP),
                Job(f"interrupted on 2 with data, {case}", case, DATA, stop=STOP),
                Job(f"1 then 2, {case}", case, LAYERS[2], f"interrupted on 1, {case}"),
                Job(f"1 then 2 with data, {case}", case, DATA, f"interrupted on 1, {case}"),
            ]
        else:
            found += [
                Job(f"2 then 3, {case}", case, LAYERS[3], f"interrupted on 2, {case}"),
                Job(f"2 then 3 with data, {case}", case, DATA, f"interrupted on 2, {case}"),
                Job(f"data then 3, {case}", case, LAYERS[3], f"interrupted on 2 with data, {case}"),
            ]
    return found


def launch(folder, ranks):
    given: list[dict] = []
    for run, case, layout, resumes, stop in jobs(ranks):
        if resumes:
            shutil.copytree(folder / resumes, folder / run)
        job = {"case": case, "out": str(folder / run), "layout": layout, "epochs": EPOCHS}
        given.append({**job, "stop": stop, "resume": bool(resumes)})
    processes.on_ranks(ranks, run_cases.run_jobs, given, folder / f"{ranks}.json")
    ends = json.loads((folder / f"{ranks}.json").read_text())
    for job, everyone in zip(jobs(ranks), ends, strict=True):
        wanted = "interrupted" if job.stop else "trained"
        assert [each["end"] for each in everyone] == [wanted] * ranks, job
        steps = {each["steps"] for each in everyone}
        assert len(steps) == 1
        if job.stop:  # all ranks take the steps whose messages are in transit
            assert min(steps) in range(STOP, STOP + 3)


def train(case, out, **settings):
    """The same training in this process."""
    return run_cases.train(case, str(out), None, epochs=EPOCHS, **settings)


@pytest.fixture(scope="session")
def runs(tmp_path_factory, worker_id):
    """A folder of runs: complete ones, interrupted ones, and those that other ranks resumed."""

    def make(folder):
        for case in CASES:
            complete = train(case, folder / f"complete, {case}")
            interrupted = train(case, folder / f"interrupted on 1, {case}", stop=STOP)
            assert (complete["end"], interrupted["end"]) == ("trained", "interrupted")
        launch(folder, 2)
        launch(folder, 3)

    return processes.once(tmp_path_factory, worker_id, "runs", make)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["1 then 2", "2 then 3"])
def test_layers_resumed_on_other_ranks_end_in_the_same_bits(runs, way, case):
    processes.assert_same(runs / f"{way}, {case}", runs / f"complete, {case}")


@pytest.mark.parametrize("case", CASES)
def test_one_process_resumes_the_run_of_two(runs, case, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(runs / f"interrupted on 2, {case}", run)
    with run_cases.no_pickled_files():
        assert train(case, run, resume=True)["end"] == "trained"
    processes.assert_same(run, runs / f"complete, {case}")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["1 then 2 with data", "2 then 3 with data", "data then 3"])
def test_batches_resumed_on_other_ranks_end_in_the_same_up_to_rounding(runs, way, case):
    found, wanted = (
        processes.tensors(runs / name) for name in (f"{way}, {case}", f"complete, {case}")
    )
    assert found.keys() == wanted.keys()
    assert cases.gap(found, wanted) < 1e-4
    weights = [name for name in wanted if name.startswith("network.")]
    kept = {name: found[name] for name in weights}
    assert cases.gap(kept, wanted) < 1e-5
    assert len(processes.rows(runs / f"{way}, {case}")) == EPOCHS


def test_a_checkpoint_of_ranks_is_safetensors_and_json_and_each_rank_writes_its_own(runs):
    folder = runs / f"2 then 3, {CASES[1]}" / "checkpoints" / "last"
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    assert len(list(folder.glob("shard-*.safetensors"))) == 3
    left = {path.name for path in folder.parent.iterdir()}
    assert left == {"last", "best"}


def test_an_interrupted_run_holds_the_scores_of_the_batches_that_were_probed(runs):
    for steps, name in ((2, CASES[0]), (3, CASES[1]), (2, CASES[2])):
        for way in ("interrupted on 2", "interrupted on 2 with data", "interrupted on 1"):
            held = processes.tensors(runs / f"{way}, {name}")
            waiting = sorted(each for each in held if "waiting." in each)
            assert waiting == [f"trainer.waiting.{index}" for index in range(steps)]
            assert all(bool(held[each].count_nonzero() > 0) for each in waiting)


@pytest.mark.parametrize("which", ["last", "best"])
@pytest.mark.parametrize("case", CASES)
def test_a_network_is_loaded_from_the_run_of_ranks(runs, which, case):
    with run_cases.no_pickled_files():
        found, wanted = (
            ff.load(runs / name, which=which).state_dict()
            for name in (f"2 then 3, {case}", f"complete, {case}")
        )
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # one process will do
@pytest.mark.parametrize("kept", [0, 60, -1])
def test_a_broken_file_of_a_rank_is_a_sentence(tmp_path, kept):
    sharded_checkpoint.write(tmp_path, {"network.a": torch.ones(3), "trainer.b": torch.ones(2)})
    assert {*sharded_checkpoint.read(tmp_path, lambda name: True)} == {"network.a", "trainer.b"}
    (path,) = tmp_path.glob("shard-*.safetensors")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"expected whole safetensors files in .* train again"):
        sharded_checkpoint.read(tmp_path, lambda name: True)
