"""A run's folder -> the network that was trained, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from forward_forward import files
from forward_forward.checkpoint.run import Run, Which
from forward_forward.forward import Network
from forward_forward.forward.combination import is_of_readout
from forward_forward.forward.description import build

# Why weights do not fit the network that their run.json describes.
INCOMPLETE = "a file of the checkpoint is missing or of another run, so restore it or train again"


def load(run: Path | str, *, network: Network | None = None, which: Which = "best") -> Network:
    """Load a trained network from its run.

    Args:
        run: The run's folder, or a run on the Hugging Face Hub: ``hf://user/name`` or, with a
            branch, tag or commit, ``hf://user/name@revision``.
        network: A network of the same shape to load the weights into; needed for blocks or parts of
            your own, since code is never run merely because a file names it.
        which: "best" by validation error, or "last".

    Returns:
        The network in evaluation mode, on the CPU and in the type it was trained in, or on the
        device and in the type of ``network``.

    Raises:
        ValueError: No run, no checkpoint yet, a broken file, or weights that do not fit
            ``network``.
    """
    folder = Run(run)
    weights = folder.weights(which)
    if network is not None:
        load_weights(network, weights, str(run))
    else:
        network = _built(folder.about)
        for name, each in (*network.named_parameters(), *network.named_buffers()):
            if name in weights and each.is_floating_point():
                each.data = each.data.to(weights[name].dtype)
        load_weights(network, weights, str(run), INCOMPLETE)
    return network.eval()


def _built(about: files.Entries) -> Network:
    try:
        return build(about["network"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"expected the description of a network as the entry 'network' in {str(about.path)!r},"
            f" got one that cannot be built ({type(error).__name__}: {error}): restore the file, or"
            " pass network=... to ff.load"
        ) from error


def load_weights(
    network: Network,
    weights: Mapping[str, Tensor],
    source: str,
    fix: str = "build it with the same layers",
) -> None:
    """Load weights into a network, with a clear error if they do not fit.

    How the layers are read may be chosen or fitted in one of the two and fixed in the other.
    """
    own = {name: each for name, each in network.state_dict().items() if is_of_readout(name)}
    readout = {name: weights.get(name, each) for name, each in own.items()}
    weights = {name: each for name, each in weights.items() if not is_of_readout(name)} | readout
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {source!r} do not fit this network: {fix}. {error}"
        ) from error
    except ValueError as error:  # NaN or infinity
        raise ValueError(f"the weights of {source!r} cannot be used: {error}") from error
