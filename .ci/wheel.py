"""The wheel, in a new environment for each extra -> what runs there, and what each extra weighs.

`make wheel-check` takes some minutes an extra; `python .ci/wheel.py hub onnx` checks two of them,
and "core" is none. In each environment, away from the repository: the README's Python, the
commands of its section "From a terminal" on small data, the examples, and the template package. A
command that needs another extra must fail and name it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.hub.stand_in import TOKEN, StandIn  # noqa: E402

DEVELOPERS = {"release", "test", "lint", "docs"}
# Beginnings of commands, or parts of them, and the extra that they need.
NEEDS = {
    "--track tensorboard": "tensorboard",
    "ff sweep": "sweep",
    "ff export": "onnx",
    "ff demo": "demo",
    "ff push": "hub",
    "hf://": "hub",
}
# No extra changes these, and they take long: they run in the core, and with all extras.
ONCE = ("ff benchmark", "ff reproduce")
# Smaller data and shorter trainings than in the README; what is not a command line stays out.
SHORTER = [
    (r"--data (?:fashion_)?mnist\b", "--data digits"),
    (r"--data cifar10\b", "--data colours.npz"),
    (r"--hidden 1000 1000", "--hidden 100 100"),
    (r"--epochs \d+", "--epochs 1"),
    (r"--trials \d+", "--trials 2 --epochs 1"),
    (r"(ff benchmark(?!.*--parts).*)", r"\1 --quick"),
    (r"(ff benchmark --parts.*)", r"\1 --quick"),
    (r"--scale quick", "--scale smoke"),
    (r"(ff demo .*)", r"\1 --no-browser"),
]
FILES = '''
import numpy, pandas
from PIL import Image
from pathlib import Path
rng = numpy.random.default_rng(0)
frame = pandas.DataFrame({"rooms": rng.integers(1, 9, 300), "age": rng.integers(0, 90, 300)})
frame.assign(price=frame.rooms * 50_000.5 - frame.age).to_csv("houses.csv", index=False)
frame.assign(target=frame.rooms > 4).to_csv("churn.csv", index=False)
frame.to_csv("new_customers.csv", index=False)
Image.fromarray(rng.integers(0, 255, (40, 30), dtype=numpy.uint8)).save("picture.png")
for kind in "ab":
    Path("my_images", kind).mkdir(parents=True)
    for n in range(20):
        pixels = rng.integers(0, 128 + 127 * (kind == "b"), (12, 12), dtype=numpy.uint8)
        Image.fromarray(pixels).save(f"my_images/{kind}/{n}.png")
colours = rng.integers(0, 255, (200, 32, 32, 3), dtype=numpy.uint8)
numpy.savez("colours.npz", x=colours, y=rng.integers(0, 10, 200))
Path("my_rules.py").write_text("""
def my_loss(pos, neg):
    \\"\\"\\"Squared hinge of each pair.

    Raises:
        ValueError: There are no negatives.
    \\"\\"\\"
    if len(neg) == 0:
        raise ValueError("my_loss expected at least one negative, got none: use log_sigmoid")
    return (1 + neg - pos).relu().square().mean(0)
