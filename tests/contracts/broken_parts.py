"""Parts that each break a contract, in ways that people's own parts do."""

from dataclasses import dataclass

import torch
from torch.nn.functional import softplus

from forward_forward.goodness import PNorm
from forward_forward.losses import SiluPair

# Goodness.


def one_for_the_batch(h):
    return h.square().mean()


def one_a_row_and_channel(h):
    return h.square().mean(-1)


def beside_the_others(h):
    rated = h.flatten(1).square().mean(1)
    return rated - rated.mean()


class WrongSlope:
    def __call__(self, h):
        return h.flatten(1).square().mean(1)

    def slope(self, h, upstream):
        return h * upstream.view(-1, *(1,) * (h.dim() - 1))


class SlopeOfAnotherShape(WrongSlope):
    def slope(self, h, upstream):
        return (h * 2 / h[0].numel()).flatten(1) * upstream[:, None]


def naive_root(h):
    return h.flatten(1).square().sum(1).sqrt()


def detached(h):
    flat = h.flatten(1)
    return (flat.detach() * flat).mean(1)


def in_place(h):
    return h.mul_(2).flatten(1).mean(1)


class ChangesInItsSlope(WrongSlope):
    def slope(self, h, upstream):
        return h.mul_(2 * upstream.view(-1, *(1,) * (h.dim() - 1))) / h[0].numel()


WEIGHT = torch.ones(1, dtype=torch.float64, requires_grad=True)


def with_a_weight_outside(h):
    return h.flatten(1).square().mean(1) * WEIGHT.to(h)


class ShiftedSlope(WrongSlope):
    """No slope is missing, but a silent row has one."""

    def slope(self, h, upstream):
        shape = -1, *(1,) * (h.dim() - 1)
        return (h * 2 / h[0].numel() + 1e-3) * upstream.view(*shape)


@dataclass(frozen=True)
class NaiveNorm(PNorm):
    def __call__(self, h):
        return h.flatten(1).abs().pow(self.p).sum(1).pow(1 / self.p)

    def slope(self, h, upstream):
        return h.flatten(1) * (1 / self(h) * upstream)[:, None]


# Losses.


def rising_with_positives(pos, neg):
    return pos.sigmoid() + neg.sigmoid().mean(0)


def without_a_word_of_negatives(pos, neg):
    return -pos


def mean_of_the_batch(pos, neg):
    return (neg.mean(0) - pos).mean()


def centred_on_the_batch(pos, neg):
    return (neg.mean(0) - pos + pos.mean()).sigmoid()


def of_another_type(pos, neg):
    return (neg.mean(0) - pos).double()


class LossOfWrongSlope(SiluPair):
    def judged(self, pos, neg):
        value, d_pos, d_neg = super().judged(pos, neg)
        return value, d_pos, 2 * d_neg


class LossOfWrongValue(SiluPair):
    def judged(self, pos, neg):
        value, *slopes = super().judged(pos, neg)
        return value + 1, *slopes


def half_detached(pos, neg):
    return (neg.mean(0).detach() * 2 - pos + neg.mean(0)).sigmoid()


def overflowing(pos, neg):
    return (1 + (-pos).exp()).log() + (1 + neg.exp()).log().mean(0)


def sum_of_negatives(pos, neg):
    return softplus(-pos) + softplus(neg).sum(0)


def first_negative_twice(pos, neg):
    return softplus(-pos) + (softplus(neg).sum(0) + softplus(neg[0])) / (len(neg) + 1)


def hardest_negative(pos, neg):
    return softplus(neg.amax(0) - pos)


def mean_of_none(pos, neg):
    return softplus(-pos) + softplus(neg).mean(0)


def pairs_of_none(pos, neg):
    return softplus(neg - pos).sum(0) / max(len(neg), 1)


def nothing_to_learn(pos, neg):
    return 0 * (neg.mean(0) - pos)


def never_a_number(pos, neg):
    return (neg.mean(0) - pos) * float("nan")


class RefusesInItsValueAlone:
    def __call__(self, pos, neg):
        if len(neg) == 0:
            raise ValueError("no negatives")
        return softplus(neg - pos).mean(0)

    def slope(self, pos, neg):
        steep = (neg - pos).sigmoid() / max(len(neg), 1)
        return -steep.sum(0), steep


class RefusesWithoutAWord:
    def __call__(self, pos, neg):
        if len(neg) == 0:
            raise ValueError
        return softplus(neg - pos).mean(0)


class LossInPlace:
    """In place where no gradient is asked for alone: nothing but the figures would tell."""

    def __call__(self, pos, neg):
        if not neg.requires_grad:
            neg.add_(1).sub_(0.5)
        return (neg - pos).mean(0)


# Ways of choosing wrong labels.


class Wrong:
    scores = "nothing"
    fraction = 0.0

    def __call__(self, y, classes, rng, scores):
        return (y[None] + self.shift(y, classes, rng)) % classes

    def shift(self, y, classes, rng):
        return torch.randint(1, classes, y.shape, generator=rng)


class Unnamed:
    def __call__(self, y, classes, rng, scores):
        return (y[None] + 1) % classes


def plain_function(y, classes, rng, scores):
    return (y[None] + 1) % classes


class FromElsewhere(Wrong):
    scores = "the moon"


class TooLarge(Wrong):
    fraction = 1.5


class ShareOfNothing(Wrong):
    fraction = 0.5


class SometimesTrue(Wrong):
    def shift(self, y, classes, rng):
        return torch.randint(0, classes, y.shape, generator=rng)


class OutOfRange(Wrong):
    def __call__(self, y, classes, rng, scores):
        return y[None] + 1


class OneRow(Wrong):
    def __call__(self, y, classes, rng, scores):
        return super().__call__(y, classes, rng, scores)[0]


class NoRow(Wrong):
    def __call__(self, y, classes, rng, scores):
        return y.new_zeros(0, len(y))


class Fractions(Wrong):
    def __call__(self, y, classes, rng, scores):
        return super().__call__(y, classes, rng, scores).float()


class AllScores(Wrong):
    scores = "goodness"
    fraction = 0.3

    def __call__(self, y, classes, rng, scores):
        return scores.nan_to_num().scatter(1, y[:, None], -torch.inf).argmax(1)[None]


class TorchsOwnNumbers(Wrong):
    def shift(self, y, classes, rng):
        return torch.randint(1, classes, y.shape)


class Counting(Wrong):
    def __init__(self):
        self.calls = 0

    def shift(self, y, classes, rng):
        self.calls += 1
        return 1 + self.calls % (classes - 1)


class ChangesLabels(Wrong):
    def __call__(self, y, classes, rng, scores):
        return y.add_(1).remainder_(classes)[None]


# Any part.


def within():
    def inner(pos, neg):
        return neg.sum(0) - pos

    return inner


class Forgets(SiluPair):
    def __deepcopy__(self, memo):
        return SiluPair(self.alpha)
