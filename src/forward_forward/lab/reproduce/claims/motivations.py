"""Two motivations: layers that learn out of step, and learning without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult, Seeds
from forward_forward.lab.reproduce.claims import figures
from forward_forward.lab.reproduce.claims.claim import Claim, Finding, better, similar
from forward_forward.lab.reproduce.claims.variations import poster
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale

SYNCHRONOUS = "in step"
DECIDING_DELAYS = (1, 10, 100)
DELAYS = (*DECIDING_DELAYS, 1000)
LEARNED, RANDOM, PIXELS = "learned without labels", "random features", "pixels"


def _out_of_step(name: str, seeds: Seeds = "others", **settings: Any) -> Arm:
    return Arm(name, "asynchronous", settings, seeds=seeds, like=poster())


def _delayed(delay: int) -> Arm:
    seeds: Seeds = "deciding" if delay in DECIDING_DELAYS else "others"
    return _out_of_step(f"delay {delay}", seeds, delay=delay)


def _asynchronous_arms(scale: Scale) -> list[Arm]:
    """Layers in step, with delays, at different rates, and with one frozen for a while."""
    layers = len(scale.hidden)
    slow_last, slow_first = (1,) * (layers - 1) + (4,), (4,) + (1,) * (layers - 1)
    return [
        poster(SYNCHRONOUS),
        *map(_delayed, DELAYS),
        _out_of_step("last layer every 4th batch", every=slow_last),
        _out_of_step("first layer every 4th batch", every=slow_first),
        _out_of_step("first layer frozen, 2nd quarter", frozen=(0, 0.25, 0.5)),
        _out_of_step("last layer frozen, 2nd quarter", frozen=(layers - 1, 0.25, 0.5)),
    ]


def _asynchronous(runner: Runner) -> Finding:
    found = runner.arms(*_asynchronous_arms(runner.scale))
    plain, *others = found.values()
    rows = {each.name: rules.similar(plain, each) for each in others}
    note = (
        figures.mean_errors(found)
        + " Each layer is trained on its own, from copies of the layers below it. It updates these"
        " copies after one step and a delay, drawn each time from the uniform distribution from 0"
        " to twice the mean. With no delay the weights are those of training in step, as a test"
        " shows. All arms have the settings that were chosen for training in step."
    )
    return similar(
        [rows[_delayed(delay).name] for delay in DECIDING_DELAYS],
        note,
        found.values(),
        rows.values(),
        [
            figures.points("Test error, layers out of step", found.values()),
            _against_delay([plain, *(found[_delayed(delay).name] for delay in DELAYS)]),
        ],
    )


def _against_delay(results: Sequence[ArmResult]) -> dict[str, Any]:
    seeds = min(len(result.records) for result in results)
    return {
        "kind": "curves",
        "title": "Error against delay",
        "caption": "A delay of 0 is drawn at 0.5.",
        "x_label": "mean delay, steps",
        "y_label": "test error, %",
        "x_log": True,
        "y_log": False,
        "series": [
            {
                "name": "Forward-Forward",
                "x": [0.5, *map(float, DELAYS)],
                "y": [[result.errors[seed] for result in results] for seed in range(seeds)],
            }
        ],
    }


ASYNCHRONOUS = Claim(
    name="motive.async",
    title="Asynchronous layers",
    statement="Local updates allow for asynchronous layer updates.",
    source="poster, Motivations",
    rule=f"{rules.SAME} Here: layers that see those below with random delays of 1, 10 and 100 steps"
    " on average, against layers in step; all must be similar. A delay of 1,000 steps, different"
    " rates and frozen layers are shown as well.",
    measure=_asynchronous,
    arms=_asynchronous_arms,
)


def _unsupervised_arms(scale: Scale) -> list[Arm]:
    """Features learned without labels, those of untrained layers, and pixels."""
    return [
        Arm(
            LEARNED,
            "unsupervised",
            {"features": "learned", "readout_lr": 1e-2},
            third=("readout_lr", (3e-3, 1e-2, 3e-2)),
            seeds="deciding",
        ),
        *(
            Arm(name, "unsupervised", {"features": kind}, 1e-2, second=None, seeds="deciding")
            for name, kind in ((RANDOM, "random"), (PIXELS, "pixels"))
        ),
    ]


def _unsupervised(runner: Runner) -> Finding:
    found = runner.arms(*_unsupervised_arms(runner.scale))
    note = (
        figures.mean_errors(found)
        + " Positive data are images, negative data hybrids of two images; the layers see no"
        " labels. A linear softmax then reads the activities of all layers, each at mean square 1;"
        " it is trained in the same way on all three kinds of features, with its learning rate"
        " tuned for each."
    )
    return better(
        [rules.better(found[LEARNED], found[name]) for name in (RANDOM, PIXELS)],
        note,
        found.values(),
        figures=[figures.points("Test error of a linear read-out", found.values())],
    )


UNSUPERVISED = Claim(
    name="motive.unsupervised",
    title="Learning without labels",
    statement="Can be easily adapted for unsupervised learning.",
    source="poster, Motivations",
    rule=f"{rules.BETTER} Here: a linear read-out of features learned on hybrid negatives is better"
    " than one of random features and one of pixels (the larger p decides).",
    measure=_unsupervised,
    arms=_unsupervised_arms,
)
