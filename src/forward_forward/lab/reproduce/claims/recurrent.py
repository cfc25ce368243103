"""Figure 10: the recurrent network, and the limitation it is to resolve: no feedback."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import torch

from forward_forward.examples import OverlayLabel
from forward_forward.forward import mlp
from forward_forward.goodness import l2_norm
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult, Seeds
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.losses import sigmoid
from forward_forward.optimize import Trainer
from forward_forward.recipes.plan import features
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer, TopDown, multiply_adds

SHARE = 0.25  # of the images: a step that learns from iterations 3 to 5 costs five times as much
LEARNED = (3, 5)
SAME = 0.2  # points by which rounding may move the error of the same network
FEED_FORWARD = "feed-forward"
EQUAL = "feed-forward, equal multiply-adds"
FULL, ZERO, FIXED = "recurrent", "top-down zero", "top-down fixed random"
ALTERNATING, TOP = "alternating updates", "label at the top"
# Hinton's loss and goodness, on which feedback may be another matter.
OTHER = {"loss": "log_sigmoid", "goodness": "mean_square", "temperature": 0.1}
OTHER_NAME = "log-sigmoid of the mean square"


def _recurrent(name: str, seeds: Seeds = "deciding", **told: Any) -> Arm:
    settings = {"label": "image", "learned": LEARNED, **told}
    return Arm(name, "recurrent", settings, seeds=seeds, share=SHARE)


def arms(scale: Scale) -> list[Arm]:
    """The recurrent network, what is left of it without feedback, and the feed-forward one."""
    plain = replace(poster(FEED_FORWARD), share=SHARE, settings={})
    return [
        _recurrent(FULL),
        _recurrent(FIXED, "others", top_down="fixed"),
        _recurrent(ALTERNATING, "others", update="alternating"),
        _recurrent(TOP, "others", label="top"),
        plain,
        replace(_recurrent(ZERO, "others", top_down="zero"), like=plain),
        replace(plain, name=EQUAL, like=plain, longer=_work(scale)),
        _recurrent(_other(FULL), "others", **OTHER),
        replace(plain, name=_other(FEED_FORWARD), seeds="others", settings=OTHER),
    ]


def _other(name: str) -> str:
    return f"{name}, {OTHER_NAME}"


def _work(scale: Scale) -> float:
    """How many steps of the feed-forward network cost as much as one of the recurrent network."""
    split = split_of(scale.data, scale.images, "cpu")
    classes = len(split.train.classes)
    values = features(split.train)
    network = RecurrentNetwork(
        values, *scale.hidden, num_classes=classes, examples=OverlayLabel(classes)
    )
    return round(multiply_adds(network, learned=LEARNED).ratio, 1)


def _spread(full: ArmResult, plain: ArmResult) -> str:
    """Medians, and the worst seeds, which may decide a mean."""
    words = "; ".join(
        f"{each.arm.name} {statistics.median(each.errors):.2f} %, worst {max(each.errors):.2f} %"
        for each in (full, plain)
    )
    return (
        f" A single seed may turn the sign of the means: medians and worst seeds are {words}. The"
        f" arm {ZERO!r} is the feed-forward network again, on fewer seeds."
    )


def _figure_10(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    full, plain = found[FULL], found[FEED_FORWARD]
    decides = rules.better(full, plain)
    beside = [rules.better(full, found[name]) for name in (FIXED, ALTERNATING, TOP, EQUAL)]
    beside.append(rules.better(found[_other(FULL)], found[_other(FEED_FORWARD)]))
    apart = max(
        # Errors are whole images; their differences in percent are not, to the last bit.
        round(abs(rules.test_error(found[ZERO], seed) - rules.test_error(plain, seed)), 4)
        for seed in rules.common_seeds(found[ZERO], plain)
    )
    check = rules.check(
        "without top-down weights it is the feed-forward network: largest difference of an error",
        apart,
        f"{SAME:g} points",
        apart <= SAME,
    )
    note = (
        figures.errors_in_words(found)
        + f" All arms are trained on {SHARE:.0%} of the scale's images, since a step of the"
        f" recurrent network takes {found[EQUAL].arm.longer:g} times the multiply-adds of a"
        " feed-forward one. The image is repeated for 8 steps with damping 0.3; the layers learn"
        " from steps 3 to 5, and the label of the highest mean goodness over these is read. The"
        f" label lies in the image but for the arm {TOP!r}. The {OTHER_NAME} (Hinton's loss and"
        " goodness) decides nothing; it shows whether what is found hangs on the poster's loss:"
        f" there the feed-forward network's error less the recurrent one's is"
        f" {beside[-1]['estimate']:+.2f} points ({beside[-1]['low']:+.2f} to"
        f" {beside[-1]['high']:+.2f})." + _spread(full, plain)
    )
    return Finding(
        rules.directional([decides]),
        None,
        note,
        [decides, *beside],
        [check],
        outcomes=list(found.values()),
        figures=[figures.points("Test error by kind of network", found.values())],
    )


def _feedback(runner: Runner) -> Finding:
    with_feedback = _changes("learned")
    without = _changes("zero")
    plain = _feed_forward_change()
    checks = [
        rules.check(
            "feed-forward: change of the first layer's step as the second layer's weights change",
            plain,
            "0 exactly",
            plain == 0,
        ),
        rules.check(
            "recurrent without top-down weights: the same", without, "0 exactly", without == 0
        ),
        rules.check(
            "recurrent with top-down weights: the same", with_feedback, "above 0", with_feedback > 0
        ),
    ]
    statistic, verdict = rules.exact(checks)
    note = (
        "Two networks with the same first layer and other second layers take a step on the same"
        " batch, in float64. In the feed-forward network the first layer's weights end up the same,"
        " bit for bit: nothing of a higher layer reaches it. In the recurrent network they differ,"
        " since it sees the second layer's states. The largest difference of a weight is shown."
    )
    conditions = {"data": "random", "layers": "20-30-30", "batch": 64, "steps": 3}
    return Finding(statistic, verdict, note, checks=checks, conditions=conditions)


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(64, 20, generator=rng, dtype=torch.float64)
    return x, torch.arange(64) % 4


def _feed_forward_change() -> float:
    first = []
    for other in (1.0, -0.5):
        network = mlp(20, 30, 30, num_classes=4, examples=OverlayLabel(4)).double()
        for layer in network.layers:
            layer.goodness, layer.loss = l2_norm, sigmoid
        with torch.no_grad():
            network.layers[1].block.weight.mul_(other)  # type: ignore[operator]
        trainer = Trainer(network, lr=0.01)
        for _ in range(3):
            trainer.step(*_batch())
        first.append(network.layers[0].block.weight.detach().clone())  # type: ignore[operator]
    return float((first[0] - first[1]).abs().max())


def _changes(top_down: TopDown) -> float:
    first = []
    for other in (1.0, -0.5):
        network = RecurrentNetwork(
            20, 30, 30, num_classes=4, examples=OverlayLabel(4), top_down=top_down
        ).double()
        x, y = _batch()
        network.calibrate(x, y)
        with torch.no_grad():
            network.layers[1].block.weight.mul_(other)  # type: ignore[operator]
        trainer = RecurrentTrainer(network, lr=0.01)
        for _ in range(3):
            trainer.step(x, y)
        first.append(network.layers[0].block.weight.detach().clone())  # type: ignore[operator]
    return float((first[0] - first[1]).abs().max())


FIGURE_10 = Claim(
    "fig10",
    "The recurrent network",
    "Replicate and explore the recurrent version of FF. Recurrent architecture that resolves the"
    " major weakness of FF: copies of static image form a 'video' that enables learning of later"
    " layers from earlier layers.",
    "poster, Future work, Figure 10",
    f"{rules.BETTER} Here: the recurrent network is better than the feed-forward one of equal size,"
    " which it is without its top-down weights: a still image leaves its states where they start."
    " Fixed random top-down weights, alternating updates, the label at the top, the feed-forward"
    " network at equal multiply-adds, and Hinton's loss and goodness are shown beside it.",
    _figure_10,
    arms,
)
FEEDBACK = Claim(
    "limit.feedback",
    "No feedback from higher layers",
    "Lower layers do not receive higher-layer feedback.",
    "poster, Limitations",
    f"{rules.EXACT} A change of the second layer must leave the first layer's steps as they are, to"
    " the last bit, in the feed-forward network, and change them in the recurrent one.",
    _feedback,
)
