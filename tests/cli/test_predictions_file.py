"""``ff predict --out``: a CSV file of labels, with probabilities, or of numbers."""

import json

import numpy as np
import pandas
import pytest
from PIL import Image
from tests.conftest import called

from forward_forward.checkpoint import Run

LEARNS = ("--hidden", "16", "--epochs", "12", "--threads", "1")


def flowers(count: int) -> pandas.DataFrame:
    rng = np.random.default_rng(count)
    kind = np.arange(count) % 2
    plot = [f"00{k}" for k in kind]
    frame = pandas.DataFrame({"width": rng.normal(kind, 0.6), "plot": plot})
    return frame.assign(kind=np.array(["rose", "iris"])[kind])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flowers")
    flowers(300).to_csv(folder / "a.csv", index=False)
    options = ("--data", folder / "a.csv", "--drop", "plot", *LEARNS)
    done = called("train", *options, "--out", folder / "run")
    assert done.code == 0, done.err
    return folder / "run"


def test_a_line_for_each_row_has_its_label_and_the_probability_of_every_class(run, ff, tmp_path):
    new, out = tmp_path / "new.csv", tmp_path / "to" / "predictions.csv"
    truth = flowers(700)
    truth[["width"]].to_csv(new, index=False)
    done = ff("predict", run, new, "--out", out)
    assert done.code == 0, done.err
    assert (done.out, done.err) == ("", f"written: {out}\n")
    found = pandas.read_csv(out)
    names = ["table", "row", "predicted", "probability_iris", "probability_rose"]
    assert [*found] == names
    assert found["row"].tolist() == [*range(1, 701)]
    chances = found[names[3:]].to_numpy()
    assert chances.sum(1) == pytest.approx(np.ones(700), abs=2e-6)
    assert found["predicted"].tolist() == [("iris", "rose")[k] for k in chances.argmax(1)]
    right = found["predicted"] == truth["kind"]
    assert right.mean() > 0.7
    assert abs(chances.max(1).mean() - right.mean()) < 0.08  # as calibrated probabilities are
    said = [json.loads(line) for line in ff("predict", run, new, "--json").out.splitlines()]
    assert found["predicted"].tolist() == [each["label"] for each in said]
    assert [[*each["probabilities"].values()] for each in said] == pytest.approx(chances)
    assert [*said[0]["probabilities"]] == ["iris", "rose"]


def test_the_columns_of_the_tables_may_stand_before_them_as_they_were_written(run, ff, tmp_path):
    first, second, out = (tmp_path / name for name in ("a.csv", "b.csv", "out.csv"))
    flowers(4).to_csv(first, index=False, sep=";", decimal=",")
    flowers(2)[["plot", "width"]].to_csv(second, index=False)
    assert ff("predict", run, first, second, "--out", out, "--with-inputs").code == 0
    found = pandas.read_csv(out, dtype=str)
    assert [*found][:4] == ["width", "plot", "kind", "predicted"]
    assert found["plot"].tolist() == ["000", "001"] * 3
    assert found["width"][0] == first.read_text().splitlines()[1].partition(";")[0]
    assert found["kind"].isna().tolist() == [False] * 4 + [True] * 2
    assert ff("predict", run, second, "--out", out, "--with-inputs").code == 0
    done = ff("predict", run, out, "--out", tmp_path / "again.csv", "--with-inputs")
    assert done.code == 2
    assert "expected no column 'predicted' among the inputs, got one: rename it" in done.err


def test_a_number_is_predicted_for_each_row(ff, tmp_path):
    frame = flowers(120)[["width"]].assign(price=lambda each: 3 * each["width"] + 1)
    frame.to_csv(tmp_path / "a.csv", index=False)
    run, out = tmp_path / "run", tmp_path / "out.csv"
    assert ff("train", "--data", tmp_path / "a.csv", *LEARNS, "--out", run).code == 0
    assert ff("predict", run, tmp_path / "a.csv", "--out", out).code == 0
    said = ff("predict", run, tmp_path / "a.csv", "--json").out.splitlines()
    numbers = [json.loads(line)["predicted"] for line in said]
    assert pandas.read_csv(out)["predicted"].tolist() == pytest.approx(numbers)


def test_a_line_for_each_picture_names_it(ff, tmp_path):
    for name, value in (("dark", 20), ("light", 200)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (3, 3), value + number).save(tmp_path / "set" / name / f"{number}.png")
    run, out = tmp_path / "run", tmp_path / "out.csv"
    assert ff("train", "--data", tmp_path / "set", *LEARNS, "--out", run).code == 0
    pictures = [tmp_path / "set" / name / "3.png" for name in ("dark", "light")]
    assert ff("predict", run, *pictures, "--out", out).code == 0
    assert pandas.read_csv(out)["picture"].tolist() == [*map(str, pictures)]
    done = ff("predict", run, *pictures, "--out", out, "--with-inputs")
    assert "--with-inputs is for runs on tables" in done.err


def test_an_older_run_without_a_temperature_says_that_it_is_not_calibrated(run, ff, tmp_path):
    temperature = Run(run).about["temperature"]
    entries = {name: each for name, each in Run(run).about.items() if name != "temperature"}
    flowers(4).to_csv(tmp_path / "new.csv", index=False)
    (run / "run.json").write_text(json.dumps(entries))
    asked = (["--out", tmp_path / "out.csv"], ["--json"], [])
    ended = [ff("predict", run, tmp_path / "new.csv", *each) for each in asked]
    Run(run).update(temperature=temperature)
    said = "has no temperature: probabilities are the softmax of the scores"
    assert [said in done.err for done in ended] == [True, True, False]
    assert [done.code for done in ended] == [0, 0, 0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "out.txt"], "--out expects a file that ends in .csv, got 'out.txt'"),
        (["--out", "new.csv"], "--out would overwrite 'new.csv', which is read"),
        (["--out", "out.csv", "--json"], "expected --json or --out, got both"),
        (["--with-inputs"], "--with-inputs expects a file to write: add --out"),
    ],
)
def test_options_that_cannot_be_met_are_refused(run, ff, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    flowers(4).to_csv("new.csv", index=False)
    done = ff("predict", run, "new.csv", *words)
    assert done.code == 2
    assert said in done.err
    assert [each.name for each in tmp_path.iterdir()] == ["new.csv"]
