"""The C program under the address and undefined-behaviour sanitizers, with odd input."""

import subprocess
from pathlib import Path

import pytest
from tests.export import device_networks

from forward_forward.export.device import c
from forward_forward.export.device.program import STRICT, compiler

FUZZ = Path(__file__).with_name("device_fuzz.c")
SANITIZE = "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"


def fuzz(export: Path, options: tuple[str, ...] = ()) -> None:
    found = compiler()
    if found is None:
        pytest.skip("no C compiler")
    made = export.parent / f"fuzz{len([*export.parent.glob('fuzz*')])}"
    floats = "typedef float ff_input" in (export / "src" / "ff_model.h").read_text()
    source = export / "src" / "ff_model.c"
    command = [found, *STRICT, *SANITIZE, "-g", "-O1", "-c", str(source), *options]
    subprocess.run([*command, "-o", f"{made}.o"], check=True)
    command = [found, "-std=c99", *SANITIZE, "-g", f"-I{source.parent}", *options, str(FUZZ)]
    command += [f"-DFF_FLOAT_INPUT={int(floats)}", f"{made}.o", "-o", str(made), "-lm"]
    subprocess.run(command, check=True)
    done = subprocess.run([str(made)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[:2000] + done.stderr[:4000]


@pytest.mark.parametrize("name", device_networks.NETWORKS)
def test_odd_input_and_failing_storage_do_no_harm(name, tmp_path):
    network, x, _ = device_networks.of(name)
    c(network, x, tmp_path / "export")
    fuzz(tmp_path / "export", ("-DFF_REPLAY=3",))


@pytest.mark.parametrize("numbers", ["int16", "int8"])
@pytest.mark.parametrize("name", ["every activation", "appended label", "maps"])
def test_integers_do_no_harm(numbers, name, tmp_path):
    network, x, _ = device_networks.of(name)
    c(network, x, tmp_path / "export", numbers=numbers)
    fuzz(tmp_path / "export")


@pytest.mark.parametrize("option", ["-DFF_LEARN=0", "-DFF_ONE_LAYER=1"])
def test_options_do_no_harm(option, tmp_path):
    for index, name in enumerate(("standardised", "overlaid label", "colours")):
        network, x, _ = device_networks.of(name)
        c(network, x, tmp_path / str(index) / "export", spare_classes=2 * (index % 2 == 0))
        fuzz(tmp_path / str(index) / "export", (option,))


def test_pixels_and_backpropagation_do_no_harm(tmp_path):
    network, x, _ = device_networks.of("maps")
    network.set_readout((2, 3))
    c(network, (255 * x).byte(), tmp_path / "export", backprop=True)
    fuzz(tmp_path / "export")
