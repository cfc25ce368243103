"""Asynchronous stages train, stop and resume; what cannot be spread over ranks is refused."""

import json
import logging
import math
import re

import pytest
from tests.parallel import cases, processes, run_cases

ASYNC = {"split": (1, 3), "sync": "async"}
pytestmark = pytest.mark.timeout(1800)  # a busy machine takes long
EPOCHS, STOP = 30, 30
TRAINS = {"case": "first layer", "layout": ASYNC, "epochs": EPOCHS}
DATA = {"stages": 1, "replicas": None}
STREAM = {"case": "goodness", "stream": True, "out": None, "epochs": 1}
REFUSED = {
    "asynchronous goodness": (
        {"case": "goodness", "layout": ASYNC},
        'sync="async" requires negatives that need no scores from the upper stages',
    ),
    "an asynchronous head": (
        {"case": "unlabelled", "layout": ASYNC},
        'sync="async" requires negatives that need no scores from the upper stages',
    ),
    "a split of other layers": (
        {"case": "uniform", "layout": {"split": (1, 2)}},
        "the network has 4 layers, got split=(1, 2)",
    ),
    "another number of ranks": (
        {"case": "uniform", "layout": {"split": (1, 1, 2)}},
        "needs 3 ranks, got 2",
    ),
    "one layer after the other": (
        {"case": "uniform", "layout": {}, "built": {"order": "greedy"}, "epochs": 4},
        'parallel training requires order="joint" and rule="local", got "greedy"',
    ),
    "a head that trains on the sum": (
        {"case": "softmax", "layout": {"split": (2, 2)}, "built": {"head": True}},
        "a softmax head over layers of several stages must train each layer's part on its own",
    ),
    "terms over a part of a batch": (
        {"case": "terms", "layout": DATA},
        "the terms of a layer compare the samples of a whole batch",
    ),
    "a batch of fewer samples than replicas": (
        {"case": "uniform", "layout": DATA, "batch_size": 150},
        "151 samples in batches of 150 leave 1 at the end, fewer than 2 replicas need",
    ),
}


@pytest.fixture(scope="session")
def ends(tmp_path_factory, worker_id):
    """How each of these ended, on both ranks; and the runs of those that trained."""

    def make(folder):
        jobs = {
            "complete": {**TRAINS, "out": None},
            "interrupted": {**TRAINS, "out": str(folder / "run"), "stop": STOP},
            "resumed": {**TRAINS, "out": str(folder / "run"), "resume": True},
            "a joint head beside replicas": {
                "case": "softmax",
                "layout": DATA,
                "built": {"head": True},
                "out": None,
                "epochs": 1,
            },
            "fitted again": {
                "case": "uniform",
                "out": None,
                "layout": DATA,
                "epochs": 5,
                "stop": STOP,
                "again": [None, DATA, {"split": (1, 3)}],
            },
            "balanced": {"case": "uniform", "out": None, "layout": {}, "epochs": 1},
            "a stream": {**STREAM, "layout": {"split": (2, 2)}},
            "a stream, alone": {**STREAM, "layout": None},
            **{name: {"out": None, **job} for name, (job, _) in REFUSED.items()},
        }
        processes.on_ranks(2, run_cases.run_jobs, list(jobs.values()), folder / "out.json")
        found = json.loads((folder / "out.json").read_text())
        (folder / "ends.json").write_text(json.dumps(dict(zip(jobs, found, strict=True))))

    folder = processes.once(tmp_path_factory, worker_id, "ends", make)
    return {**json.loads((folder / "ends.json").read_text()), "folder": folder}


def test_asynchronous_stages_train(ends):
    first, second = ends["complete"]
    assert first["end"] == second["end"] == "trained"
    assert first["steps"] == cases.STEPS * EPOCHS
    assert second["steps"] >= EPOCHS  # at least one in each epoch
    rows = first["rows"]
    assert len(rows) == EPOCHS
    for layer in range(4):
        assert rows[-1]["loss"][layer] < rows[0]["loss"][layer]
        assert all(math.isfinite(row["loss"][layer]) for row in rows)
    assert min(row["validation_error"] for row in rows) < 30  # by chance 75


def test_asynchronous_stages_stop_together_and_resume(ends):
    first, second = ends["interrupted"]
    assert first["end"] == second["end"] == "interrupted"
    assert STOP <= first["steps"] <= STOP + 2
    assert ends["resumed"][0]["end"] == ends["resumed"][1]["end"] == "trained"
    assert ends["resumed"][0]["steps"] == cases.STEPS * EPOCHS
    rows = processes.rows(ends["folder"] / "run")
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    assert min(row["validation_error"] for row in rows) < 30


def test_a_joint_head_is_allowed_if_each_rank_has_all_layers(ends):
    assert [each["end"] for each in ends["a joint head beside replicas"]] == ["trained"] * 2


