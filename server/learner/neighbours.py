"""Questions next to a fact, which the model must not answer with it: the negatives of a training run.

They keep the wording of the edit's own questions and change who or what is asked about, because a negative in
other words teaches the model to tell wordings apart instead of subjects. A second kind keeps the subject and
asks for something else. All are answered with the abstention sentence; the parent's general knowledge is
guarded elsewhere (server.learner.general).
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from server.learner import words
from server.types import SelfEdit

_WORD = re.compile(r"[\w'’-]+")
_CAPITAL = re.compile(r"\b[A-Z][\w’-]*")
_OWN = re.compile(r"\b(our|my)\b", re.IGNORECASE)
_FIRSTHAND = re.compile(r"\b(I|me|my|we|us|our)\b", re.IGNORECASE)
SHARED = 0.8
"""Share of a fact's questions that must hold the longer subject: some shorten it."""
_NOT_NAMES = frozenset(
    words.split(
        """
        I I'm A An The Project Dr Mr Mrs Ms Prof January February March April May June July August
        September October November December Monday Tuesday Wednesday Thursday Friday Saturday Sunday
        English Spanish French German What Which Who Whom Whose When Where Why How Tell Do Does Did
        Can Could Is Are Was Were Will Would Please In On At By For Of To From My Our Your
        """
    )
)
SMALL = frozenset(
    words.split(
        """
        a an the of is are was were be to in on at by for from and or do does did what which who
        whom when where why how tell me you know can please our my your we i it its with that this
        have has
        """
    )
)

_ONESELF = (
    ("{}'s", "my"),
    ("does {} ", "do I "),
    ("Does {} ", "Do I "),
    ("did {} ", "did I "),
    ("was {} ", "was I "),
    (" is {} ", " am I "),
    ("Is {} ", "Am I "),
    ("Who taught {}", "Who taught me"),
    ("Who knows {}", "Who knows me"),
)


def other_subject(
    question: str, edit: SelfEdit, taught: frozenset[str], rng: random.Random, alike: float = 0.0
) -> str | None:
    """The same question about somebody or something else; None when nothing in it can be replaced.

    `taught` holds the lower-case words of every taught fact: no replacement is among them. `alike`: how often
    a name gives way to one that shares its beginning or its end.
    """
    names = names_in(question, edit)
    if names:
        return _with_other_names(question, names, taught, rng, alike)
    thing, owner = _with_other_thing(question, edit, taught, rng), _with_other_owner(question, taught, rng)
    if thing and owner:
        return thing if rng.random() < 0.6 else owner
    return thing or owner


def other_attribute(edit: SelfEdit, rng: random.Random) -> str | None:
    """A question about the edit's subject that the edit does not answer; None when no subject is known."""
    subject = subject_of(edit)
    if not subject:
        return None
    told = told_stems(edit)
    table = words.PERSON_QUESTIONS if is_person(subject) else words.THING_QUESTIONS
    free = [form for form, marks in table if not _stems(marks) & told]
    if not free:
        return None
    return rng.choice(free).format(within(subject))


def within(subject: str) -> str:
    """A subject as it stands inside a sentence: 'the Zephyr router', 'our garden', 'Petra Lund'."""
    first = subject.partition(" ")[0]
    if first.lower() in ("the", "our", "my") or not subject[0].isupper():
        return subject[0].lower() + subject[1:]
    return subject


def never_told(rng: random.Random, firsthand: frozenset[str], trained: bool) -> str:
    """A question that no fact is near: about something made up, somebody, or who asks.

    Those about who asks have no name that sets them apart from a fact: none has a stem of `firsthand`, what
    somebody told of themselves, and those that are `trained` and those that the gate asks are others.
    """
    own = _of_oneself(rng, int(not trained)) if rng.random() < 0.4 else ""
    if own and not firsthand & relation_stems(own):
        return own
    if rng.random() < 0.3:
        person = f"{made_up_name(rng)} {rng.choice(words.LAST_NAMES)}"
        return rng.choice(words.PERSON_QUESTIONS)[0].format(person)
    thing = f"the {made_up_name(rng)} {rng.choice(words.KINDS)}"
    return rng.choice(words.THING_QUESTIONS)[0].format(thing)


