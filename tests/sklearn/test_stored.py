"""``ff export``: what skops has saved becomes an ONNX file that predicts the same."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.conftest import called

from forward_forward.sklearn import FFClassifier

io = pytest.importorskip("skops.io")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")


def test_a_saved_estimator_becomes_a_file_beside_it(tmp_path):
    x, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    classifier = FFClassifier(hidden_layer_sizes=(8,), max_iter=5, random_state=0).fit(x, names)
    io.dump(classifier, tmp_path / "iris.skops")
    done = called("export", tmp_path / "iris.skops", "--json")
    assert done.code == 0, done.err
    path = json.loads(done.out)["file"]
    assert path == str(tmp_path / "iris.onnx")
    label, odds = onnxruntime.InferenceSession(path).run(None, {"X": x})
    assert label.tolist() == classifier.predict(x).tolist()
    assert np.abs(odds - classifier.predict_proba(x)).max() < 1e-5


@pytest.fixture
def pipeline(tmp_path):
    frame = pd.DataFrame({"age": [31, np.nan, 58, 22] * 10, "city": ["Rome", "Oslo"] * 20})
    columns = ColumnTransformer(
        [("numbers", SimpleImputer(), ["age"]), ("texts", OneHotEncoder(), ["city"])]
    )
    made = make_pipeline(columns, FFClassifier(hidden_layer_sizes=(4,), max_iter=2))
    io.dump(made.fit(frame, ["yes", "no"] * 20), tmp_path / "cities.skops")
    frame.assign(other=1).to_csv(tmp_path / "cities.csv", index=False)
    return made, frame


def test_a_saved_pipeline_needs_rows(pipeline, tmp_path):
    made, frame = pipeline
    done = called("export", tmp_path / "cities.skops")
    assert done.code == 2
    assert "pass --data with a table" in done.err
    out = tmp_path / "c.onnx"
    words = ["--data", tmp_path / "cities.csv", "--out", out]
    assert called("export", tmp_path / "cities.skops", *words).code == 0
    rows = {"age": np.array([[np.nan]]), "city": np.array([["Oslo"]], dtype=object)}
    label, _ = onnxruntime.InferenceSession(str(out)).run(None, rows)
    assert label.tolist() == made.predict(frame[1:2]).tolist()
    frame.drop(columns="city").to_csv(tmp_path / "cities.csv", index=False)
    done = called("export", tmp_path / "cities.skops", *words)
    assert "got none of the name 'city'" in done.err


class Mine(LogisticRegression):
    """A type that nobody told skops to trust."""


def test_what_cannot_be_trusted_read_or_combined_gets_a_sentence(pipeline, tmp_path):
    x, y = load_iris(return_X_y=True)
    io.dump(Mine(max_iter=1000).fit(x, y), tmp_path / "mine.skops")
    assert "got other types" in called("export", tmp_path / "mine.skops").err
    (tmp_path / "bad.skops").write_bytes(b"PK no archive")
    assert "a file that skops.io.dump has written" in called("export", tmp_path / "bad.skops").err
    assert "'no.skops'" in called("export", "no.skops").err
    done = called("export", tmp_path / "cities.skops", "--int8")
    assert "omit --to, --predictor and --int8" in done.err
