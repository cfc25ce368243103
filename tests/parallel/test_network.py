"""Training on two hosts, over a fast, slow, distant or cut link -> the weights of one process."""

import json
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from tests.conftest import called
from tests.parallel import processes
from tests.parallel.two_hosts import Ended, Running, TwoHosts, missing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # a busy machine takes long

LAYERS, SPLIT = ("200", "300", "100"), ("2", "1")
BATCH, EPOCHS = 128, 2
TASK = ["--batch-size", BATCH, "--epochs", EPOCHS, "--lr", 0.002]
TASK += ["--recipe", "standard", "--precision", "float32", "--hidden", *LAYERS]
FF = ["-m", "tests.parallel.instrumented", "train"]
STAGES = ["--parallel", "layers", "--split", *SPLIT]
BUFFERS = 2  # messages that a stage may send before the first is received


class Step(NamedTuple):
    """When a rank took a step, on a clock that the ranks share, and the bytes it had then sent."""

    began: float
    ended: float
    sent: int


def steps_in(folder: Path) -> list[list[Step]]:
    """The steps of each rank."""
    return [
        [Step(*json.loads(line)) for line in (folder / str(rank)).read_text().splitlines()]
        for rank in range(2)
    ]


def assert_equal_weights(run: Path, other: Path, tolerance: float = 0.0) -> None:
    found, expected = (processes.tensors(each) for each in (run, other))
    names = [name for name in expected if name.startswith("network.")]
    assert names
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=tolerance, atol=tolerance)


def ends(running: list[Running], hosts: TwoHosts) -> list[Ended]:
    """How both ended, when no process is left."""
    ended = [each.end(processes.LIMIT) for each in running]
    assert hosts.processes() == []
    return ended


def assert_succeeded(ended: list[Ended]) -> None:
    for each in ended:
        assert each.code == 0, each.output


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def task(digits_file) -> list[object]:
    """What is trained."""
    return [*TASK, "--data", digits_file]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, task) -> Path:
    """The same training in one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    done = called("train", *task, "--out", run)
    assert done.code == 0, done.err
    return run


def train_on_two_hosts(hosts: TwoHosts, task: list[object], folder: Path) -> None:
    """Train over a link, and log the steps."""
    words = [*FF, *task, *STAGES, "--out", folder / "run"]
    assert_succeeded(ends(hosts.ranks(*words, folder=folder, FF_LOG=str(folder)), hosts))


def test_layers_on_two_hosts_end_in_one_process_weights_and_send_what_they_count(
    alone, task, tmp_path
):
    with TwoHosts() as hosts:
        train_on_two_hosts(hosts, task, tmp_path)
        passed = [hosts.sent(host) for host in range(2)]
    assert_equal_weights(tmp_path / "run", alone)
    first, last = steps_in(tmp_path)
    samples = json.loads((alone / "run.json").read_text())["fit"]["samples"]
    width = int(LAYERS[1])
    rows = 2 * samples * EPOCHS
    activities, lengths, sample_weights = 4 * rows * width, 4 * rows, 4 * rows // 2
    counted = first[-1].sent
    assert counted == pytest.approx(activities + lengths + sample_weights, rel=1e-3)
    assert last[-1].sent == 0  # nothing flows back
    # In addition to the messages: headers, the weights of two layers after each epoch, and metrics.
    lower = sum(
        each.numel()
        for name, each in processes.tensors(alone).items()
        if name.startswith("network.") and "layers.2" not in name
    )
    assert counted < passed[0] < 1.05 * counted + 4 * lower * EPOCHS + 2e5
    assert passed[1] < passed[0] / 4


def test_batches_on_two_hosts_end_in_nearly_one_process_weights(task, tmp_path):
    """In float64, where what Adam makes of a rounding error is bounded by arithmetic.

    A gradient that is almost zero may differ by about 1e-16, and Adam divides by at least 1e-8: a
    step of 0.002 moves a weight by at most some 1e-11 otherwise, over 24 steps.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        done = called("train", *task, "--out", tmp_path / "alone")
    finally:
        torch.set_default_dtype(before)
    assert done.code == 0, done.err
    with TwoHosts() as hosts:
        words = [*FF, *task, "--parallel", "data", "--out", tmp_path / "run"]
        assert_succeeded(ends(hosts.ranks(*words, folder=tmp_path, FF_DTYPE="float64"), hosts))
    assert processes.tensors(tmp_path / "alone")["network.layers.0.block.weight"].dtype == (
        torch.float64
    )
    assert_equal_weights(tmp_path / "run", tmp_path / "alone", 1e-8)


