"""Forward-Forward: a layer detaches its input, measures its own goodness and takes its own step.

Nothing else is needed to train a network, and nothing flows backward between layers. The modules'
names sort in the order in which a batch meets them:

    data, datasets   whatever the user has -> batches
    examples         batches -> positive, negative, neutral and candidate inputs
    forward          inputs -> activities: Layer, Network, SoftmaxHead
    goodness         activities -> goodness; radial: lengths of activities -> goodness
    losses           goodness of positives and negatives -> each layer's own loss
    optimize         losses -> every layer's own step: Trainer, schedules
    parallel         the same steps with the layers, or the batches, spread over processes
    predict          a trained network -> goodness of every label, labels, errors
    recipes          published experiments, one function each
    recurrent        a static image as a video: layers that see those below and above them
    serve            a trained network -> files that predict without this library
    track            figures -> files

Around them: ``benchmark`` (the engine, and parts, beside others), ``checkpoint`` (a run's folder),
``cli`` (the ``ff`` command), ``contracts`` (what every goodness, loss and negative must do),
``conversion`` (a model of torch -> layers), ``diagnose`` (what layers and units have become),
``files`` (atomic writes), ``notation`` (parts by name), ``parts`` (what a part offers),
``pictures`` (files -> inputs), ``report`` (results -> one HTML page), ``reproduce`` (the poster's
claims -> verdicts), ``seeds`` (random numbers by key), ``sklearn`` (estimators), ``sweep``
(settings -> the best).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forward_forward import (
        data,
        datasets,
        examples,
        goodness,
        losses,
        optimize,
        parallel,
        predict,
        recipes,
        recurrent,
        serve,
    )
    from forward_forward.checkpoint import load
    from forward_forward.conversion import convert
    from forward_forward.forward import Layer, Network, SoftmaxHead, mlp
    from forward_forward.optimize import Trainer

__version__ = "0.1.0"

# Loaded at first use (PEP 562): `ff --help` must not wait for torch.
_HOME = {
    "Layer": "forward",
    "Network": "forward",
    "SoftmaxHead": "forward",
    "Trainer": "optimize",
    "convert": "conversion",
    "load": "checkpoint",
    "mlp": "forward",
}
_MODULES = (
    "data",
    "datasets",
    "examples",
    "goodness",
    "losses",
    "optimize",
    "parallel",
    "predict",
    "recipes",
    "recurrent",
    "serve",
)

__all__ = [
    "Layer",
    "Network",
    "SoftmaxHead",
    "Trainer",
    "convert",
    "data",
    "datasets",
    "examples",
    "goodness",
    "load",
    "losses",
    "mlp",
    "optimize",
    "parallel",
    "predict",
    "recipes",
    "recurrent",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"forward_forward.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(f"forward_forward.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
