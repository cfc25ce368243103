"""What a notebook shows of an object: a small table, well-formed, escaped, in any theme."""

import dataclasses
import functools
import json
from html.parser import HTMLParser

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.checkpoint import Run
from forward_forward.conversion import Conversion, Step
from forward_forward.data import Data
from forward_forward.display.html import table
from forward_forward.readouts import LinearReadout

EVIL = "<script>alert('a & b')</script>"


class Cells(HTMLParser):
    """The texts of a table, row by row; tags must match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.caption, self.rows = "", []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert "color" not in str(attrs)  # it is the theme's
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] == "caption":
            self.caption += data
        else:
            self.rows[-1][-1] += data


def shown(thing) -> Cells:
    found = Cells(thing._repr_html_())
    assert found.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    return found


def test_a_table_escapes_text_cuts_long_cells_and_aligns_numbers():
    text = table(EVIL, ("name", "size"), [[EVIL, 1234], ["a" * 200, "−0.5"]])
    cells = Cells(text)
    assert cells.caption == EVIL
    assert cells.rows == [["name", "size"], [EVIL, "1,234"], ["a" * 99 + "…", "−0.5"]]
    assert text.count("text-align: right") == 3
    assert text.count("text-align: left") == 4


def test_a_table_without_rows_has_its_names():
    assert Cells(table("Empty", ("a", "b"), [])).rows == [["a", "b"]]


def test_a_network_has_a_row_for_each_layer():
    network = ff.mlp(4, 8, 6, num_classes=2, head=True)
    cells = shown(network)
    # (4 + 2) * 8 + 8, 8 * 6 + 6 and a head on the upper layer, 6 * 2
    assert cells.caption.startswith("Network: 2 layers and a softmax head, 122 parameters")
    assert cells.rows[0][:3] == ["layer", "block", "activation"]
    assert cells.rows[1][1:4] == ["Linear(in_features=6, out_features=8)", "ReLU()", "mean_square"]
    assert [row[-2:] for row in cells.rows[1:]] == [["calibrated", "56"], ["calibrated", "54"]]
    network.calibrate(torch.rand(20, 4), torch.arange(20) % 2)
    assert float(shown(network).rows[1][-2]) > 0


def test_a_network_of_nested_blocks_shows_what_they_consist_of():
    inner = nn.TransformerEncoderLayer(6, 2, batch_first=True)
    block = nn.Sequential(nn.Linear(6, 6), nn.Sequential(nn.Dropout(0.5), nn.GELU()))
    layers = ff.Layer(block, activation=None), ff.Layer(inner, activation=None)
    rows = shown(ff.Network(*layers, examples=ff.examples.AppendLabel(2))).rows
    texts = [row[1] for row in rows[1:]]
    assert texts[0].endswith("→ Dropout(p=0.5, inplace=False) → GELU(approximate='none')")
    assert texts[1] == "TransformerEncoderLayer"
    assert rows[1][2] == "none"


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (torch.tensor([0, 1, 1]), ("cat", EVIL), f"2: cat (1), {EVIL} (2)"),
        (torch.tensor([[1, 0], [1, 1], [1, 0]]), ("a", "b"), "2: a (3), b (1)"),
        (torch.tensor([0.5, 1.5, 2.5]), (), "none: the target is a number"),
    ],
    ids=["classes", "several labels", "numbers"],
)
def test_data_show_their_shape_and_classes(labels, classes, expected):
    cells = shown(Data(torch.rand(3, 1, 2, 5), labels, classes, name=EVIL))
    facts = dict(cells.rows)
    assert cells.caption == f"Data {EVIL!r}"
    assert facts["classes"] == expected
    assert (facts["samples"], facts["shape"], facts["values"]) == ("3", "1 × 2 × 5", "float32")


def test_a_conversion_shows_what_each_module_became():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    conversion = ff.convert(model, num_classes=2)
    cells = shown(conversion)
    assert cells.caption == f"Conversion of {len(conversion.steps)} modules"
    assert cells.rows[1:] == [[step.part, step.became] for step in conversion.steps]
    odd = Conversion(conversion.network, (Step(EVIL, EVIL),))
    assert shown(odd).rows[1] == [EVIL, EVIL]


def test_a_run_shows_its_outcome(digits_run):
    about = json.loads((digits_run.path / "run.json").read_text())
    facts = dict(shown(Run(digits_run.path)).rows)
    epochs = about["fit"]["epochs"]
    assert facts["status"] == about["status"]
    assert facts["data"] == "digits"
    assert facts["epochs"] == f"{epochs} of {epochs}"
    assert facts["validation error, %"] == f"{about['validation_error']:.2f}"
    assert facts["test error, %"] == f"{about['test_error']:.2f}"


def test_a_run_that_has_just_begun_leaves_out_what_it_does_not_know(tmp_path):
    facts = dict(shown(Run.create(tmp_path / "new", {"status": "training"})).rows)
    assert facts == {"folder": str(tmp_path / "new"), "status": "training", "epochs": "0"}


def test_a_finished_training_shows_the_layers_at_the_best_epoch():
    rows = [
        {"epoch": epoch, "loss": [0.5 / epoch, 0.25], "validation_error": error, "seconds": 1.0}
        for epoch, error in ((1, 4.0), (2, 2.0), (3, 8.0))
    ]
    fitted = ff.optimize.Trainer(ff.mlp(4, 8, 8, num_classes=2)).fit(
        (torch.rand(8, 4), torch.arange(8) % 2), epochs=1
    )
    cells = shown(dataclasses.replace(fitted, history=rows, best_epoch=2, validation_error=2.0))
    assert cells.caption.startswith("3 epochs in ")
    assert cells.caption.endswith("best epoch 2, validation error 2.00 %")
    assert cells.rows == [["layer", "loss"], ["1", "0.25"], ["2", "0.25"]]


def test_a_trainer_prints_its_settings_line_by_line():
    trainer = ff.Trainer(ff.mlp(4, 8, num_classes=2), lr=0.25, order="greedy", seed=7)
    lines = [line.split() for line in repr(trainer).splitlines()]
    assert lines[0] == ["Trainer"]
    assert ["lr", "0.25"] in lines
    assert ["order", "greedy"] in lines
    assert ["steps", "0"] in lines
    assert ["seed", "7"] in lines
    assert not any("None" in line for line in lines)
    assert ["engine", "closed_form"] in lines


@pytest.mark.parametrize("joint", [{"rule": "backprop"}, {"order": "overlapping"}])
def test_a_trainer_of_layers_trained_jointly_prints_the_engine_that_it_uses(joint):
    layer = functools.partial(ff.Layer, goodness=LinearReadout(2), loss=ff.losses.CrossEntropy())
    net = ff.mlp(4, 8, 8, num_classes=2, layer=layer, examples=ff.examples.NoLabel(2))
    lines = [line.split() for line in repr(ff.Trainer(net, **joint)).splitlines()]
    assert ["engine", "autograd"] in lines
