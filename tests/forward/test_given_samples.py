"""What a user asks a network: arrays, samples with gaps, and how layers are counted."""

import numpy as np
import pytest
import torch

import forward_forward as ff

X = torch.rand(5, 6)


@pytest.fixture(scope="module")
def network():
    return ff.mlp(6, 8, num_classes=3, head=True)


def test_arrays_are_read_as_tensors_are(network):
    expected = network.goodness(X)
    for x in (X.numpy(), X.double().numpy(), X.numpy().astype(">f4"), X.tolist()):
        assert torch.allclose(network.goodness(x), expected)
        assert torch.equal(network.predict(x), network.predict(X))
        assert torch.equal(network.predict(x, "head"), network.predict(X, "head"))
    with pytest.raises(ValueError, match=r"got torch.int64: scale"):
        network.predict(np.zeros((2, 6), dtype=int))
    with pytest.raises(ValueError, match="masked"):
        network.predict(np.ma.masked_less(X.numpy(), 2))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_with_gaps_has_no_label(network, bad):
    x = X.clone()
    x[3, 2] = bad
    with pytest.raises(ValueError, match="row 3: expected finite inputs, got NaN or infinity"):
        network.predict(x)


@pytest.mark.parametrize("hidden", [[30, 30], "30", 30.0])
def test_units_that_are_no_whole_numbers_get_a_sentence(hidden):
    with pytest.raises(ValueError, match="mlp expects whole numbers one by one"):
        ff.mlp(64, hidden, num_classes=3)
    with pytest.raises(ValueError, match="cnn expects whole numbers one by one"):
        ff.cnn((1, 8, 8), hidden, num_classes=3)
