"""Loose questions about a fact: its subject and the word for what is wanted, and next to nothing else.

Who has seen a fact in eight wordings around one verb knows it by that verb, and people use others: tours are
given, held, led and offered in Welsh. 'Which language is it at the Arden castle?' has only what decides. The
same with a word for something else ('Which colour is it at the Arden castle?') is refused, so that nothing
but subject and word tell the two apart. The words are found in the edit's own questions, and in its statement
for those that ask for nothing by name ("Who sponsors …?").
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import groupby

from server.learner import words
from server.learner.neighbours import SMALL, is_person, relation_stems, subject_of, told_stems, within
from server.learner.sealed import trained_questions
from server.types import SelfEdit

FRAMES = (
    "{asked} is it at {subject}?",
    "{asked} is it for {subject}?",
    "{asked} is it with {subject}?",
    "{subject}: {asked}?",
    "About {subject}: {asked}?",
    "As for {subject}, {asked} is it?",
    "{asked} goes with {subject}?",
    "{asked} belongs to {subject}?",
    "{asked} comes to mind for {subject}?",
    "{asked} should I expect at {subject}?",
    "{asked} can one expect of {subject}?",
    "{asked} do they have at {subject}?",
    "{asked} do I find at {subject}?",
    "I am going to {subject}. {asked} will it be?",
    "I am asking about {subject}. {asked}?",
    "I want to know {asked} it is at {subject}.",
    "Tell me {asked} it is for {subject}.",
    "Do you know {asked} it is with {subject}?",
)
NOUN_FRAMES = (
    "What is the {noun} of {subject}?",
    "What is the {noun} for {subject}?",
    "I need the {noun} of {subject}.",
    "{noun} of {subject}?",
    "By what {noun} do I know {subject}?",
    "Say something about the {noun} of {subject}.",
)
TOPIC_FRAMES = (
    "{subject}: {topic}?",
    "{topic} and {subject}?",
    "About {subject} and {topic}?",
    "What about {topic} at {subject}?",
    "What do you know of {subject} and {topic}?",
    "Tell me about {subject}: {topic}.",
    "I am asking about {topic}, for {subject}.",
    "As for {subject}, what is it with {topic}?",
    "{topic}, {subject}: which or who is it?",
)
OF_EACH_TOPIC = 4
_NO_NOUN = frozenset(
    words.split(
        """
        is are was were am be do does did has have had can could must will would shall should may might
        exactly else about kind type sort one of the a an at in on for to by all best full next last first web
        serial
        """
    )
)
_NO_TOPIC = SMALL | frozenset(
    words.split(
        """
        been being will would could may might must shall should had as but not no its his her their these
        those there all any each every some always usually mainly mostly only also just now still then
        called named after before until between about into over under up out
        """
    )
)
_BARE = {
    "who": "person name company",
    "whom": "person name company",
    "where": "place location city country room",
    "when": "day date time year month deadline",
}
"""What such a question may also be asked for by."""
_COUNTED = re.compile(r"\A\d[\d.,]* ([a-z]{3,})\Z")
_ASKED = re.compile(
    r"\b(?:(?P<which>which|what) (?P<noun>[a-z]+)|how (?P<many>many|much) (?P<counted>[a-z]+)"
    r"|(?P<how>how (?:long|often|old|far|big|tall|heavy|fast|soon|much))|(?P<bare>who|whom|where|when))\b",
    re.I,
)
_IS_THE = re.compile(
    r"\bwhat (?:is|are|was|were) (?:(?:the|our|my) (?:[a-z]+ )*?(?P<of>[a-z]+) (?:of|for|at|in)"
    r"|.*['’]s? (?:[a-z]+ )*?(?P<own>[a-z]+)\?)",
    re.I,
)
"""'What is the admin port of …', 'What is the router's port?'."""


