"""A search ends with the trials asked for, prunes, counts what diverged, and goes on anywhere."""

import json
import sys
from pathlib import Path

import optuna
import pytest

from forward_forward import datasets
from forward_forward.recipes import standard
from forward_forward.recipes.settings import parts
from forward_forward.sweep import TrialCallback, folder, heartbeat, read, record, search, storage
from forward_forward.sweep import trial as one_trial
from forward_forward.sweep.trials import _Search

SPACE = ("lr=1e-3..1e-1", "hidden=2x4..12", "loss=sigmoid,SymBa(alpha=1..8)")


@pytest.fixture(scope="module")
def data():
    whole, _ = datasets.digits()
    return whole.first(240).split()


@pytest.fixture
def sweep(data, tmp_path):
    """A search on a few digits."""
    training, validation = data

    def run(count, words=SPACE, *, out="sweep", epochs=2, hidden=(8, 8), **more):
        def make(settings):
            made = parts(settings, typed=frozenset(settings))
            return standard(training, **{"hidden": hidden, "epochs": epochs, **made})

        space = read(words, standard)
        return search(make, training, validation, space, trials=count, out=tmp_path / out, **more)

    return run


def study_in(folder: Path) -> optuna.Study:
    with storage.quiet():
        return storage.study_of(folder, None, epochs=2)


class Counting(TrialCallback):
    """A callback that keeps what it is told."""

    def __init__(self, then=lambda count: None) -> None:
        self.numbers, self.waited, self.then = [], 0, then

    def trial(self, done, outcome) -> None:
        self.numbers.append(done["number"])
        self.then(len(self.numbers))

    def wait(self, running) -> None:
        self.waited += 1


def test_a_search_ends_with_as_many_trials_as_are_asked_for_and_can_be_extended(sweep, tmp_path):
    first = sweep(2)
    assert [each["number"] for each in first.counted] == [0, 1]
    callback = Counting()
    outcome = sweep(4, callback=callback)
    assert callback.numbers == [2, 3]
    assert outcome.trials[:2] == first.trials
    assert (
        sweep(4, callback=callback).trials == sweep(1, callback=callback).trials == outcome.trials
    )
    assert callback.numbers == [2, 3]
    for each in outcome.trials:
        assert each["state"] == "complete"
        assert each["validation_error"] == min(each["curve"])
        assert len(each["curve"]) == 2
        assert each["settings"].keys() == {"lr", "hidden", "loss"}
        assert 4 <= each["settings"]["hidden"][0] <= 12
    least = min(each["validation_error"] for each in outcome.trials)
    assert outcome.best["validation_error"] == least
    assert folder.trials(tmp_path / "sweep") == outcome.as_json()


def test_the_search_depends_on_its_seed_and_not_on_where_it_is_kept(sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "FIRST", 1)  # all but the first are drawn by what is known

    def settings(outcome):
        return [each["settings"] for each in outcome.trials]

    sweep(2, out="parts")
    parts = sweep(4, out="parts")
    url = f"sqlite:///{tmp_path}/sweep.db"
    assert settings(sweep(4, out="url", storage_url=url)) == settings(parts)
    assert settings(sweep(1, out="other", seed=1)) != settings(parts)[:1]
    assert len({json.dumps(each) for each in settings(parts)}) == 4


def test_trials_that_learn_nothing_are_pruned_and_complete_ones_are_the_best(sweep):
    outcome = sweep(10, ["lr=1e-9,1e-2"], epochs=4, hidden=(40,), seed=3)
    states = [each["state"] for each in outcome.trials]
    assert states[: storage.FIRST] == ["complete"] * storage.FIRST
    assert set(states) == {"complete", "pruned"}
    for each in outcome.trials:
        assert (len(each["curve"]) == 4) == (each["state"] == "complete")
    assert outcome.best["state"] == "complete"
    assert outcome.importance is None  # one setting has nothing to be weighed against


def test_nothing_is_pruned_where_the_number_of_epochs_is_searched(sweep):
    outcome = sweep(9, ["lr=1e-9,1e-2", "epochs=2,3"])
    assert {each["state"] for each in outcome.trials} == {"complete"}
    assert {len(each["curve"]) for each in outcome.trials} == {2, 3}


def test_a_trial_that_diverges_counts_and_says_why(sweep):
    outcome = sweep(2, ["lr=1e30"])
    assert [each["state"] for each in outcome.trials] == ["diverged"] * 2
    assert all("lower the learning rate" in each["why"] for each in outcome.trials)
    assert len(outcome.counted) == 2
    assert outcome.best is None


def test_importance_is_told_from_enough_trials_on(sweep):
    assert sweep(record.ENOUGH - 1, epochs=1).importance is None
    more = sweep(record.ENOUGH + 8, epochs=1)
    assert sum(each["state"] == "complete" for each in more.trials) >= record.ENOUGH
    assert sum(more.importance.values()) == pytest.approx(1)
    assert {"lr", "hidden", "loss"} <= more.importance.keys()


