"""``ff evaluate``: a run -> its errors on the test set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forward_forward.cli.flags import Name, Run, Switch

if TYPE_CHECKING:
    from forward_forward.forward import Network

FITTED = ("readout", "fitted_readout")  # entries of run.json about how the run reads labels


@dataclass(frozen=True)
class EvaluateCommand:
    """Print the errors of a trained network on the test set, in percent.

    If it predicts numbers, the root-mean-square error in units of the target.
    """

    # The run's folder.
    run: Run
    # Other data with the same classes, specified as for `ff train`; by default, the test set.
    data: Name = None
    # weighted or logistic: fit how the layers are combined to the run's validation data, instead of
    # reading labels as the run does; auto, all or numbers of layers such as 2-3 choose a range.
    readout: Name = None
    # Print the errors as one JSON object, with test_error.
    json: Switch = False

    def __call__(self) -> int:
        from forward_forward import checkpoint, predict
        from forward_forward.cli import train_output
        from forward_forward.datasets.run_data import test_of

        run = checkpoint.Run(self.run)
        about: Mapping[str, Any] = run.about
        network = checkpoint.load(self.run)
        name = self.data or about.get("command", {}).get("data", about["data"]["name"])
        train_output.say_reading(name)
        if self.readout is not None:
            about = self._refitted(network, about)
        metrics = predict.evaluate(network, test_of(about, self.data))
        if self.json:
            found = {"run": self.run, "data": name, "test_error": metrics["error"], **metrics}
            print(json.dumps(found))
        else:
            lines = train_output.errors(about, metrics, f"{name} test")
            if self.readout is None:
                lines += train_output.better_alone(run.metrics.rows(), about)
            print("\n".join(lines))
        return 0

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
