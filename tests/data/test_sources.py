"""What a user has becomes a source: arrays, labels of any kind, Datasets and DataLoaders."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from forward_forward.data import Batch, Data, Source, Stream, as_source


def rows_of(batches: Iterator[Batch]) -> list[list[int]]:
    return [batch.x[:, 0].int().tolist() for batch in batches]


@pytest.mark.parametrize(
    ("labels", "classes", "codes", "names"),
    [
        (["dog", "cat", "dog"], None, [1, 0, 1], ("cat", "dog")),
        (np.array(["b", "a", "b"], dtype=object), None, [1, 0, 1], ("a", "b")),
        ([2, 0, 1], None, [2, 0, 1], ("0", "1", "2")),
        (torch.tensor([10, 9, -1]), None, [2, 1, 0], ("-1", "9", "10")),
        (np.array([1.0, 2.0, 1.0]), None, [0, 1, 0], ("1", "2")),
        ([True, False, True], None, [1, 0, 1], ("False", "True")),
        (np.array([True, True, True]), None, [1, 1, 1], ("False", "True")),
        (np.array([True, False, True]), ("no", "yes"), [1, 0, 1], ("no", "yes")),
        (["dog", "cat", "dog"], ("dog", "cow", "cat"), [0, 2, 0], ("dog", "cow", "cat")),
        ([0, 1, 0], ("dog", "cow", "cat"), [0, 1, 0], ("dog", "cow", "cat")),
        ([2, 1, 2], ("1", "2", "3"), [1, 0, 1], ("1", "2", "3")),
    ],
)
def test_labels_of_any_kind_become_codes(labels, classes, codes, names):
    source = as_source((np.eye(3), labels), classes=classes)
    assert isinstance(source, Data)
    assert source.labels.tolist() == codes
    assert source.classes == names


class Once(IterableDataset):
    def __init__(self) -> None:
        self.rows = iter([(torch.zeros(1), 0), (torch.zeros(1), 1)])

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        return self.rows


class Pairs(list, Dataset):
    """A map-style set of the given rows."""


@pytest.mark.parametrize(
    ("source", "classes", "message"),
    [
        ((np.eye(3), ["cat", "dgo", "cat"]), ("cat", "dog"), "row 1: .*'dgo'.*mean 'dog'"),
        ((np.eye(3), [0, 1, 2]), ("cat", "dog"), r"row 2: .*0\.\.1, got 2"),
        ((np.eye(3), [0, "a", 2]), None, "row 1: .*one type"),
        ((np.eye(3), [0.5, 1.0, 2.0]), ("cat", "dog"), "float64"),
        ((np.eye(3), np.eye(3)), None, "argmax"),
        ((np.eye(3), [0, 1]), None, r"labels \[3\]"),
        ((np.array([["a"], ["b"]]), [0, 1]), None, "expected numbers"),
        (([[1, 2], [3], [4, 5]], [0, 1, 0]), None, "row 1: expected .*2.* like row 0"),
        ((np.eye(3),), None, r"\(x, y\) or \(x, y, weight\), got a tuple of 1"),
        (Pairs([(torch.zeros(2), 0), (torch.zeros(3), 1)]), None, r"row 1: .*\[2\].*got .*\[3\]"),
        (Pairs([(torch.zeros(2), 0), torch.zeros(3)]), None, r"row 1: expected \(x, y\)"),
        (Pairs([(object(), 0)]), None, "row 0: .*transform"),
        (Pairs(), None, "empty"),
        ("mnist", None, r"datasets\.load"),
        (Once(), None, "DataLoader"),
        (frozenset(), None, "got a frozenset"),
    ],
)
def test_sources_that_cannot_be_read_are_refused(source, classes, message):
    with pytest.raises(ValueError, match=message):
        as_source(source, classes=classes)


def test_arrays_keep_their_values_on_the_way_in():
    read_only = np.arange(6, dtype=np.uint8).reshape(3, 2)[:, ::-1]
    read_only.flags.writeable = False
    source = as_source((read_only, [0, 1, 0], [1, 2, 3]), name="mine")
    assert isinstance(source, Data)
    assert source.inputs.dtype == torch.uint8
    assert source.inputs.tolist() == read_only.tolist()
    assert source.weights is not None
    assert source.weights.tolist() == [1, 2, 3]
    (batch,) = as_source(([[7, 255]], [0])).batches(1)
    assert batch.x.tolist() == [[7.0, 255.0]]
    big_endian = np.array([[1.5, 2.5]], dtype=">f8")
    assert next(as_source((big_endian, [0])).batches(1)).x.tolist() == [[1.5, 2.5]]


def test_a_dataset_is_read_into_memory():
    rows = [(torch.full((1, 2), float(k)), "ab"[k % 2], 2.0) for k in range(4)]
    source = as_source(Pairs(rows))
    assert isinstance(source, Data)
    assert source.classes == ("a", "b")
    assert source.inputs[:, 0, 0].tolist() == [0, 1, 2, 3]
    assert source.weights is not None
    tensors = TensorDataset(torch.rand(3, 2), torch.tensor([0, 1, 1]))
    assert as_source(tensors).classes == ("0", "1")


def loader(n: int = 10, classes: int = 3, **options: object) -> DataLoader[tuple[Tensor, ...]]:
    values = torch.arange(n, dtype=torch.float32).reshape(n, 1)
    return DataLoader(TensorDataset(values, torch.arange(n) % classes), 4, **options)


def test_a_loader_becomes_a_stream_without_disturbing_any_generator():
    generator, before = torch.Generator().manual_seed(1), torch.get_rng_state()
    state = generator.get_state()
    source = as_source(loader(shuffle=True, generator=generator))
    as_source(loader(shuffle=True))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(state, generator.get_state())
    assert isinstance(source, Stream)
    assert isinstance(source, Source)
    assert source.classes == ("0", "1", "2")
    assert len(source) == 10
    assert sorted(torch.cat([batch.x[:, 0] for batch in source.batches(4)]).tolist()) == list(
        range(10)
    )


def test_a_stream_skips_counts_and_checks_its_batches():
    stream = Stream(loader(), ("a", "b", "c"))
    assert rows_of(stream.batches(4, skip=1)) == [[4, 5, 6, 7], [8, 9]]
    assert len(Stream(loader(drop_last=True), ("a", "b", "c"))) == 8
    with pytest.raises(ValueError, match="batch_size=4, got 5"):
        stream.batches(5)
    with pytest.raises(ValueError, match=r"batch 0, row 2: expected a label in 0\.\.1"):
        list(Stream(loader(), ("a", "b")).batches(4))
    images = [[torch.full((1, 2), 255, dtype=torch.uint8), torch.tensor([0]), torch.ones(1)]]
    (batch,) = Stream(images, ("a",)).batches(7)
    assert batch.x.tolist() == [[1.0, 1.0]]
    assert batch.weight is not None
    with pytest.raises(ValueError, match=r"batch 0, row 0: expected a label among .* got 'b'"):
        list(Stream([(torch.ones(1, 2), ["b"])], ("a",)).batches(1))


class Noisy(Dataset):
    """Sample k holds k and a number drawn by the worker that reads it."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return torch.tensor([float(number), torch.rand(()).item()]), number % 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # of Python 3.12
