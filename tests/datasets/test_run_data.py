"""Other data like a run's, and the data of the run itself, found again through run.json."""

import json

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_wine

from forward_forward import checkpoint, datasets, recipes
from forward_forward.data import Data
from forward_forward.forward import Standardize, mlp
from forward_forward.optimize import Trainer

LEARNS = ("--hidden", "30", "30", "--epochs", "6")
QUICK = ("--hidden", "4", "--epochs", "1")


@pytest.fixture
def wine(tmp_path):
    """Scikit-learn's wine as a table with a text column and named labels."""
    frame = load_wine(as_frame=True).frame
    frame.insert(0, "strength", ["strong" if each > 13 else "light" for each in frame["alcohol"]])
    frame["target"] = frame["target"].map({0: "barolo", 1: "grignolino", 2: "barbera"})
    frame.to_csv(tmp_path / "wine.csv", index=False)
    return tmp_path / "wine.csv"


def test_a_table_is_trained_on_judged_by_and_predicted(ff, wine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = ff("train", "--data", "wine.csv", *LEARNS, "--out", "run", "--json")
    assert done.code == 0, done.err
    assert "labels are taken from the column 'target'" in done.err
    printed = json.loads(done.out)
    assert printed["test_error"] <= 15  # without standardisation it is 30 and more
    about = checkpoint.Run("run").about
    assert about["command"]["data"] == str(wine)
    assert about["network"]["inputs"] == "Standardize(features=15)"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = ff("evaluate", tmp_path / "run", "--json")
    assert json.loads(again.out)["test_error"] == printed["test_error"]
    whole = ff("evaluate", tmp_path / "run", "--data", wine, "--json")
    assert json.loads(whole.out)["test_error"] <= 15
    rows = wine.read_text().splitlines()
    (tmp_path / "new.csv").write_text("\n".join([rows[0], rows[1], rows[-1]]))
    done = ff("predict", tmp_path / "run", tmp_path / "new.csv", "--json")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["row"] for each in found] == [1, 2]
    assert [each["label"] for each in found] == ["barolo", "barbera"]
    assert "new.csv, row 1: barolo" in ff("predict", tmp_path / "run", tmp_path / "new.csv").out


def test_rows_that_do_not_fit_the_training_table_are_refused(ff, wine, tmp_path):
    done = ff("train", "--data", wine, *QUICK, "--target", "strength", "--out", tmp_path / "run")
    assert done.code == 0, done.err
    text = wine.read_text()
    (tmp_path / "less.csv").write_text(text.replace("alcohol,", "spirit,", 1))
    done = ff("predict", tmp_path / "run", tmp_path / "less.csv")
    assert done.code == 2
    assert "got none called 'alcohol'" in done.err
    (tmp_path / "more.csv").write_text(text.replace("barolo", "chianti"))
    done = ff("predict", tmp_path / "run", tmp_path / "more.csv")
    assert "line 2: expected one of barbera, barolo, grignolino in column 'target'" in done.err
    done = ff("evaluate", tmp_path / "run", "--data", "digits")
    assert "expected samples of [16] like those of the training data" in done.err


def test_a_run_on_a_table_is_resumed_with_its_data(ff, wine, tmp_path):
    done = ff("train", "--data", wine, *QUICK, "--out", tmp_path / "whole")
    assert done.code == 0, done.err
    done = ff("train", "--resume", tmp_path / "whole", "--json")
    assert json.loads(done.out)["run"] == str(tmp_path / "whole")
    wine.write_text("\n".join(wine.read_text().splitlines()[:-9]))
    done = ff("train", "--resume", tmp_path / "whole")
    assert done.code == 2
    assert (
        "expected the train samples that the run was trained with, got others in 'wine'" in done.err
    )


def test_a_run_whose_data_have_changed_since_says_so(ff, wine, tmp_path):
    run, before = tmp_path / "run", wine.read_text()
    assert ff("train", "--data", wine, *QUICK, "--out", run).code == 0
    lines = before.splitlines()
    lines[1] = lines[1].replace("14.23", "14.24")  # one value of one row
    wine.write_text("\n".join(lines))
    for words in (("evaluate", run), ("export", run), ("train", "--resume", run)):
        done = ff(*words)
        assert done.code == 2, words
        assert "samples that the run was trained with, got others in 'wine'" in done.err
        assert "the data have changed since. Restore them" in done.err
    assert ff("evaluate", run, "--data", wine).code == 0
    assert ff("report", run, "--out", tmp_path / "page.html").code == 0
    assert "the data have changed since" in (tmp_path / "page.html").read_text()
    wine.write_text(before)
    assert ff("evaluate", run).code == 0


def test_options_for_other_data_are_refused(ff, wine):
    assert "size=8 is for pictures in files" in ff("train", "--data", wine, "--size", "8").err
    assert "target='x' is for tables" in ff("train", "--data", "digits", "--target", "x").err


def test_standardising_is_by_the_training_data_and_kept_with_the_weights():
    x = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1e-3, 5.0, 1e6]
    )
    x[:, 1] = 7.1
    standardize = Standardize.of(Data(x, torch.arange(300) % 2, ("a", "b")))
    scaled = standardize(x)
    assert torch.allclose(scaled.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(scaled.std(0, correction=0), torch.tensor([1.0, 0.0, 1.0]), atol=1e-4)
    network = mlp(3, 8, num_classes=2, inputs=standardize)
    assert "inputs.mean" in network.state_dict()
    plain = mlp(3, 8, num_classes=2)
    assert torch.equal(network.goodness(x), plain.goodness(scaled))
    network.calibrate(x, torch.arange(300) % 2)
    plain.calibrate(scaled, torch.arange(300) % 2)
    assert torch.equal(network.layers[0].threshold_value, plain.layers[0].threshold_value)


def test_pictures_in_colour_are_standardised_and_grey_ones_are_not():
    y = torch.arange(40) % 2
    for channels, inputs in ((1, None), (3, 3 * 16)):
        train = Data(torch.rand(40, channels, 4, 4), y, ("a", "b"))
        standardize = recipes.standard(train, hidden=(9,)).trainer.network.inputs
        assert getattr(standardize, "features", None) == inputs


def test_a_run_of_silent_units_is_warned_of(ff, tmp_path):
    quick = ("--data", "digits", "--hidden", "20", "--epochs", "4", "--out", tmp_path / "run")
    assert "are zero for every input" not in ff("train", *quick).err
    done = ff("train", *quick, "--overwrite", "--lr", "100")
    assert "of the units in layer 1 are zero for every input" in done.err


def test_a_run_from_python_on_a_known_set_is_judged_and_predicts(ff, tmp_path):
    train, _ = datasets.digits()
    network = mlp(64, 20, num_classes=10)
    Trainer(network).fit(train, epochs=1, out=tmp_path / "run")
    done = ff("evaluate", tmp_path / "run", "--json")
    assert json.loads(done.out)["data"] == "digits"
    Image.new("L", (20, 20), 255).save(tmp_path / "white.png")
    assert ff("predict", tmp_path / "run", tmp_path / "white.png").code == 0


@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_data_that_are_no_longer_there_can_be_named(ff, wine, tmp_path, command):
    ff("train", "--data", wine, *QUICK, "--out", tmp_path / "run")
    wine.rename(tmp_path / "moved.csv")
    done = ff(command, tmp_path / "run")
    assert done.code == 2
    assert "the data of the run at" in done.err
    assert f"{str(wine)!r}, got nothing there" in done.err
    assert "--data" in done.err
