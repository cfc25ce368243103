"""Methods for linear layers, each of which answers for every class by itself."""

from __future__ import annotations

from forward_forward import seeds
from forward_forward.examples import NoLabel
from forward_forward.forward import Layer, Network
from forward_forward.forward.blocks import BinaryLinear, BinarySign
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import FixedReadout, LinearReadout, Prototypes
from forward_forward.recipes.field.method import method
from forward_forward.recipes.field.networks import Blocks


@method(network="mlp", hidden=(1000, 1000), lr=3e-3)
def mono_forward(blocks: Blocks) -> Network:
    """Mono-Forward: each layer's learned projection to the classes, cross-entropy, the last reads.

    References:
        Gong et al. (2025), arXiv 2501.09238.
    """
    layers = [
        Layer(blocks.weights(index), goodness=LinearReadout(blocks.classes), loss=CrossEntropy())
        for index in range(len(blocks))
    ]
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.last)


@method(network="mlp", hidden=(1000, 1000), lr=1e-3)
def tinyfoa(blocks: Blocks) -> Network:
    """TinyFoA: binary weights and activities, cross-entropy of a fixed random read-out.

    References:
        TinyFoA (AAAI 2025).
    """
    layers = []
    for index, (inputs, units) in enumerate(zip(blocks.inputs, blocks.widths, strict=True)):
        block = BinaryLinear(inputs, units)
        block.draw(seeds.generator(blocks.seed, "weights", index))
        goodness = FixedReadout(
            blocks.classes, units, seed=seeds.number(blocks.seed, "readout", index)
        )
        layers.append(Layer(block, BinarySign, goodness=goodness, loss=CrossEntropy()))
    return Network(*layers, examples=NoLabel(blocks.classes), readout=blocks.last)


@method(network="mlp", hidden=(1000, 1000), lr=3e-3)
def hff(
    blocks: Blocks, *, per_class: int = 4, temperature: float = 0.1, margin: float = 1.0
) -> Network:
    """HFF: cosines with several prototypes of each class, cross-entropy with a margin.

    ``margin`` is in units of the logits, which are cosines over ``temperature``.

    References:
        Sarode et al. (2026), arXiv 2605.00082: its network of linear layers.
    """
    layers = []
    for index in range(len(blocks)):
        seed = seeds.number(blocks.seed, "prototypes", index)
        goodness = Prototypes(
            blocks.classes, per_class=per_class, temperature=temperature, seed=seed
        )
        layers.append(
            Layer(blocks.weights(index), goodness=goodness, loss=CrossEntropy(margin=margin))
        )
    return Network(*layers, examples=NoLabel(blocks.classes))
