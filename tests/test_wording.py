"""Every sentence a user can meet: none of the phrases that a technical writer would not use."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A phrase, and the plain way to say it.
PHRASES = {
    r"to be had": "available, reachable, installed",
    r"\baffairs?\b": "say who decides",
    r"so-manieth": "every n-th",
    r"\bparted by\b": "separated by",
    r"what is given": "the arguments, the options",
    r"\b(?:is|are) told\b": "receives, is passed",
    r"of one's own": "own, custom",
    r"goes? on where": "resumes",
    r"broken off": "interrupted",
    r"by hand or by": "name the two ways",
    r"reach(?:es)? for": "optimises, uses",
    r"\bat hand\b": "available",
    r"\banew\b": "again",
    r"tells (?:little|nothing)": "carries little information",
    r"\bare called as\b": "are named like",
    r"\balike\b": "the same way",
    r"\bfreshest\b": "latest",
    r"\bforetell|\bforetold": "predict",
}

# A place and a phrase that it must keep, and why.
KEPT = {
    ("src/forward_forward/report/sweep.py", "broken off"): "a state in files of version 0.1",
    ("CHANGELOG.md", "broken off"): "the same",
    ("CHANGELOG.md", "alike"): "a function's earlier name",
}


@functools.cache
def sentences() -> list[tuple[str, str]]:
    """Places and their texts: strings and docstrings of the package, lines of the pages."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = " ".join(node.value.split())
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", text))
    pages = [*ROOT.glob("*.md"), *(ROOT / "tutorials").glob("*.py"), *(ROOT / "docs").glob("*.md")]
    for path in sorted([*pages, *(ROOT / "docs" / "recipes").glob("*.md")]):
        found.append((str(path.relative_to(ROOT)), " ".join(path.read_text().split())))
    return found


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_that_no_native_would_write_does_not_come_back(phrase):
    found = [
        f"{place}: {match[0]}"
        for place, text in sentences()
        for match in re.finditer(phrase, text, re.IGNORECASE)
        if (place.partition(":")[0], match[0]) not in KEPT
    ]
    assert found == [], f"write: {PHRASES[phrase]}"
