"""Kinds of options: a type and a metavar -> what tyro reads and prints in the help.

Every command is a dataclass: a field is a flag, and tyro shows the comment above it as the flag's
help, so that each name is written once.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import tyro


def option(metavar: str, **more: Any) -> Any:
    """An option with no default of its own; if it is omitted, the recipe's default applies."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="", **more)


# A folder, or hf://user/name.
Run = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
Count = Annotated[int | None, option("N")]
Counts = Annotated[tuple[int, ...] | None, option("N [N ...]")]
Folder = Annotated[str | None, option("FOLDER")]
File = Annotated[str | None, option("FILE")]
Place = Annotated[str | None, option("FILE.csv|FOLDER")]
Name = Annotated[str | None, option("NAME")]
Number = Annotated[float | None, option("X")]
# As many as follow the option, each time it is given.
Pairs = Annotated[
    tuple[tuple[str, ...], ...], option("NAME=VALUE [...]"), tyro.conf.UseAppendAction
]
Switch = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
Url = Annotated[str | None, option("URL")]

Label = Annotated[Literal["append", "overlay"] | None, option("append|overlay")]
Parallel = Annotated[Literal["layers", "data", "both"] | None, option("layers|data|both")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"] | None, option("auto|float32|bfloat16")
]
Columns = Annotated[
    tuple[tuple[str, ...], ...], option("COLUMN [COLUMN ...]"), tyro.conf.UseAppendAction
]
Missing = Annotated[Literal["impute", "drop", "error"] | None, option("impute|drop|error")]
Rule = Annotated[Literal["local", "backprop"] | None, option("local|backprop")]
Task = Annotated[Literal["classes", "regression"] | None, option("classes|regression")]
Sync = Annotated[Literal["exact", "async"], tyro.conf.arg(metavar="exact|async")]
# Repeated for each tracker: as one option with several values, a second --track would replace the
# first one.
Track = Annotated[
    tuple[Literal["tensorboard", "mlflow", "wandb", "trackio"], ...],
    option("tensorboard|mlflow|wandb|trackio"),
    tyro.conf.UseAppendAction,
]
