"""A page's memory and samples -> the kernel's scores [n, classes], if Node is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from forward_forward.export.device.device_layer import Array

# Reads what is in the page from its input, and prints the scores of each sample.
DRIVER = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
Network.load(given.memory, given.kernel, given.head, given.weights).then(network => {
    console.log(JSON.stringify(given.samples.map(x => network.scores(x))));
});
"""


def template(name: str) -> str:
    """A file of the page."""
    path = files("forward_forward.export.device.page") / "templates" / name
    return path.read_text(encoding="utf-8")


def scores_in_node(parts: Mapping[str, Any], samples: Array) -> Array | None:
    """Scores by the page's own kernel and script, outside a browser.

    Args:
        parts: ``memory``, ``kernel``, ``head`` and ``weights``, as they are in the page.
        samples: Raw samples [n, values], the channels of a pixel together.

    Returns:
        Scores [n, classes]; None if Node is not installed.

    Raises:
        RuntimeError: The script or the kernel failed.
    """
    node = shutil.which("node")
    if node is None:
        return None
    names = "memory", "kernel", "head", "weights"
    given = {**{name: parts[name] for name in names}, "samples": samples.tolist()}
    done = subprocess.run(
        [node, "-e", template("kernel.js") + DRIVER],
        input=json.dumps(given),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"the page's kernel failed in Node:\n{done.stderr[-2000:]}")
    found: Array = np.array(json.loads(done.stdout), np.float32)
    return found
