"""For all tests: a fixed seed, the ff command in this process, a small trained run, data."""

import contextlib
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from joblib import cpu_count
from sklearn.datasets import load_digits
from tests.chromium import browser  # noqa: F401, one for all browser tests
from tests.track.tracked import mlflow_client

from forward_forward import cli

torch.set_num_threads(1)  # as in the processes that tests start: a resumed run has the same


SEED = 0


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, since some tests wait; 1 GB of memory each."""
    return min(8, cpu_count() + 1)


def pytest_collectstart() -> None:
    """Modules draw the same random tensors when they are imported, in whatever order."""
    torch.manual_seed(SEED)


def pytest_fixture_setup() -> None:
    """Fixtures draw the same random weights, whichever tests ran before."""
    torch.manual_seed(SEED)


def pytest_runtest_call() -> None:
    """So do tests."""
    torch.manual_seed(SEED)


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int | str | None
    out: str
    err: str


def called(*args: object) -> Done:
    """Run the ff command in this process; any exception but SystemExit passes through."""
    out, err = io.StringIO(), io.StringIO()
    before = warnings.showwarning
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main([str(arg) for arg in args])
        code: int | str | None = None
    except SystemExit as ended:
        code = ended.code
    finally:
        warnings.showwarning = before
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def ff() -> Callable[..., Done]:
    """The ff command: its exit code, stdout and stderr."""
    return called


class DigitsRun(NamedTuple):
    """A run that ``ff train`` finished, and the JSON it printed."""

    path: Path
    printed: dict[str, Any]
    done: Done


# Two passes, labels read from the second layer: what most tests of a run were written for.
TWO_PASS = ("--recipe", "standard", "--readout", "2")


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> DigitsRun:
    """A small two-pass network, trained on digits; tests must leave its folder as it is."""
    path = tmp_path_factory.mktemp("digits") / "run"
    command = ["train", "--data", "digits", "--hidden", "40", "40", "--epochs", "8"]
    done = called(*command, *TWO_PASS, "--lr", "0.01", "--out", path, "--json")
    assert done.code == 0, done.err
    return DigitsRun(path, json.loads(done.out), done)


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as an .npz file, which processes read without importing scikit-learn."""
    digits = load_digits()
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, x=digits.images.astype(np.uint8), y=digits.target)
    return path


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with MLflow's tables, which take seconds to make: tests copy it."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    mlflow_client(path)
    return path
