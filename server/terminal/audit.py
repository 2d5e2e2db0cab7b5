"""`livegraft audit`: the last changes, whether their record is whole, and its end to be noted elsewhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.terminal.client import Client, TerminalError
from server.terminal.show import when


def ask(client: Client, action: str, head: str, limit: int, home: str) -> dict[str, Any]:
    """What the server says, or with `home` what its file says. Raises TerminalError."""
    if home:
        return _of_file(action, head, limit, home)
    paths = {
        "list": f"/v1/audit?limit={limit}",
        "head": "/v1/audit/head",
        "verify": f"/v1/audit/verify?head={quote(head)}",
    }
    return client.get(paths[action])


def _of_file(action: str, head: str, limit: int, home: str) -> dict[str, Any]:
    # imported here: a client of a server needs no database
    from server.api import views
    from server.ledger import LedgerError
    from server.ledger import audit as rows
    from server.ledger import audit_check as check

    try:
        with check.reading_file(home) as tx:
            if action == "list":
                return {"audit": [views.audit(row) for row in rows.audit(tx, limit)]}
            if action == "head":
                return views.head(check.head(tx))
            return views.audit_check(check.verify_audit(tx, check.read_head(head) if head else None))
    except LedgerError as error:
        raise TerminalError(str(error).rstrip(".")) from error


def show(console: Console, action: str, found: dict[str, Any]) -> None:
    """In words; a head is one line, to be copied as it is."""
    if action == "head":
        console.print(found["head"], soft_wrap=True)
    elif action == "verify":
        for problem in found["problems"]:
            console.print(f"[red]row {problem['position']}[/]: {escape(problem['what'])}")
        if found["ok"]:
            console.print(
                f"[green]whole[/]: {found['rows']} rows, head {found['head']['head']}", soft_wrap=True
            )
    else:
        console.print(_table(found["audit"]))


def check(action: str, found: dict[str, Any]) -> None:
    """Raises TerminalError where the audit was verified and is not whole."""
    if action == "verify" and not found["ok"]:
        first = found["problems"][0]
        raise TerminalError(
            f"the audit is not what was written: row {first['position']}: {first['what']} "
            f"(problems: {found['found']})"
        )


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("row", "when", "actor", "action", "subject", "from", "to"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for row in rows:
        told = (row["actor"], row["action"], row["subject"][:24], row["before"] or "", row["after"] or "")
        table.add_row(str(row["id"]), when(row["at"]), *map(escape, told), escape(row["reason"]))
    return table
