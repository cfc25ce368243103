"""A folder or a database's URL -> Optuna's study, its sampler and its pruner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forward_forward import seeds

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

JOURNAL = "journal.log"
LOCK = ".lock"
MISSING = 'sweeps need Optuna, which is not installed: pip install "forward-forward[sweep]"'

# Until so many trials are whole, none is pruned and settings are drawn at random.
FIRST = 5


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna inside, with its errors alone on stderr: what happens is said elsewhere.

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


class Lock:
    """A lock on a folder's files that the system frees when its holder is killed.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock

        self._lock = FileLock(folder / LOCK)

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def study_of(folder: Path, url: str | None, *, seed: int, epochs: int | None) -> optuna.Study:
    """The study of a sweep, made where there is none yet.

    Args:
        folder: The sweep's folder, whose name is the study's.
        url: Of a database; None for a journal in the folder.
        seed: Of the settings that are drawn.
        epochs: Of every trial, to prune by; None for no pruning.

    Raises:
        ValueError: A URL that Optuna does not know.
    """
    import optuna

    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if epochs is not None:
        # Not sooner: while the rate is high, errors say little of where it will end.
        warmup = max(1, round(epochs / 4))
        pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST, n_warmup_steps=warmup)
    return optuna.create_study(
        storage=_journal(folder) if url is None else _database(url),
        sampler=_keyed_sampler(seed),
        pruner=pruner,
        study_name=folder.resolve().name,
        direction="minimize",
        load_if_exists=True,
    )


def _journal(folder: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path, lock = folder / JOURNAL, Lock(folder)
    with lock:
        _mend(path)
    # Optuna's own locks outlive a process that is killed, by half a minute.
    backend = JournalFileBackend(str(path), lock_obj=lock)  # type: ignore[arg-type]
    return JournalStorage(backend)


def _mend(path: Path) -> None:
    """Cut off a last line that a crash left unfinished: nothing could be read after it."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _database(url: str) -> Any:
    import optuna
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

    shown = hidden(url)
    if urlsplit(url).scheme.startswith("redis"):
        raise ValueError(
            f"expected a database's URL, got {shown!r}: Optuna keeps pickles in Redis, and what is"
            " read from them may run code; use sqlite, postgresql or mysql"
        )
    try:
        return optuna.storages.RDBStorage(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ValueError(
            f"expected a URL such as sqlite:///sweep.db or postgresql://host/name, got {shown!r}:"
            f" {error}"
        ) from error
    except OperationalError as error:
        raise OSError(f"{shown!r} cannot be opened: {error.orig}") from error


def hidden(url: str) -> str:
    """A URL without its password.

    >>> hidden("postgresql://me:secret@host/sweeps")
    'postgresql://me:***@host/sweeps'
    """
    password = urlsplit(url).password
    return url if not password else url.replace(f":{password}@", ":***@")


def _keyed_sampler(seed: int) -> Any:
    """Optuna's TPE, with random numbers that depend on the seed and the trial's number alone.

    So processes that share a sweep do not draw the same settings, and one that goes on does not
    draw those of its beginning again.
    """
    from optuna.samplers import BaseSampler, TPESampler

    class Keyed(BaseSampler):  # type: ignore[misc, unused-ignore]  # where Optuna is missing
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            key = seeds.number(seed, "sweep", trial.number) % 2**32  # NumPy takes no more
            self.tpe = TPESampler(seed=key, n_startup_trials=FIRST)

        def infer_relative_search_space(
            self, study: optuna.Study, trial: optuna.trial.FrozenTrial
        ) -> dict[str, BaseDistribution]:
            return self.tpe.infer_relative_search_space(study, trial)

        def sample_relative(
            self,
            study: optuna.Study,
            trial: optuna.trial.FrozenTrial,
            search_space: Mapping[str, BaseDistribution],
        ) -> dict[str, Any]:
            return self.tpe.sample_relative(study, trial, dict(search_space))

        def sample_independent(
            self,
            study: optuna.Study,
            trial: optuna.trial.FrozenTrial,
            param_name: str,
            param_distribution: BaseDistribution,
        ) -> Any:
            return self.tpe.sample_independent(study, trial, param_name, param_distribution)

    return Keyed()
