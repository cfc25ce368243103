"""Data in the forms that users have them: batches, rows, dictionaries, pictures, odd arrays."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from forward_forward.data import Data, Stream, as_source

X = torch.arange(24.0).reshape(6, 4)
Y = [0, 1, 1, 0, 1, 0]


def rows(label=int):
    return [(x, label(y)) for x, y in zip(X, Y, strict=True)]


def stream_of(source) -> tuple[list, list, tuple[str, ...]]:
    found = as_source(source)
    assert isinstance(found, Stream)
    batches = list(found.batches(found.batch_size))
    return [b.x.tolist() for b in batches], [b.y.tolist() for b in batches], found.classes


LABELS = {
    "integers": (int, ("0", "1")),
    "whole floats": (float, ("0", "1")),
    "booleans": (bool, ("False", "True")),
    "words": (lambda y: ("cat", "dog")[y], ("cat", "dog")),
    "other integers": (lambda y: 5 + y, ("5", "6")),
    "numbers of numpy": (np.int16, ("0", "1")),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_read_alike_from_rows_and_from_a_loader(kind):
    label, names = LABELS[kind]
    held = as_source(rows(label))
    assert isinstance(held, Data)
    assert (held.labels.tolist(), held.classes) == (Y, names)
    _, labels, classes = stream_of(DataLoader(rows(label), 4))
    assert (labels, classes) == ([Y[:4], Y[4:]], names)


def test_a_loader_of_numbers_with_fractions_is_a_real_valued_target():
    _, labels, classes = stream_of(DataLoader(rows(lambda y: y + 0.5), 4))
    assert (labels[0], classes) == ([0.5, 1.5, 1.5, 0.5], ())


def test_batches_come_in_lists_and_dictionaries_as_in_tuples():
    usual = stream_of(DataLoader(rows(), 4))
    batches = [(X[:4], torch.tensor(Y[:4])), (X[4:], torch.tensor(Y[4:]))]
    assert stream_of(batches) == usual
    assert stream_of([list(each) for each in batches]) == usual
    named = [{"pixel_values": x, "labels": y, "idx": y} for x, y in batches]
    assert stream_of(named) == usual
    assert stream_of(DataLoader([{"Image": x, "Label": y} for x, y in rows()], 4)) == usual


class Column:
    names = ("no", "yes")


class Hub:
    """As a set of Hugging Face: rows by number that are dictionaries, and what its columns hold."""

    def __init__(self, pictures) -> None:
        self.features = {"img": None, "label": Column()}
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, number: int) -> dict:
        return {"img": self.pictures[number], "label": Y[number]}


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 3), ("1", 1)])
def test_rows_of_pictures_become_bytes_with_the_channels_first(mode, channels):
    pictures = [Image.new("L", (3, 2), 255 * (k % 2)).convert(mode) for k in range(6)]
    source = as_source(Hub(pictures))
    assert isinstance(source, Data)
    assert (source.inputs.dtype, source.shape) == (torch.uint8, (channels, 2, 3))
    assert source.inputs[:, 0, 0, 0].tolist() == [0, 255] * 3
    assert (source.classes, source.labels.tolist()) == (("no", "yes"), Y)


def test_a_pair_may_be_a_list_or_a_dictionary():
    usual = as_source((X, Y))
    for pair in ([X.numpy(), Y], [X.tolist(), Y], {"x": X, "y": Y}, pd.Series({"x": X, "y": Y})):
        source = as_source(pair if not isinstance(pair, pd.Series) else dict(pair))
        assert isinstance(source, Data)
        assert torch.equal(source.inputs, usual.inputs)
        assert source.labels.tolist() == Y


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(Y, dtype="Int64"),
        pd.Series(["a", "b", "b", "a", "b", "a"], dtype="category"),
        pd.Series(["a", "b", "b", "a", "b", "a"], dtype="string"),
        [np.str_("ab"[y]) if y else "a" for y in Y],
        [torch.tensor(y) for y in Y],
        np.array(Y, dtype=np.longdouble),
        torch.tensor(Y, dtype=torch.bfloat16),
    ],
    ids=["Int64", "category", "string", "str_", "tensors", "longdouble", "bfloat16"],
)
def test_labels_may_have_any_plain_type(labels):
    assert as_source((X, labels)).labels.tolist() == Y


def test_integer_labels_of_a_network_keep_their_values():
    labels = [1, 2, 2, 4, 4, 1]
    source = as_source((X, labels), num_classes=5)
    assert (source.labels.tolist(), source.classes) == (labels, ("0", "1", "2", "3", "4"))
    batches = as_source(DataLoader(list(zip(X, labels, strict=True)), 6), num_classes=5)
    assert next(batches.batches(6)).y.tolist() == labels
    with pytest.warns(UserWarning, match="labels 1, 2, 4 are not all in 0 to 2.* numbered from 0"):
        assert as_source((X, labels), num_classes=3).labels.tolist() == [0, 1, 1, 2, 2, 0]


def test_wide_floats_are_read_and_whole_numbers_of_any_size_too():
    for kind in (np.longdouble, np.uint16, np.float16, bool):
        source = as_source((np.eye(3, dtype=kind), [0, 1, 0]))
        assert next(source.batches(3)).x.tolist() == np.eye(3).tolist()


def test_a_mask_that_hides_nothing_does_not_matter():
    assert (
        as_source((np.ma.masked_array(np.eye(3)), [0, 1, 0])).inputs.tolist() == np.eye(3).tolist()
    )


class Images(Dataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int):
        return Image.new("L", (2, 2)), number


gaps = np.ma.masked_equal(np.eye(3), 1)
REFUSED = {
    "a masked array": ((gaps, [0, 1, 0]), "3 are masked"),
    "rows that are masked": (([*gaps], [0, 1, 0]), "1 are masked"),
    "masked labels": ((np.eye(3), np.ma.masked_equal([0, 1, 1], 0)), "1 are masked"),
    "a sparse tensor": ((X.to_sparse(), Y), r"x\.to_dense"),
    "missing values": ((pd.DataFrame({"a": [1, None]}, dtype="Int64"), [0, 1]), "row 1: .*NaN"),
    "an index in each row": ([(x, y, k) for k, (x, y) in enumerate(rows())], "row 0: .*an index"),
    "an index in each batch": (
        DataLoader([(x, y, k) for k, (x, y) in enumerate(rows())], 4),
        "batch 0: expected a sample weight .*int64: leave an index out",
    ),
    "no batches": (DataLoader(rows(), batch_size=None), "the single label 0: .*a batch_size"),
    "pictures that torch cannot batch": (
        DataLoader(Images(), 2),
        "collate_fn, or pass its Dataset",
    ),
    "other keys": ([{"text": x, "label": y} for x, y in rows()], "'text', 'label': rename"),
    "two keys of labels": ({"x": X, "y": Y, "label": Y}, "'x', 'y', 'label'"),
    "a divided set": ({"train": 1, "test": 2}, "the dict: .*'train', 'test': .*one part"),
    "a deep picture": ([(Image.new("I;16", (2, 2)), 0)], "8 bits"),
    "a None among labels": (
        (X, ["a", None, *"abab"]),
        "row 1: expected labels of one type, got None",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_read_wrongly_is_refused(kind):
    source, words = REFUSED[kind]
    with pytest.raises(ValueError, match=words):
        next(as_source(source).batches(4))


def test_a_type_error_of_a_loader_s_own_passes_through():
    class Broken(Images):
        def __getitem__(self, number: int):
            raise TypeError("my own fault")

    with pytest.raises(TypeError, match="my own fault"):
        as_source(DataLoader(Broken(), 2))
