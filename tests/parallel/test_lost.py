"""Ranks that die, hang or are asked to stop: the others end soon, and the training loses no bit."""

import os
import re
import signal
import sys

import pytest
from tests.conftest import called
from tests.parallel import processes
from tests.parallel.processes import TorchrunProcesses

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX"),
    pytest.mark.timeout(1800),  # a busy machine takes long
]

EPOCHS, STEPS = 4, 5  # steps of an epoch
SMALL = ["--hidden", "32", "24", "24", "--batch-size", "300"]
SMALL += ["--lr", "0.01", "--epochs", EPOCHS, "--threads", "1"]
PROBING = ["--negatives", "FromGoodness(fraction=0.5)", "--look-ahead", "2"]
LAYERS = ["--parallel", "layers", "--split", "1", "2"]
MIDDLE = 2 * STEPS  # the step at which a rank is held, the first of the third epoch
INSTRUMENTED = ["-m", "tests.parallel.instrumented", "train"]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, worker_id, digits_file):
    """The same training in one process."""

    def make(folder):
        words = [*SMALL, *PROBING, "--data", digits_file]
        done = called("train", *words, "--out", folder / "run")
        assert done.code == 0, done.err

    return processes.once(tmp_path_factory, worker_id, "undisturbed", make) / "run"


@pytest.fixture
def start(digits_file):
    """Start a training, and hold some ranks at a step."""

    def started(folder, held, *arguments, ranks=2, restarts=0, step=MIDDLE, **settings):
        words = [*INSTRUMENTED, *SMALL, *PROBING, *LAYERS, "--data", digits_file]
        hold = {"FF_HOLD": f"{folder} {held} {step}"}
        words += ["--out", folder / "run", *arguments]
        return TorchrunProcesses(ranks, *words, restarts=restarts, **hold, **settings)

    return started


def wait_until_held(started, folder, rank):
    assert started.until((folder / f"held.{rank}").exists), started.process.communicate()[0]
    started.running()


@pytest.mark.parametrize(
    "target", ["torchrun", pytest.param("all, as a terminal does", marks=pytest.mark.slow)]
)
def test_ctrl_c_saves_within_an_epoch_and_resuming_loses_nothing(
    tmp_path, start, undisturbed, target
):
    run = tmp_path / "run"
    with start(tmp_path, 0) as started:
        wait_until_held(started, tmp_path, 0)
        if target == "torchrun":
            started.process.send_signal(signal.SIGINT)
        else:
            os.killpg(started.process.pid, signal.SIGINT)
        code, output = started.wait()
        assert code != 0
        assert "saved; continue with: the same torchrun command, with --resume" in output
        assert started.all_ended()
    assert processes.epochs(run) == 2
    progress = processes.progress(run)
    assert progress["step"] == 3  # of the epoch: the second step announces the last one
    assert progress["waiting"] == 2  # batches that were probed
    done = called("train", "--resume", run)
    assert done.code == 0, done.err
    processes.assert_same(run, undisturbed)


def test_a_killed_rank_costs_nothing_if_torchrun_may_restart_all(tmp_path, start, undisturbed):
    with start(tmp_path, 0, restarts=3) as started:
        wait_until_held(started, tmp_path, 0)
        started.running()[0].kill()
        assert started.until(lambda: len(started.running()) == 2 and len(started.seen) == 4)
        code, output = started.wait()
        assert code == 0, output
        assert started.all_ended()
    processes.assert_same(tmp_path / "run", undisturbed)


@pytest.mark.slow
def test_a_killed_rank_costs_nothing_if_each_has_its_own_torchrun(
    tmp_path, start, undisturbed, digits_file
):
    """As on two machines: which torchrun starts the first rank may change with a restart."""
    run = tmp_path / "run"
    called(
        "train", *SMALL, "--data", digits_file, "--epochs", "1", "--out", run
    )  # an earlier run, to be replaced once
    rendezvous = ["--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-id", "both", "--local-addr"]
    rendezvous += ["127.0.0.1", "--rdzv-endpoint", f"127.0.0.1:{processes.free_port()}"]
    given = {"ranks": 1, "restarts": 3, "rendezvous": rendezvous}
    with (
        start(tmp_path, 1, "--overwrite", **given) as first,
        start(tmp_path, 1, "--overwrite", **given) as second,
    ):
        both = (first, second)
        wait_until_held(first, tmp_path, 1)
        assert second.until(lambda: bool(second.running()))
        second.running()[0].kill()
        assert second.until(lambda: bool(second.running()) and len(second.seen) == 2)
        for each in both:
            code, output = each.wait()
            assert code == 0, output
            assert each.all_ended()
    processes.assert_same(run, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "arguments", "step", "epoch"),
    [(1, (), MIDDLE, 3), (0, ("--batch-size", "5000", "--look-ahead", "0"), 2, 3)],
    ids=["above the first stage", "in an epoch of one step"],
)
def test_a_stop_request_takes_effect_by_the_end_of_the_epoch(
    tmp_path, start, rank, arguments, step, epoch
):
    run = tmp_path / "run"
    with start(tmp_path, rank, *arguments, step=step) as started:
        wait_until_held(started, tmp_path, rank)
        started.running()[rank].terminate()
        code, output = started.wait()
        assert code != 0
        assert "saved; continue with: the same torchrun command, with --resume" in output
        assert started.all_ended()
    assert processes.epochs(run) == epoch
    assert processes.progress(run)["step"] == 0


@pytest.mark.slow
def test_ranks_end_if_their_torchrun_is_killed(tmp_path, start):
    with start(tmp_path, 0) as started:
        wait_until_held(started, tmp_path, 0)
        assert len(started.running()) == 2
        started.process.kill()
        started.process.wait()
        (tmp_path / "release").touch()
        assert started.all_ended()
    assert processes.epochs(tmp_path / "run") < EPOCHS
    done = called("evaluate", tmp_path / "run", "--json")  # they saved their state
    assert done.code == 0, done.err


@pytest.mark.slow
def test_a_rank_that_hangs_ends_the_others_with_a_clear_error(tmp_path, start):
    with start(tmp_path, "01", FF_TIMEOUT="5") as started:
        wait_until_held(started, tmp_path, 0)
        wait_until_held(started, tmp_path, 1)
        _, hangs = started.running()
        processes.suspend(hangs)
        (tmp_path / "release").touch()
        assert started.until(lambda: started.running() == [hangs])
        hangs.kill()  # as torchrun does after half a minute
        code, output = started.wait()
        assert code != 0
        assert started.all_ended()
        assert processes.open_ports({*started.seen, started.process.pid}) == []
    (message,) = (each for each in processes.errors(output) if each.startswith("rank 0 (layer 1)"))
    lost = re.search(r"(rank \d \([^)]*\)|another rank), which died or did not answer", message)
    assert lost is not None
    assert lost.group(1) in ("rank 1 (layers 2-3)", "another rank")
    assert "within 5 s" in message
    assert "with --max-restarts, the same torchrun command resumes" in message
