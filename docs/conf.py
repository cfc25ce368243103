"""Sphinx's settings: pages of docs/*.md, tutorials that are run, a reference made of docstrings.

Nothing is fetched from another host, neither while the site is built nor when it is opened.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import torch  # noqa: E402

import claims  # noqa: E402
import figures  # noqa: E402
import forward_forward  # noqa: E402
import notebooks  # noqa: E402
import reference  # noqa: E402

# The networks are small: several threads wait for each other, the longer the busier the machine.
torch.set_num_threads(1)

project = "Forward-Forward"
author = "The Forward-Forward developers"
copyright = f"2026, {author}"
version = release = forward_forward.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_generated"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
highlight_language = "none"
default_role = "py:obj"  # a docstring's `Layer` is a link where there is such an object
myst_heading_anchors = 3
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# It reads defaults from source code, which recipes that a decorator makes (recipes.field) lack.
suppress_warnings = ["autodoc"]
autodoc_inherit_docstrings = False  # torch's words are torch's
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
# As written: Sphinx would take what stands before a colon for a type.
napoleon_custom_sections = ["Returns", "Yields"]

html_theme = "furo"
html_title = f"Forward-Forward {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False


repository = notebooks.repository()

sphinx_gallery_conf = {
    "examples_dirs": "../tutorials",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "order.InReadingOrder",
    "reset_modules": ("matplotlib", "figures.tutorial_style"),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 3600,  # times of this machine tell a reader nothing
    "capture_repr": ("_repr_html_",),  # tables and figures, as a notebook shows them
    "first_notebook_cell": notebooks.first_cell(repository),
    "binder": notebooks.binder(repository, HERE / "_generated"),
    "nested_sections": False,
    "write_computation_times": False,
}

# A tutorial whose code warns is a tutorial to be mended. Sphinx's own parts may warn.
warnings.filterwarnings("error", module="forward_forward")

LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]*)(#[^)]*)?\)")
README_SECTIONS = {"#the-posters-claims-tested": "results.md#the-posters-claims-tested"}


def of_the_repository(app: Any, docname: str, source: list[str]) -> None:
    """Pages are read in the repository as well, where they may link to files outside of docs/."""

    def inside(match: re.Match[str]) -> str:
        words, path, anchor = match.groups()
        file = (HERE / docname).parent.joinpath(path).resolve()
        if file.is_relative_to(HERE):
            return match.group()
        if file.name == "README.md" and anchor in README_SECTIONS:
            return f"[{words}]({README_SECTIONS[anchor]})"
        name = file.relative_to(HERE.parent)
        return f"`{name}`" if words.strip("`") in path else f"{words} (`{name}`)"

    source[0] = notebooks.with_colab(repository, docname, LINK.sub(inside, source[0]))


def setup(app: Any) -> None:
    """Make the pages and figures that are not written by hand, before Sphinx looks for pages."""
    app.connect("builder-inited", lambda app: claims.write(HERE / "claims"), priority=100)
    app.connect(
        "builder-inited", lambda app: reference.write(HERE / "api", app.config), priority=100
    )
    app.connect("builder-inited", lambda app: figures.draw(HERE / "_generated"), priority=100)
    # After Sphinx-Gallery has written them, and before Sphinx reads the pages that link to them.
    app.connect("builder-inited", lambda app: notebooks.execute(HERE / "tutorials"), priority=900)
    app.connect("source-read", of_the_repository)
    app.connect("autodoc-process-docstring", reference.of_docstring, priority=100)
    app.connect("missing-reference", reference.resolve)
