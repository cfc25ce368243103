"""Stages at their own pace learn, stop and go on; what cannot be spread over ranks is refused."""

import json
import math

import pytest
from tests.parallel import processes as crews

LOOSE = {"split": (1, 3), "sync": "async"}
EPOCHS = 8
LEARNS = {"case": "first layer", "layout": LOOSE, "epochs": EPOCHS}
DATA = {"stages": 1, "replicas": None}
STREAM = {"case": "goodness", "stream": True, "out": None, "epochs": 1}
REFUSED = {
    "goodness at its own pace": (
        {"case": "goodness", "layout": LOOSE},
        'sync="async" expects negatives that the first stage chooses by itself',
    ),
    "a head at its own pace": (
        {"case": "unlabelled", "layout": LOOSE},
        'sync="async" expects negatives that the first stage chooses by itself',
    ),
    "a split of other layers": (
        {"case": "uniform", "layout": {"split": (1, 2)}},
        "the network has 4 layers, got split=(1, 2)",
    ),
    "another number of ranks": (
        {"case": "uniform", "layout": {"split": (1, 1, 2)}},
        "3 stages expect 3 ranks, got 2",
    ),
    "one layer after the other": (
        {"case": "uniform", "layout": {}, "built": {"order": "greedy"}, "epochs": 4},
        'layers that learn in parallel expect order="joint", got "greedy"',
    ),
    "a head that learns from the sum": (
        {"case": "softmax", "layout": {"split": (2, 2)}, "built": {"head": True}},
        "a softmax head over layers of several stages expects layers that learn apart",
    ),
    "a batch of fewer samples than replicas": (
        {"case": "uniform", "layout": DATA, "batch_size": 670},
        "671 samples in batches of 670 leave 1 at the end, fewer than 2 replicas need",
    ),
}


@pytest.fixture(scope="session")
def ends(tmp_path_factory, worker_id):
    """How each of these ended, on both ranks; and the runs of those that learned."""

    def make(folder):
        jobs = {
            "whole": {**LEARNS, "out": str(folder / "whole")},
            "broken": {**LEARNS, "out": str(folder / "run"), "stop": 90},
            "resumed": {**LEARNS, "out": str(folder / "run"), "resume": True},
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
                "stop": 60,
                "again": [None, DATA, {"split": (1, 3)}],
            },
            "a stream": {**STREAM, "layout": {"split": (2, 2)}},
            "a stream, alone": {**STREAM, "layout": None},
            **{name: {"out": None, **job} for name, (job, _) in REFUSED.items()},
        }
        (folder / "jobs.json").write_text(json.dumps(list(jobs.values())))
        words = ["-m", "tests.parallel.run_cases", folder / "jobs.json", folder / "out.json"]
        with crews.Crew(2, *words) as crew:
            code, said = crew.ended()
        assert code == 0, said
        found = json.loads((folder / "out.json").read_text())
        (folder / "ends.json").write_text(json.dumps(dict(zip(jobs, found, strict=True))))

    folder = crews.once(tmp_path_factory, worker_id, "crew-async", make)
    return {**json.loads((folder / "ends.json").read_text()), "folder": folder}


def test_stages_at_their_own_pace_learn(ends):
    first, second = ends["whole"]
    assert first["end"] == second["end"] == "trained"
    assert first["steps"] == 34 * EPOCHS
    assert second["steps"] >= EPOCHS  # as many as there was time for
    rows = first["rows"]
    assert len(rows) == EPOCHS
    for layer in range(4):
        assert rows[-1]["loss"][layer] < rows[0]["loss"][layer]
        assert all(math.isfinite(row["loss"][layer]) for row in rows)
    assert min(row["validation_error"] for row in rows) < 30  # by chance 75


def test_stages_at_their_own_pace_stop_together_and_go_on(ends):
    first, second = ends["broken"]
    assert first["end"] == second["end"] == "interrupted"
    assert 90 <= first["steps"] <= 92
    assert ends["resumed"][0]["end"] == ends["resumed"][1]["end"] == "trained"
    assert ends["resumed"][0]["steps"] == 34 * EPOCHS
    rows = crews.rows(ends["folder"] / "run")
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    assert min(row["validation_error"] for row in rows) < 30


def test_a_joint_head_is_no_hindrance_where_each_rank_has_all_layers(ends):
    assert [each["end"] for each in ends["a joint head beside replicas"]] == ["trained"] * 2


def test_a_trainer_that_was_stopped_among_replicas_may_be_fitted_in_any_way(ends):
    first, second = ends["fitted again"]
    assert first["end"] == second["end"] == "interrupted"
    for each in (first, second):
        assert 60 <= each["steps"] <= 62
        assert each["steps in all"] == each["steps"] + 3 * 34
    assert len(first["lengths"]) == 3
    assert first["lengths"] == second["lengths"]


def test_a_data_loader_is_read_by_ranks_as_by_one_process(ends):
    (first, second), (alone, _) = ends["a stream"], ends["a stream, alone"]
    for each in (*first["rows"], *second["rows"], *alone["rows"]):
        del each["seconds"]
    assert first["end"] == second["end"] == alone["end"] == "trained"
    assert first["rows"] == second["rows"] == alone["rows"]
    assert first["steps"] == second["steps"] == 34


@pytest.mark.parametrize("name", REFUSED)
def test_what_ranks_cannot_do_is_refused_on_all_of_them_and_nothing_is_trained(ends, name):
    for each in ends[name]:
        assert REFUSED[name][1] in each["end"]
        assert each["steps"] == 0


FLAGS = {
    "no torchrun": (["--parallel", "data"], "expects several processes, got one"),
    "stages alone": (["--stages", "2"], "--stages, --split and --sync expect --parallel"),
    "a split alone": (["--split", "1", "1"], "--stages, --split and --sync expect --parallel"),
    "a pace alone": (["--sync", "async"], "--stages, --split and --sync expect --parallel"),
    "a timeout alone": (["--timeout", "5"], "--timeout expects --parallel"),
    "stages of layers": (["--parallel", "layers", "--stages", "2"], "omit --stages"),
    "stages of data": (["--parallel", "data", "--stages", "2"], "omit --stages"),
    "a split of data": (["--parallel", "data", "--split", "1", "1"], "omit --stages"),
    "both of nothing": (["--parallel", "both"], "both expects --stages or --split, got neither"),
}
LAUNCHED = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_that_do_not_go_together_are_refused(ff, name, monkeypatch, tmp_path):
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
    assert "--parallel expects --out" in done.err


def test_both_may_be_told_by_a_split(monkeypatch):
    from forward_forward.cli import distributed
    from forward_forward.cli.train_settings import ParallelOptions

    for each, value in LAUNCHED.items():
        monkeypatch.setenv(each, value)
    options = ParallelOptions(parallel="both", split=(3, 2), timeout=30.0)
    run = distributed.distributed_run(options, None)
    assert run is not None
    assert run.layout.over(6) == (2, 3)
