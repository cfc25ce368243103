"""What is drawn at random in a step: the same from the same seed, the same for all variants."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from forward_forward import seeds
from forward_forward.checkpoint import Run
from forward_forward.data.augment import Cutout, Flip, Shift
from forward_forward.examples import AppendLabel, FromGoodness, OverlayLabel, Uniform
from forward_forward.forward import Layer, Network, mlp
from forward_forward.optimize import Trainer
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.state import state_of
from forward_forward.track import Callback

CLASSES = 3
SIDE = 4
FEATURES = SIDE * SIDE
X = 0.1 + torch.rand(12, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % CLASSES
PARTS = (Shift(1), Flip())
UNIFORM = Uniform()


def chance(seed: int = 0, step: int = 0) -> StepRandomness:
    return StepRandomness(seed, step, torch.device("cpu"))


def trainer_of(*, negatives: Any = UNIFORM, dropout: float = 0.0, **settings: Any) -> Trainer:
    examples = AppendLabel(CLASSES, negatives=negatives)
    network = mlp(FEATURES, 9, 8, num_classes=CLASSES, seed=2, examples=examples, dropout=dropout)
    return Trainer(network, **{"lr": 0.02, "seed": 3, **settings})


def trained(**settings: Any) -> list[Tensor]:
    trainer = trainer_of(**settings)
    for _ in range(3):
        trainer.step(X, Y)
    return [weight.detach().clone() for weight in trainer.network.parameters()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(map(torch.equal, first, second))


@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}, {"negatives": FromGoodness()}], ids=str)
def test_the_seed_alone_decides_what_a_step_sees(options):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    augmented = trained(augment=PARTS, **options)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert same(augmented, trained(augment=PARTS, **options))
    assert not same(augmented, trained(augment=PARTS, seed=4, **options))
    assert not same(augmented, trained(**options))
    assert not same(augmented, trained(augment=PARTS[::-1], **options))


def test_without_augmentation_nothing_is_changed():
    assert same(trained(augment=()), trained())
    assert same(trained(augment=[Shift(0)]), trained())
    assert chance().augmented(X, ()) is X


def test_every_step_and_every_part_draws_anew():
    pictures = [chance(step=step).augmented(X, [Shift(1)]) for step in range(3)]
    assert len({each.numpy().tobytes() for each in pictures}) == 3
    twice = chance().augmented(X, [Flip(), Flip()])
    once = chance().augmented(X, [Flip()])
    assert not torch.equal(twice, X)  # the second would undo the first
    assert not torch.equal(once, X)
    assert torch.equal(chance().augmented(X, PARTS), chance().augmented(X, PARTS))


def test_the_parts_work_one_after_the_other():
    def doubled(x: Tensor, rng: torch.Generator) -> Tensor:
        return 2 * x

    def one_more(x: Tensor, rng: torch.Generator) -> Tensor:
        return x + 1

    assert torch.equal(chance().augmented(X, [doubled, one_more]), 2 * X + 1)
    assert torch.equal(chance().augmented(X, [one_more, doubled]), 2 * X + 2)


def test_the_settings_name_the_parts():
    settings = trainer_of(augment=[Shift(1), Flip(), Cutout(2)]).settings
    assert settings["augment"] == ["Shift(pixels=1)", "Flip()", "Cutout(size=2)"]
    assert trainer_of().settings["augment"] == []


class Seen(NamedTuple):
    """Pictures that augmentation made, and rows that each layer's block was given."""

    pictures: list[Tensor]
    rows: list[list[Tensor]]


class Noted(nn.Module):
    """A block that notes its input; everything it gives is above 0."""

    def __init__(self, inputs: int, units: int, rows: list[Tensor]) -> None:
        super().__init__()
        self.linear, self.rows = nn.Linear(inputs, units), rows

    def forward(self, x: Tensor) -> Tensor:
        self.rows.append(x.clone())
        return self.linear(x).sigmoid()


class Kept:
    """Shifts pictures and keeps what it made."""

    def __init__(self, pictures: list[Tensor]) -> None:
        self.pictures = pictures

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        self.pictures.append(Shift(1)(x, rng))
        return self.pictures[-1]


def seen(examples: Any, dropout: float = 0.0, augment: bool = True, steps: int = 1) -> Seen:
    noted = Seen([], [[], []])
    widths = (examples.width(FEATURES), 30, 20)
    layers = [
        Layer(
            Noted(inputs, units, rows),
            activation=None,
            normalize=None,
            threshold=0.5,
            dropout=dropout,
        )
        for inputs, units, rows in zip(widths, widths[1:], noted.rows, strict=False)
    ]
    network = Network(*layers, examples=examples)
    trainer = Trainer(network, augment=[Kept(noted.pictures)] if augment else [])
    for _ in range(steps):
        trainer.step(X, Y)
    return noted


EXAMPLES = {
    "appended": AppendLabel(CLASSES, negatives=Uniform(count=2)),
    "overlaid": OverlayLabel(CLASSES, negatives=Uniform(count=2)),
}


