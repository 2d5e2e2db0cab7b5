"""Log lines that a person can read, or one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from typing import Literal

from rich.console import Console
from rich.logging import RichHandler

LOUD_LIBRARIES = ("httpx", "httpcore", "alembic", "sse_starlette", "transformers", "urllib3", "filelock")
"""What they say at info level is of no interest to an operator."""


def configure(form: Literal["human", "json"], level: str) -> None:
    """Send every logger of this process to stderr."""
    handler: logging.Handler
    if form == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
    elif not sys.stderr.isatty():
        handler = logging.StreamHandler(sys.stderr)  # rich would wrap the lines of a file at 80 columns
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    else:
        handler = RichHandler(
            console=Console(stderr=True),
            show_path=False,
            omit_repeated_times=False,
            log_time_format="%H:%M:%S",
            rich_tracebacks=False,
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in LOUD_LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))


class JsonLines(logging.Formatter):
    """time (seconds since the epoch), level, logger, message, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
