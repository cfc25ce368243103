"""Tuned for speed: the least area under the learning curve; and when a goal is reached."""

import math
from dataclasses import replace

import pytest

from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.tuning import area, reached

from .test_tuning import ARM, Runs, bowl, power_of, rate, tuned

# By the power of the rate: how its validation error falls, and where it ends.
SOONEST = {-1: ([20.0, 12.0, 9.0], 3.0), 0: ([6.0, 5.0, 4.8], 4.5), 1: ([9.0, 6.0, 5.1], 5.0)}


def soonest(job: Job) -> dict[str, list[float]]:
    errors = SOONEST.get(round(power_of(job)), ([50.0] * 3, 0.0))[0]
    return {"epochs": [0.5, 1.0, 1.5], "errors": errors}


def at_the_end(job: Job) -> float:
    return SOONEST.get(round(power_of(job)), ([], 40.0))[1]


@pytest.mark.parametrize(("fastest", "power"), [(True, 0), (False, -1)])
def test_the_fastest_settings_have_the_least_area_under_the_learning_curve(fastest, power):
    arm = replace(ARM, second=None, fastest=fastest)
    assert tuned(arm, Runs(at_the_end, soonest)).chosen == {"lr": rate(power)}


def test_the_fastest_of_none_is_the_best():
    assert tuned(replace(ARM, fastest=True), Runs(bowl(1, 0.7))).chosen["lr"] == rate(1)
    found = tuned(replace(ARM, fastest=True), Runs(lambda job: 10 + bowl(-2, 0.7)(job)))
    assert found.chosen == {"lr": rate(-2), "threshold_factor": 0.7}


def test_the_area_is_the_mean_logarithm_of_the_error():
    curve = {"epochs": [1.0, 2.0], "errors": [10.0, 1.0]}
    record = {"job": {"epochs": 4.0}, "curve": curve, "validation_error": 1.0}
    assert area(record) == pytest.approx(math.log(10) / 2 / 3)
    alone = {"job": {"epochs": 4.0}, "curve": {"epochs": [], "errors": []}}
    assert area({**alone, "validation_error": 5.0}) == pytest.approx(math.log(5))


def test_the_goal_is_reached_during_training_or_at_its_end():
    record = {
        "job": {"epochs": 2.5},
        "curve": {"epochs": [0.5, 1.0, 2.0], "errors": [9.0, 6.0, 7.0]},
        "validation_error": 5.0,
    }
    assert [reached(record, goal) for goal in (9.0, 8.0, 5.0, 4.9)] == [0.5, 1.0, 2.5, math.inf]
