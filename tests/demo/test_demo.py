"""What the demo shows of a network: answers, units, time, training; and what it refuses."""

import re
import sys

import numpy as np
import pytest
import torch

from forward_forward import datasets, diagnose, recipes
from forward_forward.checkpoint import Run
from forward_forward.data import Data
from forward_forward.data.pictures.framing import Frame, frame_of
from forward_forward.demo import live, over_time, page, show
from forward_forward.demo.answer import Explainer
from forward_forward.demo.over_time import TrainedOnce, first_settled
from forward_forward.demo.subject import Subject, subject_of


@pytest.fixture(scope="module")
def subject() -> Subject:
    train, test = datasets.digits()
    plan = recipes.standard(train, hidden=(40, 40, 40), epochs=4, readout=(1, 3))
    plan.trainer.fit(train, epochs=4, batch_size=64)
    network = plan.trainer.network.eval()
    return Subject(network, frame_of(train), train.classes, "Digits", train, test)


def sample_of(data: Data, place: int) -> torch.Tensor:
    return data.inputs[place : place + 1]


def test_an_answer_is_the_network_s_own_and_says_why(subject):
    explainer = Explainer(subject)
    for place in range(20):
        x = sample_of(subject.unseen, place)
        answer = explainer.explain(x)
        assert answer.best == answer.predicted == int(subject.network.predict(x))
        assert np.allclose(answer.total, subject.network.goodness(x)[0], rtol=1e-5)
        order = np.argsort(-answer.total)
        assert [answer.best, answer.runner_up] == order[:2].tolist()
        margin = answer.total[answer.best] - answer.total[answer.runner_up]
        assert answer.margin[slice(*subject.network.readout)].sum() == pytest.approx(margin)


def test_a_network_of_convolutions_gets_an_answer_too():
    train, test = datasets.digits()
    plan = recipes.local_airbench.per_convolution(train, channels=(8, 8), epochs=1)
    plan.trainer.fit(train, epochs=1, batch_size=64)
    network = plan.trainer.network.eval()
    subject = Subject(network, frame_of(train), train.classes, "Digits", train, test)
    explainer = Explainer(subject)
    x = sample_of(test, 0)
    answer = explainer.explain(x)
    assert answer.predicted == int(network.predict(x))
    assert explainer.areas.shape == (8, 10)
    assert all(unit.number < 8 for unit in answer.units)


def test_units_are_the_most_active_with_the_classes_they_distinguish(subject):
    explainer = Explainer(subject)
    answer = explainer.explain(sample_of(subject.unseen, 3))
    activity = [unit.activity for unit in answer.units]
    assert activity == sorted(activity, reverse=True)
    assert activity[-1] > 0
    unit = answer.units[0]
    pictures = diagnose.fields(subject.network, (1, 8, 8), subject.train.inputs)
    assert np.array_equal(unit.weights, pictures[unit.number])
    assert unit.area == explainer.areas[unit.number].max()
    assert unit.matches == (unit.area >= 0.9)


def test_the_html_names_the_answer_and_every_label(subject):
    x = sample_of(subject.unseen, 5)
    answer = Explainer(subject).explain(x)
    html = show.answer_html(answer, subject, x, "Scaled")
    best, runner_up = subject.classes[answer.best], subject.classes[answer.runner_up]
    assert f'<strong class="label">{best}</strong>' in html
    assert f"The strongest wrong label is {runner_up}. It loses by" in html
    assert len(re.findall(r'<div class="bar">', html)) == 10
    lengths = [float(each) for each in re.findall(r"--length:([\d.]+)%", html)]
    by_label = np.array(lengths).reshape(10, 2).sum(1)  # the first layer does not count
    assert by_label.argmax() == answer.best
    assert by_label.max() == pytest.approx(100, abs=0.02)
    assert "layer 1 (not counted)" in html
    assert "unit " in show.units_html(answer, subject)
    assert "<script" not in html + show.units_html(answer, subject)


