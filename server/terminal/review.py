"""`livegraft review`: what waits for a person, one after the other, and what shall become of it."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.terminal.client import Client, TerminalError

PAGE = 50
KEYS = "[a]pprove [d]eny [e]dit [s]kip [q]uit"
_PLACE = re.compile(r", (?:prompt|completion) at characters [^)]*")
Read = Callable[[str], str]


def pages(client: Client, state: str, reason: str, kind: str) -> Iterator[dict[str, Any]]:
    """Every self-edit in the state, oldest first, read a page at a time."""
    query = {"state": state, "reason": reason, "kind": kind, "limit": str(PAGE)}
    after = ""
    while True:
        asked = urlencode({name: value for name, value in {**query, "after": after}.items() if value})
        found = client.get(f"/v1/reviews?{asked}")
        yield from found["reviews"]
        if not found["next"]:
            return
        after = found["next"]


def listed(console: Console, found: list[dict[str, Any]]) -> None:
    """A line each: since when, whose, what, why."""
    if not found:
        console.print("nothing waits")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("id", "waits", "user", "kind"):
        table.add_column(name, no_wrap=True)
    table.add_column("statement", overflow="fold")
    table.add_column("why", overflow="fold")
    for edit in found:
        persons = edit["review"]
        why = _why(edit).rstrip(".") + (_agreed(persons) if persons["persons_needed"] > 1 else "")
        table.add_row(
            edit["id"],
            _age(persons["since"]),
            escape(edit["user"]),
            edit["kind"],
            escape(edit["statement"]),
            escape(why),
        )
    console.print(table)


def interactive(client: Client, console: Console, state: str, reason: str, kind: str, read: Read) -> None:
    """Show each and ask; ends with the last, `q` or end of input. A refused decision is told and goes on."""
    settled = seen = 0
    for edit in pages(client, state, reason, kind):
        seen += 1
        shown(console, edit, _turn(client, edit["turn_id"]))
        try:
            done = _ask(client, console, edit, read)
        except (EOFError, KeyboardInterrupt):
            done = None
            console.print()
        if done is None:
            break
        settled += done
    console.print(f"{settled} of {seen} settled" if seen else "nothing waits")


def shown(console: Console, edit: dict[str, Any], turn: dict[str, Any] | None) -> None:
    """All that a decision needs: the statement, the turn it is from, the examples, the findings in words."""
    persons = edit["review"]
    console.rule(escape(edit["id"][:12]))
    console.print(f"[bold]{escape(edit['statement'])}[/]")
    console.print(f"[dim]{escape(edit['user'])}, {edit['kind']}, {edit['turn_id']}{_limit(persons)}[/]")
    if turn is not None:
        for message in turn["messages"][-3:]:
            console.print(f"[cyan]{message['role']}[/] {escape(message['content'])}", soft_wrap=True)
        console.print(f"[cyan]assistant[/] {escape(turn['answer'])}", soft_wrap=True)
    told: set[str] = set()
    for number, example in enumerate(edit["examples"], start=1):
        console.print(f"{number:>2} [dim]{example['kind']}[/] {escape(_example(example))}", soft_wrap=True)
        _explain(console, persons["explanations"][number - 1], told)
    console.print(f"[yellow]{escape(_why(edit))}[/]", soft_wrap=True)
    if persons["persons_needed"] > 1:
        console.print(f"[yellow]{escape(_agreed(persons).strip(' ;'))}[/]")


def settle(
    client: Client,
    edit_id: str,
    decision: str,
    reason: str,
    examples: list[dict[str, Any]] | None = None,
    seen: str = "",
) -> dict[str, Any]:
    """One decision; returns the self-edit as it stands then. `seen`: the digest of what was looked at."""
    body: dict[str, Any] = {"decision": decision, "reason": reason, "seen": seen}
    if examples is not None:
        body["examples"] = examples
    return client.post(f"/v1/reviews/{quote(edit_id, safe='')}", body)


def outcome(console: Console, edit: dict[str, Any]) -> None:
    """What became of it, and what is left to do."""
    console.print(f"{edit['id'][:12]} is {edit['state']}: {escape(edit['reason'])}".rstrip(": "))
    agreed = edit["review"]["approvals"]
    if edit["state"] == "quarantined" and agreed:
        console.print(f"approved by {escape(agreed[0]['actor'])}; another person must agree")
    left = edit.get("next")
    if left:
        console.print(escape(left["why"]), soft_wrap=True)
        for delta in left["deltas"]:
            console.print(f"  POST /v1/adapters/deltas/{delta}/revoke", soft_wrap=True)


def preview(console: Console, found: dict[str, Any]) -> None:
    """What a message would teach, and what the guardian would say of each example, in words."""
    if not found["self_edits"]:
        console.print(f"it would teach nothing: {escape(str(found['reason']))}".rstrip(": "))
        return
    for edit in found["self_edits"]:
        reason = f": {edit['reason']}" if edit["reason"] else ""
        console.print(f"[bold]{escape(edit['statement'])}[/]")
        console.print(f"would be {edit['state']}{escape(reason)}", soft_wrap=True)
        told: set[str] = set()
        for number, example in enumerate(edit["examples"], start=1):
            console.print(
                f"{number:>2} [dim]{example['kind']}[/] {escape(_example(example))}", soft_wrap=True
            )
            _explain(console, edit["explanations"][number - 1], told)
    if found["reason"]:
        console.print(f"[dim]left out: {escape(str(found['reason']))}[/]", soft_wrap=True)
    console.print("[dim]nothing of this was stored[/]")


def _ask(client: Client, console: Console, edit: dict[str, Any], read: Read) -> int | None:
    """Ask until there is a decision: 1 settled, 0 skipped, None to stop."""
    while True:
        key = read(f"{KEYS} > ").strip().lower()[:1]
        if key == "q":
            return None
        if key == "s":
            return 0
        if key not in ("a", "d", "e"):
            continue
        try:
            examples = _corrected(edit, read) if key == "e" else None
            reason = _reason(read)
            decision = {"a": "approve", "d": "deny", "e": "edit"}[key]
            outcome(console, settle(client, edit["id"], decision, reason, examples, edit["review"]["digest"]))
        except TerminalError as error:
            console.print(f"[red]{escape(str(error))}[/]")
        else:
            return 1


def _reason(read: Read) -> str:
    """A reason is asked for until there is one: it stands in the audit."""
    while True:
        reason = read("why? > ").strip()
        if reason:
            return reason


def _corrected(edit: dict[str, Any], read: Read) -> list[dict[str, Any]]:
    """Each example's texts, asked for: an empty line keeps what is there, `-` leaves the example out."""
    kept: list[dict[str, Any]] = []
    for number, example in enumerate(edit["examples"], start=1):
        row = {name: example[name] for name in ("kind", "prompt", "completion", "held_out")}
        for part in ("prompt", "completion") if example["prompt"] else ("completion",):
            said = read(f"{number} {part} [{row[part]}] > ").strip()
            if said == "-":
                break
            row[part] = said or row[part]
        else:
            kept.append(row)
    if not kept:
        raise TerminalError("no example is left; deny it instead")
    return kept


