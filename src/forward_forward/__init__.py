"""Forward-Forward: a layer detaches its input, measures its own goodness and takes its own step.

Nothing else is needed to train a network, and nothing flows backward between layers. In the order
in which a batch meets them:

    data, datasets   data in any usual form -> batches
    examples         batches -> positive, negative, neutral and candidate inputs
    forward          inputs -> activities: Layer, Network, SoftmaxHead
    goodness         activities -> goodness; radial: lengths of activities -> goodness
    readouts         activities -> goodness of every class, in a single pass
    losses           goodness of positives and negatives -> each layer's own loss
    terms            activities and labels of a batch -> further losses of a layer
    optimize         losses -> every layer's own step: Trainer, fit, schedules
    predict          a trained network -> goodness of every label, labels, errors
    checkpoint       a run's folder: saved, resumed, loaded
    hub              a run's folder <-> the Hugging Face Hub
    export           a trained network -> files that predict without this library

On top of them: ``parallel`` (the same steps over several processes), ``recurrent`` (a static image
as a video), ``recipes`` (published settings), ``sklearn`` (estimators), ``sweep`` (a search for
settings), ``conversion`` (a torch model -> layers), ``diagnose`` (the state of layers and units),
``plot`` (runs and networks -> matplotlib figures), ``contracts`` (what every goodness, loss and
negative must do), ``track`` (metrics -> files), ``report`` (results -> one HTML page), ``demo`` (a
page in the browser), ``cli`` (the ``ff`` command). ``lab`` holds the experiments: ``reproduce``,
``compare``, ``benchmark``, ``simulate``.

Below them all: ``files`` (atomic writes), ``notation`` (parts by name), ``fast_paths`` (faster
methods that a part may offer), ``seeds`` (random numbers by key), ``display`` (numbers, tables and
curves as people read them), ``plugins`` (what installed packages add by name).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forward_forward import (
        data,
        datasets,
        examples,
        export,
        goodness,
        losses,
        optimize,
        parallel,
        plot,
        predict,
        readouts,
        recipes,
        recurrent,
        terms,
    )
    from forward_forward.checkpoint import Run, load
    from forward_forward.conversion import convert
    from forward_forward.forward import Layer, Network, SoftmaxHead, Whitening, cnn, mlp
    from forward_forward.optimize import Trainer

    __version__: str

# Loaded at first use (PEP 562): `ff --help` must not wait for torch.
_HOME = {
    "Layer": "forward",
    "Network": "forward",
    "Run": "checkpoint",
    "SoftmaxHead": "forward",
    "Trainer": "optimize",
    "Whitening": "forward",
    "cnn": "forward",
    "compare": "lab.compare",
    "convert": "conversion",
    "load": "checkpoint",
    "mlp": "forward",
}
_MODULES = (
    "data",
    "datasets",
    "examples",
    "export",
    "goodness",
    "losses",
    "optimize",
    "parallel",
    "plot",
    "predict",
    "readouts",
    "recipes",
    "recurrent",
    "terms",
)

__all__ = [
    "Layer",
    "Network",
    "Run",
    "SoftmaxHead",
    "Trainer",
    "Whitening",
    "cnn",
    "compare",
    "convert",
    "data",
    "datasets",
    "examples",
    "export",
    "goodness",
    "load",
    "losses",
    "mlp",
    "optimize",
    "parallel",
    "plot",
    "predict",
    "readouts",
    "recipes",
    "recurrent",
    "terms",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"forward_forward.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(f"forward_forward.{_HOME[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("forward-forward")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
