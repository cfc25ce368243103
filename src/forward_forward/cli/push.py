"""``ff push``: a run -> a model repository on the Hugging Face Hub, or its model card alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from forward_forward.cli.flags import File, Name, Run, Switch, option


@dataclass(frozen=True)
class PushCommand:
    """Upload a trained network to the Hugging Face Hub, with a model card made from the run.

    It uploads the best weights, run.json, metrics.jsonl and config.yaml. `hf auth login` or
    HF_TOKEN identifies you. `ff evaluate hf://USER/NAME` reads the upload.
    """

    # The run's folder.
    run: Run
    # The repository, created if there is none.
    repository: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="USER/NAME")]
    # Make a new repository private.
    private: Switch = False
    # Branch to commit to, created if there is none.
    branch: Name = None
    # Open a pull request instead.
    create_pr: Switch = False
    # Licence of the weights, such as mit.
    license: Name = None
    # Runs that differ by their seed alone: the card then states the mean error and its interval.
    seeds: Annotated[tuple[str, ...], option("RUN [RUN ...]")] = ()
    # Only write the card, to this file, to read it before you upload anything.
    card: File = None

    def __call__(self) -> int:
        from forward_forward import checkpoint, files, hub

        run = checkpoint.Run(self.run)
        if self.card is not None:
            text = hub.model_card(run.path, self.repository, license=self.license, seeds=self.seeds)
            files.write(Path(self.card), text.encode())
            print(f"written: {self.card}", file=sys.stderr)
            return 0
        url = run.push_to_hub(
            self.repository,
            private=True if self.private else None,
            branch=self.branch,
            create_pr=True if self.create_pr else None,
            license=self.license,
            seeds=self.seeds,
        )
        print(url)
        if not self.create_pr:
            at = "" if self.branch is None else f"@{self.branch}"
            print(f"next: ff evaluate hf://{self.repository}{at}", file=sys.stderr)
        return 0
