"""The package's own rules: its map, no circles, short files, lazy imports, docstrings, bounds."""

import ast
import collections
import graphlib
import importlib
import inspect
import itertools
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


def test_a_file_has_at_most_300_lines():
    lengths = {path: len(path.read_text().splitlines()) for path in python_files()}
    assert {str(path): length for path, length in lengths.items() if length > 300} == {}


def test_the_source_does_not_grow_unnoticed():
    """Raise it with what is added: 49,500 lines before networks were exported as C."""
    assert sum(len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")) <= 53_000


def test_the_listing_of_the_package_is_the_map_of_the_readme_and_of_the_contract():
    layers = project_file()["tool"]["importlinter"]["contracts"][0]["layers"]
    contract = {name for layer in layers for name in layer.replace(" ", "").split("|")}
    entries = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    entries = {name for name in entries if not name.startswith("__")}
    assert entries == contract
    section = (ROOT / "README.md").read_text().partition("## How the code is laid out")[2]
    drawn = section.split("```")[1]
    places = {name: re.search(rf"^{name}\b|  {name}\b", drawn, re.MULTILINE) for name in entries}
    assert [name for name, place in places.items() if place is None] == []
    # A level is drawn below those that may import it.
    lines = [
        [drawn[: places[name].start()].count("\n") for name in layer.replace(" ", "").split("|")]
        for layer in layers
    ]
    assert all(max(upper) <= min(lower) for upper, lower in itertools.pairwise(lines)), drawn


def test_tests_are_in_folders_as_the_source_is():
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("*.py"))}
    assert folders - {"chaos", "docs", "results"} <= {path.name for path in SOURCE.iterdir()}


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, in functions and for type checkers too."""
    parts = ["forward_forward", *path.relative_to(SOURCE).with_suffix("").parts]
    package = parts[:-1]
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                child = SOURCE.parent.joinpath(*module.split("."), alias.name)
                is_module = child.is_dir() or child.with_suffix(".py").exists()
                found.add(f"{module}.{alias.name}" if is_module else module)
    return {name for name in found if name.split(".")[0] == "forward_forward"}


def test_no_module_imports_itself_by_way_of_others():
    graph: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        parts = ["forward_forward", *path.relative_to(SOURCE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[name] = imports(path) - {name}
    graph["forward_forward"] = set()  # the package's face imports every name at first use
    graphlib.TopologicalSorter(graph).prepare()  # a CycleError names the modules of a circle


# The same name for two classes, and why both keep it.
HOMONYMS: dict[str, str] = {}


def test_no_two_classes_have_one_name():
    places = collections.defaultdict(list)
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(str(path.relative_to(SOURCE)))
    shared = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in shared.items() if name not in HOMONYMS} == {}
    assert set(HOMONYMS) <= set(shared)


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


def test_every_name_in_the_all_of_a_module_resolves():
    listed = [(module, name) for module in modules() for name in getattr(module, "__all__", ())]
    assert [(m.__name__, name) for m, name in listed if not hasattr(m, name)] == []


def public(module: ModuleType) -> list[str]:
    """Names of a module that others use: those in __all__, or in that of the package around it."""
    around = sys.modules[module.__name__.rpartition(".")[0] or "forward_forward"]
    listed = getattr(module, "__all__", None)
    if listed is None and around is not ff:
        listed = getattr(around, "__all__", ())
    own = [name for name in vars(module) if not name.startswith("_")]
    return own if listed is None or module is ff else [name for name in own if name in listed]


def is_silent(module: ModuleType, name: str) -> bool:
    """Whether a function or class that the module defines has no docstring of its own."""
    part = getattr(module, name)
    if not (inspect.isfunction(part) or inspect.isclass(part)):
        return False
    text = (part.__doc__ or "").strip()
    # A dataclass without a docstring gets its signature as one.
    return part.__module__ == module.__name__ and (not text or text.startswith(f"{name}("))


def test_public_functions_and_classes_have_docstrings():
    found = [(module, name) for module in modules() for name in public(module)]
    assert [f"{m.__name__}.{name}" for m, name in found if is_silent(m, name)] == []


def project_file() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def project() -> dict:
    return project_file()["project"]


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