""")
'''


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
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        venv.create(folder / "venv", with_pip=core is None)
        if core is not None:
            (site,) = (core.folder / "venv").rglob("site-packages")
            place = folder / site.relative_to(core.folder)
            shutil.copytree(site, place, copy_function=os.link, dirs_exist_ok=True)
        name = str(wheel) if extra == "core" else f"{wheel}[{extra}]"
        self.python("-m", "pip", "install", "--quiet", "--no-compile", "--constraint",
                    ROOT / "constraints.txt", name)  # fmt: skip

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

    def size(self) -> float:
        """Megabytes of its packages."""
        files = [each for each in (self.folder / "venv").rglob("*") if each.is_file()]
        return sum(each.stat().st_size for each in files if each.suffix != ".pyc") / 1e6

    def has(self, extra: str) -> bool:
        """Whether it was installed with an extra, alone or as one of all."""
        return self.extra in (extra, "all")

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


def shorter(line: str) -> str:
    """A command of the README with little to do."""
    for pattern, replacement in SHORTER:
        line = re.sub(pattern, replacement, line)
    if line.startswith("ff train") and not re.search("--(resume|config)", line):
        line += "" if "--epochs" in line else " --epochs 1"
        line += "" if "--data" in line else " --data digits"
    return line.replace("examples/own_cnn.py", (ROOT / "examples" / "own_cnn.py").as_posix())


def steps_of_readme() -> dict[str, list[str]]:
    """Everything that runs in each environment, by what to print."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", readme, re.DOTALL))
    section = readme.partition("## From a terminal")[2].partition("```bash\n")[2]
    lines = [line.partition("#")[0].strip() for line in section.partition("```")[0].splitlines()]
    lines = ["ff train --data churn.csv --out runs/churn", *lines, "ff evaluate hf://user/name"]
    commands = {line: ["ff", *shlex.split(line)[1:]] for line in map(shorter, lines)}
    examples = {
        f"examples/{name}.py": ["script", str(ROOT / "examples" / f"{name}.py"), *options]
        for name, options in EXAMPLES.items()
    }
    files = {"files to work with": ["code", FILES]}
    return {**files, "the README's Python": ["code", blocks], **commands, **examples}


def check(environment: Environment) -> list[str]:
    """Run everything in an environment, print it, and return what failed."""
    failed = []

    def outcome(what: str, well: bool, said: str) -> None:
        print(f"    {'ok  ' if well else 'BAD '} {what}", flush=True)
        if not well:
            failed.append(f"{environment.extra}: {what}:\n{said[-3000:]}")

    steps = steps_of_readme()
    if environment.extra not in ("core", "all"):
        steps = {name: step for name, step in steps.items() if not name.startswith(ONCE)}
    served = [name for name in steps if name.startswith("ff demo") and environment.has("demo")]
    taken = {name: step for name, step in steps.items() if name not in served}
    for (name, _), (code, said) in zip(
        taken.items(), environment.steps([*taken.values()]), strict=True
    ):
        needed = next((extra for part, extra in NEEDS.items() if part in name), None)
        if needed is None or environment.has(needed):
            outcome(name, code == 0, said)
        else:
            asks = code != 0 and f"forward-forward[{needed}]" in said
            outcome(f"{name}  -> asks for [{needed}]", asks, said)
    for name in served:
        outcome(name, *environment.serve(shlex.split(name)[1:]))
    environment.python("-m", "pip", "install", "--quiet", ROOT / "examples" / "plugin")
    helped = environment.python("-m", "forward_forward", "train", "--help")
    options = ["--data", "stripes", "--recipe", "bounded", "--epochs", "1"]
    ((code, said),) = environment.steps([["ff", "train", *options]])
    known = "bounded (ff-bounded)" in " ".join(helped.split())
    outcome("examples/plugin", known and code == 0, helped + said)
    environment.python("-m", "pip", "uninstall", "--quiet", "--yes", "ff-bounded")
    return failed


EXAMPLES = {
    "mnist": ("--data", "digits", "--epochs", "2"),
    "own_cnn": ("--epochs", "2"),
    "own_loss": ("--epochs", "2"),
}


def main(extras: list[str]) -> None:
    """Build the wheel and check it with each of the extras, or with all there are."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = ["core", *(name for name in table["optional-dependencies"] if name not in DEVELOPERS)]
    if unknown := set(extras) - set(known):
        raise SystemExit(f"expected some of {', '.join(known)}, got {', '.join(sorted(unknown))}")
    server = StandIn()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub = {"HF_ENDPOINT": server.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        dist = Path(name, "dist")
        build = [sys.executable, "-m", "build", "--quiet", "--outdir", str(dist), str(ROOT)]
        subprocess.run(build, check=True)
        subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()], check=True
        )
        wheel = next(dist.glob("*.whl"))
        core = Environment(Path(name, "core"), wheel, "core", hub)
        least = core.size()
        for extra in extras or known:
            began = time.monotonic()
            with tempfile.TemporaryDirectory(dir=name) as folder:
                environment = core
                if extra != "core":
                    environment = Environment(Path(folder), wheel, extra, hub, core)
                size = environment.size()
                print(f"{extra}: {size:,.0f} MB, {size - least:,.0f} more than core", flush=True)
                failed += check(environment)
            print(f"    in {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
