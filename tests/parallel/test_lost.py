"""Ranks that die, hang or are told to stop: others end soon, and no bit of the training is lost."""

import os
import re
import signal
import sys

import psutil
import pytest
from tests.conftest import called
from tests.parallel import processes as crews

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")

EPOCHS = 30
SMALL = ["--data", "digits", "--hidden", "32", "24", "24", "--batch-size", "50"]
SMALL += ["--lr", "0.01", "--epochs", str(EPOCHS), "--threads", "1"]
LOOKING = ["--negatives", "FromGoodness(fraction=0.5)", "--look-ahead", "2"]
LAYERS = ["--parallel", "layers", "--split", "1", "2", "--timeout", "30"]


@pytest.fixture(scope="session")
def whole(tmp_path_factory, worker_id):
    """The same training in one process, undisturbed."""

    def make(folder):
        done = called("train", *SMALL, *LOOKING, "--out", folder / "run")
        assert done.code == 0, done.err

    return crews.once(tmp_path_factory, worker_id, "undisturbed", make) / "run"


def begun(out, *words, restarts=0):
    words = words or LAYERS
    return crews.Crew(2, *crews.training(*SMALL, *LOOKING, *words, "--out", out), restarts=restarts)


def assert_resumed(run, whole):
    done = called("train", "--resume", run)
    assert done.code == 0, done.err
    crews.assert_same(run, whole)


@pytest.mark.parametrize("to", ["torchrun", "all, as a terminal does"])
def test_ctrl_c_saves_in_the_middle_of_an_epoch_and_resuming_loses_nothing(tmp_path, whole, to):
    run = tmp_path / "run"
    with begun(run) as crew:
        assert crews.until(lambda: crews.epochs(run) >= 3, crew)
        crew.look()
        if to == "torchrun":
            crew.process.send_signal(signal.SIGINT)
        else:
            os.killpg(crew.process.pid, signal.SIGINT)
        code, said = crew.ended()
        assert code != 0
        assert "saved; continue with: the same torchrun command, with --resume" in said
        assert crew.all_gone(5)
    assert 3 <= crews.epochs(run) < EPOCHS
    stands = crews.progress(run)
    if stands["step"]:  # the middle of an epoch, most likely: its next batches were seen
        assert stands["waiting"] == 2
    assert_resumed(run, whole)


def test_a_rank_that_is_killed_costs_nothing_where_torchrun_may_start_all_anew(tmp_path, whole):
    run = tmp_path / "run"
    with begun(run, restarts=3) as crew:
        assert crews.until(lambda: crews.epochs(run) >= 4 and len(crew.look()) == 2, crew)
        crew.look()[0].kill()
        assert crews.until(lambda: len(crew.look()) == 2 and len(crew.known) == 4, crew)
        code, said = crew.ended()
        assert code == 0, said
        assert crew.all_gone(5)
    crews.assert_same(run, whole)


def test_a_rank_that_is_killed_costs_nothing_where_each_has_a_torchrun_of_its_own(tmp_path, whole):
    """As on two machines: which torchrun has the first rank may change with a restart."""
    run = tmp_path / "run"
    called("train", *SMALL, "--epochs", "1", "--out", run)  # an older run, to be replaced once
    words = crews.training(*SMALL, *LOOKING, *LAYERS, "--out", run, "--overwrite")
    meeting = ["--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-id", "both", "--local-addr"]
    meeting += ["127.0.0.1", "--rdzv-endpoint", f"127.0.0.1:{crews.free_port()}"]
    with (
        crews.Crew(1, *words, restarts=3, meeting=meeting) as first,
        crews.Crew(1, *words, restarts=3, meeting=meeting) as second,
    ):
        both = (first, second)
        assert crews.until(
            lambda: 4 <= crews.epochs(run) < EPOCHS and all(each.look() for each in both), first
        )
        second.look()[0].kill()
        assert crews.until(lambda: bool(second.look()) and len(second.known) == 2, second)
        for each in both:
            code, said = each.ended()
            assert code == 0, said
            assert each.all_gone(5)
    crews.assert_same(run, whole)


@pytest.mark.parametrize(
    ("to", "words"),
    [(1, ()), (0, ("--batch-size", "5000", "--look-ahead", "0"))],
    ids=["above the first stage", "in an epoch of one step"],
)
def test_a_wish_to_stop_is_heard_at_the_end_of_the_epoch_if_not_before(tmp_path, to, words):
    run = tmp_path / "run"
    with begun(run, *LAYERS, "--epochs", "100000", *words) as crew:
        assert crews.until(lambda: crews.epochs(run) >= 2 and len(crew.look()) == 2, crew)
        crew.look()[to].terminate()
        code, said = crew.ended(60)
        assert code != 0
        assert "saved; continue with: the same torchrun command, with --resume" in said
        assert crew.all_gone(5)
    assert crews.progress(run)["step"] == 0


def test_ranks_whose_torchrun_is_killed_do_not_stay(tmp_path):
    words = ["--parallel", "layers", "--split", "1", "2", "--timeout", "4"]
    with begun(tmp_path / "run", *words, "--epochs", "100000") as crew:
        assert crews.until(lambda: crews.epochs(tmp_path / "run") >= 2, crew)
        assert len(crew.look()) == 2
        crew.process.kill()
        assert crew.all_gone(30)
    done = called("evaluate", tmp_path / "run", "--json")  # they have saved what they had
    assert done.code == 0, done.err


def test_a_rank_that_hangs_ends_the_others_with_a_clear_error(tmp_path):
    words = ["--parallel", "layers", "--split", "1", "2", "--timeout", "4"]
    run = tmp_path / "run"
    with begun(run, *words, "--epochs", "100000") as crew:
        assert crews.until(lambda: crews.epochs(run) >= 2, crew)
        ranks = crew.look()
        hangs = 1
        crews.stop(ranks[hangs])
        _, alive = psutil.wait_procs([ranks[1 - hangs]], timeout=4 + 20)
        assert alive == []
        ranks[hangs].kill()  # as torchrun does after half a minute
        code, said = crew.ended()
        assert code != 0
        assert crew.all_gone(5)
        assert crews.ports_left({*crew.known, crew.process.pid}) == []
    names = ["rank 0 (layer 1)", "rank 1 (layers 2-3)"]
    told = [each for each in crews.errors(said) if each.startswith(names[1 - hangs])]
    assert len(told) == 1
    lost = re.search(r"(rank \d \([^)]*\)|another rank), which died or did not answer", told[0])
    assert lost is not None
    assert lost.group(1) in (names[hangs], "another rank")
    assert "within 4 s" in told[0]
    assert "--max-restarts goes on from it by itself" in told[0]
