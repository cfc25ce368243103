"""Real-valued targets in tables, arrays and loaders: when they are, and how they are read."""

import numpy as np
import pandas
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from forward_forward.data import Data, as_source, checksum
from forward_forward.datasets import load, load_like


def frame(y):
    return pandas.DataFrame({"x": np.arange(len(y)) % 7, "y": y})


@pytest.mark.parametrize(
    ("y", "real"),
    [
        (np.linspace(0, 1, 60), True),
        (np.arange(60) * 3, True),  # each of many whole numbers once
        (np.arange(60) % 20, False),
        (np.arange(900) % 30, False),  # 30 different ones, 30 times each
        (np.arange(60) % 2, False),
        (np.array(["a", "b"] * 30), False),
    ],
)
def test_a_table_is_read_by_the_rule_that_is_printed(y, real):
    sets = load(frame(y))
    assert (sets.classes == ()) is real
    assert sets.layout.real is real
    assert any("holds numbers to predict" in note for note in sets.notes) is real
    assert any("at random, with a fixed seed" in note for note in sets.notes) is real


def test_the_task_decides_if_it_is_named():
    whole, fractions = frame(np.arange(60) % 3), frame(np.linspace(0, 1, 60))
    assert load(whole, task="regression").train.labels.dtype == torch.float32
    assert load(frame(np.arange(600) // 10), task="classes").classes[:3] == ("0", "1", "2")
    with pytest.raises(ValueError, match=r"expected classes .* real numbers .*--task regression"):
        load(fractions, task="classes")
    with pytest.raises(ValueError, match=r"expected a number .* got 'a'"):
        load(frame(["a", "b"] * 30), task="regression")
    with pytest.raises(ValueError, match='task expects "classes" or "regression"'):
        load(whole, task="numbers")


def test_arrays_with_fractions_are_real_and_others_if_asked():
    x = np.random.default_rng(0).random((40, 3))
    y = np.linspace(0, 1, 40)
    data = as_source((x, y))
    assert data.classes == ()
    assert repr(data) == "Data('data': 40 inputs of [3], a real-valued target)"
    np.testing.assert_allclose(data.labels, y, rtol=1e-6)
    assert as_source((x, np.arange(40) % 2)).classes == ("0", "1")
    assert as_source((x, np.arange(40) % 2), classes=()).labels.dtype == torch.float32
    assert load((x, np.arange(40) % 2), task="regression").classes == ()
    with pytest.raises(ValueError, match="expected classes, got a real-valued target"):
        load((x, y), task="classes")
    parts = data.split(0.25)
    assert [len(part) for part in parts] == [30, 10]
    assert checksum(parts[0]) != checksum(parts[1])


def test_a_loader_has_a_real_target_if_it_is_said():
    x, y = torch.rand(8, 3), torch.rand(8)
    stream = as_source(DataLoader(TensorDataset(x, y), batch_size=4), classes=())
    torch.testing.assert_close(torch.cat([batch.y for batch in stream.batches(4)]), y)
    collected = as_source(TensorDataset(x, y))
    torch.testing.assert_close(collected.labels, y)


def test_more_rows_are_read_like_the_first():
    sets = load(frame(np.linspace(0, 1, 60)))
    whole = frame(np.arange(10))  # whole numbers, and few: alone they would be classes
    more = load_like(whole, classes=(), shape=(1,), layout=sets.layout)
    assert more.labels.tolist() == list(range(10))


@pytest.mark.parametrize("bad", [torch.tensor([0.5, torch.nan]), torch.tensor([0.5, torch.inf])])
def test_targets_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="row 1: expected a finite float32 target"):
        Data(torch.zeros(2, 1), bad, ())
