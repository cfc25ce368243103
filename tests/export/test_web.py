"""The page's kernel computes and learns what the library does; what cannot be a page is refused."""

import base64
import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export import device_networks
from tests.report.browser import Visit
from torch import nn

import forward_forward as ff
from forward_forward.examples import NoLabel
from forward_forward.export.device import kernel
from forward_forward.export.device.layers import channels_last, layers_of
from forward_forward.export.device.page import check, web_export
from forward_forward.export.device.page.block import structure
from forward_forward.export.device.page.choice import chosen, features_of, picture_of
from forward_forward.export.device.source import part
from forward_forward.forward import Layer, Network
from forward_forward.optimize import Trainer
from forward_forward.readouts import LinearReadout

STEPS = 200
LEARN = (
    "([xs, ys, rate]) => { network.setRate(rate); xs.forEach((x, i) => network.learn(x, ys[i])) }"
)
WEIGHTS = "layer => network.weights(layer).map(each => Array.from(each))"


@pytest.fixture
def opened(browser, tmp_path):
    """Writes a network as a page, and opens it."""
    visits = []

    def go(network, x, y, **settings):
        made = ff.export.web(network, x, y, tmp_path / "page.html", **settings)
        visits.append(Visit(browser, Path(made["file"]).as_uri()))
        page = visits[-1].page
        page.wait_for_selector("html[data-ready]")
        return page

    yield go
    for each in visits:
        assert each.requests == [each.address]
        assert each.complaints == []
        each.context.close()


@pytest.mark.parametrize("name", device_networks.NETWORKS)
def test_goodness_and_steps_are_those_of_the_library(name, opened):
    network, x, y = device_networks.of(name)
    page = opened(network, x, y)
    rows = channels_last(x)
    right = network.eval().goodness_by_layer(x).permute(1, 0, 2).numpy()
    found = np.array(page.evaluate("xs => xs.map(x => network.goodness(x))", rows.tolist()))
    assert np.abs(found - right).max() < 1e-5 * np.abs(right).max()
    labels = page.evaluate("xs => xs.map(x => network.predict(x))", rows.tolist())
    assert labels == network.predict(x).tolist()
    trainer = Trainer(copy.deepcopy(network), optimizer=torch.optim.SGD, lr=0.01, seed=0)
    order = [step % len(x) for step in range(STEPS)]
    for row in order:
        trainer.step(x[row : row + 1], y[row : row + 1])
    page.evaluate(LEARN, [rows[order].tolist(), y[order].tolist(), 0.01])
    for index, layer in enumerate(layers_of(trainer.network.eval(), x.shape[1:])):
        weights, biases = page.evaluate(WEIGHTS, index)
        right = np.concatenate([layer.weights.ravel(), layer.readout.ravel()])
        assert np.abs(np.array(weights) - right).max() < 1e-4, f"layer {index}"
        assert np.abs(np.array(biases) - layer.biases).max(initial=0) < 1e-4, f"layer {index}"
    page.evaluate("forget()")
    again = page.evaluate("xs => xs.map(x => network.goodness(x))", rows.tolist())
    assert np.array_equal(again, found)


def test_the_shipped_kernels_are_what_clang_makes_of_their_source(tmp_path):
    for tool, expected in (("clang", kernel.COMPILER), ("wasm-ld", kernel.LINKER)):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
        found = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
        if expected not in found:
            pytest.skip(f"the kernels were made by {expected}, this is {found.splitlines()[0]}")
    for two_pass in (False, True):
        kernel.build_kernel(tmp_path / "kernel.wasm", two_pass=two_pass)
        built = (tmp_path / "kernel.wasm").read_bytes()
        assert built == kernel.kernel_file(two_pass).read_bytes(), (
            "the runtime has changed: run python -m forward_forward.export.device.kernel"
        )


def test_structures_have_the_size_that_c_gives_them():
    assert structure(part("types"), "ff_layer").itemsize == 24 * 4 + 12 + 10 * 4 + 3 * 4
    block = structure(kernel.source_text(), "ff_block")
    assert block.itemsize == 4 * len(block.names)


def test_node_computes_the_same_as_the_library(tmp_path):
    if shutil.which("node") is None:
        pytest.skip("needs Node")
    network, x, y = device_networks.of("maps")
    made = ff.export.web(network, x, y, tmp_path)
    assert made["verified"]["largest_relative_difference"] < 1e-5
    assert made["verified"]["labels_equal"] == 1.0


def test_without_node_a_page_is_written_unverified(tmp_path, monkeypatch):
    monkeypatch.setattr(check.shutil, "which", lambda name: None)
    said = []
    network, x, y = device_networks.of("maps")
    made = ff.export.web(network, x, y, tmp_path, say=said.append)
    assert made["verified"] is None
    assert "this machine has no Node" in said[-1]
    assert (tmp_path / "index.html").stat().st_size == made["bytes"]