def test_what_a_page_shows_is_escaped():
    assert "&lt;b&gt;" in show.sentence("<b>")


@pytest.mark.slow
def test_a_recurrent_network_is_trained_once_and_predicts_digits_over_time(subject, monkeypatch):
    monkeypatch.setattr(over_time, "SHOWN", 9_000)
    monkeypatch.setattr(over_time, "HIDDEN", (100, 100))
    recurrent = TrainedOnce(subject.train)
    assert not recurrent.ready
    right = 0
    for place in range(20):
        by_time = recurrent.goodness(sample_of(subject.unseen, place))
        assert by_time.shape == (8, 10)
        right += int(by_time[2:5].mean(0).argmax() == subject.unseen.labels[place])
    assert right >= 16
    assert recurrent.ready
    assert recurrent.network is recurrent.network
    html = show.over_time_html(by_time, subject)
    assert f"It predicts {subject.classes[by_time[-1].argmax()]} from" in html
    assert first_settled(by_time) <= 8


@pytest.mark.slow
def test_snapshots_have_both_errors_and_both_kinds_of_goodness(subject):
    settings = {"lr": 5e-3}
    before = torch.get_rng_state()
    seen = list(live.snapshots(subject.train, settings, 3))
    assert torch.equal(torch.get_rng_state(), before)
    assert [seen[0].epoch, seen[-1].epoch] == [0.0, 3.0]
    assert 20 <= len(seen) <= 31
    errors = seen[-1].errors
    assert errors["epoch"] == [each.epoch for each in seen]
    assert min(errors["forward"][0], errors["backprop"][0]) > 60
    assert max(errors["forward"][-1], errors["backprop"][-1]) < 20
    held = len(subject.train) // 5
    for snapshot in seen[::10]:
        assert all(sum(each["positive"]) == held for each in snapshot.layers)
    assert "Epoch 0.0 of 3" in show.snapshot_html(seen[0])
    assert "Done" in show.snapshot_html(seen[-1])
    assert "is silent" not in show.snapshot_html(seen[-1])
    assert "Epoch 0.0 of 3, stopped<" in show.stopped(show.snapshot_html(seen[0]))
    assert show.stopped(show.snapshot_html(seen[-1])) == show.snapshot_html(seen[-1])


def test_silent_layers_are_reported(subject):
    *_, last = live.snapshots(subject.train, {"lr": 300.0}, 1)
    assert max(last.silent) > 90
    assert "is silent" in show.snapshot_html(last)


def test_divergence_is_reported(subject):
    from functools import partial

    settings = {"lr": 1e30, "optimizer": partial(torch.optim.SGD, momentum=0.9)}
    with pytest.raises(live.Exploded, match="not finite after"):
        list(live.snapshots(subject.train, settings, 3))


def test_a_drawing_is_inverted_and_fills_the_picture_as_in_the_set(subject):
    assert subject.frame == Frame((1, 8, 8))
    assert subject.drawing == Frame((1, 8, 8), 0.0, 1.0)


