"""An exported file's outputs, the library's scores [rows, classes] -> their difference."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward import seeds
from forward_forward.export.torch_file import Run

BATCHES = 1, 17
TOLERANCE = 1e-5  # relative, in float32

_TIMES = {1: 34, 17: 10}  # batches of each size, of real and of random samples each


class Verified(NamedTuple):
    """How an exported file compares with the library.

    ``difference`` is the largest |file - library| in a row of scores, relative to the largest
    |library| of that row, or of the median row if that is larger: scores that sum to 0, such as
    those of two classes, are all near 0 if the classes are close. Labels are identical except in
    ``ties`` rows, in which the score of the file's label is within the tolerance of the highest
    one, so that only rounding decides between the two.
    """

    difference: float
    ties: int
    rows: int


def verified(run: Run, library: Run, samples: Tensor, name: str) -> Verified:
    """Compare a file with the library, with batches of 1 and of 17 samples.

    To the raw samples [n, *shape] random ones of their full range are added.

    Raises:
        RuntimeError: Scores differ by more than 1e-5 relative, or a label differs.
    """
    found = []
    for size in BATCHES:
        count = size * _TIMES[size]
        real = samples[torch.arange(count) % len(samples)]
        for rows in (real, of_full_range(samples, count)):
            outputs = [run(part) for part in torch.split(rows, size)]
            scores, label = (torch.cat(each) for each in zip(*outputs, strict=True))
            found.append(compared(scores, label, library(rows)[0]))
    differences, ties, counts = zip(*found, strict=True)
    total = Verified(max(differences), sum(ties), sum(counts))
    if not total.difference <= TOLERANCE:
        raise RuntimeError(
            f"{name} differs from the network: its scores by up to {total.difference:.1e} relative"
            f" to a row's largest, expected at most {TOLERANCE:.0e}, or its labels; nothing was"
            " written"
        )
    return total


def compared(scores: Tensor, label: Tensor, right: Tensor) -> Verified:
    """Compare a file's scores [rows, classes] and labels [rows] with the library's scores.

    The difference is infinite if a label differs without a tie, or a score is not a number.

    >>> compared(torch.tensor([[1.0, 2.0]]), torch.tensor([1]), torch.tensor([[1.0, 2.0]]))
    Verified(difference=0.0, ties=0, rows=1)
    """
    scores, right = scores.double(), right.double()
    size = _sizes(right)
    difference = relative_differences(scores, right)
    ties = label != right.argmax(1)
    short = right.amax(1) - right.gather(1, label[:, None])[:, 0]
    # By the file's own scores the label must be the best, tie or not.
    wrong = (ties & (short > TOLERANCE * size)) | (label != scores.argmax(1))
    difference[wrong] = torch.inf
    return Verified(float(difference.max()), int(ties.sum()), len(right))


def relative_differences(scores: Tensor, right: Tensor) -> Tensor:
    """How far scores are from the right ones [rows, classes], as in `Verified`: a number a row."""
    return ((scores - right).abs().amax(1) / _sizes(right)).nan_to_num(torch.inf)


def _sizes(right: Tensor) -> Tensor:
    size = right.abs().amax(1)
    return size.clamp_min(float(size.median())).clamp_min(torch.finfo(torch.float32).tiny)


def of_full_range(samples: Tensor, count: int) -> Tensor:
    """Random samples [count, *shape]: uint8 from 0 to 255, others over the range of ``samples``.

    The first one is blank, since normalisation must not divide by its length of 0.
    """
    rng = seeds.generator(0, "export")
    shape = count, *samples.shape[1:]
    if samples.dtype == torch.uint8:
        made = torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)
    else:
        least, most = (float(each) for each in samples.aminmax())
        made = least + (most - least) * torch.rand(shape, generator=rng)
    made[0] = 0
    return made
