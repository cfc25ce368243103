"""The README stays true: its Python runs as it is pasted, and it names what there is."""

import re
from pathlib import Path

import pytest

from forward_forward import examples, forward, goodness, losses, optimize, readouts, terms

README = Path(__file__).parents[2].joinpath("README.md")


def test_the_python_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)  # as a reader pastes it
    assert tuple(names["net"].goodness(names["x"]).shape) == (100, 10)


@pytest.mark.parametrize(
    "module",
    [
        goodness,
        readouts,
        losses,
        terms,
        forward.normalize,
        examples.negatives,
        optimize.schedules,
    ],
)
def test_the_readme_names_every_part(module):
    text = README.read_text()
    assert [name for name in module.__all__ if name not in text] == ["constant"] * (
        module is optimize.schedules
    )