def test_a_folder_of_another_sweep_is_refused_and_left_as_it_is(sweep, tmp_path):
    sweep(1, about={"data": "digits"})
    before = {path.name: path.read_bytes() for path in (tmp_path / "sweep").iterdir()}
    for words, about, said in (
        (("lr=1..2",), {"data": "digits"}, "space.lr: 0.001..0.1 in the sweep, 1..2 given"),
        (SPACE, {"data": "mnist"}, "data: digits in the sweep, mnist given"),
        (SPACE, {}, "data: digits in the sweep, none given"),
    ):
        with pytest.raises(ValueError, match="holds another sweep") as error:
            sweep(1, words, about=about)
        assert said in str(error.value)
    with pytest.raises(ValueError, match=r"storage: None in the sweep, sqlite:///x\.db given"):
        sweep(1, about={"data": "digits"}, storage_url="sqlite:///x.db")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "sweep").iterdir()}


def test_a_storage_that_holds_another_sweep_of_this_name_is_refused(sweep, tmp_path):
    url = f"sqlite:///{tmp_path}/sweep.db"
    sweep(1, out="here/first", storage_url=url)
    assert len(sweep(2, out="there/first", storage_url=url).trials) == 2
    with pytest.raises(ValueError, match="study 'first' holds another sweep"):
        sweep(1, ("lr=1..2",), out="elsewhere/first", storage_url=url)


def test_what_is_no_sweep_is_refused(sweep, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").touch()
    (tmp_path / "file").touch()
    for out in ("mine", "file"):
        with pytest.raises(ValueError, match="choose another --out"):
            sweep(1, out=out)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("loss=sigmoid,SymBar", r"recipe rejects loss SymBar: .*did you mean 'SymBa'\?"),
        ("lr=-1..1", "recipe rejects lr -1.0: "),
        ("hidden=2x0..5", "recipe rejects hidden 0 0: "),
        ("epochs=1,0", "recipe rejects epochs 0: epochs expects 1 or more"),
        ("batch_size=0..8", "recipe rejects batch_size 0: batch_size expects 1 or more"),
    ],
)
def test_what_the_recipe_refuses_is_refused_before_a_folder_is_made(sweep, tmp_path, word, said):
    with pytest.raises(ValueError, match=said):
        sweep(1, [word])
    assert not (tmp_path / "sweep").exists()


def test_no_trials_are_refused(sweep):
    with pytest.raises(ValueError, match="trials expects 1 or more, got 0"):
        sweep(0)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://host", "may run code"),
        ("nonsense", "expected a URL such as sqlite:///"),
        ("nosuch://me:secret@host/x", r"got 'nosuch://me:\*\*\*@host/x'"),
    ],
)
def test_a_url_that_is_none_gets_a_sentence(sweep, url, said):
    with pytest.raises(ValueError, match=said):
        sweep(1, storage_url=url)


def test_a_database_that_cannot_be_opened_gets_a_sentence(sweep, tmp_path):
    with pytest.raises(OSError, match="cannot be opened"):
        sweep(1, storage_url=f"sqlite:///{tmp_path}/nowhere/sweep.db")


@pytest.mark.parametrize("end", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_trial_that_is_broken_off_does_not_count(sweep, monkeypatch, end):
    def broken(*_):
        raise end

    with monkeypatch.context() as during:
        during.setattr(one_trial, "run", broken)
        with pytest.raises(type(end)):
            sweep(2)
    outcome = sweep(2)
    assert [each["state"] for each in outcome.trials] == ["interrupted", "complete", "complete"]


def test_a_trial_too_many_is_withdrawn(sweep, tmp_path, monkeypatch):
    ask = optuna.Study.ask

    def together(study):
        """Another process begins a trial at the same moment, and is the first."""
        monkeypatch.setattr(optuna.Study, "ask", ask)
        other = study.ask()
        other.set_user_attr(
            heartbeat.MARK, {"host": "elsewhere", "pid": 1, "process": "x", "beat": 0}
        )
        return study.ask()

    def finish(self):
        """The other process ends its trial, once this one waits for it."""
        self.study.tell(1, 50.0)

    sweep(1)
    monkeypatch.setattr(optuna.Study, "ask", together)
    monkeypatch.setattr(_Search, "_fail_stale", lambda self: callback.waited and finish(self))
    callback = Counting()
    outcome = sweep(2, callback=callback)
    assert callback.numbers == []
    assert callback.waited == 1
    assert [each["state"] for each in outcome.trials] == ["complete", "complete", "withdrawn"]
    assert len(outcome.counted) == 2


def test_a_trial_that_others_gave_up_is_lost_and_another_is_run(sweep, tmp_path, monkeypatch):
    run = one_trial.run

    def stalled(trial, *more):
        if trial.number == 1:
            study_in(tmp_path / "sweep").tell(1, state=optuna.trial.TrialState.FAIL)
        return run(trial, *more)

    monkeypatch.setattr(one_trial, "run", stalled)
    outcome = sweep(2)
    assert [each["state"] for each in outcome.trials] == ["complete", "interrupted", "complete"]


def test_a_journal_that_a_crash_cut_short_is_read_and_goes_on(sweep, tmp_path):
    sweep(1)
    with (tmp_path / "sweep" / storage.JOURNAL).open("ab") as file:
        file.write(b'{"op_code":4,"wor')
    assert [each["state"] for each in sweep(2).trials] == ["complete", "complete"]


def test_without_optuna_the_line_that_installs_it_is_said(sweep, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "forward-forward\[sweep\]"'):
        sweep(1)


def test_optuna_s_own_words_are_what_they_were(sweep, capfd):
    before = optuna.logging.get_verbosity()
    sweep(1)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
