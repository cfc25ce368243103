"""Symbols of a text as samples: checked, and passed on as they are."""

import pytest
import torch

from forward_forward.examples import NextSymbol

EXAMPLES = NextSymbol(4)
X, Y = torch.tensor([[0.0, 3.0, 1.0]]), torch.tensor([[3, 1, 2]])


def test_symbols_are_passed_on_without_negatives_of_their_own():
    positive = EXAMPLES.positive(X, Y)
    assert torch.equal(positive.dense(), X[None])
    assert EXAMPLES.negative(positive, Y, torch.Generator()).variants == 0
    assert EXAMPLES.candidates(X).variants == 1


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X / 255, Y, "whole numbers from 0 to 3"),
        (X + 1, Y, "got .* from 1 to 4"),
        (X[0], Y[0], "got .3.: use text.encode"),
        (X, None, r"a label at each position \[1, 3\].*got none"),
        (X, Y[:, 0], r"got \[1\]: data.Text makes both"),
        (X, Y + 2, "labels 0 to 3, got 3 to 5"),
    ],
)
def test_what_are_no_symbols_or_labels_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        EXAMPLES.positive(x, y)
