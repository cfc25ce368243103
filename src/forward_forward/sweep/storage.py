"""A folder or a database's URL -> Optuna's study, with its pruner and sampler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forward_forward import seeds

if TYPE_CHECKING:
    import optuna
    from filelock import FileLock

JOURNAL = "journal.log"
LOCK = ".lock"
MISSING = 'sweeps need Optuna, which is not installed: pip install "forward-forward[sweep]"'
DRIVER = 'for PostgreSQL, pip install "forward-forward[postgresql]"'

# Until so many trials are complete, none is pruned and settings are drawn at random.
FIRST = 5


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna except for errors while the block runs.

    Raises:
        ImportError: Optuna is missing; the message has the line that installs it.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError(MISSING) from error

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def lock(folder: Path) -> FileLock:
    """A lock on a folder's files, which the operating system frees if its holder is killed."""
    from filelock import FileLock

    return FileLock(folder / LOCK)


def study_of(folder: Path, url: str | None, *, epochs: int | None) -> optuna.Study:
    """The study of a sweep, named as its folder, in a database or in a journal in the folder.

    Trials are pruned if all of them have the same number of epochs.
    """
    import optuna

    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if epochs is not None:
        # Not earlier: while the learning rate is high, errors say little about the final one.
        warmup = max(1, round(epochs / 4))
        pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST, n_warmup_steps=warmup)
    return optuna.create_study(
        storage=_journal(folder) if url is None else _database(url),
        pruner=pruner,
        study_name=folder.resolve().name,
        direction="minimize",
        load_if_exists=True,
    )


@contextmanager
def readable(folder: Path, url: str | None) -> Iterator[None]:
    """Within the block, what Optuna raises for a damaged study becomes a ValueError with its name.

    A ValueError that says what to do passes through.
    """
    import optuna

    try:
        yield
    except (
        json.JSONDecodeError,
        UnicodeDecodeError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
        optuna.exceptions.OptunaError,
    ) as error:
        raise ValueError(
            f"expected the trials of a sweep in {place_of(folder, url)!r}, got a damaged record"
            f" ({type(error).__name__}: {error}): restore it from a copy, or start the sweep again"
            " in another folder"
        ) from error


def place_of(folder: Path, url: str | None) -> str:
    """Where a sweep's trials are, as it is shown: the journal's path, or a URL."""
    return str(folder / JOURNAL) if url is None else hidden(url)


def is_within(folder: Path, url: str) -> bool:
    """Whether a database is a file in a folder, which may then name it.

    >>> is_within(Path("sweep"), "sqlite:///sweep/trials.db")
    True
    >>> is_within(Path("sweep"), "sqlite:///sweep/../other.db")
    False
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return False
    database = parsed.database
    if parsed.get_backend_name() != "sqlite" or not database or parsed.query:
        return False
    return Path(database).resolve().is_relative_to(folder.resolve()) and ":" not in database


def sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    """The sampler of one trial: TPE with random numbers keyed by the seed and the trial's number.

    So processes that share a sweep do not draw the same settings, and a sweep that continues does
    not draw those of its beginning again.
    """
    from optuna.samplers import TPESampler

    key = seeds.number(seed, "sweep", number) % 2**32  # NumPy accepts no larger seed
    return TPESampler(seed=key, n_startup_trials=FIRST)


def _journal(folder: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path, held = folder / JOURNAL, lock(folder)
    if path.is_symlink():
        raise ValueError(
            f"expected a file of this sweep, got the link {str(path)!r}, whose target would be"
            " written to: put the file in its place"
        )
    with held:
        _drop_partial_line(path)
    # Optuna's own locks outlive a killed process by half a minute.
    backend = JournalFileBackend(str(path), lock_obj=held)  # type: ignore[arg-type]
    return JournalStorage(backend)


def _drop_partial_line(path: Path) -> None:
    """Cut off a last line that a crash left unfinished: nothing after it could be read."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _database(url: str) -> Any:
    import optuna
    from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

    shown = hidden(url)
    if urlsplit(url).scheme.startswith("redis"):
        raise ValueError(
            f"expected a database's URL, got {shown!r}: Optuna stores pickles in Redis, and reading"
            " them may run code; use sqlite, postgresql or mysql"
        )
    try:
        return optuna.storages.RDBStorage(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(
            f"expected a URL such as sqlite:///sweep.db or postgresql://host/name, got {shown!r}:"
            f" {error}"
        ) from error
    except ImportError as error:
        raise ImportError(f"{shown!r} needs a driver that is not installed: {DRIVER}") from error
    except DatabaseError as error:
        raise OSError(f"{shown!r} cannot be opened: {error.orig}") from error


def hidden(url: str) -> str:
    """A URL without its password.

    >>> hidden("postgresql://me:secret@host/sweeps")
    'postgresql://me:***@host/sweeps'
    """
    password = urlsplit(url).password
    return url if not password else url.replace(f":{password}@", ":***@")
