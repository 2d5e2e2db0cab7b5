"""One command of the terminal, from its arguments to its exit code."""

from __future__ import annotations

import argparse
import json
from typing import Any
from urllib.parse import quote

from rich.console import Console

from server.terminal import audit, review, show
from server.terminal.chat import say, talk
from server.terminal.client import Client, TerminalError
from server.terminal.open_webui import import_feedback
from server.terminal.plan import plan
from server.terminal.teach import teach


def run(args: argparse.Namespace, console: Console) -> None:
    """Do it. Raises TerminalError with what went wrong."""
    if args.command == "plan":
        plan(args, console)
        return
    with Client(args.url, args.key) as client:
        COMMANDS[args.command](args, client, console)


def _status(args: argparse.Namespace, client: Client, console: Console) -> None:
    found = {
        "ready": client.readiness(),
        "model": _model(client, ""),
        "refs": client.get("/v1/adapters")["refs"],
        "learner": client.get("/v1/learner"),
        "rollout": client.get("/v1/rollout"),
    }
    _json(console, found) if args.json else show.status(console, found)


def _adapters(args: argparse.Namespace, client: Client, console: Console) -> None:
    found = client.get(f"/v1/adapters/{args.version}" if args.version else "/v1/adapters")
    if args.json:
        _json(console, found)
    elif args.version:
        show.adapter(console, found)
    else:
        show.adapters(console, found)


def _rollback(args: argparse.Namespace, client: Client, console: Console) -> None:
    found = client.post("/v1/adapters/rollback", {"to": args.to, "reason": args.reason})
    _json(console, found) if args.json else show.rollback(console, found)


def _forget(args: argparse.Namespace, client: Client, console: Console) -> None:
    if not args.yes:
        raise TerminalError(
            f"this erases every conversation, fact and feedback of {args.user!r}, and takes what the weights "
            "learned from them out of service, for good; add --yes to do it",
            2,
        )
    flag = "?replayed=true" if args.replayed else ""
    found = client.delete(f"/v1/users/{quote(args.user, safe='')}{flag}")
    _json(console, found) if args.json else show.forgotten(console, found)


def _teach(args: argparse.Namespace, client: Client, console: Console) -> None:
    shown = Console(quiet=True) if args.json else console
    model = _model(client, args.model)
    found = teach(client, shown, model, args.sentence, args.user, args.timeout_seconds)
    if args.json:
        _json(console, found)


def _chat(args: argparse.Namespace, client: Client, console: Console) -> None:
    model = _model(client, args.model)
    if args.message is None:
        talk(client, console, model, args.user, args.system)
        return
    system = [{"role": "system", "content": args.system}] if args.system else []
    messages = [*system, {"role": "user", "content": args.message}]
    if args.json:
        user = {"user": args.user} if args.user else {}
        body = {"model": model, "messages": messages, **user}
        _json(console, client.post("/v1/chat/completions", body))
    else:
        say(client, console, model, args.user, messages)


def _lineage(args: argparse.Namespace, client: Client, console: Console) -> None:
    found = client.get(f"/v1/turns/{args.turn}")
    _json(console, found) if args.json else show.lineage(console, found)


def _learner(args: argparse.Namespace, client: Client, console: Console) -> None:
    done = client.post(f"/v1/learner/{args.action}", {}) if args.action else {}
    found = {
        **client.get("/v1/learner"),
        **({"update_id": done["update_id"]} if args.action == "run" else {}),
    }
    _json(console, found) if args.json else show.learner(console, found)


def _preview(args: argparse.Namespace, client: Client, console: Console) -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": args.message}]}
    found = client.post("/v1/turns/preview", {**body, **({"user": args.user} if args.user else {})})
    _json(console, found) if args.json else review.preview(console, found)


def _review(args: argparse.Namespace, client: Client, console: Console) -> None:
    if args.action in ("approve", "deny"):
        if not args.id or not args.reason:
            raise TerminalError(f"`livegraft review {args.action} ID --reason WHY` needs both", 2)
        done = review.settle(client, args.id, args.action, args.reason)
        _json(console, done) if args.json else review.outcome(console, done)
    elif args.action == "list" or args.json:
        found = list(review.pages(client, args.state, args.because, args.kind))
        _json(console, {"reviews": found}) if args.json else review.listed(console, found)
    else:
        review.interactive(client, console, args.state, args.because, args.kind, input)


def _audit(args: argparse.Namespace, client: Client, console: Console) -> None:
    found = audit.ask(client, args.action, args.head, args.limit, args.home)
    _json(console, found) if args.json else audit.show(console, args.action, found)
    audit.check(args.action, found)


def _export(args: argparse.Namespace, client: Client, console: Console) -> None:
    what = {"in-toto": "statement", "cyclonedx": "bom"}[args.format]
    _json(console, client.get(f"/v1/adapters/{quote(args.version, safe='')}/{what}"))


def _import_feedback(args: argparse.Namespace, client: Client, console: Console) -> None:
    found = import_feedback(client, Console(quiet=True) if args.json else console, args.file)
    if args.json:
        _json(console, found)
    else:
        console.print(
            f"{found['imported']} imported, {found['unknown_turn']} of turns that are not in the ledger, "
            f"{found['no_rating']} without a rating"
        )


def _model(client: Client, asked: str) -> str:
    """The model asked for, else the one that is served."""
    return asked or str(client.get("/v1/models")["data"][0]["id"])


def _json(console: Console, found: dict[str, Any]) -> None:
    console.print(
        json.dumps(found, ensure_ascii=False, indent=2), markup=False, highlight=False, soft_wrap=True
    )


COMMANDS = {
    "status": _status,
    "adapters": _adapters,
    "rollback": _rollback,
    "forget": _forget,
    "teach": _teach,
    "chat": _chat,
    "lineage": _lineage,
    "learner": _learner,
    "preview": _preview,
    "review": _review,
    "audit": _audit,
    "export": _export,
    "import-feedback": _import_feedback,
}
