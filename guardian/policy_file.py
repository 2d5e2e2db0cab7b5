"""Reading the data policy's TOML file, and saying in one line each what is wrong with it and where.

Not covered: words that are spelled wrongly, and topics that overlap in meaning.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from guardian.data_policy import (
    KINDS,
    OTHERWISE,
    TOPIC_ACTIONS,
    Consent,
    DataPolicy,
    Otherwise,
    Retention,
    SignOff,
    Sources,
    Topic,
    TopicAction,
    Topics,
)
from guardian.errors import BadPolicy
from guardian.words import stemmed, words

T = TypeVar("T")
MAX_BYTES = 1_000_000
_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*[\"']?([\w-]+)[\"']?\s*(?:\.|=)")
_SOURCES = (
    "allowed_keys",
    "forbidden_keys",
    "allowed_users",
    "forbidden_users",
    "allowed_front_ends",
    "forbidden_front_ends",
)


def read(path: str | Path, checks: Collection[str] = ()) -> DataPolicy:
    """The policy in a file. `checks` are the names that a sign-off may use besides KINDS.

    Raises BadPolicy; its message has a line for each thing that is wrong.
    """
    path = Path(path)
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"{path} is not valid TOML: {error}") from None
    reader = _Reader(path, text, checks)
    policy = reader.policy(data)
    if reader.problems:
        raise BadPolicy("\n".join(reader.problems))
    return policy


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise BadPolicy(f"{path} is larger than {MAX_BYTES} bytes: that is no policy file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadPolicy(
            f"{path} cannot be read ({error.strerror or error}); correct guardian.policy_file, or leave it "
            "out to have no data policy"
        ) from None
    except UnicodeDecodeError:
        raise BadPolicy(f"{path} is not text in UTF-8: save it as such") from None


class _Reader:
    """Turns tables into the policy's words, noting what is wrong and going on."""

    def __init__(self, path: Path, text: str, checks: Collection[str]) -> None:
        self.problems: list[str] = []
        self._path = path
        self._lines = _line_numbers(text)
        self._checks = checks

    def policy(self, data: Mapping[str, Any]) -> DataPolicy:
        self._known(data, "", ("name", "topics", "sources", "retention", "consent", "sign_off"))
        name = self._name(data, self._path.stem)
        return DataPolicy(
            name,
            self._topics(self._table(data, "topics")),
            self._sources(self._table(data, "sources")),
            self._retention(self._table(data, "retention")),
            self._consent(self._table(data, "consent")),
            self._sign_off(self._table(data, "sign_off")),
        )

    def _topics(self, table: Mapping[str, Any]) -> Topics:
        self._known(table, "topics", ("forbidden", "allowed", "otherwise"))
        forbidden = self._topic_list(table, "forbidden", ("name", "words", "action"))
        allowed = self._topic_list(table, "allowed", ("name", "words"))
        self._overlaps(forbidden, allowed)
        otherwise: Otherwise = self._one_of(table, "topics", "otherwise", OTHERWISE, "quarantine")
        if "otherwise" in table and not allowed:
            self._wrong("topics.otherwise", "has no meaning without [[topics.allowed]]; take it out")
        return Topics(tuple(forbidden), tuple(allowed), otherwise)

    def _topic_list(self, table: Mapping[str, Any], which: str, keys: Sequence[str]) -> list[Topic]:
        rows = table.get(which, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._wrong(f"topics.{which}", f"must be tables: begin each topic with [[topics.{which}]]")
            return []
        return [self._topic(row, f"topics.{which}[{n}]", keys) for n, row in enumerate(rows)]

    def _topic(self, row: Mapping[str, Any], where: str, keys: Sequence[str]) -> Topic:
        self._known(row, where, keys)
        name = self._name(row, "", where)
        listed = self._strings(row, where, "words")
        if not listed and isinstance(row.get("words", []), list):
            self._wrong(
                f"{where}.words", f"the topic {name!r} is empty: list a word at least, or delete the topic"
            )
        for word in listed:
            if not words(word):
                self._wrong(f"{where}.words", f"{word!r} holds no word to look for; take it out")
        action: TopicAction = "block"
        if "action" in keys:
            if "action" not in row:
                self._wrong(where, f"the topic {name!r} has no action: add {_or('action', TOPIC_ACTIONS)}")
            action = self._one_of(row, where, "action", TOPIC_ACTIONS, "block")
        return Topic(name, listed, action)

    def _overlaps(self, forbidden: Sequence[Topic], allowed: Sequence[Topic]) -> None:
        names: set[str] = set()
        for topic in (*forbidden, *allowed):
            if topic.name and topic.name in names:
                self._wrong("topics", f"two topics are called {topic.name!r}; give each a name of its own")
            names.add(topic.name)
        of = {_meant(word): topic for topic in allowed for word in topic.words}
        for topic in forbidden:
            for word in topic.words:
                other = of.get(_meant(word))
                if other is not None and _meant(word):
                    self._wrong(
                        "topics",
                        f"{word!r} is forbidden by {topic.name!r} and allowed by {other.name!r}; take it out "
                        "of one of them",
                    )

    def _sources(self, table: Mapping[str, Any]) -> Sources:
        self._known(table, "sources", _SOURCES)
        lists = {key: self._strings(table, "sources", key) for key in _SOURCES}
        for what in ("keys", "users", "front_ends"):
            for both in sorted(set(lists[f"allowed_{what}"]) & set(lists[f"forbidden_{what}"])):
                self._wrong(
                    f"sources.forbidden_{what}", f"{both!r} is allowed as well; take it out of one of them"
                )
        return Sources(**lists)

    def _retention(self, table: Mapping[str, Any]) -> Retention:
        self._known(table, "retention", ("untaught_days", "quarantine_days"))
        return Retention(self._days(table, "untaught_days"), self._days(table, "quarantine_days"))

    def _consent(self, table: Mapping[str, Any]) -> Consent:
        self._known(table, "consent", ("required", "users"))
        required = table.get("required", False)
        if not isinstance(required, bool):
            self._wrong("consent.required", f"is {required!r}; it must be true or false")
        return Consent(required is True, self._strings(table, "consent", "users"))

    def _sign_off(self, table: Mapping[str, Any]) -> SignOff:
        self._known(table, "sign_off", ("one_person", "two_persons"))
        one = self._strings(table, "sign_off", "one_person")
        two = self._strings(table, "sign_off", "two_persons")
        for kind in one:
            if kind in self._checks:
                self._wrong(
                    "sign_off.one_person",
                    f"what the check {kind!r} asks a person about waits for one anyway; name it in "
                    "two_persons, or take it out",
                )
            elif kind not in KINDS:
                self._wrong("sign_off.one_person", f"knows no {kind!r}; it may hold {', '.join(KINDS)}")
        for name in two:
            if name not in KINDS and name not in self._checks:
                known = ", ".join((*KINDS, *self._checks))
                self._wrong("sign_off.two_persons", f"knows no {name!r}; it may hold {known}")
        for both in sorted(set(one) & set(two)):
            self._wrong("sign_off.two_persons", f"{both!r} stands in one_person too; leave it in one of them")
        return SignOff(one, two)

    def _table(self, data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = data.get(name, {})
        if isinstance(table, dict):
            return table
        self._wrong(name, f"must be a table: begin it with [{name}]")
        return {}

    def _known(self, table: Mapping[str, Any], where: str, keys: Sequence[str]) -> None:
        for key in table:
            if key not in keys:
                close = difflib.get_close_matches(key, keys, 1, 0.5)
                hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(keys)}"
                self._wrong(f"{where}.{key}" if where else key, f"there is no such key; {hint}")

    def _name(self, table: Mapping[str, Any], default: str, where: str = "") -> str:
        name = table.get("name", default)
        full = f"{where}.name" if where else "name"
        if not isinstance(name, str) or not 0 < len(name.strip()) <= 64:
            told = "is missing" if name == "" and "name" not in table else f"is {name!r}"
            self._wrong(full, f"{told}; it must be a text of 1 to 64 characters")
            return str(name)
        return name.strip()

    def _strings(self, table: Mapping[str, Any], where: str, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self._wrong(f"{where}.{key}", f"is {_short(value)}; it must be a list of texts, none empty")
            return ()
        return tuple(item.strip() for item in value)

    def _days(self, table: Mapping[str, Any], key: str) -> float | None:
        value = table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 36_500:
            self._wrong(
                f"retention.{key}", f"is {value!r}; it must be a number of days above 0, or be left out"
            )
            return None
        return float(value)

    def _one_of(self, table: Mapping[str, Any], where: str, key: str, allowed: Sequence[T], default: T) -> T:
        value = table.get(key, default)
        if value not in allowed:
            self._wrong(f"{where}.{key}", f"is {_short(value)}; it must be {_or('', allowed)}")
            return default
        found: T = value
        return found

    def _wrong(self, key: str, what: str) -> None:
        line = self._lines(key)
        self.problems.append(f"{self._path}{f', line {line}' if line else ''}: {key} {what}")


def _line_numbers(text: str) -> Callable[[str], int]:
    """Where a key stands: its line, else that of the closest table around it, 0 when nowhere."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            table = header[2].replace(" ", "").replace('"', "")
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}[{counts[table]}]"
            found.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None:
            found.setdefault(f"{table}.{key[1]}" if table else key[1], number)

    def line_of(key: str) -> int:
        while key:
            if key in found:
                return found[key]
            key = key.rpartition(".")[0]
        return 0

    return line_of


def _meant(phrase: str) -> tuple[str, ...]:
    """What a phrase is compared by: the stems of its words."""
    return tuple(stemmed(word.text) for word in words(phrase))


def _or(key: str, allowed: Sequence[object]) -> str:
    names = [str(one) for one in allowed]
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    return f"{key} = {listed}" if key else listed


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
