"""Bad data of many kinds: each gets a sentence naming file or row, and leaves nothing behind."""

import gzip
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image
from tests.datasets.test_load import packed, pets, png, unpacked

from forward_forward import datasets
from forward_forward.data.pictures import archive as reading

Maker = Callable[[Path], object]  # makes the data in a folder, and gives their path or the words


def pictures(**changed: bytes | None) -> Maker:
    """A folder of pets with files changed, added or (None) left out; "/" is "_" in their names."""
    named = {name.replace("_", "/").replace("DOT", "."): each for name, each in changed.items()}
    files = {name: each for name, each in (pets() | named).items() if each is not None}
    return lambda root: unpacked(root / "pets", files)


def only(*names: str) -> Maker:
    """A folder of files of these names, pictures all."""
    return lambda root: unpacked(root / "pets", {name: png(k) for k, name in enumerate(names)})


def file(name: str, content: str | bytes) -> Maker:
    def make(root: Path) -> Path:
        path = root / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def table(text: str, header: str = "x,colour,label") -> Maker:
    """A table of ten good rows and these."""
    good = "".join(f"{k},{'red' if k % 3 else 'blue'},{'ab'[k % 2]}\n" for k in range(10))
    return file("table.csv", f"{header}\n{good}{text}")


def npz(**arrays: object) -> Maker:
    def make(root: Path) -> Path:
        np.savez(root / "set.npz", **arrays)
        return root / "set.npz"

    return make


def parquet(**columns: object) -> Maker:
    def make(root: Path) -> Path:
        pandas.DataFrame(columns).to_parquet(root / "set.parquet")
        return root / "set.parquet"

    return make


