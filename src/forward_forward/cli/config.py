"""A YAML file of options <-> the command line of ``ff train`` that they stand for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from forward_forward import files
from forward_forward.cli.train_settings import FLAGS, TrainOptions, flag
from forward_forward.cli.values import check_values

if TYPE_CHECKING:
    from forward_forward.track import Beginning

FILE = "config.yaml"
# Options of one call, not of a run; a run in several processes ends with the weights of one.
PARALLEL = {"parallel", "stages", "split", "sync", "timeout"}
NOT_KEPT = PARALLEL | {"out", "resume", "overwrite", "json", "config"}


def with_config(args: Sequence[str]) -> list[str]:
    """Arguments with those of the file after ``--config`` in its place; later ones replace them.

    Raises:
        ValueError: The file cannot be read, or has an option that ``ff train`` lacks.
    """
    args = [part for each in args for part in _parted(each)]
    if args[:1] != ["train"] or "--config" not in args:
        return args
    place = args.index("--config")
    if place + 1 == len(args):
        raise ValueError("--config expects a file, such as runs/first/config.yaml, got nothing")
    return ["train", *_read(args[place + 1]), *args[1:place], *args[place + 2 :]]


def _parted(arg: str) -> list[str]:
    name, equals, value = arg.partition("=")
    return [name, value] if equals and name == "--config" else [arg]


def _read(path: str) -> list[str]:
    expected = f"--config expects a YAML file of options, such as `epochs: 10`, got {path!r}"
    from forward_forward.data.paths import check_regular  # whose package imports torch

    check_regular(path)
    if not Path(path).is_file():
        raise ValueError(f"{expected}, which is no file: check the path")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{expected}: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{expected}, which has none")
    allowed = sorted({*FLAGS} - NOT_KEPT)
    found: list[str] = []
    for name, value in content.items():
        if name not in allowed:
            near = difflib.get_close_matches(str(name), allowed, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(allowed)}"
            raise ValueError(f"{path}: unknown option {name!r}: {hint}")
        found += _typed(name, value)
    try:
        check_values(TrainOptions, found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return found


def _typed(name: str, value: Any) -> list[str]:
    """What is typed for an option: a list is several values, a dictionary pairs name=value."""
    if isinstance(value, Mapping):
        return [flag(name), *(f"{key}={_text(each)}" for key, each in value.items())]
    values = value if isinstance(value, list) else [value]
    if name == "track":
        return [part for each in values for part in (flag(name), str(each))]
    flat = [part for each in values for part in (each if isinstance(each, list) else [each])]
    return [flag(name), *map(str, flat)]


def _text(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


class ConfigFile:
    """A callback that writes a run's options into its folder: `ff train --config` repeats it.

    Args:
        command: Options by name; the recipe's settings are under ``settings``.
        defaults: The recipe's other settings, which its next version may change.
    """

    def __init__(self, command: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self.command, self.defaults = command, defaults

    def start(self, beginning: Beginning) -> None:
        if beginning.run is None:
            return
        settings = {**self.defaults, **self.command["settings"]}
        options = {**settings, **self.command, **self.command["settings"]}
        content = {
            name: _plain(options[name])
            for name in FLAGS
            if name not in NOT_KEPT and options.get(name) not in (None, ())
        }
        further = {name: _plain(value) for name, value in settings.items() if name not in FLAGS}
        content |= {"set": further} if further else {}
        header = "# ff train --config THIS_FILE trains the same network again.\n"
        text = header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        files.write(beginning.run / FILE, text.encode())


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
