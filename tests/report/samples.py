"""Made-up results of every kind, some with long names or missing numbers -> what a report reads."""

import base64
from typing import Any

import numpy as np

LONG = (
    "log-sigmoid loss, threshold at the calibrated goodness of the untrained layer, hard negatives"
)
VERDICTS = (
    "reproduced",
    "not reproduced",
    "inconclusive",
    "holds by construction",
    "fails by construction",
)


def pixels(height: int, width: int, seed: int = 0) -> dict[str, Any]:
    """A smooth signed picture as a result holds it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.sin(x / 4 + rng.uniform(0, 6)) * np.cos(y / 5 + rng.uniform(0, 6))
    signed = np.round(127 * waves).astype(np.int8)
    text = base64.b64encode(signed.tobytes()).decode()
    return {"height": height, "width": width, "pixels": text}


def points() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    names = ["Adam", "RMSProp", "SGD with momentum 0.9", LONG]
    groups = [
        {"name": name, "values": [*rng.normal(1.5 + place, 0.1 + place / 4, 8).tolist()]}
        for place, name in enumerate(names)
    ]
    groups += [{"name": "diverged", "values": [None, 9.0, None]}, {"name": "none", "values": []}]
    return {
        "kind": "points",
        "title": "Test error of each optimiser at its own best rate",
        "caption": "Eight seeds. The thresholds are calibrated.",
        "x_label": "test error, %",
        "log": True,
        "groups": groups,
    }


def curves(series: int = 3, *, log: bool = True) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    x = list(range(1, 61))
    made = []
    for place in range(series):
        y = [
            [float(v) for v in 90 * np.exp(-np.array(x) / (4 + 5 * place)) + rng.normal(2, 0.2, 60)]
            for _ in range(5)
        ]
        y[0][20:30] = [None] * 10
        made.append({"name": LONG if place == 1 else f"arm {place}", "x": x, "y": y})
    return {
        "kind": "curves",
        "title": "Validation error by epoch",
        "caption": "One seed has a gap.",
        "x_label": "epoch",
        "y_label": "validation error, %",
        "x_log": False,
        "y_log": log,
        "series": made,
        "levels": [1.4, 10],
    }


def heatmap() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    values = [[float(v) for v in row] for row in rng.uniform(1, 3, (5, 7)) ** 3]
    values[1][2] = None
    return {
        "kind": "heatmap",
        "title": "Error by rate and threshold",
        "caption": "A dash: not run.",
        "x_label": "learning rate",
        "y_label": "threshold factor",
        "x": [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1],
        "y": ["0.25", "0.5", "1", "2", "the width (Hinton's)"],
        "values": values,
        "unit": "percent",
        "good": "low",
    }


def images(count: int = 14) -> dict[str, Any]:
    each = [
        {"label": f"neuron {i}", "caption": "matches 3s" if i % 3 == 0 else "", **pixels(28, 28, i)}
        for i in range(count)
    ]
    caption = "Red: positive weights. Blue: negative ones."
    return {"kind": "images", "title": "First-layer features", "caption": caption, "images": each}


def histograms() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    edges = np.linspace(0, 40, 41)
    panels = []
    for layer in (1, 2, 3):
        for when, shift in (("before", 0), ("after", 8)):
            series = [
                {
                    "name": name,
                    "edges": edges.tolist(),
                    "counts": np.histogram(rng.normal(at, 3, 2000), edges)[0].tolist(),
                }
                for name, at in (("positive data", 18 + shift), ("negative data", 18 - shift))
            ]
            panels.append({"name": f"layer {layer}, {when} training", "series": series})
    return {
        "kind": "histograms",
        "title": "Goodness of positive and negative data",
        "caption": "",
        "x_label": "goodness",
        "panels": panels,
    }


def labels() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    samples = []
    for true, read in ((3, 3), (4, 9), (0, 0), (7, 1)):
        goodness = 20 + rng.uniform(0, 2, (3, 10))
        goodness[:, read] += 2
        samples.append(
            {
                "label": f"true {true}, read {read}",
                **pixels(28, 28, true),
                "layers": ["layer 1", "layer 2", "layer 3"],
                "goodness": goodness.tolist(),
                "sum": goodness.sum(0).tolist(),
                "chosen": read,
                "true": true,
            }
        )
    return {"kind": "labels", "title": "How a digit is read", "caption": "", "samples": samples}


def table() -> dict[str, Any]:
    rows: list[list[Any]] = [
        [f"{LONG} {i}", i, 1.2345 * i, None, "yes, in part", True] for i in (1, 2)
    ]
    columns = ["setting", "layers", "error, %", "missing", "converged", "stable"]
    return {
        "kind": "table",
        "title": "Sizes",
        "caption": "As run.",
        "columns": columns,
        "rows": rows,
    }


def every_figure() -> list[dict[str, Any]]:
    """One figure of each kind."""
    return [points(), curves(), heatmap(), images(), histograms(), labels(), table()]


def arm(name: str, seed: int = 0, *, tuned: bool = True) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    trials = [
        {
            "lr": rate,
            "threshold_factor": factor,
            "validation_errors": (rng.uniform(1, 2, 3) * (1 + abs(np.log10(rate / 1e-3)))).tolist(),
        }
        for factor in (0.5, 1.0)
        for rate in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
    ]
    return {
        "name": name,
        "settings": {
            "data": "mnist",
            "hidden": "500, 500",
            "optimizer": name,
            "lr": 0.001 * (seed + 1),
        },
        "seeds": list(range(8)),
        "errors": rng.normal(1.6 + seed, 0.1, 8).tolist(),
        "validation_errors": rng.normal(1.5 + seed, 0.1, 8).tolist(),
        "seconds": rng.normal(61, 2, 8).tolist(),
        "start": {"threshold": [11.2, 10.9], "goodness": [11.2, 10.9], "slope": [0.25, 2.1e-6]},
        **({"tuning": trials} if tuned else {}),
    }


def result(name: str = "fig6", place: int = 0, **changed: Any) -> dict[str, Any]:
    """One result with all its keys; ``changed`` replaces some."""
    return {
        "name": name,
        "title": "Adam, RMSProp and SGD",
        "statement": "Adam significantly outperforms RMSProp, SGD never converges.",
        "source": "poster, Figure 6",
        "scale": "default",
        "verdict": VERDICTS[place % len(VERDICTS)],
        "rule": "Reproduced if Holm's p is below 0.05 and the estimate has the poster's sign.",
        "note": "Three optimisers, each at its best rate.\n\nSGD was given four times the epochs.",
        "statistic": {
            "kind": "paired t",
            "estimate": 0.4182 + place,
            "low": 0.236 + place,
            "high": 0.6 + place,
            "p": 0.0004,
            "p_holm": 0.0031,
            "unit": "points",
        },
        "comparisons": [
            {
                "name": f"{other} - Adam",
                "estimate": 0.418,
                "low": 0.236,
                "high": 0.6,
                "p": 0.0004,
                "sign_flip_p": 0.0078,
                "bootstrap_low": 0.27,
                "bootstrap_high": 0.57,
                "seeds": 8,
                "verdict": "Adam is better",
            }
            for other in ("RMSProp", LONG)
        ],
        "checks": [
            {"name": "closed form against autograd", "value": 2e-12, "limit": 1e-9, "passed": True},
            {"name": "backward pass", "value": "none", "limit": "none", "passed": False},
        ],
        "arms": [arm("Adam"), arm("RMSProp", 1), arm(LONG, 2, tuned=False)],
        "figures": [points(), curves()],
        "versions": {"torch": "2.13.0", "forward-forward": "0.1.0"},
        "device": "cpu, 2 threads",
        "date": "2026-11-25",
        **changed,
    }


def sample() -> list[dict[str, Any]]:
    """Eight results: the first has a figure of every kind, one was run at another scale."""
    nothing: dict[str, Any] = {"comparisons": [], "checks": [], "arms": [], "figures": []}
    unknown = {"kind": "exactness", "estimate": None, "low": None, "high": None, "p": None}
    bare = result("limit.scope", 3, statistic={**unknown, "unit": ""}, note="", **nothing)
    small = result("fig4", 2, scale="smoke", figures=[curves(26), curves(2, log=False)])
    quick: dict[str, Any] = {"arms": [arm("Adam", tuned=False)], "figures": [points()]}
    others = [result(f"claim.number-{place}", place, **quick) for place in range(4)]
    return [result("method.inference", 0, figures=every_figure()), bare, small, *others, result()]
