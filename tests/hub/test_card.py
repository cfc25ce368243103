"""A model card says what the run's files say: errors, intervals, settings, use, limits."""

import json
import re

import pytest
from huggingface_hub import ModelCard
from scipy import stats

import forward_forward as ff
from forward_forward import hub

OPTIONS = ("train", "--data", "digits", "--hidden", "20", "20", "--epochs", "2", "--seed")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs that differ by their seed, and one with another learning rate."""
    from tests.conftest import called

    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        assert called(*OPTIONS, seed, "--out", folder / str(seed)).code == 0
    assert called(*OPTIONS, 3, "--lr", "0.02", "--out", folder / "other").code == 0
    return folder


def about_of(folder):
    return json.loads((folder / "run.json").read_text())


def test_the_metadata_are_those_that_the_hub_filters_by(runs):
    card = ModelCard(hub.model_card(runs / "0", "me/digits", license="mit"))
    card_data, about = card.data, about_of(runs / "0")
    assert card_data.library_name == "forward-forward"
    assert card_data.license == "mit"
    assert card_data.pipeline_tag == "image-classification"
    assert "forward-forward" in card_data.tags
    (result,) = card_data.eval_results
    assert (result.dataset_name, result.metric_type) == ("digits", "accuracy")
    assert result.metric_value == pytest.approx(1 - about["test_error"] / 100, abs=1e-6)


def test_errors_settings_and_use_are_those_of_the_run(runs):
    text, about = hub.model_card(runs / "0", "me/digits"), about_of(runs / "0")
    errors = [about["test_error"], *about["test"]["goodness_error_by_layer"]]
    shown = re.findall(r"^\| (?:network|layer \d alone) \| [\d.]+ \| ([\d.]+) \|$", text, re.M)
    assert shown == [f"{each:.2f}" for each in errors]
    wrong = round(about["test_error"] * about["test_samples"] / 100)
    low, high = stats.binomtest(wrong, 359).proportion_ci(method="wilson")
    assert f"{100 * low:.2f} to {100 * high:.2f} percent (Wilson, 359 test" in text
    for line in (
        f"| trainer.lr | {about['trainer']['lr']} |",
        "| network.layers.1.block | Linear(in_features=64, out_features=20, bias=True) |",
        "| training samples | 1,222 |",
        "| classes | 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 |",
        f"epoch {about['best_epoch']}, which has the lowest validation error",
        'net = ff.load("hf://me/digits")',
        "ff predict hf://me/digits picture.png",
        "This is a single run (seed 0)",
    ):
        assert line in text
    assert "user/name" not in text
    assert not re.search(r"\n\n\n|\{|None", text.partition("## Citation")[0])


def test_several_seeds_give_a_mean_and_its_interval(runs):
    seeds = [runs / "1", runs / "2"]
    text = hub.model_card(runs / "0", seeds=seeds)
    errors = [about_of(each)["test_error"] for each in (runs / "0", *seeds)]
    mean = sum(errors) / 3
    interval = stats.ttest_1samp(errors, 0).confidence_interval()
    assert f"Over the seeds 0, 1, 2, the mean test error is {mean:.2f} ± " in text
    assert f"± {(interval.high - interval.low) / 2:.2f} (95 % t interval)" in text
    assert "This is one training" not in text


@pytest.mark.parametrize(
    ("name", "message"),
    [("other", "another 'trainer.lr': leave it out"), ("0", "different seeds, got .0, 0.")],
)
def test_runs_that_differ_otherwise_are_no_seeds(runs, name, message):
    with pytest.raises(ValueError, match=message):
        hub.model_card(runs / "0", seeds=[runs / name])


def test_a_run_from_python_says_what_it_does_not_record(tmp_path):
    train, _ = ff.datasets.digits()
    trainer = ff.Trainer(ff.mlp(64, 9, num_classes=10, seed=0), seed=0)
    trainer.fit(train, epochs=1, out=tmp_path / "run")
    text = hub.model_card(tmp_path / "run")
    assert "The run records no test error" in text
    assert "| test samples | not recorded |" in text
    assert "The weights are those of the last epoch, 1." in text
    assert ModelCard(text).data.eval_results is None
    with pytest.raises(ValueError, match="one without: finish it"):
        hub.model_card(tmp_path / "run", seeds=[tmp_path / "run"])


class Doubled(ff.goodness.PNorm):
    """A goodness of this test's own."""


def test_code_of_ones_own_is_named_with_what_to_do(tmp_path):
    train, _ = ff.datasets.digits()
    net = ff.mlp(64, 9, num_classes=10, seed=0)
    net.layers[0].goodness = Doubled(3)
    ff.Trainer(net, seed=0).fit(train, epochs=1, out=tmp_path / "run")
    text = hub.model_card(tmp_path / "run", "me/own")
    assert "is not part of the library, `test_card:Doubled" in text.replace("tests.hub.", "")
    assert 'ff.load("hf://me/own", network=your_network)  # see Limits' in text
    assert "ff predict" not in text.partition("## Data")[0]


@pytest.mark.parametrize("classes", [True, False], ids=["classes", "numbers"])
def test_the_card_of_a_table(ff, tmp_path, classes):
    rows = [f"{x},{x % 7},{'ab'[x % 2] if classes else x * 1.5 + 0.25}" for x in range(80)]
    (tmp_path / "table.csv").write_text("\n".join(["one,two,answer", *rows]))
    data = ("--data", tmp_path / "table.csv", "--target", "answer", "--epochs", "1")
    assert ff("train", *data, "--out", tmp_path / "run").code == 0
    text = hub.model_card(tmp_path / "run", "me/table")
    task = "tabular-classification" if classes else "tabular-regression"
    assert ModelCard(text).data.pipeline_tag == task
    assert "ff predict hf://me/table rows.csv" in text
    assert "| classes | a, b |" in text or not classes
    assert "root mean square, in units of the target" in text or classes
    assert "The columns of a table must have" in text
    assert str(tmp_path) not in text
