"""The package that would go to PyPI, and the files that GitHub and its visitors read."""

import json
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml

from forward_forward import __version__

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())


def called(*words, **environment):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder, **environment):
    """The files of a distribution by name, and its metadata; twine accepts both archives."""
    environment = {"GITHUB_SERVER_URL": "", "GITHUB_REPOSITORY": "", **environment}
    called("build", "--no-isolation", "--outdir", folder, ".", **environment)
    called("twine", "check", "--strict", *folder.iterdir())
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
        return archive.namelist(), message_from_bytes(archive.read(path))


def links(page):
    return re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", page)


@pytest.mark.slow
def test_the_package_builds_and_its_page_has_no_relative_links(tmp_path):
    names, metadata = built(tmp_path)
    assert metadata["Version"] == __version__
    assert "forward_forward/hub/templates/card.md" in names
    assert "forward_forward/py.typed" in names
    assert metadata.get_all("Project-URL") is None
    page = metadata.get_payload(decode=True).decode()
    assert [each for each in links(page) if not each.startswith(("https://", "#"))] == []
    assert "![" not in page
    assert "`docs/engine.md`" in page
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"hatch_build.py", "README.md", "LICENSE", "constraints.txt"} <= inside


def test_where_the_repository_is_known_links_lead_to_its_tag(monkeypatch):
    hook = runpy.run_path(str(ROOT / "hatch_build.py"))
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example")
    monkeypatch.setenv("GITHUB_REPOSITORY", "us/ff")
    fields = {"version": "1.2.3"}
    hook["Metadata"](str(ROOT), {}).update(fields)
    assert fields["urls"]["Repository"] == "https://git.example/us/ff"
    page = fields["readme"]["text"]
    assert "![A handwritten 6" in page
    assert "(https://git.example/us/ff/raw/v1.2.3/docs/picture.png)" in page
    assert "](https://git.example/us/ff/blob/v1.2.3/docs/data.md#sets-with-a-name)" in page
    assert [each for each in links(page) if not each.startswith(("https://", "#"))] == []


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("github-issue-forms", [f".github/ISSUE_TEMPLATE/{name}.yml" for name in ("bug", "idea")]),
        ("github-issue-config", [".github/ISSUE_TEMPLATE/config.yml"]),
        ("dependabot", [".github/dependabot.yml"]),
        ("citation-file-format", ["CITATION.cff"]),
    ],
)
def test_a_file_keeps_its_schema(schema, files):
    called("check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_the_hooks_of_pre_commit_and_the_container_can_be_read():
    called("pre_commit", "validate-config", ".pre-commit-config.yaml")
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    made = re.findall(r"make (\S+)", container["postCreateCommand"])
    assert f"{made[0]}:" in (ROOT / "Makefile").read_text()


def test_actions_are_pinned_and_publishing_needs_no_password():
    text = "".join(path.read_text() for path in WORKFLOWS)
    uses = re.findall(r"uses: (\S+)", text)
    assert len(uses) > 8
    loose = [each for each in uses if not re.search(r"@v\d|^\./", each)]
    assert loose == []
    assert "id-token: write" in text
    assert "password" not in text.replace("without a password", "")
    assert "secrets." not in text


def test_every_supported_python_is_tested_on_every_system():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    versions = re.findall(r"Python :: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text())
    assert matrix["python"] == versions
    assert {each.partition("-")[0] for each in matrix["system"]} == {"ubuntu", "macos", "windows"}


def test_the_install_page_names_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / "install.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(project["optional-dependencies"]) <= named