def test_a_cut_link_ends_both_hosts_with_an_error_and_the_run_resumes_later(alone, task, tmp_path):
    run, seconds, step = tmp_path / "run", 4, 16  # in the second epoch
    words = [*FF, *STAGES]
    instrumented = {"FF_HOLD": f"{tmp_path} 01 {step}", "FF_TIMEOUT": str(seconds)}
    with TwoHosts() as hosts:
        running = hosts.torchrun(*words, *task, "--out", run, folder=tmp_path, **instrumented)
        for rank in range(2):
            wait_for(tmp_path / f"held.{rank}", running)
        hosts.cut()
        (tmp_path / "release").touch()
        for each in ends(running, hosts):
            assert each.code not in (0, None)
            assert f"died or did not answer within {seconds} s" in each.output
            assert "--resume" in each.output
        assert json.loads((run / "run.json").read_text())["status"] == "training"

        hosts.mend()
        assert_succeeded(ends(hosts.torchrun(*words, "--resume", run, folder=tmp_path), hosts))
    assert_equal_weights(run, alone)
    assert len((run / "metrics.jsonl").read_text().splitlines()) == EPOCHS


def wait_for(path: Path, running: list[Running]) -> None:
    limit = time.monotonic() + processes.LIMIT
    while not path.exists():
        for each in running:
            assert each.process.poll() is None, each.log.read_text()
        assert time.monotonic() < limit, "the ranks hang"
        time.sleep(0.01)


def test_on_a_slow_link_the_first_stage_waits_for_the_last(alone, task, tmp_path):
    with TwoHosts() as hosts:
        hosts.limit(30)  # megabits a second: much slower than the layers
        train_on_two_hosts(hosts, task, tmp_path)
    assert_equal_weights(tmp_path / "run", alone)
    first, last = steps_in(tmp_path)
    assert len(first) == len(last)
    for number, received in enumerate(last):
        # Two messages are in transit, beside the one that the last stage waits for.
        assert sum(step.ended <= received.began for step in first) <= number + BUFFERS + 1


def test_over_a_long_distance_messages_arrive_later_and_complete(alone, task, tmp_path):
    if reason := missing(delay=True):
        pytest.skip(reason)
    delay = 0.02
    with TwoHosts(delay) as hosts:
        train_on_two_hosts(hosts, task, tmp_path)
    assert_equal_weights(tmp_path / "run", alone)
    first, last = steps_in(tmp_path)
    for sent, received in zip(first, last, strict=True):
        assert received.ended - sent.began > delay


def test_the_error_of_hosts_that_cannot_reach_each_other_says_how_to_choose_a_network(
    task, tmp_path
):
    with TwoHosts() as hosts:
        words = [*FF, *task, *STAGES, "--timeout", 6, "--out", tmp_path / "run"]
        running = hosts.ranks(*words, folder=tmp_path, GLOO_SOCKET_IFNAME="lo")
        # One of them finds no other rank; the other, which is to be found, waits longer.
        limit = time.monotonic() + processes.LIMIT
        while all(each.process.poll() is None for each in running):
            assert time.monotonic() < limit, "the ranks hang"
            time.sleep(0.05)
        ended = next(each for each in running if each.process.poll() is not None).end(0)
    assert ended.code == 1
    assert "GLOO_SOCKET_IFNAME" in ended.output
    assert not (tmp_path / "run").exists()
