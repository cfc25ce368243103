"""The wheel, in a new environment for each extra -> what runs there, and what each extra weighs.

`make wheel-check` takes some minutes an extra; `python .ci/wheel.py hub onnx` checks two of them,
and "core" is none. In each environment, away from the repository: the README's Python, the
commands of its section "From a terminal" on small data, a use of each extra, the examples, and the
template package. A command that needs an extra whose packages are missing must fail and name it.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / ".ci")]

from tests.hub.stand_in import TOKEN, StandIn  # noqa: E402
from tests.sweep.postgresql import server as postgresql  # noqa: E402
from wheel_environment import EXTRAS, Environment  # noqa: E402
from wheel_readme import needs, steps  # noqa: E402

DEVELOPERS = {"release", "test", "lint", "docs"}
# No extra changes these, and they take long: they run in the core, and with all extras.
ONCE = ("ff benchmark", "ff reproduce")


def check(environment: Environment, database: str) -> list[str]:
    """Run everything in an environment, print it, and return what failed."""
    failed = []

    def outcome(what: str, well: bool, said: str) -> None:
        print(f"    {'ok  ' if well else 'BAD '} {what}", flush=True)
        if not well:
            failed.append(f"{environment.extra}: {what}:\n{said[-3000:]}")

    wanted = steps(environment.extras, database)
    if environment.extra not in ("core", "all"):
        wanted = {name: step for name, step in wanted.items() if not name.startswith(ONCE)}
    served = [name for name in wanted if name.startswith("ff demo") and environment.has("demo")]
    taken = {name: step for name, step in wanted.items() if name not in served}
    for (name, _), (code, said) in zip(
        taken.items(), environment.steps([*taken.values()]), strict=True
    ):
        if missing := sorted(needs(name) - environment.extras):
            asks = code != 0 and any(f"forward-forward[{extra}]" in said for extra in missing)
            outcome(f"{name}  -> asks for [{' or '.join(missing)}]", asks, said)
        else:
            outcome(name, code == 0, said)
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


def main(extras: list[str]) -> None:
    """Build the wheel and check it with each of the extras, or with all there are."""
    known = ["core", *(name for name in EXTRAS if name not in DEVELOPERS)]
    if unknown := set(extras) - set(known):
        raise SystemExit(f"expected some of {', '.join(known)}, got {', '.join(sorted(unknown))}")
    hub = StandIn()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    variables = {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "WANDB_MODE": "offline",
    }
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        dist = Path(name, "dist")
        build = [sys.executable, "-m", "build", "--quiet", "--outdir", str(dist), str(ROOT)]
        subprocess.run(build, check=True)
        subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()], check=True
        )
        wheel = next(dist.glob("*.whl"))
        core = Environment(Path(name, "core"), wheel, "core", variables)
        least = core.size()
        for extra in extras or known:
            began = time.monotonic()
            with tempfile.TemporaryDirectory(dir=name) as folder:
                environment = core
                if extra != "core":
                    environment = Environment(Path(folder), wheel, extra, variables, core)
                size = environment.size()
                print(f"{extra}: {size:,.0f} MB, {size - least:,.0f} more than core", flush=True)
                with contextlib.ExitStack() as stack:
                    database = "postgresql://"
                    if environment.has("postgresql"):
                        database = stack.enter_context(postgresql())
                    failed += check(environment, database)
            print(f"    in {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
