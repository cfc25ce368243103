"""A command -> its end on two hosts: network namespaces with a link, slow, distant or cut.

They require root, Linux and iproute2, and share only this machine's processors and files.
"""

import contextlib
import errno
import functools
import itertools
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "link0"  # gloo ignores a name of one letter
ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = "29500"
TUN = Path("/dev/net/tun")
NUMBERS = itertools.count()


class Ended(NamedTuple):
    """How a process on a host ended, and its output."""

    code: int
    output: str


class Running(NamedTuple):
    """A process on a host, and the file with its output."""

    process: subprocess.Popen[bytes]
    log: Path

    def end(self, seconds: float) -> Ended:
        code = self.process.wait(seconds)
        return Ended(code, self.log.read_text(errors="replace"))


class Relay(threading.Thread):
    """Passes packets from each TUN device to the other after a delay: netem for any kernel.

    Args:
        delay: Seconds, one way.
    """

    def __init__(self, delay: float) -> None:
        super().__init__(daemon=True)
        self.delay, self.ended = delay, threading.Event()
        self.ends: list[int] = []

    def make(self, device: str) -> None:
        """Create one of the two devices."""
        import fcntl  # not on Windows

        self.ends.append(os.open(TUN, os.O_RDWR | os.O_NONBLOCK))
        tun, no_header, set_name = 0x1, 0x1000, 0x400454CA
        request = struct.pack("16sH22x", device.encode(), tun + no_header)
        fcntl.ioctl(self.ends[-1], set_name, request)

    def run(self) -> None:
        other = dict(zip(self.ends, reversed(self.ends), strict=True))
        on_the_way = deque[tuple[float, int, bytes]]()
        while not self.ended.is_set():
            pause = on_the_way[0][0] - time.monotonic() if on_the_way else 0.05
            for end in select.select(self.ends, [], [], max(0.0, pause))[0]:
                with contextlib.suppress(BlockingIOError):
                    packet = os.read(end, 1 << 16)
                    on_the_way.append((time.monotonic() + self.delay, other[end], packet))
            while on_the_way and on_the_way[0][0] <= time.monotonic():
                _, end, packet = on_the_way.popleft()
                try:
                    os.write(end, packet)
                except OSError as error:  # a device that is down, or full: the packet is lost
                    if error.errno not in (errno.EIO, errno.EAGAIN, errno.ENOBUFS):
                        raise

    def end(self) -> None:
        self.ended.set()
        if self.is_alive():
            self.join()
        for end in self.ends:
            os.close(end)


class TwoHosts:
    """Two hosts with a link between them, which exist as long as the context.

    Args:
        delay: Seconds from one to the other.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        unique = f"ff{os.getpid()}-{next(NUMBERS)}"
        self.hosts = (f"{unique}a", f"{unique}b")
        self.relay: Relay | None = None
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "TwoHosts":
        try:
            for host in self.hosts:
                ip("netns", "add", host)
            self._link()
            for host, address in zip(self.hosts, ADDRESSES, strict=True):
                ip("-n", host, "address", "add", f"{address}/24", "dev", DEVICE)
                for device in ("lo", DEVICE):
                    ip("-n", host, "link", "set", device, "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def limit(self, mbit: float) -> None:
        """Limit the link to so many megabits a second, each way."""
        # A burst may be as large as what passes between two ticks of a slow clock.
        burst = max(65536, round(mbit * 1e6 / 8 / 200))
        for host in self.hosts:
            tbf = ["tbf", "rate", f"{round(mbit * 1e6)}bit", "burst", str(burst)]
            device = ["-n", host, "qdisc", "replace", "dev", DEVICE, "root"]
            called("tc", *device, *tbf, "latency", "100ms")

    def cut(self) -> None:
        ip("-n", self.hosts[0], "link", "set", DEVICE, "down")

    def mend(self) -> None:
        ip("-n", self.hosts[0], "link", "set", DEVICE, "up")

    def sent(self, host: int) -> int:
        """Bytes that a host has sent over the link, headers included."""
        found = json.loads(ip("-n", self.hosts[host], "-j", "-s", "link", "show", DEVICE))
        return found[0]["stats64"]["tx"]["bytes"]

    def processes(self) -> list[int]:
        """The processes that still run on the hosts."""
        return [
            int(number)
            for host in self.hosts
            for number in called("ip", "netns", "pids", host, check=False).split()
        ]

    def ranks(self, *words: object, folder: Path, **environment: str) -> list[Running]:
        """``python words`` on each host, as one rank of torch.distributed."""
        given = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": ADDRESSES[0]}
        given |= {"MASTER_PORT": PORT, **environment}
        return [self._start(host, words, folder, {**given, "RANK": str(host)}) for host in range(2)]

    def torchrun(self, *words: object, folder: Path, **environment: str) -> list[Running]:
        """``torchrun words`` on each host, one rank each."""
        torchrun = ["-m", "torch.distributed.run", "--nnodes", 2, "--nproc-per-node", 1]
        torchrun += ["--master-addr", ADDRESSES[0], "--master-port", PORT]
        return [
            self._start(host, [*torchrun, "--node-rank", host, *words], folder, environment)
            for host in range(2)
        ]

    def _start(self, host: int, words: object, folder: Path, environment: dict) -> Running:
        log = folder / f"host{host}.log"
        inside = ["ip", "netns", "exec", self.hosts[host], sys.executable, *map(str, words)]
        given = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": DEVICE, **environment}
        with log.open("wb") as file:
            process = subprocess.Popen(
                inside,
                cwd=ROOT,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **given},
            )
        self.started.append(process)
        return Running(process, log)

    def _link(self) -> None:
        one, other = self.hosts
        if not self.delay:
            ends = ["type", "veth", "peer", "name", DEVICE, "netns", other]
            ip("link", "add", DEVICE, "netns", one, *ends)
            return
        self.relay = Relay(self.delay)
        for host, end in zip(self.hosts, "ab", strict=True):
            # A device is created here and then moved; its packets still come to its creator.
            created = f"fft{os.getpid()}{end}"
            self.relay.make(created)
            ip("link", "set", created, "netns", host)
            ip("-n", host, "link", "set", created, "name", DEVICE, "mtu", "16000")
        self.relay.start()

    def _remove(self) -> None:
        for number in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for process in self.started:
            process.wait()
        if self.relay is not None:
            self.relay.end()
        for host in self.hosts:
            called("ip", "netns", "delete", host, check=False)


@functools.cache
def missing(*, delay: bool = False) -> str:
    """Why two hosts, or a delay between them, are impossible here; empty if they are possible."""
    if sys.platform != "linux" or not (shutil.which("ip") and shutil.which("tc")):
        return "two hosts require Linux with iproute2 (ip and tc)"
    if os.geteuid() != 0:
        return "network namespaces require root"
    if delay and not TUN.exists():
        return f"a delay requires {TUN}"
    try:
        with TwoHosts(0.001 if delay else 0.0) as hosts:
            hosts.limit(100)
    except subprocess.CalledProcessError as error:
        return f"network namespaces are refused here: {error.stderr.strip()}"
    except OSError as error:
        return f"TUN devices are refused here: {error}"
    return ""


def ip(*words: str) -> str:
    return called("ip", *words)


def called(*words: str, check: bool = True) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=check).stdout
