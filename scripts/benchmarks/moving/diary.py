"""Follows a rollout from outside and writes down what happened when."""

from __future__ import annotations

import time
from typing import Any

from scripts.benchmarks.common import Server

LOOK_SECONDS = 0.5


class Diary:
    """Lines with the seconds since it was begun, printed as they come."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._begin = time.monotonic()

    def note(self, text: str) -> None:
        """Write a line."""
        line = f"[{time.monotonic() - self._begin:6.0f} s] {text}"
        self.lines.append(line)
        print(line, flush=True)

    def follow(self, server: Server, version: str, seconds: float) -> tuple[str, str, dict[str, Any]]:
        """Watch until the rollout of `version` has ended: how, why, and the last report of it.

        Raises TimeoutError after so many seconds, with what it last said.
        """
        deadline, last = time.monotonic() + seconds, ""
        report: dict[str, Any] = {}
        while time.monotonic() < deadline:
            found = server.get("/v1/rollout")
            if found["version"] == version:
                now = found["decision"]
                if found["units"]["users"] or not report:  # who was met is forgotten as it ends
                    report = found
                said = f"{found['state']} at {found['weight']:.0%}, {now['action']}: {now['cause']}"
                if said != last:
                    self.note(f"{version}: {said}: {now['reason']}")
                    last = said
            elif (end := ended(server, version)) is not None:
                self.note(f"{version} was {end[0]}: {end[1]}")
                return *end, report
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(
            f"the rollout did not end within {seconds:.0f} s; last: {last or 'it never began'}"
        )


def ended(server: Server, version: str) -> tuple[str, str] | None:
    """How the last rollout of a version ended and why; None while none has."""
    rows = server.get("/v1/audit?limit=1000")["audit"]
    mine = {row["subject"] for row in rows if row["action"] == "start_rollout" and row["after"] == version}
    found = [row for row in rows if row["action"] == "end_rollout" and row["subject"] in mine]
    return (str(found[0]["after"]), str(found[0]["reason"])) if found else None