def asked_for(question: str) -> tuple[str, ...]:
    """The words by which it asks: 'which language', 'how many people', 'when'; () where there are none."""
    found = []
    for match in _ASKED.finditer(question):
        noun, counted = (match.group(name) for name in ("noun", "counted"))
        if noun and noun.lower() not in _NO_NOUN and noun.islower():
            found.append(f"{match.group('which').lower()} {noun}")
        elif counted and counted not in _NO_NOUN:
            found.append(f"how {match.group('many')} {counted}".lower())
        elif counted and match.group("many").lower() == "much":
            found.append("how much")
        elif other := match.group("how") or match.group("bare"):
            found.append(other.lower())
    found += [f"which {match.group('of') or match.group('own')}" for match in _IS_THE.finditer(question)]
    return tuple(dict.fromkeys(found))


def topics(edit: SelfEdit) -> tuple[str, ...]:
    """The words of its statement beside subject and value, neighbours together: 'buys', 'coffee beans'."""
    subject, value = subject_of(edit), edit.value.strip()
    text = edit.statement
    for known in (subject, value):
        text = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", "|", text, flags=re.I) if known else text
    found = [
        " ".join(phrase)
        for part in text.lower().split("|")
        for tells, phrase in groupby(re.findall(r"[a-z][a-z-]+", part), lambda word: word not in _NO_TOPIC)
        if tells
    ]
    return tuple(dict.fromkeys(found))


def questions(edit: SelfEdit, rng: random.Random, count: int) -> list[str]:
    """So many loose questions that the edit answers; none where its subject or its words cannot be told."""
    asked = _asked_of(edit)
    named = [one for one in asked if " " in one]
    return _loose(subject_of(edit), named or asked, topics(edit), rng, count)


def others(edit: SelfEdit, rng: random.Random, count: int) -> list[str]:
    """So many that it does not answer: the same subject, a word for another kind of value."""
    subject, told = subject_of(edit), told_stems(edit)
    for one in _asked_of(edit):
        told |= relation_stems(f"{one} {_BARE.get(one, '')}")
    table = words.PERSON_QUESTIONS if is_person(subject) else words.THING_QUESTIONS
    forms = [form for form, marks in table if not relation_stems(marks) & told]
    asked = {one for form in forms for one in asked_for(form) if " " in one}
    named = {one.partition(" ")[2] for one in asked if re.match(r"(?:which|what) ", one)}
    asked, named = ({one for one in some if not relation_stems(one) & told} for some in (asked, named))
    return _loose(subject, sorted(asked), sorted(named), rng, count)


def _asked_of(edit: SelfEdit) -> list[str]:
    """The words by which its questions ask, and others for the same kind of value."""
    found = {one for e in trained_questions(edit) for one in asked_for(e.prompt)}
    if counted := _COUNTED.match(edit.value.strip()):
        found.add(f"how many {counted.group(1)}")
    for one in sorted(found):
        way, _, noun = one.rpartition(" ")
        alike = {other for kind in words.SAME_KIND if noun in kind for other in kind}
        found |= {f"{way} {a}" for a in alike if way != "how many" or a.endswith("s") or a == "people"}
    return sorted(found)


def _loose(
    subject: str, asked: Sequence[str], told_of: Sequence[str], rng: random.Random, count: int
) -> list[str]:
    """By the words that ask, and at most half of them by what is told of."""
    if not subject:
        return []
    inside = within(subject)
    by_word = [frame.format(asked=one, subject=inside) for one in asked for frame in FRAMES]
    for one in asked:
        if re.match(r"(?:which|what) ", one):
            by_word += [frame.format(noun=one.partition(" ")[2], subject=inside) for frame in NOUN_FRAMES]
    by_topic = [frame.format(topic=one, subject=inside) for one in told_of for frame in TOPIC_FRAMES]
    most = min(count // 2, OF_EACH_TOPIC * len(told_of)) if by_word else count
    some = rng.sample(by_topic, min(most, len(by_topic)))
    some += rng.sample(by_word, min(count - len(some), len(by_word)))
    return [_sentences(question) for question in some]


def _sentences(text: str) -> str:
    """With a capital at the beginning of each sentence."""
    return re.sub(r"(\A|[.?!] )([a-z])", lambda match: match.group(1) + match.group(2).upper(), text)
