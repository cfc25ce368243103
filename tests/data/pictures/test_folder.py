"""Pictures on disk become a source: what is read, in which order, by how many processes."""

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from forward_forward.data import Batch, Folder, Source, as_source, folder

# From Python 3.12 a fork beside other threads is warned of; the processes forked here only read.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def saved(path: Path, values: object, mode: str | None = None, **options: object) -> Path:
    """Save a picture of the given pixels [h, w] or [h, w, channels]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, dtype=np.uint8))
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def grey(value: int, height: int = 3, width: int = 2) -> np.ndarray:
    return np.full((height, width), value)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """30 grey pictures of 3 x 2 in three classes; their brightness numbers them in order."""
    for number in range(30):
        name = ("cat", "cow", "dog")[number // 10]
        saved(tmp_path / "pets" / name / f"{number:02}.png", grey(number))
    return tmp_path / "pets"


def numbers_of(batches: Iterator[Batch]) -> list[list[int]]:
    return [(batch.x[:, 0, 0, 0] * 255).round().int().tolist() for batch in batches]


def workers_alive() -> list[multiprocessing.process.BaseProcess]:
    for worker in multiprocessing.active_children():
        worker.join(60)  # returns when it ends, which may take a moment
    return multiprocessing.active_children()


def test_a_folder_is_a_source_with_a_class_a_sub_folder(pets):
    source = pickle.loads(pickle.dumps(folder(pets, workers=0, batch_size=7, name="mine")))
    assert isinstance(source, Source)
    assert as_source(source) is source
    assert (len(source), source.batch_size, source.name) == (30, 7, "mine")
    assert source.classes == ("cat", "cow", "dog")
    assert source.shape == (1, 3, 2)
    assert source.labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    batches = list(source.batches(8))
    assert [batch.x.shape for batch in batches] == [(8, 1, 3, 2)] * 3 + [(6, 1, 3, 2)]
    x = torch.cat([batch.x for batch in batches])
    assert x.dtype == torch.float32
    assert torch.equal(x, (torch.arange(30.0) / 255).view(30, 1, 1, 1).expand(30, 1, 3, 2))
    assert torch.cat([batch.y for batch in batches]).tolist() == source.labels.tolist()
    assert {batch.weight for batch in batches} == {None}


@pytest.mark.parametrize("workers", [0, 2])
def test_the_order_comes_from_the_generator_alone_and_skip_continues_it(pets, workers):
    source, state = folder(pets, workers=workers), torch.get_rng_state()
    whole = numbers_of(source.batches(7, shuffle=seeded(3)))
    assert whole == numbers_of(folder(pets, workers=0).batches(7, shuffle=seeded(3)))
    rows = [number for numbers in whole for number in numbers]
    assert sorted(rows) == list(range(30)) != rows
    assert numbers_of(source.batches(7, shuffle=seeded(3), skip=2)) == whole[2:]
    assert numbers_of(source.batches(7, skip=9)) == []
    generator = seeded(3)
    epochs = [numbers_of(source.batches(30, shuffle=generator)) for _ in range(2)]
    assert epochs[0] != epochs[1]
    for batch in source.batches(7, shuffle=seeded(4)):
        assert torch.equal(batch.y, (batch.x[:, 0, 0, 0] * 255).round().long() // 10)
    assert torch.equal(state, torch.get_rng_state())
    assert workers_alive() == []


def test_skipped_batches_are_not_read(pets):
    source = folder(pets, workers=0)
    (pets / "cat" / "03.png").write_bytes(b"")
    assert numbers_of(source.batches(10, skip=1)) == [list(range(10, 20)), list(range(20, 30))]


def test_workers_end_with_the_reading_that_started_them(pets):
    source = folder(pets, workers=2)
    batches = source.batches(3)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    assert workers_alive() == []
    (pets / "dog" / "25.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="a picture file") as caught:
        list(source.batches(3))
    assert workers_alive() == []
    assert "Traceback" not in str(caught.value)
    list(source.batches(30, skip=1))  # nothing to read, nobody to read it


def test_an_interrupt_is_left_to_the_main_process(pets):
    batches = folder(pets, workers=2).batches(2)
    first = [next(batches) for _ in range(2)]  # one of each worker
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, signal.SIGINT)
    assert numbers_of(iter([*first, *batches])) == [[k, k + 1] for k in range(0, 30, 2)]


@pytest.mark.slow
def test_workers_need_not_be_forked(pets):
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method("spawn", force=True)
    try:
        assert numbers_of(folder(pets, workers=1).batches(15)) == [
            list(range(15)),
            list(range(15, 30)),
        ]
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_pictures_of_all_formats_are_found_and_the_rest_is_left_out(tmp_path):
    names = ["b.PNG", "a.jpg", "c.JPEG", "d.bmp", "e.gif", "f.webp", "in/one/g.png"]
    for number, name in enumerate(names):
        saved(tmp_path / "x" / name, grey(10 * number, 8, 8))
    for name in (".hidden.png", ".ipynb_checkpoints/h.png"):
        saved(tmp_path / "x" / name, grey(99, 8, 8))
    saved(tmp_path / "y" / "z.png", grey(200, 8, 8))
    saved(tmp_path / ".cache" / "z.png", grey(200, 8, 8))
    saved(tmp_path / "stray.png", grey(200, 8, 8))
    (tmp_path / "x" / "Thumbs.db").write_text("no picture")
    (tmp_path / "y" / "labels.csv").write_text("no picture")
    source = folder(tmp_path, mode="L", workers=0)
    assert source.classes == ("x", "y")
    assert source.files == (*(f"x/{name}" for name in sorted(names)), "y/z.png")
    (batch,) = source.batches(20)
    expected = [10 * names.index(name) for name in sorted(names)] + [200]
    assert np.allclose(batch.x[:, 0].mean((1, 2)) * 255, expected, atol=2)


def two_classes(tmp_path: Path, first: np.ndarray, second: np.ndarray, **options: object) -> Folder:
    saved(tmp_path / "a" / "0.png", first)
    saved(tmp_path / "b" / "0.png", second)
    return folder(tmp_path, workers=0, **options)


def colours(height: int = 3, width: int = 2) -> np.ndarray:
    return np.arange(height * width * 3).reshape(height, width, 3) * 7


def test_colour_is_kept_where_a_class_begins_with_it(tmp_path):
    source = two_classes(tmp_path, grey(100), colours())
    assert source.shape == (3, 3, 2)
    (batch,) = source.batches(2)
    assert (batch.x[0] * 255).round().eq(100).all()
    expected = torch.from_numpy(colours()).permute(2, 0, 1)
    assert torch.equal((batch.x[1] * 255).round().long(), expected)
    as_grey = folder(tmp_path, mode="L", workers=0)
    assert as_grey.shape == (1, 3, 2)
    (batch,) = as_grey.batches(2)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    assert (batch.x[1] * 255 - (expected * weights).sum(0)).abs().max() < 1


def test_colour_that_would_be_lost_is_an_error_unless_asked_for(tmp_path):
    source = two_classes(tmp_path, grey(100), grey(50))
    path = saved(tmp_path / "b" / "1.png", colours())
    saved(tmp_path / "b" / "2.gif", grey(7))  # has a palette, all of it grey
    source = folder(tmp_path, workers=0)
    assert source.shape == (1, 3, 2)
    with pytest.raises(ValueError, match=rf"grey pictures like .*a/0\.png.*{path}.*mode='RGB'"):
        list(source.batches(4))
    assert folder(tmp_path, mode="RGB", workers=0).shape == (3, 3, 2)
    path.unlink()
    (batch,) = folder(tmp_path, workers=0).batches(4)
    assert (batch.x[:, 0, 0, 0] * 255).round().tolist() == [100, 50, 7]


def test_what_is_transparent_is_white_and_pictures_stand_upright(tmp_path):
    clear = np.zeros((3, 2, 4))
    clear[0, 0] = (10, 20, 30, 255)
    source = two_classes(tmp_path, clear, colours())
    (batch,) = source.batches(2)
    assert (batch.x[0, :, 0, 0] * 255).round().tolist() == [10, 20, 30]
    assert batch.x[0, :, 1:].eq(1).all()
    lying = Image.Exif()
    lying[0x0112] = 6  # to be turned by 90 degrees to the right
    saved(tmp_path / "b" / "0.png", [[0, 1, 2], [3, 4, 5]], exif=lying)
    (batch,) = folder(tmp_path, mode="L", workers=0).batches(2)
    assert (batch.x[1, 0] * 255).round().tolist() == [[3, 0], [4, 1], [5, 2]]


@pytest.mark.parametrize(("size", "shape"), [((4, 6), (1, 4, 6)), (5, (1, 5, 5)), ((3, 2), None)])
def test_pictures_are_scaled_to_one_size(tmp_path, size, shape):
    ramp = np.tile(np.arange(0, 256, 255 / 8).astype(int), (8, 1))
    source = two_classes(tmp_path, grey(100), ramp, size=size)
    assert source.shape == (shape or (1, 3, 2))
    (batch,) = source.batches(2)
    assert (batch.x[0] * 255).round().eq(100).all()
    assert batch.x[1, 0].diff(dim=1).min() > 0
    assert batch.x[1, 0].diff(dim=0).abs().max() < 1e-6


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_of_another_shape_or_none_is_named(pets, workers):
    odd = saved(pets / "dog" / "21.png", grey(21, 4, 5))
    source = folder(pets, workers=workers)
    expected = r"expected 3 x 2 pictures \(height x width\) like .*00\.png"
    fix = r"got 4 x 5 in .*dog/21\.png.*: pass size=\(3, 2\)"
    with pytest.raises(ValueError, match=f"^{expected}.*{fix}"):
        list(source.batches(4))
    content = saved(odd, np.random.default_rng(0).integers(0, 255, (30, 30))).read_bytes()
    odd.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"^expected a picture file, got .*dog/21\.png"):
        list(folder(pets, workers=workers).batches(4))


def test_deep_pictures_are_not_cut_off_at_255(tmp_path):
    two_classes(tmp_path, grey(1), grey(2))
    Image.fromarray(np.full((3, 2), 40_000, dtype=np.uint16)).save(tmp_path / "b" / "1.png")
    with pytest.raises(ValueError, match=r"8 bits a channel, got more in .*b/1\.png.*Dataset"):
        list(folder(tmp_path, mode="L", workers=0).batches(3))


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        (None, {}, r"got .*set', which does not exist: check the path; datasets\.load"),
        ([], {}, r"2 or more classes in .*set', got none: sort"),
        (["0.png"], {}, "got none: sort the pictures into sub-folders"),
        (["a/0.png"], {}, r"got \['a'\]: sort"),
        (["a/0.png", "b/notes.txt"], {}, "in every sub-folder .*got none in 'b': add some or"),
        (["train/a/0.png", "Test/a/0.png"], {}, "parts of a split, .*Test. alone"),
        (["a/0.png", "b/0.png"], {"classes": ("a", "bb")}, "got 'b' in .*did you mean 'bb'"),
        (["a/0.png", "b/0.png"], {"classes": "ab"}, "different class names"),
        (["a/0.png", "b/0.png"], {"size": 0}, r"size as pixels or \(height, width\).*got 0"),
        (["a/0.png", "b/0.png"], {"size": (1, 2, 3)}, r"size .*got \(1, 2, 3\)"),
        (["a/0.png", "b/0.png"], {"mode": "RGBA"}, r"mode 'L' \(grey\), 'RGB' or None"),
        (["a/0.png", "b/0.png"], {"workers": -1}, "workers >= 0, got 256 and -1"),
        (["a/0.png", "b/0.png"], {"batch_size": 0}, "batch_size >= 1 and workers"),
    ],
)
def test_folders_that_do_not_fit_are_refused_at_once(tmp_path, files, options, message):
    root = tmp_path / "set"
    for name in files or ():
        saved(root / name, grey(1)) if name.endswith("png") else saved_text(root / name)
    if files == []:
        root.mkdir()
    with pytest.raises(ValueError, match=message):
        folder(root, **options)


def saved_text(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("no picture")


def test_a_broken_first_picture_is_named_at_once(pets):
    (pets / "cow" / "10.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"expected a picture file, got .*10\.png"):
        folder(pets)


def test_bad_sizes_and_generators_are_refused_at_the_call(pets):
    source = folder(pets, workers=0)
    with pytest.raises(ValueError, match="batch_size >= 1"):
        source.batches(0)
    with pytest.raises(ValueError, match="skip >= 0"):
        source.batches(2, skip=-1)


def test_a_path_becomes_a_source(pets):
    for path in (pets, str(pets)):
        source = as_source(path, name="pets")
        assert isinstance(source, Folder)
        assert repr(source) == "Folder('pets': 30 pictures of [1, 3, 2], 3 classes)"
        assert source.workers >= 1
    backwards = as_source(pets, classes=["dog", "fox", "cow", "cat"])
    assert backwards.classes == ("dog", "fox", "cow", "cat")
    assert next(backwards.batches(30)).y.tolist() == [3] * 10 + [2] * 10 + [0] * 10
    with pytest.raises(ValueError, match="which does not exist"):
        as_source(pets / "nowhere")
    with pytest.raises(ValueError, match=r"00\.png', a file"):
        as_source(pets / "cat" / "00.png")
