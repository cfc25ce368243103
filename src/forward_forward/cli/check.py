"""``ff check``: parts by their names -> each contract with whether it is kept, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from forward_forward.contracts import Named, Verdict

Parts = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PART", name="parts")
]


def check(parts: Parts = (), json: bool = False) -> int:
    """Hold a goodness, a loss or a way of choosing wrong labels to the contracts of its kind.

    They are those that the library's tests hold its own parts to. The exit code is 1 where a part
    does not keep one.

    Args:
        parts: Your own as package.module:name, from this folder; or the library's by name, such as
            l2_norm or "SymBa(alpha=2)".
        json: Print the verdicts as JSON.
    """
    import json as json_format

    from forward_forward import contracts

    if not parts:
        raise ValueError("expected parts to check, got none: ff check my_rules:my_loss")
    verdicts = [(each, contracts.check(each.part)) for each in contracts.typed_parts(parts)]
    if json:
        rows = [_row(part, verdict) for part, found in verdicts for verdict in found]
        print(json_format.dumps(rows))
    else:
        print("\n\n".join(_text(part, found) for part, found in verdicts))
    return 0 if all(verdict.kept for _, found in verdicts for verdict in found) else 1


def _row(part: Named, verdict: Verdict) -> dict[str, Any]:
    return {"part": part.name, "kind": part.kind, **verdict._asdict()}


def _text(part: Named, verdicts: list[Verdict]) -> str:
    lines = [f"{part.name} ({part.kind})"]
    for verdict in verdicts:
        lines.append(f"{'ok  ' if verdict.kept else 'BAD '} {verdict.says}")
        if not verdict.kept:
            lines.append(f"     {verdict.reason}")
    kept = sum(verdict.kept for verdict in verdicts)
    return "\n".join([*lines, f"{kept} of {len(verdicts)} contracts kept"])
