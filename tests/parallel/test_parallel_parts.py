"""What ranks are made of, each by itself: layouts, parts of a batch, parcels, turns, a meeting."""

import threading
from datetime import timedelta

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.parallel import cases as crew_cases
from torch.distributed import HashStore

from forward_forward import parallel
from forward_forward.data import Data
from forward_forward.examples import stack
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import as_source, written_out
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.parallel import Layout, Place
from forward_forward.parallel.costs import layer_seconds
from forward_forward.parallel.messages import Mail, Shapes, activities_of, put, turns
from forward_forward.parallel.parcel import ALIGNED, Parcel, size
from forward_forward.parallel.rendezvous import fresh
from forward_forward.parallel.timeouts import LostRank, Timeout

TYPES = st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bfloat16])
FIELDS = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.tuples(st.lists(st.integers(0, 5), max_size=3).map(tuple), TYPES),
    max_size=5,
)


@given(st.integers(1, 200), st.integers(1, 9))
def test_the_parts_of_a_batch_have_every_row_once_and_are_alike(batch, count):
    rows = [range(batch)[BatchShard(index, count).rows(batch)] for index in range(count)]
    assert [row for each in rows for row in each] == list(range(batch))
    lengths = [len(each) for each in rows]
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


@given(st.integers(1, 60), st.integers(1, 5), st.data())
def test_scores_of_the_parts_lie_where_those_of_the_batch_do(batch, count, data):
    hard = data.draw(st.integers(0, batch))
    whole = torch.arange(1.0, 3 * hard + 1).view(hard, 3)
    total = torch.zeros(hard, 3)
    for index in range(count):
        part = BatchShard(index, count)
        rows = part.hard(batch, hard)
        start = part.rows(batch).start
        own = whole[start : start + rows]
        assert len(own) == rows
        total += part.spread(own, batch, hard)
    assert torch.equal(total, whole)
    assert sum(BatchShard(index, count).hard(batch, hard) for index in range(count)) == hard


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_part_of_stacked_variants_is_its_rows_of_each(count):
    data = crew_cases.clouds()
    x, y, _ = next(iter(data.batches(11)))
    examples = crew_cases.CASES["two negatives"][0]().network.examples
    rng = torch.Generator().manual_seed(0)
    source = as_source(stack(examples.positive(x, y), examples.negative(x, y, rng)))
    dense = written_out(source).view(3, 11, -1)
    for index in range(count):
        part = BatchShard(index, count)
        wanted = dense[:, part.rows(11)].flatten(0, 1)
        assert torch.equal(written_out(part.of(source, 11)), wanted)
        found = part.of(Activities(dense.flatten(0, 1)), 11)
        assert torch.equal(found.h, wanted)


@given(FIELDS)
def test_a_parcel_s_tensors_are_aligned_apart_and_arrive_as_they_were_put(fields):
    parcel = Parcel(fields, torch.empty(size(fields) + 40, dtype=torch.uint8))
    assert len(parcel.content) == size(fields)
    wanted = {}
    for number, (name, (shape, dtype)) in enumerate(fields.items()):
        assert (parcel[name].shape, parcel[name].dtype) == (shape, dtype)
        if parcel[name].numel():
            assert (parcel[name].data_ptr() - parcel.memory.data_ptr()) % ALIGNED == 0
        wanted[name] = torch.full(shape, number + 1, dtype=dtype)
        parcel[name].copy_(wanted[name])
    arrived = Parcel(fields)
    arrived.content.copy_(parcel.content)
    for name, values in wanted.items():
        assert torch.equal(arrived[name], values)
    assert arrived.get("no such name") is None


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_each_batch_is_seen_once_shown_once_and_so_many_steps_apart(start, count, ahead):
    steps = range(start, start + count)
    order = list(turns(steps, ahead))
    for deed in ("see", "show"):
        assert [number for each, number in order if each == deed] == list(steps)
    for number in steps:
        shown = order.index(("show", number))
        seen = [each for deed, each in order[:shown] if deed == "see"]
        assert seen == list(steps[: number - start + ahead + 1])


