"""Predictors as modules and in torch's files: their outputs are the library's."""

import functools

import pytest
import torch
from tests.contracts.public_parts import GOODNESS
from tests.export.exportable import (
    CLOSE,
    a_head,
    far,
    of_blocks,
    of_every_goodness,
    pixels,
    samples,
)
from torch import nn

from forward_forward import export
from forward_forward.examples import AppendLabel, HybridImages, OverlayLabel
from forward_forward.export import OnePass, Scan, torch_file
from forward_forward.export.selection import select
from forward_forward.forward import Layer, MeanSquareOne, Network, UnitLength, mlp
from forward_forward.predict import two_stage


class Centred(nn.Module):
    """A normalisation that is not a division, so that no product is shared."""

    def forward(self, x):
        return x - x.mean(1, keepdim=True)


class Backwards(AppendLabel):
    """Examples of a user's own: the label's unit is counted from the end."""

    def candidates(self, x):
        inputs = super().candidates(x)
        return type(inputs)(inputs.rest, inputs.patterns.flip(0), inputs.index, inputs.start)


NORMS = {
    "MeanSquareOne": MeanSquareOne(),
    "UnitLength": UnitLength(),
    "none": None,
    "own": Centred(),
}
PLACES = {
    "append": AppendLabel(3, strength=1.5),
    "overlay": OverlayLabel(3, strength=-0.5),
    "own": Backwards(3),
}
every_norm = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
every_place = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


@every_place
@every_norm
@pytest.mark.parametrize("goodness", GOODNESS.values(), ids=GOODNESS)
def test_a_scan_is_the_librarys_for_every_goodness(goodness, norm, place):
    layer = functools.partial(Layer, goodness=goodness, normalize=norm, activation=nn.Tanh)
    net = mlp(12, 9, 8, num_classes=3, examples=place, layer=layer)
    x = samples(20, 12)
    assert far(*Scan(net)(x), net.goodness(x)) <= CLOSE


@pytest.mark.parametrize(
    ("norm", "place"),
    [(norm, place) for norm in NORMS for place in PLACES if norm == "UnitLength" or place != "own"],
)
def test_torch_export_of_every_goodness_is_the_library_at_any_batch(norm, place):
    net, x = of_every_goodness(NORMS[norm], PLACES[place]), samples(17, 12)
    by_layer = net.goodness_by_layer(x).abs().mean((1, 2))
    assert (by_layer > 1e-3 * by_layer.sum()).all()  # no goodness is lost in the sum
    graph = torch_file.traced(Scan(net), x).module()
    for batch in (1, 5, 17):
        assert far(*graph(x[:batch]), net.goodness(x[:batch])) <= CLOSE


def test_layers_outside_the_readout_are_not_in_the_graph():
    net, x = mlp(12, 9, 8, 7, num_classes=3, readout=(1, 2)), samples(6, 12)
    scan = Scan(net)
    assert far(*scan(x), net.goodness(x)) <= CLOSE
    called = []
    for index, layer in enumerate(scan.network.layers):
        layer.block.register_forward_hook(lambda *_, index=index: called.append(index))
    scan(x)
    assert called == [1]  # of the first one only the shared product is taken


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_pass_reads_the_head_where_there_is_one(dtype):
    net = mlp(12, 9, 8, 7, num_classes=3, examples=OverlayLabel(3)).to(dtype)
    net = Network(*net.layers, examples=net.examples, head=a_head(9, 8, 7, classes=3)).to(dtype)
    x = samples(20, 12)
    [one_pass] = select(net, x, "one-pass")
    assert one_pass.scored_by == "logits"
    assert far(*one_pass.module(x), net.scores(x, by="head")) <= CLOSE
    assert far(*one_pass.library(x), net.scores(x, by="head")) <= CLOSE
    assert net.layers[0].block.weight.dtype == dtype  # the exported one is a copy
    assert one_pass.module(x)[0].dtype == torch.float32


@every_norm
@pytest.mark.parametrize("hidden", [(9,), (9, 8, 7)])
def test_one_pass_is_the_first_of_two_stages_without_a_head(hidden, norm):
    layer = functools.partial(Layer, normalize=norm)
    net, x = mlp(12, *hidden, num_classes=3, layer=layer), samples(200, 12)
    scan, one_pass = select(net, x)
    stages = two_stage(net, x, agreement=0.9)
    assert (scan.name, one_pass.name, one_pass.scored_by) == ("scan", "one_pass", "fitted")
    assert far(*one_pass.module(x), stages.scores(x)) <= CLOSE
    assert far(*one_pass.library(x), stages.scores(x)) <= CLOSE


def test_a_ranking_can_be_fitted_where_a_layer_is_silent():
    net, x = mlp(12, 9, 8, num_classes=3), samples(100, 12)
    with torch.no_grad():
        net.layers[1].block.weight.zero_()
    scores, label = select(net, x)[1].module(x)
    assert scores.isfinite().all()
    assert torch.equal(label, scores.argmax(1))


def test_pixels_are_divided_by_255_in_the_graph():
    net, x = mlp(64, 9, 8, num_classes=3), pixels(17, 1, 8, 8)
    graph = torch_file.traced(Scan(net), x).module()
    assert far(*graph(x), net.goodness(x / 255)) <= CLOSE
    assert far(*graph(x[:1]), net.goodness(x[:1] / 255)) <= CLOSE


@pytest.mark.parametrize("place", [OverlayLabel, HybridImages])
def test_custom_blocks_are_exported(place, tmp_path):
    head = a_head(4 * 6 * 6, 3 * 2 * 2, classes=3)
    net, x = of_blocks(place(3), head), samples(20, 1, 8, 8)
    said = []
    about = export.export(net, x, tmp_path / "export", to="torch", say=said.append)
    assert any(line.startswith("no scan: ") for line in said) == (place is HybridImages)
    names = ["scan.pt2", "one_pass.pt2"] if place is OverlayLabel else ["one_pass.pt2"]
    assert list(about["models"]) == names
    run = torch_file.opened(tmp_path / "export" / "one_pass.pt2")
    assert far(*run(x), net.eval().scores(x, by="head")) <= CLOSE
    assert sorted(each.name for each in tmp_path.rglob("*.*")) == sorted([*names, "export.json"])


def test_without_labels_in_the_input_there_is_no_scan(tmp_path):
    net = of_blocks(HybridImages(3), a_head(144, 12, classes=3))
    with pytest.raises(ValueError, match=r"got HybridImages: export the one-pass predictor"):
        export.export(net, samples(9, 1, 8, 8), tmp_path / "x", to="torch", predictor="scan")
    with pytest.raises(ValueError, match="a softmax head, or a ranking, got neither"):
        OnePass(mlp(12, 9, num_classes=3))
    assert not any(tmp_path.iterdir())


class ByValue(nn.Module):
    """A block that branches on values, which a graph cannot."""

    def forward(self, x):
        return x if float(x.sum()) > 0 else -x


def test_a_block_that_cannot_be_traced_is_refused(tmp_path):
    net = Network(Layer(ByValue()), examples=AppendLabel(2))
    with pytest.raises(RuntimeError, match="a block must not branch on values or on len"):
        export.export(net, samples(9, 4), tmp_path / "x", to="torch", predictor="scan")
    assert not any(tmp_path.iterdir())
