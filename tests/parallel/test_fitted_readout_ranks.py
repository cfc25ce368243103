"""Layers over two ranks whose readout is fitted at the end: as in one process, on every rank."""

import functools

import pytest
import torch
from tests.parallel import processes
from tests.parallel.run_cases import layout_of

import forward_forward as ff
from forward_forward.data import Data
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import LinearReadout


def train(out, readout, layout=None):
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    x = torch.rand(90, 6, generator=rng)
    x[torch.arange(90), labels] += 0.5
    data = Data(x, labels, ("a", "b", "c"))
    layer = functools.partial(Layer, goodness=LinearReadout(3), loss=CrossEntropy())
    options = {"examples": NoLabel(3), "layer": layer, "readout": readout}
    net = ff.mlp(6, 8, 8, num_classes=3, **options)
    trainer = ff.Trainer(net, lr=1e-2, average=0.9)
    parallel = layout_of(layout)
    trainer.fit(data, epochs=2, batch_size=20, validation=data, out=out, parallel=parallel)
    fitted = net.combination.state_dict()
    assert all(not torch.equal(each, each.round()) for each in fitted.values())
    averaged = trainer.evaluated.combination.state_dict()
    assert all(torch.equal(each, averaged[name]) for name, each in fitted.items())


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["weighted", "logistic"])
def test_every_rank_has_the_fitted_readout(readout, tmp_path):
    train(tmp_path / "one", readout)
    processes.on_ranks(2, train, str(tmp_path / "two"), readout, {"split": (1, 1)})
    one, two = (ff.load(tmp_path / name).state_dict() for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, weight in one.items():
        torch.testing.assert_close(weight, two[name])
