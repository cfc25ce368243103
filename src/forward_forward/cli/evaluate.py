"""``ff evaluate``: a run -> its errors on the test set, by class; a table and figures."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forward_forward.cli.flags import Name, Place, Run, Switch

if TYPE_CHECKING:
    from forward_forward.data import Source
    from forward_forward.forward import Network
    from forward_forward.predict import Predictions

MOST_CLASSES = 20  # in the printed table
# Entries of run.json about how the run reads labels.
FITTED = ("readout", "fitted_readout", "temperature")


@dataclass(frozen=True)
class EvaluateCommand:
    """Print the errors of a trained network on the test set, in percent, and scores by class.

    If it predicts numbers, the root-mean-square error in units of the target, and R2.
    """

    # The run's folder.
    run: Run
    # Other data with the same classes, specified as for `ff train`; by default, the test set.
    data: Name = None
    # weighted or logistic: fit how the layers are combined to the run's validation data, instead of
    # reading labels as the run does; auto, all or numbers of layers such as 2-3 choose a range.
    readout: Name = None
    # Print one JSON object: the errors, with test_error; the confusion matrix; precision, recall
    # and F1 by class; calibration; the 25 worst samples.
    json: Switch = False
    # File that ends in .csv: a row per sample with its true and predicted label and the probability
    # of each class. Folder: the same as predictions.csv, and the figures as PNG files.
    out: Place = None

    def __call__(self) -> int:
        from forward_forward import checkpoint, predict
        from forward_forward.cli import train_output

        run = checkpoint.Run(self.run)
        about: Mapping[str, Any] = run.about
        network = checkpoint.load(self.run)
        place = self._place()
        name = self.data or about.get("command", {}).get("data", about["data"]["name"])
        train_output.say_reading(name)
        if self.readout is not None:
            about = self._refitted(network, about)
        temperature = about.get("temperature")
        found = predict.predictions(network, *self._samples(about), temperature=temperature)
        quality, errors = predict.quality(found), found.errors
        if self.json:
            head = {"run": self.run, "data": name, "test_error": errors["error"]}
            print(json.dumps({**head, **errors, **quality}))
        else:
            lines = train_output.errors(about, errors, f"{name} test")
            if self.readout is None:
                lines += train_output.better_alone(run.rows(), about)
            print("\n".join(lines))
            _print_quality(quality)
        if place is not None:
            _write(found, place)
        return 0

    def _place(self) -> Path | None:
        """Where to write to; its folder is made first, so that no evaluation is in vain."""
        if self.out is None:
            return None
        place = Path(self.out)
        is_table = place.suffix == ".csv"
        if not is_table and (place.is_file() or mimetypes.guess_type(place.name)[0]):
            raise ValueError(
                f"--out expects a file that ends in .csv, or a folder, got {self.out!r}: name a"
                " folder to get figures too, or use --json for the figures as numbers"
            )
        (place.parent if is_table else place).mkdir(parents=True, exist_ok=True)
        return place

    def _samples(self, about: Mapping[str, Any]) -> tuple[Source, Source | None]:
        """The samples to evaluate on, and those to calibrate on if probabilities are of interest.

        The run's own data may be gone when it is evaluated on other data.
        """
        from forward_forward.datasets.run_data import sets_of_run, test_of, validation_of

        sets = sets_of_run(about) if self.data is None else None
        test = test_of(about, self.data, sets)
        calibrated = not about["data"]["classes"] or "temperature" in about
        if calibrated or not (self.json or self.out):
            return test, None
        try:
            return test, validation_of(about, sets_of_run(about) if sets is None else sets)
        except (ValueError, OSError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            print(f"ff: note: probabilities are not calibrated: {reason}", file=sys.stderr)
            return test, None

    def _refitted(self, network: Network, about: Mapping[str, Any]) -> dict[str, Any]:
        """Read labels in another way, fitted to the run's validation data; what is then printed."""
        from forward_forward import predict
        from forward_forward.datasets.run_data import sets_of_run, unchanged
        from forward_forward.forward.description import describe
        from forward_forward.recipes.settings import read_range

        network.set_readout(read_range(str(self.readout)))
        chosen = {}
        if network.chosen is not None:
            sets = sets_of_run(about)
            unchanged(about, sets, "Restore them, or omit --readout")
            predict.check_fit(network, sets.validation)
            counts, _ = predict.count_errors(network, sets.validation)
            predict.choose_readout(counts, network)
            predict.fit_readout(network, sets.validation)
            chosen = {"readout": list(network.readout), **predict.readout_entries(network)}
        before = {name: each for name, each in about.items() if name not in FITTED}
        return {**before, "network": describe(network), **chosen}


def _print_quality(quality: Mapping[str, Any]) -> None:
    """Print scores by class, unless there are too many to read; of numbers, R2 and mean errors."""
    from forward_forward.cli.tables import print_table

    if "mae" in quality:
        r2 = "" if quality["r2"] is None else f"R2 {quality['r2']:.4f}, "
        print(f"  {r2}mean absolute error {quality['mae']:.4g}")
    elif len(quality["classes"]) <= MOST_CLASSES:
        scores = [(*each.values(),) for each in quality["by_class"]]
        means = ("mean", *quality["macro_average"].values(), quality["samples"])
        rows = [
            (name, *(f"{score:.3f}" for score in three), f"{count:g}")
            for name, *three, count in [*scores, means]
        ]
        print_table("", [("class", "precision", "recall", "F1", "samples"), *rows])


def _write(found: Predictions, place: Path) -> None:
    """Write the table of the samples, and into a folder the figures too; say what was written."""
    import pandas

    from forward_forward import files
    from forward_forward.report import save_figures

    is_table = place.suffix == ".csv"
    table = place if is_table else place / "predictions.csv"
    frame = pandas.DataFrame(found.columns())
    files.write(table, frame.to_csv(index_label="index").encode())
    for path in (table, *(() if is_table else save_figures(found, place))):
        print(f"written: {path}", file=sys.stderr)
