"""`local_airbench`: every recipe trains, and those that say so are local."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import forward_forward
from forward_forward import datasets, predict, terms
from forward_forward.data import Data, augment
from forward_forward.forward import Layer
from forward_forward.optimize import Muon
from forward_forward.recipes import local_airbench
from forward_forward.recipes.parameters import parameters_of
from forward_forward.recipes.settings import recipe_named

CLASSES = ("red", "green", "blue")


def coloured(count: int, shape: tuple[int, ...] = (3, 8, 8)) -> Data:
    """Noise in which a random square of the class's colour, or brightness, stands out."""
    rng = torch.Generator().manual_seed(count)
    x = torch.randint(0, 120, (count, *shape), generator=rng, dtype=torch.uint8)
    labels = torch.arange(count) % 3
    places = torch.randint(0, shape[-1] - 3, (count, 2), generator=rng).tolist()
    for picture, label, (top, left) in zip(x, labels.tolist(), places, strict=True):
        square = picture[..., top : top + 4, left : left + 4]
        if shape[0] == 3:
            square[label] += 45
        else:
            square += 45 * label
    return Data(x, labels, CLASSES)


def planned(name: str, data: Data, **settings):
    given = {"channels": (8, 8), "epochs": 6, "batch_size": 30, "shift": 1, **settings}
    return getattr(local_airbench, name)(data, **given)


def fitted(plan, data, **options):
    plan.trainer.fit(data, epochs=plan.epochs, batch_size=plan.batch_size, **options)
    return plan.trainer.network.eval()


def test_every_recipe_is_found_by_its_name():
    assert len(local_airbench.__all__) == 6
    for name in local_airbench.__all__:
        found = recipe_named(f"local_airbench.{name}", typed=False)
        assert found is getattr(local_airbench, name)
        assert {"seed", "epochs", "channels", "lr", "matrix_lr"} <= parameters_of(found).keys()


@pytest.mark.parametrize("name", local_airbench.__all__)
def test_it_learns_colour_pictures_and_is_read_back(name, tmp_path):
    train, test = coloured(300), coloured(150)
    plan = planned(name, train)
    assert isinstance(plan.trainer.optimizers[0], Muon)
    network = fitted(plan, train, out=tmp_path / "run")
    assert predict.evaluate(network, test)["error"] < 15  # chance is 67 %
    x = test.inputs.float() / 255
    assert torch.equal(forward_forward.load(tmp_path / "run").predict(x), network.predict(x))


@pytest.mark.parametrize(("name", "layers"), [("per_convolution", 4), ("per_group", 2)])
def test_a_pair_of_convolutions_makes_half_as_many_layers(name, layers):
    assert len(planned(name, coloured(30), channels=(4,) * 4).trainer.network.layers) == layers


def test_backprop_is_one_layer_and_deep_supervision_as_many_as_convolutions():
    data = coloured(30)
    assert len(planned("backprop", data).trainer.network.layers) == 1
    assert planned("deep_supervision", data).trainer.order == "together"


def lowest_weights(name: str, reached: float, layer: int, **settings) -> list[torch.Tensor]:
    """Weights below a layer after two steps in which its read-out was set to another value."""
    data = coloured(60)
    plan = planned(name, data, precision="float32", **settings)
    network = plan.trainer.network
    torch.nn.init.constant_(network.layers[layer].goodness.weight[:1], reached)
    for _ in range(2):
        plan.trainer.step(data.inputs.float() / 255, data.labels)
    return [each.detach() for below in network.layers[:layer] for each in below.parameters()]


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("per_convolution", True),
        ("random_features", True),
        ("overlapping_pairs", False),
        ("deep_supervision", False),
    ],
)
def test_no_gradient_crosses_a_layer(name, local):
    unchanged, changed = (lowest_weights(name, reached, 1) for reached in (0.0, 0.5))
    assert all(map(torch.equal, unchanged, changed)) == local


