"""Self-checks on what the model wrote: a piece that fails teaches nothing rather than something wrong.

Each check returns why a piece is dropped, '' when it may stay. They compare words, numbers and names with
the user's statement; what only a reader would notice (a question that is odd but uses the right words) is
not covered.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from server.editor.kinds import asks_for, is_called
from server.editor.scaffold import ANSWER, QUESTION, REWRITE
from server.editor.value import Value
from server.editor.vocabulary import (
    ANSWER_KIND_WORDS,
    COPULAS,
    DIRECTIONS,
    FINITE_VERBS,
    LIGHT_WORDS,
    OTHER_RELATIONS,
    SCAFFOLD_WORDS,
    SYNONYMS,
)
from server.editor.words import (
    all_stems,
    contains,
    content_stems,
    has_negation,
    is_first_person,
    is_name,
    names,
    normal,
    numbers,
    stem,
    tokens,
)

MOST_NEW_WORDS_IN_QUESTION = 2
LEAST_SHARE_OF_STATEMENT = 0.5
"""Of the statement's words beside its value, this share must stand in the question."""
_UNRESOLVED = re.compile(
    r"\b(?:its|they|them|their|he|him|his|she|her|this|these|those|it(?!\s+(?:take|cost)))\b", re.I
)
_BROKEN = re.compile(
    r"\b(?:is|does|has|was)\s+(?:I|we)\b|\b(?:do|are|have)\s+(?:he|she|the\s+\w+\s+(?:is|are))\b|"
    r"\b(?:does|did|do)\b.*\b(?:is|are|was|were|does|be)\b|\b(\w+)\s+\1\b|\b(?:is|are)\s+the\s+name\s+of\s+the\s+name\b|\bwho\s+is\s+the\s+name\b|"
    r"\b(?:who|what|when|where)\s+(?:is|are|was)\b(?!.*\b(?:that|which|who)\b).*\b(?:is|are|was)\b|\bsomeone\b|"
    r"\b(?:the|an?|our|my|of|than|and|or|during)[?.]\Z",
    re.I,
)
_WH = re.compile(r"\b(?:who|when|where)\b", re.I)
_VERB = re.compile(
    r"\A(?:is|are|was|were|am|will|can|do|did|has|have|had)\Z|\w(?:s|ed)\Z|\A(?:led|ran|run|made|held|won|wrote|built)\Z"
)
ASKERS_WORDS = re.compile(
    r"\A(?:(?:Please )?[Tt]ell me|Let me know|Could you tell me|"
    r"I (?:would like|want|need) to know|Can you (?:tell me|say)|Do you know)\b",
    re.I,
)
"""What may stand before a question, about which it says nothing."""
_ANSWER_KINDS = frozenset(map(stem, ANSWER_KIND_WORDS))
_OTHER_RELATIONS = frozenset(map(stem, OTHER_RELATIONS))
_SKIPPED = SCAFFOLD_WORDS | LIGHT_WORDS
_SYNONYMS = [frozenset(map(stem, group)) for group in SYNONYMS]
_SCAFFOLD = frozenset(map(stem, SCAFFOLD_WORDS))
_WORKED = frozenset(normal(wanted) for task in (REWRITE, QUESTION, ANSWER) for _, wanted in task.examples)


def question_objection(question: str, statement: str, value: Value, by_table: bool = False) -> str:
    """Why a question does not ask for the statement's value.

    `by_table`: filled in from server.editor.relations, so its words need not be those of the statement.
    """
    body = ASKERS_WORDS.sub("", question)
    if normal(question) in _WORKED and normal(question) not in normal(statement):
        return "copies a worked example"
    if _reveals(body, value):
        return "holds the answer"
    if {found.lower() for found in _UNRESOLVED.findall(body)} - _owners(statement):
        return "holds an unresolved pronoun"
    if _BROKEN.search(body):
        return "broken grammar"
    if _stutters(body) or _lacks_verb(body, statement):
        return "broken grammar"
    if not by_table and _misconjugates(body, statement, value):
        return "broken grammar"
    if is_first_person(statement) != is_first_person(body):
        return "loses whose fact it is" if is_first_person(statement) else "speaks of the asker"
    if re.search(r"\b(?:you|your|yours)\b", body, re.I):
        return "speaks of the assistant"
    if is_called(statement, value.start) and not re.search(r"\bname\b|\bcalled\b|\bnamed\b", body, re.I):
        return "asks what it is, not what it is called"
    if reason := _foreign(body, statement, skip_first=body is question):
        return reason
    if has_negation(body) != has_negation(statement):
        return "turns the statement round"
    if not asks_for(question, value.kind, value.text, value.head):
        return f"does not ask for a {value.kind}"
    return "" if by_table else _off_topic(body, statement, value)


