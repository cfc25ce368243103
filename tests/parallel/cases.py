"""Under torchrun: each case trained by one process and by the ranks -> how far they differ, JSON.

``python -m torch.distributed.run --nproc-per-node 2 -m tests.parallel.cases OUT``
"""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import nn

import forward_forward as ff
from forward_forward import parallel
from forward_forward.data import Data
from forward_forward.data.augment import Shift
from forward_forward.examples import (
    AppendLabel,
    FromFirstLayer,
    FromGoodness,
    FromSoftmax,
    HybridRows,
    MultiLabel,
    Uniform,
)
from forward_forward.forward import Layer, PeerNormalization
from forward_forward.optimize import AveragedSGD, cosine
from forward_forward.optimize.state import state_of

LAYERS, EPOCHS, BATCH = 4, 3, 20
SAMPLES = 671  # 34 steps an epoch, the last one of 11 samples; 102 in all
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


class Own(nn.Module):
    """A block that is no linear one, with a dropout of its own."""

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.inside = nn.Linear(24, 24)
        # Not laid out row by row, as optimisers and files want it.
        self.inside.weight = nn.Parameter(self.inside.weight.detach().t())
        self.noise = nn.Dropout(noise)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.linspace(-0.4, 0.5, weight.numel()).view(weight.shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.noise(torch.relu(self.inside(x)))


class Late(Own):
    """A block with a weight that takes no part in the first steps."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.late = nn.Parameter(torch.linspace(0.0, 0.1, 24))
        self.register_buffer("learned", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.learned += torch.is_grad_enabled()
        return super().forward(x + self.late if self.learned > 5 else x)


def trainer(
    negatives: Any = UNIFORM,
    *,
    examples: Any = None,
    head: Any = False,
    layer: Any = Layer,
    dropout: float | None = None,
    own: Callable[[], nn.Module] | None = None,
    precise: bool = False,
    **settings: Any,
) -> ff.Trainer:
    examples = AppendLabel(4, negatives=negatives) if examples is None else examples
    classes = examples.num_classes
    network = ff.mlp(
        16,
        *[24] * LAYERS,
        num_classes=classes,
        seed=2,
        examples=examples,
        layer=layer,
        dropout=dropout,
        head=head,
    )
    if own is not None:
        blocks = [*network.layers[:2], Layer(own(), activation=None), network.layers[3]]
        network = ff.Network(*blocks, examples=examples)
    if precise:
        network.double()
    # The default optimiser divides gradients by their size, and so makes rounding as large as they
    # are where they are all but nothing.
    given = {"optimizer": MOMENTUM, "lr": 0.03, "schedule": cosine, "seed": 3, **settings}
    return ff.Trainer(network, **given)


Made = tuple[Callable[[], ff.Trainer], Callable[[], Data]]


def case(*args: Any, data: Callable[[], Data] = clouds, **settings: Any) -> Made:
    return functools.partial(trainer, *args, **settings), data


PEER = functools.partial(Layer, peer=PeerNormalization(0.01))
LOCAL = {"head": "local"}
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
    "skip in float64": case(FromFirstLayer(), skip=0.1, precise=True),
    "augmentation": case(augment=[Shift(1)], data=pictures),
    "weights": case(FromGoodness(), data=weighted),
    "own block": case(own=functools.partial(Own, 0.0)),
    "own dropout": case(own=functools.partial(Own, 0.2)),
    "late weight in float64": case(
        own=Late, optimizer=torch.optim.SGD, weight_decay=0.1, precise=True
    ),
    "few hard rows": case(FromGoodness(fraction=0.04)),
    "far look-ahead": case(FromGoodness(fraction=0.5), look_ahead=20),
    "bfloat16": case(FromGoodness(), precision="bfloat16"),
    "float64": case(FromGoodness(), precise=True),
    "unlabelled": case(examples=HybridRows(4), **LOCAL),
    "AveragedSGD": case(optimizer=AveragedSGD, weight_decay=0.01, average=0.8),
    "AdamW": case(optimizer=torch.optim.AdamW, lr=0.01),
    "several labels": case(examples=MultiLabel(3, count=2), data=several),
    "autograd": case(engine="autograd"),
}


# A block's own random numbers are drawn for a replica's part of a batch; which samples are just
# steep enough to be learned from is decided by rounding, and bfloat16 rounds early.
LAYERS_ALONE = {"own dropout", "skip", "bfloat16"}


# With two ranks all cases are tried, with more those in which more travels.
OF_MORE_RANKS = {
    3: {"goodness, look-ahead", "softmax, look-ahead, average", "dropout", "weights", "unlabelled"},
    4: {"goodness", "softmax, look-ahead, average", "head and goodness", "peer", "float64"},
}


def has(ranks: int, name: str, kind: str) -> bool:
    """Whether a case is tried on some ranks with layers, data or both spread over them."""
    return name in OF_MORE_RANKS.get(ranks, CASES) and (
        kind == "layers" or name not in LAYERS_ALONE
    )


def layouts(ranks: int) -> dict[str, parallel.Layout]:
    found = {"layers": parallel.Layout(split=SPLITS[ranks], timeout=30)}
    if ranks < 4:
        found["data"] = parallel.Layout(stages=1, replicas=None, timeout=30)
    else:
        found["both"] = parallel.Layout(split=(1, 3), replicas=2, timeout=30)
    return found


class Ended(NamedTuple):
    """What a training has made: weights, what optimisers remember, rows, best epoch, steps."""

    weights: dict[str, torch.Tensor]
    memory: dict[str, torch.Tensor]
    rows: list[dict[str, Any]]
    best: int | None
    steps: int


def fitted(made: Made, **settings: Any) -> Ended:
    new, data = made[0](), made[1]()
    judge = Data(data.inputs[:101], data.labels[:101], data.classes)
    told = new.fit(data, epochs=EPOCHS, batch_size=BATCH, validation=judge, **settings)
    rows = [{name: v for name, v in row.items() if name != "seconds"} for row in told.history]
    weights = {name: value.clone() for name, value in new.network.state_dict().items()}
    return Ended(weights, state_of(new)[0], rows, told.best_epoch, new.steps)


def gap(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> float:
    """The largest difference of two tensors of a name, relative to the largest value in it."""
    gaps = [0.0]
    for name, value in found.items():
        size = float(wanted[name].abs().max())
        gaps.append(float((value - wanted[name]).abs().max()) / (size or 1.0))
    return max(gaps)


def same(found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, wanted[name]) for name, value in found.items())


def figures_gap(found: Ended, wanted: Ended, name: str) -> float:
    """The largest difference of a figure of an epoch, relative to its size."""
    a, b = (torch.tensor([row[name] for row in each.rows]) for each in (found, wanted))
    return float(((a - b).abs() / b.abs().clamp_min(1e-3)).max())


def compared(made: Made, one: Ended, layout: parallel.Layout) -> dict[str, Any]:
    """How the ranks' training differs from that of one process, on all of the ranks together."""
    crew = fitted(made, parallel=layout)
    own = {
        "weights_same": crew.weights.keys() == one.weights.keys()
        and same(crew.weights, one.weights),
        "weights_gap": gap(crew.weights, one.weights),
        "memory_same": same(crew.memory, one.memory),
        "memory_gap": gap(crew.memory, one.memory),
        "rows_same": (crew.rows, crew.best) == (one.rows, one.best),
        "loss_gap": figures_gap(crew, one, "loss"),
        "goodness_gap": figures_gap(crew, one, "goodness_positive"),
        "error_gap": figures_gap(crew, one, "validation_error"),
        "steps_same": crew.steps == one.steps,
    }
    everyone = gathered((own, sorted(crew.memory)))
    whole: dict[str, Any] = {
        name: (all if "same" in name else max)(each[name] for each, _ in everyone) for name in own
    }
    names = {name for _, each in everyone for name in each}
    before = made[0]().network.state_dict()
    moved = [
        not torch.equal(value, before[name])
        for name, value in crew.weights.items()
        if name.endswith("weight")
    ]
    return {
        **whole,
        "memory_whole": names == one.memory.keys(),
        "moved": all(moved),
        "steps": one.steps,
    }


def gathered(value: Any) -> list[Any]:
    everyone: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, value)
    return everyone


def main(out: Path) -> None:
    torch.set_num_threads(1)
    parallel.begin(60, torch.device("cpu"))
    rank, ranks = dist.get_rank(), dist.get_world_size()
    tried = [name for name in CASES if has(ranks, name, "layers")]
    mine = {name: fitted(CASES[name]) for name in tried[rank::ranks]}
    alone = {name: one for each in gathered(mine) for name, one in each.items()}
    results = {
        f"{name}, {kind}": compared(CASES[name], alone[name], layout)
        for name in tried
        for kind, layout in layouts(ranks).items()
        if has(ranks, name, kind)
    }
    if rank == 0:
        out.write_text(json.dumps(results, indent=1))
    parallel.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
