"""What an earlier export's folder says is checked: names, links, damage, and folders in between."""

import json
import tempfile

import pytest
from tests.export.exportable import samples

from forward_forward import export
from forward_forward.export import torch_file
from forward_forward.forward import mlp

NAMES = "expected descriptions of files such as 'scan.onnx'"


@pytest.fixture
def exported(tmp_path):
    """The folder of an export, and how to export the other predictor of the same network."""
    net, x, said = mlp(12, 9, num_classes=2), samples(60, 12), []
    folder = tmp_path / "export"
    options = {"to": "torch", "say": said.append}
    export.export(net, x, folder, predictor="scan", **options)

    def again(predictor="one-pass"):
        said.clear()
        return export.export(net, x, folder, predictor=predictor, **options), said

    return folder, again


def rewrite(folder, change) -> None:
    """Change export.json as somebody would who wants it to be read."""
    about = json.loads((folder / "export.json").read_text())
    del about["sha256"]
    change(about)
    (folder / "export.json").write_text(json.dumps(about))


@pytest.mark.parametrize("name", ["{outside}", "../key", "key", "export.json", "scan.onnx/..", ""])
def test_no_file_is_touched_because_a_file_names_it(exported, tmp_path, name):
    folder, again = exported
    key = tmp_path / "key"
    key.write_text("secret")
    key.chmod(0o600)
    before = key.stat()
    rewrite(folder, lambda about: about["models"].update({name.format(outside=key): {}}))
    with pytest.raises(ValueError, match=NAMES):
        again()
    after = key.stat()
    assert (after.st_mode, after.st_ino, key.read_text()) == (
        before.st_mode,
        before.st_ino,
        "secret",
    )


def test_a_link_is_no_file_of_an_export(exported, tmp_path):
    folder, again = exported
    (folder / "scan.pt2").rename(tmp_path / "mine.pt2")
    (folder / "scan.pt2").symlink_to(tmp_path / "mine.pt2")
    with pytest.raises(ValueError, match=r"holds 'scan\.pt2', which is not part of an export"):
        again()
    assert (folder / "scan.pt2").is_symlink()


def test_a_damaged_file_is_not_kept_as_a_verified_one(exported):
    folder, again = exported
    content = bytearray((folder / "scan.pt2").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "scan.pt2").write_bytes(content)
    about, said = again()
    assert list(about["models"]) == ["one_pass.pt2"]
    assert any("have changed since they were verified: scan.pt2; export them" in x for x in said)
    assert sorted(each.name for each in folder.iterdir()) == ["export.json", "one_pass.pt2"]
    both, said = again("scan")  # the file that was lost is written again, and the other is kept
    assert list(both["models"]) == ["one_pass.pt2", "scan.pt2"]
    assert not any("removed" in line for line in said)


def test_a_file_of_an_earlier_version_without_a_checksum_is_kept(exported):
    folder, again = exported
    rewrite(folder, lambda about: about["models"]["scan.pt2"].pop("sha256"))
    assert list(again()[0]["models"]) == ["scan.pt2", "one_pass.pt2"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:100], r"expected a whole JSON file, got .*export\.json"),
        (lambda text: text.replace('"scan"', '"scam"'), r"entries .*export\.json.*SHA-256 differs"),
        (lambda text: "[1]", r"expected a JSON object in .*export\.json"),
        (lambda text: '{"made_by": "another"}', r"export\.json of an export .* of another tool"),
        (lambda text: '{"made_by": "forward-forward", "models": 3}', f"{NAMES}.* got '3'"),
        (lambda text: '{"made_by": "forward-forward", "models": {"scan.pt2": 3}}', NAMES),
    ],
)
def test_a_damaged_export_json_is_named_and_kept(exported, damage, said):
    folder, again = exported
    text = damage((folder / "export.json").read_text())
    (folder / "export.json").write_text(text)
    with pytest.raises(ValueError, match=f"{said}.*: .*choose another folder|{said}.*: "):
        again()
    assert (folder / "export.json").read_text() == text


def test_an_export_that_is_ended_leaves_no_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    seen = []

    def ended(path):
        seen.extend((tmp_path / "temporary").iterdir())
        raise SystemExit(143)  # as SIGTERM ends the command

    monkeypatch.setattr(torch_file, "opened", ended)
    with pytest.raises(SystemExit):
        export.export(mlp(12, 9, num_classes=2), samples(9, 12), tmp_path / "export", to="torch")
    assert len(seen) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["temporary"]
    assert list((tmp_path / "temporary").iterdir()) == []