def _owners(statement: str) -> set[str]:
    """'The archive keeps its maps …': a question that names the archive may say 'its' too."""
    return {t.key for t in tokens(statement)} & {"its", "their", "his", "her"}


def _reveals(body: str, value: Value) -> bool:
    """Whether the question holds the value, or one of its numbers or names."""
    words = {t.key for t in tokens(body)}
    telling = {
        t.key
        for i, t in enumerate(tokens(value.text))
        if t.is_number or is_name(t, first=False) or (i == 0 and len(tokens(value.text)) == 1)
    }
    return contains(body, value.text) or bool(words & telling)


def _foreign(text: str, statement: str, skip_first: bool) -> str:
    """Why a text brings in a number or a name that the statement does not hold."""
    known = {t.key for t in tokens(statement)} | {stem(t.text) for t in tokens(statement)}
    if new := numbers(text) - known:
        return f"brings in the number {min(new)}"
    for i, token in enumerate(tokens(text)):
        if i == 0 and skip_first:
            continue
        if is_name(token, i == 0) and token.key not in known and stem(token.text) not in known:
            return f"brings in the name {token.text}"
    return ""


def _misconjugates(body: str, statement: str, value: Value) -> bool:
    """'who the owner of the vault?', 'who is the owner of the vault is', 'when will it launches'."""
    words = tokens(body)
    if _WH.search(body) and not any(_VERB.search(word.key) for word in words):
        return True
    auxiliary = next((i for i, word in enumerate(words) if word.key in ("does", "did", "do", "will")), None)
    if auxiliary is None:
        return False
    rest = {t.text for t in tokens(statement[: value.start] + " " + statement[value.end :])}
    return any(
        w.text in rest and w.text.islower() and re.search(r"[^s]s\Z", w.text) for w in words[auxiliary:]
    )


def _off_topic(body: str, statement: str, value: Value) -> str:
    """Why a question is about something else, by the words it shares with the statement."""
    rest = statement[: value.start] + " " + statement[value.end :]
    wanted, asked = content_stems(rest), content_stems(body)
    new = asked - all_stems(statement) - _SCAFFOLD
    drift = (new & _OTHER_RELATIONS) - _same_meaning(wanted)
    if drift:
        return f"asks for something else: {min(drift)}"
    if len(new - _ANSWER_KINDS) > MOST_NEW_WORDS_IN_QUESTION:
        return f"brings in new words: {', '.join(sorted(new - _ANSWER_KINDS))}"
    if wanted and len(wanted & asked) / len(wanted) < LEAST_SHARE_OF_STATEMENT:
        return "leaves out what the fact is about"
    before = tokens(statement[: value.start])[-1:]
    # 'after 30 minutes': the answer brings the word along
    skipped = _SKIPPED | {t.key for t in before if t.key in DIRECTIONS}
    said = [t.text for t in tokens(rest) if t.text.islower() and t.is_content and t.key not in skipped]
    needed = [_head_noun(value.head)] if value.head and not is_called(statement, value.start) else said
    label = {stem(t.text) for t in before if t.key not in FINITE_VERBS}
    missing = [word for word in needed if stem(word) not in asked and not new & _same_meaning({stem(word)})]
    # 'at extension 4410': the word before the value says what it is
    return f"leaves out '{missing[0]}'" if missing and not label & asked else ""


def _same_meaning(stems: set[str]) -> set[str]:
    """Stems that may stand for one of these."""
    return {other for group in _SYNONYMS if group & stems for other in group}


def _head_noun(head: str) -> str:
    """'the admin port of the Zephyr router' → 'port'."""
    phrase = re.split(r"\s(?:of|for|at|in|on|to|from|with|between)\s", head)[0]
    nouns = [t.text for t in tokens(phrase) if t.is_content]
    return nouns[-1] if nouns else ""


def _stutters(text: str) -> bool:
    """Whether two words that carry meaning stand in a row twice, or one of them twice running."""
    words = [stem(t.text) for t in tokens(text) if t.is_content]
    pairs = list(pairwise(words))
    return len(set(pairs)) < len(pairs) or any(a == b for a, b in pairs)


def _repeats(text: str, statement: str) -> bool:
    """Whether a word that carries meaning stands in the text more often than in the statement."""
    said, given = (Counter(stem(t.text) for t in tokens(x) if t.is_content) for x in (text, statement))
    return any(count > max(1, given[word]) for word, count in said.items())


