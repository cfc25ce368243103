"""Aesop's fables, where there is the file, and a clear error where there is none."""

import os
from pathlib import Path

import pytest

from forward_forward import datasets

FILE = Path(os.environ.get("FF_DATA", "/nowhere")) / "aesop" / "aesop.txt"


@pytest.mark.skipif(not FILE.exists(), reason="FF_DATA has no aesop/aesop.txt")
def test_the_end_of_the_fables_is_the_test_part():
    train, test = datasets.aesop(window=100)
    assert train.text.startswith("THE FOX AND THE GRAPES\n")
    assert (len(train.text), len(test.text)) == (175_722, 19_525)
    assert train.classes == test.classes
    assert len(train.classes) == 67


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    with pytest.raises(datasets.DataUnavailable, match=r"holds aesop/, or read another text with"):
        datasets.aesop(root=tmp_path)
