"""An .onnx file and rows -> its outputs, by a process that imports only ONNX Runtime and numpy."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

CODE = """
import json, sys
import numpy as np, onnxruntime
path, rows = sys.argv[1], json.load(sys.stdin)
session = onnxruntime.InferenceSession(path)
inputs = {}
for each in session.get_inputs():
    kind = np.float64 if each.type == "tensor(double)" else object  # a missing number is null
    inputs[each.name] = np.array(rows[each.name], dtype=kind)
names = [each.name for each in session.get_outputs()]
outputs = dict(zip(names, session.run(None, inputs)))
assert not {"torch", "sklearn", "pandas", "onnx", "forward_forward"} & set(sys.modules)
print(json.dumps({name: each.tolist() for name, each in outputs.items()}))
"""


def run_alone(path: Path, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """The outputs for inputs in lists or arrays; None and NaN are missing cells."""
    rows = {name: np.asarray(each, dtype=object).tolist() for name, each in inputs.items()}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path)],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: np.array(each) for name, each in json.loads(done.stdout).items()}


def columns(frame: Any) -> dict[str, Any]:
    """The columns of a frame as inputs."""
    return {name: frame[[name]].to_numpy(dtype=object).copy() for name in frame}
