"""Sets have checksums, by which a run knows its own data again."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import forward_forward as ff
from forward_forward.data import Stream, as_source, checksum, folder


def save(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


@pytest.fixture
def pets(tmp_path):
    for value, name in enumerate(("cat/0", "cat/1", "dog/0", "dog/1")):
        save(tmp_path / f"pets/{name}.bmp", np.full((3, 2), value))
    return tmp_path / "pets"


def test_pictures_in_a_folder_are_known_by_paths_and_sizes(pets):
    before = checksum(folder(pets))
    assert checksum(folder(pets)) == before
    save(pets / "cat/0.bmp", np.full((9, 9), 0))
    assert checksum(folder(pets)) != before


@pytest.mark.parametrize("kind", ["zip", "tar", "xztar"])
def test_pictures_in_an_archive_are_known_by_their_content(pets, tmp_path, kind):
    first = checksum(folder(shutil.make_archive(str(tmp_path / "first"), kind, pets)))
    assert checksum(folder(shutil.make_archive(str(tmp_path / "same"), kind, pets))) == first
    size = (pets / "cat/0.bmp").stat().st_size  # which is all that is known of one in a folder
    save(pets / "cat/0.bmp", np.full((3, 2), 7))
    assert (pets / "cat/0.bmp").stat().st_size == size
    assert checksum(folder(shutil.make_archive(str(tmp_path / "other"), kind, pets))) != first


@pytest.mark.parametrize("values", [torch.rand(5, 3), torch.arange(15).view(5, 3).byte()])
def test_samples_labels_weights_and_names_all_count(values):
    labels, weights = torch.tensor([0, 1, 0, 1, 1]), torch.ones(5)
    changed = values.clone()
    changed[4, 2] = 1
    given = [
        as_source((values, labels)),
        as_source((changed, labels)),
        as_source((values, labels.flip(0))),
        as_source((values, labels, weights)),
        as_source((values, labels), classes=("cat", "dog")),
        as_source((values.view(5, 3, 1), labels)),
    ]
    assert len({checksum(each) for each in given}) == len(given)
    assert checksum(as_source((values.clone(), labels.clone()))) == checksum(given[0])


def test_of_a_stream_nothing_is_known():
    assert checksum(Stream([(torch.rand(4, 3), torch.tensor([0, 1, 1, 0]))], ("a", "b"))) is None


def test_a_run_is_resumed_with_its_own_samples_alone(tmp_path):
    x = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 2
    settings = {"epochs": 2, "out": tmp_path / "run"}

    def trainer() -> ff.Trainer:
        return ff.Trainer(ff.mlp(6, 5, num_classes=2))

    trainer().fit((x, y), validation=(x[:8], y[:8]), **settings)
    changed = x.clone()
    changed[3, 4] += 1e-3
    for train, judge, part in ((changed, x, "train"), (x, changed, "validation")):
        with pytest.raises(
            ValueError, match=f"the {part} samples that the run was trained with, got"
        ):
            trainer().fit((train, y), validation=(judge[:8], y[:8]), resume=True, **settings)
    trainer().fit((x, y), validation=(x[:8], y[:8]), resume=True, **settings)
