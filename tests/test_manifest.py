"""Damage, and files of another run: found when they are read, and named."""

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from tests.test_checkpoint import new_run, save

import forward_forward as ff
from forward_forward import manifest
from forward_forward.checkpoint import Run

FILES = ["network.safetensors", "trainer.safetensors", "progress.json", manifest.NAME]


@pytest.fixture
def run(tmp_path):
    run, network = new_run(tmp_path / "run")
    for epoch in (1, 2, 3):
        run.metrics.append({"epoch": epoch, "loss": [0.1 * epoch]})
    save(run, network, 1)
    return run


def flip(path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused_with_the_name_of_the_file(run, name):
    path = run.path / "checkpoints/last" / name
    whole = path.read_bytes()
    for _ in range(50):
        flip(path, random.randrange(8 * len(whole)))
        with pytest.raises(ValueError, match=rf"{name}|expected the files of run"):
            run.last()
        path.write_bytes(whole)
    assert run.last() is not None


def test_a_flipped_bit_of_run_json_changes_no_entry_unsaid(run):
    path = run.path / "run.json"
    whole, about = path.read_bytes(), run.about
    for _ in range(200):
        flip(path, random.randrange(8 * len(whole)))
        try:
            seen = Run(run.path).about
        except ValueError as error:
            assert "run.json" in str(error)  # noqa: PT017
        else:  # of spaces between the entries
            assert seen == about
        path.write_bytes(whole)


def test_a_run_json_may_be_edited_by_hand_as_the_message_says(run):
    path = run.path / "run.json"
    about = json.loads(path.read_text())
    about["network"]["examples"] = "other"
    path.write_text(json.dumps(about))
    with pytest.raises(ValueError, match="if you edited it, delete its entry 'sha256'"):
        Run(run.path)
    del about["sha256"]
    path.write_text(json.dumps(about))
    assert Run(run.path).about["network"]["examples"] == "other"


@pytest.mark.parametrize("whole_folder", [True, False])
def test_weights_of_another_run_are_refused(run, tmp_path, whole_folder):
    other, network = new_run(tmp_path / "other")
    save(other, network, 2)
    places = [each.path / "checkpoints/last" for each in (run, other)]
    if whole_folder:
        shutil.rmtree(places[0])
        shutil.copytree(places[1], places[0])
    else:
        shutil.copy(places[1] / "network.safetensors", places[0])
    wanted = "expected the files of run" if whole_folder else "network.safetensors as it was"
    with pytest.raises(ValueError, match=wanted):
        ff.load(run.path, which="last")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(run, name):
    (run.path / "checkpoints/last" / name).unlink()
    with pytest.raises(ValueError, match=rf"expected the file {name} in '.*last', got none"):
        run.last()


def test_tensors_that_the_manifest_does_not_list_are_named_and_other_files_are_not_read(run):
    (run.path / "checkpoints/last/.DS_Store").write_bytes(b"of a file manager")
    assert run.last() is not None
    (run.path / "checkpoints/last/shard-1.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"got 'shard-1\.safetensors'"):
        run.last()


def test_figures_that_a_checkpoint_has_seen_may_not_change(run):
    assert len(run.rows()) == 3
    run.metrics.append({"epoch": 4})  # of an epoch whose checkpoint is still to come
    assert len(run.rows()) == 4
    path = run.metrics.path
    path.write_text(path.read_text().replace("0.2", "0.3"))
    with pytest.raises(ValueError, match=r"metrics\.jsonl', got changed ones"):
        run.rows()
    path.unlink()
    with pytest.raises(ValueError, match=r"metrics\.jsonl', got no such file"):
        run.rows()


def test_the_last_checkpoint_in_the_place_of_the_best_one_is_refused(run):
    checkpoints = run.path / "checkpoints"
    shutil.copytree(checkpoints / "last", checkpoints / "best")
    with pytest.raises(ValueError, match="expected the files of checkpoint 'best'"):
        ff.load(run.path)


def test_a_checkpoint_that_is_replaced_while_it_is_read_is_read_again(run, monkeypatch):
    network = ff.load(run.path, which="last")
    check, again = manifest.check, []

    def replacing(folder, **about):
        if not again:
            again.append(folder)
            save(run, network, 3)
            (folder / "trainer.safetensors").unlink()
            save(run, network, 3)
            raise ValueError("expected the file of another moment")
        return check(folder, **about)

    monkeypatch.setattr(manifest, "check", replacing)
    assert float(next(iter(run.last()[0].values())).flatten()[0]) == 3


def test_a_run_from_before_there_were_manifests_is_checked_once_it_was_resumed(tmp_path):
    old = Path(__file__).parent / "fixtures/v0_1/trained"
    run = Run(shutil.copytree(old, tmp_path / "run"))
    assert "id" not in run.about
    run.adopt()
    assert run.last() is not None
    for name, read in (("last/trainer", Run.last), ("best/network", Run.weights)):
        path = run.path / "checkpoints" / f"{name}.safetensors"
        whole = path.read_bytes()
        flip(path, 8 * len(whole) - 1)
        with pytest.raises(ValueError, match=path.name):
            read(Run(run.path))
        path.write_bytes(whole)
        read(Run(run.path))


def test_a_damaged_line_is_named_and_one_that_was_cut_short_is_not_there(tmp_path):
    run, _ = new_run(tmp_path / "run")
    path = run.metrics.path
    path.write_text('{"epoch": 1}\n{"epoch": 2')
    assert run.rows() == [{"epoch": 1}]
    path.write_text('{"epoch: 1}\n{"epoch": 2}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl', got a damaged line 1"):
        run.rows()


def test_the_best_weights_are_not_replaced_by_the_last_ones_unsaid(digits_run, tmp_path):
    copy = shutil.copytree(digits_run.path, tmp_path / "run")
    shutil.rmtree(copy / "checkpoints/best")
    with pytest.raises(ValueError, match=r"expected the checkpoint 'best'.*got only 'last'"):
        ff.load(copy)
    ff.load(copy, which="last")


def test_weights_that_are_not_finite_are_refused_with_the_run_s_name(run):
    network = ff.load(run.path, which="last")
    weights = {
        name: torch.full_like(each, torch.nan) for name, each in network.state_dict().items()
    }
    run.save("last", weights, {}, {})
    with pytest.raises(ValueError, match=r"weights of '.*run' cannot be used: expected finite"):
        ff.load(run.path, which="last")
