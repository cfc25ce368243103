"""Scores and labels of a file and of the library -> what counts as the same; measures of runs."""

import math

import pytest
import torch

from forward_forward.export import measure, verify

RIGHT = torch.tensor([[1.0, 4.0, -2.0], [0.5, 0.25, 0.0]])


def compared(scores, label=(1, 0), right=RIGHT):
    return verify.compared(scores, torch.tensor(label), right)


def test_a_difference_is_relative_to_the_largest_of_its_row():
    scores = RIGHT.clone()
    scores[0, 2] += 0.004
    scores[1, 2] -= 0.001
    assert compared(scores).difference == pytest.approx(0.002, rel=1e-4)
    assert compared(RIGHT) == verify.Verified(0.0, 0, 2)


def test_a_row_near_zero_is_judged_by_the_median_row():
    right = torch.tensor([[1e-9, -1e-9], [0.5, -0.5], [2.0, -2.0]])
    scores = right + torch.tensor([[1e-6, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert compared(scores, (0, 0, 0), right).difference == pytest.approx(2e-6, rel=1e-3)


def test_another_label_counts_unless_rounding_decides_it():
    assert compared(RIGHT, (1, 1)).difference == math.inf
    close = torch.tensor([[3.0, 3.0 + 1e-5, 0.0]])
    turned = torch.tensor([[3.0 + 1e-5, 3.0, 0.0]])
    found = compared(turned, (0,), close)
    assert found.ties == 1
    assert found.difference < verify.TOLERANCE
    # Nearly as good is not good enough where the file's own scores say otherwise.
    assert compared(close, (0,), close).difference == math.inf
    wide = torch.tensor([[3.0, 3.0 + 1e-4, 0.0]])
    assert compared(turned, (0,), wide).difference == math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_a_difference(value):
    scores = RIGHT.clone()
    scores[0, 2] = value
    assert compared(scores, (int(scores[0].argmax()), 0)).difference == math.inf


def test_rows_of_zeros_are_equal():
    zeros = torch.zeros(1, 3)
    assert compared(zeros, (0,), zeros) == verify.Verified(0.0, 0, 1)


def test_every_batch_size_is_run_on_real_and_random_samples():
    seen = []

    def run(x):
        seen.append(len(x))
        scores = x.float().flatten(1)[:, :3]
        return scores, scores.argmax(1)

    samples = torch.randint(0, 200, (5, 1, 2, 2), dtype=torch.uint8)
    found = verify.verified(run, run, samples, "a file")
    assert set(seen) >= {1, 17}
    assert found.rows == 2 * (34 + 170)
    random = verify.of_full_range(samples, 300)
    assert (random.amin(), random.amax()) == (0, 255)
    assert not random[0].any()
    numbers = verify.of_full_range(torch.tensor([[-3.0, 5.0]]), 300)[1:]
    assert -3 <= numbers.amin() < -2.5
    assert 4.5 < numbers.amax() <= 5


def test_predictors_are_measured_against_the_first():
    truth = torch.tensor([0, 1, 2, 0])
    samples = torch.arange(4)[:, None]

    def says(*labels):
        return lambda x: (x, torch.tensor(labels)[x[:, 0]])

    found = measure.measured({"a": says(0, 1, 2, 2), "b": says(0, 1, 0, 0)}, samples, truth)
    assert {name: (each["test_error"], each["labels_equal"]) for name, each in found.items()} == {
        "a": (25.0, 100.0),
        "b": (25.0, 50.0),
    }
    assert all(set(each["seconds_a_sample"]) == {"1", "256"} for each in found.values())
    assert all(value > 0 for each in found.values() for value in each["seconds_a_sample"].values())
