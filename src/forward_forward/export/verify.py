"""An exported file's outputs, the library's scores [rows, classes] -> how far they differ."""

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

    ``difference`` is the largest of |file - library| in a row of scores, over the largest |library|
    of that row, or of the median row where that is larger: scores that add up to 0, as of two
    classes, are all near 0 where the classes are near each other. Labels are identical, but for
    ``ties`` rows: there the file's label has a score within the tolerance of the best, so that
    rounding alone decides between the two.
    """

    difference: float
    ties: int
    rows: int


def verified(run: Run, library: Run, samples: Tensor, name: str) -> Verified:
    """Compare a file with the library, at batches of 1 and of 17.

    Args:
        run: The file's outputs for raw samples.
        library: The library's own.
        samples: Real raw samples [n, *shape]; random ones of their full range are added.
        name: What to call the file.

    Raises:
        RuntimeError: Scores differ by more than 1e-5 relative, or a label does.
    """
    found = []
    for size in BATCHES:
        count = size * _TIMES[size]
        real = samples[torch.arange(count) % len(samples)]
        for rows in (real, of_full_range(samples, count)):
            outputs = [run(part) for part in torch.split(rows, size)]
            scores, label = (torch.cat(each) for each in zip(*outputs, strict=True))
            found.append(compared(scores, label, library(rows)[0]))
    total = Verified(
        max(each.difference for each in found),
        sum(each.ties for each in found),
        sum(each.rows for each in found),
    )
    if not total.difference <= TOLERANCE:
        raise RuntimeError(
            f"{name} does not say what the network says: its scores differ by up to"
            f" {total.difference:.1e} of a row's largest, expected at most {TOLERANCE:.0e}, or"
            " other labels come of them; nothing was written"
        )
    return total


def compared(scores: Tensor, label: Tensor, right: Tensor) -> Verified:
    """Compare scores and labels of the same rows.

    Args:
        scores: The file's [rows, classes].
        label: The file's [rows].
        right: The library's scores [rows, classes].

    Returns:
        What was found; the difference is infinite where a label is another without a tie, or a
        score is no number.

    >>> compared(torch.tensor([[1.0, 2.0]]), torch.tensor([1]), torch.tensor([[1.0, 2.0]]))
    Verified(difference=0.0, ties=0, rows=1)
    """
    scores, right = scores.double(), right.double()
    size = right.abs().amax(1)
    size = size.clamp_min(float(size.median())).clamp_min(torch.finfo(torch.float32).tiny)
    difference = ((scores - right).abs().amax(1) / size).nan_to_num(torch.inf)
    ties = label != right.argmax(1)
    short = right.amax(1) - right.gather(1, label[:, None])[:, 0]
    # By the file's own scores the label must be the best, tie or not.
    wrong = (ties & (short > TOLERANCE * size)) | (label != scores.argmax(1))
    difference[wrong] = torch.inf
    return Verified(float(difference.max()), int(ties.sum()), len(right))


def of_full_range(samples: Tensor, count: int) -> Tensor:
    """Random samples [count, *shape]: uint8 from 0 to 255, others as far as ``samples`` reach.

    The first one is blank: normalisation must not divide by its length, which is 0.
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
