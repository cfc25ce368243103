"""What ``ff export`` prints of a C program, beside backpropagation's memory, or of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forward_forward.cli.tables import print_table


def print_device(about: Mapping[str, Any]) -> None:
    """Print what the C program needs, what it leaves out, and how far it agrees."""
    from forward_forward.export.device.sizes import lines

    arms = {"this program": lines(about["memory"])}
    if "memory_of_backprop" in about:
        arms["by backprop"] = lines(about["memory_of_backprop"])
    rows = [
        (name, *(f"{figures[name]:,}" if name in figures else "-" for figures in arms.values()))
        for name in arms["this program"]
    ]
    print_table("", [("", *arms), *rows])
    _print_notes(about)
    check = about["verified"]
    if check is None:
        return
    equal = f"{100 * check['labels_equal']:.2f} % of the labels equal"
    difference = f"largest relative difference {check['largest_relative_difference']:.1e}"
    print(f"compared with the library on {check['samples']:,} samples: {difference}, {equal}")
    if "test_error" in check:
        errors = check["test_error"], check["test_error_of_the_library"]
        print("test error {:.2f} %, by the library {:.2f} %".format(*errors))


def print_page(about: Mapping[str, Any]) -> None:
    """Print what the page leaves out, how far it agrees, and its file."""
    _print_notes(about)
    if (check := about["verified"]) is not None:
        difference = f"largest relative difference {check['largest_relative_difference']:.1e}"
        print(f"compared with the library on {check['samples']:,} samples: {difference}")
    print(f"page: {about['file']} ({about['bytes']:,} bytes): open it in a browser")


def _print_notes(about: Mapping[str, Any]) -> None:
    for index, layer in enumerate(about["layers"], 1):
        for note in layer["notes"]:
            print(f"layer {index} {note}")
