"""Which words of a statement are its value (what answers) and its subject (what it is about).

Found from the model's own questions: what a question leaves out, it asks for. The votes of several
questions are weighed with the shape of the words (a number or a name is rather a value than a verb is).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from server.editor.kinds import Kind, asks_for, is_called, is_complement, kind_of
from server.editor.vocabulary import COPULAS, FINITE_VERBS
from server.editor.words import Token, all_stems, contains, is_name, names, stem, tokens

_BRIDGES = frozenset({"of", "and", "&", "de", "van", "von", "or"})
"""Words that may stand inside a value, between words that carry meaning."""
_AFTER_NUMBER = re.compile(r"\A(?:am|pm|a\.m|p\.m|to)\Z")
_VERBS = FINITE_VERBS | frozenset(map(stem, FINITE_VERBS))
_OWNER_ENDING = re.compile(r"['’]s?\Z")
_VERB_LIKE = re.compile(r"(?:[^s]s|ed)\Z")
_NOUN_BEFORE = re.compile(r"\b(?:the|our|my|an?)\s+(?P<noun>[a-z]+\s+)\Z")
SHARE_THAT_NAMES_IT = 0.75
"""The subject stands in at least this share of the questions that hold any candidate for it."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a statement, where it stands, and what kind of thing it is."""

    text: str
    start: int
    end: int
    kind: Kind
    head: str
    """'the admin port of the Zephyr router' when the value is the complement of 'is', else ''."""

    @property
    def is_plain(self) -> bool:
        """Whether it is a value by its form alone (a number, a name, 'is VALUE'), unasked."""
        return bool(self.head) or any(t.is_number or t.text[:1].isupper() for t in tokens(self.text))


def find_value(statement: str, questions: Sequence[str]) -> Value | None:
    """The span that most questions ask for; None when nothing in the statement looks like an answer."""
    votes: Counter[tuple[int, int]] = Counter()
    kinds: dict[tuple[int, int], Kind] = {}
    words = tokens(statement)
    verb = main_verb(words)
    for span in _runs(words, set()):
        votes[span] = 0
    known = names(statement)
    for question in questions:
        if names(question) - known:
            continue  # a name got wrong is no name left out
        covered = all_stems(question)
        for span in _runs(words, covered):
            text = statement[span[0] : span[1]]
            kind = kinds.setdefault(span, kind_of(text, statement, span[0]))
            votes[span] += 2 if asks_for(question, kind, text) else 1
    shapes = {span: _shape(statement, span, verb) for span in votes}
    best = max(votes, key=lambda span: (votes[span] + shapes[span], -span[0]), default=None)
    if best is None or shapes[best] < 0 or re.fullmatch(r"[a-z]+ly", statement[slice(*best)]):
        return None
    return value_at(statement, *_with_its_noun(statement, *best))


def main_verb(words: Sequence[Token]) -> Token | None:
    """The word that says what the subject does: the first known verb behind a word that can end a subject,
    else the first that ends like one ('tours of' rather not). None where neither is plain to see."""
    behind = [
        (word, after)
        for before, word, after in zip(words, words[1:], [*words[2:], None], strict=False)
        if word.text.islower()
        and _ends_subject(before)
        and (word.key != "am" or not before.is_number)  # '6 am'
    ]
    known = [word for word, _ in behind if word.key in COPULAS or word.key in FINITE_VERBS]
    like = [(word, after) for word, after in behind if _VERB_LIKE.search(word.key)]
    plain = [word for word, after in like if not (after and after.key == "of")]
    return next(iter([*known, *plain, *(word for word, _ in like)]), None)


def _ends_subject(word: Token) -> bool:
    return word.is_content or word.is_number or word.key in ("i", "we", "it", "he", "she", "they")


def _with_its_noun(statement: str, start: int, end: int) -> tuple[int, int]:
    """'the river Tove', not 'Tove' alone: a name takes the noun along that an article introduces."""
    if statement[start].isupper() and (noun := _NOUN_BEFORE.search(statement[:start])):
        return noun.start("noun"), end
    return start, end


def value_at(statement: str, start: int, end: int) -> Value:
    """The value that stands at these characters."""
    text = statement[start:end]
    return Value(text, start, end, kind_of(text, statement, start), _head(statement, start))


def _runs(words: Sequence[Token], covered: set[str]) -> list[tuple[int, int]]:
    """Spans of neighbouring words that carry meaning and that the question does not hold."""
    found: list[list[Token]] = []
    run: list[Token] = []
    pending: list[Token] = []
    verb = main_verb(words)
    for word in words:
        key = word.text.lower()
        if word is not verb and word.is_content and stem(word.text) not in covered:
            run = [*run, *pending, word] if run else [word]
            pending = []
        elif run and (key in _BRIDGES or (any(w.is_number for w in run) and _AFTER_NUMBER.match(key))):
            pending.append(word)
            if key != "to" and key not in _BRIDGES:
                run, pending = [*run, *pending], []
        else:
            found.append(run)
            run, pending = [], []
    parts = [part for run in (*found, run) for part in _parts(run, words[0])]
    return [(part[0].start, part[-1].end) for part in parts]


def _parts(run: Sequence[Token], opening: Token) -> list[list[Token]]:
    """'costs 12.50 euros' → '12.50 euros', 'Umbra uses PostgreSQL 16' → 'Umbra', 'PostgreSQL 16'.

    A number or a name behind an ordinary word begins a value; a name that opens the sentence ends where the
    ordinary words begin.
    """
    parts: list[list[Token]] = []
    for word in run:
        marked = word.is_number or word.text[:1].isupper()
        before = parts[-1][-1] if parts else word
        ordinary_before = before.is_content and before.text.islower() and before.key != "past"
        if not parts or (marked and ordinary_before and not before.is_number):
            parts.append([])
        parts[-1].append(word)
    if len(parts) > 1 and all(word.text.islower() for word in parts[0]):
        parts = parts[1:]
    if parts and parts[0][0] == opening and opening.text[:1].isupper():
        ordinary = next((i for i, w in enumerate(parts[0]) if i and w.text.islower() and w.is_content), None)
        parts[0] = parts[0][:ordinary]
    return parts


