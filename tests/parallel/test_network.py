"""Training on two hosts, over links that are fast, slow, far or cut -> one process's weights."""

import contextlib
import functools
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from tests.parallel.two_hosts import Ended, Running, TwoHosts, missing

import forward_forward
from forward_forward.parallel.stage import Stage
from forward_forward.recipes import Plan, standard

LAYERS, SPLIT = ("200", "300", "100"), ("2", "1")
BATCH, EPOCHS = 128, 3
TASK = ["--data", "digits", "--batch-size", BATCH, "--epochs", EPOCHS, "--lr", 0.002]
TASK += ["--precision", "float32", "--hidden", *LAYERS]
FF = ["-m", "forward_forward", "train"]
STAGES = ["--parallel", "layers", "--split", *SPLIT]
LOGGED = "tests.parallel.test_network:logged"
BUFFERS = 2  # parcels that a stage may send before they are asked for


@functools.wraps(standard)
def logged(*args: object, **settings: object) -> Plan:
    """The standard recipe, where each rank writes down its steps."""
    path = Path(os.environ["FF_STEPS"], os.environ["RANK"])
    original = Stage.step

    def step(stage: Stage) -> object:
        began = time.monotonic()
        figures = original(stage)
        with path.open("a") as file:
            file.write(json.dumps([began, time.monotonic(), stage.sent]) + "\n")
        return figures

    Stage.step = step
    return standard(*args, **settings)


class Step(NamedTuple):
    """When a rank took a step, on the clock of both, and how many bytes it had then sent."""

    began: float
    ended: float
    sent: int


def steps_in(folder: Path) -> list[list[Step]]:
    """Those of each rank."""
    return [
        [Step(*json.loads(line)) for line in (folder / str(rank)).read_text().splitlines()]
        for rank in range(2)
    ]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return forward_forward.load(run, which="last").state_dict()


def assert_equal_weights(run: Path, other: Path, tolerance: float = 0.0) -> None:
    found, expected = weights(run), weights(other)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def ends(running: list[Running], hosts: TwoHosts, seconds: float = 120) -> list[Ended]:
    """How both ended, when no process is left."""
    ended = [each.end(seconds) for each in running]
    assert hosts.processes() == []
    return ended


