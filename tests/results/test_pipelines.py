"""Forecasts of backprop's pipelines: against the known bubble, and small cases in closed form."""

import importlib.util
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_forward.lab.simulate import Link

FREE = Link(math.inf)


def script():
    """results/pipelines.py, which is in no package."""
    path = Path(__file__).parents[2] / "results" / "pipelines.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GPIPE, ONE_F_ONE_B = script().gpipe, script().one_f_one_b
BOTH = pytest.mark.parametrize("pipeline", [GPIPE, ONE_F_ONE_B])


@BOTH
@pytest.mark.parametrize("stages", [1, 3, 8])
@pytest.mark.parametrize("parts", [1, 5, 32])
def test_equal_stages_and_free_links_have_the_known_bubble(pipeline, stages, parts):
    passes = [1.0] * (2 * stages), [2.0] * (2 * stages)
    found = pipeline(*passes, (2,) * stages, parts, FREE, [8] * (2 * stages))
    assert found.step_seconds == pytest.approx((parts + stages - 1) / parts * 6)
    assert found.speed_up == pytest.approx(stages * parts / (parts + stages - 1))
    assert found.held == (parts if pipeline is GPIPE else min(stages, parts))


@BOTH
def test_one_microbatch_goes_up_and_comes_down(pipeline):
    found = pipeline([1, 2, 3], [4, 5, 6], (1, 1, 1), 1, Link(8.0, 0.5, 16.0), [8, 16, 99])
    # Each of four messages is handed over, sent and taken: 24 bytes up and 24 down.
    assert found.step_seconds == pytest.approx(21 + 48 / 8 + 4 * 0.5 + 2 * 48 / 16)


@pytest.mark.parametrize(("pipeline", "seconds"), [(GPIPE, 16), (ONE_F_ONE_B, 13)])
def test_slow_links_carry_one_microbatch_after_another(pipeline, seconds):
    # Turns of 1 s, messages of 3 s. The last stage has the microbatches at 4 and 7; one forward,
    # one back sends the first gradients at 6 and the last at 9, GPipe at 9 and 12.
    assert pipeline([2, 2], [2, 2], (1, 1), 2, Link(1.0), [6, 6]).step_seconds == seconds


@BOTH
@settings(deadline=None, max_examples=30)
@given(
    seconds=st.lists(st.integers(1, 6).map(float), min_size=1, max_size=5),
    parts=st.integers(1, 6),
    bandwidth=st.sampled_from([0.5, 2.0]),
    more=st.floats(1, 100),
)
def test_more_bandwidth_is_never_slower(pipeline, seconds, parts, bandwidth, more):
    count = len(seconds)
    slow, fast = (
        pipeline(seconds, seconds, (1,) * count, parts, Link(rate, 1.0, 0.5), [3] * count)
        for rate in (bandwidth, bandwidth * more)
    )
    assert fast.step_seconds <= slow.step_seconds


@pytest.mark.parametrize(
    ("pipeline", "arguments", "message"),
    [
        (GPIPE, ([1], [1], (1,), 0, FREE, [8]), "expected at least one microbatch"),
        (GPIPE, ([1, 1], [1], (2,), 1, FREE, [8]), "expected 2 values of backward"),
        (ONE_F_ONE_B, ([1], [1], (1,), 1, FREE, []), "expected 1 values of sent"),
        (ONE_F_ONE_B, ([1], [1], (), 1, FREE, [8]), "at least one layer in each stage"),
    ],
)
def test_inconsistent_arguments_are_refused(pipeline, arguments, message):
    with pytest.raises(ValueError, match=message):
        pipeline(*arguments)