def test_overlapping_pairs_reach_one_layer_down_and_no_further():
    unchanged, changed = (
        lowest_weights("overlapping_pairs", reached, 2, channels=(8, 8, 8))
        for reached in (0.0, 0.5)
    )
    same = [torch.equal(*each) for each in zip(unchanged, changed, strict=True)]
    assert same[: len(same) // 2] == [True] * (len(same) // 2)  # of the first layer
    assert not all(same[len(same) // 2 :])


def test_parts_that_are_off_at_first_can_be_chosen():
    data = coloured(60)
    plain = planned("per_convolution", data).trainer
    assert plain.network.layers[0].terms == ()
    chosen = {"contrast": 0.3, "similarity": 1.0, "cutout": 4, "whitening": False, "muon": False}
    trainer = planned("per_convolution", data, **chosen).trainer
    kinds = [type(term) for term in trainer.network.layers[0].terms]
    assert kinds == [terms.SupervisedContrast, terms.SimilarityMatching]
    assert [term.weight for term in trainer.network.layers[0].terms] == [0.3, 1.0]
    assert augment.Cutout(4) in trainer.preparer.augment
    assert trainer.network.inputs is None
    assert type(trainer.optimizers[0]) is torch.optim.AdamW


def test_random_features_leave_the_filters_and_train_the_read_outs():
    data = coloured(60)
    plan = planned("random_features", data, epochs=1)
    blocks = [layer.block for layer in plan.trainer.network.layers]
    before = [[each.clone() for each in block.parameters()] for block in blocks]
    network = fitted(plan, data)
    for layer, old in zip(network.layers, before, strict=True):
        # Filters, and scales and shifts of the norms; only the norms' running means follow.
        assert len(old) == 3
        assert all(map(torch.equal, layer.block.parameters(), old))
        assert layer.block[-1].running_mean.any()
        assert layer.goodness.weight.any()


def weights(layer: Layer) -> torch.Tensor:
    return torch.cat([each.detach().flatten() for each in layer.parameters()])


def test_it_follows_its_seed_alone():
    data = coloured(60)

    def trained(seed: int) -> torch.Tensor:
        torch.manual_seed(seed + 100)
        network = fitted(planned("per_convolution", data, epochs=1, seed=seed), data)
        return torch.cat([weights(layer) for layer in network.layers])

    same, again, other = trained(0), trained(0), trained(1)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, monkeypatch):
    data = coloured(90)

    def trained(**options) -> torch.Tensor:
        network = fitted(planned("per_group", data, epochs=3), data, **options)
        return weights(network.layers[0])

    whole, original = trained(), forward_forward.Trainer.step

    def step(self, *batch):
        if self.steps == 5:
            raise KeyboardInterrupt
        return original(self, *batch)

    monkeypatch.setattr(forward_forward.Trainer, "step", step)
    with pytest.raises(KeyboardInterrupt):
        trained(out=tmp_path / "run")
    monkeypatch.undo()
    assert torch.equal(trained(out=tmp_path / "run", resume=True), whole)


@pytest.mark.parametrize("shape", [(1, 8, 8), (8, 8), (1, 28, 28)])
def test_grey_pictures_are_learned(shape):
    train, test = coloured(300, shape), coloured(150, shape)
    network = fitted(planned("per_convolution", train), train)
    assert predict.evaluate(network, test)["error"] < 35


def test_digits_are_pooled_three_times_to_one_pixel():
    train, test = datasets.digits()
    plan = planned("per_convolution", train, channels=(8, 8, 16, 16, 16, 16), flip=False)
    network = fitted(plan, train)
    grids = [layer.goodness.grid for layer in network.layers]
    assert grids == [4, 4, 2, 2, 1, 1]
    assert predict.evaluate(network, test)["error"] < 10


def test_what_is_no_picture_or_too_small_is_refused():
    rows = Data(torch.rand(30, 5), torch.arange(30) % 3, CLASSES)
    with pytest.raises(ValueError, match=r"whitening expects pictures .*got samples of \[5\]"):
        local_airbench.per_convolution(rows)
    with pytest.raises(ValueError, match=r"halved for each of pooled=.*got \(3, 6, 6\)"):
        local_airbench.per_convolution(coloured(30, (3, 6, 6)))


def test_a_folder_of_pictures_is_trained_from_the_command_line(ff, tmp_path):
    data = coloured(45)
    for index, (picture, label) in enumerate(zip(data.inputs, data.labels, strict=True)):
        folder = tmp_path / "pictures" / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(picture.movedim(0, 2))).save(folder / f"{index}.png")
    out = tmp_path / "run"
    own = ("--recipe", "local_airbench.per_convolution", "--set", "channels=8+8", "--batch-size", 9)
    done = ff("train", "--data", tmp_path / "pictures", *own, "--epochs", "1", "--out", out)
    assert done.code == 0, done.err
    about = json.loads((out / "run.json").read_text())
    assert len(about["network"]["layers"]) == 2
    assert about["network"]["inputs"] == "Whitening(channels=3)"