@pytest.mark.parametrize(
    ("case", "looks"),
    [
        ("uniform", ()),
        ("first layer", ()),
        ("goodness", ("goodness",)),
        ("softmax", ("head",)),
        ("head and goodness", ("head", "goodness")),
        ("several labels", ()),
    ],
)
def test_what_travels_is_what_the_network_s_own_layers_read(case, looks):
    made, data_of = crew_cases.CASES[case]
    trainer, data = made(), data_of()
    shapes = Shapes.of(trainer, data, 20)
    mail = Mail(trainer, shapes, Place(0, (1, 3)))
    assert mail.looks == looks
    assert mail.answers("goodness")
    assert mail.answers("head") == (case == "softmax")
    assert Mail(trainer, shapes, Place(0, (4,))).looks == ()
    variants = {"several labels": 3}.get(case, 2)
    show = mail.show(1, 20)
    assert show["h"] == ((variants * 20, 24), torch.float32)
    assert show["length"] == ((variants * 20,), torch.float32)
    assert show["share"] == ((20,), torch.float32)
    half = Mail(trainer, shapes, Place(1, (1, 3), replicas=2)).show(1, 21)
    assert half["h"] == ((variants * 10, 24), torch.float32)
    if "goodness" in looks:
        hard = trainer.network.examples.hard_rows(20)
        assert mail.look("goodness", 1, 20)["h"][0] == (4 * hard, 24)
        assert mail.scores("goodness", 20)["total"][0] == (hard, 4)


def test_activities_arrive_with_their_length():
    h = torch.rand(6, 24)
    parcel = Parcel({"h": ((6, 24), torch.float32), "length": ((6,), torch.float32)})
    put(parcel, Activities(h))
    found = activities_of(parcel)
    assert torch.equal(found.h, h)
    assert torch.equal(found.length, Activities(h).length)


def test_ranks_that_start_anew_do_not_meet_those_of_the_start_before():
    """A store that lives on: what an earlier rank 0 has said is no word of the present one."""
    store, said = HashStore(), []
    for _ in range(3):
        found: dict[int, str] = {}

        def come(rank, found=found):
            part = fresh(store, rank, 3, timedelta(seconds=10))
            if rank == 0:
                part.set("address", f"start {len(said)}")
            found[rank] = part.get("address").decode()

        ranks = [threading.Thread(target=come, args=(rank,)) for rank in (2, 1, 0)]
        for each in ranks:
            each.start()
        for each in ranks:
            each.join(20)
        said.append(found)
    assert said == [dict.fromkeys(range(3), f"start {number}") for number in range(3)]


def test_a_rank_that_does_not_come_is_named():
    store = HashStore()
    with pytest.raises(RuntimeError, match=r"ranks \[1, 2\] did not come"):
        fresh(store, 0, 3, timedelta(seconds=0.1))


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
        ({"replicas": None}, "one of them told"),
        ({"timeout": 0}, "a timeout above 0"),
        ({"timeout": float("nan")}, "a timeout above 0"),
        ({"sync": "soon"}, 'sync expects "exact" or "async", got \'soon\''),
        ({"sync": "async", "replicas": 2}, "replicas of a stage cannot"),
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
    with pytest.raises(ValueError, match=f"ranks, got {ranks}: start as many with torchrun"):
        Layout(**settings).over(ranks)


def test_a_lost_rank_is_named_with_its_layers():
    patience = Timeout(Place(2, (2, 1), replicas=2), 7)

    def fails():
        raise RuntimeError("Connection closed by peer\nand more")

    with pytest.raises(LostRank) as raised:
        patience.guard(fails, 0, "waits for")
    assert str(raised.value).startswith(
        "rank 2 (layer 3, replica 1 of 2) waits for rank 0 (layers 1-2, replica 1 of 2), which"
        " died or did not answer within 7 s."
    )
    assert str(raised.value).endswith("(torch: Connection closed by peer)")
    with pytest.raises(LostRank, match="gives to another rank, which"):  # never to itself
        patience.guard(fails, 2, "gives to")


def test_several_processes_are_asked_for_where_there_is_one(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert not parallel.launched()
    data = Data(torch.rand(20, 16), torch.arange(20) % 4, tuple("abcd"))
    with pytest.raises(ValueError, match=r"started in each of them, got one:\s+torchrun"):
        crew_cases.trainer().fit(data, epochs=1, parallel=Layout())


@pytest.mark.parametrize("case", ["uniform", "goodness", "head and goodness", "own block"])
def test_costs_are_of_each_layer_and_leave_the_network_as_it_was(case):
    made, data_of = crew_cases.CASES[case]
    trainer, untouched = made(), made()
    seconds = layer_seconds(trainer, data_of(), 20)
    assert len(seconds) == crew_cases.LAYERS
    assert min(seconds) > 0
    own, other = (dict(each.network.named_parameters()) for each in (trainer, untouched))
    assert crew_cases.same(own, other)
    assert not trainer.network.layers[0].calibrated
    assert crew_cases.state_of(trainer)[0].keys() == crew_cases.state_of(untouched)[0].keys()
