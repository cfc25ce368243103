"""The scripts of examples/ run as they are, and its template package adds parts by name."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*args, cwd, added=()):
    paths = [*map(str, added), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "options", "most"),
    [
        ("mnist", ["--data", "digits", "--epochs", "8", "--rule", "local"], 15),
        ("mnist", ["--data", "digits", "--epochs", "15", "--rule", "ff"], 25),
        ("mnist", ["--data", "digits", "--epochs", "8", "--rule", "backprop"], 15),
        ("own_cnn", ["--epochs", "4"], 30),
        ("own_loss", ["--epochs", "4"], 15),
    ],
)
def test_a_script_learns(name, options, most, tmp_path):
    out = run(EXAMPLES / f"{name}.py", *options, cwd=tmp_path)
    error = float(re.findall(r"([\d.]+) %", out)[-1])
    assert error < most, out  # chance is 90


def test_a_script_fits_a_page():
    assert len((EXAMPLES / "mnist.py").read_text().splitlines()) < 120


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the template package is installed into."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", target]
    copy = tmp_path_factory.mktemp("plugin")
    for path in ("pyproject.toml", "src/ff_bounded/__init__.py"):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text((EXAMPLES / "plugin" / path).read_text())
    run("-m", "pip", "install", *options, copy, cwd=copy)
    return target


def ff(*args, cwd, added):
    return run("-m", "forward_forward", *args, cwd=cwd, added=[added])


def test_the_template_s_parts_are_known_by_name(installed, tmp_path):
    helped = " ".join(ff("train", "--help", cwd=tmp_path, added=installed).split())
    assert "recipes: bounded (ff-bounded)" in helped
    listed = ff("datasets", cwd=tmp_path, added=installed)
    assert "stripes\t-\t-\t-\t-\tin ff-bounded" in listed.splitlines()
    checked = ff("check", "bounded", "hinge", cwd=tmp_path, added=installed)
    assert "BAD" not in checked
    options = ["--data", "stripes", "--recipe", "bounded", "--epochs", "3", "--out", "run"]
    assert "test error" in ff("train", *options, cwd=tmp_path, added=installed)
    assert "test error" in ff("evaluate", "run", cwd=tmp_path, added=installed)


def test_a_package_that_cannot_be_imported_is_named_and_left_out(installed, tmp_path):
    (tmp_path / "ff_bounded").mkdir()
    (tmp_path / "ff_bounded" / "__init__.py").write_text("import nothing_of_this_name\n")
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "from forward_forward.plugins import plugins\n"
        "try: plugins('losses')\n"
        "except UserWarning as warning: print(warning)\n"
    )
    out = run("-c", code, cwd=tmp_path, added=[tmp_path, installed])
    assert "'hinge' of the package ff-bounded cannot be used (ModuleNotFoundError" in out
