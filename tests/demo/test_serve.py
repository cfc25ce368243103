"""How the page is served: environment, host, port, and what becomes of files that are uploaded."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from forward_forward.demo import page, serve

REPORTS = ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE")
PROXY = ("no_proxy", "NO_PROXY")


def stand_in(monkeypatch, launch) -> None:
    """Gradio, of which a page's launch is replaced."""
    gradio = SimpleNamespace(themes=SimpleNamespace(Base=lambda **fonts: None))
    blocks = SimpleNamespace(launch=launch, close=lambda: None)
    monkeypatch.setitem(sys.modules, "gradio", gradio)
    monkeypatch.setattr(serve, "check_host", lambda host: None)
    monkeypatch.setattr(serve, "subject_of", lambda run, say: None)
    monkeypatch.setattr(serve, "page_of", lambda gradio, subject: blocks)


@pytest.mark.parametrize("own", [None, "True"])
@pytest.mark.parametrize("fails", [False, True])
def test_the_user_s_environment_is_kept(monkeypatch, own, fails):
    for name in REPORTS:
        monkeypatch.delenv(name, raising=False) if own is None else monkeypatch.setenv(name, own)
    monkeypatch.setenv(PROXY[0], "example.org")
    monkeypatch.delenv(PROXY[1], raising=False)
    seen, direct = [], []

    def launch(**options):
        seen.extend(os.environ[name] for name in REPORTS)
        direct.extend(os.environ[name] for name in PROXY)
        if fails:
            raise OSError("the port is in use")
        return None, "http://here", None

    stand_in(monkeypatch, launch)
    with pytest.raises(OSError, match="port") if fails else nullcontext():
        serve.launch(host="10.0.0.1")
    own_page = "localhost,127.0.0.1,10.0.0.1"
    assert direct == [f"example.org,{own_page}", own_page]
    assert [os.environ.get(name) for name in PROXY] == ["example.org", None]
    assert seen == (["False", "1"] if own is None else [own, own])
    assert [os.environ.get(name) for name in REPORTS] == [own, own]


@pytest.mark.parametrize(("port", "words"), [(81, "port 81 is"), (None, "7860 to 7959 are")])
def test_a_port_in_use_is_named_with_what_chooses_another(monkeypatch, port, words):
    def launch(**options):
        raise OSError("Cannot find empty port in range: set GRADIO_SERVER_PORT")

    stand_in(monkeypatch, launch)
    with pytest.raises(OSError, match=f"{words} in use on 127.0.0.1: .*--port"):
        serve.launch(port=port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.7", "a" * 300])
def test_a_host_that_is_none_is_named_before_anything_is_trained(monkeypatch, host):
    monkeypatch.setattr(serve, "subject_of", lambda run, say: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match="this machine as the host, got ") as refused:
        serve.launch(host=host)
    assert repr(host) in str(refused.value)
    assert "use 127.0.0.1 for this machine alone" in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_host_of_this_machine_is_taken(host):
    serve.check_host(host)


def test_a_drawing_of_any_size_is_not_read():
    tab = SimpleNamespace(_refused=lambda text: text)
    drawn = SimpleNamespace(drawn="," + "A" * page.LARGEST)
    assert page._ClassifyTab._drawn(tab, drawn) == "Expected a drawing of at most 20 MB."


SERVED = """
import sys
from forward_forward.demo import page, serve

def page_of(gradio, subject):
    with gradio.Blocks(analytics_enabled=False, delete_cache=page.DELETED) as blocks:
        gradio.File()
    return blocks

serve.subject_of, serve.page_of, serve.LARGEST = lambda run, say: None, page_of, 1000
running = serve.launch(browser=False)
print(running.address, flush=True)
sys.stdin.read()
running.close()
"""


def upload(address: str, size: int) -> int:
    """The status with which the page answers to a file of so many bytes."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = head + bytes(size) + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{address}gradio_api/upload", body, kind)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_uploads_are_limited_and_removed_when_the_page_is_closed(tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed")
    uploads = tmp_path / "uploads"  # the folder that the user has chosen
    env = {**os.environ, serve.UPLOADS: str(uploads)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", SERVED], env=env, text=True, **pipes) as running:
        address = running.stdout.readline().strip()
        assert upload(address, 900) == 200
        assert stored(uploads) == 900
        assert upload(address, 200_000) == 413
        assert stored(uploads) <= 1_900  # what is refused is not kept
        running.communicate()
    assert running.returncode == 0
    assert list(uploads.iterdir()) == []
