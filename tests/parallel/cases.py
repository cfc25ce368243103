"""On every rank: each case trained by one process and by all ranks -> how far they differ, JSON."""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from tests.parallel.blocks import CustomBlock, LateWeightBlock
from tests.parallel.processes import LIMIT, gathered
from torch import nn

import forward_forward as ff
from forward_forward.data import Data
from forward_forward.data.augment import Shift
from forward_forward.examples import (
    AppendLabel,
    FromFirstLayer,
    FromGoodness,
    FromSoftmax,
    HybridRows,
    MultiLabel,
    NoLabel,
    Uniform,
)
from forward_forward.forward import Layer, PeerNormalization
from forward_forward.optimize import AveragedSGD, cosine
from forward_forward.optimize.state import state_of
from forward_forward.readouts import Centroids, LinearReadout

LAYERS, EPOCHS, BATCH = 4, 2, 20
STEPS, SAMPLES = 8, 151  # of an epoch; the last step has 11 samples
LONG = {"uniform", "float64"}  # cases of 13 epochs with batches spread: more than 100 steps
SPLITS = {2: (1, 3), 3: (1, 2, 1), 4: (1, 1, 1, 1)}
MOMENTUM = functools.partial(torch.optim.SGD, momentum=0.9)
UNIFORM = Uniform()


def clouds() -> Data:
    """Four clouds of points."""
    rng = torch.Generator().manual_seed(1)
    y = torch.randint(0, 4, (SAMPLES,), generator=rng)
    centres = torch.rand(4, 16, generator=rng)
    return Data(centres[y] + 0.3 * torch.rand(SAMPLES, 16, generator=rng), y, ("a", "b", "c", "d"))


def pictures() -> Data:
    data = clouds()
    return Data(data.inputs.view(-1, 4, 4), data.labels, data.classes)


def weighted() -> Data:
    data = clouds()
    return Data(data.inputs, data.labels, data.classes, weights=torch.linspace(0.2, 2.0, SAMPLES))


def several() -> Data:
    """Three labels, each for one half of the space."""
    x = clouds().inputs
    return Data(x, (x[:, :3] > x[:, :3].mean(0)).long(), ("a", "b", "c"))


def trainer(
    negatives: Any = UNIFORM,
    *,
    examples: Any = None,
    head: Any = False,
    layer: Any = Layer,
    dropout: float | None = None,
    block: Callable[[], nn.Module] | None = None,
    precise: bool = False,
    readout: Any = None,
    **settings: Any,
) -> ff.Trainer:
    examples = AppendLabel(4, negatives=negatives) if examples is None else examples
    network = ff.mlp(
        16,
        *[24] * LAYERS,
        num_classes=examples.num_classes,
        seed=2,
        examples=examples,
        layer=layer,
        dropout=dropout,
        head=head,
        readout=readout,
    )
    if block is not None:
        layers = [*network.layers[:2], Layer(block(), activation=None), network.layers[3]]
        network = ff.Network(*layers, examples=examples)
    if precise:
        network.double()
    # The default optimiser divides gradients by their size, which magnifies the rounding errors of
    # gradients that are almost zero.
    given = {"optimizer": MOMENTUM, "lr": 0.03, "schedule": cosine, "seed": 3, **settings}
    return ff.Trainer(network, **given)


Made = tuple[Callable[[], ff.Trainer], Callable[[], Data]]


def case(*args: Any, data: Callable[[], Data] = clouds, **settings: Any) -> Made:
    return functools.partial(trainer, *args, **settings), data


def residual(block: nn.Module, **options: Any) -> Layer:
    """A layer that passes on its input too, if it has as many units as inputs."""
    return Layer(block, residual=block.in_features == block.out_features, **options)


