"""Parity with Hinton's own program, number for number, on 400 images and 12 steps."""

import functools
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from forward_forward.data import Data
from forward_forward.examples import FromSoftmax
from forward_forward.examples.negatives import sample_wrong
from forward_forward.forward import MeanSquareOne, PeerNormalization
from forward_forward.optimize import AveragedSGD, Trainer
from forward_forward.optimize.engine import Engine
from forward_forward.recipes import hinton2022

FILE = Path(os.environ.get("FF_DATA", "")) / "parity" / "hinton_supervised.npz"
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="set FF_DATA to a folder with parity/hinton_supervised.npz"
)
BATCHES, EPOCHS = 4, 3


@functools.cache
def arrays() -> dict[str, np.ndarray]:
    with np.load(FILE) as stored:
        return dict(stored)


def golden(name: str) -> Tensor:
    return torch.from_numpy(arrays()[name])


def images(part: str, dtype: torch.dtype) -> Tensor:
    return golden(f"images.{part}").to(dtype) / 255


@dataclass(frozen=True)
class Drawn:
    """Hard labels from the stored uniform draws, in place of a generator's; all are kept."""

    kept: list[list[int]] = field(default_factory=list)

    scores = FromSoftmax.scores
    fraction = FromSoftmax.fraction

    def __call__(self, y: Tensor, classes: int, rng: torch.Generator, scores: Tensor) -> Tensor:
        draw = golden("run.uniform_draw")[divmod(len(self.kept), BATCHES)]
        labels = sample_wrong(y, scores, draw)
        self.kept.append(labels.tolist())
        return labels[None]


def started(dtype: torch.dtype = torch.float64, *, eps: float | None = 0.0) -> Trainer:
    """The recipe's own trainer, with the stored initial weights put in."""
    data = Data(images("train", torch.float32), golden("labels.train").long(), tuple("0123456789"))
    plan = hinton2022.mnist_supervised_matlab(
        data, hidden=(32, 24, 16), epochs=EPOCHS, precision="float32"
    )
    assert (plan.epochs, plan.batch_size) == (EPOCHS, 100)
    network = plan.trainer.network.to(dtype)
    network.examples = replace(network.examples, negatives=Drawn())
    for index, layer in enumerate(network.layers, 1):
        layer.block.weight.data.copy_(golden(f"initial.weight.layer{index}").t())
        layer.block.bias.data.copy_(golden(f"initial.bias.layer{index}"))
    if eps is not None:
        for part in (*network.layers, network.head):
            part.normalize = MeanSquareOne(eps=eps)
    return plan.trainer


def run(trainer: Trainer, batches: int, first: int = 0) -> Trainer:
    x, y = images("train", trainer.network.dtype), golden("labels.train").long()
    for number in range(first, batches):
        epoch, batch = divmod(number, BATCHES)
        trainer.set_rate(trainer.schedule(epoch + batch / BATCHES, EPOCHS))
        rows = slice(100 * batch, 100 * batch + 100)
        trainer.step(x[rows], y[rows])
    return trainer


def gap(ours: Tensor, name: str) -> float:
    return float((ours.detach().double() - golden(name)).abs().max())


def weight_gap(trainer: Trainer, moment: str, *, means: bool = True) -> float:
    """The largest difference of any weight, bias, softmax weight and, if asked, running mean."""
    network, gaps = trainer.network, []
    for index, layer in enumerate(network.layers, 1):
        gaps.append(gap(layer.block.weight.t(), f"{moment}.weight.layer{index}"))
        gaps.append(gap(layer.block.bias, f"{moment}.bias.layer{index}"))
        if means:
            gaps.append(gap(layer.mean_activity, f"{moment}.mean_state.layer{index}"))
    for index, weight in enumerate(network.head.weights, 2):
        gaps.append(gap(weight.t(), f"{moment}.softmax_weight.layer{index}"))
    return max(gaps)


