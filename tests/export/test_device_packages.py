"""An export for devices is a package of Arduino, PlatformIO, ESP-IDF and CMake."""

import re
import shutil
import subprocess

import pytest
import torch

from forward_forward.export.device import c
from forward_forward.forward import mlp


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "device"
    c(mlp(4, 8, num_classes=3, seed=1), torch.rand(9, 4), folder, classes=["a", "é", 'q"\\'])
    return folder


def tool(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


def done(*command):
    ran = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_platformio_packs_it(package, tmp_path):
    done(tool("pio"), "pkg", "pack", package, "-o", tmp_path / "made.tar.gz")
    assert "src/ff_model.c" in done("tar", "tzf", tmp_path / "made.tar.gz")


def test_esp_idf_packs_it(package, tmp_path):
    pack = "component", "pack", "--name", "ff_model", "--dest-dir", tmp_path
    done(tool("compote"), "--warnings-as-errors", *pack, "--project-dir", package)
    assert [*tmp_path.glob("ff_model_1.0.0.tgz")]


def test_cmake_builds_it(package, tmp_path):
    cmake = tool("cmake")
    done(cmake, "-S", package, "-B", tmp_path, "-DCMAKE_C_FLAGS=-Werror")
    done(cmake, "--build", tmp_path)
    assert [*tmp_path.glob("libff_model.a")]


def test_arduino_finds_what_its_rules_ask_for(package):
    """https://arduino.github.io/arduino-cli/latest/library-specification/"""
    lines = (package / "library.properties").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    needed = "name version author maintainer sentence paragraph category url architectures"
    assert {*needed.split(), "includes"} == {*found}
    assert all(found.values())
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])
    assert found["category"] == "Data Processing"
    assert (package / "src" / found["includes"]).is_file()
    for sketch in (package / "examples").iterdir():
        assert (sketch / f"{sketch.name}.ino").is_file()


def test_its_header_compiles_as_cpp(package, tmp_path):
    """A sketch is C++: with what it needs of Arduino, the example compiles."""
    compiler = tool("g++")
    (tmp_path / "sketch.cpp").write_text(
        f'{ARDUINO}#include "{package}/examples/Learn/Learn.ino"\n'
    )
    flags = "-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{package / 'src'}"
    done(compiler, *flags, "-c", tmp_path / "sketch.cpp", "-o", tmp_path / "sketch.o")


ARDUINO = """
#include <ctype.h>
struct Port {
  void begin(long) {}
  int available() { return 1; }
  int peek() { return 0; }
  int read() { return 0; }
  long parseInt() { return 0; }
  float parseFloat() { return 0; }
  void println(const char *) {}
};
static Port Serial;
"""


def test_the_names_of_classes_survive_the_compiler(package, tmp_path):
    from forward_forward.export.device.program import Program

    tool("cc")
    program = Program(package)
    assert [program.class_name(i) for i in range(4)] == ["a", "é", 'q"\\', "?"]
