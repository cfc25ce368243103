"""A table whose target is a number: trained, evaluated, predicted, reported by the commands."""

import json

import numpy as np
import pandas
import pytest
from sklearn.datasets import make_friedman1
from tests.conftest import called

import forward_forward as ff


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    x, y = make_friedman1(600, noise=1.0, random_state=0)
    frame = pandas.DataFrame(x, columns=[f"x{place}" for place in range(10)]).assign(price=y)
    path = tmp_path_factory.mktemp("regression") / "houses.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(table):
    path = table.parent / "run"
    options = ("--target", "price", "--epochs", "40", "--threads", "1")
    done = called("train", "--data", table, *options, "--out", path)
    assert done.code == 0, done.err
    return path, done


def test_it_says_that_the_target_is_a_number_and_learns_it(run):
    path, done = run
    assert "the target 'price' holds numbers to predict (for classes: --task classes)" in done.err
    assert "samples, a number to predict" in done.err
    assert "recipe  regression" in done.err
    assert "%" not in done.out
    assert "%" not in done.err
    about = json.loads((path / "run.json").read_text())
    assert about["test_error"] == about["test"]["rmse"] < 3  # the standard deviation is 5
    assert f"test error {about['test_error']:.4g} (root mean square" in done.out
    assert about["data"]["classes"] == []
    row = json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])
    assert row["validation_error"] == row["validation_rmse"]


def test_it_is_evaluated_on_its_test_set_and_on_other_rows(run, table):
    path, _ = run
    about = json.loads((path / "run.json").read_text())
    assert json.loads(called("evaluate", path, "--json").out)["rmse"] == about["test_error"]
    other = json.loads(called("evaluate", path, "--data", table, "--json").out)
    assert other["rmse"] < 3
    assert len(other["rmse_by_layer"]) == 2


def test_new_rows_are_labelled_with_numbers(run, table):
    path, _ = run
    frame = pandas.read_csv(table).head(5).drop(columns="price")
    frame.to_csv(table.parent / "new.csv", index=False)
    done = called("predict", path, table.parent / "new.csv", "--json")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["row"] for each in found] == [1, 2, 3, 4, 5]
    truth = pandas.read_csv(table)["price"].head(5)
    errors = np.array([each["predicted"] for each in found]) - truth
    assert np.sqrt(np.mean(errors**2)) < 3
    assert found[0]["predicted"] == pytest.approx(np.mean(found[0]["by_layer"]), rel=1e-4)
    lines = called("predict", path, table.parent / "new.csv").out.splitlines()
    assert lines[0].endswith(f"row 1: {found[0]['predicted']:.6g}")


def test_a_report_shows_its_errors_without_percent(run):
    path, _ = run
    page = path.parent / "report.html"
    assert called("report", path, "--out", page).code == 0
    text = page.read_text()
    assert "validation error, root mean square" in text
    assert "error, %" not in text
    assert "Not available: the target is a number" in text


def test_what_needs_labels_refuses_in_one_sentence(run, table):
    path, _ = run
    assert "this network predicts numbers: use network.predict" in called("export", path).err
    refused = called("train", "--data", table, "--target", "price", "--recipe", "one_pass")
    assert "predicts classes, got data with a real-valued target: use the recipe" in refused.err
    refused = called("train", "--data", table, "--target", "price", "--task", "classes")
    assert "predict numbers with --task regression" in refused.err
    refused = called("train", "--data", "digits", "--recipe", "regression")
    assert "expects a real-valued target, got 10 classes" in refused.err
    assert (
        "task='regression' is for tables"
        in called("train", "--data", "digits", "--task", "regression").err
    )


def test_a_run_is_resumed_and_continued_as_it_was(run):
    path, _ = run
    done = called("train", "--resume", path, "--json")
    assert done.code == 0, done.err
    about = json.loads((path / "run.json").read_text())
    assert json.loads(done.out)["test_error"] == about["test_error"]
    assert ff.load(path).examples.num_classes > 8
