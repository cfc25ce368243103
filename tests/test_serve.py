"""Predictors as modules and in torch's files: what they say is what the library says."""

import functools
import json

import pytest
import torch
from tests.contracts import GOODNESS
from torch import nn

from forward_forward import serve
from forward_forward.examples import AppendLabel, HybridImages, OverlayLabel
from forward_forward.forward import Layer, MeanSquareOne, Network, SoftmaxHead, UnitLength, mlp
from forward_forward.predict import two_stage
from forward_forward.serve import OnePass, Scan, folder, torch_file, verify
from forward_forward.serve.served import served

CLOSE = 2e-6  # relative, of a row's largest: float32 in another order


class Centred(nn.Module):
    """A normalisation that is no division, so that no product is shared."""

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


def samples(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)


def far(scores: torch.Tensor, label: torch.Tensor, right: torch.Tensor) -> float:
    return verify.compared(scores, label, right).difference


def of_every_goodness(norm, place) -> Network:
    """A layer for each goodness, all of them read."""
    sizes = [place.width(12), *[9] * len(GOODNESS)]
    layers = [
        Layer(nn.Linear(*sizes[index : index + 2]), goodness=goodness, normalize=norm)
        for index, goodness in enumerate(GOODNESS.values())
    ]
    rng = torch.Generator().manual_seed(3)
    for layer in layers:
        nn.init.normal_(layer.block.weight, 0.1, 0.5, generator=rng)
        nn.init.normal_(layer.block.bias, 0.1, 0.1, generator=rng)
    return Network(*layers, examples=place)


