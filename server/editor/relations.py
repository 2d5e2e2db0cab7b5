"""Questions that ask for the same fact in other words: 'leads', 'runs', 'is in charge of', 'the head of'.

A small model answers what it was asked before and stumbles over a verb it never saw with the fact. The
model's own questions mostly keep the verb of the statement, so everyday relations are looked up in a table
(relations.txt, which says how it is written): the statement must have one of the relation's forms with the
value in its place, and every question of the relation is then asked about the same subject. Facts in other
forms get none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from server.editor.check import ASKERS_WORDS, question_objection
from server.editor.kinds import Kind, is_called, is_person
from server.editor.value import Value, value_at
from server.editor.vocabulary import SCAFFOLD_WORDS
from server.editor.words import content_stems, stem, tokens, uncapitalised

MOST_WORDS_OF_VALUE = 5
_VALUE = "\x01"
"""Stands for the value in a statement while its form is compared."""
_PHRASE = r"(?:(?!\b(?:is|are|was|were|that|which|who|and)\b)[^,;:])+?"
_BEFORE_VALUE = r"(?:(?:the|an?|our|my|about|only|exactly|now|just|roughly|around|nearly) )*"
_FILLER = frozenset(map(stem, SCAFFOLD_WORDS | {"much", "many", "people", "want", "way"}))
_NAMING = frozenset(map(stem, ("name", "named", "called")))
_AS_OBJECT = re.compile(
    r"(?<!IS )(?<!WAS )(?<!DO )(?<!HAS )(?<!did )(?<!can )(?<!should )(?<!may )\bS\b(?!')"
)
_PLURAL_FORMS = re.compile(r"(?:are|were|have)\Z")
_NO_PLURAL = re.compile(r"(?:ss|us|is)\Z")
_INNER_PREPOSITION = re.compile(r"\s(?:of|for|at|in|on|to|from|with|between|by|near|behind)\s")


@dataclass(frozen=True, slots=True)
class Relation:
    """One row of the table, its forms compiled."""

    name: str
    kinds: frozenset[Kind]
    of_person: bool
    forms: tuple[re.Pattern[str], ...]
    free: tuple[re.Pattern[str], ...]
    """The forms again, with any words in place of the value."""
    read_as: Kind | None
    """What its value is whatever its looks: who a thing belongs to is a person."""
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the form of a statement tells: its value, and other wordings that ask for it."""

    value: Value | None
    questions: tuple[str, ...] = ()
    """In an order that differs from fact to fact, so that no wording of a relation is held out for all."""


def read(statement: str, value: Value | None) -> Reading:
    """Look a statement up in the table, first with `value` as its value, then with what stands in its place.

    Only wordings that pass the checks of the model's own questions, those of word overlap aside: a form keeps
    all of the statement but the words that stand for the relation.
    """
    for found, kind, questions in _matches(statement, value):
        asked = replace(found, kind=kind)
        right = [q for q in questions if not question_objection(q, statement, asked, by_table=True)]
        if right:
            return Reading(asked, tuple(sorted(right, key=lambda question: _order(statement, question))))
    return Reading(value)


def _matches(statement: str, value: Value | None) -> Iterator[tuple[Value, Kind, list[str]]]:
    """(value, its kind, questions) of every form that fits, those with the given value first."""
    text = uncapitalised(statement).rstrip(" .!")
    if value is not None:
        shifted = text[: value.start] + _VALUE + text[value.end :]
        for relation, form in _forms(False):
            if value.kind in relation.kinds and (match := form.fullmatch(shifted)):
                yield from _about(relation, match, value)
    for relation, form in _forms(True):
        if match := form.fullmatch(text):
            start, end = match.span("v")
            told = value_at(statement, start, end)
            if told.kind in relation.kinds and len(tokens(told.text)) <= MOST_WORDS_OF_VALUE:
                yield from _about(relation, match, told)


def _about(relation: Relation, match: re.Match[str], value: Value) -> Iterator[tuple[Value, Kind, list[str]]]:
    subject = match.groupdict().get("s") or match["own"]
    if not relation.of_person or subject.lower() in ("our", "my") or is_person(subject):
        questions = dict.fromkeys(_filled(question, match, value) for question in relation.questions)
        yield value, relation.read_as or value.kind, [question for question in questions if question]


def relation_words(question: str, subject: str, value: Value, statement: str) -> frozenset[str]:
    """Stems that say what is asked about the subject: content words beside it, other names and filler."""
    names = {stem(t.text) for t in tokens(statement) if t.text[:1].isupper() and t.start}
    filler = _FILLER - _NAMING if is_called(statement, value.start) else _FILLER
    asked = content_stems(ASKERS_WORDS.sub("", question))
    return frozenset(asked - content_stems(subject) - content_stems(value.text) - names - filler)


def _forms(free: bool) -> Iterator[tuple[Relation, re.Pattern[str]]]:
    """Every form with its relation; `free` ones find the value themselves."""
    for relation in relations():
        for form in relation.free if free else relation.forms:
            yield relation, form