def test_a_kernel_that_differs_is_not_written(tmp_path, monkeypatch):
    wrong = np.zeros((50, 3), np.float32)
    monkeypatch.setattr(web_export, "scores_in_node", lambda parts, samples: wrong)
    network, x, y = device_networks.of("maps")
    with pytest.raises(RuntimeError, match="nothing was written"):
        ff.export.web(network, x, y, tmp_path)
    assert [*tmp_path.iterdir()] == []


def large(hidden: int):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (40, 1, 28, 28), generator=generator, dtype=torch.uint8)
    network = ff.mlp(784, hidden, hidden, num_classes=10, seed=0)
    return network, x, torch.arange(40) % 10


def test_large_networks_have_float16_weights_and_larger_ones_are_refused(tmp_path, opened):
    network, x, y = large(500)
    page = opened(network, x, y)
    size = (tmp_path / "page.html").stat().st_size
    assert size < 2_000_000
    assert page.evaluate("about.memory.half")
    stored = page.evaluate(WEIGHTS, 1)[0]
    expected = network.layers[1].block.weight.detach().half().float().ravel().tolist()
    assert stored == expected
    with pytest.raises(ValueError, match="expected at most 2,000,000: train a smaller network"):
        ff.export.web(*large(800), tmp_path / "larger")
    assert not (tmp_path / "larger").exists()


def test_only_an_earlier_page_is_replaced(tmp_path):
    network, x, y = device_networks.of("standardised")
    ff.export.web(network, x, y, tmp_path)
    ff.export.web(network, x, y, tmp_path)
    (tmp_path / "index.html").write_text("<p>Mine.</p>")
    with pytest.raises(ValueError, match="not a page of an earlier export"):
        ff.export.web(network, x, y, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"expected a folder or a name ending in \.html"):
        ff.export.web(network, x, y, tmp_path / "file")


def test_what_cannot_be_a_page_is_refused(tmp_path):
    network, x, y = device_networks.of("standardised")
    with pytest.raises(ValueError, match="as many labels"):
        ff.export.web(network, x, y[:3], tmp_path)
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        ff.export.web(network, x, y + 1, tmp_path)
    with pytest.raises(ValueError, match="name each one"):
        ff.export.web(network, x, y, tmp_path, classes=["a"])
    with pytest.raises(ff.export.NotForDevice, match="256 classes"):
        ff.export.web(network, x, y, tmp_path, spare_classes=300)
    layers = [Layer(nn.Linear(6, 6), nn.Mish, goodness=LinearReadout(3))]
    with pytest.raises(ff.export.NotForDevice, match="got Mish"):
        ff.export.web(Network(*layers, examples=NoLabel(3)), x, y, tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_names_of_classes_cannot_end_the_script(tmp_path):
    network, x, y = device_networks.of("standardised")
    evil = "</script><script>alert(1)</script>"
    ff.export.web(network, x, y, tmp_path, classes=[evil, "b", "c"])
    text = (tmp_path / "index.html").read_text()
    assert evil not in text
    stored = re.search(r'id="about">(.*?)</script>', text)[1]
    assert json.loads(stored)["names"][0] == evil


def test_the_samples_are_a_few_of_each_class_and_one_that_is_wrong():
    network, x, y = device_networks.of("standardised")
    rows = chosen(network, x, y)
    found = y[rows].tolist()
    assert found == sorted(found)
    assert all(found.count(label) == 4 for label in range(3))
    right = network.eval().predict(x[rows]).tolist()
    assert all(right[4 * kind + 3] != kind for kind in range(3) if (y == kind).sum() > 4)


def test_pictures_and_rows_are_told_apart():
    mnist = torch.zeros(5, 1, 28, 28, dtype=torch.uint8)
    mnist[:, :, 8:20, 10:18] = 255
    assert picture_of(mnist)["fit"] == "mass"
    assert picture_of(255 - mnist)["blank"] == 255
    assert picture_of(torch.rand(5, 1, 28, 28))["fit"] == "whole"
    assert not picture_of(torch.rand(5, 3, 8, 8))["drawn"]
    assert picture_of(torch.rand(5, 7, 8, 8)) is None
    assert picture_of(torch.rand(5, 6)) is None
    assert len(features_of(torch.rand(5, 6))) == 6
    assert features_of(torch.rand(5, 100)) == []


def test_the_kernels_are_small():
    for two_pass in (False, True):
        assert len(base64.b64encode(kernel.kernel_file(two_pass).read_bytes())) < 30_000
