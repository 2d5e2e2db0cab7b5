"""Finding and reading the files of public suites in whatever folder they were unpacked."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

csv.field_size_limit(10_000_000)


class NotMeasured(Exception):
    """Why a suite gives no figure: its file is not there, or is not what its name says."""


def find(folder: Path, *names: str) -> Path:
    """The first file under `folder` with one of these names (glob patterns), packed or not.

    Raises NotMeasured with the first name.
    """
    for name in names:
        for pattern in (name, f"{name}.gz"):
            found = sorted(path for path in folder.rglob(pattern) if path.is_file())
            if found:
                return found[0]
    raise NotMeasured(f"{names[0]} is not there")


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a table with a header. Tab-separated files have no quoting. Raises NotMeasured."""
    lines = io.StringIO(_text(path), newline="")
    if delimiter == "\t":
        rows = list(csv.DictReader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE))
    else:
        rows = list(csv.DictReader(lines, delimiter=delimiter))
    return [{(key or "").strip(): value or "" for key, value in row.items() if key} for row in rows]


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one a line. Raises NotMeasured naming the line."""
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.strip():
            yield _object(line, f"{path.name}, line {number}")


def whole_json(path: Path) -> list[dict[str, Any]]:
    """The objects of one JSON list. Raises NotMeasured."""
    try:
        read = json.loads(_text(path))
    except ValueError as error:
        raise NotMeasured(f"{path.name} is no JSON: {error}") from error
    if not isinstance(read, list) or not all(isinstance(item, dict) for item in read):
        raise NotMeasured(f"{path.name} is no list of objects")
    return read


def column(row: dict[str, Any], names: Sequence[str], path: Path) -> str:
    """The first of these columns that the row has. Raises NotMeasured when it has none."""
    for name in names:
        if row.get(name) is not None:
            return str(row[name])
    raise NotMeasured(f"{path.name} has no column {names[0]!r}; it has {', '.join(map(str, row))}")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise NotMeasured(f"{path.name} cannot be read: {error}") from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except ValueError as error:
        raise NotMeasured(f"{where} is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise NotMeasured(f"{where} is no object")
    return read
