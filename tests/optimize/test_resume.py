"""A run interrupted anywhere and resumed ends as an uninterrupted one: bit for bit, row for row."""

import functools
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.optimize.resumable import CASES, samples, trainer_of
from torch.utils.data import DataLoader, TensorDataset

import forward_forward as ff
from forward_forward import files
from forward_forward.checkpoint import Run
from forward_forward.examples import FromGoodness
from forward_forward.optimize import checks
from forward_forward.optimize.state import state_of
from forward_forward.track import Beginning, Ending

EPOCHS, BATCH, STEPS = 3, 25, 4  # 90 samples: the last batch of an epoch has 15


class Break:
    """Presses Ctrl-C at a step, or between two epochs."""

    def __init__(self, step: int | None = None, epoch: int | None = None, presses: int = 1) -> None:
        self.at, self.after, self.presses, self.taken = step, epoch, presses, 0
        self.stopped = ""

    def start(self, beginning: Beginning) -> None:
        assert (beginning.epochs, beginning.steps) == (EPOCHS, STEPS)

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.at:
            for _ in range(self.presses):
                signal.raise_signal(signal.SIGINT)

    def epoch(self, row: dict[str, Any]) -> None:
        if row["epoch"] == self.after:
            raise KeyboardInterrupt

    def stop(self, ending: Ending) -> None:
        self.stopped = ending


@pytest.fixture(autouse=True, scope="module")
def _python_s_own_ctrl_c() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: None)  # there is no power cut here
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, before)


def fit(trainer: ff.Trainer, out: Path, **settings: Any) -> Any:
    x, y = samples()
    judge = x[:30], y[:30]
    given = {"epochs": EPOCHS, "batch_size": BATCH, "validation": judge, "out": out, **settings}
    return trainer.fit((x, y), **given)


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def result(trainer: ff.Trainer, out: Path) -> dict[str, Any]:
    """All that a run leaves, in bytes: memory, files and figures."""
    run = Run(out)
    tensors, numbers = state_of(trainer)
    tensors |= {f"network.{name}": each for name, each in trainer.network.state_dict().items()}
    for which in ("last", "best"):
        for path in sorted((out / "checkpoints" / which).glob("*.safetensors")):
            for name, each in load_file(path).items():
                tensors[f"{which}/{path.stem}.{name}"] = each
    progress = json.loads((out / "checkpoints/last/progress.json").read_text())
    for name in ("seconds", "validation_seconds"):
        progress["progress"].pop(name)
    dropped = ("id", "machine", "seconds", "validation_seconds")
    about = {name: value for name, value in run.about.items() if name not in dropped}
    raw = {name: each.detach().cpu().numpy().tobytes() for name, each in tensors.items()}
    return {**raw, **numbers, **progress, **about, "rows": without_time(run.metrics.rows())}


def check_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    differs = [name for name in expected if found.get(name) != expected[name]]
    assert not differs
    assert found.keys() == expected.keys()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Callable[[str], dict[str, Any]]:
    """What an uninterrupted run of a case leaves, trained once for all tests."""

    @functools.cache
    def of(case: str) -> dict[str, Any]:
        out = tmp_path_factory.mktemp("whole") / "run"
        trainer = CASES[case]()
        fitted = fit(trainer, out)
        left = result(trainer, out)
        assert without_time(fitted.history) == left["rows"]
        return left

    return of


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path, case, whole):
    # At the last step of an epoch; within one, within it again, and between two epochs.
    for number, breaks in enumerate(([Break(4)], [Break(2), Break(1), Break(epoch=2)])):
        out = tmp_path / f"{number}"
        for index, each in enumerate(breaks):
            with pytest.raises(KeyboardInterrupt):
                fit(CASES[case](), out, resume=index > 0, callbacks=[each])
            assert each.stopped == "interrupted"
        resumed = CASES[case]()
        fitted = fit(resumed, out, resume=True)
        check_equal(result(resumed, out), whole(case))
        assert without_time(fitted.history) == whole(case)["rows"]


@pytest.mark.parametrize("step", range(1, STEPS * EPOCHS + 1))
def test_ctrl_c_at_every_step_loses_no_step(tmp_path, step, whole):
    with pytest.raises(KeyboardInterrupt):
        fit(CASES["all"](), tmp_path / "run", callbacks=[Break(step)])
    progress = json.loads((tmp_path / "run/checkpoints/last/progress.json").read_text())
    assert progress["progress"]["epoch"] * STEPS + progress["progress"]["step"] == step
    resumed = CASES["all"]()
    fit(resumed, tmp_path / "run", resume=True)
    check_equal(result(resumed, tmp_path / "run"), whole("all"))