PEER = functools.partial(Layer, peer=PeerNormalization(0.01))
LOCAL = {"head": "local"}
ONE_PASS = functools.partial(Layer, goodness=LinearReadout(4), loss=ff.losses.CrossEntropy())
CENTROIDS = functools.partial(Layer, goodness=Centroids(4), loss=ff.losses.NPairMargin(0.1))
CASES: dict[str, Made] = {
    "uniform": case(),
    "two negatives": case(Uniform(2)),
    "first layer": case(FromFirstLayer()),
    "first layer, look-ahead": case(FromFirstLayer(), look_ahead=2),
    "goodness": case(FromGoodness(fraction=0.5)),
    "goodness, look-ahead": case(FromGoodness(fraction=0.5), look_ahead=2),
    "softmax": case(FromSoftmax(), **LOCAL),
    "softmax, look-ahead, average": case(FromSoftmax(), **LOCAL, look_ahead=3, average=0.9),
    "head and goodness": case(FromGoodness(), **LOCAL, look_ahead=1),
    "peer": case(layer=PEER),
    "dropout": case(FromGoodness(), dropout=0.2),
    "skip": case(FromFirstLayer(), skip=0.1),
    "augmentation": case(augment=[Shift(1)], data=pictures),
    "weights": case(FromGoodness(), data=weighted, readout="auto"),
    "custom block": case(block=functools.partial(CustomBlock, 0.0)),
    "custom dropout": case(block=functools.partial(CustomBlock, 0.2)),
    "late weight": case(block=LateWeightBlock, optimizer=torch.optim.SGD, weight_decay=0.1),
    "few hard rows": case(FromGoodness(fraction=0.04)),
    "far look-ahead": case(FromGoodness(fraction=0.5), look_ahead=6),
    "bfloat16": case(FromGoodness(), precision="bfloat16"),
    "float64": case(FromGoodness(), precise=True),
    "unlabelled": case(examples=HybridRows(4), **LOCAL),
    "AveragedSGD": case(optimizer=AveragedSGD, weight_decay=0.01, average=0.8),
    "AdamW": case(optimizer=torch.optim.AdamW, lr=0.01, average=0.9, readout="auto"),
    "several labels": case(examples=MultiLabel(3, count=2), data=several),
    "autograd": case(engine="autograd"),
    "collaboration": case(collaboration="all"),
    "overlapping": case(order="overlapping", dropout=0.1),
    "residual": case(FromGoodness(fraction=0.5), layer=residual, look_ahead=1),
    "other images": case(examples=AppendLabel(4, other_images=0.5)),
    "centroids": case(examples=NoLabel(4), layer=CENTROIDS),
    "terms": case(layer=functools.partial(Layer, terms=(ff.terms.SupervisedContrast(),))),
    "one pass": case(examples=NoLabel(4), layer=ONE_PASS, dropout=0.1, readout="auto"),
}


# With batches spread, a block draws random numbers for its shard, and terms are refused.
LAYERS_ONLY = {"custom dropout", "bfloat16", "terms"}
# Stages do not know each other's goodness.
DATA_ONLY = {"collaboration", "overlapping"}
# Sums over shards round differently; in float64, that changes no decision that training takes.
FLOAT32_SHARDS = {"uniform"}


# Two ranks run all cases; more ranks run those with more messages.
OF_MORE_RANKS = {
    3: {
        "goodness, look-ahead",
        "softmax, look-ahead, average",
        "dropout",
        "weights",
        "unlabelled",
        "one pass",
    },
    4: {"goodness", "softmax, look-ahead, average", "head and goodness", "peer", "float64"},
}


def has(ranks: int, name: str, kind: str) -> bool:
    """Whether a number of ranks runs a case with layers, data or both spread over them."""
    excluded = DATA_ONLY if kind == "layers" else LAYERS_ONLY
    return name in OF_MORE_RANKS.get(ranks, CASES) and name not in excluded


def case_of(name: str, kind: str) -> Made:
    """A case with layers, data or both spread over ranks."""
    new, data = CASES[name]
    precise = kind != "layers" and name not in FLOAT32_SHARDS
    return functools.partial(new, precise=True) if precise else new, data


def epochs_of(name: str, kind: str) -> int:
    return 13 if kind == "data" and name in LONG else EPOCHS


