"""Notebooks as a reader runs them: tables as HTML, plots as PNG, one line for a progress bar."""

import copy
import json
import os
import re

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
from sphinx_gallery.notebook import jupyter_notebook
from sphinx_gallery.py_source_parser import split_code_and_text_blocks
from tests.docs.test_docs import DOCS, helper

notebooks = helper("notebooks")
TUTORIAL = DOCS.parent / "tutorials" / "first_network.py"


def notebook_of(path, **conf) -> nbformat.NotebookNode:
    """What Sphinx-Gallery makes of a tutorial."""
    _, blocks = split_code_and_text_blocks(str(path))
    conf = {**copy.deepcopy(DEFAULT_GALLERY_CONF), **conf}
    return nbformat.reads(json.dumps(jupyter_notebook(blocks, conf, str(path.parent))), 4)


def cells(*sources: str) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return made


def kinds(cell) -> set[str]:
    return {kind for out in cell.outputs for kind in out.get("data", {})}


@pytest.mark.slow
def test_an_executed_tutorial_holds_tables_and_plots_and_no_warning():
    first = notebooks.first_cell("owner/name")  # the library is there, so nothing is fetched
    made = notebooks.executed(notebook_of(TUTORIAL, first_notebook_cell=first))
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    shown = {cell.source.splitlines()[-1]: kinds(cell) for cell in code}
    assert {name for name in ("net", "fitted") if "text/html" in shown[name]} == {"net", "fitted"}
    assert "image/png" in shown["fitted.plot()"]
    assert "image/png" in shown["plt.show()"]
    assert not any("text/html" in shown[each] for each in ("fitted.plot()", "plt.show()"))
    said = [out.text for cell in code for out in cell.outputs if out.get("name") == "stderr"]
    (bar,) = said  # of `fit`, and nothing else
    assert bar.count("epoch") == 1
    assert "20/20: 100%" in bar


@pytest.mark.slow
def test_a_figure_is_a_png_without_pyplot_and_a_command_draws_no_bar(tmp_path):
    made = notebooks.executed(
        cells(
            "!ff train --data digits --hidden 16 --epochs 3 --threads 1 --out run",
            "import forward_forward as ff\nff.plot.losses('run')",
        )
    )
    train, plot = made.cells
    (printed,) = (out.text for out in train.outputs)
    assert len(re.findall(r"epoch \d/3", printed)) == 3
    assert "━" not in printed
    assert "\x1b" not in printed
    (figure,) = plot.outputs
    assert figure.data.keys() == {"image/png", "text/plain"}
    assert figure.metadata["image/png"]["alt"] == "Loss of each layer"


def test_a_failing_cell_stops_the_build():
    with pytest.raises(CellExecutionError, match="no such name"):
        notebooks.executed(cells("raise ValueError('no such name')"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/owner/name", "owner/name"),
        ("https://github.com/owner/name.git", "owner/name"),
        ("https://github.com/owner/name/issues", None),
        ("https://example.org/owner/name", None),
    ],
)
def test_the_repository_is_that_of_the_metadata_or_of_the_workflow(monkeypatch, url, name):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    found = {"Project-URL": [f"Repository, {url}"]}
    monkeypatch.setattr(notebooks.importlib.metadata, "metadata", lambda _: Urls(found))
    assert notebooks.repository() == name
    monkeypatch.setenv("GITHUB_REPOSITORY", "a/b")
    assert notebooks.repository() == "a/b"


class Urls(dict):
    """Metadata of a package."""

    get_all = dict.get


def test_with_an_address_a_page_links_to_colab_and_binder(tmp_path):
    page = "    .. container:: sphx-glr-download sphx-glr-download-jupyter\n\n      here\n"
    linked = notebooks.with_colab("owner/name", "tutorials/first_network", page)
    address = "https://colab.research.google.com/github/owner/name/blob/gh-pages/notebooks"
    assert f"`Open in Colab <{address}/tutorials/first_network.ipynb>`__" in linked
    assert linked.endswith(page)
    settings = notebooks.binder("owner/name", tmp_path)
    assert (settings["org"], settings["repo"]) == ("owner", "name")
    assert "github.com/owner/name" in (tmp_path / "requirements.txt").read_text()


def test_without_an_address_there_is_the_download_alone(tmp_path):
    page = "    .. container:: sphx-glr-download sphx-glr-download-jupyter\n"
    assert notebooks.with_colab(None, "tutorials/first_network", page) == page
    assert notebooks.with_colab("a/b", "index", page) == page
    assert notebooks.binder(None, tmp_path) == {}
    assert notebooks.first_cell(None) is None
    assert os.listdir(tmp_path) == []
