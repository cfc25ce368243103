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
from forward_forward.report import runs_page
from forward_forward.report.layers import spaced
from forward_forward.report.read import RunRead, SampleFinder, read_run

EVERYWHERE = (
    "Test error of each layer read alone",
    "Separation in training",
    "Silent units in training",
    "Goodness of positives and negatives, sample by sample",
    "Receptive fields of the first layer",
)


class Own(nn.Module):
    """A block of one's own, which no file brings back."""

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


def part(text: str, title: str) -> str:
    """The words below a heading, up to the next."""
    found = re.search(rf"<h3>{title}</h3>(.*?)(?=<h3>|</section>)", text, re.DOTALL)
    assert found is not None
    return Page(found[1]).text


def test_a_run_shows_every_figure_with_a_caption(digits_run):
    text = runs_page([digits_run.path])
    assert set(EVERYWHERE) <= set(titles(text))
    assert "Validation error of each layer read alone, by its goodness" in titles(text)
    assert text.index("layer by layer") < text.index('id="settings"')
    captions = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    told = [Page(each).text for each in captions if any(title in each for title in EVERYWHERE)]
    for words in told:
        assert re.search(r"is good|Where the two|Strokes", words), words
    assert len(Page(text).ids) == len(set(Page(text).ids))
    assert [each for each in Page(text).links if not each.startswith(("#", "data:"))] == []


def test_the_histograms_are_of_the_best_weights_and_the_validation_samples(digits_run):
    text = part(runs_page([digits_run.path]), "Goodness of positives and negatives")
    assert "The 216 validation samples of digits, with the best weights." in text
    samples = SampleFinder().of(json.loads((digits_run.path / "run.json").read_text()))
    _, validation = datasets.digits()[0].split()
    assert sorted(samples.x.sum((1, 2, 3)).tolist()) == pytest.approx(
        sorted(validation.inputs.sum((1, 2, 3)).tolist())
    )
    rng = seeds.generator(0, "report", "negatives")
    found = diagnose.histograms(load(digits_run.path), samples.x, samples.y, rng)
    for layer, each in enumerate(found, 1):
        assert f"Layer {layer}: {each['separation']:.1f} % apart" in text


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
    head = "Validation error of each layer read alone, by its part of the softmax head"
    assert head in titles(text)
    assert "layer 1" not in part(text, "Errors by layer")  # the head leaves it out
    assert "layer 2" in part(text, "Errors by layer")
    assert "Negatives are made as in training." in text
    assert EVERYWHERE[-1] in titles(text)


def test_a_convolution_shows_its_kernels(tmp_path):
    first, second = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 4, 3)
    head = SoftmaxHead([6 * 64, 4 * 36], 10)
    net = Network(Layer(first), Layer(second), examples=HybridImages(10), head=head)
    text = runs_page([trained(tmp_path / "run", net)])
    assert "They are a convolution's kernels." in Page(text).text
    assert {(each["width"], each["height"]) for each in Page(text).all("img")} == {("5", "5")}
    assert EVERYWHERE[3] in titles(text)


def test_blocks_of_ones_own_leave_out_what_needs_the_network(tmp_path):
    net = Network(Layer(Own(), activation=None), Layer(nn.Linear(20, 20)), examples=AppendLabel(10))
    text = runs_page([trained(tmp_path / "run", net)])
    for title in ("Goodness of positives and negatives", "What the first layer looks for"):
        said = part(text, title)
        assert said.startswith("Cannot be shown: the network has code of your own"), said
        assert said.count("which is not run because a file names it") == 1
    assert "Separation in training" in titles(text)


def test_data_that_are_not_to_be_had_leave_out_what_needs_them(tmp_path):
    x, y = torch.rand(60, 7), torch.arange(60) % 3
    out = trained(tmp_path / "run", mlp(7, 8, num_classes=3), on=(x, y))
    text = runs_page([out])
    said = part(text, "Goodness of positives and negatives")
    assert "the run's data are called 'data', and only digits, mnist are found" in said
    assert "no pictures" in part(text, "What the first layer looks for")
    assert part(text, "Errors by layer") == "Not known of this run."


