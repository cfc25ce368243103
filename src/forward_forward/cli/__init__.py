"""The ``ff`` command: words from a terminal -> the package's functions -> results on stdout.

Progress and messages go to stderr. It exits with 0, 1 (it failed), 2 (it was asked wrongly) or 130
(Ctrl-C). Commands import torch when they run, so that help does not wait for it.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

if os.environ.get("NO_COLOR"):
    # Tyro knows a word of its own only, and reads it as it is imported below.
    os.environ.setdefault("PYTHON_TYRO_ANSI_CODES", "False")

import tyro

from forward_forward.cli.benchmark import benchmark
from forward_forward.cli.check import check
from forward_forward.cli.demo import demo
from forward_forward.cli.doctor import doctor
from forward_forward.cli.evaluate import evaluate
from forward_forward.cli.export import export
from forward_forward.cli.predict import predict
from forward_forward.cli.report import report
from forward_forward.cli.reproduce import reproduce
from forward_forward.cli.sweep import sweep
from forward_forward.cli.train import train

COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "sweep": sweep,
    "export": export,
    "reproduce": reproduce,
    "report": report,
    "demo": demo,
    "check": check,
    "benchmark": benchmark,
    "doctor": doctor,
}
DESCRIPTION = (
    "Train neural networks without backpropagation: every layer has its own goal, high goodness for"
    " positive data and low goodness for negative data."
)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; exits the process.

    Args:
        args: Words after ``ff``; None takes the process's own.
    """
    warnings.showwarning = _warn  # type: ignore[assignment]
    try:
        code: int = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,  # type: ignore[arg-type]
            prog="ff",
            description=DESCRIPTION,
            args=args,
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
        )
    except KeyboardInterrupt as interrupt:
        print(f"\nff: {str(interrupt) or 'stopped'}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, ArithmeticError, OSError, ImportError, RuntimeError) as error:
        if os.environ.get("FF_TRACEBACK"):
            raise
        print(f"ff: error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ValueError) else 1)
    sys.exit(code)


def _warn(message: Warning | str, *_: object) -> None:
    print(f"ff: warning: {message}", file=sys.stderr)
