"""`livegraft teach`: tell a fact and watch it: told, written, judged, trained, served."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from server.terminal.client import Client, TerminalError
from server.terminal.show import facts

STAGES = ("told", "written", "judged", "trained", "served")
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a turn has come."""

    stage: str
    """The last of STAGES that was reached."""
    refused: str = ""
    """Why it goes no further; '' while it may."""


def standing(found: dict[str, Any]) -> Standing:
    """Where a lineage (GET /v1/turns/{id}) stands. The most advanced of several facts decides."""
    edits = found["self_edits"]
    state: str = found["state"]
    if found["turn"]["state"] != "learnable":
        return Standing("told", state)
    if not edits:
        over = state.startswith(("nothing to learn", "not learned"))
        return Standing("told", state if over else "")
    if any(edit["state"] == "trained" for edit in edits):
        return Standing("served" if found["refs"] else "trained")
    if any(edit["state"] in ("allowed", "claimed") for edit in edits):
        return Standing("judged")
    return Standing("written", state)


def teach(
    client: Client, console: Console, model: str, sentence: str, user: str, timeout_seconds: float
) -> dict[str, Any]:
    """Tell the fact and watch; returns the lineage once a version that carries it is served.

    Raises TerminalError with the reason when it is refused, or when the time is over.
    """
    began = time.monotonic()
    body = {
        "model": model,
        "messages": [{"role": "user", "content": sentence}],
        **({"user": user} if user else {}),
    }
    answer = client.post("/v1/chat/completions", body)
    turn = answer["turn"]
    if not turn["recorded"]:
        raise TerminalError(f"the server answered but could not record the turn: {turn.get('reason', '')}")
    console.print(f"[dim]{escape(answer['choices'][0]['message']['content'])}[/]")
    reached: list[str] = []
    with console.status("") as spinner:
        while True:
            found = client.get(f"/v1/turns/{turn['id']}")
            now = standing(found)
            for stage in _passed(now.stage, reached):
                reached.append(stage)
                console.print(
                    f"[green]{stage:<8}[/] {time.monotonic() - began:6.1f} s  {_about(stage, found)}"
                )
            if now.refused:
                raise TerminalError(f"not learned: {now.refused}")
            if now.stage == "served":
                return found
            if time.monotonic() - began > timeout_seconds:
                raise TerminalError(f"not served within {timeout_seconds:.0f} s: {found['state']}")
            spinner.update(f"[dim]{escape(found['state'])}{_progress(client)}[/]")
            time.sleep(POLL_SECONDS)


def _passed(stage: str, reached: Iterable[str]) -> list[str]:
    done = set(reached)
    return [one for one in STAGES[: STAGES.index(stage) + 1] if one not in done]


def _about(stage: str, found: dict[str, Any]) -> str:
    edits = found["self_edits"]
    match stage:
        case "told":
            return str(found["turn"]["id"])
        case "written":
            examples = sum(len(edit["examples"]) for edit in edits)
            return f"{facts(len(edits))}, {examples} examples"
        case "judged":
            decisions = sorted({(edit["verdict"] or {}).get("decision", "unjudged") for edit in edits})
            return ", ".join(decisions)
        case "trained":
            return ", ".join(sorted({edit["version"] for edit in edits if edit["version"]}))
        case _:
            return ", ".join(f"{name} is {ref}" for ref, name in found["refs"].items())


def _progress(client: Client) -> str:
    """How far the running update is, for keys that may see it."""
    try:
        learner = client.get("/v1/learner")
    except TerminalError:
        return ""
    running = learner["state"] in ("training", "gating")
    return f" ({learner['phase']} {learner['progress']:.0%})" if running else ""