def average_gap(trainer: Trainer, moment: str) -> float:
    """The same of the averaged gradients; theirs are uphill and half of the true ones."""
    gaps = []
    for index, layer in enumerate(trainer.network.layers, 1):
        memory = trainer.optimizers[index - 1].state
        average = memory[layer.block.weight]["average"].t()
        gaps.append(gap(-average / 2, f"{moment}.gradient_average.weight.layer{index}"))
        average = memory[layer.block.bias]["average"]
        gaps.append(gap(-average / 2, f"{moment}.gradient_average.bias.layer{index}"))
    for index, weight in enumerate(trainer.network.head.weights, 2):
        average = trainer.head_optimizer.state[weight]["average"]
        gaps.append(gap(-average.t(), f"{moment}.gradient_average.softmax_weight.layer{index}"))
    return max(gaps)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_every_number_of_the_run_is_hintons(engine):
    trainer = started()
    trainer.layer_steps.engine = Engine(trainer.network.layers, engine)
    for number in (1, 2):
        run(trainer, number, first=number - 1)
        assert weight_gap(trainer, f"batch{number}.after") < 1e-12
        assert average_gap(trainer, f"batch{number}") < 1e-12
    run(trainer, 4, first=2)
    assert weight_gap(trainer, "epoch1.end") < 1e-12
    run(trainer, 12, first=4)
    assert weight_gap(trainer, "epoch3.end") < 1e-12
    assert (
        trainer.network.examples.negatives.kept
        == golden("run.negative_label").flatten(0, 1).tolist()
    )


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_the_trained_network_reads_the_test_images_as_hintons_does(engine):
    trainer = started()
    trainer.layer_steps.engine = Engine(trainer.network.layers, engine)
    network, x, y = run(trainer, 12).network, images("test", torch.float64), golden("labels.test")
    assert gap(network.goodness(x), "final.energy.test_score") < 1e-9
    logits = network.scores(x, by="head")
    assert gap(logits - logits.amax(1, keepdim=True), "final.softmax.test_logits_minus_max") < 1e-9
    for by, name in (("goodness", "energy"), ("head", "softmax")):
        guess = network.predict(x, by=by)
        assert torch.equal(guess, golden(f"final.{name}.test_guess").long())
        assert int((guess != y).sum()) == int(golden(f"final.{name}.test_errors"))
    errors = int((network.predict(x) != y).sum()), int((network.predict(x, by="head") != y).sum())
    assert errors == (93, 77)
    train = network.predict(images("train", torch.float64)) != golden("labels.train")
    assert int(train.sum()) == 374


def test_activities_goodness_and_statistics_of_the_first_batch_are_hintons():
    trainer = started()
    x, y = images("train", torch.float64)[:100], golden("labels.train").long()[:100]
    network = trainer.network
    for kind, inputs in (
        ("positive", network.examples.positive(x, y)),
        ("neutral", network.examples.neutral(x)),
    ):
        assert gap(inputs.dense()[0], f"batch1.{kind}.labelled_input") < 1e-15
        for index, h in enumerate(network(inputs), 1):
            assert gap(h, f"batch1.{kind}.state.layer{index}") < 1e-12
    statistics = trainer.step(x, y)
    for index in range(3):
        for sign in ("positive", "negative"):
            mean = golden(f"batch1.{sign}.goodness.layer{index + 1}").mean()
            assert float(statistics[f"goodness_{sign}"][index]) == pytest.approx(float(mean))


def test_the_recipe_as_it_stands_differs_by_its_normalisation_constant_alone():
    assert weight_gap(run(started(eps=None), 12), "epoch3.end", means=False) < 1e-8


def test_float32_stays_as_near_as_hintons_own_single_precision():
    trainer = started(torch.float32)
    for number in (1, 2):
        run(trainer, number, first=number - 1)
        assert weight_gap(trainer, f"batch{number}.after") < 1e-6
    assert weight_gap(run(trainer, 12, first=2), "epoch3.end") < 2e-6


def halved_peer(trainer: Trainer) -> None:
    for layer in trainer.network.layers:
        layer.peer = PeerNormalization(strength=0.03)


def gated_average(trainer: Trainer) -> None:
    replacement = functools.partial(torch.optim.SGD, momentum=0.9, dampening=0.9)
    other = Trainer(trainer.network, optimizer=replacement, lr=0.005, weight_decay=0.002)
    trainer.optimizers = other.optimizers


def decayed_biases(trainer: Trainer) -> None:
    for optimizer in trainer.optimizers:
        optimizer.param_groups[1]["weight_decay"] = 0.002


def twice_the_rate(trainer: Trainer) -> None:
    for optimizer in trainer.optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] *= 2


def label_not_normalised(trainer: Trainer) -> None:
    trainer.network.layers[0].normalize = None


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (halved_peer, 1e-6),
        (gated_average, 1e-3),
        (decayed_biases, 1e-9),
        (twice_the_rate, 1e-3),
        (label_not_normalised, 1e-3),
    ],
)
def test_parity_notices_a_changed_constant(change, least):
    trainer = started()
    change(trainer)
    assert weight_gap(run(trainer, 2), "batch2.after") > least


def test_averaged_sgd_is_what_the_recipe_steps_with():
    trainer = started()
    assert {type(each) for each in trainer.all_optimizers.values()} == {AveragedSGD}
