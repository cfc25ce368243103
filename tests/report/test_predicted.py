"""A run's page and files show how it predicts the test set, or say why they cannot."""

import re
import shutil

import numpy as np
import pytest
import torch
from tests.report.reader import Page
from tests.report.test_diagnostics import titles, trained
from tests.report.test_runs import made, table

import forward_forward as ff
from forward_forward import datasets, predict
from forward_forward.forward import mlp
from forward_forward.report import evaluation, predicted, runs_page, save_figures


def answers(n, classes, shape, *, real=False):
    """Made-up predictions of n samples, a third of them wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, classes, n)
    probabilities = rng.dirichlet(np.ones(classes), n).astype(np.float32)
    predicted = np.where(np.arange(n) % 3 > 0, true, probabilities.argmax(1))
    names = tuple(f"a kind of animal, number {each}" for each in range(classes))
    return predict.Predictions(
        {"rmse": 1.0},
        () if real else names,
        true.astype(np.float32) if real else true,
        predicted + rng.normal(size=n) if real else predicted,
        probabilities,
        np.ones(n, np.float32),
        None,
        np.arange(min(25, n)),
        torch.from_numpy(rng.normal(size=(min(25, n), *shape))).float(),
    )


def section(text, place=1):
    """The part of a page about a run's test set."""
    found = re.search(rf'<section id="test-{place}">.*?</section>', text, re.DOTALL)
    assert found is not None
    return found[0]


def test_a_run_shows_how_it_predicts_the_test_set(digits_run):
    text = section(runs_page([digits_run.path]))
    shown = ["Confusions", "Calibration", "Scores by class", "The 25 worst samples"]
    assert titles(text) == shown
    assert "at a temperature fitted to the validation data." in text
    _, test = datasets.digits()
    found = predict.predictions(ff.load(digits_run.path), test)
    of_three = predict.quality(found)["by_class"][3]
    scores = " ".join(f"{of_three[name]:.3f}" for name in ("precision", "recall", "f1"))
    assert f"3 {scores} {of_three['support']}" in table(text, "Scores by class")
    matrix = re.search(r"<svg[^>]*Confusions.*?</svg>", text, re.DOTALL)[0]
    counts = np.array(predict.quality(found)["confusion_matrix"])
    numbers = Page(matrix).text.split()
    assert sum(int(each) for each in numbers if each.isdigit()) == counts.sum() + 2 * sum(range(10))


def test_two_runs_have_a_section_each(digits_run, tmp_path):
    other = shutil.copytree(digits_run.path, tmp_path / "other")
    text = runs_page([digits_run.path, other])
    assert titles(section(text, 1)) == titles(section(text, 2))
    assert len(Page(text).ids) == len(set(Page(text).ids))


def test_without_validation_data_the_temperature_is_1(tmp_path):
    network = mlp(64, 20, num_classes=10)
    text = section(runs_page([trained(tmp_path / "run", network, validation=False)]))
    assert "at a temperature of 1, for want of validation data." in text


def test_without_a_network_or_data_the_page_says_so(tmp_path):
    text = section(runs_page([made(tmp_path / "run")]))
    assert Page(text).text.startswith("run on the test set Not available: ")


def test_samples_that_are_no_pictures_are_rows(tmp_path):
    for real, title in ((False, "Confusions"), (True, "Predicted and true")):
        found = answers(60, 4, (7,), real=real)

        class Run:
            predictions = found

        html = "".join(predicted.predicted(Run(), "x"))
        assert title in titles(html)
        assert "<img" not in html
        rows = re.search(r'aria-label="The 25 worst samples">(.*?)</table>', html, re.DOTALL)[1]
        assert rows.count("<tr>") == 26
        assert ("indices are from 0" if real else "set, from 0. Look") in html


@pytest.mark.parametrize(("classes", "numbers", "names"), [(4, True, True), (100, False, False)])
def test_many_classes_have_no_numbers_and_names_that_nobody_could_read(classes, numbers, names):
    measured = predict.quality(answers(900, classes, (1, 8, 8)))
    axes = evaluation.confusions(measured).axes[0]
    assert bool(axes.texts) is numbers
    assert [each.get_text() for each in axes.get_xticklabels()][:1] == ["a kind …number 0"] * names


def test_pictures_of_any_range_and_depth_are_shown(tmp_path):
    for shape, depth in (((1, 6, 5), ()), ((3, 6, 5), (3,))):
        found = answers(30, 3, shape)
        shown = evaluation.pixels(found)
        assert shown[0].shape == (6, 5, *depth)
        assert all(each.min() == 0 and each.max() == 255 for each in shown)
    within = answers(30, 3, (1, 6, 5))
    within.worst_inputs.clamp_(0.2, 0.6)
    assert evaluation.pixels(within)[0].max() == 153
    assert evaluation.pixels(answers(30, 3, (2, 6, 5))) == []


def test_figures_of_few_samples_are_drawn(tmp_path):
    (tmp_path / "classes").mkdir()
    written = save_figures(answers(2, 3, (1, 4, 4)), tmp_path / "classes")
    assert [path.name for path in written] == [
        "confusion_matrix.png",
        "calibration.png",
        "worst.png",
    ]
    assert save_figures(answers(2, 3, (4,), real=True), tmp_path)[0].is_file()
