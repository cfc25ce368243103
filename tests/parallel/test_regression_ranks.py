"""Layers that predict a number, over two ranks: the same weights as in one process."""

import functools

import pytest
import torch
from tests.parallel import processes
from tests.parallel.run_cases import layout_of

import forward_forward as ff
from forward_forward.examples import OrdinalBins
from forward_forward.forward import Layer
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout


def train(out, layout=None):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(90, 6, generator=rng)
    data = ff.data.Data(x, 2 * x[:, 0] - x[:, 1], ())
    bins = OrdinalBins.spanning(data.labels)
    layer = functools.partial(Layer, goodness=LinearReadout(bins.num_classes), loss=CrossEntropy())
    net = ff.mlp(6, 8, 8, num_classes=bins.num_classes, examples=bins, layer=layer)
    trainer = ff.Trainer(net, lr=1e-2)
    parallel = layout_of(layout)
    trainer.fit(data, epochs=2, batch_size=20, validation=data, out=out, parallel=parallel)


@pytest.mark.slow
def test_layers_over_ranks_learn_a_number_as_in_one_process(tmp_path):
    train(tmp_path / "one")
    processes.on_ranks(2, train, str(tmp_path / "two"), {"split": (1, 1)})
    one, two = (ff.load(tmp_path / name).state_dict() for name in ("one", "two"))
    assert all(torch.equal(weight, two[name]) for name, weight in one.items())
