"""`livegraft` and `python -m server`: run the server, or talk to one that runs.

Exit codes: 0 done, 1 it could not be done, 2 the command line or the settings are wrong, 130 interrupted.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from rich.console import Console

from server.terminal.arguments import parser
from server.terminal.client import TerminalError
from server.terminal.run import run

PIPE_COLUMNS = 160


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one line each on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["serve"]:
            return _serve(arguments[1:])
        # a table in a file or a pipe is not cut at the 80 columns that a terminal might have
        width = None if sys.stdout.isatty() else PIPE_COLUMNS
        run(parser().parse_args(arguments), Console(highlight=False, width=width))
    except TerminalError as error:
        return _complain([str(error)], error.exit_code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1  # whoever read our output has left; there is nobody to tell
    return 0


def _serve(flags: list[str]) -> int:
    # imported here: a client of the terminal needs neither the web framework nor the engine
    from adapter_store import StoreError
    from guardian import GuardianError
    from server.config import SettingsError, help_text, read_settings
    from server.embedding.types import EmbeddingError
    from server.engine.types import EngineError
    from server.ledger import LedgerError
    from server.logs import configure

    if {"-h", "--help"} & set(flags):
        print(help_text())
        return 0
    try:
        settings = read_settings(flags)
    except SettingsError as error:
        return _complain(error.lines, 2)
    from server import workers

    worker = workers.given_socket()
    taken = "" if worker else _why_not_listen(settings.host, settings.port)
    if taken:
        return _complain([taken], 1)
    configure(settings.log_format, settings.log_level)
    if settings.workers > 1 and worker is None:
        return workers.run(flags, settings.workers, settings.host, settings.port)
    from server.listen import serve

    try:
        serve(settings, worker)
    except (EngineError, EmbeddingError, LedgerError, StoreError, GuardianError, OSError) as error:
        return _complain([str(error)], 1)
    return 0


def _why_not_listen(host: str, port: int) -> str:
    """Why the address cannot be had, '' when it can: asked before a model is loaded for nothing."""
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return (
            f"cannot listen on {host}, port {port}: {error.strerror or error}; give another --host or --port"
        )
    return ""


def _complain(lines: Sequence[str], code: int) -> int:
    for line in lines:
        print(f"livegraft: {' '.join(line.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