def assert_good(ended: list[Ended]) -> None:
    for each in ended:
        assert each.code == 0, each.said


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The same training in one process."""
    from tests.conftest import called  # imports much, and this file is a recipe's too

    run = tmp_path_factory.mktemp("alone") / "run"
    done = called("train", *TASK, "--out", run)
    assert done.code == 0, done.err
    return run


def on_two_hosts(hosts: TwoHosts, folder: Path) -> None:
    """Train over a link, and write down the steps."""
    words = [*FF, *TASK, *STAGES, "--recipe", LOGGED, "--out", folder / "run"]
    assert_good(ends(hosts.ranks(*words, folder=folder, FF_STEPS=str(folder)), hosts))


def test_layers_on_two_hosts_end_in_one_process_weights_and_send_what_they_count(alone, tmp_path):
    with TwoHosts() as hosts:
        on_two_hosts(hosts, tmp_path)
        passed = [hosts.sent(host) for host in range(2)]
    assert_equal_weights(tmp_path / "run", alone)
    first, last = steps_in(tmp_path)
    samples = json.loads((alone / "run.json").read_text())["fit"]["samples"]
    width = int(LAYERS[1])
    rows = 2 * samples * EPOCHS
    activities, lengths, shares = 4 * rows * width, 4 * rows, 4 * rows // 2
    counted = first[-1].sent
    assert counted == pytest.approx(activities + lengths + shares, rel=1e-3)
    assert last[-1].sent == 0  # nothing flows back
    # Beside the parcels go headers, the weights of two layers after each epoch and some figures.
    lower = sum(each.numel() for name, each in weights(alone).items() if "layers.2" not in name)
    assert counted < passed[0] < 1.05 * counted + 4 * lower * EPOCHS + 2e5
    assert passed[1] < passed[0] / 4


def test_batches_on_two_hosts_end_in_nearly_one_process_weights(alone, tmp_path):
    with TwoHosts() as hosts:
        words = [*FF, *TASK, "--parallel", "data", "--out", tmp_path / "run"]
        assert_good(ends(hosts.ranks(*words, folder=tmp_path), hosts))
    assert_equal_weights(tmp_path / "run", alone, 1e-5)


def test_a_cut_link_ends_both_hosts_with_an_error_and_the_run_goes_on_later(alone, tmp_path):
    run, seconds = tmp_path / "run", 4
    words = [*FF, *STAGES, "--timeout", seconds]
    with TwoHosts() as hosts:
        hosts.limit(20)  # slow enough to be cut in an epoch
        running = hosts.torchrun(*words, *TASK, "--out", run, folder=tmp_path)
        wait_for_a_row(run, running)
        time.sleep(0.3)
        cut = time.monotonic()
        hosts.cut()
        ended = ends(running, hosts)
        took = time.monotonic() - cut
        for each in ended:
            assert each.code not in (0, None)
            assert f"died or did not answer within {seconds} s" in each.said
            assert "--resume" in each.said
        assert took < seconds + 15  # torchrun waits up to 30 s for a rank that hangs
        assert json.loads((run / "run.json").read_text())["status"] == "training"

        hosts.mend()
        hosts.unlimit()
        assert_good(ends(hosts.torchrun(*words, "--resume", run, folder=tmp_path), hosts))
    assert_equal_weights(run, alone)
    assert len((run / "metrics.jsonl").read_text().splitlines()) == EPOCHS


def wait_for_a_row(run: Path, running: list[Running]) -> None:
    limit = time.monotonic() + 120
    while time.monotonic() < limit and all(each.process.poll() is None for each in running):
        with contextlib.suppress(FileNotFoundError):
            if (run / "metrics.jsonl").read_text():
                return
        time.sleep(0.01)
    pytest.fail("no epoch was trained: " + running[0].log.read_text())


def test_on_a_slow_link_the_first_stage_waits_for_the_last(alone, tmp_path):
    with TwoHosts() as hosts:
        hosts.limit(30)  # much slower than the layers
        on_two_hosts(hosts, tmp_path)
    assert_equal_weights(tmp_path / "run", alone)
    first, last = steps_in(tmp_path)
    assert len(first) == len(last)
    ahead = [
        sum(step.ended <= taken.began for step in first) - number
        for number, taken in enumerate(last)
    ]
    # Two are on the way beside the one that the last stage waits for, and no more.
    assert BUFFERS <= max(ahead) <= BUFFERS + 1


def test_over_a_long_way_parcels_arrive_later_and_whole(alone, tmp_path):
    if reason := missing(delay=True):
        pytest.skip(reason)
    delay = 0.02
    with TwoHosts(delay) as hosts:
        on_two_hosts(hosts, tmp_path)
    assert_equal_weights(tmp_path / "run", alone)
    first, last = steps_in(tmp_path)
    for sent, taken in zip(first, last, strict=True):
        assert taken.ended - sent.began > delay


def test_hosts_that_cannot_reach_each_other_are_told_how_to_choose_a_network(tmp_path):
    with TwoHosts() as hosts:
        words = [*FF, *TASK, *STAGES, "--timeout", 20, "--out", tmp_path / "run"]
        running = hosts.ranks(*words, folder=tmp_path, GLOO_SOCKET_IFNAME="lo")
        # One of them finds nobody; the other, who is to be found, waits several times as long.
        while all(each.process.poll() is None for each in running):
            time.sleep(0.05)
        ended = next(each for each in running if each.process.poll() is not None).end(0)
    assert ended.code == 1
    assert "GLOO_SOCKET_IFNAME" in ended.said
    assert not (tmp_path / "run").exists()
