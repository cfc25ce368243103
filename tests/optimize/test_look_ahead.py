"""A batch seen some steps before it is shown: with the weights of that step, in one process."""

import copy
import json
import signal

import pytest
import torch
from torch.nn import functional

import forward_forward as ff
from forward_forward import checkpoint
from forward_forward.examples import AppendLabel, FromFirstLayer, FromGoodness, FromSoftmax, Uniform
from forward_forward.optimize import cosine

BATCH, STEPS = 20, 6
NEGATIVES = {
    "uniform": Uniform(2),
    "first layer": FromFirstLayer(),
    "goodness": FromGoodness(fraction=0.5),
    "softmax": FromSoftmax(),
}


def samples(n=113):
    rng = torch.Generator().manual_seed(1)
    return torch.rand(n, 12, generator=rng), torch.randint(0, 3, (n,), generator=rng)


def trainer_of(kind, **settings):
    head = "local" if kind == "softmax" else False
    examples = AppendLabel(3, negatives=NEGATIVES[kind])
    network = ff.mlp(12, 9, 8, 7, num_classes=3, seed=2, examples=examples, head=head)
    return ff.Trainer(network, **{"lr": 0.02, "schedule": cosine, "seed": 3, **settings})


def batches(count=12):
    x, y = samples(BATCH * count)
    return [(a, b, None) for a, b in zip(x.split(BATCH), y.split(BATCH), strict=True)]


def same(found, wanted):
    return found.keys() == wanted.keys() and all(torch.equal(found[k], wanted[k]) for k in wanted)


@pytest.mark.parametrize("kind", NEGATIVES)
def test_none_is_the_trainer_without_it(kind):
    plain, none = trainer_of(kind), trainer_of(kind, look_ahead=0)
    for batch in batches():
        plain.step(*batch)
    for batch in none.ahead(batches()):
        none.step(*batch)
    assert same(none.network.state_dict(), plain.network.state_dict())
    assert none.settings == plain.settings


@pytest.mark.parametrize("kind", ["goodness", "softmax", "first layer"])
def test_it_makes_another_training_where_negatives_are_hard_and_none_where_they_are_not(kind):
    weights = {}
    for name in (kind, "uniform"):
        for steps in (0, 2):
            trainer = trainer_of(name, look_ahead=steps)
            for batch in trainer.ahead(batches()):
                trainer.step(*batch)
            weights[name, steps] = trainer.network.state_dict()
    assert not same(weights[kind, 2], weights[kind, 0])
    assert same(weights["uniform", 2], weights["uniform", 0])


class Watching:
    """Negatives that keep the scores they are drawn from."""

    def __init__(self, inner):
        self.inner, self.seen = inner, []
        self.scores, self.fraction = inner.scores, inner.fraction

    def __call__(self, y, classes, rng, scores):
        self.seen.append(None if scores is None else scores.clone())
        return self.inner(y, classes, rng, scores)


@pytest.mark.parametrize("steps", [0, 1, 3, 20])
@pytest.mark.parametrize("kind", ["goodness", "first layer"])
def test_scores_of_a_batch_are_those_of_the_weights_so_many_steps_before(kind, steps):
    watching = Watching(NEGATIVES[kind])
    network = trainer_of(kind).network
    examples = AppendLabel(3, negatives=watching)
    network = ff.mlp(12, 9, 8, 7, num_classes=3, seed=2, examples=examples)
    trainer = ff.Trainer(network, lr=0.02, seed=3, look_ahead=steps)
    every, snapshots = batches(), []
    for number, batch in enumerate(trainer.ahead(every)):
        if number == 0:
            assert len(watching.seen) == 0
        snapshots.append(copy.deepcopy(network))  # before step `number`
        trainer.step(*batch)
    assert len(watching.seen) == len(every)
    for number, ((x, _, _), scores) in enumerate(zip(every, watching.seen, strict=True)):
        then = snapshots[max(0, number - steps)]
        wanted = scores_of(then, kind, x[: len(scores)])
        assert torch.allclose(scores, wanted, rtol=1e-4, atol=1e-6)
        later = snapshots[number]
        if number > 0 and steps:  # else this test could not tell
            assert not torch.allclose(scores, scores_of(later, kind, x[: len(scores)]), rtol=1e-4)


