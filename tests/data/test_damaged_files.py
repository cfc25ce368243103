"""npz files and tables with bytes changed, cut off or added: a sentence that names the file."""

import random
import zipfile

import numpy as np
import pandas
import pytest
from pyarrow import parquet

from forward_forward import datasets

X = (np.arange(60 * 16).reshape(60, 4, 4) % 251).astype("uint8")
Y = np.arange(60) % 3
FRAME = pandas.DataFrame({"a": np.arange(60) / 7, "s": list("uvw") * 20, "label": list("pq") * 30})


def checksummed(path):
    import pyarrow

    parquet.write_table(pyarrow.Table.from_pandas(FRAME), path, write_page_checksum=True)


MAKERS = {
    "packed.npz": lambda path: np.savez_compressed(path, x=X, y=Y),
    "plain.npz": lambda path: np.savez(path, x=X, y=Y),
    "a.parquet": FRAME.to_parquet,
    "b.parquet": checksummed,
    "a.csv.gz": lambda path: FRAME.to_csv(path, index=False),
    "a.csv.zip": lambda path: FRAME.to_csv(path, index=False),
    "a.csv.bz2": lambda path: FRAME.to_csv(path, index=False),
    "a.csv.xz": lambda path: FRAME.to_csv(path, index=False),
}


def contents(path):
    sets = datasets.load(path)
    parts = (sets.train, sets.validation, sets.test)
    return [(each.inputs.tolist(), each.labels.tolist(), each.classes) for each in parts]


def damaged(content, rng):
    content, place = bytearray(content), rng.randrange(len(content))
    match rng.choice(["bit", "cut", "gap", "again"]):
        case "bit":
            content[place] ^= 1 << rng.randrange(8)
        case "cut":
            del content[place:]
        case "gap":
            content[place : place + 64] = bytes(len(content[place : place + 64]))
        case "again":
            content[place:place] = content[place : place + rng.randrange(1, 300)]
    return content


@pytest.mark.parametrize("name", MAKERS)
def test_damage_is_refused_by_name_or_changes_nothing(tmp_path, name):
    path = tmp_path / name
    MAKERS[name](path)
    content, whole, rng = path.read_bytes(), contents(path), random.Random(name)
    unnamed = []
    for _ in range(60):
        path.write_bytes(damaged(content, rng))
        try:
            # Without the checksums of its pages, a parquet file shows no damage to its values
            assert contents(path) == whole or name == "a.parquet"
        except (ValueError, OSError) as error:
            unnamed += [] if name in str(error) else [str(error)]
    assert unnamed == []


def test_an_array_whose_header_was_shortened_is_not_a_smaller_one(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=X, y=Y)
    path.write_bytes(path.read_bytes().replace(b"(60, 4, 4)", b"(60, 4, 3)"))
    with pytest.raises(ValueError, match=r"npz file of arrays, got .*a\.npz': its 'x.npy' is dam"):
        datasets.load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("x.npy", b"", "two arrays of one name"), ("z", b"text", "members that are no arrays")],
)
def test_an_npz_of_other_members_is_refused(tmp_path, name, content, words):
    path = tmp_path / "a.npz"
    np.savez(path, x=X, y=Y)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(name, content)
    with pytest.raises(ValueError, match=rf"a\.npz': it has {words}"):
        datasets.load(path)


@pytest.mark.parametrize("place", [0.1, 0.9])
def test_zeros_in_a_table_of_text_are_refused(tmp_path, place):
    path = tmp_path / "a.csv"
    content = FRAME.to_csv(index=False).encode()
    cut = round(place * len(content))
    path.write_bytes(content[:cut] + bytes(100) + content[cut:])
    with pytest.raises(ValueError, match=r"a\.csv"):
        datasets.load(path)


def test_zeros_far_down_a_table_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{k},{'uvw'[k % 3]},{'pq'[k % 2]}\n" for k in range(4000))
    path.write_bytes(f"a,s,label\n{rows}".encode() + b"7,u\0\0v,p\n")
    with pytest.raises(ValueError, match=r"a\.csv"):
        datasets.load(path)