def _shape(statement: str, span: tuple[int, int], verb: Token | None) -> float:
    """How much the words themselves look like an answer, in votes."""
    words = tokens(statement[span[0] : span[1]])
    before, after = tokens(statement[: span[0]]), tokens(statement[span[1] :])
    score = 0.0
    if any(word.is_number for word in words):
        score += 5
    if (
        before
        and words[0].is_number
        and before[-1].text[:1].isupper()
        and is_name(before[-1], len(before) == 1)
    ):
        score -= 4  # 'PostgreSQL 16', 'Gate 4': the number is a part of the name
    if any(is_name(word, not before and i == 0) for i, word in enumerate(words)):
        score += 2
    if not after:
        score += 3 if score else 1
    if is_complement(statement, span[0]) or is_called(statement, span[0]):
        score += 3
    kind = kind_of(statement[span[0] : span[1]], statement, span[0])
    if not before and kind is Kind.PERSON:
        score += 5
    if kind not in (Kind.PERSON, Kind.PLACE, Kind.YEAR, Kind.COUNT, Kind.THING):
        score += 2
    described = re.match(r"\s+(?:is|was)\s+(?:the|our|my)\s", statement[span[1] :])
    if not before and described and words[0].text[:1].isupper():
        return score + 9  # 'Sunhaven is the capital of Eldoria': the description asks, the name answers
    lower = all(word.text.islower() and not word.is_number for word in words)
    if verb is not None and span[1] <= verb.start and not described and kind is not Kind.PERSON:
        score -= 3  # inside the subject
    if verb is not None and span[0] >= verb.end:
        score += 2 * lower
        score += 2 * (not any(word.is_content for word in tokens(statement[verb.end : span[0]])))
    if lower and after:
        score -= 4
    if not before and kind is not Kind.PERSON:
        score -= 4
    return score


def _head(statement: str, start: int) -> str:
    """The left side of 'X is VALUE', '' when the value is no complement of 'is'."""
    if not is_complement(statement, start):
        return ""
    before = tokens(statement[:start])
    while before and before[-1].key not in COPULAS:
        before.pop()
    return statement[: before[-1].start].strip() if before else ""


def find_subject(statement: str, value: Value, questions: Sequence[str]) -> str:
    """The words that name what the fact is about and stand in most of the questions, as they stand there.

    A noun phrase without prepositions ('the Zephyr router'), with a proper name when the statement has one
    beside its value; '' when the questions have nothing of the kind in common with the statement.
    """
    words = [t for t in tokens(statement) if t.end <= value.start or t.start >= value.end]
    must_name = any(is_name(w, w.start == 0) for w in words)
    spans: list[tuple[int, int, int, str]] = []
    for i, first in enumerate(words):
        for j in range(i, len(words)):
            inside = words[i : j + 1]
            if first.start < value.end <= inside[-1].start or not _may_follow(statement, inside):
                break
            n_names = sum(is_name(w, w.start == 0) for w in inside)
            if not inside[-1].is_content or (must_name and not n_names):
                continue
            if len(inside) == 1 and not n_names and i:  # a bare word may be the verb
                continue
            span = _OWNER_ENDING.sub("", statement[first.start : inside[-1].end])
            spans.append((sum(contains(q, span) for q in questions), n_names, len(inside), span))
    most = max((held for held, *_ in spans), default=0)
    shared = [span for span in spans if span[0] >= SHARE_THAT_NAMES_IT * most > 0]
    if not shared:
        return _speaker(statement) if any(contains(q, _speaker(statement)) for q in questions) else ""
    return _as_in_questions(max(shared, key=lambda s: (s[1], s[2], s[0]))[3], questions)


def _speaker(statement: str) -> str:
    """'I' or 'we' of a statement that begins with it, else ''."""
    first = statement.split(maxsplit=1)[0].lower()
    return {"i": "I", "we": "we"}.get(first, "")


def _may_follow(statement: str, inside: Sequence[Token]) -> bool:
    """Whether the words so far can be one noun phrase: an article first, then words that carry meaning."""
    last = inside[-1]
    if len(inside) == 1:
        bare = last.is_content and not (last.text.islower() and last.key in FINITE_VERBS)
        return bare or last.key in ("the", "our", "my")
    gap = statement[inside[-2].end : last.start]
    if _OWNER_ENDING.search(inside[-2].text):
        return False  # 'the Zephyr router's port' is about the router
    verb = last.text.islower() and (last.key in _VERBS or _VERB_LIKE.search(last.key))
    return gap.isspace() and not verb and (last.is_content or last.text == "&")


def _as_in_questions(span: str, questions: Sequence[str]) -> str:
    """The span in the spelling that most questions use ('The Zephyr router' → 'the Zephyr router')."""
    spellings: Counter[str] = Counter()
    for question in questions:
        if (at := question.lower().find(span.lower())) >= 0:
            spellings[question[at : at + len(span)]] += 1
    return spellings.most_common(1)[0][0] if spellings else ""


def is_about(question: str, subject: str) -> bool:
    """Whether the question names the subject literally: negatives are made by replacing it there."""
    return subject.lower() in question.lower() and contains(question, subject)
