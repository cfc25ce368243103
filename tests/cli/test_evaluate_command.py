"""`ff evaluate` prints scores by class, and writes tables and figures of the test set."""

import json
import shutil

import numpy as np
import pandas
import pytest
from PIL import Image
from sklearn.datasets import make_friedman1
from sklearn.metrics import f1_score
from tests.conftest import called

import forward_forward as ff
from forward_forward import checkpoint, datasets
from forward_forward.datasets.run_data import sets_of_run


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run on a table with numbers to predict."""
    x, y = make_friedman1(200, random_state=0)
    folder = tmp_path_factory.mktemp("table")
    frame = pandas.DataFrame(x, columns=[f"x{place}" for place in range(10)]).assign(price=y)
    frame.to_csv(folder / "houses.csv", index=False)
    data = ("--data", folder / "houses.csv", "--target", "price")
    done = called("train", *data, "--epochs", "2", "--threads", "1", "--out", folder / "run")
    assert done.code == 0, done.err
    return folder / "run"


def test_scores_by_class_are_printed_below_the_errors(digits_run):
    done = called("evaluate", digits_run.path)
    lines = done.out.splitlines()
    assert lines[0] == f"digits test error {digits_run.printed['test_error']:.2f} %"
    start = lines.index("class\tprecision\trecall\tF1\tsamples")
    assert [line.split("\t")[0] for line in lines[start + 1 :]] == [*"0123456789", "mean"]
    assert lines[-1].endswith("\t359")
    assert max(map(len, lines)) <= 80
    _, test = datasets.digits()
    predicted = ff.load(digits_run.path).predict(test.inputs)
    assert lines[-1].split("\t")[3] == f"{f1_score(test.labels, predicted, average='macro'):.3f}"


def test_many_classes_are_not_printed(digits_run, monkeypatch):
    monkeypatch.setattr("forward_forward.cli.evaluate.MOST_CLASSES", 9)
    assert "precision" not in called("evaluate", digits_run.path).out


def test_the_json_has_every_figure(digits_run):
    found = json.loads(called("evaluate", digits_run.path, "--json").out)
    assert found["test_error"] == found["error"] == digits_run.printed["test_error"]
    matrix = np.array(found["confusion_matrix"])
    assert 100 * (1 - matrix.trace() / matrix.sum()) == pytest.approx(found["test_error"])
    network, sets = ff.load(digits_run.path), sets_of_run(checkpoint.Run(digits_run.path).about)
    expected = ff.predict.predictions(network, sets.test, sets.validation).temperature
    assert found["calibration"]["temperature"] == pytest.approx(expected)
    assert len(found["worst"]) == 25
    assert found["by_class"][0]["class"] == "0"


def test_the_temperature_is_that_of_the_run_unless_labels_are_read_in_another_way(
    digits_run, tmp_path
):
    run = shutil.copytree(digits_run.path, tmp_path / "run")
    checkpoint.Run(run).update(temperature=123.0)
    found = json.loads(called("evaluate", run, "--json").out)
    assert found["calibration"]["temperature"] == 123.0
    found = json.loads(called("evaluate", run, "--readout", "weighted", "--json").out)
    assert found["calibration"]["temperature"] != 123.0


def test_a_table_has_a_row_per_sample(digits_run, tmp_path):
    place = tmp_path / "new" / "digits.csv"
    done = called("evaluate", digits_run.path, "--out", place)
    assert f"written: {place}" in done.err
    frame = pandas.read_csv(place, index_col="index")
    probabilities = frame.filter(like="probability_")
    assert list(probabilities) == [f"probability_{each}" for each in range(10)]
    assert len(frame) == 359
    np.testing.assert_allclose(probabilities.to_numpy().sum(1), 1, atol=1e-4)
    error = 100 * (frame["true"] != frame["predicted"]).mean()
    assert error == pytest.approx(digits_run.printed["test_error"])
    assert (probabilities.to_numpy().argmax(1) == frame["predicted"]).all()
    assert [each.name for each in place.parent.iterdir()] == ["digits.csv"]


def test_a_folder_has_the_table_and_pictures(digits_run, table, tmp_path):
    for run, names in (
        (digits_run.path, ["calibration.png", "confusion_matrix.png", "worst.png"]),
        (table, ["predicted_vs_true.png"]),
    ):
        folder = tmp_path / run.parent.name
        done = called("evaluate", run, "--out", folder)
        assert done.code == 0, done.err
        written = sorted(each.name for each in folder.iterdir())
        assert written == sorted([*names, "predictions.csv"])
        for name in names:
            assert f"written: {folder / name}" in done.err
            assert np.asarray(Image.open(folder / name).convert("L")).std() > 5  # not blank


def test_numbers_have_r2_and_mean_errors(table):
    found = json.loads(called("evaluate", table, "--json").out)
    assert f"R2 {found['r2']:.4f}, mean absolute error {found['mae']:.4g}" in (
        called("evaluate", table).out
    )
    assert len(found["worst"]) == 25
    assert abs(found["worst"][0]["residual"]) == max(abs(x["residual"]) for x in found["worst"])


@pytest.mark.parametrize("name", ["figures.png", "metrics.json", "a_file"])
def test_another_kind_of_file_is_refused_before_the_evaluation(digits_run, tmp_path, name):
    (tmp_path / "a_file").touch()
    done = called("evaluate", digits_run.path, "--out", tmp_path / name)
    assert done.code == 2
    assert "--out expects a file that ends in .csv, or a folder, got" in done.err
    assert "test error" not in done.out


def test_other_data_are_evaluated_although_the_runs_own_are_gone(digits_file, tmp_path):
    own = tmp_path / "own.npz"
    own.write_bytes(digits_file.read_bytes())
    run = tmp_path / "run"
    options = ("--hidden", "10", "--epochs", "1", "--threads", "1")
    done = called("train", "--data", own, *options, "--out", run)
    assert done.code == 0, done.err
    own.unlink()
    fitted = checkpoint.Run(run).about["temperature"]
    done = called("evaluate", run, "--data", digits_file, "--json")
    assert json.loads(done.out)["calibration"]["temperature"] == fitted
    assert done.code == 0, done.err
    about = {**checkpoint.Run(run).about}
    del about["temperature"]  # as in a run from Python
    (run / "run.json").write_text(json.dumps(about))
    done = called("evaluate", run, "--data", digits_file, "--json")
    assert "ff: note: probabilities are not calibrated: " in done.err
    assert json.loads(done.out)["calibration"]["temperature"] is None
    assert "not calibrated" not in called("evaluate", run, "--data", digits_file).err