def layouts(ranks: int) -> dict[str, ff.parallel.Layout]:
    found = {"layers": ff.parallel.Layout(split=SPLITS[ranks], timeout=LIMIT)}
    if ranks < 4:
        found["data"] = ff.parallel.Layout(stages=1, replicas=None, timeout=LIMIT)
    else:
        found["both"] = ff.parallel.Layout(split=(1, 3), replicas=2, timeout=LIMIT)
    return found


class Result(NamedTuple):
    """The result of a training: weights, optimiser states, metrics, best epoch, steps."""

    weights: dict[str, torch.Tensor]
    states: dict[str, torch.Tensor]
    rows: list[dict[str, Any]]
    best: int | None
    steps: int


def fitted(made: Made, epochs: int, **settings: Any) -> Result:
    new, data = made[0](), made[1]()
    validation = Data(data.inputs[:101], data.labels[:101], data.classes)
    history = new.fit(data, epochs=epochs, batch_size=BATCH, validation=validation, **settings)
    rows = [{name: v for name, v in row.items() if name != "seconds"} for row in history.history]
    weights = {name: value.clone() for name, value in new.network.state_dict().items()}
    return Result(weights, state_of(new)[0], rows, history.best_epoch, new.steps)


def gap(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> float:
    """The largest difference of two tensors of a name, relative to the largest value in it."""
    gaps = [0.0]
    for name, value in found.items():
        size = float(wanted[name].abs().max())
        gaps.append(float((value - wanted[name]).abs().max()) / (size or 1.0))
    return max(gaps)


def same(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, wanted[name]) for name, value in found.items())


def metric_gap(found: Result, wanted: Result, name: str) -> float:
    """The largest difference of a metric in any epoch, relative to its size."""
    a, b = (torch.tensor([row[name] for row in each.rows]) for each in (found, wanted))
    return float(((a - b).abs() / b.abs().clamp_min(1e-3)).max())


def compared(made: Made, epochs: int, one: Result, layout: ff.parallel.Layout) -> dict[str, Any]:
    """How the training of the ranks differs from that of one process, over all ranks."""
    ours = fitted(made, epochs, parallel=layout)
    own = {
        "weights_same": ours.weights.keys() == one.weights.keys()
        and same(ours.weights, one.weights),
        "weights_gap": gap(ours.weights, one.weights),
        "states_same": same(ours.states, one.states),
        "states_gap": gap(ours.states, one.states),
        "rows_same": (ours.rows, ours.best) == (one.rows, one.best),
        "loss_gap": metric_gap(ours, one, "loss"),
        "goodness_gap": metric_gap(ours, one, "goodness_positive"),
        "error_gap": metric_gap(ours, one, "validation_error"),
        "steps_same": ours.steps == one.steps,
    }
    everyone = gathered((own, sorted(ours.states)))
    whole: dict[str, Any] = {
        name: (all if "same" in name else max)(each[name] for each, _ in everyone) for name in own
    }
    names = {name for _, each in everyone for name in each}
    before = made[0]().network.state_dict()
    moved = [
        not torch.equal(value, before[name])
        for name, value in ours.weights.items()
        if name.endswith("weight")
    ]
    return {
        **whole,
        "states_complete": names == one.states.keys(),
        "moved": all(moved),
        "steps": one.steps,
    }


def compare_all(out: Path) -> None:
    """Run all cases of this number of ranks; the first rank writes the differences."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    tried = [(name, kind) for name in CASES for kind in layouts(ranks) if has(ranks, name, kind)]
    mine = {key: fitted(case_of(*key), epochs_of(*key)) for key in tried[rank::ranks]}
    alone = {key: one for each in gathered(mine) for key, one in each.items()}
    results = {}
    for name, kind in tried:
        made, epochs, layout = case_of(name, kind), epochs_of(name, kind), layouts(ranks)[kind]
        results[f"{name}, {kind}"] = compared(made, epochs, alone[name, kind], layout)
    if rank == 0:
        out.write_text(json.dumps(results, indent=1))
