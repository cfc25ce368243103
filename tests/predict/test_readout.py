"""Which layers are read: chosen on validation data, and kept with the weights."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward import checkpoint, predict
from forward_forward.data import Data
from forward_forward.forward import mlp
from forward_forward.forward.description import build, describe
from forward_forward.forward.layer_range import best_range, range_sums, ranges

CLASSES = 3


def network(hidden=(8, 7, 6), readout="auto", **options):
    return mlp(5, *hidden, num_classes=CLASSES, readout=readout, **options)


def data(samples=40, seed=0):
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(samples, 5, generator=rng)
    return Data(x, torch.randint(CLASSES, (samples,), generator=rng), ("a", "b", "c"))


@pytest.mark.parametrize("readout", [None, (0, 2), (1, 3), "auto"])
def test_every_range_is_summed_as_a_network_that_reads_it(readout):
    net, x = network(readout=readout).double(), data().inputs.double()
    sums = dict(zip(ranges(3), range_sums(net.goodness_by_layer(x)), strict=True))
    assert torch.allclose(sums[net.readout], net.goodness(x), atol=1e-12, rtol=0)
    assert len(sums) == 6


@pytest.mark.parametrize(
    ("misses", "best"),
    [
        ([4, 4, 4, 4, 4, 4], (0, 3)),
        ([1, 4, 4, 4, 4, 4], (0, 1)),
        ([4, 2, 4, 4, 2, 2], (1, 3)),
        ([2, 4, 4, 4, 4, 2], (2, 3)),
    ],
)
def test_the_fewest_misses_win_then_most_layers(misses, best):
    assert best_range(torch.tensor(misses), 3) == best


def test_before_a_choice_all_layers_are_read():
    assert network().readout == (0, 3)
    assert network(hidden=(8,)).readout == (0, 1)


def first_layer_knows():
    """A network whose first layer is right and whose second one is always wrong."""
    net = network(hidden=(CLASSES, CLASSES), examples=ff.examples.NoLabel(CLASSES), layer=reader)
    for layer, weight in zip(net.layers, (torch.eye(CLASSES, 5), torch.eye(CLASSES)), strict=True):
        layer.normalize = None
        layer.block.weight.data.copy_(weight)
    net.layers[0].goodness.weight.data.copy_(torch.eye(CLASSES))
    net.layers[1].goodness.weight.data.copy_(-9 * torch.eye(CLASSES))
    labels = torch.arange(30) % CLASSES
    return net, Data(functional.one_hot(labels, 5).float(), labels, ("a", "b", "c"))


def reader(block):
    return ff.Layer(
        block, goodness=ff.readouts.LinearReadout(CLASSES), loss=ff.losses.CrossEntropy()
    )


def test_the_choice_is_made_on_validation_data_and_only_there():
    net, held_out = first_layer_knows()
    before = predict.evaluate(net, held_out)
    assert net.readout == (0, 2)  # evaluating chooses nothing
    assert before["error"] == 100.0
    trainer = ff.Trainer(net, lr=1e-9, average=0.5)
    fitted = trainer.fit(held_out, epochs=1, validation=held_out)
    assert net.readout == trainer.averaged.module.readout == (0, 1)
    assert fitted.validation_error == 0.0
    assert predict.evaluate(net, held_out)["error"] == 0.0
    assert (net.predict(held_out.inputs) == held_out.labels).all()


def test_without_validation_data_nothing_is_chosen():
    net, train = first_layer_knows()
    ff.Trainer(net, lr=1e-9).fit(train, epochs=1)
    assert net.readout == (0, 2)


def test_negatives_do_not_depend_on_what_validation_data_chose():
    def trained(chosen):
        net = network(hidden=(8, 7))
        net.choose(chosen)
        trainer = ff.Trainer(net)
        trainer.step(data().inputs, data().labels)
        return net.layers[1].block.weight

    assert torch.equal(trained((0, 1)), trained((0, 2)))


def test_copies_pickles_and_files_keep_the_choice(tmp_path):
    net, held_out = first_layer_knows()
    ff.Trainer(net, lr=1e-9).fit(held_out, epochs=1, validation=held_out, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run")
    for each in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), loaded, net.double()):
        assert each.readout == (0, 1)
    assert build(describe(loaded)).readout == (0, 2)  # a description names the setting


def test_weights_are_loaded_whether_the_range_is_fixed_or_chosen():
    chosen, fixed = network(), network(readout=(0, 2))
    chosen.choose((2, 3))
    checkpoint.load_weights(fixed, chosen.state_dict(), "a run")
    assert fixed.readout == (0, 2)
    checkpoint.load_weights(chosen, fixed.state_dict(), "an older run")
    assert chosen.readout == (2, 3)


def test_a_scan_for_export_reads_the_chosen_layers():
    net, held_out = first_layer_knows()
    net.choose((0, 1))
    x = held_out.inputs
    assert torch.equal(ff.export.Scan(net)(x)[1], held_out.labels)


@pytest.mark.parametrize("readout", ["all", (0, 4), (2, 2), (1,)])
def test_ranges_that_do_not_exist_are_rejected(readout):
    with pytest.raises(ValueError, match="readout expects"):
        network(readout=readout)


def test_a_fixed_range_cannot_be_chosen_again():
    net = ff.Network(ff.Layer(nn.Linear(7, 4)), examples=ff.examples.AppendLabel(2))
    with pytest.raises(ValueError, match="build it with"):
        net.choose((0, 1))


@pytest.mark.parametrize("given", [None, "runs/first"])
def test_what_is_no_network_is_refused(given):
    for use in (
        lambda: predict.two_stage(given, torch.rand(4, 5)),
        lambda: predict.choose_readout({}, given),
        lambda: predict.bits(given, data()),
    ):
        with pytest.raises(ValueError, match=f"expects a Network, got {given!r}: load one with"):
            use()
