"""A wheel and an extra -> a virtual environment with both, what it contains and what runs there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
import tomllib
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN = "forward-forward"
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
    "project"
]["optional-dependencies"]


def normal(name: str) -> str:
    """A package's name as all its spellings have it in common: Py_YAML.x -> py-yaml-x."""
    return re.sub("[-_.]+", "-", name).lower()


def packages(extra: str) -> set[str]:
    """The packages that an extra names, itself or by other extras."""
    found: set[str] = set()
    for requirement in EXTRAS[extra]:
        name, _, others = re.match(r"([\w.-]+)(\[([\w,-]+)\])?", requirement).groups(default="")
        if normal(name) == OWN:
            found = found.union(*map(packages, others.split(",")))
        else:
            found.add(normal(name))
    return found


class Environment:
    """A virtual environment with the wheel and one extra, and a folder to work in.

    That of an extra starts as links to the files of ``core``, so that torch is unpacked once; pip
    replaces a file, and never writes into it.
    """

    def __init__(
        self,
        folder: Path,
        wheel: Path,
        extra: str,
        more: dict[str, str],
        core: Environment | None = None,
    ) -> None:
        self.folder, self.extra = folder, extra
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        kept = {name: each for name, each in os.environ.items() if not name.startswith("PYTHON")}
        kept.pop("FF_DATA", None)
        path = f"{self.bin}{os.pathsep}{kept['PATH']}"
        self.environment = {**kept, **more, "PATH": path, "HF_HOME": str(folder / "hf")}
        self.environment["TRACKIO_DIR"] = str(folder / "trackio")
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        venv.create(folder / "venv", with_pip=core is None)
        if core is not None:
            shutil.copytree(core.site(), self.site(), copy_function=os.link, dirs_exist_ok=True)
        name = str(wheel) if extra == "core" else f"{wheel}[{extra}]"
        self.python("-m", "pip", "install", "--quiet", "--no-compile", "--constraint",
                    ROOT / "constraints.txt", name)  # fmt: skip
        installed = {
            normal(each.name.partition("-")[0]) for each in self.site().glob("*.dist-info")
        }
        self.extras = {each for each in EXTRAS if packages(each) <= installed}
        if core is None:
            # Its bytecode is linked too: without it, each environment would compile torch again.
            self.python("-m", OWN.replace("-", "_"), "datasets", "digits")

    def python(self, *args: object) -> str:
        """What its Python prints in the folder to work in."""
        done = subprocess.run(
            [self.bin / "python", *map(str, args)],
            cwd=self.work,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=3600,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{self.extra}: {args} failed:\n{done.stdout}")
        return done.stdout

    def site(self) -> Path:
        """The folder of its packages."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder / "venv")}))

    def size(self) -> float:
        """Megabytes of its packages."""
        files = [each for each in (self.folder / "venv").rglob("*") if each.is_file()]
        return sum(each.stat().st_size for each in files if each.suffix != ".pyc") / 1e6

    def has(self, extra: str) -> bool:
        """Whether the packages of an extra are installed: for themselves, or for other ones."""
        return extra in self.extras

    def steps(self, steps: list[list[str]]) -> Iterator[tuple[int, str]]:
        """The exit code and the text of each step as it ends, all in one process."""
        other, ended = [], 0
        with subprocess.Popen(
            [self.bin / "python", ROOT / ".ci" / "wheel_steps.py"],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n".join(map(json.dumps, steps)))
            process.stdin.close()
            for line in process.stdout:
                if line.startswith("\x1e"):
                    ended += 1
                    yield tuple(json.loads(line[1:]))
                else:
                    other.append(line)
        if ended < len(steps):
            raise SystemExit(f"{self.extra}: {steps[ended]} ended the process:\n{''.join(other)}")

    def serve(self, words: list[str]) -> tuple[bool, str]:
        """Start the page of `ff demo` and load it: whether that went well, and what it printed."""
        log = self.folder / "demo.log"
        with log.open("w") as out:
            page = subprocess.Popen(
                [self.bin / "python", "-u", "-m", "forward_forward", *words],
                cwd=self.work,
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        try:
            while page.poll() is None:
                if found := re.search(r"http://[\w.:]+", log.read_text()):
                    content = urllib.request.urlopen(found[0], timeout=300).read()
                    return b"gradio" in content, log.read_text()
                time.sleep(0.2)
            return False, log.read_text()
        finally:
            page.send_signal(signal.SIGINT)
            page.wait(300)
