"""Tutorials as notebooks that Sphinx-Gallery wrote -> the same, executed: tables, plots, links.

Links that open them in Colab and Binder need the address of a GitHub repository whose branch
gh-pages holds the built site.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

BRANCH, FOLDER = "gh-pages", "notebooks"  # of the built site, where Sphinx-Gallery copies them
ADDRESS = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


def repository() -> str | None:
    """OWNER/NAME of the repository, or None.

    It comes from GITHUB_REPOSITORY, which GitHub's workflows set, or from the project's URLs.
    """
    urls = importlib.metadata.metadata("forward-forward").get_all("Project-URL") or []
    found = [match[1] for url in urls if (match := ADDRESS.search(url))]
    return os.environ.get("GITHUB_REPOSITORY") or next(iter(found), None)


def first_cell(name: str | None) -> str | None:
    """A cell that installs the library where it is missing, as in Colab."""
    if name is None:
        return None
    return (
        "import importlib.util\n\nif importlib.util.find_spec('forward_forward') is None:\n"
        f"    %pip install --quiet git+https://github.com/{name}"
    )


def binder(name: str | None, folder: Path) -> dict[str, Any]:
    """Sphinx-Gallery's settings for Binder; its list of requirements goes into the folder."""
    if name is None:
        return {}
    folder.mkdir(exist_ok=True)
    requirements = folder / "requirements.txt"
    index = "https://download.pytorch.org/whl/cpu"  # a third of the size
    requirements.write_text(
        f"--extra-index-url {index}\nforward-forward @ git+https://github.com/{name}\n"
    )
    owner, repo = name.split("/")
    return {
        "org": owner,
        "repo": repo,
        "branch": BRANCH,
        "binderhub_url": "https://mybinder.org",
        "dependencies": str(requirements),
        "notebooks_dir": FOLDER,
        "use_jupyter_lab": True,
    }


def with_colab(name: str | None, docname: str, page: str) -> str:
    """A tutorial's page with a link that opens its notebook in Colab, above the downloads."""
    if name is None or not docname.startswith("tutorials/") or docname.endswith("/index"):
        return page
    address = f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{FOLDER}"
    box, place = "    .. container:: sphx-glr-download", " sphx-glr-download-jupyter\n"
    link = f"{box}\n\n      `Open in Colab <{address}/{docname}.ipynb>`__\n\n"
    return page.replace(box + place, link + box + place)


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook with the outputs of its cells, run in an empty folder.

    `!ff` is the command of this interpreter's environment, activated or not.

    Raises:
        CellExecutionError: A cell failed.
    """
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        return NotebookClient(
            notebook,
            timeout=None,
            startup_timeout=600,
            kernel_name="python3",
            coalesce_streams=True,  # a progress bar is kept once
            resources={"metadata": {"path": folder}},
        ).execute(env={**os.environ, "PATH": commands})


def execute(folder: Path) -> None:
    """Replace the notebooks in a folder by their executed versions."""
    for path in sorted(folder.glob("*.ipynb")):
        nbformat.write(executed(nbformat.read(path, 4)), path)
