"""A network's parts and samples -> the text of the page: template, style and script in one."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

from forward_forward.export.device.device_layer import DeviceLayer
from forward_forward.export.device.page.check import template
from forward_forward.export.device.page.choice import rehearsal
from forward_forward.export.folder import MADE_BY
from forward_forward.forward import Network

STEPS = 10  # of a press of a button, at the start
SCRIPTS = "kernel.js", "picture.js", "page.js", "controls.js"


def page_text(
    network: Network,
    layers: Sequence[DeviceLayer],
    about: dict[str, Any],
    parts: dict[str, Any],
    shown: dict[str, Any],
) -> str:
    """The text of the page.

    Args:
        network: The network.
        layers: Its layers.
        about: ``version``, ``classes`` and ``rate``.
        parts: ``memory`` (the addresses), ``kernel``, ``head`` and ``weights`` in base64.
        shown: The samples.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("forward_forward.export.device.page"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    script = "".join(map(template, SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    first, stop = network.readout
    counted = f"layer {stop}" if stop == first + 1 else f"layers {first + 1} to {stop}"
    weights = sum(each.weights.size + each.readout.size + len(each.biases) for each in layers)
    stored = {
        **{key: parts["memory"][key] for key in ("inputs", "classes", "spare")},
        **{key: shown[key] for key in ("picture", "labels", "rows", "pixels")},
        "memory": parts["memory"],
        "names": about["classes"],
        "samples": len(shown["labels"]),
        "rehearsal": rehearsal(shown["labels"]),
        "described": [_described(index, each) for index, each in enumerate(layers)],
    }
    return made.get_template("page.html").render(
        title="A network that learns in your browser",
        generator=f"{MADE_BY} {about['version']}",
        summary=f"The network: {parts['memory']['inputs']} inputs, {len(layers)} layers and"
        f" {weights:,} weights, trained and exported by {MADE_BY} {about['version']}.",
        summed=f"its goodness, added over {counted}" if stop > first + 1 else f"that of {counted}",
        steps=STEPS,
        rate_exponent=f"{math.log10(max(about['rate'], 1e-4)):.2f}",
        about=Markup(json.dumps(stored).replace("<", "\\u003c")),
        script=Markup(script),
        script_hash=digest,
        picture=shown["picture"],
        features=shown["features"],
        values=shown["values"],
        **{name: parts[name] for name in ("kernel", "head", "weights")},
    )


def _described(index: int, layer: DeviceLayer) -> dict[str, Any]:
    """What the page says of a layer."""
    channels, height, width = layer.out
    size = f"{channels} units" if height * width == 1 else f"{channels} maps of {height} × {width}"
    counted = "" if layer["counted"] else ", not part of the answer"
    learns = "" if layer["learns"] else ", does not learn here"
    judges = layer["goodness"] != "FF_NO_GOODNESS"
    return {"text": f"Layer {index + 1} ({size}{counted}{learns})", "judges": judges}
