"""clf.to_onnx(path): the file alone gives the estimator's labels and probabilities."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris
from tests.sklearn.onnx_alone import columns, run_alone
from torch import nn

from forward_forward import export
from forward_forward.sklearn import (
    FFClassifier,
    FFDetector,
    FFRegressor,
    FFTransformer,
    exported,
    to_onnx,
)

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.slow

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
RNG = np.random.default_rng(0)
GAPS = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
TWO_PASS = {"goodness": "mean_square"}


def classifier(**settings) -> FFClassifier:
    return FFClassifier(
        **{"hidden_layer_sizes": (8, 8), "max_iter": 4, "random_state": 0} | settings
    )


def same(fitted, path, rows=GAPS) -> None:
    found = run_alone(path, {"X": rows})
    assert np.array_equal(found["label"], fitted.predict(rows))
    np.testing.assert_allclose(found["probabilities"], fitted.predict_proba(rows), atol=1e-5)
    assert list(found) == ["label", "probabilities"]


@pytest.mark.parametrize(
    ("labels", "settings"),
    [
        (NAMES, {}),
        (NAMES, TWO_PASS),
        (Y + 5, {}),
        (Y == 1, TWO_PASS),
        (np.where(Y == 1, "yes", "no"), {}),
        (Y * 2.0, {}),
        (np.stack([Y > 0, Y > 1], 1).astype(int), {}),
    ],
    ids=["text", "two passes", "integers", "bool", "two classes", "floats", "several"],
)
def test_the_file_gives_the_classifiers_own_labels_for_raw_rows(labels, settings, tmp_path):
    fitted = classifier(**settings).fit(GAPS, labels)
    fitted.to_onnx(tmp_path / "whole.onnx")
    assert [each.name for each in tmp_path.iterdir()] == ["whole.onnx"]
    same(fitted, tmp_path / "whole.onnx")
    kind = onnxruntime.InferenceSession(tmp_path / "whole.onnx").get_outputs()[0].type
    assert kind == ("tensor(string)" if labels.dtype.kind == "U" else "tensor(int64)")


@pytest.mark.parametrize(
    "settings",
    [{"activation": "gelu"}, {"readout": "logistic"}, {"standardize": False, "activation": "tanh"}],
    ids=["no float64 in ONNX Runtime", "fitted read-out", "not standardised"],
)
def test_other_parts_of_the_network_are_in_it(settings, tmp_path):
    fitted = classifier(**settings).fit(X, NAMES)
    fitted.to_onnx(tmp_path / "whole.onnx")
    same(fitted, tmp_path / "whole.onnx", X)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)),
        nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3)),
    ],
    ids=["rows", "convolutions"],
)
def test_a_module_is_in_it(module, tmp_path):
    shape = (1, 2, 2) if isinstance(module[0], nn.Conv2d) else None
    fitted = classifier(module=module, image_shape=shape).fit(X, NAMES)
    fitted.to_onnx(tmp_path / "whole.onnx")
    same(fitted, tmp_path / "whole.onnx", X)


def test_large_numbers_that_differ_little_are_told_apart(tmp_path):
    fitted = classifier().fit(X + 1e7, NAMES)
    fitted.to_onnx(tmp_path / "whole.onnx")
    same(fitted, tmp_path / "whole.onnx", X + 1e7)


def test_numbers_of_a_regressor_are_in_the_units_of_the_target(tmp_path):
    fitted = FFRegressor((8,), max_iter=4, random_state=0).fit(GAPS, 1000 * Y - 200.0)
    fitted.to_onnx(tmp_path / "whole.onnx")
    found = run_alone(tmp_path / "whole.onnx", {"X": GAPS})["variable"]
    assert found.shape == (150, 1)
    np.testing.assert_allclose(found[:, 0], fitted.predict(GAPS), rtol=1e-5)


def test_the_estimators_without_labels(tmp_path):
    settings = {"max_iter": 2, "random_state": 0}
    features = FFTransformer((6, 5), **settings).fit(X)
    detector = FFDetector((6,), contamination=0.1, **settings).fit(X)
    for name, fitted in {"features": features, "detector": detector}.items():
        fitted.to_onnx(tmp_path / f"{name}.onnx")
    rows = {"X": X}
    found = run_alone(tmp_path / "features.onnx", rows)["variable"]
    np.testing.assert_allclose(found, features.transform(X), atol=1e-5)
    found = run_alone(tmp_path / "detector.onnx", rows)
    assert np.array_equal(found["label"], detector.predict(X))
    np.testing.assert_allclose(found["scores"][:, 0], detector.decision_function(X), atol=1e-5)


def frame_of_categories() -> pd.DataFrame:
    colours = pd.Categorical(np.array(["red", "blue", None], dtype=object)[np.arange(150) % 3])
    sizes = pd.Categorical(np.array([36, 38, 40])[np.arange(150) % 3])
    return pd.DataFrame({"sepal length": GAPS[:, 0], "colour": colours, "size": sizes})


def test_categories_of_a_frame_are_encoded_in_it(tmp_path):
    frame = frame_of_categories()
    fitted = classifier().fit(frame, NAMES)
    fitted.to_onnx(tmp_path / "whole.onnx")
    inputs = columns(frame)
    assert pd.isna(inputs["colour"]).any()
    inputs["colour"][0], inputs["colour"][3], inputs["size"][4] = "purple", None, 99
    frame["colour"] = inputs["colour"][:, 0]
    frame["size"] = inputs["size"][:, 0]
    found = run_alone(tmp_path / "whole.onnx", inputs)
    assert np.array_equal(found["label"], fitted.predict(frame))
    np.testing.assert_allclose(found["probabilities"], fitted.predict_proba(frame), atol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["nan", "red"], "reads a missing cell as 'nan', which is also a category: rename it"),
        ([pd.Interval(0, 1), pd.Interval(1, 2)], "categories that are numbers or text, got"),
        (list(pd.to_datetime(["2020-01-01", "2021-01-01"])), "numbers or text, got datetime64"),
    ],
)
def test_categories_without_a_counterpart_are_refused(values, message, tmp_path):
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical([values[k % 2] for k in range(150)])})
    with pytest.raises(ValueError, match=message):
        classifier().fit(frame, Y).to_onnx(tmp_path / "whole.onnx")
    assert not any(tmp_path.iterdir())


def test_the_network_alone_is_refused_with_the_way_out(tmp_path):
    fitted = classifier().fit(GAPS, NAMES)
    message = (
        r"FFClassifier, which marks missing values and subtracts means and names the labels: use"
        r" the estimator's to_onnx\(path\)"
    )
    with pytest.raises(ValueError, match=message):
        export.export(fitted.network_, torch.from_numpy(X), tmp_path / "export")
    network = FFRegressor((8,), max_iter=1).fit(X, Y).network_
    with pytest.raises(ValueError, match="FFRegressor, which subtracts means and scales the targ"):
        export.export(network, torch.from_numpy(X), tmp_path / "export")
    assert not any(tmp_path.iterdir())


def test_a_network_that_is_all_of_its_estimator_is_exported(tmp_path):
    fitted = classifier(standardize=False).fit(X, Y)
    about = export.export(fitted.network_, torch.from_numpy(X), tmp_path / "export", to="torch")
    assert list(about["models"]) == ["scan.pt2"]


def test_a_file_that_differs_is_not_written(tmp_path, monkeypatch):
    fitted = classifier().fit(X, NAMES)
    rows = exported.rows_like(fitted)
    (tmp_path / "whole.onnx").write_text("an earlier file")
    monkeypatch.setattr(fitted, "predict_proba", lambda X: np.full((len(X), 3), 1 / 3))
    with pytest.raises(RuntimeError, match=r"whole\.onnx differs from the model by .* in its num"):
        to_onnx(fitted, rows, tmp_path / "whole.onnx")
    monkeypatch.undo()
    monkeypatch.setattr(fitted, "predict", lambda X: np.full(len(X), "setosa"))
    with pytest.raises(RuntimeError, match=r"in the labels of \d+ of 500 rows"):
        to_onnx(fitted, rows, tmp_path / "whole.onnx")
    assert (tmp_path / "whole.onnx").read_text() == "an earlier file"


def test_a_package_that_is_missing_gets_the_line_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(
        ImportError, match=r'skl2onnx is not installed: pip install "forward-forwar'
    ):
        classifier().fit(X, Y).to_onnx(tmp_path / "whole.onnx")