TRAINS = "training a network on 1,438 images of digits; this is done only once"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the default network, which is trained for one epoch."""
    monkeypatch.setenv("FF_CACHE", str(tmp_path))
    monkeypatch.delenv("FF_DATA", raising=False)  # nothing is downloaded: digits are installed
    monkeypatch.setattr("forward_forward.demo.subject.EPOCHS", {"digits": 1})
    return tmp_path / "demo-digits"


def test_the_default_network_is_trained_once_and_cached(cache):
    said: list[str] = []
    first = subject_of(None, said.append)
    assert said == [TRAINS]
    again = subject_of(None, said.append)
    assert len(said) == 1
    x = sample_of(first.unseen, 0)
    assert torch.equal(first.network.goodness(x), again.network.goodness(x))
    assert sorted(each.name for each in cache.parent.iterdir()) == [".demo-digits.lock", cache.name]


def broken_json(cache) -> None:
    (cache / "run.json").write_text("{")


def other_json(cache) -> None:
    (cache / "run.json").write_text('{"made_by": "forward-forward", "status": "trained"}')


def half_trained(cache) -> None:
    Run(cache).update(status="training")  # as an earlier version left it


def short_weights(cache) -> None:
    path = cache / "checkpoints" / "best" / "network.safetensors"
    for each in (path, path.parents[1] / "last" / "network.safetensors"):
        each.write_bytes(each.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [broken_json, other_json, half_trained, short_weights])
def test_a_damaged_network_in_the_cache_is_trained_anew(cache, damage):
    whole = subject_of(None, lambda line: None)
    damage(cache)
    said: list[str] = []
    anew = subject_of(None, said.append)
    assert said[0].startswith(f"the network in {cache} cannot be used, so it is trained again: ")
    assert said[1:] == [TRAINS]
    x = sample_of(whole.unseen, 0)
    assert torch.equal(anew.network.goodness(x), whole.network.goodness(x))
    subject_of(None, said.append)
    assert len(said) == 2


def test_a_training_that_is_killed_leaves_no_network_in_the_cache(cache, monkeypatch):
    def killed(self, *batch):
        assert not cache.exists()
        raise SystemExit(143)

    with monkeypatch.context() as patch:
        patch.setattr("forward_forward.Trainer.step", killed)
        with pytest.raises(SystemExit):
            subject_of(None, lambda line: None)
    assert not cache.exists()
    said: list[str] = []
    subject_of(None, said.append)
    assert said == [TRAINS]
    assert Run(cache).about["status"] == "trained"


def test_a_cache_that_cannot_be_written_is_named_and_done_without(cache, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("forward_forward.files.write", full)
    said: list[str] = []
    assert len(subject_of(None, said.append).network.layers) == 3
    assert said[0] == TRAINS
    assert said[1].startswith(f"the network cannot be kept in {cache} ([Errno 28] No space left")


def test_a_run_is_shown_with_its_own_data(digits_run):
    subject = subject_of(digits_run.path, lambda line: None)
    assert subject.frame.shape == (1, 8, 8)
    assert len(subject.unseen) == 359


def test_the_page_does_not_need_the_command_line(digits_run, monkeypatch):
    for name in ("forward_forward.cli", *list(sys.modules)):
        if name.startswith("forward_forward.cli"):
            monkeypatch.setitem(sys.modules, name, None)  # to import it is an error
    subject = subject_of(digits_run.path, lambda line: None)
    training = page._TrainTab(None, subject)._train("SiluPair", "l2_norm", "ReLU", "SGD", 0.1, 1)
    assert "Training starts" in next(training)


def test_runs_that_cannot_be_shown_say_why(ff, tmp_path):
    rows = "\n".join(f"{k % 7},{k % 5},{'ab'[k % 2]}" for k in range(40))
    (tmp_path / "a.csv").write_text("x,y,label\n" + rows)
    run = tmp_path / "run"
    assert ff("train", "--data", tmp_path / "a.csv", "--epochs", "1", "--out", run).code == 0
    done = ff("demo", run)
    assert done.code == 2
    assert "the page needs a network trained on pictures" in done.err
    assert "expected a run's folder" in ff("demo", tmp_path).err


def test_a_run_from_python_is_shown_if_its_data_are_known_by_name(tmp_path):
    train, _ = datasets.digits()
    for name, known in (("digits", True), ("mine", False)):
        data = Data(train.inputs, train.labels, train.classes, name)
        recipes.standard(data, hidden=(9,)).trainer.fit(data, epochs=1, out=tmp_path / name)
        if known:
            assert len(subject_of(tmp_path / name, print).unseen) == 359
        else:
            with pytest.raises(ValueError, match="does not say where the data 'mine' are"):
                subject_of(tmp_path / name, print)