def picture(size: tuple[int, int] = (4, 3), mode: str = "L", kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


def deep() -> bytes:
    """A picture of 16 bits in each of three channels, which Pillow reads but does not write."""
    height, width = 3, 4

    def chunk(kind: bytes, body: bytes) -> bytes:
        whole = kind + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = zlib.compress((b"\0" + bytes(6 * width)) * height)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def archive(name: str, *, keep: float = 1.0, **changed: bytes) -> Maker:
    """An archive of pets and more files, of which a share of the bytes is kept."""

    def make(root: Path) -> Path:
        named = {each.replace("_", "/").replace("DOT", "."): b for each, b in changed.items()}
        path = packed(root / name, pets() | named)
        path.write_bytes(path.read_bytes()[: round(keep * path.stat().st_size)])
        return path

    return make


def empty(root: Path) -> Path:
    (root / "pets").mkdir()
    return root / "pets"


def linked(root: Path) -> Path:
    path = root / "pets.tar"
    with tarfile.open(path, "w") as made:
        member = tarfile.TarInfo("cat/0.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(member)
    return path


def encrypted(root: Path) -> Path:
    path = packed(root / "pets.zip", pets())
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of every entry
        start = raw.find(mark)
        while start >= 0:
            raw[start + place] |= 1
            start = raw.find(mark, start + 1)
    path.write_bytes(raw)
    return path


Y = np.arange(20) % 2
BAD: dict[str, tuple[Maker, str]] = {
    "no such thing": (lambda root: root / "nothing", "or the path of a folder.* got .*nothing'"),
    "a name with a typo": (lambda root: "digts", "did you mean 'digits'"),
    "an unknown ending": (file("a.xyz", "1"), r"ends in one of \.csv .* got .*a\.xyz"),
    "an empty folder": (empty, "2 or more classes .*, got none: sort"),
    "pictures without folders": (only("0.png", "1.png"), "2 or more classes .*, got none"),
    "one class alone": (only("cat/0.png", "cat/1.png"), r"2 or more classes .*got \['cat'\]"),
    "an empty class": (pictures(cow_notesDOTtxt=b"moo"), "got none in 'cow': add some or remove"),
    "text called png": (pictures(cat_aDOTpng=b"miaow"), r"a picture file, got .*cat/a\.png"),
    "an empty picture": (pictures(cat_aDOTpng=b""), r"a picture file, got .*cat/a\.png"),
    "half a picture": (
        pictures(cat_aDOTpng=picture((40, 30))[:-20]),
        r"a picture file, got .*cat/a\.png",
    ),
    "a larger picture": (pictures(cat_aDOTpng=picture((8, 8))), r"3 x 4 .* 8 x 8 in .*a\.png"),
    "a deep picture": (pictures(cat_aDOTpng=picture(mode="I;16")), r"8 bits .* in .*cat/a\.png"),
    "a deep picture in colour": (pictures(cat_aDOTpng=deep()), r"8 bits .* more in .*cat/a\.png"),
    "two parts to train on": (
        only("train/cat/0.png", "train/dog/0.png", "Training/cat/0.png"),
        "two for its train part",
    ),
    "no part to train on": (only("val/cat/0.png", "test/dog/0.png"), "a folder 'train' in"),
    "a new class to test on": (
        only("train/cat/0.png", "train/dog/0.png", "test/cow/0.png"),
        "among 2 classes, got 'cow'",
    ),
    "another folder beside the parts": (
        only("train/cat/0.png", "train/dog/0.png", "test/cat/0.png", "extra/cat/0.png"),
        "nothing but train, val and test .* got 'extra' beside 'train'",
    ),
    "too few to split": (only("cat/0.png", "dog/0.png"), "keep one of every class"),
    "a zip that is none": (file("pets.zip", b"PK nonsense"), r"complete archive, got .*pets\.zip"),
    "half a zip": (archive("pets.zip", keep=0.6), r"complete archive, got .*pets\.zip"),
    "half a tar.xz": (archive("pets.tar.xz", keep=0.6), r"complete archive, got .*pets\.tar\.xz"),
    "half a tar.gz": (archive("pets.tar.gz", keep=0.6), r"complete archive, got .*pets\.tar\.gz"),
    "a zip that leads out": (
        archive("pets.zip", DOTDOT_aDOTpng=b"x"),
        r"below the archive's root, got '\.\./a\.png'",
    ),
    "a tar that leads out": (
        archive("pets.tar", cat_DOTDOT_DOTDOT_aDOTpng=b"x"),
        r"below the archive's root, got 'cat/\.\./\.\./a\.png'",
    ),
    "an absolute path in a tar": (archive("pets.tar", _abs_aDOTpng=b"x"), "got '/abs/a.png'"),
    "a link in a tar": (linked, "plain files, got 'cat/0.png'"),
    "a password": (encrypted, "no encrypted archive"),
    "a broken picture in a zip": (
        archive("pets.zip", cat_aDOTpng=b"miaow"),
        r"a picture file, got .*pets\.zip/cat/a\.png",
    ),
    "an empty table": (file("a.csv", ""), "with rows, got the empty file"),
    "a header alone": (file("a.csv", "x,y\n"), "with rows, got none"),
    "one column": (file("a.csv", "label\na\nb\n"), "one or more of inputs"),
    "a short row": (table("1,red\n"), "line 12: expected 3 cells .* got 2"),
    "a long row": (table("1,red,a,b\n"), "line 12: expected 3 cells .* got 4"),
    "infinity in a table": (table("1,red,a\ninf,red,b\n"), "line 13: .* got 'inf'"),
    "a number too large for float32": (
        table("1e300,red,a\n"),
        r"line 12: .* float32 .* got '1e\+300'",
    ),
    "a word for a number": (table("many,red,a\n"), "line 12: expected a number .* got 'many'"),
    "a missing label": (table("1,red,\n"), "line 12: expected a label in column 'label'"),
    "names for categories": (
        file("a.csv", "x,y\n" + "".join(f"no{k},{'ab'[k % 2]}\n" for k in range(60))),
        "a column of inputs .* 'x' is left out: it has 60 different texts",
    ),
    "two columns of one name": (table("", header="x,x,label"), "different names .* got 'x' twice"),
    "an open quote": (table('1,"red,a\n'), "CSV table .*are all quotes closed"),
    "no text": (file("a.csv", b"x,y\n\0\1\2"), r"a table of text in .*a\.csv.* got binary data"),
    "half of UTF-16": (file("a.csv", "x,y".encode("utf-16") + b"1"), r"UTF-16 text in .*a\.csv"),
    "half a gzipped table": (file("a.csv.gz", gzip.compress(b"x,y\n1,a\n")[:-9]), "whole gzip"),
    "a column without values": (file("a.csv", "x,y\n,a\nNA,b\n"), "'x' is left out: it has no val"),
    "one class in a table": (
        file("a.csv", "x,y\n" + "".join(f"{k},a\n" for k in range(9))),
        "2 or more classes, got 'a' alone",
    ),
    "a parquet file that is none": (file("a.parquet", "PAR1"), r"a parquet file, got .*a\.parquet"),
    "lists in parquet": (
        parquet(x=[[1.0, 2.0]] * 20, y=Y),
        "numbers, truth values, dates or text in column 'x'",
    ),
    "infinity in parquet": (parquet(x=[np.inf, 1.0] * 10, y=Y), "row 1: expected a number"),
    "an npz that is none": (file("a.npz", "nonsense"), r"npz file of arrays, got .*a\.npz"),
    "pickles in an npz": (npz(x=np.array([{}] * 20), y=Y), "npz file of arrays"),
    "other names in an npz": (npz(a=np.eye(20), b=Y), "arrays named x and y.* got a, b"),
    "too few labels": (npz(x=np.eye(20), y=Y[:5]), r"labels \[20\], one per row, got \[5\]"),
    "parts of two shapes": (
        npz(x_train=np.eye(20), y_train=Y, x_test=np.ones((9, 3)), y_test=Y[:9]),
        r"of one shape in .*set\.npz.*got \[3\] in its test part and \[20\]",
    ),
    "NaN in an npz": (npz(x=np.full((20, 2), np.nan), y=Y), "row 0: expected finite"),
    "labels one-hot": (npz(x=np.eye(20), y=np.eye(20)), "use y.argmax"),
    "text for inputs": (npz(x=np.array([["a"]] * 20), y=Y), "expected numbers, got"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_get_a_sentence_and_leave_nothing_behind(ff, tmp_path, monkeypatch, kind):
    make, words = BAD[kind]
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    data = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = ff("train", "--data", data, "--out", tmp_path / "home" / "run", "--epochs", "1")
    assert done.code == 2, done.err
    assert done.out == ""
    said = done.err.strip().splitlines()[-1]
    assert said.startswith("ff: error: ")
    assert re.search(words, said), said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_that_would_fill_the_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("cat/0.png", bytes(2000))
    packed(tmp_path / "pets.tar.xz", {"cat/0.png": bytes(2000)})
    for name in ("pets.zip", "pets.tar.xz"):
        with pytest.raises(ValueError, match=r"at most 1,000 bytes, got 'cat/0.png' of 2,000"):
            reading.tree_of(tmp_path / name)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_an_animated_picture_the_first_frame_is_taken(ff, tmp_path, kind):
    out = io.BytesIO()
    frames = [Image.new("L", (4, 3), value) for value in (0, 255)]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], lossless=True)
    root = unpacked(tmp_path / "pets", pets() | {f"cat/moving.{kind.lower()}": out.getvalue()})
    sets = datasets.load(root)
    held = [part.inputs.amax((1, 2, 3)) for part in (sets.train, sets.validation, sets.test)]
    assert max(int(part.max()) for part in held) <= 120  # the second frame is white


def test_a_picture_in_the_colours_of_print_is_read_as_its_screen_colours(tmp_path):
    out = io.BytesIO()
    Image.new("CMYK", (4, 3), (0, 255, 255, 0)).save(out, "JPEG")  # red
    root = unpacked(tmp_path / "pets", {**pets(), "cat/red.jpg": out.getvalue()})
    sets = datasets.load(root)
    every = [part.inputs for part in (sets.train, sets.validation, sets.test)]
    red = max((x for part in every for x in part), key=lambda x: int(x[0].int().sum()))
    assert red[0].min() > 240
    assert red[1:].max() < 15
