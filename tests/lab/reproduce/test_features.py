"""Features that make sense: autocorrelation, areas, and what probes find in a network."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from forward_forward import diagnose
from forward_forward.lab.reproduce.claims.variations import PROBES
from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.methods import train
from forward_forward.lab.reproduce.training import features as shapes


def job_of(epochs: float = 1.0, seed: int = 0, **settings: object) -> Job:
    told = {"lr": 3e-3, "threshold_factor": 1.0, "hidden": (24, 24), "batch_size": 32, **settings}
    return Job("forward_forward", told, "digits", None, epochs, seed)


def test_moran_of_noise_stripes_and_blobs():
    rng = np.random.default_rng(0)
    used = np.ones((12, 12), bool)
    noise = rng.normal(size=(40, 12, 12))
    blob = np.exp(-((np.arange(12) - 5.5) ** 2) / 8)
    pictures = np.concatenate([noise, (blob[:, None] * blob)[None]])
    moran, p = shapes.autocorrelation(pictures, used, seed=0)
    z = pictures[0] - pictures[0].mean()
    pairs = (z[1:] * z[:-1]).sum() + (z[:, 1:] * z[:, :-1]).sum()
    assert moran[0] == pytest.approx(144 / 264 * pairs / (z**2).sum(), abs=1e-5)
    assert moran[-1] > 0.8
    assert p[-1] == pytest.approx(1 / 1000)
    assert 0.35 < p[:-1].mean() < 0.65  # uniform under the null
    assert shapes.discoveries(p, 0.05)[-1]
    assert shapes.discoveries(p, 0.05)[:-1].mean() < 0.05


def test_moran_looks_at_used_pixels_alone():
    rng = np.random.default_rng(0)
    used = np.zeros((12, 12), bool)
    used[2:8, 2:9] = True
    pictures = rng.normal(size=(3, 12, 12))
    inside, _ = shapes.autocorrelation(pictures, used, seed=0, shuffles=1)
    pictures[:, ~used] = 100.0
    again, _ = shapes.autocorrelation(pictures, used, seed=0, shuffles=1)
    np.testing.assert_allclose(inside, again)


def test_areas_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(60, 4)).round(1)  # with ties
    labels = rng.integers(0, 3, 60)
    mine = diagnose.areas(activity, labels, 3)
    theirs = [
        [roc_auc_score(labels == label, activity[:, unit]) for label in range(3)]
        for unit in range(4)
    ]
    np.testing.assert_allclose(mine, theirs)


def test_probes_look_at_the_network_before_and_after():
    found = train(job_of(epochs=2, probes=PROBES))["probes"]
    assert set(found) == {"goodness_before", "goodness_after", "labels", "features"}
    for before, after in zip(found["goodness_before"], found["goodness_after"], strict=True):
        assert sum(before["positive"]) == sum(after["negative"]) == 216
        assert after["separation"] > before["separation"]
    for sample in found["labels"]:
        assert sample["chosen"] == int(np.argmax(sample["sum"]))
        np.testing.assert_allclose(np.sum(sample["goodness"], 0), sample["sum"], atol=2e-3)
    assert len(found["features"]["moran"]) == 24
    assert {image["kind"] for image in found["features"]["images"]} == {
        "sensible",
        "not sensible",
        "matches 3s",
    }
    assert (
        train(job_of(epochs=0.1, seed=1, probes=["features"]))["probes"]["features"]["images"] == []
    )
