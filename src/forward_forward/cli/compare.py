"""``ff compare``: learning rules side by side -> a table with significance, and one page."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from forward_forward.cli.flags import Columns, Count, Folder, Missing, Name, option


@dataclass(frozen=True)
class CompareCommand:
    """Train several learning rules on the same data, and compare their test errors.

    A rule is a recipe, as in ff train --recipe, with settings if you like: "one_pass rule=backprop
    lr=0.001". The same --out continues an interrupted comparison; rules and seeds may be added.
    """

    # Names of recipes, my_rule.py:function, or such a name with settings, in quotes.
    rules: Annotated[tuple[str, ...], tyro.conf.Positional, option("RULE RULE [...]")] = ()
    # What to train on, specified as for ff train; it must have classes.
    data: str = "mnist"
    # Label column of a table.
    target: Name = None
    # Columns of a table that are not to be inputs.
    drop: Columns = ()
    # Missing cells of a table: impute, drop or error.
    missing: Missing = None
    # Width and height in pixels to which images are resized.
    size: Count = None
    # mlp-2x1000 or cnn-32+64, for every rule; by default each recipe's own.
    network: Name = None
    # Runs of each rule.
    seeds: int = 5
    # Passes over the training data, the same for all; by default about 300,000 samples.
    epochs: Count = None
    # Train on this many samples only.
    images: Count = None
    # Trials for each rule to choose its learning rate, and the first of its own numbers, on the
    # validation data; 0 leaves them as they are.
    trials: int = 0
    # The rule that the others are compared with, the first one by default.
    reference: Name = None
    # Runs at the same time, each with one thread; by default one per core, or one on a GPU.
    jobs: Count = None
    # Folder of the comparison; compare/DATA-DATE by default.
    out: Folder = None
    # cpu (the default), cuda or mps.
    device: Name = None
    # How the table is printed: text, md, latex, csv or json.
    format: Literal["text", "md", "latex", "csv", "json"] = "text"

    def __call__(self) -> int:
        from forward_forward.cli import compare_output
        from forward_forward.cli.tables import print_table
        from forward_forward.files import as_name, unused
        from forward_forward.lab.compare import compare, formatted, read, texts

        if not self.rules:
            raise ValueError(
                "expected two or more rules, got none: ff compare one_pass field.symba"
            )
        data = as_name(Path(self.data).stem)
        out = self.out or str(unused(Path(f"compare/{data}-{datetime.now():%Y%m%d-%H%M%S}")))
        folder = Path(out)
        again = compare_output.command_of({**vars(self), **self._data()}, self.rules, out)
        try:
            compare(
                self.rules,
                data=self._data(),
                network=self.network,
                seeds=self.seeds,
                epochs=self.epochs,
                images=self.images,
                trials=self.trials,
                reference=self.reference,
                out=folder,
                jobs=self._jobs(),
                device=self.device,
                progress=compare_output.ComparisonProgress(),
            )
        except KeyboardInterrupt:
            message = f"stopped; finished runs are kept, continue with: {again}"
            raise KeyboardInterrupt(message) from None
        found = read(folder)
        page = compare_output.write_page(folder)
        if self.format == "text":
            print_table("", texts(found))
        else:
            print(formatted(found, self.format))
        print(f"written to {folder}: runs.jsonl, compare.json, {page.name}", file=sys.stderr)
        return 0

    def _data(self) -> dict[str, Any]:
        more = {name: getattr(self, name) for name in ("target", "missing", "size")}
        drop = [name for names in self.drop for name in names]
        given = {**more, **({"drop": drop} if drop else {})}
        return {
            "data": self.data,
            **{key: value for key, value in given.items() if value is not None},
        }

    def _jobs(self) -> int:
        if self.jobs is not None:
            return self.jobs
        return (os.cpu_count() or 1) if self.device in (None, "cpu") else 1
