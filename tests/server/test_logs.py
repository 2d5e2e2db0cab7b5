from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from server.logs import configure


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_are_one_object_each_with_tracebacks_inside(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    log = logging.getLogger("livegraft.test")
    log.info("two\nlines and %d", 5)
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("failed")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first["message"] == "two\nlines and 5"
    assert (first["level"], first["logger"]) == ("info", "livegraft.test")
    assert "ValueError: why" in second["traceback"]


def test_human_lines_name_the_level_and_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure("human", "warning")
    logging.getLogger("livegraft.test").info("not shown")
    logging.getLogger("livegraft.test").warning("v2 is canary")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "WARNING" in shown.err
    assert "v2 is canary" in shown.err
    assert "not shown" not in shown.err


def test_libraries_do_not_chatter_at_info(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    logging.getLogger("httpx").info("HTTP Request: GET")
    assert capsys.readouterr().err == ""
