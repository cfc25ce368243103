"""The parts of parallel training, each alone: shards, messages, channels and costs."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.parallel import cases

from forward_forward.examples import stack
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import as_source, written_out
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.parallel import Place
from forward_forward.parallel.channels import IN_TRANSIT, ReceiveChannel, SendChannel
from forward_forward.parallel.costs import layer_seconds
from forward_forward.parallel.messages import (
    ALIGNMENT,
    MessagePlan,
    PackedTensors,
    SampleShapes,
    pack_activities,
    packed_size,
    schedule,
    unpack_activities,
)

CPU = torch.device("cpu")
TYPES = st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bfloat16])
SPECS = st.dictionaries(
    st.text(min_size=1, max_size=4),
    st.tuples(st.lists(st.integers(0, 5), max_size=3).map(tuple), TYPES),
    max_size=5,
)


@given(st.integers(1, 200), st.integers(1, 9))
def test_shards_of_a_batch_have_every_row_once_and_equal_sizes(batch, count):
    rows = [range(batch)[BatchShard(index, count).rows(batch)] for index in range(count)]
    assert [row for each in rows for row in each] == list(range(batch))
    lengths = [len(each) for each in rows]
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


@given(st.integers(1, 60), st.integers(1, 5), st.data())
def test_scores_of_the_shards_lie_where_those_of_the_batch_do(batch, count, data):
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
def test_a_shard_of_stacked_variants_has_its_rows_of_each(count):
    data = cases.clouds()
    x, y, _ = next(iter(data.batches(11)))
    examples = cases.CASES["two negatives"][0]().network.examples
    rng = torch.Generator().manual_seed(0)
    source = as_source(stack(examples.positive(x, y), examples.negative(x, y, rng)))
    dense = written_out(source).view(3, 11, -1)
    for index in range(count):
        part = BatchShard(index, count)
        wanted = dense[:, part.rows(11)].flatten(0, 1)
        assert torch.equal(written_out(part.of(source, 11)), wanted)
        found = part.of(Activities(dense.flatten(0, 1)), 11)
        assert torch.equal(found.h, wanted)


@given(SPECS)
def test_packed_tensors_are_aligned_and_disjoint_and_survive_a_copy_of_their_bytes(specs):
    message = PackedTensors(specs, torch.empty(packed_size(specs) + 40, dtype=torch.uint8))
    assert len(message.payload) == packed_size(specs)
    wanted = {}
    for number, (name, (shape, dtype)) in enumerate(specs.items()):
        assert (message[name].shape, message[name].dtype) == (shape, dtype)
        if message[name].numel():
            assert (message[name].data_ptr() - message.buffer.data_ptr()) % ALIGNMENT == 0
        wanted[name] = torch.full(shape, number + 1, dtype=dtype)
        message[name].copy_(wanted[name])
    arrived = PackedTensors(specs)
    arrived.payload.copy_(message.payload)
    for name, values in wanted.items():
        assert torch.equal(arrived[name], values)
    assert arrived.get("no such name") is None


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_each_batch_is_probed_and_trained_on_once_with_the_look_ahead_between(start, count, ahead):
    steps = range(start, start + count)
    order = list(schedule(steps, ahead))
    for action in ("probe", "train"):
        assert [number for each, number in order if each == action] == list(steps)
    for number in steps:
        trained = order.index(("train", number))
        probed = [each for action, each in order[:trained] if action == "probe"]
        assert probed == list(steps[: number - start + ahead + 1])


@pytest.mark.parametrize(
    ("case", "probes"),
    [
        ("uniform", ()),
        ("first layer", ()),
        ("goodness", ("goodness",)),
        ("softmax", ("head",)),
        ("head and goodness", ("head", "goodness")),
        ("several labels", ()),
    ],
)
def test_messages_contain_what_the_layers_of_the_network_read(case, probes):
    made, data_of = cases.CASES[case]
    trainer, data = made(), data_of()
    shapes = SampleShapes.of(trainer, data, 20)
    plan = MessagePlan(trainer, shapes, Place(0, (1, 3)), [])
    assert plan.probes == probes
    assert plan.returns_scores("goodness")
    assert plan.returns_scores("head") == (case == "softmax")
    assert MessagePlan(trainer, shapes, Place(0, (4,)), []).probes == ()
    variants = {"several labels": 3}.get(case, 2)
    training = plan.training(1, 20)
    assert training["h"] == ((variants * 20, 24), torch.float32)
    assert training["length"] == ((variants * 20,), torch.float32)
    assert training["sample_weight"] == ((20,), torch.float32)
    half = MessagePlan(trainer, shapes, Place(1, (1, 3), replicas=2), []).training(1, 21)
    assert half["h"] == ((variants * 10, 24), torch.float32)
    if "goodness" in probes:
        hard = trainer.network.examples.hard_rows(20)
        assert plan.probing("goodness", 1, 20)["h"][0] == (4 * hard, 24)
        assert plan.scores("goodness", 20)["scores"][0] == (hard, 4)


def test_activities_arrive_with_their_length():
    h = torch.rand(6, 24)
    message = PackedTensors({"h": ((6, 24), torch.float32), "length": ((6,), torch.float32)})
    pack_activities(message, Activities(h))
    found = unpack_activities(message)
    assert torch.equal(found.h, h)
    assert torch.equal(found.length, Activities(h).length)


class Network:
    """A stand-in for `Timeout`: two ranks without a network, which logs all that is awaited."""

    def __init__(self) -> None:
        self.payloads: list[torch.Tensor] = []
        self.awaited: list[int] = []
        self.requested = 0

    def send(self, content: torch.Tensor, peer: int) -> int:
        self.payloads.append(content.clone())
        return len(self.payloads) - 1

    def receive(self, content: torch.Tensor, peer: int) -> tuple[int, torch.Tensor]:
        self.requested += 1
        return self.requested - 1, content

    def wait(self, work: Any, peer: int, action: str) -> None:
        if action == "sends to":
            self.awaited.append(work)
        else:
            number, content = work
            content.copy_(self.payloads[number])


LENGTHS = [5, 5, 9, 2, 70_000, 9, 70_001, 3, 1, 40, 200_000, 8, 8]  # growing and shrinking


def specs_of(length):
    return {"h": ((length,), torch.float32), "stop": ((1,), torch.int64)}


def test_a_sender_waits_while_two_of_its_messages_are_in_transit():
    network = Network()
    channel = SendChannel(1, network, CPU)
    for number, length in enumerate(LENGTHS):
        message = channel.message(specs_of(length))
        assert network.awaited == list(range(max(0, number - IN_TRANSIT + 1)))
        message["h"].fill_(number)
        channel.send(message)
    channel.drain()
    assert network.awaited == list(range(len(LENGTHS)))
    assert channel.sent == sum(len(payload) for payload in network.payloads)


@pytest.mark.parametrize("ahead", [1, 3])
def test_messages_arrive_complete_and_in_order_and_stay_valid_until_the_next(ahead):
    network = Network()
    channel = SendChannel(1, network, CPU)
    for number, length in enumerate(LENGTHS):
        message = channel.message(specs_of(length))
        message["h"].fill_(number)
        message["stop"].fill_(-number)
        channel.send(message)
    receiver = ReceiveChannel(0, network, CPU, ahead)
    receiver.expect(specs_of(length) for length in LENGTHS)
    for number, length in enumerate(LENGTHS):
        assert network.requested == min(number + ahead, len(LENGTHS))
        message = receiver.receive()
        for buffer in receiver._ring._buffers:  # messages that arrive now do not overwrite it
            if buffer.data_ptr() != message.buffer.data_ptr():
                buffer.zero_()
        assert torch.equal(message["h"], torch.full((length,), float(number)))
        assert int(message["stop"]) == -number


@pytest.mark.parametrize("case", ["uniform", "goodness", "head and goodness", "custom block"])
def test_costs_are_measured_for_each_layer_without_changing_the_network(case):
    made, data_of = cases.CASES[case]
    trainer, untouched = made(), made()
    seconds = layer_seconds(trainer, data_of(), 20)
    assert len(seconds) == cases.LAYERS
    assert min(seconds) > 0
    own, other = (dict(each.network.named_parameters()) for each in (trainer, untouched))
    assert cases.same(own, other)
    assert not trainer.network.layers[0].calibrated
    assert cases.state_of(trainer)[0].keys() == cases.state_of(untouched)[0].keys()