def test_data_whose_files_are_gone_are_said_to_be_gone(digits_run, monkeypatch):
    def gone(what):
        raise datasets.DataUnavailable("MNIST was not found. Tried:\nmany places")

    monkeypatch.setattr(datasets, "load", gone)
    text = runs_page([digits_run.path])
    said = part(text, "Goodness of positives and negatives")
    assert said == (
        "Cannot be shown: the data 'digits' are not to be had here: MNIST was not found."
    )
    assert EVERYWHERE[-1] in titles(text)  # the weights need no data
    assert "Blank: pixels" not in text


def test_data_of_another_size_are_not_taken_for_the_runs_own(digits_run, tmp_path):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    about = json.loads((other / "run.json").read_text())
    about["fit"]["samples"] = 77
    (other / "run.json").write_text(json.dumps(about))
    said = part(runs_page([other]), "Goodness of positives and negatives")
    assert "have 1,222 and 216 samples to train and to validate on, the run had 77 and 216" in said


def test_a_run_without_validation_data_is_looked_at_with_its_training_data(tmp_path):
    net = mlp(64, 20, num_classes=10)
    out = trained(tmp_path / "run", net, on=datasets.digits()[0], validation=False)
    said = part(runs_page([out]), "Goodness of positives and negatives")
    assert "The 1,222 training samples of digits" in said


def test_samples_are_read_again_from_the_users_own_files(ff, tmp_path):
    table = tmp_path / "flowers.csv"
    rows = (f"{row % 7},{row % 5},{'rose' if row % 2 else 'tulip'}" for row in range(120))
    table.write_text("\n".join(["width,height,kind", *rows]) + "\n")
    out = ("--target", "kind", "--epochs", "1", "--hidden", "8", "--out", tmp_path / "run")
    done = ff("train", "--data", table, *out)
    assert done.code == 0, done.err
    said = part(runs_page([tmp_path / "run"]), "Goodness of positives and negatives")
    assert "The 14 validation samples of flowers" in said
    table.unlink()
    said = part(runs_page([tmp_path / "run"]), "Goodness of positives and negatives")
    assert "flowers.csv' are not to be had here" in said


def test_of_many_samples_some_are_drawn(monkeypatch, digits_run):
    monkeypatch.setattr("forward_forward.report.read.LOOKED_AT", 50)
    samples = SampleFinder().of(json.loads((digits_run.path / "run.json").read_text()))
    assert len(samples.x) == len(samples.y) == 50
    assert samples.words == "50 of the 216 validation samples of digits"


def test_a_set_is_read_once(digits_run, monkeypatch):
    read, real = [], datasets.load
    monkeypatch.setattr(datasets, "load", lambda what: read.append(what) or real(what))
    runs_page([digits_run.path, digits_run.path])
    assert read == ["digits"]


def test_in_the_greedy_order_each_layer_has_its_own_epochs(tmp_path):
    out = trained(tmp_path / "run", mlp(64, 12, 12, num_classes=10), order="greedy")
    rows = read_run(out, "run").rows
    assert [row["layers"] for row in rows] == [[1], [2]]
    assert [len(row["separation"]) for row in rows] == [1, 1]
    text = runs_page([out])
    assert titles(text)[-4:-1] == [EVERYWHERE[3], "Layer 1", "Layer 2"]
    assert "layer 1 layer 2" in part(text, "Separation and silent units")


def test_a_run_without_a_checkpoint_says_so(tmp_path):
    text = runs_page([made(tmp_path / "run")])
    assert "has no checkpoint yet" in part(text, "What the first layer looks for")


@pytest.mark.parametrize("content", [b"", b"no tensors at all"])
def test_a_broken_checkpoint_is_said_to_be_broken(digits_run, tmp_path, content):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    (other / "checkpoints/best/network.safetensors").write_bytes(content)
    assert "files are not whole" in part(runs_page([other]), "What the first layer looks for")


def test_of_a_deep_network_some_layers_are_shown(tmp_path):
    text = runs_page([made(tmp_path / "run", layers=30)])
    assert [each for each in titles(text) if each.startswith("Layer ")] == [
        f"Layer {layer}" for layer in spaced(range(1, 31))
    ]
    assert spaced(range(1, 31))[0] == 1
    assert spaced(range(1, 31))[-1] == 30
    assert len(spaced(range(1, 31))) == 8


def test_a_run_is_what_its_files_say(digits_run):
    run = read_run(digits_run.path, "mine")
    assert isinstance(run, RunRead)
    assert run.name == "mine"
    assert len(run.rows) == 8