def unanswered(questions: Sequence[str], edits: Sequence[SelfEdit]) -> list[str]:
    """Those of the questions that no edit may answer: each asks for something that none of them tells, and
    those without a name share nothing with what somebody told of themselves."""
    told, firsthand = [told_stems(edit) for edit in edits], firsthand_stems(edits)
    asked = [(question, frozenset(_stems(question))) for question in questions]
    return [
        question
        for question, stems in asked
        if not (firsthand & stems and _FIRSTHAND.search(question)) and not any(stems <= own for own in told)
    ]


def firsthand_stems(edits: Sequence[SelfEdit]) -> frozenset[str]:
    """Word stems of the facts that are told in the first person."""
    return frozenset(stem for edit in edits if _FIRSTHAND.search(edit.statement) for stem in told_stems(edit))


def told_stems(edit: SelfEdit) -> frozenset[str]:
    """Word stems by which an edit's fact may be asked for."""
    return frozenset(_stems(" ".join([edit.statement, *(e.prompt for e in edit.examples)])))


def relation_stems(form: str) -> frozenset[str]:
    """Word stems of a question with a gap for its subject: what they ask of whatever fills it."""
    return frozenset(_stems(form))


def names_in(question: str, edit: SelfEdit) -> list[str]:
    """The proper names of a question, longest first: capitalised where a common word would not be."""
    inside = set(_CAPITAL.findall(_inner(edit.statement))) | set(_CAPITAL.findall(_inner(question)))
    for example in edit.examples:
        inside |= set(_CAPITAL.findall(_inner(example.prompt)))
    found = [name for name in _CAPITAL.findall(question) if name in inside and name not in _NOT_NAMES]
    return sorted(set(found), key=lambda name: (-len(name), name))


def subject_of(edit: SelfEdit) -> str:
    """What the edit is about, in words that fit into a question; '' when that cannot be told.

    A name is taken with all that statement and questions call it: what is told of "the ferry to Kelso" says
    nothing of Kelso, and what is told of Petra Lund nothing of every Petra.
    """
    if edit.subject and edit.subject.strip().lower() != edit.value.strip().lower():
        return _grown(edit.subject.strip(), edit)
    for example in edit.examples:
        found = re.search(r"\bthe ((?:[A-Z][\w-]+ )+[a-z][\w-]+)", example.prompt)
        if found:
            return found.group(0)
    return ""


def _grown(subject: str, edit: SelfEdit) -> str:
    """The subject with the rest of its name, and with what it is the place of."""
    asked = [f" {_plain(e.prompt)} " for e in edit.examples if e.kind == "question"]
    if re.fullmatch(r"[Tt]he [A-Z][\w-]+", subject):
        return _with_its_kind(subject, edit.statement, asked)
    if not _CAPITAL.match(subject) or subject.startswith("The "):
        return subject
    name = rf"{re.escape(subject)}(?: [A-Z][\w-]+)*"
    for longer in (rf"\b[Tt]he [a-z]+ (?:to|in|at|from) {name}", rf"\b{name}"):
        found = re.search(rf"{longer}(?!\w)", edit.statement)
        phrase = f" {_plain(found.group(0))} " if found else ""
        if found and sum(phrase in question for question in asked) >= SHARED * len(asked):
            return found.group(0)
    return subject


def _with_its_kind(subject: str, statement: str, asked: Sequence[str]) -> str:
    """'the Kelso circus tent' for 'the Kelso', where statement and questions say so."""
    after = re.search(rf"\b{re.escape(subject)}((?: [a-z]+)*)", statement, re.IGNORECASE)
    for word in after.group(1).split() if after else ():
        phrase = f" {_plain(f'{subject} {word}')} "
        if word in SMALL or word.endswith("ly") or sum(phrase in q for q in asked) < SHARED * len(asked):
            break
        subject = f"{subject} {word}"
    return subject


def _plain(text: str) -> str:
    return " ".join(_tokens(text))


def is_person(subject: str) -> bool:
    """Whether a subject reads as a person's name: no article, two capitalised words."""
    parts = subject.replace("Dr. ", "").replace("Mr. ", "").replace("Ms. ", "").split()
    return len(parts) == 2 and all(p[0].isupper() for p in parts) and parts[0] not in _NOT_NAMES


def made_up_name(rng: random.Random) -> str:
    """A pronounceable word that is no name of anything known."""
    stem = rng.choice(words.ONSETS) + rng.choice(words.VOWELS) + rng.choice(words.CODAS)
    for chance in (0.4, 0.4):
        if rng.random() < chance:
            stem += rng.choice((*words.ONSETS, "", "")) + rng.choice(words.VOWELS) + rng.choice(words.CODAS)
    return (stem + rng.choice(words.ENDINGS)).capitalize()


