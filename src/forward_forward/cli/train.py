"""``ff train``: settings -> a trained network in a run's folder, and its errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from forward_forward.data import Data
    from forward_forward.recipes import Plan


def train(
    data: str | None = None,
    out: str | None = None,
    recipe: str | None = None,
    hidden: tuple[int, ...] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    optimizer: str | None = None,
    loss: str | None = None,
    goodness: str | None = None,
    threshold: str | None = None,
    activation: str | None = None,
    negatives: str | None = None,
    label: Literal["append", "overlay"] | None = None,
    seed: int | None = None,
    device: str | None = None,
    precision: Literal["auto", "float32", "bfloat16"] | None = None,
    threads: int | None = None,
    resume: str | None = None,
    init_from: str | None = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Train a network; the errors are printed per layer and in total.

    What is not given is the recipe's own. Parts are named as in Python, with arguments where they
    take some: --loss "SymBa(alpha=4)", --goodness l2_norm, --optimizer "SGD(momentum=0.9)"; your
    own as package.module:name.

    Args:
        data: Name of a data set: mnist (the default) or digits.
        out: The run's folder; runs/DATA-DATE by default. An existing one is refused.
        recipe: standard (the default), poster.method or hinton2022.mnist_supervised_matlab.
        hidden: Units of each hidden layer, lowest first.
        epochs: Passes over the training data.
        batch_size: Samples a step.
        lr: Learning rate at the start.
        optimizer: AdamW, Adam, RMSprop, SGD, AveragedSGD or any other of torch.optim.
        loss: sigmoid, log_sigmoid, log_sigmoid_literal, SymBa or SiluPair.
        goodness: l2_norm, PNorm(p=4), max_norm, sum_of_squares, mean_square or Minimised(...).
        threshold: A number, width or calibrated.
        activation: ReLU, Tanh, Sigmoid or any other of torch.nn.
        negatives: Uniform, FromSoftmax or FromGoodness.
        label: Append the label to the inputs, or overlay the first of them.
        seed: For weights, negatives, dropout and order.
        device: cpu, cuda or mps.
        precision: Of the matrix products; auto takes bfloat16 where the hardware multiplies it.
        threads: CPU threads.
        resume: Go on with this run, where it was broken off.
        init_from: Begin from the weights of this run.
        overwrite: Replace the run in --out.
        json: Print the result as JSON.
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
    command = {"data": data, "recipe": recipe, "threads": threads}
    return _Training(command, given, resume).run(
        out=out, init_from=init_from, overwrite=overwrite, as_json=json
    )


class _Training:
    """One call of ``ff train``."""

    def __init__(self, command: dict[str, Any], given: dict[str, Any], resume: str | None) -> None:
        from forward_forward.checkpoint import Run

        self.typed = frozenset(given)
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
            "recipe": "standard",
            "threads": None,
            **before,
            **chosen,
            "settings": self.settings,
        }
        self.recipe_typed = command["recipe"] is not None

    def run(self, *, out: str | None, init_from: str | None, overwrite: bool, as_json: bool) -> int:
        import torch

        from forward_forward import datasets
        from forward_forward.cli import report

        if self.command["threads"] is not None:
            torch.set_num_threads(self.command["threads"])
        whole, test = datasets.named(self.command["data"])
        training, validation = whole.split()
        plan = self._plan(training)
        if init_from is not None:
            self._begin_from(init_from, plan)
        folder = self._folder(out, init_from, overwrite)
        report.announce(self.command, plan, training, validation, test)
        result = self._fit(plan, training, validation, folder, overwrite)
        figures = self._test(folder, plan, test)
        report.finish(result, figures, folder, as_json=as_json)
        return 0

    def _plan(self, training: Data) -> Plan:
        from forward_forward.cli import choices

        name = self.command["recipe"]
        recipe = choices.recipe_named(name, typed=self.recipe_typed)
        choices.check_settings(recipe, name, self.settings)
        return recipe(training, **choices.parts(self.settings, typed=self.typed))

    def _begin_from(self, init_from: str, plan: Plan) -> None:
        from forward_forward import checkpoint

        if self.resumed is not None:
            raise ValueError("a resumed run has weights of its own: leave --init-from out")
        checkpoint.load(init_from, network=plan.trainer.network)
        self.command["init_from"] = init_from

    def _folder(self, out: str | None, init_from: str | None, overwrite: bool) -> Path:
        from datetime import datetime
        from pathlib import Path

        if self.resumed is not None:
            if out is not None or overwrite:
                raise ValueError("a resumed run stays in its folder: leave --out and --overwrite")
            return self.resumed.path
        if out is None:
            return Path("runs") / f"{self.command['data']}-{datetime.now():%Y%m%d-%H%M%S}"
        if overwrite and init_from is not None and Path(out).resolve() == Path(init_from).resolve():
            raise ValueError("--overwrite would remove the run that --init-from reads")
        return Path(out)

    def _fit(
        self, plan: Plan, training: Data, validation: Data, folder: Path, overwrite: bool
    ) -> Any:
        from forward_forward.cli.progress import progress
        from forward_forward.pictures import frame_of

        frame = frame_of(training)
        about = {"command": self.command, "frame": None if frame is None else frame.as_json()}
        try:
            return plan.trainer.fit(
                training,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation=validation,
                out=folder,
                resume=self.resumed is not None,
                overwrite=overwrite,
                about=about,
                watch=[progress()],
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"saved; go on with: ff train --resume {folder}") from None

    def _test(self, folder: Path, plan: Plan, test: Data) -> dict[str, Any]:
        """Read the test set once, with the best weights; a finished run keeps its figures."""
        from forward_forward import predict
        from forward_forward.checkpoint import Run, load

        run = Run(folder)
        if run.about.get("test") is None:
            network = load(folder, network=plan.trainer.network)
            figures = predict.evaluate(network, test)
            run.update(test=figures, test_error=figures["error"], status="finished")
        return dict(run.about)
