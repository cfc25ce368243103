"""Tables with a name: those of scikit-learn, and OpenML's by a stand-in for the network."""

from urllib.error import URLError

import pandas as pd
import pytest
import sklearn.datasets
from sklearn.utils import Bunch
from tests.conftest import called

import forward_forward as ff
from forward_forward.datasets.frames import BUNDLED, frame_of


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_table_is_split_and_its_classes_have_their_names(name):
    sets = ff.datasets.load(name)
    bundled = getattr(sklearn.datasets, f"load_{name}")()
    assert len(sets.train) + len(sets.validation) + len(sets.test) == len(bundled.target)
    names = tuple(sorted(map(str, bundled.target_names))) if "target_names" in bundled else ()
    assert sets.classes == names
    assert sets.train.name == name


def test_a_run_on_a_table_s_name_is_evaluated_from_anywhere(tmp_path, monkeypatch):
    run = tmp_path / "run"
    options = ["--data", "wine", "--epochs", "3", "--hidden", "8", "--drop", "proline"]
    done = called("train", *options, "--threads", "1", "--out", run)
    assert done.code == 0, done.err
    monkeypatch.chdir(tmp_path)
    assert called("evaluate", run).code == 0


@pytest.fixture
def asked(monkeypatch):
    """What `fetch_openml` was asked for; it answers with iris, and two targets for "two"."""
    seen = []

    def fetch(**which):
        seen.append(which)
        if which.get("name") == "offline":
            raise URLError("no route to host")
        frame = frame_of("iris")[0]
        targets = ["target", "more"] if which.get("name") == "two" else ["target"]
        return Bunch(frame=pd.DataFrame(frame), target_names=targets)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    return seen


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("openml:iris", {"name": "iris", "version": 1}),
        ("openml:iris@3", {"name": "iris", "version": 3}),
        ("openml:61", {"data_id": 61}),
    ],
)
def test_a_table_of_openml_is_asked_for_by_name_version_or_number(asked, name, which):
    sets = ff.datasets.load(name)
    assert sets.classes == ("setosa", "versicolor", "virginica")
    assert asked == [{**which, "as_frame": True, "parser": "auto"}]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("openml:offline", "could not be read from OpenML .*no route to host"),
        ("openml:two", "with one target column, got openml:two with 2"),
        ("openml:", "expected openml:NAME, openml:NAME@VERSION or openml:ID"),
        ("openml:iris@new", "expected openml:NAME"),
        ("irys", "did you mean 'iris'"),
    ],
)
def test_what_cannot_be_read_is_said(asked, name, words):
    with pytest.raises((ValueError, ff.datasets.DataUnavailable), match=words):
        ff.datasets.load(name)
