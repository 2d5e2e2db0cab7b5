"""Reading the settings from where they stand, and saying in one line each what is wrong with them."""

from __future__ import annotations

import argparse
import difflib
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError as UnreadableVariable

from server.config.settings import TOML_FILE, Settings, leaves

NOT_A_FLAG = frozenset({"keys", "guardian.judges", "identity.token_secret"})
"""Lists of tables, and secrets."""


class SettingsError(Exception):
    """The settings are not valid. Each line names the setting, its value and what is allowed."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def read_settings(argv: Sequence[str] = ()) -> Settings:
    """The settings of this process: `argv` (flags such as `--learning.global-from everyone`) before
    LIVEGRAFT_* variables before livegraft.toml in the current folder before defaults.

    Raises SettingsError, one line for each thing that is wrong.
    """
    flags = _nested(vars(_parser().parse_args(list(argv))))
    try:
        return Settings(**flags)
    except ValidationError as error:
        lines = (line for problem in error.errors() for line in _line(problem).splitlines())
        raise SettingsError(dict.fromkeys(lines)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{TOML_FILE} is not valid TOML: {error}"]) from None
    except UnreadableVariable as error:
        raise SettingsError([f"{error}: {error.__cause__}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{TOML_FILE} cannot be read: {error}"]) from None


def help_text() -> str:
    """Every setting as a flag, for `livegraft serve --help`."""
    return _parser().format_help()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError([f"{message} (`livegraft serve --help` lists every setting)"])


def _parser() -> argparse.ArgumentParser:
    """One flag a setting. Values stay text here: pydantic converts and refuses them, in one place."""
    parser = _Parser(
        prog="livegraft serve",
        allow_abbrev=False,
        description=f"Each can also be a LIVEGRAFT_* variable or stand in {TOML_FILE}; flags win.",
    )
    for name, documentation in leaves().items():
        if name not in NOT_A_FLAG:
            parser.add_argument(
                "--" + name.replace("_", "-"),
                dest=name,
                metavar="VALUE",
                default=argparse.SUPPRESS,
                help=documentation.replace("%", "%%"),
            )
    return parser


def _nested(flags: dict[str, str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flags.items():
        *groups, leaf = name.split(".")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[leaf] = value
    return nested


def _line(problem: ErrorDetails) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, leaves(), 1, 0.5)
        return f"{name}: there is no such setting" + (f"; did you mean {close[0]}?" if close else "")
    message = problem["msg"][:1].lower() + problem["msg"][1:]
    if problem["type"] == "policy":
        return str(problem["msg"])
    if problem["type"] in ("host", "order", "keys", "judge", "identity", "embeddings", "vllm", "workers"):
        return message  # these name their setting and value themselves
    if problem["type"] == "missing":
        return f"{name}: {message}"
    shown = "(not shown)" if name.startswith(("keys", "identity.token_secret")) else repr(problem["input"])
    return f"{name} = {shown}: {message}"
