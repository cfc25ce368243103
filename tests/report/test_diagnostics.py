"""A run's page shows what became of its layers and units, or says why it cannot."""

import json
import re
import shutil

import pytest
import torch
from tests.report.reader import Page
from tests.report.test_runs import made
from torch import nn

from forward_forward import datasets, diagnose, seeds
from forward_forward.checkpoint import load
from forward_forward.examples import AppendLabel, HybridImages
from forward_forward.forward import Layer, Network, SoftmaxHead, mlp
from forward_forward.optimize import Trainer
from forward_forward.plot.layers import spaced
from forward_forward.report import runs_page
from forward_forward.report.read import RunRead, SampleFinder, read_run

EVERYWHERE = (
    "Test error of each layer alone",
    "Separation in training",
    "Silent units in training",
    "Goodness of positives and negatives, sample by sample",
    "Receptive fields of the first layer",
)


class Own(nn.Module):
    """A custom block, which cannot be rebuilt from a file."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(74, 20)

    def forward(self, x):
        return self.linear(x).relu()


def trained(out, network, *, on=None, validation=True, **settings):
    train, validated = datasets.digits()[0].split() if on is None else (on, None)
    given = {"validation": validated} if validation else {}
    trainer = Trainer(network, lr=1e-3, **settings)
    trainer.fit(train, epochs=2, batch_size=64, out=out, **given)
    return out


def titles(text: str) -> list[str]:
    found = re.findall(r'<figcaption class="title">(.*?)</figcaption>', text)
    return [Page(each).text for each in found]


def section(text: str, title: str) -> str:
    """The words below a heading, up to the next."""
    found = re.search(rf"<h3>{title}</h3>(.*?)(?=<h3>|</section>)", text, re.DOTALL)
    assert found is not None
    return Page(found[1]).text


def test_a_run_shows_every_figure_with_a_caption(digits_run):
    text = runs_page([digits_run.path])
    assert set(EVERYWHERE) <= set(titles(text))
    assert "Validation error of each layer alone, by its goodness" in titles(text)
    assert text.index("layer by layer") < text.index('id="settings"')
    captions = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    told = [Page(each).text for each in captions if any(title in each for title in EVERYWHERE)]
    for words in told:
        assert re.search(r"is better|If the two|Strokes", words), words
    assert len(Page(text).ids) == len(set(Page(text).ids))
    assert [each for each in Page(text).links if not each.startswith(("#", "data:"))] == []


def test_the_histograms_are_of_the_best_weights_and_the_validation_samples(digits_run):
    text = section(runs_page([digits_run.path]), "Goodness of positives and negatives")
    assert "The 216 validation samples of digits, with the best weights." in text
    samples = SampleFinder().of(json.loads((digits_run.path / "run.json").read_text()))
    _, validation = datasets.digits()[0].split()
    assert sorted(samples.x.sum((1, 2, 3)).tolist()) == pytest.approx(
        sorted(validation.inputs.sum((1, 2, 3)).tolist())
    )
    rng = seeds.generator(0, "report", "negatives")
    found = diagnose.histograms(load(digits_run.path), samples.x, samples.y, rng)
    for layer, each in enumerate(found, 1):
        assert f"Layer {layer}: {each['separation']:.1f} % separated" in text


def test_runs_have_a_section_each_after_what_is_compared(digits_run, tmp_path):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    text = runs_page([digits_run.path, other])
    assert text.index('id="settings"') < text.index("run, layer by layer")
    assert text.index("run, layer by layer") < text.index("other, layer by layer")
    assert titles(text).count(EVERYWHERE[-1]) == 2
    assert len(Page(text).ids) == len(set(Page(text).ids))


def test_networks_without_labels_are_read_by_their_head(tmp_path):
    net = mlp(64, 20, 20, num_classes=10, examples=HybridImages(10), head=True)
    text = runs_page([trained(tmp_path / "run", net)])
    head = "Validation error of each layer alone, by its part of the softmax head"
    assert head in titles(text)
    assert "layer 1" not in section(text, "Errors by layer")  # the head leaves it out
    assert "layer 2" in section(text, "Errors by layer")
    assert "Negatives are generated as in training." in text
    assert EVERYWHERE[-1] in titles(text)


def test_a_convolution_shows_its_kernels(tmp_path):
    first, second = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 4, 3)
    head = SoftmaxHead([6 * 64, 4 * 36], 10)
    net = Network(Layer(first), Layer(second), examples=HybridImages(10), head=head)
    text = runs_page([trained(tmp_path / "run", net)])
    assert "They are the kernels of a convolution." in Page(text).text
    assert {(each["width"], each["height"]) for each in Page(text).all("img")} == {
        ("5", "5"),  # the kernels
        ("8", "8"),  # the worst samples
    }
    assert EVERYWHERE[3] in titles(text)


def test_with_custom_blocks_a_run_shows_the_other_figures(tmp_path):
    net = Network(Layer(Own(), activation=None), Layer(nn.Linear(20, 20)), examples=AppendLabel(10))
    text = runs_page([trained(tmp_path / "run", net)])
    for title in ("Goodness of positives and negatives", "Features of the first layer"):
        said = section(text, title)
        assert said.startswith("Not available: the network has code of your own"), said
        assert said.count("reports never import code that a file names") == 1
    assert "Separation in training" in titles(text)


def test_without_its_data_a_run_shows_the_other_figures(tmp_path):
    x, y = torch.rand(60, 7), torch.arange(60) % 3
    out = trained(tmp_path / "run", mlp(7, 8, num_classes=3), on=(x, y))
    text = runs_page([out])
    said = section(text, "Goodness of positives and negatives")
    names = "cifar10, cifar100, cifar10_jpeg, digits, fashion_mnist, kmnist, mnist"
    assert f"the run's data are called 'data', and only {names} can be found" in said
    assert "not pictures" in section(text, "Features of the first layer")
    assert section(text, "Errors by layer") == "Not recorded for this run."


def test_missing_data_files_are_reported(digits_run, monkeypatch):
    def gone(what, **options):
        raise datasets.DataUnavailable("MNIST was not found. Tried:\nmany places")

    monkeypatch.setattr("forward_forward.datasets.run_data.load", gone)
    text = runs_page([digits_run.path])
    said = section(text, "Goodness of positives and negatives")
    assert said == ("Not available: the data 'digits' are not available: MNIST was not found.")
    assert EVERYWHERE[-1] in titles(text)  # the weights need no data
    assert "Blank: pixels" not in text


def test_data_of_another_size_are_refused(digits_run, tmp_path):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    about = json.loads((other / "run.json").read_text())
    about["fit"]["samples"] = 77
    del about["sha256"]
    (other / "run.json").write_text(json.dumps(about))
    said = section(runs_page([other]), "Goodness of positives and negatives")
    assert "have 1,222 training and 216 validation samples, but the run had 77 and 216" in said


def test_a_run_without_validation_data_shows_its_training_data(tmp_path):
    net = mlp(64, 20, num_classes=10)
    out = trained(tmp_path / "run", net, on=datasets.digits()[0], validation=False)
    said = section(runs_page([out]), "Goodness of positives and negatives")
    assert "The 1,222 training samples of digits" in said


def test_samples_are_read_again_from_the_users_own_files(ff, tmp_path):
    table = tmp_path / "flowers.csv"
    rows = (f"{row % 7},{row % 5},{'rose' if row % 2 else 'tulip'}" for row in range(120))
    table.write_text("\n".join(["width,height,kind", *rows]) + "\n")
    out = ("--target", "kind", "--epochs", "1", "--hidden", "8", "--out", tmp_path / "run")
    done = ff("train", "--data", table, *out)
    assert done.code == 0, done.err
    said = section(runs_page([tmp_path / "run"]), "Goodness of positives and negatives")
    assert "The 14 validation samples of flowers" in said
    table.unlink()
    said = section(runs_page([tmp_path / "run"]), "Goodness of positives and negatives")
    assert "flowers.csv' are not available" in said


def test_of_many_samples_some_are_drawn(monkeypatch, digits_run):
    monkeypatch.setattr("forward_forward.report.read.MOST_SAMPLES", 50)
    samples = SampleFinder().of(json.loads((digits_run.path / "run.json").read_text()))
    assert len(samples.x) == len(samples.y) == 50
    assert samples.description == "50 of the 216 validation samples of digits"


def test_a_set_is_read_once(digits_run, monkeypatch):
    read, real = [], datasets.load

    def load(what, **options):
        read.append(what)
        return real(what, **options)

    monkeypatch.setattr("forward_forward.datasets.run_data.load", load)
    runs_page([digits_run.path, digits_run.path])
    assert read == ["digits"]


def test_in_the_greedy_order_each_layer_has_its_own_epochs(tmp_path):
    out = trained(tmp_path / "run", mlp(64, 12, 12, num_classes=10), order="greedy")
    rows = read_run(out, "run", SampleFinder()).rows
    assert [row["layers"] for row in rows] == [[1], [2]]
    assert [len(row["separation"]) for row in rows] == [1, 1]
    text = runs_page([out])
    assert titles(text)[-4:-1] == [EVERYWHERE[3], "Layer 1", "Layer 2"]
    assert "layer 1 layer 2" in section(text, "Separation and silent units")


def test_a_run_without_a_checkpoint_says_so(tmp_path):
    text = runs_page([made(tmp_path / "run")])
    assert "has no checkpoint yet" in section(text, "Features of the first layer")


@pytest.mark.parametrize("content", [b"", b"no tensors at all"])
def test_a_broken_checkpoint_is_said_to_be_broken(digits_run, tmp_path, content):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    (other / "checkpoints/best/network.safetensors").write_bytes(content)
    said = section(runs_page([other]), "Features of the first layer")
    assert "expected the file network.safetensors as it was written" in said


def test_of_a_deep_network_some_layers_are_shown(tmp_path):
    text = runs_page([made(tmp_path / "run", layers=30)])
    assert [each for each in titles(text) if each.startswith("Layer ")] == [
        f"Layer {layer}" for layer in spaced(range(1, 31))
    ]
    assert spaced(range(1, 31))[0] == 1
    assert spaced(range(1, 31))[-1] == 30
    assert len(spaced(range(1, 31))) == 8


def test_a_run_is_what_its_files_say(digits_run):
    run = read_run(digits_run.path, "mine", SampleFinder())
    assert isinstance(run, RunRead)
    assert run.name == "mine"
    assert len(run.rows) == 8
