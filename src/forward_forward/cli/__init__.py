"""The ``ff`` command: a command line -> a call of the library -> results on stdout.

Each command is a dataclass whose fields are its options; calling it runs it and returns the exit
code. Progress and messages go to stderr. The exit code is 0, 1 for a failure, 2 for wrong usage or
130 for Ctrl-C and SIGTERM. Commands import torch only when they run, so that ``--help`` is fast.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version

if os.environ.get("NO_COLOR"):
    # Tyro has its own variable, which it reads when it is imported below.
    os.environ.setdefault("PYTHON_TYRO_ANSI_CODES", "False")

import tyro

from forward_forward.cli.benchmark import BenchmarkCommand
from forward_forward.cli.check import CheckCommand
from forward_forward.cli.compare import CompareCommand
from forward_forward.cli.config import with_config
from forward_forward.cli.datasets import DatasetsCommand
from forward_forward.cli.demo import DemoCommand
from forward_forward.cli.doctor import DoctorCommand
from forward_forward.cli.errors import said
from forward_forward.cli.evaluate import EvaluateCommand
from forward_forward.cli.export import ExportCommand
from forward_forward.cli.help import DESCRIPTION, adapted, check_command, overview, width
from forward_forward.cli.predict import PredictCommand
from forward_forward.cli.push import PushCommand
from forward_forward.cli.report import ReportCommand
from forward_forward.cli.reproduce import ReproduceCommand
from forward_forward.cli.sweep import SweepCommand
from forward_forward.cli.train import TrainCommand
from forward_forward.cli.values import check_values
from forward_forward.signals import STOPPED, Stopping, stoppable

COMMANDS: dict[str, type[Callable[[], int]]] = {
    "train": TrainCommand,
    "evaluate": EvaluateCommand,
    "predict": PredictCommand,
    "sweep": SweepCommand,
    "compare": CompareCommand,
    "export": ExportCommand,
    "push": PushCommand,
    "reproduce": ReproduceCommand,
    "report": ReportCommand,
    "demo": DemoCommand,
    "datasets": DatasetsCommand,
    "check": CheckCommand,
    "benchmark": BenchmarkCommand,
    "doctor": DoctorCommand,
}


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line, and exit the process.

    Args:
        args: Arguments after ``ff``; None for those of the process.
    """
    warnings.showwarning = _warn  # type: ignore[assignment]
    _show_decoding()
    _fit_terminal()
    # Read when torch is imported. Threads that spin while they wait make a step several times
    # slower beside a busy process, which takes one of their cores (results/busy.py).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    typed = [_expanded(each) for each in (sys.argv[1:] if args is None else args)]
    if typed == ["--version"]:
        print(f"ff {version('forward-forward')}")
        sys.exit(0)
    if not typed or typed[0] in ("-h", "--help"):
        print(overview(COMMANDS), file=sys.stdout if typed else sys.stderr)
        sys.exit(0 if typed else 2)
    with stoppable() as stopping:
        code = _run(typed, stopping)
        if stopping.asked and code == 0:  # a library has swallowed the KeyboardInterrupt
            code = _stopped("")
        sys.exit(code)


def _run(typed: Sequence[str], stopping: Stopping) -> int:
    """Run a command, say what went wrong, and return the exit code."""
    try:
        check_command(typed)
        with adapted(typed):
            words = with_config(typed)
            if words[0] in COMMANDS and not {"-h", "--help"} & {*words}:
                check_values(COMMANDS[words[0]], words[1:])
            command = _parsed(words)
        return command()
    except KeyboardInterrupt as interrupt:
        stopping.asked = True  # from now on, another Ctrl-C ends the process at once
        return _stopped(str(interrupt))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # also whatever code of the user's own raises
        if stopping.asked:  # a library has made it of the KeyboardInterrupt
            return _stopped("")
        if os.environ.get("FF_TRACEBACK") or (text := said(error)) is None:
            raise
        print(f"ff: error: {text}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1


def _stopped(why: str) -> int:
    print(f"\nff: {why or 'stopped'}", file=sys.stderr)
    return STOPPED


def _parsed(args: Sequence[str]) -> Callable[[], int]:
    """The command of arguments; tyro then suggests no option of another command."""
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
    if args[0] in COMMANDS:
        name, *rest = args
        return tyro.cli(COMMANDS[name], prog=f"ff {name}", args=rest, config=config)
    return tyro.extras.subcommand_cli_from_dict(  # for completion, which covers all commands
        COMMANDS,  # type: ignore[arg-type]
        prog="ff",
        description=DESCRIPTION,
        args=args,
        config=config,
    )


def _expanded(arg: str) -> str:
    """An argument with ~ as the home folder: shells leave it in --data=~/a.csv and in quotes.

    >>> _expanded("--data=~/a.csv") == f"--data={os.path.expanduser('~')}/a.csv"
    True
    """
    name, equals, value = arg.partition("=") if arg.startswith("--") else ("", "", arg)
    return f"{name}{equals}{os.path.expanduser(value)}"


def _show_decoding() -> None:
    """Print on stderr what the library logs while it decodes a set, which may take a minute."""
    logger = logging.getLogger("forward_forward.datasets")
    logger.setLevel(logging.INFO)
    logger.handlers = [logging.StreamHandler()]


def _fit_terminal() -> None:
    """Print other characters for those that the terminal lacks, and lines of a least width."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            escaped = stream.errors == "surrogateescape" and "utf" not in stream.encoding.lower()
            if stream.errors == "strict" or escaped:
                stream.reconfigure(errors="replace")
    if shutil.get_terminal_size().columns < width():
        os.environ["COLUMNS"] = str(width())


def _warn(message: Warning | str, *_: object) -> None:
    print(f"ff: warning: {message}", file=sys.stderr)
