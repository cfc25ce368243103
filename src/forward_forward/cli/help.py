"""The commands, and the help that tyro prints -> help with an example first, as wide as allowed."""

from __future__ import annotations

import contextlib
import difflib
import io
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence

DESCRIPTION = (
    "Train neural networks without backpropagation: each layer optimises its own local objective,"
    " high goodness for positive data and low goodness for negative data."
)
# Commands by what they are for, each with an example.
GROUPS: Mapping[str, Mapping[str, str]] = {
    "train a network, and use it": {
        "train": "ff train --data mnist --out runs/first",
        "evaluate": "ff evaluate runs/first --out evaluation/",
        "predict": "ff predict runs/first picture.png",
        "export": "ff export runs/first --int8",
        "push": "ff push runs/first user/name",
        "demo": "ff demo runs/first",
    },
    "compare many": {
        "sweep": "ff sweep --data digits --trials 30 --out sweeps/first",
        "compare": 'ff compare one_pass "one_pass rule=backprop" --data digits --seeds 3',
        "report": "ff report runs/first runs/second --out compare.html",
        "benchmark": "ff benchmark --out runs/benchmark",
        "reproduce": "ff reproduce poster --scale smoke",
    },
    "prepare and check": {
        "datasets": "ff datasets mnist cifar10",
        "check": "ff check my_rules:my_loss",
        "doctor": "ff doctor",
    },
}
EXAMPLES = {name: example for group in GROUPS.values() for name, example in group.items()}
LAST = (
    "`ff COMMAND --help` lists the options of a command, `ff --version` prints the version, and `ff"
    " --tyro-print-completion bash` (or zsh) prints the completions of a shell."
)
NARROWEST = 20  # columns: in fewer, tyro never ends to break the lines of its help
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def width() -> int:
    """Columns of help: those of the terminal, at least `NARROWEST`."""
    return max(shutil.get_terminal_size().columns, NARROWEST)


def overview(commands: Mapping[str, type]) -> str:
    """All commands in groups, after an example."""
    lines = ["usage: ff COMMAND [OPTIONS]", "", *_wrapped(DESCRIPTION), "", "example:"]
    lines += [f"  {EXAMPLES['train']}", f"  {EXAMPLES['evaluate']}"]
    for title, group in GROUPS.items():
        lines += ["", f"{title}:"]
        for name in group:
            said = (commands[name].__doc__ or "").split("\n\n")[0]
            lines += _wrapped(f"  {name:10} {' '.join(said.split())}", " " * 13)
    return "\n".join([*lines, "", *_wrapped(LAST)])


def check_command(typed: Sequence[str]) -> None:
    """Reject an unknown command.

    Raises:
        ValueError: The first argument is neither an option nor a command; the nearest is named.
    """
    name = typed[0] if typed else "-"
    if name.startswith("-") or name in EXAMPLES:
        return
    near = difflib.get_close_matches(name, EXAMPLES, 1)
    hint = f"did you mean {near[0]!r}?" if near else "see ff --help"
    raise ValueError(f"expected a command ({', '.join(EXAMPLES)}), got {name!r}: {hint}")


class _Captured(io.StringIO):
    """Text for stdout, which tyro draws with the characters and colours of a terminal if it is."""

    def __init__(self) -> None:
        super().__init__()
        self.stdout = sys.stdout

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stdout, "encoding", None) or "ascii"

    def isatty(self) -> bool:
        return self.stdout.isatty()


@contextlib.contextmanager
def adapted(typed: Sequence[str]) -> Iterator[None]:
    """Where a command's help is asked for, print it with its example, and break its long lines."""
    if not (typed and typed[0] in EXAMPLES and {"-h", "--help"} & {*typed}):
        yield
        return
    text = _Captured()
    try:
        with contextlib.redirect_stdout(text):
            yield
    finally:
        usage, _, rest = text.getvalue().partition("\n\n")
        lines = [*_wrapped(COLOUR.sub("", usage), " " * 7), "", "example:"]
        lines += [f"  {EXAMPLES[typed[0]]}", ""]
        for line in rest.splitlines():
            plain = COLOUR.sub("", line)
            lines += _wrapped(plain) if len(plain) > width() else [line]
        print("\n".join(lines))


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, width(), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