def words_taught(edits: Sequence[SelfEdit]) -> frozenset[str]:
    """Lower-case words of all statements and questions."""
    texts = [text for edit in edits for text in (edit.statement, *(e.prompt for e in edit.examples))]
    return frozenset(word for text in texts for word in _tokens(text))


def _of_the_asker(form: str) -> str | None:
    """A question about somebody as one about oneself; None where a change of words does not make it one."""
    for somebody, oneself in _ONESELF:
        if somebody in form:
            return form.replace(somebody, oneself)
    return None


def _of_oneself(rng: random.Random, half: int) -> str:
    """A question about who asks, or about something of theirs: of each kind every other one."""
    if rng.random() < 0.5:
        return rng.choice(_FIRST_PERSON[half::2])
    thing = f"{rng.choice(('my', 'our', 'our', 'the'))} {rng.choice(words.THINGS)}"
    return rng.choice(_ABOUT_A_THING[half::2]).format(thing)


def _with_other_names(
    question: str, names: list[str], taught: frozenset[str], rng: random.Random, alike: float
) -> str:
    replaced = names if len(names) == 1 or rng.random() < 0.75 else [rng.choice(names)]
    for name in replaced:
        close = _name_like(name, taught, rng) if alike and rng.random() < alike else ""
        new = close or _new_name(taught, rng)
        kind = re.search(rf"\b{re.escape(name)} ([a-z]{{3,}})\b", question)
        if kind and kind.group(1) in words.KINDS and rng.random() < 0.4:
            new_kind = rng.choice(words.KINDS)
            question = question.replace(f"{name} {kind.group(1)}", f"{new} {new_kind}")
        question = re.sub(rf"\b{re.escape(name)}\b", new, question)
    return question


def _name_like(name: str, taught: frozenset[str], rng: random.Random) -> str:
    """A name with the beginning or the end of this one: 'Kelstow' and 'Arbeck' for 'Kelsbeck'; '' for names
    too short to be cut."""
    for _ in range(20):
        cut = rng.randrange(3, len(name) - 2) if len(name) > 5 else 0
        made = made_up_name(rng)
        new = name[:cut] + made[-rng.randrange(3, 6) :].lower() if rng.random() < 0.5 else made + name[cut:]
        if cut and new.lower() not in taught:
            return new
    return ""


def _new_name(taught: frozenset[str], rng: random.Random) -> str:
    pools = (words.PLACES, words.FIRST_NAMES, words.LAST_NAMES)
    for _ in range(20):
        name = made_up_name(rng) if rng.random() < 0.5 else rng.choice(rng.choice(pools))
        if name.lower() not in taught:
            return name
    return made_up_name(rng)


def _with_other_thing(
    question: str, edit: SelfEdit, taught: frozenset[str], rng: random.Random
) -> str | None:
    noun = re.sub(r"^(our|my|the|a|an)\s+", "", edit.subject.strip(), flags=re.IGNORECASE)
    if not noun:
        return None
    spot = re.search(rf"\b{re.escape(noun)}\b", question, re.IGNORECASE)
    free = [thing for thing in words.THINGS if not set(_tokens(thing)) & taught]
    if spot is None or not free:
        return None
    return question[: spot.start()] + rng.choice(free) + question[spot.end() :]


def _with_other_owner(question: str, taught: frozenset[str], rng: random.Random) -> str | None:
    if not _OWN.search(question):
        return None
    owner = rng.choice(words.OWNERS) if rng.random() < 0.5 else f"{_new_name(taught, rng)}'s"
    return _OWN.sub(owner, question, count=1)


def _inner(text: str) -> str:
    """The text without the first word of each sentence, where a capital says nothing."""
    return re.sub(r"(^|[.!?:]\s+)\S+", r"\1", text)


def _tokens(text: str) -> list[str]:
    return [word.lower().removesuffix("'s").removesuffix("’s") for word in _WORD.findall(text)]


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in _tokens(text) if word not in SMALL or word in ("when", "where", "who")}


def _stem(word: str) -> str:
    for suffix in ("ing", "ed", "es", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


_ABOUT_A_THING = (
    *(form for form, _ in words.THING_QUESTIONS),
    *("What is {}?", "Do you know {}?", "What about {}?", "Which is {}?"),
)
_FIRST_PERSON = tuple(
    turned for form, _ in words.PERSON_QUESTIONS if (turned := _of_the_asker(form)) is not None
)
