"""What is done stays done: a file of rows, one a finished item, and an estimate of what is still to do."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any


class Journal:
    """Rows by key in a JSONL file, each on disk when `add` returns. The last row of a key counts.

    A line that a kill cut short is dropped when the file is opened. Safe to call from several threads of one
    process; two processes must not write one journal.
    """

    def __init__(self, path: Path, fresh: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, Any]] = {}
        if fresh:
            path.unlink(missing_ok=True)
        self._read()

    def get(self, key: str) -> dict[str, Any] | None:
        """The row of a finished item."""
        return self._rows.get(key)

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Write down that an item is done."""
        line = json.dumps({"key": key, **row}, ensure_ascii=False)
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
            self._rows[key] = row

    def _read(self) -> None:
        if not self._path.exists():
            return
        whole = self._path.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        if len(kept) < len(whole):
            os.truncate(self._path, len(kept))
        for line in kept.split(b"\n")[:-1]:
            row = json.loads(line)
            self._rows[row.pop("key")] = row


class Progress:
    """Says what was done and about how long the rest takes: by the mean of each kind of item so far."""

    def __init__(self, planned: Counter[str]) -> None:
        """`planned` counts the items of each kind, those already done included."""
        self._planned = planned
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)

    def done(self, kind: str, seconds: float, line: str = "") -> None:
        """Count an item; prints `line` with the estimate. One read from the journal has no line."""
        self._seconds[kind].append(seconds)
        if line:
            count, total = self._count, self._planned.total()
            print(f"[{count}/{total}] {line}; {seconds:.0f} s; {self._left()}", flush=True)

    @property
    def _count(self) -> int:
        return sum(len(taken) for taken in self._seconds.values())

    def _left(self) -> str:
        left, unknown = 0.0, []
        for kind, planned in self._planned.items():
            taken = self._seconds[kind]
            missing = planned - len(taken)
            if missing and not taken:
                unknown.append(kind)
            elif missing:
                left += missing * sum(taken) / len(taken)
        minutes = round(left / 60)
        text = f"about {left / 3600:.1f} h" if minutes >= 90 else f"about {minutes} min"
        return f"{text if minutes else 'under a minute'} left" + (
            f", and then {', '.join(unknown)}" if unknown else ""
        )
