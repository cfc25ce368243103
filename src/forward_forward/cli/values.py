"""A command and its words -> an error for a value that an option does not take, in one sentence.

Tyro reads the words afterwards. Its own text for such a value is a box that names Python's types.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from forward_forward.cli.train_settings import flag

# What each kind of number is called, and how to write one.
NUMBERS: dict[type, tuple[str, str]] = {
    int: ("a whole number", "write digits alone, such as 10"),
    float: ("a number", "write digits, such as 0.01"),
}


def check_values(command: type, words: Sequence[str]) -> None:
    """Reject words that are no number or choice where an option takes one.

    Args:
        command: The command's dataclass, whose fields are its options.
        words: What is typed after the command.

    Raises:
        ValueError: The message names the option, the value, and one that it takes.
    """
    kinds = {flag(name): _parts(hint) for name, hint in _options(command)}
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        parts = kinds.get(name.replace("_", "-"), [])
        following = words[place + 1 :]
        ends = [each for each, text in enumerate(following) if text.startswith("--")]
        several = any(get_origin(part) is tuple for part in parts)
        given = [value] if equals else following[: [*ends, len(following)][0] if several else 1]
        for text in given:
            if not (text == "None" and type(None) in parts):
                _check(name, parts, text)


def _options(command: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass and of those in it, each with its type."""
    for name, hint in get_type_hints(command).items():
        yield from _options(hint) if is_dataclass(hint) else [(name, hint)]


def _parts(kind: Any) -> list[Any]:
    """A type and those that it is made of, but for the values of a Literal."""
    parts = () if get_origin(kind) is Literal else get_args(kind)
    return [kind, *(inner for part in parts for inner in _parts(part))]


def _check(name: str, parts: Sequence[Any], text: str) -> None:
    choices = [each for part in parts if get_origin(part) is Literal for each in get_args(part)]
    if choices and text not in choices:
        near = difflib.get_close_matches(text, choices, 1)
        fix = f"did you mean {near[0]!r}?" if near else "choose another"
        raise ValueError(f"{name} expects one of {', '.join(choices)}, got {text!r}: {fix}")
    for number, (expected, fix) in NUMBERS.items():
        try:
            if number in parts:
                number(text)
        except ValueError:
            raise ValueError(f"{name} expects {expected}, got {text!r}: {fix}") from None
