"""Ways to train a job: the loop, layers out of step, imperfect hardware, no labels."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from forward_forward import predict, recipes, seeds
from forward_forward.lab.reproduce.job import Job, Split, split_of
from forward_forward.lab.reproduce.methods import train
from forward_forward.lab.reproduce.training.analog import (
    IMPERFECTIONS,
    Hardware,
    rounded,
)
from forward_forward.lab.reproduce.training.asynchronous import Sites
from forward_forward.lab.reproduce.training.feedforward import calibrate, forward_forward, plan_of
from forward_forward.lab.reproduce.training.loop import Course
from forward_forward.optimize import cosine
from forward_forward.recipes.backprop import backprop_trainer, classifier

PLAIN = {"lr": 3e-3, "threshold_factor": 1.0, "hidden": (24, 24), "batch_size": 32}


def job_of(
    method="forward_forward", epochs=1.0, seed=0, final=False, images=None, **settings
) -> Job:
    return Job(method, {**PLAIN, **settings}, "digits", images, epochs, seed, final)


def split(images: int | None = None) -> Split:
    return split_of("digits", images, "cpu")


def course(step, **told) -> Course:
    return Course(step, lambda factor: None, cosine, lambda: 50.0, **told)


class Counted:
    """A step that counts its batches and keeps its rates."""

    def __init__(self, losses=None):
        self.rows, self.rates = [], []
        self.losses = itertools.repeat(0.0) if losses is None else iter(losses)

    def step(self, x, y):
        self.rows.append(len(y))
        return {"loss": torch.tensor([next(self.losses)])}


@pytest.mark.parametrize(("epochs", "steps"), [(1, 39), (0.5, 20), (2.25, 88), (0.001, 1)])
def test_the_loop_takes_the_steps_of_its_epochs_with_fractions(epochs, steps):
    counted = Counted()
    course(counted.step).follow(job_of(epochs=epochs), split(), 32)
    assert len(split().train) == 1222
    assert len(counted.rows) == steps


def test_the_loop_walks_the_schedule_from_start_to_end():
    counted = Counted()
    going = Course(counted.step, counted.rates.append, cosine)
    going.follow(job_of(epochs=2), split(), 32)
    steps = len(counted.rows)
    assert counted.rates == pytest.approx([cosine(step, steps) for step in range(steps)])


def test_the_loop_judges_at_its_points_and_stops_when_it_is_good_enough():
    errors = iter([40.0, 30.0, 9.0, 1.0])
    going = Course(
        Counted().step, lambda factor: None, cosine, lambda: next(errors), (0.5, 1, 2, 3), 10.0
    )
    going.follow(job_of(epochs=8), split(), 32)
    assert going.errors == [40.0, 30.0, 9.0]
    assert going.epochs == pytest.approx([20 / 39, 1, 2], abs=1e-4)
    record = going.record()
    assert record["curve"]["errors"] == going.errors
    assert not record["diverged"]


def test_a_loss_that_is_no_number_ends_the_run():
    counted = Counted([0.0] * 60 + [math.nan] * 1000)
    going = course(counted.step)
    going.follow(job_of(epochs=30), split(), 32)
    assert going.diverged
    assert len(counted.rows) == 100


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("forward_forward", {"often": True}),
        ("backprop", {"dropout": 0.2}),
        ("asynchronous", {"delay": 2}),
        ("analog_forward_forward", {"imperfection": "noise"}),
        ("analog_backprop", {"imperfection": "noise"}),
        ("recurrent", {"label": "image", "learned": (3, 5)}),
        ("unsupervised", {"features": "learned", "readout_lr": 1e-2}),
    ],
)
def test_a_job_gives_the_same_record_twice_and_leaves_the_global_state_alone(method, settings):
    before = torch.get_rng_state()
    job = job_of(method, final=True, epochs=0.5, images=256, **settings)
    first, second = train(job), train(job)
    assert torch.equal(torch.get_rng_state(), before)
    assert first["test_error"] == second["test_error"]
    assert first["test_wrong"] == second["test_wrong"]
    assert first["test_error"] == pytest.approx(100 * len(first["test_wrong"]) / 359, abs=1e-3)
    other = train(dataclasses.replace(job, seed=1))
    assert other["test_wrong"] != first["test_wrong"]


def test_only_a_final_run_reads_the_test_set():
    unread = dataclasses.replace(split(), test=None)
    record = forward_forward(job_of(), unread)
    assert "test_error" not in record
    assert 0 < record["validation_error"] < 90
    with pytest.raises(AttributeError):
        forward_forward(job_of(final=True), unread)


def test_a_job_learns_what_the_recipe_learns():
    job, data = job_of(epochs=2, images=320), split(320)
    plan = recipes.poster.variation(
        data.train,
        seed=0,
        epochs=2,
        hidden=(24, 24),
        batch_size=32,
        lr=3e-3,
        precision="float32",
    )
    calibrate(plan.trainer, data, job)
    steps, done = 2 * 10, 0
    for epoch in range(2):
        for x, y, _ in data.train.batches(32, shuffle=seeds.generator(0, "order", epoch)):
            plan.trainer.set_rate(cosine(done, steps))
            plan.trainer.step(x, y)
            done += 1
    error = predict.evaluate(plan.trainer.network, data.validation)["error"]
    assert forward_forward(job, data)["validation_error"] == pytest.approx(error, abs=1e-4)


def sites(delay=0, every=(1, 1), frozen=None, steps=16) -> tuple[Sites, list]:
    job = job_of()
    plan = plan_of(job, split())
    calibrate(plan.trainer, split(), job)
    made = Sites(plan.trainer, delay=delay, every=every, frozen=frozen, steps=steps)
    batches = list(itertools.islice(split().train.batches(32), steps))
    return made, batches


def weights(network) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def test_layers_without_delay_learn_what_layers_in_step_do():
    made, batches = sites()
    job = job_of()
    plan = plan_of(job, split())
    calibrate(plan.trainer, split(), job)
    for x, y, _ in batches:
        made.step(x, y)
        plan.trainer.step(x, y)
    for mine, theirs in zip(weights(made.network), weights(plan.trainer.network), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def test_a_delayed_layer_updates_its_copies_only_now_and_then():
    made, batches = sites(delay=3, steps=24)
    below = made.trainers[1].network.layers[0].block.weight
    seen = [below.detach().clone()]
    for x, y, _ in batches:
        made.step(x, y)
        seen.append(below.detach().clone())
    updates = sum(not torch.equal(a, b) for a, b in itertools.pairwise(seen))
    assert 24 / 7 - 1 < updates < 24  # each comes 1 to 7 steps after the one before


def test_the_first_layer_learns_the_same_whatever_the_delay_above():
    firsts = []
    for delay in (0, 7):
        made, batches = sites(delay=delay)
        for x, y, _ in batches:
            made.step(x, y)
        firsts.append(weights(made.network.layers[0]))
    assert all(torch.equal(a, b) for a, b in zip(*firsts, strict=True))


@pytest.mark.parametrize(
    ("told", "moves"),
    [
        ({"every": (1, 4)}, [16, 4]),
        ({"every": (4, 1)}, [4, 16]),
        ({"frozen": (0, 0.25, 0.5)}, [12, 16]),
        ({"frozen": (1, 0.25, 0.5)}, [16, 12]),
    ],
)
def test_rates_and_frozen_layers(told, moves):
    made, batches = sites(**told)
    counts = [0, 0]
    for x, y, _ in batches:
        before = [weights(layer) for layer in made.network.layers]
        made.step(x, y)
        for index, layer in enumerate(made.network.layers):
            counts[index] += not torch.equal(before[index][0], weights(layer)[0])
    assert counts == moves


@pytest.mark.parametrize("kind", IMPERFECTIONS)
@pytest.mark.parametrize("index", [0, 1])
def test_hardware_gives_its_own_value_and_the_ideal_slope(kind, index):
    torch.manual_seed(0)
    linear = nn.Linear(6, 5).double()
    hardware = Hardware(linear, kind, seed=3, index=index).double()
    x = torch.randn(7, 6, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(7, 5, dtype=torch.float64)
    actual = hardware(x)
    got = torch.autograd.grad(actual, [x, *linear.parameters()], upstream)
    ideal = linear(x)
    changes_inputs = index > 0 and kind != "inside"
    if index > 0 or kind in ("inside", "noise", "4 bits"):
        assert not torch.allclose(actual, ideal)
    else:
        torch.testing.assert_close(actual, ideal)
    # The slope for the weights is that of the ideal product with what was received.
    received = hardware._received(x.detach()) if changes_inputs else x.detach()
    if kind != "noise":  # whose every call differs
        torch.testing.assert_close(got[1], upstream.t() @ received)
    torch.testing.assert_close(got[2], upstream.sum(0))
    weight = rounded(linear.weight.detach()) if kind == "4 bits" else linear.weight.detach()
    torch.testing.assert_close(got[0], upstream @ weight)


def test_gains_are_unknown_but_fixed_and_noise_is_new_each_time():
    x = torch.rand(3, 6)
    for kind, same in (("inside", True), ("noise", False)):
        hardware = Hardware(nn.Linear(6, 5), kind, seed=0, index=1)
        assert torch.equal(hardware(x), hardware(x)) == same


def test_four_bits_have_sixteen_levels_of_positive_values():
    values = torch.rand(1, 5000)
    assert len(rounded(values).unique()) == 16
    assert (rounded(values) - values).abs().max() <= values.max() / 30 + 1e-6


def test_an_unknown_imperfection_is_refused():
    with pytest.raises(ValueError, match="an imperfection among"):
        train(job_of("analog_backprop", imperfection="rust"))


def test_backprop_starts_from_the_same_first_layer_and_learns():
    job = job_of("backprop", epochs=4, dropout=0.0)
    network = classifier(64, (24, 24), 10, seed=0)
    mine = plan_of(job_of(), split()).trainer.network
    torch.testing.assert_close(network[1].weight, mine.layers[0].block.weight)
    assert train(job)["validation_error"] < 20


def test_the_trainer_of_backprop_learns_what_a_loop_written_out_learns():
    mine, theirs = (classifier(64, (24, 24), 10, seed=0) for _ in range(2))
    trainer = backprop_trainer(mine, 10, lr=3e-3, seed=0)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=3e-3)
    for x, y, _ in split(320).train.batches(32):
        trainer.step(x, y)
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(x), y).backward()
        optimizer.step()
    assert not torch.equal(mine[1].weight, classifier(64, (24, 24), 10, seed=0)[1].weight)
    for found, wanted in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "least"), [("random", 40), ("pixels", 12)])
def test_a_read_out_of_features_that_are_not_learned(kind, least):
    record = train(job_of("unsupervised", features=kind, lr=1e-2))
    assert record["validation_error"] < least
    assert record["seconds"] == 0


def test_the_temperature_follows_the_goodness_of_the_untrained_layer():
    plain = train(job_of(goodness="PNorm(p=2.0)", temperature_factor=1.0))
    assert plain["start"]["temperature"] == pytest.approx([1.0, 1.0])
    fourth = train(job_of(goodness="PNorm(p=4.0)", temperature_factor=2.0))
    ratios = np.array(fourth["start"]["goodness"]) / plain["start"]["goodness"]
    np.testing.assert_allclose(fourth["start"]["temperature"], 2 * ratios, rtol=2e-3)
