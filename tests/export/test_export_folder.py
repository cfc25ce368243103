"""An export's folder: complete or absent, identified by its network, never another's."""

import json

import pytest
import torch
from PIL import Image
from tests.export.exportable import samples

from forward_forward import export
from forward_forward.cli.export import raw_samples
from forward_forward.data import Data
from forward_forward.data import folder as folder_of_pictures
from forward_forward.export import folder, torch_file
from forward_forward.forward import mlp


def test_a_file_knows_its_network_and_no_path_or_sample(tmp_path):
    net, x = mlp(12, 9, num_classes=2), samples(500, 12)
    about = export.export(net, x, tmp_path, to="torch", predictor="scan", classes=("cat", "dog"))
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
    export.export(net, x, tmp_path, predictor="one-pass", **options)
    both = export.export(net, x, tmp_path, predictor="scan", **options)
    assert list(both["models"]) == ["one_pass.pt2", "scan.pt2"]
    assert (
        json.loads((tmp_path / "export.json").read_text())["models"].keys() == both["models"].keys()
    )
    assert not any("removed" in line for line in said)
    (tmp_path / "scan.pt2").unlink()
    again = export.export(net, x, tmp_path, predictor="one-pass", **options)
    assert list(again["models"]) == ["one_pass.pt2"]
    export.export(other, x, tmp_path, predictor="scan", **options)
    assert "removed files of another network or of other data: one_pass.pt2" in said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["export.json", "scan.pt2"]


def test_a_folder_that_is_no_export_is_not_replaced(tmp_path):
    net, x = mlp(12, 9, num_classes=2), samples(9, 12)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'notes\.txt'.* choose another folder"):
        export.export(net, x, tmp_path, to="torch")
    with pytest.raises(ValueError, match="expected a folder for the export, got a file"):
        export.export(net, x, tmp_path / "notes.txt", to="torch")
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "onx"}, "to expects one of .*onnx.*, got 'onx'"),
        ({"predictor": "one_pass"}, "predictor expects one of .*one-pass.*, got 'one_pass'"),
        ({"classes": ["cat"]}, "the network has 2 classes, got 1 names"),
        ({"int8": True}, "int8 files are ONNX files, measured on test samples"),
    ],
)
def test_a_wrong_setting_gets_a_sentence(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export.export(
            mlp(12, 9, num_classes=2), samples(9, 12), tmp_path, **{"to": "torch", **options}
        )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (samples(9, 13), "the layer expects 14 inputs, including the label's, got 15"),
        (torch.zeros(9, 12, dtype=torch.int64), r"got \[9, 12\] in torch.int64"),
        (samples(0, 12), r"got \[0, 12\] in torch.float32"),
    ],
)
def test_samples_that_do_not_fit_get_a_sentence(x, message, tmp_path):
    net = mlp(12, 9, num_classes=2)
    with pytest.raises(ValueError, match=message):
        export.export(net, x, tmp_path, to="torch", predictor="scan")
    assert not any(tmp_path.iterdir())


def test_the_samples_of_a_set_are_those_before_it_was_scaled(tmp_path):
    x, y = torch.arange(256).view(128, 2).to(torch.uint8), torch.arange(128) % 2
    found, labels = raw_samples(Data(x, y, ("cat", "dog")))
    order = found[:, 0].argsort()
    assert torch.equal(found[order], x)
    assert torch.equal(labels[order], y)
    floats = Data(x / 255, y, ("cat", "dog"))
    assert torch.equal(raw_samples(floats)[0].sort(0).values, floats.inputs)
    for name, value in (("cat", 7), ("dog", 200)):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 3), value).save(tmp_path / name / "1.png")
    found, labels = raw_samples(folder_of_pictures(tmp_path))
    assert found.dtype == torch.uint8
    assert found[labels.argsort()].amax((1, 2, 3)).tolist() == [7, 200]


def test_a_file_that_differs_leaves_nothing_behind(tmp_path, monkeypatch):
    right = torch_file.opened

    def wrong(path):
        run = right(path)
        return lambda x: (run(x)[0] * (1 + 3e-5), run(x)[1])

    monkeypatch.setattr(torch_file, "opened", wrong)
    with pytest.raises(RuntimeError, match=r"scan\.pt2 differs .* up to 3\.0e-05 .* nothing"):
        export.export(
            mlp(12, 9, num_classes=2), samples(9, 12), tmp_path / "deep" / "x", to="torch"
        )
    assert not any(tmp_path.iterdir())
