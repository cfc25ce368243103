"""Layouts over ranks, the start and restart of their process group, and ranks that are lost."""

import threading
from datetime import timedelta

import pytest
import torch
from tests.parallel import cases
from tests.parallel.processes import LIMIT
from torch.distributed import HashStore

from forward_forward import parallel
from forward_forward.data import Data
from forward_forward.parallel import Layout, Place
from forward_forward.parallel.process_group import isolated_store
from forward_forward.parallel.timeouts import LostRank, Timeout


def test_restarted_ranks_do_not_see_the_entries_of_the_start_before():
    """The store outlives a restart, and what rank 0 wrote before it is not read after it."""
    store, said = HashStore(), []
    for _ in range(3):
        found: dict[int, str] = {}

        def enter(rank, found=found):
            part = isolated_store(store, rank, 3, timedelta(seconds=LIMIT))
            if rank == 0:
                part.set("address", f"start {len(said)}")
            found[rank] = part.get("address").decode()

        ranks = [threading.Thread(target=enter, args=(rank,)) for rank in (2, 1, 0)]
        for each in ranks:
            each.start()
        for each in ranks:
            each.join(120)
        said.append(found)
    assert said == [dict.fromkeys(range(3), f"start {number}") for number in range(3)]


def test_a_rank_that_does_not_arrive_is_named():
    store = HashStore()
    with pytest.raises(RuntimeError, match=r"ranks \[1, 2\] did not arrive"):
        isolated_store(store, 0, 3, timedelta(seconds=0.1))


@pytest.mark.parametrize(
    ("settings", "ranks", "found"),
    [
        ({}, 4, (4, 1)),
        ({"replicas": 2}, 6, (3, 2)),
        ({"stages": 1, "replicas": None}, 4, (1, 4)),
        ({"stages": 2, "replicas": 2}, 4, (2, 2)),
        ({"split": (2, 2), "replicas": None}, 6, (2, 3)),
    ],
)
def test_a_layout_has_a_place_for_each_rank(settings, ranks, found):
    assert Layout(**settings).over(ranks) == found
    stages, replicas = found
    places = [Place(rank, (2,) * stages, replicas) for rank in range(ranks)]
    assert {(each.stage, each.replica) for each in places} == {
        (stage, replica) for stage in range(stages) for replica in range(replicas)
    }
    for each in places:
        assert each.at(each.stage) == each.rank
        assert all(each.stage_of(layer) == each.stage for layer in each.layers)
        assert (each.first, each.last) == (each.stage == 0, each.stage == stages - 1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stages": 0}, "stages and replicas of at least 1"),
        ({"replicas": 0}, "stages and replicas of at least 1"),
        ({"replicas": None}, "at most one of them None"),
        ({"timeout": 0}, "a timeout above 0"),
        ({"timeout": float("nan")}, "a timeout above 0"),
        ({"sync": "soon"}, 'sync expects "exact" or "async", got \'soon\''),
        ({"sync": "async", "replicas": 2}, "replicas of a stage cannot run"),
        ({"sync": "async", "stages": 1}, "several stages"),
        ({"split": (1, 2), "stages": 3}, r"split=\(1, 2\) has 2 stages, got stages=3"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        Layout(**settings)


@pytest.mark.parametrize(
    ("settings", "ranks"),
    [({"stages": 3}, 2), ({"replicas": 2}, 5), ({"split": (1, 1)}, 3), ({"stages": 3}, 4)],
)
def test_another_number_of_ranks_than_a_layout_has_places_is_refused(settings, ranks):
    with pytest.raises(ValueError, match=f"ranks, got {ranks}: start that many with torchrun"):
        Layout(**settings).over(ranks)


def test_a_lost_rank_is_named_with_its_layers():
    timeout = Timeout(Place(2, (2, 1), replicas=2), 7)

    def fails():
        raise RuntimeError("Connection closed by peer\nand more")

    with pytest.raises(LostRank) as raised:
        timeout.guard(fails, 0, "waits for")
    assert str(raised.value).startswith(
        "rank 2 (layer 3, replica 1 of 2) waits for rank 0 (layers 1-2, replica 1 of 2), which"
        " died or did not answer within 7 s."
    )
    assert str(raised.value).endswith("(torch: Connection closed by peer)")
    with pytest.raises(LostRank, match="sums with another rank, which"):  # never to itself
        timeout.guard(fails, 2, "sums with")


def test_a_layout_in_a_single_process_is_refused(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert not parallel.launched()
    data = Data(torch.rand(20, 16), torch.arange(20) % 4, tuple("abcd"))
    with pytest.raises(ValueError, match=r"started in each of them, got one process:\s+torchrun"):
        cases.trainer().fit(data, epochs=1, parallel=Layout())
