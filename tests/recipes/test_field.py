"""The field's methods: each learns digits, follows its seed, and is kept and read back."""

import json
from pathlib import Path

import pytest
import torch

import forward_forward as ff
from forward_forward import datasets, predict
from forward_forward.data import Data
from forward_forward.forward.description import build, describe, rewritten
from forward_forward.recipes import field
from forward_forward.recipes.parameters import parameters_of
from forward_forward.recipes.settings import recipe_named

# Test error in percent that is reached in some epochs with small layers; chance is 90.
MAPS, UNITS = (20, 40, 40), (200, 200)
REACHED = {
    "asge": (15, 4, MAPS),
    "backprop": (5, 3, MAPS),
    "cwcomp": (15, 4, MAPS),
    "deep_supervision": (8, 3, MAPS),
    "deeper_forward": (20, 5, MAPS),
    "distance_forward": (15, 4, MAPS),
    "hcl_ff": (15, 4, MAPS),
    "hff": (15, 4, UNITS),
    "layer_collaboration": (25, 8, UNITS),
    "mono_forward": (12, 4, UNITS),
    "predsim": (15, 4, MAPS),
    "random_features": (25, 4, MAPS),
    "scff": (25, 4, MAPS),
    "symba": (20, 6, UNITS),
    "tinyfoa": (20, 8, UNITS),
    "trifecta": (25, 4, MAPS),
}


@pytest.fixture(scope="module")
def digits():
    return datasets.digits()


def weights(network):
    return torch.cat([each.detach().flatten() for each in network.parameters()])


def test_every_method_is_found_by_its_name():
    assert sorted(REACHED) == field.__all__
    for name in field.__all__:
        assert recipe_named(f"field.{name}", typed=False) is getattr(field, name)
        assert {"seed", "epochs", "hidden", "lr"} <= parameters_of(getattr(field, name)).keys()


@pytest.mark.parametrize("name", REACHED)
def test_it_learns_digits_and_is_read_back(digits, name, tmp_path):
    train, test = digits
    reached, epochs, hidden = REACHED[name]
    plan = getattr(field, name)(train, seed=0, epochs=epochs, hidden=hidden)
    plan.trainer.fit(train, epochs=epochs, batch_size=plan.batch_size, out=tmp_path / "run")
    assert predict.evaluate(plan.trainer.network, test)["error"] < reached
    loaded = ff.load(tmp_path / "run")
    x = next(test.batches(50)).x
    assert torch.equal(loaded.predict(x), plan.trainer.network.eval().predict(x))
    assert describe(loaded) == describe(plan.trainer.network)


@pytest.mark.parametrize("name", REACHED)
def test_it_follows_its_seed_alone(digits, name):
    train = digits[0].first(100)

    def trained(seed):
        torch.manual_seed(seed + 100)
        plan = getattr(field, name)(train, seed=seed, hidden=(20, 20))
        plan.trainer.fit(train, epochs=1, batch_size=50)
        return weights(plan.trainer.network)

    with torch.random.fork_rng():
        same, again, other = trained(0), trained(0), trained(1)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("name", REACHED)
def test_it_takes_rows_of_a_table(name):
    rows = torch.randn(90, 5, generator=torch.Generator().manual_seed(0)) * 100
    train = Data(rows, torch.arange(90) % 3, ("a", "b", "c"))
    plan = getattr(field, name)(train, hidden=(12, 12), epochs=1)
    fitted = plan.trainer.fit(train, epochs=1, batch_size=30)
    assert all(value == value for value in fitted.history[0]["loss"])
    assert build(describe(plan.trainer.network)).predict(rows).shape == (90,)


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    digits, tmp_path, monkeypatch
):
    train = digits[0].first(200)

    def fitted(**options):
        plan = field.hcl_ff(train, hidden=(20, 20))
        plan.trainer.fit(train, epochs=3, batch_size=50, **options)
        return weights(plan.trainer.network)

    whole = fitted()
    original = ff.Trainer.step

    def step(self, *batch):
        if self.steps == 6:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(ff.Trainer, "step", step)
    with pytest.raises(KeyboardInterrupt):
        fitted(out=tmp_path / "run")
    monkeypatch.undo()
    assert torch.equal(fitted(out=tmp_path / "run", resume=True), whole)


def test_settings_of_a_method_are_settings_of_the_command_line(ff, tmp_path):
    out = tmp_path / "run"
    own = ("--data", "digits", "--recipe", "field.predsim", "--hidden", "20", "--epochs", "1")
    done = ff("train", *own, "--set", "kernel=0", "network=mlp", "--out", out)
    assert done.code == 0, done.err
    about = json.loads((out / "run.json").read_text())
    (layer,) = about["network"]["layers"]
    assert "kernel" not in layer["terms"]  # 0 is the default of the part, 1 that of the recipe
    assert "Linear(in_features=64" in layer["block"]


def test_random_features_train_their_read_outs_alone(digits):
    train = digits[0].first(200)
    for network in ("cnn", "mlp"):
        plan = field.random_features(train, hidden=(20, 20), network=network)
        before = [[w.clone() for w in layer.block.parameters()] for layer in layers_of(plan)]
        plan.trainer.fit(train, epochs=1, batch_size=50)
        for layer, old in zip(layers_of(plan), before, strict=True):
            assert all(map(torch.equal, layer.block.parameters(), old))
            assert layer.goodness.weight.any()


def layers_of(plan):
    return plan.trainer.network.layers


def test_convolutions_need_pictures():
    train = Data(torch.rand(10, 3), torch.arange(10) % 2, ("a", "b"))
    with pytest.raises(ValueError, match="\"cnn\" for pictures, got 'cnn' for samples of \\[3\\]"):
        field.cwcomp(train, network="cnn")
    with pytest.raises(ValueError, match="hidden expects 1 or more in each layer"):
        field.cwcomp(train, hidden=())


def test_pictures_without_channels_are_those_with_one(digits):
    train = digits[0].first(60)
    flat = Data(train.inputs[:, 0], train.labels, train.classes)
    for name in ("cwcomp", "trifecta", "scff"):
        found = []
        for data in (train, flat):
            plan = getattr(field, name)(data, hidden=(10, 10))
            plan.trainer.fit(data, epochs=1, batch_size=30)
            found.append(weights(plan.trainer.network))
        assert torch.equal(*found)


KEPT = Path(__file__).parents[2] / "results" / "field" / "fashion_mnist.jsonl"


@pytest.mark.skipif(not KEPT.exists(), reason="results/ is not here: it is not part of the sdist")
def test_published_results_are_those_of_the_recipes_as_they_are():
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()]
    assert len({(row["recipe"], row["seed"]) for row in rows}) == len(rows)
    assert len({(row["samples"], row["epochs"]) for row in rows}) == 1
    for row in rows:
        if row["seed"] == 0:
            pixels = torch.zeros(row["samples"], 1, 28, 28, dtype=torch.uint8)
            train = Data(pixels, torch.arange(row["samples"]) % 10, tuple("abcdefghij"))
            plan = getattr(field, row["recipe"])(train, precision="float32")
            now = plan.trainer.settings
            assert {name: now[name] for name in row["trainer"]} == row["trainer"]
            assert plan.batch_size == row["batch_size"]
            layers = describe(plan.trainer.network)["layers"]
            assert layers == rewritten(row["network"])["layers"]
