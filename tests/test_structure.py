"""The package's own rules: short files, lazy imports, documented public parts, open bounds."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import forward_forward as ff

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(ff.__file__).parent
FORBIDDEN = {"utils", "util", "common", "helpers", "misc", "core", "base", "enums"}
HEAVY = ("torch", "numpy", "scipy", "sklearn", "matplotlib", "PIL", "pandas", "gradio", "onnx")


def modules() -> list[ModuleType]:
    names = [each.name for each in pkgutil.walk_packages([str(SOURCE)], "forward_forward.")]
    return [ff, *(importlib.import_module(each) for each in names if "__main__" not in each)]


def python_files() -> list[Path]:
    return sorted([*SOURCE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


@pytest.mark.parametrize("path", python_files(), ids=lambda path: path.name)
def test_a_file_has_at_most_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


def test_no_module_has_a_name_that_says_nothing():
    parts = {part for path in SOURCE.rglob("*.py") for part in path.relative_to(SOURCE).parts}
    assert not {part.removesuffix(".py").strip("_") for part in parts} & FORBIDDEN


def test_every_module_says_what_goes_in_and_out():
    silent = [path.name for path in python_files() if not ast.get_docstring(tree(path))]
    assert silent == []


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["forward_forward", "forward_forward.cli"])
def test_importing_the_package_imports_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    assert python(code) == "[]"


def test_names_are_loaded_at_first_use():
    code = "import sys, forward_forward as ff; ff.mlp; print('torch' in sys.modules, ff.mlp)"
    assert re.match(r"True <function mlp at", python(code))


def test_every_public_name_resolves():
    for name in ff.__all__:
        assert getattr(ff, name) is not None
    assert set(ff.__all__) <= set(dir(ff))
    assert len(set(ff.__all__)) == len(ff.__all__)
    assert ff.__all__ == sorted(ff.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'forward_forward' has no attribute 'mpl'"):
        ff.mpl  # noqa: B018


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_all_of_a_module_resolves(module):
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), name


def public(module: ModuleType) -> list[str]:
    """Names of a module that others use: those in __all__, or in that of the package around it."""
    around = sys.modules[module.__name__.rpartition(".")[0] or "forward_forward"]
    listed = getattr(module, "__all__", None)
    if listed is None and around is not ff:
        listed = getattr(around, "__all__", ())
    own = [name for name in vars(module) if not name.startswith("_")]
    return own if listed is None or module is ff else [name for name in own if name in listed]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_public_functions_and_classes_have_docstrings(module):
    silent = []
    for name in public(module):
        part = getattr(module, name)
        if not (inspect.isfunction(part) or inspect.isclass(part)):
            continue
        text = (part.__doc__ or "").strip()
        # A dataclass without a docstring gets its signature as one.
        if part.__module__ == module.__name__ and (not text or text.startswith(f"{name}(")):
            silent.append(name)
    assert silent == []


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_libraries_have_lower_bounds_alone():
    extras = [each for group in project()["optional-dependencies"].values() for each in group]
    for requirement in [*project()["dependencies"], *extras]:
        if requirement.startswith("forward-forward["):  # other extras of this package
            continue
        bound = re.sub(r"^[A-Za-z0-9_.-]+(\[[^]]*\])?", "", requirement.split(";")[0]).strip()
        assert re.fullmatch(r">=[0-9.]+", bound), requirement


def test_torch_is_pinned_by_the_constraints_alone():
    assert [each for each in project()["dependencies"] if re.match(r"torch\b", each)] != []
    pinned = (ROOT / "constraints.txt").read_text()
    assert re.search(r"(?m)^torch==\d+\.\d+", pinned)


def test_the_version_is_the_same_everywhere():
    assert project()["version"] == ff.__version__
    assert set(project()["scripts"]) == {"ff", "forward-forward"}
