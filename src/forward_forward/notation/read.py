"""A text, and the names it may use -> the part that it names."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from forward_forward.plugins import plugins

LISTED = 20  # names at most that a message lists; of more it gives the nearest few
NEAREST = 5
SHOWN = 200  # characters of a text that a message repeats


class OwnCode(ValueError):
    """A file names user-defined code, which is never run merely because a file names it."""

    def __init__(self, text: str) -> None:
        reason = (
            "has more state than its name and arguments give"
            if text.startswith("torch.")
            else "is code of your own, and code is never run merely because a file names it"
        )
        super().__init__(
            f"{text!r} {reason}: build the network yourself and pass it, as in"
            " ff.load(run, network=network)"
        )
        self.text = text


def public(*modules: ModuleType) -> dict[str, Any]:
    """The public names of modules with the objects they name, and what packages add to them."""
    found: dict[str, Any] = {}
    for module in modules:
        added = plugins(module.__name__.rpartition(".")[2])
        found |= {**added, **{name: getattr(module, name) for name in module.__all__}}
    return found


def read(text: str, names: Mapping[str, Any], *, typed: bool = False) -> Any:
    """The part that a text names.

    Args:
        text: ``name``, ``name(argument=literal, ...)`` or, if ``typed``, ``package.module:object``
            or ``folder/file.py:object``, with or without arguments.
        names: Objects by name.
        typed: Whether a person typed the text; only then is a dotted name imported.

    Returns:
        The part.

    Raises:
        ValueError: There is no such name; the message gives the closest valid one.

    >>> from forward_forward import goodness
    >>> read("PNorm(p=4)", public(goodness))
    PNorm(p=4)
    """
    if ":" in text:
        if not typed:
            raise OwnCode(text)
        own = re.fullmatch(r"([^()]+:\w+)(\(.*\))", text)
        if own is None:
            return _imported(text)
        name = own[1].rpartition(":")[2]
        return _parsed(name + own[2], {**names, name: _imported(own[1])})
    return _parsed(text, names)


def _parsed(text: str, names: Mapping[str, Any]) -> Any:
    shown = repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
    expected = "expected a name, name(argument=value) or package.module:object"
    try:
        expression = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError) as error:  # the latter of zeros, and of too many digits
        raise ValueError(f"{expected}, got {shown}") from error
    except (MemoryError, RecursionError) as error:  # the parser's stack is full
        raise ValueError(f"{expected}, got one nested too deeply, {shown}") from error
    try:
        return _value(expression, names)
    except RecursionError as error:
        raise ValueError(f"{expected}, got one nested too deeply, {shown}") from error


def _imported(text: str) -> Any:
    module, _, name = text.rpartition(":")
    shown = text.removesuffix(":")
    try:
        if module.endswith(".py"):
            home = _of_file(Path(module).resolve())
        else:
            with _first_on_path(os.getcwd()):
                home = importlib.import_module(module)
    except ImportError as error:
        raise ValueError(f"{shown!r} cannot be imported: {error}") from error
    except Exception as error:  # a user's module may raise anything
        kind = type(error).__name__
        raise ValueError(f"{shown!r} cannot be imported: {kind}: {error}") from error
    if hasattr(home, name):
        return getattr(home, name)
    parts = {key: each for key, each in vars(home).items() if key[0] != "_" and callable(each)}
    own = [key for key, each in parts.items() if getattr(each, "__module__", "") == home.__name__]
    hint = _hint(name, own or parts) if parts else "define it there"
    if not name:
        classes = [key for key in own if isinstance(parts[key], type)]
        hint = _hint(name, classes) if classes else hint
        raise ValueError(f"expected {module}:NAME, got {module!r}, which names no class: {hint}")
    reason = f"module {home.__name__!r} has no attribute {name!r}"
    raise ValueError(f"{shown!r} cannot be imported: {reason}: {hint}")


def _of_file(path: Path) -> ModuleType:
    """The module in a Python file, which may import others from its folder."""
    name = path.stem
    if getattr(sys.modules.get(name), "__file__", None) == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"there is no file {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses look their own module up
    try:
        with _first_on_path(str(path.parent)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        if before is not None:
            sys.modules[name] = before
    return module


@contextmanager
def _first_on_path(folder: str) -> Iterator[None]:
    """Search a folder first, where a person expects a module of their own; afterwards last.

    Left first, its files would replace modules that are imported later, such as ``random``. Last,
    it still serves the imports inside the module's functions.
    """
    if folder in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)


def made(part: Any) -> Any:
    """A part that was read; a class named without arguments is instantiated with its defaults.

    Args:
        part: The result of `read`.

    Raises:
        ValueError: It is not callable, or it is a class that needs arguments.

    >>> from forward_forward import losses
    >>> made(losses.SymBa)
    SymBa(alpha=4.0)
    """
    if not callable(part):
        raise ValueError(f"expected the name of a part, got {part!r}")
    try:
        return part() if isinstance(part, type) else part
    except TypeError as error:
        raise ValueError(f"{part.__name__} needs arguments: {error}") from error


def _value(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    match expression:
        case ast.Name(id=name):
            return looked_up(name, names)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            values = [_value(arg, names) for arg in args]
            options = {str(each.arg): _value(each.value, names) for each in keywords}
            try:
                return looked_up(name, names)(*values, **options)
            except TypeError as error:
                raise ValueError(f"{ast.unparse(expression)!r}: {error}") from error
        case ast.Tuple(elts=items):
            return tuple(_value(item, names) for item in items)
        case _:
            try:
                return ast.literal_eval(expression)
            except ValueError as error:
                raise ValueError(
                    f"expected a name or a literal, got {ast.unparse(expression)!r}"
                ) from error


def looked_up(name: str, names: Mapping[str, Any]) -> Any:
    """The object that a name stands for, or a ValueError with the closest valid name."""
    if name in names:
        return names[name]
    if name == "inf":
        return float("inf")
    raise ValueError(f"unknown name {name!r}: {_hint(name, names)}")


def _hint(name: str, names: Iterable[str]) -> str:
    """The closest of the names; or all of them, or some if they are many."""
    lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    if near:
        return f"did you mean {lower[near[0]]!r}?"
    if len(lower) <= LISTED:
        return f"choose from {', '.join(sorted(lower.values()))}"
    nearest = difflib.get_close_matches(name.lower(), lower, n=NEAREST, cutoff=0.0)
    return f"choose another, such as {', '.join(lower[each] for each in nearest)}"
