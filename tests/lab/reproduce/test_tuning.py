"""Errors that are a known function of the settings: tuning finds where they are least."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from forward_forward.lab.ledger import Ledger
from forward_forward.lab.reproduce.arms import FIRST_TUNING_SEED, Arm, Tuning
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import DEFAULT, SCALES, SMOKE
from forward_forward.lab.reproduce.tuning import STEP, tune

FACTORS = (0.7, 1.0, 1.4)
RATES = DEFAULT.rates
Error = Callable[[Job], float]


# The runs here are made by `Runs`: nothing is trained.
ARM = Arm("plain", "never", {"often": True, "probes": ("goodness",)})
THIRD = replace(
    ARM, settings={"temperature_factor": 1.0}, third=("temperature_factor", (0.3, 1.0, 3.0))
)


def power_of(job: Job) -> float:
    """How many steps a job's rate is from the arm's centre."""
    return math.log(job.settings["lr"] / ARM.centre, STEP)


def bowl(power: float, factor: float = 1.0) -> Error:
    """Errors that are least, 5 %, at a power of the step between rates and a threshold factor."""

    def error(job: Job) -> float:
        away = job.settings.get("threshold_factor", factor) - factor
        return 5 + (power_of(job) - power) ** 2 + 2 * away**2

    return error


class Runs:
    """Does jobs by a function from a job to its validation error; keeps what it was asked for."""

    def __init__(self, error: Error, curve: Callable[[Job], dict[str, list[float]]] | None = None):
        self.error, self.curve = error, curve
        self.rounds: list[list[Job]] = []

    @property
    def jobs(self) -> list[Job]:
        return [job for each in self.rounds for job in each]

    def __call__(self, jobs: Sequence[Job]) -> dict[str, Record]:
        self.rounds.append(list(jobs))
        return {job.key: self.record(job) for job in jobs}

    def record(self, job: Job) -> Record:
        curve = {"epochs": [], "errors": []} if self.curve is None else self.curve(job)
        about = {"key": job.key, "job": job.about, "curve": curve}
        return {**about, "validation_error": self.error(job)}


def tuned(arm: Arm, runs: Runs, **sizes: Any) -> Tuning:
    (found,) = tune([arm], replace(DEFAULT, **sizes), runs).values()
    return found


def rate(power: int) -> Any:
    return pytest.approx(ARM.centre * STEP**power, rel=1e-3)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("power", [-2, 0, 2])
def test_the_least_error_inside_the_grid_is_found(power, factor):
    runs = Runs(bowl(power, factor))
    found = tuned(ARM, runs)
    assert found.chosen == {"lr": rate(power), "threshold_factor": factor}
    assert found.interior
    # At an end of the factors what lies beyond is tried, which a bowl makes no better.
    assert list(map(len, runs.rounds)) == [RATES * 3, *[1] * (factor != 1.0), 3 * 2]
    assert min(map(min, found.cells.values())) == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(("power", "added"), [(-5, [-4, -5, -6]), (4, [4, 5]), (-3, [-4])])
def test_rates_are_added_at_an_end_until_the_best_is_inside(power, added):
    runs = Runs(bowl(power))
    found = tuned(ARM, runs)
    assert found.chosen == {"lr": rate(power), "threshold_factor": 1.0}
    assert found.interior
    between = [job for each in runs.rounds[1:-1] for job in each]
    tried = [round(power_of(job)) for job in between if job.settings["threshold_factor"] == 1.0]
    assert tried == added
    # The factors beside the best one are tried with its rate, wherever that lies.
    last = {job.settings["threshold_factor"] for job in between if round(power_of(job)) == power}
    assert last >= ({0.7, 1.4} if abs(power) > 3 else set())


def test_the_second_setting_goes_on_beyond_its_first_values():
    found = tuned(ARM, Runs(bowl(0, 0.35)))
    assert found.chosen == {"lr": rate(0), "threshold_factor": 0.35}
    assert found.interior


def test_nothing_lies_beyond_a_list_with_a_zero():
    arm = replace(ARM, second=("dropout", (0.2, 0.0, 0.4)))
    found = tuned(arm, Runs(lambda job: bowl(0)(job) - job.settings["dropout"]))
    assert found.chosen == {"lr": rate(0), "dropout": 0.4}
    assert found.interior
    assert {dict(cell)["dropout"] for cell in found.cells} == {0.0, 0.2, 0.4}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("extensions", [0, 1, DEFAULT.extensions])
def test_no_more_rates_are_added_than_allowed(sign, extensions):
    runs = Runs(bowl(sign * 30))
    found = tuned(ARM, runs, extensions=extensions)
    assert found.chosen["lr"] == rate(sign * (3 + extensions))
    assert not found.interior
    assert len(runs.rounds) == 1 + extensions + 1


def lucky(job: Job) -> float:
    """The centre is best on the first seed alone; its neighbours on all others."""
    distance = abs(round(power_of(job)))
    if job.seed == FIRST_TUNING_SEED:
        return 4.0 + distance
    return {0: 9.0, 1: 5.5 if power_of(job) > 0 else 6.0}.get(distance, 0.0)


def test_the_three_best_are_compared_on_all_tuning_seeds():
    runs = Runs(lucky)
    found = tuned(replace(ARM, second=None), runs)
    again = [(round(power_of(job)), job.seed - FIRST_TUNING_SEED) for job in runs.rounds[1]]
    assert sorted(again) == [(-1, 1), (-1, 2), (0, 1), (0, 2), (1, 1), (1, 2)]
    assert found.chosen == {"lr": rate(1)}
    seen = {
        round(math.log(dict(cell)["lr"] / ARM.centre, STEP)): found.cells[cell]
        for cell in found.cells
    }
    assert seen[0] == [4.0, 9.0, 9.0]
    assert seen[2] == [6.0]  # 0 on the other seeds, but it is not among the best three on the first


def test_one_tuning_seed_leaves_the_first_ranking():
    runs = Runs(lucky)
    assert tuned(replace(ARM, second=None), runs, tuning_seeds=1).chosen == {"lr": rate(0)}
    assert len(runs.rounds) == 1


def with_temperature(job: Job) -> float:
    """Least at three times the temperature and one rate above the best of the plain one."""
    temperature = job.settings["temperature_factor"]
    power, least = {0.3: (-1, 6.0), 1.0: (0, 4.0), 3.0: (1, 3.0)}.get(temperature, (1, 9.0))
    return least + bowl(power, 1.4)(job) - 5


def test_a_third_setting_is_tried_with_the_best_rate_and_its_neighbours():
    runs = Runs(with_temperature)
    found = tuned(THIRD, runs)
    told = [(round(power_of(job)), job.settings["temperature_factor"]) for job in runs.rounds[1]]
    assert sorted(told) == [(n, value) for n in (-1, 0, 1) for value in (0.3, 3.0)]
    assert {job.settings["threshold_factor"] for job in runs.rounds[1]} == {1.4}
    assert found.chosen == {"lr": rate(1), "threshold_factor": 1.4, "temperature_factor": 3.0}
    # What lies beside the best of them and was not tried: a rate, factors and a temperature.
    beside = [
        (round(power_of(job)), job.settings["threshold_factor"], job.settings["temperature_factor"])
        for job in runs.rounds[2]
    ]
    assert sorted(beside) == [(1, 1.0, 3.0), (1, 1.4, 9.487), (1, 1.98, 3.0), (2, 1.4, 3.0)]
    assert found.interior
    assert list(map(len, runs.rounds)) == [RATES * 3, 6, 4, 6]


def test_no_rate_is_added_once_the_best_are_tried_again():
    def error(job: Job) -> float:
        first = {2: 4.0, 3: 4.2, 1: 4.5, 4: 1.0}
        again = {2: 6.0, 3: 4.0, 1: 6.0}
        by_power = first if job.seed == FIRST_TUNING_SEED else again
        return by_power.get(round(power_of(job)), 20.0)

    runs = Runs(error)
    found = tuned(replace(ARM, second=None), runs)
    assert [len(each) for each in runs.rounds] == [RATES, 6]
    assert found.chosen == {"lr": rate(3)}
    assert not found.interior


def all_jobs() -> list[Job]:
    """Every run of a tuning with all of its rounds."""
    arm = replace(THIRD, settings={**THIRD.settings, "probes": ("goodness",)}, fraction=0.5)
    runs = Runs(lambda job: with_temperature(job) - power_of(job) * 8)
    tuned(arm, runs)
    assert len(runs.rounds) > 3
    return runs.jobs


def test_tuning_runs_are_short_and_never_see_the_test_images():
    for job in all_jobs():
        assert job.epochs == DEFAULT.epochs / 4
        assert not job.final
        assert "probes" not in job.settings
        assert (job.data, job.images) == (DEFAULT.data, DEFAULT.images // 2)
        assert job.settings["hidden"] == DEFAULT.hidden
        assert job.settings["batch_size"] == DEFAULT.batch_size


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_final_runs_have_seeds_of_their_own(scale, tmp_path):
    runs = Runs(bowl(0))
    tune([THIRD], scale, runs)
    tuning = {job.seed for job in runs.jobs}
    assert tuning == set(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + scale.tuning_seeds))
    runner = Runner(scale, Ledger(tmp_path))
    deciding, others = (
        runner.finals(replace(ARM, seeds=seeds), {"lr": 1e-3}) for seeds in ("deciding", "others")
    )
    assert [job.seed for job in deciding] == [*range(scale.deciding)]
    assert [job.seed for job in others] == [*range(scale.others)]
    assert not tuning & {job.seed for job in [*deciding, *others]}
    assert all(job.final and job.epochs == scale.epochs for job in deciding)


def test_arms_of_one_identity_are_tuned_once():
    twin = replace(
        ARM, name="twin", seeds="deciding", longer=2.0, settings={"probes": (), "often": True}
    )
    runs = Runs(bowl(0))
    found = tune([ARM, twin], DEFAULT, runs)
    assert list(found) == [ARM.identity] == [twin.identity]
    assert len(runs.jobs) == len({job.key for job in runs.jobs}) == RATES * 3 + 6


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"often": False}},
        {"centre": 3e-3},
        {"second": None},
        {"third": ("temperature_factor", (0.3, 3.0))},
        {"fraction": 0.5},
        {"fastest": True},
    ],
    ids=str,
)
def test_arms_that_differ_in_what_is_tuned_are_tuned_apart(change):
    other = replace(ARM, **change)
    assert len(tune([ARM, other], replace(DEFAULT, rates=1, extensions=0), Runs(bowl(0)))) == 2


def test_an_arm_like_another_takes_what_was_chosen_for_it():
    follower = replace(ARM, name="follower", settings={"dropout": 0.2}, like=ARM)
    third = replace(ARM, name="third", settings={"dropout": 0.4}, like=follower)
    runs = Runs(bowl(2, 0.7))
    found = tune([follower, third], DEFAULT, runs)
    assert found[third.tuned.identity].chosen == {"lr": rate(2), "threshold_factor": 0.7}
    assert list(found) == [ARM.identity]
    assert not any("dropout" in job.settings for job in runs.jobs)


def test_the_smoke_scale_tries_the_middle_value_alone():
    runs = Runs(bowl(1, 0.7))
    (found,) = tune([THIRD], SMOKE, runs).values()
    assert found.chosen == {"lr": rate(1), "threshold_factor": 1.0, "temperature_factor": 1.0}
    assert [round(power_of(job)) for job in runs.jobs] == [0, 1]


def test_arms_are_tuned_in_rounds_together():
    runs = Runs(bowl(4))
    far = replace(ARM, name="far", settings={}, centre=ARM.centre * STEP**4)
    found = tune([ARM, far], DEFAULT, runs)
    assert [each.interior for each in found.values()] == [True, True]
    assert list(map(len, runs.rounds)) == [2 * RATES * 3, 1 + 6, 3, 6]


def test_the_whole_curve_is_kept():
    found = tuned(ARM, Runs(bowl(0)))
    rows = found.rows()
    assert len(rows) == RATES * 3
    assert [row["lr"] for row in rows] == sorted(row["lr"] for row in rows)
    assert {len(row["validation_errors"]) for row in rows} == {1, DEFAULT.tuning_seeds}