def scores_of(network, kind, x):
    """Goodness of every label, label by label and layer by layer."""
    found = []
    with torch.no_grad():
        for label in range(3):
            h = torch.cat([x, functional.one_hot(torch.full((len(x),), label), 3)], 1).float()
            h[:, 12:] *= network.examples.strength
            rated = []
            for layer in network.layers:
                row = layer.normalize(h)
                h = torch.relu(row @ layer.block.weight.t() + layer.block.bias)
                rated.append(layer.goodness(h))
            counted = rated[:1] if kind == "first layer" else rated[slice(*network.readout)]
            found.append(torch.stack(counted).sum(0))
    return torch.stack(found, 1)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_head_learns_from_a_batch_as_it_is_seen(steps):
    trainer = trainer_of("softmax", look_ahead=steps)
    head = trainer.network.head
    moved = []
    for batch in trainer.ahead(batches()):
        before = [weight.detach().clone() for weight in head.weights]
        moved.append(trainer.head_optimizer.state_dict()["state"][0]["step"].item())
        trainer.step(*batch)
        assert all(torch.equal(a, b) for a, b in zip(before, head.weights, strict=True))
    assert moved == [min(number + steps + 1, 12) for number in range(12)]


@pytest.mark.parametrize("queued", [0, 2])
def test_a_step_with_another_batch_than_the_next_one_is_refused(queued):
    trainer = trainer_of("goodness", look_ahead=2)
    first, other, *_ = batches(4)
    ahead = trainer.ahead(batches(4))
    if queued:
        first = next(ahead)
    before = {name: each.clone() for name, each in trainer.network.state_dict().items()}
    with pytest.raises(ValueError, match=r"look_ahead=2 requires the batch that `ahead` yielded"):
        trainer.step(*other)
    if queued:
        with pytest.raises(ValueError, match="yielded last, got another"):
            trainer.step(first[0], other[1])  # its samples, with the labels of another
        with pytest.raises(ValueError, match="yielded last, got another"):
            trainer.step(*first[:2], torch.rand(BATCH))  # with weights that were not scored
        assert same(trainer.network.state_dict(), before)
        trainer.step(*first)
    assert trainer.steps == bool(queued)


def test_it_is_refused_below_zero_and_in_the_greedy_order():
    with pytest.raises(ValueError, match=r"look_ahead expects 0 or more steps.*look_ahead=-1"):
        trainer_of("goodness", look_ahead=-1)
    with pytest.raises(ValueError, match=r"0 with order=\"greedy\", got look_ahead=2"):
        trainer_of("goodness", look_ahead=2, order="greedy")


class Break(ff.track.Callback):
    """Presses Ctrl-C after a step, or ends between two epochs."""

    def __init__(self, step=0, epoch=0):
        self.left, self.after = step, epoch

    def step(self):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)

    def epoch(self, row):
        if row["epoch"] == self.after:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _python_s_own_ctrl_c(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda file: None)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def fit(trainer, out, **settings):
    x, y = samples()
    judge = x[:30], y[:30]
    return trainer.fit((x, y), epochs=3, batch_size=BATCH, validation=judge, out=out, **settings)


def rows(out):
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@pytest.mark.parametrize("at", [{"step": s} for s in (1, 4, 5, 6, 9, 17)] + [{"epoch": 1}])
@pytest.mark.parametrize("kind", ["goodness", "softmax"])
def test_a_run_broken_off_anywhere_goes_on_to_the_same_bits(tmp_path, kind, at):
    settings = {"look_ahead": 2, "average": 0.8}
    fit(trainer_of(kind, **settings), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(trainer_of(kind, **settings), tmp_path / "run", callbacks=[Break(**at)])
    stands = checkpoint.progress_of(tmp_path / "run" / "checkpoints" / "last")
    inside = stands["progress"]["step"]
    # At the end of an epoch nothing waits: the next one's order is drawn anew.
    assert stands.get("waiting", 0) == (min(2, STEPS - inside) if inside else 0)
    fit(trainer_of(kind, **settings), tmp_path / "run", resume=True)
    found, wanted = (
        checkpoint.tensors_of(tmp_path / name / "checkpoints" / "last") for name in ("run", "whole")
    )
    assert same(found, wanted)
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")


def test_a_run_goes_on_with_the_look_ahead_it_was_begun_with(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(trainer_of("goodness", look_ahead=2), tmp_path / "run", callbacks=[Break(3)])
    with pytest.raises(ValueError, match="look_ahead"):
        fit(trainer_of("goodness", look_ahead=1), tmp_path / "run", resume=True)


def test_learning_rates_are_those_of_the_step_in_which_a_batch_is_seen():
    trainer = trainer_of("softmax", look_ahead=2)
    seen, score = [], trainer._score
    trainer._score = lambda *batch: (seen.append(rate(trainer)), score(*batch))
    shown, step = [], trainer.step
    trainer.step = lambda *batch: (shown.append(rate(trainer)), step(*batch))[1]
    x, y = samples()
    trainer.fit((x, y), epochs=1, batch_size=BATCH)
    assert seen == [shown[max(0, number - 2)] for number in range(STEPS)]
    assert len(set(shown)) == STEPS  # else this test could not fail


def rate(trainer):
    return trainer.head_optimizer.param_groups[0]["lr"]