@cache
def relations() -> tuple[Relation, ...]:
    """The table, read once."""
    table = resources.files("server.editor").joinpath("relations.txt").read_text(encoding="utf-8")
    _explained, *blocks = table.strip().split("\n\n")
    return tuple(_read(block.splitlines()) for block in blocks)


def _order(statement: str, question: str) -> bytes:
    return hashlib.sha256(f"{statement}\x00{question}".encode()).digest()


def _read(lines: list[str]) -> Relation:
    name, kinds, *more = lines[0].split()
    options = dict(zip(more[::2], more[1::2], strict=True))
    forms = [line[2:] for line in lines if line.startswith("< ")]
    nouns = next((line[2:] for line in lines if line.startswith("= ")), "")
    if nouns:
        forms += [f"the {nouns} of|for|at|in S is|was|are V", f"S's {nouns} is|was|are V"]
        forms += [f"V is|was the {nouns} of|for|at|in S", f"V is|was S's {nouns}"]
    questions = tuple(q for line in lines if line.startswith("> ") for q in line[2:].split(" / "))
    return Relation(
        name,
        frozenset(Kind(kind) for kind in kinds.split(",")),
        "of" in options,
        tuple(re.compile(_pattern(form, True), re.I) for form in forms if "V=" not in form),
        tuple(re.compile(_pattern(form, False), re.I) for form in forms),
        Kind(options["as"]) if "as" in options else None,
        questions,
    )


def _pattern(form: str, value_known: bool) -> str:
    """'S open+ at? V' as a regular expression; what stands behind a known value is kept as `r`."""
    parts: list[str] = []
    for word in form.split():
        if word.startswith("V"):
            only = _alternatives(word[2:]) if word[1:] else _PHRASE
            inside = _VALUE if value_known else f"(?P<v>{only})"
            rest = "(?: .+)?" if value_known and form.endswith("V") else ""
            parts.append(f"{_BEFORE_VALUE}{inside}(?P<r>{rest})")
        elif word in ("S", "X"):
            parts.append(f"(?P<{word.lower()}>{_PHRASE})")
        elif word == "S's":
            parts.append(rf"(?:(?P<s>{_PHRASE})['’]s?|(?P<own>our|my))")
        else:
            parts.append(_alternatives(word))
    pattern = ""
    for i, part in enumerate(parts):
        optional = part.endswith("?")
        after = " " if i + 1 < len(parts) else ""
        pattern += f"(?:{part[:-1]}{after})?" if optional else part + after
    return pattern


def _alternatives(word: str) -> str:
    """'open+|is_open' → '(?:opens?|is open)', with '?' behind it when the words may be absent."""
    optional = "?" if word.endswith("?") else ""
    each = [re.escape(one).replace("_", " ").replace(r"\+", "s?") for one in word.rstrip("?").split("|")]
    return f"(?:{'|'.join(each)}){optional}"


def _filled(question: str, match: re.Match[str], value: Value) -> str:
    """A question of the table about the subject of a form; '' when it does not go with 'I' or 'we'."""
    groups = match.groupdict()
    subject = groups.get("s") or {"our": "we", "my": "I"}[groups["own"].lower()]
    question = re.sub(r"\b(IS|WAS) (?=S's)", lambda m: m.group().lower(), question)
    if subject in ("I", "we") and _AS_OBJECT.search(question):
        return ""
    plural = _is_plural(subject, match.string[match.end("s") :].split()[:1] if groups.get("s") else [])
    speaker = subject == "I"
    forms = {
        "S's": _possessive(subject),
        "S": subject,
        "X": groups.get("x") or "",
        "N": " ".join(value.text.split()[1:]),
        "IS": "am" if speaker else "are" if plural else "is",
        "WAS": "were" if plural and not speaker else "was",
        "DO": "do" if plural or speaker else "does",
        "HAS": "have" if plural or speaker else "has",
    }
    text = re.sub(r"S's|\b(?:S|X|N|IS|WAS|DO|HAS)\b", lambda m: forms[m.group()], question)
    text = re.sub(r"(\w)~", r"\1" if plural or speaker else r"\1s", text)
    return text[:-1] + (groups.get("r") or "") + text[-1]


def _is_plural(subject: str, verb: list[str]) -> bool:
    """By the verb behind the subject where it shows, else by the last letter of its noun."""
    if subject == "we":
        return True
    if verb and _PLURAL_FORMS.match(verb[0]):
        return True
    if verb and verb[0].endswith("s"):
        return False
    head = _INNER_PREPOSITION.split(subject)[0]
    return head.endswith("s") and not _NO_PLURAL.search(head) and not head[:1].isupper()


def _possessive(subject: str) -> str:
    if subject in ("I", "we"):
        return {"I": "my", "we": "our"}[subject]
    return f"{subject}'" if subject.endswith("s") else f"{subject}'s"
