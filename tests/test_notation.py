"""Parts and their texts: constants of one's own parts, torch's modules, and what is imported."""

import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest
import torch
from torch import nn

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


NAMES = notation.torch_modules()
MODULES = [
    nn.Linear(3, 4, bias=False),
    nn.Conv2d(1, 4, 3, padding="same", padding_mode="circular"),
    nn.ConvTranspose2d(2, 3, 2, stride=2, bias=False),
    nn.BatchNorm2d(4, affine=False, momentum=None),
    nn.LayerNorm((2, 3), bias=False),
    nn.Unflatten(1, (2, 3)),
    nn.GELU("tanh"),
    nn.Hardtanh(-2, 2),
    nn.LSTM(3, 4, batch_first=True, bias=False),
    nn.MultiheadAttention(8, 2),  # whose repr has several lines
    nn.Sequential(nn.Linear(2, 3), nn.Tanh()),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: type(module).__name__)
def test_a_module_of_torch_is_made_again_from_its_text(module):
    state = torch.get_rng_state()
    text = notation.write(module, NAMES)
    assert torch.equal(torch.get_rng_state(), state)
    again = notation.read(text, NAMES)
    assert repr(again) == repr(module)
    shapes = [[(key, each.shape) for key, each in m.state_dict().items()] for m in (again, module)]
    assert shapes[0] == shapes[1]


def changed() -> nn.Module:
    module = nn.Linear(3, 4)
    module.register_parameter("scale", nn.Parameter(torch.ones(4)))
    return module


# Their repr is that of another module, which was once made in their place.
@pytest.mark.parametrize("module", [nn.RNN(3, 4, nonlinearity="relu"), changed()])
def test_a_module_that_its_arguments_do_not_make_is_not_written_as_if_they_did(module):
    with pytest.raises(notation.OwnCode, match="has more state than its name"):
        notation.read(notation.write(module, NAMES), NAMES)


EARLIER = {  # as in earlier runs
    "Linear(in_features=3, out_features=4, bias=True)": nn.Linear(3, 4),
    "Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1), padding='same')": nn.Conv2d(
        1, 4, 3, padding="same"
    ),
    "BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)": (
        nn.BatchNorm1d(4)
    ),
    "Dropout(p=0.5, inplace=False)": nn.Dropout(),
    "GELU(approximate='none')": nn.GELU(),
    "LeakyReLU(negative_slope=0.01)": nn.LeakyReLU(),
}


@pytest.mark.parametrize("text", EARLIER)
def test_texts_of_earlier_versions_are_read(text):
    assert repr(notation.read(text, NAMES)) == repr(EARLIER[text])


def test_the_working_folder_is_searched_first_for_what_is_typed_and_then_last(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each not in ("", str(tmp_path))])
    before = list(sys.path)
    (tmp_path / "typed_rules.py").write_text("def rule(pos, neg):\n    import typed_helper\n")
    (tmp_path / "typed_helper.py").write_text("")
    rule = notation.read("typed_rules:rule", {}, typed=True)
    assert sys.path == [*before, str(tmp_path)]
    rule(None, None)  # what it imports later is found too
    for name in ("typed_rules", "typed_helper"):
        del sys.modules[name]