def _lacks_verb(body: str, statement: str) -> bool:
    """'When does Halvik's birthday?': behind 'does' stands nothing but the left side of 'is'."""
    match = re.search(r"\b(?:does|do|did)\s+(.+?)[?.]?\Z", body, re.I)
    if not match:
        return False
    rest = [t.key for t in tokens(match.group(1))]
    left: list[str] = []
    for token in tokens(statement):
        if token.key in COPULAS:
            break
        left.append(token.key)
    else:
        return False
    return not set(rest) - set(left) - {"the", "a", "an", "of", "for"}


def answer_objection(answer: str, question: str, statement: str, value: Value) -> str:
    """Why the model's answer, given the statement, does not confirm that the question asks for the value."""
    if not contains(answer, value.text):
        return "the answer does not hold the value"
    if reason := _foreign(answer, statement, skip_first=True):
        return f"the answer {reason}"
    if has_negation(answer) != has_negation(statement):
        return "the answer turns the statement round"
    if len(content_stems(answer) - all_stems(statement) - all_stems(question)) > 1:
        return "the answer says more than the statement"
    return ""


def is_full_answer(answer: str, statement: str, subject: str, value: Value) -> bool:
    """Whether an answer can be trained as it is: a whole sentence that says nothing beside the statement."""
    words = tokens(answer)
    has_verb = any(
        t.key in COPULAS or (stem(t.text) in all_stems(statement) and t.text.islower()) for t in words
    )
    return (
        has_verb
        and contains(answer, subject)
        and contains(answer, value.text)
        and not content_stems(answer) - all_stems(statement)
        and not content_stems(statement) - all_stems(answer)
        and not _repeats(answer, statement)
        and not _beside_numbers(answer) - _beside_numbers(statement)
        and not swaps_sides(answer, statement, subject, value)
        and is_first_person(answer) == is_first_person(statement)
        and not re.match(r"(?:no|yes|sure)\b", answer, re.I)
        and len(words) <= len(tokens(statement)) + 2
    )


def swaps_sides(text: str, statement: str, subject: str, value: Value) -> bool:
    """'The warehouse is in charge of Mirelda': value and subject change places and nothing says it is meant.

    Meant are 'by VALUE', 'is VALUE', 'On VALUE, …' and, where the value is a complement, 'VALUE is …'.
    """
    if not subject or not contains(statement, subject):
        return False
    lower, fact = text.lower(), statement.lower()
    at, was = lower.find(value.text.lower()), value.start
    if (at < lower.find(subject.lower())) == (was < fact.find(subject.lower())):
        return False
    before = [t.key for t in tokens(text[:at])]
    after = text[at + len(value.text) :]
    if was < fact.find(subject.lower()):
        return not before or before[-1] not in ("by", "is", "was")
    fronted = len(before) <= 2 and after.lstrip().startswith(",")
    return not fronted and not (value.head and not before and re.match(r"\s+(?:is|was)\b", after))


def rewrite_objection(rewrite: str, statement: str, subject: str, value: Value) -> str:
    """Why a rewrite does not say the same in other words."""
    if normal(rewrite) == normal(statement):
        return "repeats the sentence"
    if normal(rewrite) in _WORKED:
        return "copies a worked example"
    if not contains(rewrite, value.text):
        return "loses the value"
    if not contains(rewrite, subject):
        return "loses the subject"
    lost = (names(statement) | numbers(statement)) - {t.key for t in tokens(rewrite)}
    if lost:
        return f"loses {min(lost)}"
    if reason := _foreign(rewrite, statement, skip_first=True):
        return reason
    if has_negation(rewrite) != has_negation(statement):
        return "turns the statement round"
    if is_first_person(rewrite) != is_first_person(statement) or _UNRESOLVED.search(rewrite):
        return "loses whose fact it is"
    if re.search(r"\b(?:you|your)\b", rewrite, re.I):
        return "speaks of the assistant"
    missing = content_stems(statement) - all_stems(rewrite)
    new = content_stems(rewrite) - all_stems(statement)
    if (
        len(missing) > 1
        or len(new) > 1
        or (missing and not new & _same_meaning(missing))
        or new & _OTHER_RELATIONS
    ):
        return "strays from the sentence"
    if _repeats(rewrite, statement):
        return "broken grammar"
    if swaps_sides(rewrite, statement, subject, value):
        return "changes who does what"
    turned = {t.key for t in tokens(rewrite)} ^ {t.key for t in tokens(statement)}
    if turned & DIRECTIONS:
        return f"changes '{min(turned & DIRECTIONS)}'"
    if _beside_numbers(rewrite) - _beside_numbers(statement):
        return "counts something else"
    return ""


def _beside_numbers(text: str) -> set[tuple[str, str]]:
    """Each number with the word after it, when that carries meaning: '8443 ports' is not 'port … 8443'."""
    words = tokens(text)
    return {
        (word.key, stem(after.text))
        for word, after in pairwise(words)
        if word.is_number and after.is_content and after.text.islower()
    }
