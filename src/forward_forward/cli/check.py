"""``ff check``: names of parts -> each contract, whether it holds, and if not, why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from forward_forward.cli.flags import Switch, option

if TYPE_CHECKING:
    from forward_forward.contracts import Named, Verdict


@dataclass(frozen=True)
class CheckCommand:
    """Test a goodness, read-out, loss, term or choice of wrong labels by its kind's contracts.

    The library's own parts are tested against the same contracts. The exit code is 1 if a part
    breaks one.
    """

    # Your own parts as package.module:name, found from this folder; or the library's by name, such
    # as l2_norm or "SymBa(alpha=2)".
    parts: Annotated[tuple[str, ...], tyro.conf.Positional, option("PART")] = ()
    # Print the verdicts as JSON.
    json: Switch = False

    def __call__(self) -> int:
        from forward_forward import contracts

        if not self.parts:
            raise ValueError("expected parts to check, got none: ff check my_rules:my_loss")
        verdicts = [
            (part, contracts.check(part.part)) for part in contracts.typed_parts(self.parts)
        ]
        if self.json:
            rows = [_row(part, verdict) for part, found in verdicts for verdict in found]
            print(json.dumps(rows))
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
    return "\n".join([*lines, f"{kept} of {len(verdicts)} contracts passed"])
