"""Forecasts: against closed forms, and against a discrete-event simulation of processes."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lab.simulate.discrete_events import simulated_ends

from forward_forward.lab.simulate import (
    Link,
    Work,
    data,
    layers,
    plan,
    timeline,
)

FREE = Link(math.inf)
LOOK_AHEAD = st.none() | st.integers(0, 4)


def work_of(*seconds: float, sent: int = 8, weights: int = 8) -> Work:
    count = len(seconds)
    return Work(seconds, (sent,) * count, (weights,) * count)


@st.composite
def works(draw: st.DrawFn) -> Work:
    """Whole numbers, so that sums are exact and many events coincide."""
    count = draw(st.integers(1, 5))

    def some(low: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, 6), min_size=count, max_size=count)))

    return Work(some(1), some(0), some(0), some(0), some(0))


LINKS = st.builds(
    Link,
    bandwidth=st.sampled_from([0.5, 1.0, 2.0, math.inf]),
    delay=st.integers(0, 8).map(float),
    copy=st.sampled_from([0.5, 1.0, math.inf]),
)


@settings(deadline=None)
@given(work=works(), link=LINKS, steps=st.integers(1, 15), ahead=LOOK_AHEAD)
def test_turns_end_when_the_simulated_processes_end_them(work, link, steps, ahead):
    split = (1,) * len(work.seconds)
    seconds, sent = work.seconds, work.sent
    if ahead is not None:
        seconds = tuple(map(sum, zip(seconds, work.neutral, strict=True)))
        sent = tuple(map(sum, zip(sent, work.neutral_sent, strict=True)))
    found = timeline(work, split, link, steps=steps, look_ahead=ahead)
    assert [[end for _, end in turns] for turns in found] == simulated_ends(
        seconds, sent, link, steps, ahead
    )
    forecast = layers(work, split, link, steps=steps, look_ahead=ahead)
    assert forecast.mean_seconds == found[-1][-1][1] / steps


@settings(deadline=None)
@given(work=works(), link=LINKS, ahead=LOOK_AHEAD)
def test_the_steady_step_is_what_turns_take_after_many(work, link, ahead):
    split, many = (
        (1,) * len(work.seconds),
        240,
    )  # a multiple of the turns in each cycle
    ends = [end for _, end in timeline(work, split, link, steps=2 * many, look_ahead=ahead)[-1]]
    steady = layers(work, split, link, look_ahead=ahead).step_seconds
    assert steady == pytest.approx((ends[-1] - ends[-1 - many]) / many)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=6))
def test_one_rank_is_one_process(seconds):
    slow, count = Link(1.0, 5.0, 1.0), len(seconds)
    total = pytest.approx(math.fsum(seconds))
    work = work_of(*seconds)
    assert layers(work, (count,), slow).step_seconds == total
    assert data(work, 1, slow).step_seconds == total


@pytest.mark.parametrize("ranks", [1, 2, 5, 64])
def test_equal_layers_and_a_free_link_are_as_fast_as_there_are_ranks(ranks):
    forecast = layers(work_of(*[0.5] * ranks), (1,) * ranks, FREE, steps=100)
    assert forecast.speed_up == forecast.balance_bound == forecast.ranks == ranks
    assert forecast.mean_seconds == pytest.approx(0.5 * (100 + ranks - 1) / 100)  # filled once
    assert forecast.limit == "stage 1"


def test_unequal_stages_are_as_fast_as_the_balance_allows():
    forecast = layers(work_of(1, 1, 3, 1), (2, 1, 1), FREE)
    assert (forecast.speed_up, forecast.balance_bound, forecast.limit) == (2, 2, "stage 2")


def test_a_slow_link_gives_the_step_its_bytes_over_its_bandwidth():
    work = Work((1.0, 1.0, 1.0), (10, 70, 10), (0, 0, 0))
    forecast = layers(work, (1, 1, 1), Link(10.0))
    assert (forecast.step_seconds, forecast.limit) == (7.0, "link 2")
    assert forecast.speed_up == 3 / 7


@pytest.mark.parametrize("delay", [0, 0.1, 0.25, 0.375])
def test_a_delay_that_two_buffers_cover_costs_no_throughput(delay):
    # A buffer is filled over the wire, read in a turn, and known to be free a delay later:
    # wire + delay + turn + delay, in two turns. So wire + 2 delay may be up to a turn.
    forecast = layers(work_of(1, 1, 1, sent=8), (1, 1, 1), Link(32.0, delay), steps=100)
    assert (forecast.step_seconds, forecast.limit) == (1, "stage 1")
    assert forecast.mean_seconds == pytest.approx(1 + 2 * (1 + 0.25 + delay) / 100)


@pytest.mark.parametrize("delay", [0.376, 1, 20])
def test_a_longer_delay_gives_the_step_half_of_the_way_there_and_back(delay):
    forecast = layers(work_of(1, 1, 1, sent=8), (1, 1, 1), Link(32.0, delay))
    assert forecast.step_seconds == pytest.approx((1 + 0.25 + 2 * delay) / 2)
    assert forecast.limit == "link 1"


def test_copies_to_and_from_the_link_are_part_of_a_ranks_turn():
    forecast = layers(work_of(1, 1, 1, sent=8), (1, 1, 1), Link(math.inf, copy=16.0))
    assert (forecast.step_seconds, forecast.limit) == (2, "stage 2")  # it alone does both
    assert forecast.balance_bound == 3


def test_a_slow_last_stage_holds_back_those_before_it():
    turns = timeline(work_of(1, 1, 10), (1, 1, 1), FREE, steps=200)
    begins = [[begin for begin, _ in each] for each in turns]
    # On each link two messages lie at the far end and two wait at the near one.
    for below, above in itertools.pairwise(begins):
        queued = [sum(each < now for each in below) - turn for turn, now in enumerate(above)]
        assert max(queued) <= 5
    assert begins[0][-1] - begins[0][-101] == pytest.approx(10 * 100)


def test_without_look_ahead_the_stages_work_one_after_another():
    work = Work((1.0, 2.0), (8, 8), (0, 0), (0.5, 0.5), (8, 8))
    forecast = layers(work, (1, 1), Link(16.0, 0.25), look_ahead=0)
    # Both stages' steps and neutral passes, one message there and the scores back.
    assert forecast.step_seconds == 1.5 + 2.5 + (16 / 16 + 0.25) + 0.25
    assert (forecast.limit, forecast.speed_up) == ("look-ahead", 4 / 5.5)


def test_enough_look_ahead_fills_the_pipeline():
    work = Work((1.0,) * 4, (0,) * 4, (0,) * 4, (0.5,) * 4, (0,) * 4)
    found = [layers(work, (1,) * 4, FREE, look_ahead=ahead).speed_up for ahead in range(6)]
    assert found == [1, 2, 3, 4, 4, 4]
    one = layers(work, (4,), Link(1.0, 9.0), look_ahead=0)
    assert (one.step_seconds, one.limit) == (6, "stage 1")


def test_data_parallel_on_free_links_leaves_what_does_not_shrink():
    forecast = data(work_of(2, 4), 4, FREE, (0.5, 0.5))
    assert forecast.step_seconds == 5 / 4 + 1
    assert forecast.speed_up == forecast.balance_bound == 6 / 2.25
    assert (forecast.limit, forecast.split) == ("layers", ())


def test_an_all_reduce_is_a_ring():
    link = Link(4.0, 0.25, 6.0)
    # Three of four parts are sent twice, six delays; 12 bytes are handed over, and 12 taken.
    ring, copies = 2 * 3 / 4 * 8 / 4.0 + 6 * 0.25, 2 * 12 / 6.0
    forecast = data(work_of(2, weights=8), 4, link, (0.5,))
    assert forecast.step_seconds == 1.5 / 4 + copies + ring + 0.5
    assert forecast.limit == "all-reduce"


def test_all_reduces_run_beside_the_layers_above_and_one_after_another():
    # With two ranks a layer's ring takes bytes / bandwidth.
    hidden = data(Work((2.0, 6.0), (8, 8), (24, 8)), 2, Link(8.0))
    assert hidden.step_seconds == 1 + 3 + 1
    queued = data(Work((2.0, 2.0), (8, 8), (24, 8)), 2, Link(8.0))
    assert queued.step_seconds == 1 + 3 + 1


@settings(deadline=None)
@given(work=works(), link=LINKS, more=st.floats(1, 100), ahead=LOOK_AHEAD)
def test_more_bandwidth_is_never_slower_and_no_link_beats_the_balance(work, link, more, ahead):
    split, better = (1,) * len(work.seconds), Link(link.bandwidth * more, link.delay, link.copy)
    calls = [
        lambda link: layers(work, split, link, look_ahead=ahead, steps=9),
        lambda link: data(work, 3, link),
    ]
    for call in calls:
        before, after = call(link), call(better)
        assert after.step_seconds <= before.step_seconds
        assert after.mean_seconds <= before.mean_seconds
        assert after.speed_up <= after.balance_bound * (1 + 1e-9)


def test_a_plan_balances_the_layers_of_each_number_of_ranks():
    found = plan(work_of(1, 1, 1, 3), [1, 2, 3, 4], FREE)
    assert [each.split for each in found] == [(4,), (3, 1), (1, 2, 1), (1, 1, 1, 1)]
    assert [each.speed_up for each in found] == [1, 2, 2, 2]


@pytest.mark.parametrize("values", [{"bandwidth": 0}, {"delay": -1}, {"copy": -2}])
def test_an_impossible_link_is_refused(values):
    with pytest.raises(ValueError, match="expected bandwidth > 0, copy > 0 and a finite delay"):
        Link(**{"bandwidth": 1.0, **values})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sent", ((1, 1), (8,), (8, 8))),
        ("weights", ((1, 1), (8, 8), (8, -8))),
        ("neutral", ((1, 1), (8, 8), (8, 8), (1,), (8, 8))),
        ("neutral_sent", ((1, 1), (8, 8), (8, 8), (1, 1))),
    ],
)
def test_work_with_inconsistent_layers_is_refused(name, arguments):
    with pytest.raises(ValueError, match=f"expected 2 values of {name}, one for each layer"):
        Work(*arguments)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda work: layers(work, (1, 2), FREE), "expected a split of 2 layers"),
        (lambda work: layers(work, (1, 1), FREE, steps=0), "expected at least one step, got 0"),
        (lambda work: layers(work, (1, 1), FREE, look_ahead=1), "a Work with neutral seconds"),
        (lambda work: plan(work, [3], FREE), "expected 1 to 2 stages for 2 layers, got 3"),
        (lambda work: data(work, 0, FREE), "expected at least one rank"),
        (lambda work: data(work, 2, FREE, (0.5, 1.5)), "fixed seconds from 0 to each layer's"),
        (lambda work: data(work, 2, FREE, (0.5,)), "expected 2 values of fixed"),
    ],
)
def test_inconsistent_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(work_of(1.0, 1.0))
