"""What the two processes say to each other: pickled words of our own over a socket that only they hold."""

from __future__ import annotations

import pickle
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from guardian.types import Candidate, Policy, Source, Verdict

_LENGTH = struct.Struct("!Q")
Examples = tuple[tuple[Candidate, Source], ...]
"""A request. Each example is answered with one Reply, in order."""


@dataclass(frozen=True, slots=True)
class Start:
    """The first message: what the child judges by. It answers with a Reply once it can judge."""

    policy: Policy
    limit_seconds: float
    """A judgement that takes longer ends the child, whether or not its parent still lives."""
    busy: Path | None = None
    """The server's BusyFile: chat that runs by it goes first."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One verdict, and what the checks complain of by now."""

    verdict: Verdict | None
    """None: ready."""
    alarms: tuple[str, ...]


def send(to: socket.socket, message: Start | Examples | Reply, seconds: float | None = None) -> None:
    """Raises TimeoutError when the other side does not read for so long, OSError when it is gone."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    to.settimeout(seconds)
    to.sendall(_LENGTH.pack(len(body)) + body)


def receive(source: socket.socket, seconds: float | None = None) -> object:
    """The next message. Raises TimeoutError when it is not whole in time, EOFError or OSError when the other
    side is gone."""
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size, deadline))
    return pickle.loads(_exactly(source, length, deadline))


def _exactly(source: socket.socket, length: int, deadline: float | None) -> bytes:
    got = bytearray()
    while len(got) < length:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        source.settimeout(left)
        part = source.recv(min(length - len(got), 1 << 20))
        if not part:
            raise EOFError
        got += part
    return bytes(got)
