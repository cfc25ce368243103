"""``ff evaluate``: a run -> its errors on the test set."""

from __future__ import annotations

import json
from dataclasses import dataclass

from forward_forward.cli.flags import Name, Run, Switch


@dataclass(frozen=True)
class EvaluateCommand:
    """Print the errors of a trained network on the test set, in percent.

    If it predicts numbers, the root-mean-square error in units of the target.
    """

    # The run's folder.
    run: Run
    # Other data with the same classes, specified as for `ff train`; by default, the test set.
    data: Name = None
    # Print the errors as one JSON object, with test_error.
    json: Switch = False

    def __call__(self) -> int:
        from forward_forward import checkpoint, predict
        from forward_forward.cli import train_output
        from forward_forward.datasets.run_data import test_of

        run = checkpoint.Run(self.run)
        about = run.about
        network = checkpoint.load(self.run)
        name = self.data or about.get("command", {}).get("data", about["data"]["name"])
        train_output.say_reading(name)
        metrics = predict.evaluate(network, test_of(about, self.data))
        if self.json:
            found = {"run": self.run, "data": name, "test_error": metrics["error"], **metrics}
            print(json.dumps(found))
        else:
            lines = train_output.errors(about, metrics, f"{name} test")
            print("\n".join([*lines, *train_output.better_alone(run.metrics.rows(), about)]))
        return 0
