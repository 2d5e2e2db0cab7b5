"""Several server processes on one port: `livegraft serve --workers 4`.

One socket is opened and shared, so that the system gives each connection to whoever is free. A worker is the
same program as a single server; which of them does the work behind chat, they settle among themselves
(server.leader). A worker that dies is started again; while others live, the port never closes.

Not covered: each worker counts metrics for itself, and `/metrics` tells those of the one that answers.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

log = logging.getLogger("livegraft")
SOCKET_VARIABLE = "LIVEGRAFT_WORKER_SOCKET"
"""Environment variable that gives a worker the descriptor of the socket to answer on."""
NUMBER_VARIABLE = "LIVEGRAFT_WORKER_NUMBER"
"""Environment variable that numbers the workers that live, from 0."""
BACKLOG = 2048
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.2
SHORT_LIFE_SECONDS = 5.0
FALSE_STARTS = 3
"""So many workers in a row that died young, and starting more of them mends nothing."""


def listen(host: str, port: int) -> socket.socket:
    """The socket that all workers share. Raises OSError when the address cannot be had."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    shared = socket.create_server((host, port), family=family, backlog=BACKLOG)
    shared.set_inheritable(True)
    return shared


def when_orphaned(act: Callable[[], None]) -> None:
    """Call `act` once when the process that started this one is gone: a worker must not outlive it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        act()

    threading.Thread(target=watch, name="livegraft-parent", daemon=True).start()


def given_socket() -> socket.socket | None:
    """The shared socket when this process is a worker."""
    descriptor = os.environ.get(SOCKET_VARIABLE)
    return socket.socket(fileno=int(descriptor)) if descriptor else None


def number() -> int:
    """This process's number among the workers, 0 when it is none."""
    return int(os.environ.get(NUMBER_VARIABLE, "0"))


class Workers:
    """Starts the workers and keeps them alive until told to stop."""

    def __init__(self, command: Sequence[str], count: int, shared: socket.socket) -> None:
        self._command = list(command)
        self._count = count
        self._shared = shared
        self._alive: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
        """By number: the worker and when it was started."""
        self._stopping = False
        self._false_starts = 0

    def run(self) -> int:
        """Until SIGINT or SIGTERM; 0, or 1 when workers keep dying at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        try:
            while not self._stopping:
                if not self.step():
                    log.error("workers end as soon as they start: their log lines say why")
                    return 1
                time.sleep(LOOK_SECONDS)
            return 0
        finally:
            self.end()

    def step(self) -> bool:
        """Replace what has died; False when that has failed too often."""
        for number, (worker, started) in list(self._alive.items()):
            if worker.poll() is not None:
                del self._alive[number]
                young = time.monotonic() - started < SHORT_LIFE_SECONDS
                self._false_starts = self._false_starts + 1 if young else 0
                log.warning("worker %d ended with code %s; another is started", number, worker.returncode)
        if self._false_starts >= FALSE_STARTS:
            return False
        for number in set(range(self._count)) - self._alive.keys():
            self._alive[number] = self._spawn(number), time.monotonic()
        return True

    def end(self) -> None:
        """Have all workers finish what they answer, and wait for them."""
        workers = [worker for worker, _ in self._alive.values()]
        for worker in workers:
            worker.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in workers:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self._alive.clear()
        self._shared.close()

    def _spawn(self, number: int) -> subprocess.Popen[bytes]:
        descriptor = self._shared.fileno()
        env = os.environ | {SOCKET_VARIABLE: str(descriptor), NUMBER_VARIABLE: str(number)}
        return subprocess.Popen(self._command, env=env, pass_fds=[descriptor], start_new_session=True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stopping = True


def run(flags: Sequence[str], count: int, host: str, port: int) -> int:
    """Serve with `count` workers, each started with the flags of this command. Returns the exit code."""
    shared = listen(host, port)
    address = shared.getsockname()
    log.info("%d workers answer on http://%s:%d", count, address[0], address[1])
    return Workers([sys.executable, "-m", "server", "serve", *flags], count, shared).run()
