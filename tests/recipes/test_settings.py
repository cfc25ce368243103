"""Text from a command line -> values of a recipe's settings, and the parts that they name."""

import functools
from typing import Literal

import pytest
import torch
from tests.conftest import called

import forward_forward as ff
from forward_forward import losses
from forward_forward.examples import Uniform
from forward_forward.readouts import LinearReadout
from forward_forward.recipes import poster, standard
from forward_forward.recipes.parameters import Parameter, parameters_of
from forward_forward.recipes.settings import default_recipe, parts, read_range
from forward_forward.terms import SupervisedContrast


def test_what_a_recipe_of_one_s_own_takes():
    def recipe(
        train, *, rounds=3, rate=0.1, on: bool = True, how: Literal["a", "b"] = "a", free="x"
    ):
        return None

    kinds = parameters_of(recipe)
    assert [each.kind for each in kinds.values()] == ["whole", "number", "truth", "word", "word"]
    assert kinds["on"].value("False") is False
    assert kinds["free"].value("anything") == "anything"
    with pytest.raises(ValueError, match="on expects True or False, got 'no'"):
        kinds["on"].value("no")
    with pytest.raises(ValueError, match="how expects a or b, got 'c'"):
        kinds["how"].value("c")


def test_an_annotation_that_cannot_be_resolved_does_not_hide_the_others():
    def recipe(
        train: "Nowhere",  # noqa: F821
        *,
        rate: "float | Nowhere" = 1.0,  # noqa: F821
        epochs: "int | None" = None,
        threshold: "float | Literal['width']" = "width",
    ): ...

    found = parameters_of(recipe)
    assert found["rate"] == Parameter("rate", "number", ())
    assert found["epochs"] == Parameter("epochs", "whole", ())
    assert found["threshold"] == Parameter("threshold", "number", ("width",))


def test_a_partial_recipe_has_the_settings_of_its_function():
    found = parameters_of(functools.partial(poster.method, lr=0.1))
    assert found["lr"].value("0.5") == 0.5
    assert found["hidden"].value("2x30") == (30, 30)
    assert found["precision"].words == ("auto", "float32", "bfloat16")


def test_text_becomes_parts_and_numbers():
    settings = {
        "loss": "SymBa(alpha=2)",
        "negatives": "Uniform",
        "threshold": "0.5",
        "hidden": [8, 8],
        "optimizer": "SGD(momentum=0.9)",
        "activation": "Tanh",
        "lr": 0.1,
    }
    found = parts(settings, typed=frozenset())
    optimizer = found.pop("optimizer")
    assert (optimizer.func, optimizer.keywords) == (torch.optim.SGD, {"momentum": 0.9})
    assert found == {
        "loss": losses.SymBa(alpha=2),
        "negatives": Uniform(),
        "threshold": 0.5,
        "hidden": (8, 8),
        "activation": torch.nn.Tanh,
        "lr": 0.1,
    }
    assert parts({"threshold": "calibrated"}, typed=frozenset()) == {"threshold": "calibrated"}


def test_layers_to_read_are_counted_from_one():
    assert parts({"readout": "2-3"}, typed=frozenset()) == {"readout": (1, 3)}
    assert read_range("1") == (0, 1)
    assert read_range("auto") == "auto"
    assert read_range("all") is None
    with pytest.raises(ValueError, match='readout expects "auto", "weighted", "logistic", "all"'):
        read_range("0-2")
    assert parameters_of(standard)["readout"].value("2-3") == "2-3"


@pytest.mark.parametrize(
    ("settings", "recipe"),
    [
        ({}, "one_pass"),
        ({"loss": "SymBa(alpha=2)", "goodness": "Prototypes(per_class=2)"}, "one_pass"),
        ({"goodness": "l2_norm"}, "standard"),
        ({"goodness": "PNorm(p=1..4),mean_square"}, "standard"),
        ({"negatives": "Uniform"}, "standard"),
        ({"skip": "0.1"}, "standard"),
    ],
)
def test_the_default_recipe_has_the_settings_that_were_typed(settings, recipe):
    assert default_recipe(settings) == recipe
    assert default_recipe(settings, numbers=True) == "regression"


def test_read_outs_are_named_with_and_without_arguments():
    made = parts({"goodness": "FixedReadout(squared=True)"}, typed=frozenset())["goodness"]
    assert made(num_classes=3).squared
    assert parts({"goodness": "LinearReadout"}, typed=frozenset())["goodness"] is LinearReadout


def test_a_term_is_named_as_any_other_part(tmp_path):
    (term,) = parts({"terms": "SupervisedContrast(weight=0.5)"}, typed=frozenset())["terms"]
    assert isinstance(term, SupervisedContrast)
    small = ["--data", "digits", "--hidden", "16", "--epochs", "1", "--out", tmp_path / "run"]
    done = called("train", *small, "--set", "terms=SupervisedContrast(weight=0.5)")
    assert done.code == 0, done.err
    assert ff.load(tmp_path / "run").layers[0].terms[0].weight == 0.5