def of_blocks(examples, head: SoftmaxHead | None = None) -> Network:
    """Convolutions on pictures [1, 8, 8], one of them with dropout and batch normalisation."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = nn.Sequential(
            nn.Flatten(),
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
        )
        second = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(4, 3, 3, stride=2), nn.GELU())
        first[3].running_mean.uniform_(-0.1, 0.1)
    layers = Layer(first, activation=None), Layer(second, activation=None)
    return Network(*layers, examples=examples, head=head)


def a_head(*widths: int, classes: int) -> SoftmaxHead:
    head = SoftmaxHead(widths, classes)
    for weight in head.weights:
        nn.init.normal_(weight, generator=torch.Generator().manual_seed(1))
    return head


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
    [one_pass] = served(net, x, "one-pass")
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
    scan, one_pass = served(net, x)
    stages = two_stage(net, x, agreement=0.9)
    assert (scan.name, one_pass.name, one_pass.scored_by) == ("scan", "one_pass", "fitted")
    assert far(*one_pass.module(x), stages.scores(x)) <= CLOSE
    assert far(*one_pass.library(x), stages.scores(x)) <= CLOSE


def test_a_ranking_can_be_fitted_where_a_layer_is_silent():
    net, x = mlp(12, 9, 8, num_classes=3), samples(100, 12)
    with torch.no_grad():
        net.layers[1].block.weight.zero_()
    scores, label = served(net, x)[1].module(x)
    assert scores.isfinite().all()
    assert torch.equal(label, scores.argmax(1))


def test_pixels_are_divided_by_255_in_the_graph():
    net, x = mlp(64, 9, 8, num_classes=3), pixels(17, 1, 8, 8)
    graph = torch_file.traced(Scan(net), x).module()
    assert far(*graph(x), net.goodness(x / 255)) <= CLOSE
    assert far(*graph(x[:1]), net.goodness(x[:1] / 255)) <= CLOSE


@pytest.mark.parametrize("place", [OverlayLabel, HybridImages])
def test_blocks_of_ones_own_are_exported(place, tmp_path):
    head = a_head(4 * 6 * 6, 3 * 2 * 2, classes=3)
    net, x = of_blocks(place(3), head), samples(20, 1, 8, 8)
    about = serve.export(net, x, tmp_path / "export", to="torch")
    names = ["scan.pt2", "one_pass.pt2"] if place is OverlayLabel else ["one_pass.pt2"]
    assert list(about["models"]) == names
    run = torch_file.opened(tmp_path / "export" / "one_pass.pt2")
    assert far(*run(x), net.eval().scores(x, by="head")) <= CLOSE
    assert sorted(each.name for each in tmp_path.rglob("*.*")) == sorted([*names, "export.json"])


def test_without_labels_in_the_input_there_is_no_scan(tmp_path):
    net = of_blocks(HybridImages(3), a_head(144, 12, classes=3))
    with pytest.raises(ValueError, match=r"got HybridImages: export the one-pass predictor"):
        serve.export(net, samples(9, 1, 8, 8), tmp_path / "x", to="torch", predictor="scan")
    with pytest.raises(ValueError, match="a softmax head, or a ranking, got neither"):
        OnePass(mlp(12, 9, num_classes=3))
    assert not any(tmp_path.iterdir())


class ByValue(nn.Module):
    """A block that no graph can hold."""

    def forward(self, x):
        return x if float(x.sum()) > 0 else -x


def test_a_block_that_no_graph_can_hold_gets_a_sentence(tmp_path):
    net = Network(Layer(ByValue()), examples=AppendLabel(2))
    with pytest.raises(RuntimeError, match="a block may choose its way neither by values nor"):
        serve.export(net, samples(9, 4), tmp_path / "x", to="torch", predictor="scan")
    assert not any(tmp_path.iterdir())


def test_a_file_knows_its_network_and_no_path_or_sample(tmp_path):
    net, x = mlp(12, 9, num_classes=2), samples(500, 12)
    about = serve.export(net, x, tmp_path, to="torch", predictor="scan", classes=("cat", "dog"))
    found = {"about.json": ""}
    torch.export.load(tmp_path / "scan.pt2", extra_files=found)
    inside = json.loads(found["about.json"])
    assert inside["classes"] == ["cat", "dog"]
    assert inside["weights"] == folder.fingerprint(net) == about["weights"]
    assert inside["input"]["shape"] == ["batch", 12]
    content = (tmp_path / "scan.pt2").read_bytes()
    assert b"predictors.py" not in content
    assert x.numpy().tobytes()[:40] not in content


def test_an_export_of_the_same_network_joins_what_is_there(tmp_path):
    net, other, x = mlp(12, 9, num_classes=2), mlp(12, 9, num_classes=2, seed=1), samples(99, 12)
    said = []
    options = {"to": "torch", "say": said.append}
    serve.export(net, x, tmp_path, predictor="one-pass", **options)
    both = serve.export(net, x, tmp_path, predictor="scan", **options)
    assert list(both["models"]) == ["one_pass.pt2", "scan.pt2"]
    assert (
        json.loads((tmp_path / "export.json").read_text())["models"].keys() == both["models"].keys()
    )
    assert not any("removed" in line for line in said)
    serve.export(other, x, tmp_path, predictor="scan", **options)
    assert "removed, for they are of another network or data: one_pass.pt2" in said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["export.json", "scan.pt2"]


def test_what_is_no_export_is_not_replaced(tmp_path):
    net, x = mlp(12, 9, num_classes=2), samples(9, 12)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'notes\.txt'.* choose another --out"):
        serve.export(net, x, tmp_path, to="torch")
    with pytest.raises(ValueError, match="expected a folder for the export, got a file"):
        serve.export(net, x, tmp_path / "notes.txt", to="torch")
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "onx"}, "to expects one of .*onnx.*, got 'onx'"),
        ({"predictor": "one_pass"}, "predictor expects one of .*one-pass.*, got 'one_pass'"),
        ({"classes": ["cat"]}, "the network has 2 classes, got 1 names"),
        ({"int8": True}, "int8 is measured on ONNX files"),
    ],
)
def test_a_wrong_setting_gets_a_sentence(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        serve.export(
            mlp(12, 9, num_classes=2), samples(9, 12), tmp_path, **{"to": "torch", **options}
        )
    assert not any(tmp_path.iterdir())


def test_a_file_that_differs_leaves_nothing_behind(tmp_path, monkeypatch):
    right = torch_file.opened

    def wrong(path):
        run = right(path)
        return lambda x: (run(x)[0] * (1 + 3e-5), run(x)[1])

    monkeypatch.setattr(torch_file, "opened", wrong)
    with pytest.raises(RuntimeError, match=r"scan\.pt2 does not say .* up to 3\.0e-05 .* nothing"):
        serve.export(mlp(12, 9, num_classes=2), samples(9, 12), tmp_path / "deep" / "x", to="torch")
    assert not any(tmp_path.iterdir())
