"""``ff train``: settings -> a trained network in a run's folder, and its errors."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from pathlib import Path

    from forward_forward.data import Source
    from forward_forward.datasets import Sets
    from forward_forward.recipes import Plan
    from forward_forward.track import Tracker


def _option(metavar: str) -> Any:
    """An option without a default of its own: what is not given is the recipe's affair."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


Name = Annotated[str | None, _option("NAME")]
Folder = Annotated[str | None, _option("FOLDER")]
Count = Annotated[int | None, _option("N")]
Number = Annotated[float | None, _option("X")]
Counts = Annotated[tuple[int, ...] | None, _option("N [N ...]")]
Words = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE [...]", help_behavior_hint="")]
Label = Annotated[Literal["append", "overlay"] | None, _option("append|overlay")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"] | None, _option("auto|float32|bfloat16")
]
# Given once for each: as one option of several words, the second --track would undo the first.
Track = Annotated[
    tuple[Literal["tensorboard", "mlflow"], ...],
    _option("tensorboard|mlflow"),
    tyro.conf.UseAppendAction,
]


def train(
    data: Name = None,
    target: Name = None,
    size: Count = None,
    out: Folder = None,
    recipe: Name = None,
    hidden: Counts = None,
    epochs: Count = None,
    batch_size: Count = None,
    lr: Number = None,
    optimizer: Name = None,
    loss: Name = None,
    goodness: Name = None,
    threshold: Name = None,
    activation: Name = None,
    negatives: Name = None,
    label: Label = None,
    set: Words = (),
    seed: Count = None,
    device: Name = None,
    precision: Precision = None,
    threads: Count = None,
    track: Track = (),
    resume: Folder = None,
    init_from: Folder = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Train a network; its errors are printed per layer and in total.

    Args:
        data: mnist (the default) or digits; a folder or archive of pictures, one sub-folder a
            class, with or without train, val and test; a table (.csv, .tsv, .parquet), or .npz.
        target: The column of labels of a table; by default target, label, class, y, or the last.
        size: Pixels a side that the pictures of a folder or archive are scaled to.
        out: The run's folder, runs/DATA-DATE by default. An existing one is refused.
        recipe: standard (the default), poster.method, hinton2022.mnist_supervised_matlab, or your
            own function as package.module:name. What is not given below is the recipe's own.
        hidden: Units of each hidden layer, lowest first; 500 500 in the standard recipe.
        epochs: Passes over the training data; 6 to 55 in the standard recipe, which shows about
            300,000 samples in all.
        batch_size: Samples a step; 320 in the standard recipe, fewer for small data.
        lr: Learning rate at the start; 0.005 in the standard recipe.
        optimizer: AdamW (standard), Adam, RMSprop, AveragedSGD, "SGD(momentum=0.9)" or any other
            of torch.optim; your own as package.module:name, as with all parts below.
        loss: sigmoid, log_sigmoid, log_sigmoid_literal, "SymBa(alpha=4)" or "SiluPair(alpha=6)"
            (standard).
        goodness: mean_square (standard), sum_of_squares, l2_norm, "PNorm(p=4)", max_norm or
            "Minimised(mean_square)".
        threshold: A number, width or calibrated (standard).
        activation: ReLU (standard), Tanh, Sigmoid or any other of torch.nn.
        negatives: FromFirstLayer (standard), "FromGoodness(temperature=0.1, fraction=0.3)",
            FromSoftmax or Uniform.
        label: append the label to the inputs (standard), or overlay the first of them.
        set: Settings of the recipe that have no flag here, such as threshold_factor=2.
        seed: For weights, negatives, dropout and order; 0 by default.
        device: cpu (the default), cuda or mps.
        precision: Of the matrix products; auto takes bfloat16 where the hardware multiplies it.
        threads: CPU threads; by default torch's choice.
        track: Write the figures for TensorBoard or MLflow too; may be given for both.
        resume: Go on with this run, where it was broken off.
        init_from: Begin from the weights of this run.
        overwrite: Replace the run in --out.
        json: Print the result as one JSON object.
    """
    asked = {
        "hidden": hidden,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "optimizer": optimizer,
        "loss": loss,
        "goodness": goodness,
        "threshold": threshold,
        "activation": activation,
        "negatives": negatives,
        "label": label,
        "seed": seed,
        "device": device,
        "precision": precision,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    command = {
        "data": data,
        "target": target,
        "size": size,
        "recipe": recipe,
        "threads": threads,
        "track": list(track) or None,
    }
    return _Training(command, given, set, resume).run(
        out=out, init_from=init_from, overwrite=overwrite, as_json=json
    )


class _Training:
    """One call of ``ff train``."""

    def __init__(
        self,
        command: dict[str, Any],
        given: dict[str, Any],
        further: tuple[str, ...],
        resume: str | None,
    ) -> None:
        from forward_forward.checkpoint import Run

        self.typed, self.further = frozenset(given), further
        self.resumed = None if resume is None else Run(resume)
        before: dict[str, Any] = {}
        if self.resumed is not None:
            before = self.resumed.about.get("command", {})
            if not before:
                raise ValueError(
                    f"{resume!r} was not begun by `ff train`: resume it from Python, with"
                    " trainer.fit(..., out=..., resume=True)"
                )
        chosen = {name: value for name, value in command.items() if value is not None}
        self.settings: dict[str, Any] = {**before.get("settings", {}), **given}
        self.command: dict[str, Any] = {
            "data": "mnist",
            "target": None,
            "size": None,
            "recipe": "standard",
            "threads": None,
            "track": None,
            **before,
            **chosen,
            "settings": self.settings,
        }
        self.recipe_typed = command["recipe"] is not None
        self.trackers: list[Tracker] = []

    def run(self, *, out: str | None, init_from: str | None, overwrite: bool, as_json: bool) -> int:
        import torch

        from forward_forward.cli import tracking, words
        from forward_forward.cli.own_data import absolute, sets_of, unchanged

        threads = self.command["threads"]
        if threads is not None:
            if threads < 1:
                raise ValueError(f"--threads expects 1 or more, got {threads}")
            torch.set_num_threads(threads)
        # A run is found again from any folder, and so are its data.
        self.command["data"] = absolute(self.command["data"])
        sets = sets_of(self.command)
        if self.resumed is not None:
            unchanged(self.resumed.about, sets, "Put them back, or begin a new run")
        plan = self._plan(sets.train)
        self._begin_from(init_from, plan)
        folder = self._folder(sets.train.name, out, init_from, overwrite)
        self.trackers, places = tracking.trackers(
            self.command["track"] or (), folder, resumed=self.resumed is not None
        )
        words.announce(self.command, plan, sets, places)
        result = self._fit(plan, sets, folder, overwrite)
        figures = self._test(folder, plan, sets.test)
        words.finish(result, figures, folder, as_json=as_json)
        return 0

    def _plan(self, training: Source) -> Plan:
        from forward_forward import notation
        from forward_forward.cli import choices

        name = self.command["recipe"]
        recipe = choices.recipe_named(name, typed=self.recipe_typed)
        further = choices.further(self.further, recipe)
        self.settings |= further
        self.typed |= further.keys()
        choices.check_settings(recipe, name, self.settings)
        try:
            settings = choices.parts(self.settings, typed=self.typed)
        except notation.OwnCode as error:
            raise ValueError(
                f"this run has parts of your own ({error.text}), and code is never run because a"
                " file names it: give them again, as in `ff train --resume RUN --loss"
                " package.module:name`"
            ) from error
        return recipe(training, **settings)

    def _begin_from(self, init_from: str | None, plan: Plan) -> None:
        from forward_forward import checkpoint

        if self.resumed is not None and init_from is not None:
            raise ValueError("a resumed run has weights of its own: leave --init-from out")
        # A run that broke off before its first checkpoint begins from the same weights again.
        source = init_from or self.command.get("init_from")
        if source is not None and (self.resumed is None or self.resumed.last() is None):
            checkpoint.load(source, network=plan.trainer.network)
            self.command["init_from"] = source

    def _folder(self, data: str, out: str | None, init_from: str | None, overwrite: bool) -> Path:
        from datetime import datetime
        from pathlib import Path

        if self.resumed is not None:
            if out is not None or overwrite:
                raise ValueError("a resumed run stays in its folder: leave --out and --overwrite")
            return self.resumed.path
        if out is None:
            return Path("runs") / f"{data}-{datetime.now():%Y%m%d-%H%M%S}"
        if overwrite and init_from is not None and Path(out).resolve() == Path(init_from).resolve():
            raise ValueError("--overwrite would remove the run that --init-from reads")
        return Path(out)

    def _fit(self, plan: Plan, sets: Sets, folder: Path, overwrite: bool) -> Any:
        from forward_forward.checkpoint import is_run
        from forward_forward.cli.progress import progress
        from forward_forward.data import checksum

        about = {
            "command": self.command,
            "table": None if sets.layout is None else sets.layout.as_json(),
            "checksums": {"test": checksum(sets.test)},
        }
        try:
            return plan.trainer.fit(
                sets.train,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation=sets.validation,
                out=folder,
                resume=self.resumed is not None,
                overwrite=overwrite,
                about=about,
                watch=[*self.trackers, progress()],
            )
        except KeyboardInterrupt:
            if not is_run(folder):
                raise
            command = shlex.join(["ff", "train", "--resume", str(folder)])
            raise KeyboardInterrupt(f"saved; go on with: {command}") from None

    def _test(self, folder: Path, plan: Plan, test: Source) -> dict[str, Any]:
        """Read the test set once, with the best weights; a finished run keeps its figures."""
        from forward_forward import predict
        from forward_forward.checkpoint import Run, load

        run = Run(folder)
        if run.about.get("test") is None:
            network = load(folder, network=plan.trainer.network)
            figures = predict.evaluate(network, test)
            run.update(test=figures, test_error=figures["error"], status="finished")
        about = dict(run.about)
        for tracker in self.trackers:
            tracker.result(about["test"])
        return about
