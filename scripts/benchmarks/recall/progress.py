"""What a run has done so far, on disk beside the server's state: a killed run goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.leader import Leadership


class OtherRun(Exception):
    """The folder holds a run with other options, or one that is at work."""


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """No other run works in this folder meanwhile. Raises OtherRun."""
    lock = Leadership(home / "bench-learning.lock")
    if not lock.take():
        raise OtherRun(f"another run is at work in {home}: wait for its end, or give another --home")
    try:
        yield
    finally:
        lock.leave()


class Progress:
    """Turns told, groups taught, questions fixed and checkpoints answered; saved after each of these."""

    def __init__(self, home: Path, options: dict[str, Any]) -> None:
        """Goes on with the run of this home if there is one. Raises OtherRun."""
        self._file = home / "bench-learning.json"
        self._begun = time.monotonic()
        self.options = options
        self.turns: dict[str, str] = {}
        """Number of the fact to the turn that told it."""
        self.groups: list[dict[str, Any]] = []
        """Facts taught together, with the seconds until they were shown."""
        self.questions: list[dict[str, Any]] = []
        self.dropped = 0
        self.base: list[dict[str, Any]] = []
        """Answers of the base model, with and without the fact in its context."""
        self.checkpoints: dict[str, dict[str, Any]] = {}
        """Number of later updates to the version that was asked and its answers."""
        self.starts = 0
        self.seconds = 0.0
        """Spent by earlier starts of this run."""
        if self._file.is_file():
            self._load(home)
        self._earlier = self.seconds
        self.starts += 1
        self.save()

    def _load(self, home: Path) -> None:
        kept = json.loads(self._file.read_text())
        for name, value in self.options.items():
            if kept["options"].get(name) != value:
                raise OtherRun(
                    f"{home} holds a run with {name} {kept['options'].get(name)!r}, and now it is {value!r}: "
                    "give the same options to go on with it, or another --home"
                )
        for name in self._names():
            setattr(self, name, kept[name])

    def save(self) -> None:
        """Write everything down, whole or not at all."""
        self.seconds = self._earlier + time.monotonic() - self._begun
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.as_dict(), indent=1))
        temporary.replace(self._file)

    def as_dict(self) -> dict[str, Any]:
        """All that is kept."""
        return {name: getattr(self, name) for name in ("options", *self._names())}

    @staticmethod
    def _names() -> tuple[str, ...]:
        return ("turns", "groups", "questions", "dropped", "base", "checkpoints", "starts", "seconds")

    def say(self, text: str) -> None:
        """A line for whoever watches, with the minutes since this start."""
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        print(f"[{minutes:4d}:{seconds:02d}] {text}", flush=True)
