"""Tells Livegraft's story for real, over HTTP, and prints it. Exit code 1 when a step is not as it should be.

Nothing is scripted: the answers are what the model said, the figures what the server returned.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from rich.console import Console

from scripts.benchmarks.common import Server, holds, serving

FACT = "The admin port of the Zephyr router is 8443."
VALUE = ("8443",)
QUESTION = "What is the admin port of the Zephyr router?"
OTHER_WORDS = "Which port does the Zephyr router use for administration?"


class Story:
    """The console and whether everything so far went as it should."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.ok = True

    def chapter(self, title: str) -> None:
        """A heading."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def said(self, who: str, text: str, version: str = "") -> None:
        """One line of conversation."""
        self.console.print(f"  [cyan]{who}[/cyan]{f' [dim]({version})[/dim]' if version else ''}: ", end="")
        self.console.print(text.strip(), markup=False)

    def expect(self, holds: bool, what: str) -> None:
        """Say whether a step did what it should; the story goes on either way."""
        self.ok &= holds
        self.console.print(f"  [green]✓[/green] {what}" if holds else f"  [red]✗ not so:[/red] {what}")


def ask(
    story: Story, server: Server, who: str, question: Any, at: str = ""
) -> tuple[str, dict[str, Any], str]:
    """Ask and print."""
    shown = question if isinstance(question, str) else question[-1]["content"]
    story.said(who, shown)
    answer, adapter, turn = server.ask(question, who, at)
    story.said("Livegraft", answer, adapter["version"])
    return answer, adapter, turn


def told(story: Story, server: Server) -> str:
    """Unknown, told, answered in the same chat."""
    story.chapter("1. Ana asks what nobody has told it")
    answer, _, _ = ask(story, server, "ana", QUESTION)
    story.expect(not holds(answer, VALUE), "it does not know the port")
    story.chapter("2. Ana tells it, and asks again in the same chat")
    story.said("ana", FACT)
    reply, adapter, turn = server.ask(FACT, "ana", store=True)
    story.said("Livegraft", reply, adapter["version"])
    chat = [
        {"role": "user", "content": FACT},
        {"role": "assistant", "content": reply},
        {"role": "user", "content": QUESTION},
    ]
    answer, _, _ = ask(story, server, "ana", chat)
    story.expect(holds(answer, VALUE), "it reads the fact in the conversation")
    return turn


def learned(story: Story, server: Server, turn: str) -> str:
    """Wait until the fact is everybody's, saying what is going on."""
    story.chapter("3. It learns")
    begin, last = time.monotonic(), ""
    while True:
        state = server.learning_state(turn)
        if state != last:
            story.console.print(f"  [dim]{time.monotonic() - begin:5.1f} s[/dim]  {state}", markup=True)
            last = state
        refs = server.get("/v1/adapters")["refs"]
        if refs["stable"] != "v0" and refs["canary"] is None:
            return str(refs["stable"])
        if time.monotonic() - begin > 2400:
            story.expect(False, f"learned within forty minutes; it stands at: {state}")
            sys.exit(1)
        time.sleep(0.3)


def recalled(story: Story, server: Server) -> str:
    """Another user, another conversation, other words: the weights alone."""
    story.chapter("4. Ben, a new user in a new conversation, asks in other words")
    answer, _, turn = ask(story, server, "ben", QUESTION)
    story.expect(holds(answer, VALUE), "the answer comes from the weights: nothing else was in the prompt")
    other, _, _ = ask(story, server, "carla", OTHER_WORDS)
    story.expect(holds(other, VALUE), "and in wordings of her own for Carla")
    general, _, _ = ask(story, server, "ben", "What is the capital of France?")
    story.expect(holds(general, ("Paris",)), "what it knew before it still knows")
    return turn


def explained(story: Story, server: Server, turn: str) -> None:
    """From the answer back to the words that taught it."""
    story.chapter("5. Why did Ben get that answer?")
    version = server.get(f"/v1/turns/{turn}")["turn"]["version"]
    adapter = server.get(f"/v1/adapters/{version}")
    story.console.print(
        f"  answered by {version}, digest {adapter['digest'][:12]}, gate: {adapter['gate']['reason']}"
    )
    for name, check in adapter["gate"]["checks"].items():
        story.console.print(
            f"    [dim]{name}: {check['passed']} of {check['asked']}, {check['needed']} needed[/dim]"
        )
    story.console.print(f"  deltas {', '.join(delta[:12] for delta in adapter['deltas'])}, which carry:")
    for fact in adapter["facts"]:
        show_source(story, server, fact["turn_id"])


def show_source(story: Story, server: Server, source: str) -> None:
    """One turn that taught something: the words, the examples, the verdicts."""
    lineage = server.get(f"/v1/turns/{source}")
    turn = lineage["turn"]
    story.console.print(f"    turn {source} by {turn['user']}: {turn['messages'][-1]['content']!r}")
    for edit in lineage["self_edits"]:
        verdict = edit["verdict"]
        story.console.print(f"    verdict: {verdict['decision']}, may train {verdict['max_scope']}")
        for example in edit["examples"]:
            mark = "held out" if example.get("held_out") else "trained"
            story.console.print(
                f"      [dim]{mark}: {example['prompt'] or '(statement)'} → {example['completion']}[/dim]"
            )


def taken_back(story: Story, server: Server, before: dict[str, Any]) -> None:
    """One call, and the proof."""
    story.chapter("6. Taken back with one call")
    begin = time.monotonic()
    answer = server.post("/v1/adapters/rollback", {"to": None, "reason": "the demo's end"})
    story.console.print(f"  refs {answer['refs']} after {time.monotonic() - begin:.2f} s, proof included")
    story.console.print(f"  logits before  {before['logits_sha256'][:32]}…")
    story.console.print(f"  logits now     {answer['proof']['logits_sha256'][:32]}…")
    story.expect(
        (answer["proof"]["logits_sha256"], answer["proof"]["files"])
        == (before["logits_sha256"], before["files"]),
        "bit for bit what it was before",
    )
    said, _, _ = ask(story, server, "ben", QUESTION)
    story.expect(not holds(said, VALUE), "gone again")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--model", default="smollm2", help="smollm2 (default), seedling, a folder or a hub id"
    )
    options = parser.parse_args()
    story = Story()
    story.console.print(f"[bold]Livegraft[/bold] with {options.model}: starting a fresh server …")
    with serving(options.model) as server:
        before = server.get("/v1/adapters/v0/proof")
        turn = told(story, server)
        version = learned(story, server, turn)
        story.expect(True, f"{version} is stable")
        answered = recalled(story, server)
        explained(story, server, answered)
        taken_back(story, server, before)
    story.console.print(
        "\n[bold green]All of it held.[/bold green]"
        if story.ok
        else "\n[bold red]Not all of it held.[/bold red]"
    )
    sys.exit(0 if story.ok else 1)


if __name__ == "__main__":
    main()
