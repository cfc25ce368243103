"""Laws of a set held in memory: which rows its batches, subsets and splits take, and as what."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_forward.data import Batch, Data


def numbered(n: int, classes: int = 2) -> Data:
    """Row i holds the value i, so a batch says which rows it took."""
    values = torch.arange(n, dtype=torch.float32).reshape(n, 1)
    names = tuple(f"c{k}" for k in range(classes))
    return Data(values, torch.arange(n) % classes, names, weights=values[:, 0] + 1)


def rows_of(batches: Iterator[Batch]) -> list[list[int]]:
    return [batch.x[:, 0].int().tolist() for batch in batches]


def flat(lists: list[list[int]]) -> list[int]:
    return [row for rows in lists for row in rows]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5), st.booleans())
@settings(deadline=None, max_examples=50)
def test_batches_hold_every_row_once_and_skip_drops_the_first(n, size, skip, shuffled):
    data = numbered(n)
    whole = rows_of(data.batches(size, shuffle=seeded() if shuffled else None))
    rest = rows_of(data.batches(size, shuffle=seeded() if shuffled else None, skip=skip))
    assert sorted(flat(whole)) == list(range(n))
    assert [len(rows) for rows in whole[:-1]] == [size] * (len(whole) - 1)
    assert rest == whole[skip:]
    if not shuffled:
        assert flat(whole) == list(range(n))


def test_a_batch_keeps_inputs_labels_and_weights_together():
    for batch in numbered(30, 3).batches(7, shuffle=seeded(3)):
        assert batch.weight is not None
        assert torch.equal(batch.y, batch.x[:, 0].long() % 3)
        assert torch.equal(batch.weight, batch.x[:, 0] + 1)


def test_the_order_comes_from_the_generator_and_not_from_the_global_seed():
    data, before = numbered(50), torch.get_rng_state()
    generator = seeded(5)
    first, second = (rows_of(data.batches(8, shuffle=generator)) for _ in range(2))
    data.split(9)
    assert first == rows_of(data.batches(8, shuffle=seeded(5)))
    assert first != second
    assert torch.equal(before, torch.get_rng_state())


def test_uint8_is_divided_by_255_and_floats_are_left_alone():
    values = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    labels = torch.tensor([0], dtype=torch.uint8)
    (small,) = Data(values, labels, ("a",)).batches(4)
    assert small.x.dtype == torch.float32
    assert small.x.tolist() == [[0.0, torch.tensor(0.2).item(), 1.0]]
    assert small.y.dtype == torch.int64
    (real,) = Data(values.double() * 2, labels, ("a",)).batches(4)
    assert real.x.dtype == torch.float32
    assert real.x.tolist() == [[0.0, 102.0, 510.0]]
    assert torch.equal(values, torch.tensor([[0, 51, 255]], dtype=torch.uint8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": torch.zeros(4)}, r"reshape\(-1, 1\)"),
        ({"inputs": torch.zeros(0, 2)}, "a row or more"),
        ({"inputs": torch.zeros(4, 2, dtype=torch.int64)}, r"x\.float\(\)"),
        ({"inputs": torch.tensor([[0.0], [1], [float("nan")], [2]])}, "row 2: .*finite.*NaN"),
        ({"inputs": torch.tensor([[0.0], [1], [2], [-float("inf")]])}, "row 3: .*finite"),
        ({"inputs": torch.tensor([[0.0], [1e300], [2], [3]], dtype=torch.float64)}, "row 1: "),
        ({"labels": torch.tensor([0, 1, 2, 0])}, r"row 2: expected a label in 0\.\.1, got 2"),
        ({"labels": torch.tensor([0, -1, 1, 0])}, "row 1: .*got -1"),
        ({"labels": torch.zeros(4)}, r"y\.long\(\)"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, r"labels \[4\].*got \[3\]"),
        ({"labels": torch.zeros(4, 3, dtype=torch.int64)}, "argmax"),
        ({"weights": torch.tensor([1.0, 1, -1, 1])}, "row 2: .*weight >= 0, got -1"),
        ({"weights": torch.tensor([1.0, float("nan"), 1, 1])}, "row 1: .*weight"),
        ({"weights": torch.zeros(4)}, "only zeros"),
        ({"weights": torch.ones(5)}, r"weights \[4\]"),
        ({"classes": ("a", "a")}, "different class names"),
        ({"classes": ()}, "different class names"),
        ({"classes": "ab"}, "different class names"),
        ({"holdout": 4}, r"holdout in 1\.\.3, got 4"),
    ],
)
def test_a_set_that_does_not_fit_together_is_refused(change, message):
    good = {
        "inputs": torch.zeros(4, 2),
        "labels": torch.tensor([0, 1, 1, 0]),
        "classes": ("a", "b"),
    }
    Data(**good)
    with pytest.raises(ValueError, match=message):
        Data(**(good | change))


def test_bad_sizes_and_rows_are_refused_at_the_call():
    data = numbered(6)
    with pytest.raises(ValueError, match="batch_size >= 1, got 0: pass the samples"):
        data.batches(0)
    with pytest.raises(ValueError, match="expected skip >= 0, got -1: pass"):
        data.batches(2, skip=-1)
    for rows in ([], [6], [-1], [0.5], torch.tensor([True, False])):
        with pytest.raises(ValueError, match="row numbers"):
            data.subset(rows)
    for n in (0, 7):
        with pytest.raises(ValueError, match=r"1\.\.6"):
            data.first(n)


def test_subsets_keep_their_rows_and_drop_the_holdout():
    data = Data(torch.rand(6, 2), torch.arange(6) % 2, ("a", "b"), "mine", None, holdout=2)
    assert torch.equal(data.subset([4, 0]).inputs, data.inputs[[4, 0]])
    assert torch.equal(data.subset(data.labels == 1).inputs, data.inputs[1::2])
    assert torch.equal(data.first(3).labels, data.labels[:3])
    assert data.first(3).holdout is None
    assert data.to("cpu").holdout == 2
    assert data.first(3).name == "mine"


SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=6)


@given(SIZES, st.floats(0.01, 0.9), st.integers(0, 3), st.booleans())
@settings(deadline=None, max_examples=50)
def test_split_parts_the_rows_by_class(sizes, fraction, seed, as_rows):
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    labels = labels[torch.randperm(len(labels), generator=seeded(9))]
    n = len(labels)
    inputs = torch.arange(n, dtype=torch.float32).reshape(n, 1)
    data = Data(inputs, labels, tuple("abcdef"[: len(sizes)]))
    count = max(1, round(fraction * n))
    if count > n - len(sizes):
        with pytest.raises(ValueError, match="hold out at most"):
            data.split(count if as_rows else fraction, seed)
        return
    train, held = data.split(count if as_rows else fraction, seed)
    rows = [part.inputs[:, 0].int().tolist() for part in (train, held)]
    assert len(held) == count
    assert sorted(rows[0] + rows[1]) == list(range(n))
    assert rows == [sorted(part) for part in rows]
    kept = train.labels.bincount(minlength=len(sizes)).tolist()
    taken = held.labels.bincount(minlength=len(sizes)).tolist()
    assert min(kept) >= 1
    for size, part in zip(sizes, taken, strict=True):
        if count >= len(sizes):
            assert part >= min(1, size - 1)
        if min(sizes) * fraction >= 2 and min(sizes) * (1 - fraction) >= 2:
            assert abs(part - size * count / n) < 1
    assert torch.equal(data.split(count, seed)[1].inputs, held.inputs)


def test_split_defaults_to_the_conventional_tail_and_else_to_15_percent():
    data = numbered(40)
    assert len(data.split()[1]) == 6
    assert rows_of(data.split(seed=0)[1].batches(6)) != rows_of(data.split(seed=1)[1].batches(6))
    tail = Data(data.inputs, data.labels, data.classes, holdout=10)
    train, held = tail.split()
    assert held.inputs[:, 0].tolist() == list(range(30, 40))
    assert train.inputs[:, 0].tolist() == list(range(30))
    assert train.holdout is None
    assert len(tail.split(4)[1]) == 4
    for wrong in (0, 1.0, 0.0, -1, True):
        with pytest.raises(ValueError, match="for validation, got"):
            data.split(wrong)


def test_constant_inputs_are_found():
    images = torch.rand(5, 1, 2, 2) + 1
    images[:, 0, 0, 1] = 0.5
    images[3, 0, 1, 1] = 0
    found = Data(images, torch.zeros(5, dtype=torch.int64), ("a",)).constant_inputs()
    assert found.tolist() == [False, True, False, False]
