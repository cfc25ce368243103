"""A run's folder -> a commit of a model repository: the best weights, the run's files, a card."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Protocol

from forward_forward import files, manifest
from forward_forward.hub.address import LOGIN, client, sender
from forward_forward.hub.card import model_card

if TYPE_CHECKING:
    from torch import Tensor

    from forward_forward.track import Row

COMMIT_MESSAGE = "Upload a run with forward-forward"


class RunFolder(Protocol):
    """What is uploaded of a run."""

    path: Path

    @property
    def about(self) -> files.Entries:
        """The content of run.json."""

    def weights(self) -> Mapping[str, Tensor]:
        """The network's tensors by name."""

    def rows(self) -> list[Row]:
        """The figures of each epoch."""

    def seal(self, folder: Path, which: Literal["best"]) -> None:
        """Write the manifest of a checkpoint's folder."""


class SharedRun:
    """A run that can be uploaded; its arguments are those of `huggingface_hub.ModelHubMixin`."""

    def push_to_hub(
        self: RunFolder,
        repo_id: str,
        *,
        commit_message: str = COMMIT_MESSAGE,
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        license: str | None = None,
        seeds: Sequence[Path | str] = (),
    ) -> str:
        """Upload the run to a model repository on the Hugging Face Hub, with a model card.

        The repository is created if there is none. It gets the weights that `forward_forward.load`
        reads, run.json, metrics.jsonl, config.yaml and the card as README.md; the state of the
        optimisers stays here. Of absolute paths in the run's options, only the last part is
        uploaded.

        Args:
            repo_id: "user/name" or "organization/name".
            commit_message: The message of the commit.
            private: Whether a new repository is private; None for the owner's default.
            token: A token of the Hub; None for that of `hf auth login` or of ``HF_TOKEN``.
            branch: The branch to commit to, created if there is none; None for the default branch.
            create_pr: Whether to open a pull request instead.
            license: The licence of the weights, such as "mit"; None to state none.
            seeds: Folders of runs that differ from this one by their seed alone. The card then
                states the mean of their errors, with a 95 % interval.

        Returns:
            The web address of the commit, or of the pull request.

        Raises:
            ValueError: The run has no checkpoint yet, ``seeds`` names other runs, or the repository
                may not be written to.
            ImportError: huggingface_hub is not installed.
        """
        hub = client()
        with TemporaryDirectory() as name:
            folder = Path(name)
            _fill(folder, self)
            card = model_card(self.path, repo_id, license=license, seeds=seeds)
            (folder / "README.md").write_text(card, encoding="utf-8")
            api = hub.HfApi(token=token, **sender())
            try:
                api.create_repo(repo_id, private=private, exist_ok=True)
                if branch is not None:
                    api.create_branch(repo_id, branch=branch, exist_ok=True)
                commit = api.upload_folder(
                    repo_id=repo_id,
                    folder_path=folder,
                    commit_message=commit_message,
                    revision=branch,
                    create_pr=create_pr,
                    delete_patterns="checkpoints/*",
                )
            except (hub.errors.HfHubHTTPError, hub.errors.HFValidationError) as error:
                raise ValueError(
                    f"expected a repository on the Hub that you may write to, such as 'user/name',"
                    f" got {repo_id!r} ({str(error).splitlines()[0]}): {LOGIN}"
                ) from error
            except hub.errors.HfHubHTTPError.__bases__[0] as error:  # of its HTTP library
                raise ConnectionError(
                    f"the Hub cannot be reached ({error}): check the connection, and try again"
                ) from error
        return str(commit.pr_url or commit.commit_url)


def _fill(folder: Path, run: RunFolder) -> None:
    """Write the files of a repository into an empty folder, but for the card."""
    about = dict(run.about)
    if "command" in about:
        about["command"] = without_folders(about["command"])
    manifest.write_record(folder / "run.json", about)
    best = folder / "checkpoints" / "best"
    best.mkdir(parents=True)
    files.write_tensors(best / "network.safetensors", run.weights())
    run.seal(best, "best")
    metrics, config = run.path / "metrics.jsonl", run.path / "config.yaml"
    run.rows()  # which checks the file
    if metrics.exists():
        files.write(folder / metrics.name, metrics.read_bytes())
    if config.exists():
        import yaml

        options = without_folders(yaml.safe_load(config.read_text(encoding="utf-8")))
        text = yaml.safe_dump(options, sort_keys=False, allow_unicode=True)
        files.write(folder / config.name, text.encode())


def without_folders(value: Any) -> Any:
    """Options with the last part of each absolute path: its folders say who trained where.

    >>> without_folders({"data": "/home/me/houses.csv", "epochs": 3})
    {'data': 'houses.csv', 'epochs': 3}
    """
    if isinstance(value, dict):
        return {name: without_folders(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_folders(each) for each in value]
    if isinstance(value, str) and os.path.isabs(value):
        return Path(value).name or value
    return value
