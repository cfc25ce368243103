"""Recipes: training data -> a plan that trains; the default reaches a good error on digits."""

import inspect
import json
import re
from pathlib import Path

import pytest
import torch

from forward_forward import datasets, predict, recipes
from forward_forward.cli.train_settings import check_settings
from forward_forward.data import Data
from forward_forward.forward.description import describe, rewritten
from forward_forward.recipes.settings import recipe_named

NAMES = ["standard", "one_pass", "poster.method", "hinton2022.mnist_supervised_matlab"]


@pytest.fixture(scope="module")
def digits() -> tuple[Data, Data]:
    return datasets.digits()


def test_every_published_experiment_is_named():
    assert recipe_named("standard", typed=False) is recipes.standard
    assert recipe_named("regression", typed=False) is recipes.regression
    listed = ["standard", "one_pass"]  # those of recipes.field are in test_field.py
    for module in (recipes.hinton2022, recipes.poster):
        family = module.__name__.rpartition(".")[2]
        for name in module.__all__:
            assert recipe_named(f"{family}.{name}", typed=False) is getattr(module, name)
            listed.append(f"{family}.{name}")
    assert sorted(listed) == sorted(NAMES)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("standart", "standard"),
        ("poster.metod", "poster.method"),
        ("hinton2022.mnist_supervised", "hinton2022.mnist_supervised_matlab"),
    ],
)
def test_an_unknown_recipe_gets_the_nearest_one(wrong, right):
    with pytest.raises(ValueError, match=f"did you mean '{right}'"):
        recipe_named(wrong, typed=True)


def test_a_recipe_of_ones_own_must_have_been_typed():
    own = "forward_forward.recipes:standard"
    assert recipe_named(own, typed=True) is recipes.standard
    with pytest.raises(ValueError, match="code is never run merely because a file names it"):
        recipe_named(own, typed=False)


# Digits fill their pictures, so a label laid over them wipes some of it, and fit says so.
@pytest.mark.filterwarnings("ignore:the label overwrites:UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_trains_an_epoch(digits, name):
    train, test = digits
    recipe = recipe_named(name, typed=False)
    plan = recipe(train, seed=1, epochs=1, hidden=(30, 30))
    assert plan.epochs == 1
    before = [weight.detach().clone() for weight in plan.trainer.network.parameters()]
    fitted = plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    assert all(value == value for value in fitted.history[0]["loss"])
    moved = zip(before, plan.trainer.network.parameters(), strict=True)
    assert not any(torch.equal(old, new) for old, new in moved if old.dim() == 2)
    assert 0 <= predict.evaluate(plan.trainer.network, test)["error"] <= 100


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_follows_its_seed_alone(digits, name):
    train, _ = digits
    recipe = recipe_named(name, typed=False)

    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed + 100)
        network = recipe(train, seed=seed, hidden=(9, 9)).trainer.network
        return torch.cat([each.detach().flatten() for each in network.parameters()])

    with torch.random.fork_rng():
        same, again, other = weights(0), weights(0), weights(1)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_takes_any_depth(digits, name):
    for hidden in ((12,), (12, 10, 8)):
        plan = recipe_named(name, typed=False)(digits[0], hidden=hidden)
        widths = [layer.block.out_features for layer in plan.trainer.network.layers]
        assert widths == list(hidden)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_s_settings_are_those_of_the_command_line(name):
    settings = set(inspect.signature(recipe_named(name, typed=False)).parameters)
    assert {"train", "seed", "epochs", "hidden", "batch_size", "precision", "device"} <= settings
    check_settings(recipe_named(name, typed=False), name, dict.fromkeys(settings - {"train"}))


def blank(n: int) -> Data:
    return Data(torch.rand(n, 3), torch.arange(n) % 2, ("a", "b"))


@pytest.mark.parametrize("n", [500, 10_000, 20_000, 50_000, 300_000])
def test_the_standard_recipe_takes_the_epochs_that_it_documents(n):
    text = recipes.standard.__doc__ or ""
    rule = re.search(r"None for about ([\d,]+) samples in all, in (\d+) to (\d+) epochs", text)
    assert rule is not None
    shown, least, most = (int(word.replace(",", "")) for word in rule.groups())
    plan = recipes.standard(blank(n), hidden=(4,))
    assert plan.epochs == min(most, max(least, round(shown / n)))
    assert recipes.standard(blank(n), hidden=(4,), epochs=7).epochs == 7


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a busy machine takes long
def test_the_defaults_read_digits(ff, tmp_path):
    done = ff("train", "--data", "digits", "--out", tmp_path / "run", "--json")
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert printed["test_error"] <= 6
    assert printed["validation_error"] <= 6


RESULTS = sorted((Path(__file__).parents[2] / "results").glob("*.json"))
SHAPES = {"mnist": (28, 28), "digits": (8, 8)}


@pytest.mark.skipif(not RESULTS, reason="results/ is not here: it is not part of the sdist")
@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_published_results_are_those_of_the_recipes_as_they_are(path):
    kept = json.loads(path.read_text())
    words = kept["command"].split()
    name = words[words.index("--recipe") + 1] if "--recipe" in words else "one_pass"
    count, data = kept["fit"]["samples"], kept["data"]
    pixels = torch.zeros(count, 1, *SHAPES[data["name"]], dtype=torch.uint8)
    classes = data["classes"]
    train = Data(pixels, torch.arange(count) % len(classes), classes, data["name"])
    plan = recipe_named(name, typed=False)(train)
    assert (plan.epochs, plan.batch_size) == (kept["fit"]["epochs"], kept["fit"]["batch_size"])
    now = {**plan.trainer.settings, "seed": None}
    then = {key: value for key, value in kept["trainer"].items() if key != "compile"}  # of 0.1 only
    assert {key: now[key] for key in then} == then
    assert describe(plan.trainer.network)["layers"] == rewritten(kept["network"])["layers"]
