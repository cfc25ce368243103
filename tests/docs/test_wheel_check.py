"""What `make wheel-check` runs: something of every extra, where the packages of the extra are."""

import runpy
from pathlib import Path

CI = Path(__file__).parents[2] / ".ci"
README = runpy.run_path(str(CI / "wheel_readme.py"))
ENVIRONMENT = runpy.run_path(str(CI / "wheel_environment.py"))
EXTRAS = set(ENVIRONMENT["EXTRAS"]) - {"all", "release", "test", "lint", "docs"}


def test_every_extra_has_a_step_that_needs_it():
    used = set(README["CODE"])
    for line in README["steps"](set(), "postgresql://"):
        used |= README["needs"](line)
    assert used == EXTRAS


def test_code_that_imports_a_package_itself_runs_where_its_extra_is():
    assert "code that uses skops" in README["steps"]({"skops"}, "postgresql://")
    assert "code that uses skops" not in README["steps"]({"hub"}, "postgresql://")


def test_the_database_replaces_its_name_in_the_words_of_a_command():
    url = "postgresql://ff@/postgres?host=/sockets"
    taken = README["steps"](set(), url)
    assert [line for line, words in taken.items() if url in words] == [
        line for line in taken if "postgresql://" in line
    ]
    assert sum(url in words for words in taken.values()) == 1


def test_an_extra_may_consist_of_others():
    packages = ENVIRONMENT["packages"]
    assert packages("sweep") < packages("postgresql") < packages("all")
    assert packages("all") == set().union(*map(packages, EXTRAS))
