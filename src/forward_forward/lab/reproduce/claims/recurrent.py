"""Figure 10: the recurrent network, and the limitation it is meant to resolve: no feedback."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from forward_forward.examples import OverlayLabel
from forward_forward.forward import Network, mlp
from forward_forward.goodness import l2_norm
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult, Seeds
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better, exact
from forward_forward.lab.reproduce.claims.local import first_layer_change
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.job import split_of
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.losses import sigmoid
from forward_forward.optimize import Trainer
from forward_forward.recipes.plan import features
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer, TopDown, multiply_adds

FRACTION = 0.25  # of the images: a step that learns from iterations 3 to 5 costs five times as much
LEARNED = (3, 5)
SAME = 0.2  # points by which rounding may change the error of the same network
FEED_FORWARD = "feed-forward"
EQUAL = "feed-forward, equal multiply-adds"
FULL, ZERO, FIXED = "recurrent", "top-down zero", "top-down fixed random"
ALTERNATING, TOP = "alternating updates", "label at the top"
# Hinton's loss and goodness, with which feedback may have another effect.
OTHER: dict[str, Any] = {"loss": "log_sigmoid", "goodness": "mean_square", "temperature": 0.1}
OTHER_NAME = "log-sigmoid of the mean square"


def _recurrent(name: str, seeds: Seeds = "others", **settings: Any) -> Arm:
    settings = {"label": "image", "learned": LEARNED, **settings}
    return Arm(name, "recurrent", settings, seeds=seeds, fraction=FRACTION)


def arms(scale: Scale) -> list[Arm]:
    """The recurrent network, the same without parts of its feedback, and the feed-forward one."""
    plain = replace(poster(FEED_FORWARD), fraction=FRACTION, settings={})
    return [
        _recurrent(FULL, "deciding"),
        _recurrent(FIXED, top_down="fixed"),
        _recurrent(ALTERNATING, update="alternating"),
        _recurrent(TOP, label="top"),
        plain,
        replace(_recurrent(ZERO, top_down="zero"), like=plain),
        replace(plain, name=EQUAL, like=plain, longer=_work(scale)),
        _recurrent(_other(FULL), **OTHER),
        replace(plain, name=_other(FEED_FORWARD), seeds="others", settings=OTHER),
    ]


def _other(name: str) -> str:
    return f"{name}, {OTHER_NAME}"


def _work(scale: Scale) -> float:
    """How many steps of the feed-forward network cost as much as one of the recurrent network."""
    train = split_of(scale.data, scale.images, "cpu").train
    widths, classes = [features(train), *scale.hidden], len(train.classes)
    network = RecurrentNetwork(*widths, num_classes=classes, examples=OverlayLabel(classes))
    return round(multiply_adds(network, learned=LEARNED).ratio, 1)


def _figure_10(runner: Runner) -> Finding:
    found = runner.arms(*arms(runner.scale))
    full, plain = found[FULL], found[FEED_FORWARD]
    further = [rules.better(full, found[name]) for name in (FIXED, ALTERNATING, TOP, EQUAL)]
    further.append(rules.better(found[_other(FULL)], found[_other(FEED_FORWARD)]))
    difference = max(
        # Errors are whole images; their differences in percent are not, in the last bit.
        round(abs(rules.test_error(found[ZERO], seed) - rules.test_error(plain, seed)), 4)
        for seed in rules.common_seeds(found[ZERO], plain)
    )
    name = "without top-down weights it is the feed-forward network: largest difference of an error"
    check = rules.check(name, difference, f"{SAME:g} points", difference <= SAME)
    return better(
        [rules.better(full, plain)],
        _note(found, further[-1]),
        found.values(),
        further=further,
        checks=[check],
        figures=[figures.points("Test error by kind of network", found.values())],
    )


def _note(found: dict[str, ArmResult], other: rules.Comparison) -> str:
    worst = "; ".join(
        f"{each.name} {statistics.median(each.errors):.2f} %, worst {max(each.errors):.2f} %"
        for each in (found[FULL], found[FEED_FORWARD])
    )
    return (
        figures.mean_errors(found)
        + f" All arms are trained on {FRACTION:.0%} of the scale's images, since a step of the"
        f" recurrent network takes {found[EQUAL].arm.longer:g} times the multiply-adds of a"
        " feed-forward one. The image is repeated for 8 steps with damping 0.3; the layers learn"
        " from steps 3 to 5, and the label with the highest mean goodness over these is predicted."
        f" The label lies in the image in all arms except {TOP!r}. The {OTHER_NAME} (Hinton's loss"
        " and goodness) decides nothing; it shows whether the result depends on the poster's loss:"
        " with it, the feed-forward network's error minus the recurrent one's is"
        f" {other['estimate']:+.2f} points ({other['low']:+.2f} to {other['high']:+.2f}). A single"
        f" seed can change the sign of the means: medians and worst seeds are {worst}. The arm"
        f" {ZERO!r} repeats the feed-forward network, with fewer seeds."
    )


def _feedback(runner: Runner) -> Finding:
    plain = first_layer_change(_feed_forward, steps=3)
    zero = first_layer_change(lambda: _recurrent_network("zero"), steps=3)
    learned = first_layer_change(lambda: _recurrent_network("learned"), steps=3)
    same = "recurrent {} top-down weights: the same"
    name = "feed-forward: change of the first layer's step as the second layer's weights change"
    checks = [
        rules.check(name, plain, "0 exactly", plain == 0),
        rules.check(same.format("without"), zero, "0 exactly", zero == 0),
        rules.check(same.format("with"), learned, "above 0", learned > 0),
    ]
    note = (
        "Two networks with the same first layer and different second layers take a step on the same"
        " batch, in float64. In the feed-forward network the first layer's weights end up the same,"
        " bit for bit: nothing of a higher layer reaches it. In the recurrent network they differ,"
        " since the first layer sees the second layer's states. The largest difference of a weight"
        " is shown."
    )
    conditions = {"data": "random", "layers": "20-30-30", "batch": 64, "steps": 3}
    return exact(checks, note, conditions=conditions)


def _feed_forward() -> tuple[Network, Trainer, Tensor, Tensor]:
    network = mlp(20, 30, 30, num_classes=4, examples=OverlayLabel(4)).double()
    for layer in network.layers:
        layer.goodness, layer.loss = l2_norm, sigmoid
    return network, Trainer(network, lr=0.01), *_batch()


def _recurrent_network(
    top_down: TopDown,
) -> tuple[RecurrentNetwork, RecurrentTrainer, Tensor, Tensor]:
    network = RecurrentNetwork(
        20, 30, 30, num_classes=4, examples=OverlayLabel(4), top_down=top_down
    ).double()
    network.calibrate(*_batch())
    return network, RecurrentTrainer(network, lr=0.01), *_batch()


def _batch() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(64, 20, generator=rng, dtype=torch.float64)
    return x, torch.arange(64) % 4


FIGURE_10 = Claim(
    name="fig10",
    title="The recurrent network",
    statement="Replicate and explore the recurrent version of FF. Recurrent architecture that"
    " resolves the major weakness of FF: copies of static image form a 'video' that enables"
    " learning of later layers from earlier layers.",
    source="poster, Future work, Figure 10",
    rule=f"{rules.BETTER} Here: the recurrent network is better than the feed-forward one of equal"
    " size. Without its top-down weights the recurrent network is that feed-forward network, since"
    " a still image then leaves its states unchanged. Fixed random top-down weights, alternating"
    " updates, the label at the top, the feed-forward network at equal multiply-adds, and Hinton's"
    " loss and goodness are shown as well.",
    measure=_figure_10,
    arms=arms,
)
FEEDBACK = Claim(
    name="limit.feedback",
    title="No feedback from higher layers",
    statement="Lower layers do not receive higher-layer feedback.",
    source="poster, Limitations",
    rule=f"{rules.EXACT} A change of the second layer must leave the first layer's steps unchanged,"
    " bit for bit, in the feed-forward network, and change them in the recurrent one.",
    measure=_feedback,
)