def test_a_second_ctrl_c_ends_at_once_and_the_checkpoint_before_it_remains(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt):
        fit(trainer_of(), tmp_path / "run", callbacks=[Break(6, presses=2)])
    progress = json.loads((tmp_path / "run/checkpoints/last/progress.json").read_text())
    assert (progress["progress"]["epoch"], progress["progress"]["step"]) == (1, 0)
    resumed = trainer_of()
    fit(resumed, tmp_path / "run", resume=True)
    check_equal(result(resumed, tmp_path / "run"), whole("AdamW"))


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", ["replace_folder", "write"])
def test_a_run_that_crashed_at_any_write_can_be_resumed(tmp_path, monkeypatch, place, when, whole):
    expected = whole("all")
    real = getattr(files, place)
    calls = at = 0

    def crashing(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at and when == "before":
            raise Crash
        real(*args)
        if calls == at:
            raise Crash

    monkeypatch.setattr(files, place, crashing)
    for at in range(1, 100):
        calls, out = 0, tmp_path / f"{at}"
        try:
            fit(CASES["all"](), out)
        except Crash:
            if not (out / "run.json").exists():  # there is no run yet: it is started again
                continue
        else:
            break
        resumed = CASES["all"]()
        fit(resumed, out, resume=True)
        found = result(resumed, out)
        assert [name for name in expected if found.get(name) != expected[name]] == [], at
    assert at > EPOCHS


def test_rows_past_the_checkpoint_and_a_cut_line_are_dropped(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt):
        fit(trainer_of(), tmp_path / "run", callbacks=[Break(epoch=2)])
    with (tmp_path / "run/metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "loss": [1, 1]}\n{"epoch": 3, "lo')
    resumed = trainer_of()
    fit(resumed, tmp_path / "run", resume=True)
    check_equal(result(resumed, tmp_path / "run"), whole("AdamW"))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """A run that was interrupted in its second epoch; tests leave it as it is."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(KeyboardInterrupt):
        fit(trainer_of(), out, callbacks=[Break(6)])
    return out


@pytest.mark.parametrize(
    ("trainer", "settings", "named"),
    [
        ({"lr": 0.03}, {}, "lr was 0.02, is now 0.03"),
        ({"seed": 4}, {}, "seed was 3, is now 4"),
        ({"optimizer": torch.optim.SGD}, {}, "optimizer was .*AdamW.*, is now .*SGD.*"),
        ({"negatives": FromGoodness()}, {}, "examples was .*Uniform.*, is now .*FromGoodness.*"),
        ({"dropout": 0.1}, {}, "layers was "),
        ({}, {"epochs": EPOCHS + 1}, "epochs was 3, is now 4"),
        ({}, {"batch_size": 30}, "batch_size was 25, is now 30"),
        ({}, {"validation": None}, "validation"),
    ],
)
def test_a_resumed_run_must_keep_its_settings(stopped, trainer, settings, named):
    before = (stopped / "metrics.jsonl").read_text()
    with pytest.raises(ValueError, match=f"must keep its settings.*{named}"):
        fit(trainer_of(**trainer), stopped, resume=True, **settings)
    assert (stopped / "metrics.jsonl").read_text() == before


def test_other_data_are_refused(stopped):
    x, y = samples(80)
    with pytest.raises(ValueError, match="samples was 90, is now 80"):
        trainer_of().fit((x, y), epochs=EPOCHS, batch_size=BATCH, out=stopped, resume=True)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_from_before_compile_was_dropped_is_resumed_unless_it_was_on(
    tmp_path, stopped, whole, compiled
):
    out = tmp_path / "run"
    shutil.copytree(stopped, out)
    run = Run(out)
    run.update(trainer={**run.about["trainer"], "compile": compiled})
    resumed = trainer_of()
    if compiled:
        with pytest.raises(ValueError, match="compile was True, is now None"):
            fit(resumed, out, resume=True)
        return
    fit(resumed, out, resume=True)
    left = result(resumed, out)
    assert left.pop("trainer") == {**whole("AdamW")["trainer"], "compile": False}
    check_equal(left, {name: each for name, each in whole("AdamW").items() if name != "trainer"})


def test_another_machine_causes_a_warning(tmp_path, stopped, monkeypatch):
    shutil.copytree(stopped, tmp_path / "run")
    other = {**checks.machine(), "torch": "1.0", "threads": 99}
    monkeypatch.setattr(checks, "machine", lambda: other)
    with pytest.warns(UserWarning, match=r"torch was .*, is now 1\.0; threads was .*, is now 99"):
        fit(trainer_of(), tmp_path / "run", resume=True)


@pytest.mark.parametrize("step", [6, 8])
def test_a_user_s_own_loader_in_a_set_order_is_resumed(tmp_path, step):
    def go(out: Path, **settings: Any) -> dict[str, Any]:
        loader = DataLoader(TensorDataset(*samples()), batch_size=BATCH)
        trainer = trainer_of(FromGoodness())
        trainer.fit(loader, epochs=EPOCHS, batch_size=BATCH, out=out, **settings)
        return result(trainer, out)

    expected = go(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "run", callbacks=[Break(step)])
    check_equal(go(tmp_path / "run", resume=True), expected)