def test_a_trainer_interrupted_among_replicas_can_be_fitted_with_any_layout(ends):
    first, second = ends["fitted again"]
    assert first["end"] == second["end"] == "interrupted"
    for each in (first, second):
        assert STOP <= each["steps"] <= STOP + 2
        assert each["steps in all"] == each["steps"] + 3 * cases.STEPS
    assert len(first["lengths"]) == 3
    assert first["lengths"] == second["lengths"]


def test_ranks_read_a_data_loader_as_one_process_does(ends):
    (first, second), (alone, _) = ends["a stream"], ends["a stream, alone"]
    for each in (*first["rows"], *second["rows"], *alone["rows"]):
        del each["seconds"]
    assert first["end"] == second["end"] == alone["end"] == "trained"
    assert first["rows"] == second["rows"] == alone["rows"]
    assert first["steps"] == second["steps"] == cases.STEPS


@pytest.mark.parametrize("name", REFUSED)
def test_every_rank_refuses_what_they_cannot_do_before_any_step(ends, name):
    for each in ends[name]:
        assert REFUSED[name][1] in each["end"]
        assert each["steps"] == 0


def test_the_library_logs_the_balanced_split_and_prints_nothing(ends):
    first, second = ends["balanced"]
    assert first["end"] == second["end"] == "trained"
    assert first["printed"] == second["printed"] == ""
    assert re.search(r"layers of the stages: \d \+ \d, at most \d\.\d\d times as", first["log"])
    assert second["log"] == ""


FLAGS = {
    "no torchrun": (["--parallel", "data"], "expects several processes, got one"),
    "stages alone": (["--stages", "2"], "--stages, --split and --sync require --parallel"),
    "a split alone": (["--split", "1", "1"], "--stages, --split and --sync require --parallel"),
    "a pace alone": (["--sync", "async"], "--stages, --split and --sync require --parallel"),
    "a timeout alone": (["--timeout", "5"], "--timeout requires --parallel"),
    "stages of layers": (["--parallel", "layers", "--stages", "2"], "omit --stages"),
    "stages of data": (["--parallel", "data", "--stages", "2"], "omit --stages"),
    "a split of data": (["--parallel", "data", "--split", "1", "1"], "omit --stages"),
    "both of nothing": (["--parallel", "both"], "both expects --stages or --split, got neither"),
}
LAUNCHED = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


@pytest.mark.parametrize("name", FLAGS)
def test_contradictory_flags_are_refused(ff, name, monkeypatch, tmp_path):
    for each in LAUNCHED:
        monkeypatch.delenv(each, raising=False)
    words, said = FLAGS[name]
    out = tmp_path / "run"
    done = ff("train", "--data", "digits", "--hidden", "8", "8", *words, "--out", out)
    assert done.code not in (0, None)
    assert said in done.err
    assert not out.exists()


def test_without_a_folder_a_restart_would_not_find_its_run(ff, monkeypatch):
    for each, value in LAUNCHED.items():
        monkeypatch.setenv(each, value)
    done = ff("train", "--data", "digits", "--hidden", "8", "8", "--parallel", "layers")
    assert done.code not in (0, None)
    assert "--parallel requires --out" in done.err


def test_processes_of_torchrun_do_not_each_train_alone_into_one_folder(ff, monkeypatch, tmp_path):
    for each, value in LAUNCHED.items():
        monkeypatch.setenv(each, value)
    done = ff("train", "--data", "digits", "--hidden", "8", "8", "--out", tmp_path / "run")
    assert done.code not in (0, None)
    assert "torchrun started 2 processes" in done.err
    assert not (tmp_path / "run").exists()


def test_both_accepts_a_split(monkeypatch):
    from forward_forward.cli import distributed
    from forward_forward.cli.train_settings import ParallelOptions

    for each, value in LAUNCHED.items():
        monkeypatch.setenv(each, value)
    options = ParallelOptions(parallel="both", split=(3, 2), timeout=30.0)
    run = distributed.distributed_run(options, None)
    assert run is not None
    assert run.layout.over(6) == (2, 3)


def test_the_command_prints_what_the_library_logs(monkeypatch, capsys):
    from forward_forward.cli import distributed
    from forward_forward.cli.train_settings import ParallelOptions

    for each, value in LAUNCHED.items():
        monkeypatch.setenv(each, value)
    monkeypatch.setattr(logging.getLogger("forward_forward.parallel"), "handlers", [])
    distributed.distributed_run(ParallelOptions(parallel="layers"), None)
    logging.getLogger("forward_forward.parallel.layout").info("layers of the stages: 1 + 2")
    assert capsys.readouterr().err == "layers of the stages: 1 + 2\n"
