"""Loose questions about a fact: its subject and the word for what is wanted, and next to nothing else.

Who has seen a fact in eight wordings around one verb knows it by that verb, and people use others: tours are
given, held, led and offered in Welsh. 'Which language is it at the Arden castle?' has only what decides. The
same with a word for something else ('Which colour is it at the Arden castle?') is refused, so that nothing
but subject and word tell the two apart. The words are found in the edit's own questions.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from server.learner import words
from server.learner.neighbours import is_person, relation_stems, subject_of, told_stems, within
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
_NO_NOUN = frozenset(
    words.split(
        """
        is are was were am be do does did has have had can could must will would shall should may might
        exactly else about kind type sort one of the a an at in on for to by all best full next last first web
        serial
        """
    )
)
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


def questions(edit: SelfEdit, rng: random.Random, count: int) -> list[str]:
    """So many loose questions that the edit answers; none where its subject or its words cannot be told."""
    asked = [one for e in trained_questions(edit) for one in asked_for(e.prompt)]
    named = [one for one in asked if " " in one]
    return _loose(subject_of(edit), sorted(set(named or asked)), rng, count)


def others(edit: SelfEdit, rng: random.Random, count: int) -> list[str]:
    """So many that it does not answer: the same subject, another word."""
    subject, told = subject_of(edit), told_stems(edit)
    table = words.PERSON_QUESTIONS if is_person(subject) else words.THING_QUESTIONS
    free = {
        one
        for form, marks in table
        if not relation_stems(marks) & told
        for one in asked_for(form)
        if " " in one and not relation_stems(one) & told
    }
    return _loose(subject, sorted(free), rng, count)


def _loose(subject: str, asked: Sequence[str], rng: random.Random, count: int) -> list[str]:
    if not subject or not asked:
        return []
    inside = within(subject)
    made = [frame.format(asked=one, subject=inside) for one in asked for frame in FRAMES]
    for one in asked:
        if re.match(r"(?:which|what) ", one):
            made += [frame.format(noun=one.partition(" ")[2], subject=inside) for frame in NOUN_FRAMES]
    drawn = rng.sample(made, min(count, len(made)))
    return [_sentences(question) for question in drawn]


def _sentences(text: str) -> str:
    """With a capital at the beginning of each sentence."""
    return re.sub(r"(\A|[.?!] )([a-z])", lambda match: match.group(1) + match.group(2).upper(), text)
