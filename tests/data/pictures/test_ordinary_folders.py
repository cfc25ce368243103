"""Folders as they lie on disks: what systems leave in them, links, wrappers, names of the parts."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forward_forward import datasets
from forward_forward.data.pictures.framing import Frame, read_picture


def pets(root: Path, count: int = 10, names: Iterable[str] = ("cat", "dog")) -> Path:
    """Pictures of one brightness for each class, ``count`` each."""
    for place, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (4, 3), 100 * place + number).save(root / name / f"{number}.png")
    return root


def counted(path: Path) -> tuple[tuple[str, ...], int]:
    sets = datasets.load(path)
    return sets.classes, len(sets.train) + len(sets.validation) + len(sets.test)


SYSTEM = ("@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", ".thumbs")


@pytest.mark.parametrize("name", [*SYSTEM, "lost+found", "__MACOSX"])
def test_folders_that_systems_leave_behind_hold_no_pictures_of_the_set(tmp_path, name):
    root = pets(tmp_path / "pets")
    for place in (root, root / "cat"):
        (place / name / "0.png").mkdir(parents=True)
        shutil.copy(root / "dog/0.png", place / name / "0.png" / "thumbnail.png")
    assert counted(root) == (("cat", "dog"), 20)
    assert counted(Path(shutil.make_archive(str(root), "zip", root))) == (("cat", "dog"), 20)


def test_a_link_to_a_folder_around_it_is_not_followed(tmp_path):
    root = pets(tmp_path / "pets")
    (root / "cat" / "again").symlink_to(root / "cat")
    (root / "dog" / "all").symlink_to(root)
    assert counted(root) == (("cat", "dog"), 20)


def test_links_elsewhere_are_followed_and_two_parts_may_be_one_folder(tmp_path):
    root = pets(tmp_path / "pets" / "train").parent
    (root / "test").symlink_to(pets(tmp_path / "more", 3))
    (root / "val").symlink_to(tmp_path / "more")
    assert counted(root) == (("cat", "dog"), 32)


def test_a_pipe_is_refused_by_name_rather_than_waited_for(tmp_path, ff):
    root = pets(tmp_path / "pets")
    os.mkfifo(root / "cat" / "camera.png")
    os.mkfifo(tmp_path / "a.csv")
    for path in (root, tmp_path / "a.csv"):
        done = ff("train", "--data", path, "--out", tmp_path / "run")
        assert done.code == 2
        named = root / "cat" / "camera.png" if path == root else path
        said = f"expected a file, got '{named}', a pipe, a device or a broken link: remove it"
        assert said in done.err
    with pytest.raises(ValueError, match=r"camera\.png', a pipe"):
        read_picture(root / "cat" / "camera.png", Frame((1, 3, 4)))


@pytest.mark.parametrize(
    "names",
    [
        ("training_set", "test_set"),
        ("Train-Set", "Testing Images"),
        ("trainset", "testset"),
        ("train_data", "test_data"),
    ],
)
def test_names_of_folders_that_hold_the_parts(tmp_path, names):
    for name, count in zip(names, (20, 5), strict=True):
        pets(tmp_path / "pets" / name, count)
    sets = datasets.load(tmp_path / "pets")
    assert sets.classes == ("cat", "dog")
    assert len(sets.test) == 10


def test_classes_may_begin_like_parts(tmp_path):
    assert counted(pets(tmp_path, names=("trainer", "tester")))[0] == ("tester", "trainer")


@pytest.mark.parametrize("packed", [False, True])
def test_one_folder_around_the_classes_may_have_files_beside_it(tmp_path, packed):
    pets(tmp_path / "in" / "dataset" / "pets")
    (tmp_path / "in" / "README.md").write_text("by many")
    Image.new("L", (4, 3)).save(tmp_path / "in" / "logo.png")
    root = tmp_path / "in"
    path = Path(shutil.make_archive(str(root), "zip", root)) if packed else root
    assert counted(path) == (("cat", "dog"), 20)
    assert datasets.load(path).notes[0] == "classes are taken from the folder 'dataset/pets' in it"


def test_one_class_alone_is_one_of_the_known_ones(tmp_path):
    pets(tmp_path / "in" / "cat", 3, ("2020", "2021"))
    found = datasets.load_like(tmp_path / "in", classes=("cat", "dog"), shape=(1, 3, 4))
    assert found.labels.tolist() == [0] * 6


@pytest.mark.parametrize("ending", ["jfif", "jpe", "dib", "pgm", "ppm", "pnm"])
def test_pictures_under_rarer_names_are_read(tmp_path, ending):
    root = pets(tmp_path / "pets")
    for path in [*root.rglob("*.png")]:
        form = {"jfif": "JPEG", "jpe": "JPEG", "dib": "BMP"}.get(ending, "PPM")
        Image.open(path).save(path.with_suffix(f".{ending}"), form)
        path.unlink()
    assert counted(root) == (("cat", "dog"), 20)


@pytest.mark.parametrize("width", [5, 56, 171])
def test_bitmaps_of_any_width_are_read(tmp_path, width):
    # A row of 56 pixels takes 168 bytes, which is no depth of 16 bits.
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("RGB", (width, 3), (number, 5, 9)).save(tmp_path / name / f"{number}.bmp")
    assert datasets.load(tmp_path).train.shape == (3, 3, width)


def test_a_bitmap_of_16_bits_a_pixel_has_no_deep_channels(tmp_path):
    root = pets(tmp_path / "pets")
    path = root / "cat" / "0.bmp"
    Image.new("RGB", (4, 3)).save(path)
    content = bytearray(path.read_bytes())
    content[28] = 16  # bits a pixel; rows of 4 pixels then take 8 bytes
    path.write_bytes(content)
    assert counted(root)[1] == 21


def test_a_portable_pixmap_of_16_bits_is_refused_as_other_deep_pictures_are(tmp_path):
    root = pets(tmp_path / "pets")
    deep = np.full((3, 4, 3), 40_000, dtype=">u2").tobytes()
    (root / "cat" / "0.ppm").write_bytes(b"P6 4 3 65535\n" + deep)
    with pytest.raises(ValueError, match=r"8 bits a channel, got more in .*0\.ppm"):
        datasets.load(root)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch, ff):
    monkeypatch.setenv("HOME", str(tmp_path))
    pets(tmp_path / "pets")
    assert counted(Path("~/pets")) == counted(tmp_path / "pets")
    like = {"classes": ("cat", "dog"), "shape": (1, 3, 4)}
    assert len(datasets.load_like("~/pets", **like)) == 20
    done = ff("train", "--data=~/pets", "--hidden", "4", "--epochs", "1", "--out=~/run")
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "run.json").exists()
