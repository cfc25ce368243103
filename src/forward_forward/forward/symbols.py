"""Symbols' numbers [batch, positions] -> activities [batch, positions, width] of causal blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from forward_forward.examples import Examples, NextSymbol
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer, evaluating
from forward_forward.readouts import PositionReadout


class SymbolEmbedding(nn.Module):
    """Learned vectors of the symbols, plus those of their positions in the window.

    Args:
        symbols: Number of symbols.
        width: Length of a vector.
        window: Number of positions at most.

    >>> SymbolEmbedding(symbols=5, width=8, window=4)(torch.tensor([[0.0, 4.0, 2.0]])).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, symbols: int, width: int, window: int) -> None:
        super().__init__()
        self.symbols, self.width, self.window = symbols, width, window
        self.symbol = nn.Embedding(symbols, width)
        self.position = nn.Embedding(window, width)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors [batch, positions, width] of symbols [batch, positions]."""
        if x.shape[1] > self.window:
            raise ValueError(
                f"SymbolEmbedding expects at most {self.window} positions, got {x.shape[1]}: cut"
                f" the text into shorter windows, or create it with window={x.shape[1]}"
            )
        places: Tensor = self.position(torch.arange(x.shape[1], device=x.device))
        vectors: Tensor = self.symbol(x.long())
        return vectors + places


class CausalBlock(nn.Module):
    """A transformer block in which each position attends to itself and to earlier ones.

    It is torch's, with a norm before the attention and before the perceptron, a GELU, and a
    perceptron of four times the width. Errors are backpropagated inside it.

    Args:
        width: Values at one position.
        heads: Heads of the attention; they divide the width.
        dropout: Fraction dropped inside, in training.

    >>> CausalBlock(width=8, heads=2)(torch.rand(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, width: int, heads: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.width, self.heads, self.dropout = width, heads, dropout
        self.block = nn.TransformerEncoderLayer(
            width,
            heads,
            4 * width,
            dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Activities [batch, positions, width] of activities of the same shape."""
        mask = nn.Transformer.generate_square_subsequent_mask(
            x.shape[1], device=x.device, dtype=x.dtype
        )
        activities: Tensor = self.block(x, src_mask=mask, is_causal=True)
        return activities


def check_positions(layers: Sequence[Layer], examples: Examples, head: SoftmaxHead | None) -> None:
    """Reject layers that cannot predict at every position, or that would see later symbols."""
    wanted = isinstance(examples, NextSymbol)
    if any(isinstance(layer.goodness, PositionReadout) != wanted for layer in layers):
        raise ValueError(
            "layers with goodness=PositionReadout(num_classes=...) go with"
            " examples=NextSymbol(num_classes=...), and only with them, since they answer at every"
            f" position; got {examples!r} and {', '.join(repr(each.goodness) for each in layers)}"
        )
    if wanted and any(layer.normalize is not None for layer in layers):
        raise ValueError(
            "a layer's normalisation averages over all positions, so an early one would see later"
            " symbols: pass normalize=None to each Layer, and put a norm into its block"
        )
    if wanted and any(layer.terms for layer in layers):
        raise ValueError(
            "the terms of a layer compare samples by their one label, got terms with a label at"
            " every position: leave terms=()"
        )
    if wanted and head is not None:
        raise ValueError(
            "a softmax head reads a sample as a whole, got one with examples=NextSymbol(...): leave"
            " head=None, since each layer has a read-out for every position"
        )
    if wanted and (layers[0].dropout or layers[0].adversarial):
        raise ValueError(
            "the first layer reads numbers of symbols, which can be neither dropped nor moved: set"
            " dropout and adversarial to 0 there, and put a dropout into its block"
        )


@torch.no_grad()
def later_symbols(layers: Sequence[Layer], x: Tensor, symbols: int) -> dict[int, list[str]]:
    """The lowest layer that sees later symbols than that of a position, with a sentence.

    Args:
        layers: The layers, lowest first.
        x: Symbols [batch, positions].
        symbols: How many there are.
    """
    changed = x.clone()
    changed[:, -1] = (x[:, -1] + 1) % symbols
    for number, layer in enumerate(layers):
        with evaluating(layer):
            x, changed = layer(x), layer(changed)
        if not torch.allclose(x[:, :-1], changed[:, :-1], rtol=1e-4, atol=1e-5):
            return {
                number: [
                    "at a position it sees later symbols, among them the one to predict: use a"
                    " causal block, such as CausalBlock"
                ]
            }
    return {}