def rest_of(examples: Any, rows: Tensor) -> Tensor:
    """The columns without the label, of each variant [variants, batch, features]."""
    columns = slice(0, FEATURES) if isinstance(examples, AppendLabel) else slice(CLASSES, None)
    return rows.view(3, len(X), -1)[:, :, columns]


@pytest.mark.parametrize("examples", EXAMPLES.values(), ids=EXAMPLES)
def test_all_variants_of_a_sample_have_the_same_augmented_picture(examples):
    noted = seen(examples, steps=2)
    assert len(noted.pictures) == len(noted.rows[0]) == 2
    for picture, rows in zip(noted.pictures, noted.rows[0], strict=True):
        flat = picture.flatten(1)
        if isinstance(examples, OverlayLabel):
            flat = flat[:, CLASSES:]
        assert not torch.equal(picture, X)
        for variant in rest_of(examples, rows):
            assert torch.equal(variant, flat)


@pytest.mark.parametrize("examples", EXAMPLES.values(), ids=EXAMPLES)
def test_all_variants_of_a_sample_lose_the_same_inputs(examples):
    share = 0.3
    first, second = (each[0] for each in seen(examples, dropout=share, augment=False).rows)
    rest = rest_of(examples, first)
    above = second.view(3, len(X), -1)
    for variants in (rest, above):
        dropped = variants == 0
        assert torch.equal(dropped, dropped[:1].expand_as(dropped))
        assert 0.15 < float(dropped[0].float().mean()) < 0.45
    full = rest_of(examples, seen(examples, augment=False).rows[0][0])
    torch.testing.assert_close(rest[rest != 0], (full / (1 - share))[rest != 0])
    # Masks of two samples and of two layers are not the same.
    assert len({row.numpy().tobytes() for row in above[0] == 0}) > 1


def test_labels_are_never_dropped():
    rows = seen(EXAMPLES["appended"], dropout=0.9, augment=False).rows[0][0]
    label = rows.view(3, len(X), -1)[:, :, FEATURES:]
    assert torch.equal(label.sum(2), torch.ones(3, len(X)))
    assert torch.equal(label[0], nn.functional.one_hot(Y, CLASSES).float())


def test_masks_differ_between_steps_layers_and_seeds():
    like = torch.ones(6, 20)
    masks = [
        chance(seed, step)._mask(like.shape, 0.5, layer, like)
        for seed, step, layer in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))
    ]
    assert len({mask.numpy().tobytes() for mask in masks}) == 4
    assert torch.equal(masks[0], chance()._mask(like.shape, 0.5, 0, like))
    assert set(masks[0].unique().tolist()) == {0.0, 2.0}


class Break(Callback):
    """Presses Ctrl-C at a step."""

    def __init__(self, step: int) -> None:
        self.at, self.taken = step, 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.at:
            raise KeyboardInterrupt


def bits(trainer: Trainer) -> dict[str, bytes]:
    tensors, _ = state_of(trainer)
    tensors |= {f"network.{name}": each for name, each in trainer.network.state_dict().items()}
    return {name: each.numpy().tobytes() for name, each in tensors.items()}


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_resumed_run_with_augmentation_is_an_undisturbed_one(tmp_path, step):
    def start() -> Trainer:
        return trainer_of(augment=PARTS, dropout=0.2, negatives=FromGoodness(fraction=0.5))

    data, given = (X, Y), {"epochs": 3, "batch_size": 5}
    whole = start()
    whole.fit(data, out=tmp_path / "whole", **given)
    with pytest.raises(KeyboardInterrupt):
        start().fit(data, out=tmp_path / "run", callbacks=[Break(step)], **given)
    resumed = start()
    resumed.fit(data, out=tmp_path / "run", resume=True, **given)
    assert bits(resumed) == bits(whole)
    other = trainer_of(dropout=0.2, negatives=FromGoodness(fraction=0.5))
    other.fit(data, **given)
    assert bits(other) != bits(whole)
    assert "Shift(pixels=1)" in str(Run(tmp_path / "run").about)


def test_a_run_is_not_resumed_with_other_augmentation(tmp_path):
    given = {"epochs": 2, "batch_size": 5, "out": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        trainer_of(augment=PARTS).fit((X, Y), callbacks=[Break(2)], **given)
    with pytest.raises(ValueError, match="augment"):
        trainer_of(augment=[Flip()]).fit((X, Y), resume=True, **given)


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32])
@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_coins_fall_as_often_as_they_should(probability, dtype):
    shape = 1001, 999  # not a multiple of the four that are cut from a word
    thrown = seeds.coins(shape, probability, seeds.generator(3, "coins"), dtype)
    again = seeds.coins(shape, probability, seeds.generator(3, "coins"), dtype)
    assert thrown.shape == shape
    assert thrown.dtype == dtype
    assert torch.equal(thrown, again)
    assert set(thrown.unique().tolist()) <= {0, 1}
    # Five standard deviations of the mean, and the part in 65,536 that is rounded away.
    margin = 5 * (probability * (1 - probability) / thrown.numel()) ** 0.5 + 2**-16
    assert abs(float(thrown.double().mean()) - probability) <= margin * (0 < probability < 1)
