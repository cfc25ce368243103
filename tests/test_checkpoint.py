"""A run's folder: whole after a crash at any step, never another's, never a pickle, never code."""

import json
import os
import pickle
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward import files
from forward_forward.checkpoint import Run
from forward_forward.examples import AppendLabel, FromSoftmax
from forward_forward.forward.description import describe


class Crash(BaseException):
    """The process is gone."""


class Crasher:
    """Ends the process at the n-th system call, before, after or in the middle of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls, self.at, self.when = 0, 0, "before"
        for owner, name in (
            (os, "rename"),
            (os, "replace"),
            (os, "fsync"),
            (shutil, "rmtree"),
            (Path, "mkdir"),
        ):
            patch.setattr(owner, name, self._wrapped(name, getattr(owner, name)))

    def _wrapped(self, name, real):
        def call(*args, **kwargs):
            self.calls += 1
            now = self.calls == self.at
            if now and self.when == "before":
                raise Crash
            if now and self.when == "within" and name == "rmtree":
                for file in sorted(Path(args[0]).glob("*"))[:1]:
                    file.unlink()
                raise Crash
            # Waiting for the disk tells a simulated crash nothing.
            result = None if name == "fsync" else real(*args, **kwargs)
            if now:
                raise Crash
            return result

        return call

    def strike(self, at: int, when: str, action) -> bool:
        """Whether the action was cut short."""
        self.calls, self.at, self.when = 0, at, when
        try:
            action()
        except Crash:
            return True
        finally:
            self.at = 0
        return False


WHEN = ("before", "within", "after")


def new_run(path: Path) -> tuple[Run, ff.Network]:
    network = ff.mlp(3, 4, num_classes=2)
    return Run.create(path, {"network": describe(network)}), network


def save(run: Run, network: ff.Network, value: int) -> None:
    weights = {name: torch.full_like(each, value) for name, each in network.state_dict().items()}
    memory = {"layer0.0.step": torch.tensor(float(value))}
    run.save("last", weights, memory, {"value": value})


def value_of(run: Run) -> int:
    """The one value that all files of the last checkpoint hold."""
    network, trainer, progress = run.last()
    found = {float(each.flatten()[0]) for each in network.values()}
    found |= {float(trainer["layer0.0.step"]), float(progress["value"])}
    loaded = ff.load(run.path, which="last")
    found |= {float(weight.flatten()[0]) for weight in loaded.state_dict().values()}
    assert len(found) == 1, f"a mixture of checkpoints: {found}"
    return int(found.pop())


@pytest.mark.parametrize("second_when", WHEN)
@pytest.mark.parametrize("when", WHEN)
def test_a_crash_at_any_step_leaves_a_whole_checkpoint(tmp_path, monkeypatch, when, second_when):
    crasher = Crasher(monkeypatch)
    steps = 1
    while True:
        run, network = new_run(tmp_path / f"{steps}")
        save(run, network, 1)
        cut = crasher.strike(steps, when, lambda r=run, n=network: save(r, n, 2))
        seen = value_of(run)
        assert seen in ((1, 2) if cut else (2,))
        # Struck again, at every step of the next attempt.
        crasher.strike(steps * 7 % 11 + 1, second_when, lambda r=run, n=network: save(r, n, 3))
        assert value_of(run) in (seen, 3)
        save(run, network, 4)
        assert value_of(run) == 4
        names = sorted(path.name for path in (run.path / "checkpoints").iterdir())
        assert names == ["last"], "leftovers"
        if not cut:
            break
        steps += 1
    assert steps > 10  # else the crasher struck nothing


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_before_the_first_checkpoint_is_whole_leaves_none(tmp_path, monkeypatch, when):
    crasher = Crasher(monkeypatch)
    for steps in range(1, 20):
        run, network = new_run(tmp_path / f"{steps}")
        cut = crasher.strike(steps, when, lambda r=run, n=network: save(r, n, 1))
        assert run.last() is None or value_of(run) == 1
        if not cut:
            return
    pytest.fail("never finished")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [1, 2])
def test_a_crash_while_a_file_is_written_leaves_the_old_or_the_new_one(
    tmp_path, monkeypatch, step, when
):
    path = tmp_path / "run.json"
    files.write_json(path, {"status": "training"})
    crasher = Crasher(monkeypatch)
    assert crasher.strike(step, when, lambda: files.write_json(path, {"status": "finished"}))
    assert json.loads(path.read_text())["status"] in ("training", "finished")
    files.write_json(path, {"status": "again"})
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def test_an_existing_run_is_refused_or_replaced_on_demand(tmp_path):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    with pytest.raises(ValueError, match=r"a run: pass resume=True.* another out$"):
        Run.create(run.path, {})
    assert value_of(run) == 1
    fresh = Run.create(run.path, {"name": "new"}, overwrite=True)
    assert fresh.about["name"] == "new"
    assert fresh.last() is None


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("foreign", [None, "{}", '{"command": "another tool"}', "not json"])
def test_a_folder_that_is_no_run_keeps_its_files(tmp_path, foreign, overwrite):
    (mine := tmp_path / "thesis.tex").write_text("years of work")
    if foreign is not None:  # many tools write a run.json
        (tmp_path / "run.json").write_text(foreign)
    with pytest.raises(ValueError, match="already contains"):
        Run.create(tmp_path, {}, overwrite=overwrite)
    assert mine.read_text() == "years of work"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_in_the_place_of_a_run_is_refused(tmp_path, overwrite):
    (path := tmp_path / "run").write_text("mine")
    with pytest.raises(ValueError, match="not a run"):
        Run.create(path, {}, overwrite=overwrite)
    assert path.read_text() == "mine"


def test_a_folder_without_run_json_is_no_run_and_an_empty_one_becomes_one(tmp_path):
    with pytest.raises(ValueError, match=r"run\.json"):
        ff.load(tmp_path)
    assert Run.create(tmp_path, {"name": "here"}).about["name"] == "here"


def small_fit(out: Path, validation: bool = True, **settings) -> ff.Trainer:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(40, 6, generator=rng), torch.arange(40) % 3
    network = ff.mlp(
        6, 8, 8, num_classes=3, head=True, examples=AppendLabel(3, negatives=FromSoftmax())
    )
    trainer = ff.Trainer(network, average=0.9, **settings)
    judge = (x[:12], y[:12]) if validation else None
    trainer.fit((x, y), epochs=3, batch_size=16, validation=judge, out=out)
    return trainer


def test_no_file_of_a_run_is_a_pickle_or_an_archive(tmp_path):
    small_fit(tmp_path / "run")
    found = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert len(found) == 8
    for path in found:
        assert path.suffix in (".json", ".jsonl", ".safetensors")
        raw = path.read_bytes()
        assert raw[:2] != b"PK"
        assert raw[:1] != b"\x80" or path.suffix == ".safetensors"
        with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, KeyError)):
            pickle.loads(raw)
        if path.suffix == ".safetensors":
            size = int.from_bytes(raw[:8], "little")
            assert isinstance(json.loads(raw[8 : 8 + size]), dict)


@pytest.mark.parametrize("validation", [True, False])
def test_json_of_a_run_is_json_for_everyone(tmp_path, validation):
    small_fit(tmp_path / "run", validation)

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    for path in (tmp_path / "run").rglob("*.json*"):
        text = path.read_text()
        for part in text.splitlines() if path.suffix == ".jsonl" else [text]:
            json.loads(part, parse_constant=refuse)


EVIL = ["os:system", "evil:bomb", "os.system", "__import__('evil')", "[].__class__", "evil"]
PARTS = ["loss", "goodness", "block", "activation", "normalize", "examples", "reading"]


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize("part", PARTS)
def test_code_that_a_file_names_is_not_run(tmp_path, monkeypatch, part, text):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'struck')!r}, 'w')\nbomb = print\n")
    monkeypatch.syspath_prepend(tmp_path)
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    about = run.about
    described = about["network"]
    (described if part in described else described["layers"][0])[part] = text
    run.update(**about)
    left_out = part == "loss" and ":" in text  # no label is read from a loss
    with nullcontext() if left_out else pytest.raises(ValueError, match=r"name|literal|code"):
        ff.load(run.path)
    assert "evil" not in sys.modules
    assert not (tmp_path / "struck").exists()


def bias_of(network: ff.Network) -> float:
    return float(network.layers[0].block.bias.detach()[0])


def test_load_gives_the_best_or_the_last_weights(tmp_path):
    run, network = new_run(tmp_path / "run")
    with pytest.raises(ValueError, match="no checkpoint yet"):
        ff.load(run.path)
    save(run, network, 1)
    assert bias_of(ff.load(run.path)) == 1  # no best yet: the last
    twos = {name: torch.full_like(each, 2) for name, each in network.state_dict().items()}
    run.save("best", twos)
    assert bias_of(ff.load(run.path)) == 2
    assert bias_of(ff.load(str(run.path), which="last")) == 1


def test_load_into_a_network_of_ones_own(tmp_path):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    mine = ff.mlp(3, 4, num_classes=2, seed=5)
    assert ff.load(run.path, network=mine) is mine
    assert bias_of(mine) == 1
    assert not mine.training


@pytest.mark.parametrize("hidden", [(5,), (4, 4)])
def test_weights_that_do_not_fit_are_named(tmp_path, hidden):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    with pytest.raises(ValueError, match=r"(?s)do not fit this network.*layers\.[01]\.block"):
        ff.load(run.path, network=ff.mlp(3, *hidden, num_classes=2))


class Tied(nn.Module):
    """A block that uses one weight twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(8, 8)
        self.other = nn.Linear(8, 8)
        self.other.weight = self.one.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.other(self.one(x).relu()).relu()


def test_a_block_with_tied_weights_is_saved_and_loaded(tmp_path):
    def network() -> ff.Network:
        torch.manual_seed(0)
        return ff.Network(ff.Layer(Tied(), activation=None), examples=AppendLabel(2))

    with torch.random.fork_rng():
        first, second = network(), network()
    x = torch.rand(12, 6)
    ff.Trainer(first).fit((x, torch.arange(12) % 2), epochs=1, out=tmp_path / "run")
    loaded = ff.load(tmp_path / "run", network=second).goodness(x)
    assert torch.equal(loaded, first.eval().goodness(x))
