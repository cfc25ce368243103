"""Pipelines with our estimators as one ONNX file: raw rows with missing cells, the same answers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tests.sklearn.onnx_alone import columns, run_alone

from forward_forward.sklearn import FFClassifier, FFRegressor, FFTransformer, onnx, to_onnx

pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.slow

SMALL = {"max_iter": 3, "random_state": 0}
RARE = OneHotEncoder(handle_unknown="ignore")


def table(rows: int = 120) -> pd.DataFrame:
    """Numbers and text, each with missing cells."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age (years)": rng.normal(40, 10, rows),
            "born": rng.integers(1950, 2000, rows),
            "city": rng.choice(["Rome", "Oslo", "Bern"], rows),
            "kind": rng.choice(["a", "b"], rows),
            "unused": rng.choice(["x", None], rows),
        }
    )
    frame.loc[rng.random(rows) < 0.2, "age (years)"] = np.nan
    frame.loc[rng.random(rows) < 0.2, "city"] = None
    return frame


FRAME = table()
LABELS = np.where(FRAME["born"] + 20 * (FRAME["city"] == "Rome") > 1980, "young", "old")


def pipeline(texts, last):
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    both = [("numbers", numbers, ["age (years)", "born"]), ("texts", texts, ["city", "kind"])]
    return make_pipeline(ColumnTransformer(both), last)


def same(fitted, path, frame=FRAME, **cells) -> None:
    """The file gives the answers of the pipeline, with some cells of the frame replaced."""
    inputs = columns(frame)
    for name, value in cells.items():
        inputs[name][FRAME[name].isna()] = value
    found = run_alone(path, inputs)
    assert np.array_equal(found["label"], fitted.predict(frame))
    np.testing.assert_allclose(found["probabilities"], fitted.predict_proba(frame), atol=1e-5)


@pytest.mark.parametrize(
    "texts",
    [
        make_pipeline(SimpleImputer(strategy="most_frequent"), RARE),
        make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), RARE),
        RARE,
    ],
    ids=["the most frequent", "a constant", "a category of their own"],
)
@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_pipeline_answers_for_raw_rows_with_missing_cells(texts, missing, tmp_path):
    fitted = pipeline(texts, FFClassifier((8,), **SMALL)).fit(FRAME, LABELS)
    to_onnx(fitted, FRAME, tmp_path / "whole.onnx")
    same(fitted, tmp_path / "whole.onnx", city=missing)


def test_the_two_pass_classifier_found_by_a_search(tmp_path):
    grid = {"ffclassifier__goodness": ["mean_square"]}
    last = FFClassifier((8,), **SMALL)
    fitted = GridSearchCV(pipeline(RARE, last), grid, cv=2).fit(FRAME, LABELS)
    to_onnx(fitted, FRAME, tmp_path / "whole.onnx")
    same(fitted, tmp_path / "whole.onnx")


def test_a_regressor_in_a_pipeline(tmp_path):
    fitted = pipeline(RARE, FFRegressor((8,), **SMALL)).fit(FRAME, FRAME["born"])
    to_onnx(fitted, FRAME, tmp_path / "whole.onnx")
    found = run_alone(tmp_path / "whole.onnx", columns(FRAME))["variable"]
    np.testing.assert_allclose(found[:, 0], fitted.predict(FRAME), rtol=1e-6)


def test_features_within_a_pipeline_and_columns_of_an_array(tmp_path):
    rows = np.random.default_rng(0).normal(size=(80, 3))
    features = FFTransformer((6,), **SMALL)
    fitted = make_pipeline(StandardScaler(), features, LogisticRegression()).fit(
        rows, rows[:, 0] > 0
    )
    to_onnx(fitted, rows, tmp_path / "whole.onnx")
    found = run_alone(tmp_path / "whole.onnx", {"X": rows})
    np.testing.assert_allclose(found["probabilities"], fitted.predict_proba(rows), atol=1e-5)


def test_a_column_called_like_an_output_keeps_the_order_of_the_inputs(tmp_path):
    import onnxruntime

    rows = pd.DataFrame({"label": FRAME["born"], "b": FRAME["born"] % 7})
    fitted = make_pipeline(StandardScaler(), FFClassifier((4,), **SMALL)).fit(rows, LABELS)
    to_onnx(fitted, rows, tmp_path / "whole.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "whole.onnx")
    names = [each.name for each in session.get_inputs()]
    assert names[1] == "b"
    values = rows.to_numpy(dtype=float)
    label, _ = session.run(None, {name: values[:, [k]] for k, name in enumerate(names)})
    assert np.array_equal(label, fitted.predict(rows))


def test_skl2onnx_itself_takes_registered_estimators():
    import onnxruntime

    rows = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    fitted = make_pipeline(StandardScaler(), FFClassifier((4,), **SMALL)).fit(rows, rows[:, 0] > 0)
    onnx.register()
    made = skl2onnx.to_onnx(fitted, rows[:1])
    session = onnxruntime.InferenceSession(made.SerializeToString())
    label, probabilities = session.run(None, {"X": rows})
    assert np.array_equal(label, fitted.predict(rows))
    found = [list(each.values()) for each in probabilities]
    np.testing.assert_allclose(found, fitted.predict_proba(rows), atol=1e-5)
    with pytest.raises(ValueError, match="expects target_opset of 18 or more, got 15"):
        skl2onnx.to_onnx(fitted, rows[:1], target_opset=15)


@pytest.mark.parametrize(
    ("imputer", "frame", "message"),
    [
        (SimpleImputer(add_indicator=True), FRAME, "keeps its columns, got add_indicator=True"),
        (SimpleImputer(), FRAME.assign(born=np.nan), "keeps its columns, got a column without any"),
        (SimpleImputer(), FRAME.assign(day=pd.Timestamp(0)), r"numbers or text, got .* in 'day'"),
    ],
)
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_what_has_no_counterpart_is_refused(imputer, frame, message, tmp_path):
    steps = [("numbers", imputer, ["age (years)", "born"])]
    fitted = make_pipeline(ColumnTransformer(steps), FFClassifier((4,), **SMALL)).fit(frame, LABELS)
    with pytest.raises(ValueError, match=message):
        to_onnx(fitted, frame, tmp_path / "whole.onnx")
    assert not any(tmp_path.iterdir())


def test_rows_without_columns_are_refused(tmp_path):
    from scipy.sparse import csr_array

    rows = np.random.default_rng(0).normal(size=(80, 3))
    fitted = FFClassifier((4,), **SMALL).fit(rows, rows[:, 0] > 0)
    with pytest.raises(ValueError, match=r"got csr_array: use X\.toarray\(\)"):
        to_onnx(fitted, csr_array(rows), tmp_path / "whole.onnx")
    with pytest.raises(ValueError, match="expects numbers, or columns that were categories in fit"):
        to_onnx(fitted, rows.astype(str), tmp_path / "whole.onnx")
