"""The command line: commands, flags and their words."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from server.terminal import plan
from server.terminal.client import TerminalError

DEFAULT_URL = "http://127.0.0.1:8000"
EPILOG = "`livegraft serve --help` lists every setting of the server; docs/settings.md explains them."


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing usage and leaving."""
        raise TerminalError(f"{message} (`{self.prog} --help` shows how)", 2)


def parser() -> argparse.ArgumentParser:
    """All commands. `serve` is listed here and read elsewhere, with the settings."""
    top = Parser(
        prog="livegraft",
        description="A chat server that learns while it serves.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    commands.add_parser("serve", help="run the server", add_help=False)
    words = "will a model serve and learn in the memory of this machine, or of a GPU"
    plan.flags(commands.add_parser("plan", help=words, description=words, allow_abbrev=False))
    server = _server_flags()

    def command(name: str, words: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=words, description=words, parents=[server], allow_abbrev=False)

    command("status", "is it ready, what does it serve, what is it learning")
    adapters = command("adapters", "the versions and which are served; one version with the facts it carries")
    adapters.add_argument("version", nargs="?", help="one version, e.g. v3")
    rollback = command("rollback", "serve an earlier version again")
    rollback.add_argument("--to", metavar="VERSION", help="the version; unset: the previous stable one")
    rollback.add_argument("--reason", required=True, help="why; stands in the audit")
    forget = command(
        "forget", "forget a user everywhere: conversations, facts, and what the weights know of them"
    )
    forget.add_argument("user", help="the user's id, exactly as chat was told it")
    forget.add_argument("--yes", action="store_true", help="do it: what is erased cannot be brought back")
    forget.add_argument(
        "--replayed",
        action="store_true",
        help="take out the deltas too that were trained while this user's facts were replayed",
    )
    teach = command("teach", "tell a fact and watch it being learned")
    teach.add_argument("sentence", help="the fact, e.g. 'The admin port of the Zephyr router is 8443.'")
    teach.add_argument(
        "--timeout-seconds", type=float, default=900.0, metavar="SECONDS", help="watch no longer"
    )
    chat = command("chat", "talk; without a message, until end of input")
    chat.add_argument("message", nargs="?", help="one message; the answer is printed and that is all")
    chat.add_argument("--system", default="", help="a system message in front")
    for one in (teach, chat):
        one.add_argument("--user", default="", help="who is speaking, if the key may speak for others")
        one.add_argument("--model", default="", help="NAME, NAME@stable, NAME@v3 …; unset: what is served")
    lineage = command("lineage", "what became of a turn: facts, verdicts, versions")
    lineage.add_argument("turn", help="id of a turn or of a completion")
    preview = command(
        "preview", "what would a message teach, and what would the guardian say; stores nothing"
    )
    preview.add_argument("message", help="e.g. 'The admin port of the Zephyr router is 8443.'")
    preview.add_argument("--user", default="", help="who would be speaking, if the key may speak for others")
    review = command("review", "look at what waits for a person, one by one; or list, approve, deny")
    review.add_argument("action", nargs="?", choices=("list", "approve", "deny"), help="unset: one by one")
    review.add_argument("id", nargs="?", default="", help="the self-edit to approve or deny")
    review.add_argument("--reason", default="", help="why; stands in the audit")
    review.add_argument(
        "--state", default="quarantined", help="quarantined, spot_check, blocked, memory_only, trained …"
    )
    review.add_argument("--because", default="", metavar="TEXT", help="only those whose reason holds this")
    review.add_argument("--kind", default="", choices=("fact", "preference"), help="only facts, or feedback")
    audit = command("audit", "who changed what is served or learned, and whether that record is whole")
    audit.add_argument(
        "action",
        nargs="?",
        choices=("list", "verify", "head"),
        default="list",
        help="list: the last changes; verify: is it what was written; head: its end, to be noted elsewhere",
    )
    audit.add_argument("--home", default="", metavar="DIR", help="read this home's file, server up or down")
    audit.add_argument(
        "--head", default="", metavar="POSITION:HASH", help="verify: a head that was noted elsewhere"
    )
    audit.add_argument("--limit", type=int, default=30, metavar="ROWS", help="list: so many")
    export = command("export", "what a version was made of and how, as a document for others")
    export.add_argument("version", help="e.g. v3")
    export.add_argument(
        "--format",
        choices=("in-toto", "cyclonedx"),
        default="in-toto",
        help="an in-toto Statement with SLSA provenance, or a CycloneDX bill of materials",
    )
    ratings = command("import-feedback", "bring in ratings that users gave in Open WebUI")
    ratings.add_argument("file", help="what Open WebUI exports of its feedbacks as JSON")
    learner = command("learner", "what waits to be learned and what was; pause, resume or run it now")
    learner.add_argument("action", nargs="?", choices=("pause", "resume", "run"), help="unset: only show")
    return top


def _server_flags() -> Parser:
    flags = Parser(add_help=False)
    flags.add_argument(
        "--url",
        default=os.environ.get("LIVEGRAFT_URL", DEFAULT_URL),
        help=f"where the server is (LIVEGRAFT_URL; {DEFAULT_URL})",
    )
    flags.add_argument("--key", default=os.environ.get("LIVEGRAFT_KEY", ""), help="API key (LIVEGRAFT_KEY)")
    flags.add_argument("--json", action="store_true", help="print the server's JSON instead of words")
    return flags
