"""Steps on stdin, one JSON list a line -> what became of each on stdout: run inside the wheel.

["code", TEXT], ["ff", ARGUMENT, ...] or ["script", PATH, ARGUMENT, ...]. One process imports torch
once; the outcome of a step is a line that begins with MARK: a JSON list of its exit code and text.
"""

import contextlib
import io
import json
import runpy
import sys
import time
import traceback

from forward_forward import cli

MARK = "\x1e"


def run(kind: str, *words: str) -> None:
    """Run one step; it exits or raises as a program of its own would."""
    if kind == "code":
        exec(compile(words[0], "README.md", "exec"), {"__name__": "__main__"})
    elif kind == "ff":
        cli.main(words)
    else:
        sys.argv = list(words)
        runpy.run_path(words[0], run_name="__main__")


for line in sys.stdin:
    text, code = io.StringIO(), 0
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            run(*json.loads(line))
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            code = 1
            traceback.print_exc()
    time.sleep(1)  # `ff train` names a run's folder by the second
    print(f"\n{MARK}{json.dumps([code, text.getvalue()])}", flush=True)
