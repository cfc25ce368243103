"""A text -> windows of its symbols [batch, window] and the symbol that follows each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from forward_forward.data.batch import Batch, check_batching, class_names
from forward_forward.data.holdout import HOLDOUT


class Text:
    """A text in windows, read as a Source: the labels [window] are the symbols that come next.

    A symbol is a character. For the bytes of any file, decode them as Latin-1:
    ``Text(path.read_bytes().decode("latin-1"))``.

    Args:
        text: The text, longer than a window.
        window: Symbols in a window.
        symbols: The alphabet, in the order of their numbers; None takes all characters of the text.
        name: What reports call the text.

    Raises:
        ValueError: The text is too short, or has a character that the alphabet lacks.

    >>> text = Text("to be or not to be", window=4)
    >>> text
    Text('text': 18 symbols in windows of 4, 7 different ones)
    >>> batch = next(text.batches(1))
    >>> text.decode(batch.x[0]), text.decode(batch.y[0])
    ('to b', 'o be')
    """

    def __init__(
        self,
        text: str,
        window: int = 64,
        *,
        symbols: Sequence[str] | None = None,
        name: str = "text",
    ) -> None:
        if not 1 <= window < len(text):
            raise ValueError(
                f"Text expects a window of 1 to {max(1, len(text) - 1)} symbols for a text of"
                f" {len(text)}, got {window}: each window needs the symbol after it"
            )
        self.text, self.window, self.name = text, window, name
        self.classes = class_names(tuple(sorted(set(text)) if symbols is None else symbols))
        self._number = {symbol: number for number, symbol in enumerate(self.classes)}
        self.numbers = self.encode(text)

    def __len__(self) -> int:
        """How many windows the text has: they do not overlap, and a shorter rest is left out."""
        return (len(self.text) - 1) // self.window

    def __repr__(self) -> str:
        size = f"{len(self.text)} symbols in windows of {self.window}"
        return f"Text({self.name!r}: {size}, {len(self.classes)} different ones)"

    @property
    def shape(self) -> tuple[int, ...]:
        """One window's shape."""
        return (self.window,)

    @property
    def batch_size(self) -> int:
        """Default number of windows per batch."""
        return 32

    def batches(
        self, batch_size: int, *, shuffle: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[Batch]:
        """Windows [batch, window] as float32 numbers of symbols, and the next symbols, likewise.

        Args:
            batch_size: Windows in a batch; the last one may be smaller.
            shuffle: A CPU generator that draws where the windows begin: as many as the text has,
                anywhere in it; None takes one after the other from the beginning.
            skip: Batches to skip at the start, as a run that resumes within an epoch does.
        """
        check_batching(batch_size, skip, shuffle)
        starts = torch.arange(len(self)) * self.window
        if shuffle is not None:
            last = len(self.text) - self.window
            starts = torch.randint(last, (len(self),), generator=shuffle)
        return self._cut(torch.split(starts[skip * batch_size :], batch_size))

    def _cut(self, starts: Sequence[Tensor]) -> Iterator[Batch]:
        for each in starts:
            if len(each):
                rows = self.numbers[each[:, None] + torch.arange(self.window + 1)]
                yield Batch(rows[:, :-1].float(), rows[:, 1:].contiguous())

    def split(self, validation: float = HOLDOUT) -> tuple[Text, Text]:
        """Split the text into (train, validation); the second part is its end.

        Args:
            validation: Fraction of the text to hold out.

        Raises:
            ValueError: A part would be shorter than a window and the symbol after it.
        """
        cut = len(self.text) - round(validation * len(self.text))
        parts = self.text[:cut], self.text[cut:]
        if not 0 < validation < 1 or min(map(len, parts)) <= self.window:
            raise ValueError(
                f"expected a fraction that leaves more than {self.window} symbols in each part of a"
                f" text of {len(self.text)}, got {validation}: use another, or shorter windows"
            )
        one, other = (
            Text(part, self.window, symbols=self.classes, name=self.name) for part in parts
        )
        return one, other

    def encode(self, text: str) -> Tensor:
        """The numbers of a text's symbols [length].

        Raises:
            ValueError: A character is not in the alphabet.
        """
        for place, symbol in enumerate(text):
            if symbol not in self._number:
                raise ValueError(
                    f"expected the {len(self.classes)} symbols of {self.name!r}, got {symbol!r} at"
                    f" {place}: replace it, or pass an alphabet with it as symbols=..."
                )
        return torch.tensor([self._number[symbol] for symbol in text], dtype=torch.int64)

    def decode(self, numbers: Tensor) -> str:
        """The text of symbols' numbers [length]."""
        return "".join(self.classes[int(number)] for number in numbers)
