"""What the tests of the greedy order share: small data, networks, and runs of both kinds."""

import functools
from typing import Any

import torch
from torch import Tensor, nn

import forward_forward as ff
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, FromGoodness, OverlayLabel
from forward_forward.forward import Layer, Network
from forward_forward.optimize import fit as fit_module
from forward_forward.optimize import frozen_cache

CLASSES, SIDE, FEATURES, SAMPLES, BATCH = 3, 4, 16, 31, 8  # the last batch of an epoch has 7
HALF = FromGoodness(temperature=0.02, fraction=0.5)


def data(weights: bool = False, shape: tuple[int, ...] = (FEATURES,)) -> Data:
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(SAMPLES) % CLASSES
    x = torch.rand(SAMPLES, FEATURES, generator=rng)
    x[:, :CLASSES] = 0  # the overlaid label's place
    x[:, CLASSES:][torch.arange(SAMPLES), 2 * y] += 1
    weight = torch.rand(SAMPLES, generator=rng).round(decimals=1) if weights else None
    return Data(x.view(-1, *shape), y, ("a", "b", "c"), weights=weight)


def network(
    negatives: Any = HALF, place: Any = AppendLabel, hidden: tuple[int, ...] = (9, 8), **options
) -> Network:
    settings = {name: options.pop(name) for name in ("dropout", "readout") if name in options}
    layer = functools.partial(Layer, **options)
    examples = place(CLASSES, negatives=negatives)
    return ff.mlp(
        FEATURES, *hidden, num_classes=CLASSES, examples=examples, layer=layer, **settings
    ).double()


def from_block(block: nn.Module, width: int, **options: Any) -> Network:
    """Another block below a linear layer, both with set weights."""
    layers = Layer(block, **options), Layer(nn.Linear(width, 8))
    net = Network(*layers, examples=OverlayLabel(CLASSES, negatives=HALF)).double()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape, generator=rng) / 3)
    return net


def trainer_of(net: Network, **settings: Any) -> ff.Trainer:
    return ff.Trainer(net, **{"order": "greedy", "lr": 0.02, "seed": 3, **settings})


def steps_from_cache(monkeypatch) -> list[int]:
    """The layer of each step that is taken from a cache from now on."""
    layers: list[int] = []
    step_cached = frozen_cache.step_cached

    def counted(
        trainer: ff.Trainer, cache: frozen_cache.FrozenCache, *batch: Any
    ) -> dict[str, Tensor]:
        layers.append(cache.layer)
        return step_cached(trainer, cache, *batch)

    monkeypatch.setattr(fit_module, "step_cached", counted)
    return layers


def fit(net: Network, source: Any = None, epochs: int = 3, **settings: Any) -> tuple[Any, Any]:
    """Weights and rows of figures after some epochs a layer."""
    trainer = trainer_of(net, **settings)
    source = data() if source is None else source
    fitted = trainer.fit(source, epochs=epochs * len(net.layers), batch_size=BATCH)
    rows = [
        {name: each for name, each in row.items() if name != "seconds"} for row in fitted.history
    ]
    return net.state_dict(), rows


def uncached(monkeypatch) -> None:
    monkeypatch.setattr(frozen_cache, "CACHE_BYTES", 0)


def check_near(found: Any, expected: Any, **tolerance: float) -> None:
    torch.testing.assert_close(found, expected, **(tolerance or {"rtol": 1e-9, "atol": 1e-9}))
