"""A part of one's own is named with its constants, and found by that name where it was typed."""

import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest
import torch

from forward_forward import losses, notation
from forward_forward.contracts import typed_parts


@dataclass(frozen=True)
class Hinge:
    gap: float = 1.0
    label: str = "a"
    steps: tuple[int, ...] = field(default=(1, 2), kw_only=True)
    table: torch.Tensor = field(default_factory=lambda: torch.zeros(2), compare=False)

    def __call__(self, pos, neg):
        return (self.gap + neg - pos).relu().mean(0)


@pytest.fixture
def module(monkeypatch):
    """A module of one's own that holds the class and a function."""
    made = ModuleType("rules_in_memory")
    monkeypatch.setattr(Hinge, "__module__", made.__name__)
    made.Hinge = Hinge
    made.plain = lambda pos, neg: neg.mean(0) - pos
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made.__name__


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Hinge(), "Hinge"),
        (Hinge(2.0), "Hinge(gap=2.0)"),
        (Hinge(label="b, c:d", steps=(3,)), "Hinge(label='b, c:d', steps=(3,))"),
        (Hinge(table=torch.ones(2)), "Hinge"),  # what is no plain value is left out
    ],
)
def test_a_dataclass_of_ones_own_is_written_with_what_is_not_its_default(module, part, written):
    text = notation.write(part, notation.public(losses))
    assert text == f"{module}:{written}"
    assert notation.made(notation.read(text, {}, typed=True)) == part


def test_arguments_may_be_the_librarys_parts_too(module):
    names = notation.public(losses)
    assert notation.read(f"{module}:Hinge(gap=inf)", names, typed=True).gap == float("inf")
    assert notation.read(f"{module}:Hinge(sigmoid)", names, typed=True).gap is losses.sigmoid


@pytest.mark.parametrize("text", ["{}:Hinge", "{}:Hinge(gap=2)", "Minimised({}:plain)"])
def test_what_was_not_typed_is_not_run_with_arguments_or_without(module, text):
    with pytest.raises(notation.OwnCode):
        notation.read(text.format(module), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}:Hinge(gape=2)", "gape"),
        ("{}:Hinge(gap=open('x'))", "unknown name 'open'"),
        ("{}:Hinge(gap=2", "cannot be imported"),
        ("{}:nothing(gap=2)", "has no attribute 'nothing'"),
        ("Minimised({}:plain)", "cannot be imported"),
    ],
)
def test_wrong_words_are_value_errors(module, text, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        notation.read(text.format(module), notation.public(losses), typed=True)


def test_constants_are_typed_with_a_part_that_is_checked(module):
    (named,) = typed_parts([f"{module}:Hinge(gap=2)"])
    assert (named.kind, named.part, named.own) == ("loss", Hinge(gap=2), True)