def _turn(client: Client, turn_id: str) -> dict[str, Any] | None:
    """The turn it was written from; None when it is gone."""
    try:
        found: dict[str, Any] = client.get(f"/v1/turns/{turn_id}")["turn"]
    except TerminalError:
        return None
    return found


def _explain(console: Console, explanation: str, told: set[str]) -> None:
    """The findings, each once an edit: ten wordings of one fact have the same."""
    for line in explanation.splitlines():
        found = _PLACE.sub("", line)
        if line.startswith("- ") and found not in told and not line.startswith("- Nothing to object"):
            told.add(found)
            console.print(f"     [yellow]{escape(line[2:])}[/]", soft_wrap=True)


def _example(example: dict[str, Any]) -> str:
    held = " (asked by the gate, never trained)" if example["held_out"] else ""
    question = f"{example['prompt']} → " if example["prompt"] else ""
    return f"{question}{example['completion']}{held}"


def _why(edit: dict[str, Any]) -> str:
    if edit["review"]["spot_check"]:
        return f"spot check: it was allowed and is {edit['state']}"
    return str(edit["reason"]) or "no reason was noted"


def _agreed(persons: dict[str, Any]) -> str:
    who = ", ".join(row["actor"] for row in persons["approvals"])
    return f"; two persons must agree, so far: {who or 'nobody'}"


def _limit(persons: dict[str, Any]) -> str:
    if persons["expires_at"] is None:
        return ""
    when = datetime.datetime.fromtimestamp(persons["expires_at"]).strftime("%Y-%m-%d")
    return f", waits {_age(persons['since'])}, is denied on {when}"


def _age(since: float | None) -> str:
    if since is None:
        return ""
    hours = max(0.0, time.time() - since) / 3600
    return f"{hours / 24:.0f} d" if hours >= 48 else f"{hours:.0f} h"