def test_a_loader_with_workers_streams_again_from_the_same_generator():
    state = torch.get_rng_state()
    stream = as_source(DataLoader(Noisy(), 6, shuffle=True, num_workers=2), classes=["a", "b"])
    assert isinstance(stream, Stream)
    whole = list(stream.batches(6, shuffle=torch.Generator().manual_seed(5)))
    rest = list(stream.batches(6, shuffle=torch.Generator().manual_seed(5), skip=2))
    other = next(stream.batches(6, shuffle=torch.Generator().manual_seed(6)))
    assert sorted(torch.cat([batch.x for batch in whole])[:, 0].tolist()) == list(range(20))
    for batch, again in zip(whole[2:], rest, strict=True):
        assert torch.equal(batch.x, again.x)
        assert torch.equal(batch.y, batch.x[:, 0].long() % 2)
    assert not torch.equal(other.x, whole[0].x)
    assert torch.equal(state, torch.get_rng_state())


def test_a_loader_that_can_be_read_once_is_refused():
    with pytest.raises(ValueError, match="again each epoch, got a generator"):
        Stream(((x, y) for x, y in loader()), ("a", "b", "c"))

    stream = Stream(DataLoader(Once(), 2), ("a", "b"))
    assert len(list(stream.batches(2))) == 1
    with pytest.raises(ValueError, match="exhausted"):
        list(stream.batches(2))


class Counted(DataLoader):
    """A loader that counts how often it is opened: each time may take minutes, or draw anew."""

    opened = 0

    def __iter__(self):
        self.opened += 1
        return super().__iter__()


def test_a_stream_is_recognised_without_opening_its_loader():
    opened = Counted(TensorDataset(torch.rand(4, 1), torch.arange(4) % 2), 2)
    stream = Stream(opened, ("a", "b"))
    assert as_source(stream) is stream
    assert opened.opened == 0
    assert (stream.shape, stream.batch_size, len(stream), stream.shape) == ((1,), 2, 4, (1,))
    assert opened.opened == 1
    assert isinstance(stream, Source)
    assert opened.opened == 1


def test_sources_pass_through_and_classes_must_agree():
    data = Data(torch.rand(4, 1), torch.arange(4) % 2, ("c0", "c1"))
    assert as_source(data) is data
    assert as_source(data, classes=["c0", "c1"]) is data
    with pytest.raises(ValueError, match="expected classes"):
        as_source(data, classes=["x", "y"])
