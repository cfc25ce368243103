"""Public names of the package -> one page of reference a module, in docs/api/."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.ext.napoleon import GoogleDocstring
from sphinx.util.nodes import make_refnode

MODULES = (
    "forward_forward",
    "forward_forward.data",
    "forward_forward.data.augment",
    "forward_forward.datasets",
    "forward_forward.examples",
    "forward_forward.forward",
    "forward_forward.goodness",
    "forward_forward.readouts",
    "forward_forward.losses",
    "forward_forward.terms",
    "forward_forward.optimize",
    "forward_forward.parallel",
    "forward_forward.lab.simulate",
    "forward_forward.plot",
    "forward_forward.predict",
    "forward_forward.recipes",
    "forward_forward.recipes.field",
    "forward_forward.recipes.poster",
    "forward_forward.recipes.hinton2022",
    "forward_forward.recurrent",
    "forward_forward.sklearn",
    "forward_forward.export",
    "forward_forward.hub",
    "forward_forward.sweep",
    "forward_forward.track",
    "forward_forward.diagnose",
)
# scikit-learn makes these, with links into its own documentation.
REQUESTS = "set_fit_request, set_score_request, set_predict_request, set_partial_fit_request"
INDEX = """API reference
=============

Every public name, generated from the docstrings. Shapes are in brackets; `batch`, `classes` and
`units` are sizes. The examples are run by the tests.

.. toctree::
   :maxdepth: 1

"""


def write(folder: Path, config: Any) -> None:
    """Write a page for each module, and one that lists them.

    Args:
        folder: Where to.
        config: Sphinx's settings, for Google's style of docstrings.
    """
    folder.mkdir(exist_ok=True)
    for name in MODULES:
        module = importlib.import_module(name)
        (folder / f"{name}.rst").write_text(_page(module, config))
    (folder / "index.rst").write_text(INDEX + "".join(map(_line, MODULES)))


def _line(module: str) -> str:
    """A module's line in the list of pages, without the package's name."""
    return f"   {module.removeprefix('forward_forward.')} <{module}>\n"


def names_of(module: ModuleType) -> list[str]:
    """What a module offers: its ``__all__``, or all that it defines and has no underscore."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return list(listed)
    defined = vars(module).items()
    return [
        name
        for name, value in defined
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _page(module: ModuleType, config: Any) -> str:
    name = module.__name__
    first, _, rest = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    first, rest = starred(first), starred(rest)
    parts = [f"{name}\n{'=' * len(name)}", first]
    for paragraph in rest.split("\n\n"):
        # The map of the modules is set in columns.
        parts.append("::\n\n" + paragraph if paragraph.startswith(" ") else paragraph)
    parts.append(f".. py:module:: {name}")
    parts += [_entry(module, each, config) for each in names_of(module)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _entry(module: ModuleType, name: str, config: Any) -> str:
    value, full = getattr(module, name), f"{module.__name__}.{name}"
    if inspect.ismodule(value):
        return ""
    home = _home(module.__name__, name, value)
    if home != full:
        return f".. py:data:: {name}\n   :no-index:\n\n   See :py:obj:`{home}`."
    if inspect.isclass(value):
        return f".. autoclass:: {full}\n   :members:\n   :exclude-members: {REQUESTS}"
    if inspect.isfunction(value):
        return f".. autofunction:: {full}"
    kind = type(value)
    if kind.__module__.startswith("forward_forward") and kind.__name__.startswith("_"):
        text = GoogleDocstring(starred(inspect.cleandoc(kind.__doc__ or "")), config).lines()
        return f".. py:function:: {name}{_bare(value)}\n\n{_indented(chr(10).join(text))}"
    return f".. py:data:: {name}\n\n   ``{_written(value)}``"


def _home(module: str, name: str, value: Any) -> str:
    """Where a name that is offered twice is documented: in the submodule."""
    if module != "forward_forward" or not hasattr(value, "__module__"):
        return f"{module}.{name}"
    for home in map(importlib.import_module, MODULES[1:]):
        if getattr(home, name, None) is value and name in names_of(home):
            return f"{home.__name__}.{name}"
    return f"{module}.{name}"


def _bare(value: Any) -> str:
    """A signature without types."""
    return "(" + ", ".join(inspect.signature(value).parameters) + ")"


def _written(value: Any) -> str:
    for long in ("typing.", "collections.abc.", "torch."):
        value = str(value).replace(long, "")
    return str(value)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())


def starred(text: str) -> str:
    """Shapes such as [batch, *shape] as they are: elsewhere than in code a star begins emphasis."""
    lines = []
    for line in text.splitlines():
        parts = re.split(r"(``.*?``)", line)
        if not line.lstrip().startswith(">>>"):
            parts[::2] = [re.sub(r"(?<=[\[ (])\*(?=\w)", r"\\*", part) for part in parts[::2]]
        lines.append("".join(parts))
    return "\n".join(lines)


def of_docstring(app: Any, what: str, name: str, value: Any, options: Any, lines: Any) -> None:
    """The same for docstrings that Sphinx reads itself."""
    lines[:] = starred("\n".join(lines)).splitlines()


def resolve(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Link a public name that a docstring of another module says without its module."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    objects = env.get_domain("py").objects
    for module in MODULES:
        found = objects.get(f"{module}.{target}")
        if found is not None:
            return make_refnode(
                app.builder, node["refdoc"], found.docname, found.node_id, content, target
            )
    return None
