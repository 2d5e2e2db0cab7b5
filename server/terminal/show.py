"""Status, versions, rollbacks, lineage and the learner, for a person's eyes."""

from __future__ import annotations

import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from server.terminal.rollout import lines as rollout_lines

COLOURS = {
    "accepted": "green",
    "rejected": "yellow",
    "aborted": "red",
    "running": "cyan",
    "trained": "green",
    "allowed": "cyan",
    "claimed": "cyan",
    "blocked": "red",
    "quarantined": "yellow",
}


def status(console: Console, found: dict[str, Any]) -> None:
    """Is it ready, what does it serve, what is it learning."""
    ready, learner, rollout = found["ready"], found["learner"], found["rollout"]
    table = _pairs()
    state = (
        "[green]ready[/]" if ready["ready"] else f"[red]not ready[/]: {escape('; '.join(ready['reasons']))}"
    )
    table.add_row("server", state)
    table.add_row("model", escape(found["model"]))
    table.add_row("stable", found["refs"]["stable"])
    table.add_row("canary", _canary(found["refs"]["canary"], rollout))
    for name, told in rollout_lines(rollout):
        table.add_row(name, told)
    table.add_row("engine", f"{ready['engine']['running']} answering, {ready['engine']['waiting']} waiting")
    table.add_row("learner", f"{learner['state']}: {escape(learner['why'])}")
    table.add_row("in review", str(learner["in_review"]))
    for alarm in ready["alarms"]:
        table.add_row("[red]alarm[/]", escape(alarm))
    console.print(table)


def adapters(console: Console, found: dict[str, Any]) -> None:
    """All versions, newest first."""
    refs = found["refs"]
    table = Table(box=None, pad_edge=False)
    for name in ("version", "ref", "deltas", "digest", "made"):
        table.add_column(name, no_wrap=True)
    table.add_column("gate", overflow="fold")
    for row in reversed(found["versions"]):
        served = ", ".join(ref for ref, name in refs.items() if name == row["version"])
        gate = row["gate"] or {}
        verdict = "accepted" if gate.get("accepted") else "refused"
        table.add_row(
            row["version"],
            f"[green]{served}[/]",
            str(len(row["deltas"])),
            row["digest"][:12],
            when(row["created_at"]),
            escape(f"{verdict}: {gate.get('reason', '')}".rstrip(": ")),
        )
    base = ", ".join(ref for ref, name in refs.items() if name == "v0")
    table.add_row("v0", f"[green]{base}[/]", "0", "", "", "the base model alone")
    console.print(table)


def adapter(console: Console, found: dict[str, Any]) -> None:
    """One version with what it carries."""
    tree = Tree(f"[bold]{found['version']}[/] {found['digest'][:12]} on {found['parent'] or 'nothing'}")
    for name, count in ((found["gate"] or {}).get("checks") or {}).items():
        tree.add(f"gate {escape(name)}: {escape(_count(count))}")
    for row in found["provenance"]:
        tree.add(f"delta {row['delta'][:12]} from update {row['update_id']}: {facts(len(row['edits']))}")
    for fact in found["facts"]:
        tree.add(f"{escape(fact['statement'])} [dim]({escape(fact['user'])}, {fact['turn_id']})[/]")
    console.print(tree)


def rollback(console: Console, found: dict[str, Any]) -> None:
    """What is served now, and the proof that it is what it was."""
    table = _pairs()
    table.add_row("stable", found["refs"]["stable"])
    table.add_row("canary", found["refs"]["canary"] or "none")
    proof = found["proof"]
    table.add_row("digest", proof["digest"])
    table.add_row("logits", proof["logits_sha256"])
    for name, digest in sorted(proof["files"].items()):
        table.add_row(escape(name), digest)
    console.print(table)


def forgotten(console: Console, found: dict[str, Any]) -> None:
    """What was erased, what is served now, and what a person should know of it."""
    counts = found["forgotten"]
    table = _pairs()
    for name in ("turns", "self_edits", "feedback", "jobs", "relearning"):
        table.add_row(name.replace("_", "-"), str(counts[name]))
    table.add_row("deltas", ", ".join(delta[:12] for delta in counts["deltas"]) or "none")
    table.add_row("versions", ", ".join(counts["versions"]) or "none")
    table.add_row("stable", found["refs"]["stable"])
    table.add_row("logits", found["proof"]["logits_sha256"])
    console.print(table)
    console.print(escape(found["note"]))


def lineage(console: Console, found: dict[str, Any]) -> None:
    """A turn, what was written from it, what the guardian said, where it is served."""
    turn = found["turn"]
    tree = Tree(f"[bold]{turn['id']}[/] {escape(turn['user'])} asked {turn['version']} ({turn['arm']})")
    for message in turn["messages"][-1:]:
        tree.add(f"[cyan]{message['role']}[/] {escape(message['content'])}")
    tree.add(f"[cyan]assistant[/] {escape(turn['answer'])}")
    for edit in found["self_edits"]:
        _edit(tree, edit)
    for version in found["versions"]:
        refs = ", ".join(ref for ref, name in found["refs"].items() if name == version["version"])
        tree.add(f"version {version['version']} {version['digest'][:12]} [green]{refs}[/]")
    tree.add(f"[bold]{escape(found['state'])}[/]")
    console.print(tree)


def learner(console: Console, found: dict[str, Any]) -> None:
    """The queue and the last updates."""
    console.print(f"{found['state']}: {escape(found['why'])}")
    table = Table(box=None, pad_edge=False)
    for name in ("update", "kind", "state", "version", "facts", "began"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for row in found["updates"]:
        table.add_row(
            row["id"],
            row["kind"],
            _coloured(row["state"]),
            row["version"] or "",
            str(row["edits"]),
            when(row["created_at"]),
            escape(row["reason"]),
        )
    if found["updates"]:
        console.print(table)


def facts(count: int) -> str:
    """So many facts, in words."""
    return f"{count} fact" if count == 1 else f"{count} facts"


def _edit(tree: Tree, edit: dict[str, Any]) -> None:
    reason = f": {escape(edit['reason'])}" if edit["reason"] else ""
    branch = tree.add(f"fact {escape(edit['statement'])} [{_coloured(edit['state'])}{reason}]")
    for example in edit["examples"]:
        held = " [dim](asked by the gate, never trained)[/]" if example["held_out"] else ""
        before = "".join(f"{escape(m['content'])} / " for m in example.get("context", ()))
        question = f"{before}{escape(example['prompt'])} → " if example["prompt"] else ""
        branch.add(f"[dim]{example['kind']}[/] {question}{escape(example['completion'])}{held}")
    for finding in (edit["verdict"] or {}).get("findings", ()):
        lifted = f" [dim](lifted by {escape(finding['lifted_by'])})[/]" if finding.get("lifted_by") else ""
        branch.add(
            f"[yellow]{finding['check']}[/] {finding['action']}: {escape(finding['evidence'])}{lifted}"
        )


def _canary(version: str | None, rollout: dict[str, Any]) -> str:
    if version is None:
        return "none"
    return f"{version}, {rollout['state']}, {rollout['weight']:.0%} of users"


def _coloured(state: str) -> str:
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/]" if colour else state


def _count(count: dict[str, Any]) -> str:
    verdict = "ok" if count.get("ok") else "failed"
    return f"{count.get('passed')} of {count.get('asked')}, {count.get('needed')} needed: {verdict}"


def when(seconds: float | None) -> str:
    """A moment in local time, '' for none."""
    if not seconds:
        return ""
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _pairs() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    return table
