"""`livegraft chat`: talk in the terminal, the answer as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape

from server.terminal.client import Client, TerminalError

GOODBYE = frozenset({"/quit", "/exit"})


def talk(
    client: Client, console: Console, model: str, user: str, system: str, read: Callable[[str], str] = input
) -> None:
    """A conversation until end of input or /quit. A failed answer is told and the talk goes on."""
    messages = [{"role": "system", "content": system}] if system else []
    console.print(f"[dim]{escape(model)}; /quit or end of input ends, /new begins another conversation[/]")
    while True:
        try:
            said = read("> ").strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if said in GOODBYE:
            return
        if said == "/new":
            del messages[1 if system else 0 :]
        elif said:
            messages.append({"role": "user", "content": said})
            try:
                answer, _ = say(client, console, model, user, messages)
            except TerminalError as error:
                messages.pop()
                console.print(f"[red]{escape(str(error))}[/]")
            else:
                messages.append({"role": "assistant", "content": answer})


def say(
    client: Client, console: Console, model: str, user: str, messages: list[dict[str, str]]
) -> tuple[str, dict[str, Any]]:
    """Stream one answer to the console; returns its text and its last chunk."""
    parts: list[str] = []
    chunk: dict[str, Any] = {}
    body = {"model": model, "messages": messages, **({"user": user} if user else {})}
    try:
        for chunk in client.stream_chat(body):
            for choice in chunk["choices"]:
                text = choice["delta"].get("content") or ""
                parts.append(text)
                console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
    finally:
        console.print()
    adapter, turn = chunk.get("adapter", {}), chunk.get("turn", {})
    learns = "" if turn.get("state") == "learnable" else f", not learned: {turn.get('reason', '')}"
    line = f"{adapter.get('version')} ({adapter.get('arm')}), {turn.get('id')}{learns}"
    console.print(f"[dim]{escape(line)}[/]")
    return "".join(parts), chunk
