"""ONNX files in ONNX Runtime: their outputs are the library's, and they describe themselves."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.export.exportable import (
    a_head,
    far,
    of_blocks,
    of_every_goodness,
    of_every_readout,
    pixels,
    samples,
)

from forward_forward import datasets, export, load, notation
from forward_forward.examples import AppendLabel, HybridImages, OverlayLabel
from forward_forward.export.verify import TOLERANCE
from forward_forward.forward import MeanSquareOne, mlp
from forward_forward.predict import two_stage

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
onnx_file = pytest.importorskip("forward_forward.export.onnx_file")

DOCS = Path(__file__).parents[2] / "docs" / "export.md"


def exported(network, x, folder: Path, predictor="both", **options):
    """What export.json says, and the outputs of each file."""
    about = export.export(network, x, folder, predictor=predictor, **options)
    return about, {name: onnx_file.opened(folder / name) for name in about["models"]}


def test_every_goodness_in_one_file(tmp_path):
    net, x = of_every_goodness(MeanSquareOne(), AppendLabel(3, strength=2.0)), samples(17, 12)
    _, files = exported(net, x, tmp_path, "scan")
    for batch in (1, 17):
        assert far(*files["scan.onnx"](x[:batch]), net.goodness(x[:batch])) <= TOLERANCE


def test_every_read_out_in_one_file(tmp_path):
    net, x = of_every_readout().eval(), samples(17, 1, 4, 4)
    _, files = exported(net, x, tmp_path, "scan")
    for batch in (1, 17):
        assert far(*files["scan.onnx"](x[:batch]), net.goodness(x[:batch])) <= TOLERANCE


def test_convolutions_and_a_head_on_pixels(tmp_path):
    net, x = of_blocks(OverlayLabel(3), a_head(144, 12, classes=3)).eval(), pixels(40, 1, 8, 8)
    about, files = exported(net, x, tmp_path)
    assert about["input"] == {
        "name": "samples",
        "type": "uint8",
        "shape": ["batch", 1, 8, 8],
        "range": [0, 255],
        "scaling": "divided by 255 in the graph",
    }
    assert far(*files["scan.onnx"](x), net.goodness(x / 255)) <= TOLERANCE
    assert far(*files["one_pass.onnx"](x), net.scores(x / 255, by="head")) <= TOLERANCE
    same = net.goodness(x / 255).argmax(1) == net.scores(x / 255, by="head").argmax(1)
    assert about["models"]["one_pass.onnx"]["agreement_with_scan"] == {
        "percent": 100 * float(same.double().mean()),
        "samples": 40,
        "of": "training",
    }


def test_hybrids_are_exported_with_their_head_only(tmp_path):
    net = mlp(64, 9, 8, num_classes=3, examples=HybridImages(3), head=True)
    with torch.no_grad():
        # Of one sign: sums that cancel would be rounding alone, and differ between processors.
        net.head.weights[0].uniform_(generator=torch.Generator().manual_seed(0))
    x = samples(20, 1, 8, 8)
    _, files = exported(net, x, tmp_path)
    assert list(files) == ["one_pass.onnx"]
    assert far(*files["one_pass.onnx"](x), net.scores(x)) <= TOLERANCE


def test_a_package_that_is_missing_gets_the_line_that_installs_it(
    digits_run, ff, monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = ff("export", digits_run.path, "--out", tmp_path / "x")
    assert done.code == 1
    assert 'onnxruntime is not installed: pip install "forward-forward[onnx]"' in done.err
    assert not any(tmp_path.iterdir())


@pytest.fixture(scope="module")
def export_of_digits(digits_run, tmp_path_factory):
    """The folder runs/mine with an export of a network on digits, and how the command ended."""
    from tests.conftest import called

    root = tmp_path_factory.mktemp("export")
    shutil.copytree(digits_run.path, root / "runs" / "mine")
    done = called("export", root / "runs" / "mine", "--int8", "--json")
    assert done.code == 0, done.err
    return root, json.loads(done.out), done


def test_the_command_writes_and_measures_all_of_a_run(export_of_digits, digits_run):
    root, printed, _ = export_of_digits
    folder = root / "runs" / "mine" / "export"
    models = printed["models"]
    names = ["scan.onnx", "scan.int8.onnx", "one_pass.onnx", "one_pass.int8.onnx"]
    assert list(models) == names
    assert sorted([*names, "export.json"]) == sorted(each.name for each in folder.iterdir())
    written = json.loads((folder / "export.json").read_text())
    del written["sha256"]
    assert {**written, "folder": str(folder)} == printed
    assert printed["classes"] == list("0123456789")
    for name in ("scan.onnx", "one_pass.onnx"):
        check = models[name]["verified"]
        assert check["largest_relative_difference"] <= 1e-5
        assert (check["batches"], check["labels_another_in_a_tie"]) == ([1, 17], 0)
        assert models[name]["measured"]["labels_equal"] == 100
        assert models[name]["measured"]["library"]["labels_equal"] == 100
        small = models[name.replace(".onnx", ".int8.onnx")]
        assert small["bytes"] == (folder / name.replace(".onnx", ".int8.onnx")).stat().st_size
        assert small["bytes"] < models[name]["bytes"]
        assert small["measured"]["labels_equal"] > 90
        kept = small["quantized"]["labels_kept"]
        better = "static" if kept["static"] >= kept["dynamic"] - 0.5 else "dynamic"
        assert small["quantized"]["way"] == better
    error = digits_run.printed["test_error"]
    assert models["scan.onnx"]["measured"]["test_error"] == pytest.approx(error)


def test_the_products_of_an_int8_file_are_int8(export_of_digits):
    root, _, _ = export_of_digits
    graph = onnx.load(root / "runs" / "mine" / "export" / "scan.int8.onnx").graph
    shapes = {
        name: [list(each.dims) for each in graph.initializer if each.data_type == kind]
        for name, kind in {"int8": onnx.TensorProto.INT8, "float": onnx.TensorProto.FLOAT}.items()
    }
    assert {(64, 40), (40, 40)} <= {tuple(dims) for dims in shapes["int8"]}
    # The labels' part of the first layer is a row that is added, not a product.
    assert [dims for dims in shapes["float"] if len(dims) > 1 and 40 in dims] == [[10, 1, 40]]


def test_a_file_is_the_network_and_its_own_documentation(export_of_digits, digits_run):
    root, printed, _ = export_of_digits
    folder = root / "runs" / "mine" / "export"
    net, (train, test) = load(digits_run.path), datasets.digits()
    run = onnx_file.opened(folder / "scan.onnx")
    assert far(*run(test.inputs), net.goodness(test.inputs)) <= TOLERANCE
    model = onnx.load(folder / "scan.onnx")
    inside = {each.key: each.value for each in model.metadata_props}
    assert inside["predictor"] == "scan"
    assert inside["version"] == printed["version"]
    assert json.loads(inside["classes"]) == printed["classes"]
    assert json.loads(inside["input"])["range"] == [0.0, 1.0]
    [given] = model.graph.input
    assert [each.dim_param or each.dim_value for each in given.type.tensor_type.shape.dim] == [
        "batch", 1, 8, 8,
    ]  # fmt: skip
    assert [each.name for each in model.graph.output] == ["goodness", "label"]
    assert b"predictors.py" not in (folder / "scan.onnx").read_bytes()
    small = onnx.load(folder / "one_pass.int8.onnx")
    assert "fitted" in {each.value for each in small.metadata_props}
    # The fit is that of two stages, on the samples that were trained on.
    stages = two_stage(net, train.split()[0].inputs, agreement=1)
    scores, _ = onnx_file.opened(folder / "one_pass.onnx")(test.inputs)
    torch.testing.assert_close(scores, stages.scores(test.inputs), rtol=1e-3, atol=1e-4)


def test_the_measurements_are_printed(export_of_digits, digits_run, ff, tmp_path):
    _, _, quiet = export_of_digits
    assert len(quiet.out.splitlines()) == 1
    assert quiet.err.splitlines() == [
        "exporting scan",
        "quantising and measuring scan",
        "exporting one_pass",
        "quantising and measuring one_pass",
    ]
    done = ff("export", digits_run.path, "--predictor", "scan", "--int8", "--out", tmp_path)
    lines = done.out.splitlines()
    found = r"scan\.onnx: largest relative difference \d\.\de-0\d in batches of 1 and 17, labels id"
    assert re.match(found, lines[0])
    heads = ["", "bytes", "test error %", "agreement with float32 %", "ms/sample at 1", "at 256"]
    assert lines[1].split("\t") == heads
    assert lines[2].split("\t")[0] == "scan.onnx"
    assert lines[3].split()[:3] == ["by", "this", "library"]
    assert re.match(r"scan\.int8\.onnx \((static|dynamic)\)\t", lines[4])
    assert lines[5] == f"folder: {tmp_path}"


@pytest.mark.slow
def test_the_documentation_runs_without_this_library(export_of_digits, ff, tmp_path):
    root = shutil.copytree(export_of_digits[0], tmp_path / "root")  # others read the folder too
    done = ff("export", root / "runs" / "mine", "--to", "torch", "--predictor", "scan")
    assert done.code == 0, done.err
    names = sorted(each.name for each in (root / "runs" / "mine" / "export").iterdir())
    assert len(names) == 6  # those of ONNX stay
    with_onnx, with_torch = re.findall(
        r"run by a test -->\n```python\n(.*?)```", DOCS.read_text(), re.S
    )
    code = (
        f"import sys\n{with_onnx}\nassert 'torch' not in sys.modules\n{with_torch}\n"
        "assert not [name for name in sys.modules if name.startswith('forward_forward')]\n"
        "print(goodness.shape, int(label[0]))"
    )
    options = {"cwd": root, "capture_output": True, "text": True}
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], **options)
    assert ended.returncode == 0, ended.stderr
    first, second = ended.stdout.splitlines()
    label = re.match(r"\['(\d)', .*\] \(5, 10\)", first)[1]
    assert second == f"torch.Size([5, 10]) {label}"


def test_a_run_with_code_of_ones_own_says_how_to_export_it(digits_run, ff, tmp_path):
    shutil.copytree(digits_run.path, tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    about = json.loads(path.read_text())
    about["network"]["layers"][0]["goodness"] = "mine:energy"
    del about["sha256"]
    path.write_text(json.dumps(about))
    with pytest.raises(notation.OwnCode):
        load(tmp_path / "run")
    done = ff("export", tmp_path / "run")
    assert done.code == 2
    assert "your own code (mine:energy)" in done.err
    assert "call ff.export.export(ff.load(run, network=network), samples, folder)" in done.err


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("command", {}, "does not name its training data: pass --data"),
        ("data", {"classes": ["a", "b"]}, "trained on the classes ['a', 'b'], got data with"),
    ],
)
def test_a_run_of_unknown_data_gets_a_sentence(digits_run, ff, tmp_path, key, value, message):
    shutil.copytree(digits_run.path, tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value, "sha256": None}))
    done = ff("export", tmp_path / "run")
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "torch", "--int8"], "int8 files are ONNX files, measured on test samples"),
        (["--data", "mnits"], "did you mean 'mnist'?"),
    ],
)
def test_a_wrong_word_gets_a_sentence(digits_run, ff, words, message, tmp_path):
    done = ff("export", digits_run.path, "--out", tmp_path / "x", *words)
    assert done.code == 2
    assert message in done.err
    assert not any(tmp_path.iterdir())
