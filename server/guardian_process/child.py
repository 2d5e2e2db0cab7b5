"""The child: a Guardian that answers one socket, and ends when nobody holds the other end.

It also ends by itself when one judgement takes too long: a check that never comes back may hold every
other thread of its process, so only a timer outside of Python is relied on: faulthandler's, which says where.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Mapping

from guardian import Guardian
from guardian.checks import registry
from guardian.types import Candidate, Source
from server.busy import BusyFile
from server.crash import crash_point
from server.guardian_process.way import Way
from server.guardian_process.wire import Reply, Start, receive, send

WARM_UP = "The library in Arden opens at 9 am."
NICE = 10


def main(descriptor: int, builders: Mapping[str, registry.Builder] = registry.BUILDERS) -> None:
    """Judge what comes over the inherited socket, until the server at its other end is gone."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then lets go of us
    server = socket.socket(fileno=descriptor)
    threading.Thread(target=_die_with, args=(server,), name="server-watch", daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        start = receive(server)
        assert isinstance(start, Start)
        way = Way(BusyFile(start.busy) if start.busy else None, start.limit_seconds)
        guardian = Guardian(start.policy, builders, way)
        _warm_up(guardian)
        send(server, Reply(None, tuple(guardian.health())))
        while True:
            _answer(server, guardian, start.limit_seconds, way)


def _answer(server: socket.socket, guardian: Guardian, limit_seconds: float, way: Way) -> None:
    examples = receive(server)
    assert isinstance(examples, tuple)
    for candidate, source in examples:
        faulthandler.dump_traceback_later(limit_seconds, exit=True)
        crash_point("guardian.judging")
        way.begin()
        verdict = guardian.judge(candidate, source)
        faulthandler.cancel_dump_traceback_later()
        send(server, Reply(verdict, tuple(guardian.health())))
        way()  # before the next example, for the last check


def _warm_up(guardian: Guardian) -> None:
    """Have what a check loads at its first use loaded before anybody waits for it."""
    guardian.judge(Candidate("When does the library in Arden open?", WARM_UP), Source(WARM_UP, "nobody"))
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _die_with(server: socket.socket) -> None:
    """End this process as soon as the other end is closed, in the middle of a judgement too."""
    watch = select.poll()
    watch.register(server, 0)  # a closed other end is reported whatever is asked for
    while not watch.poll():
        pass
    os._exit(0)  # nothing to clean up: what was not answered is asked again
