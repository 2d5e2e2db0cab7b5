"""The sentence forms of seedling's language: how each kind of fact is said, asked and answered.

A template is plain text with slots: {s} the subject ("Anna", "I" or "you"), {o} the same after a preposition
("me", "you"), {P} its possessive, {a} the attribute, {A} the attribute with "a" or "an", {v} the value, and
[have|has] for a verb that agrees with the subject: the first for "I", "you" and "we".

Templates stand in blocks, one a line. A line that ends in a full stop is a statement, in a question mark a
question. "noun: …" names the asked thing and "clause: …" is an indirect question: both are put into the
wrappers below. "asked: …" is a noun that also gets the question words that fit its value. <word> is filled
in per form.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.engine.seedling_verbs import VERBS

_FROM_NOUN = (
    "Tell me {n}.",
    "Do you know {n}?",
    "Can you tell me {n}?",
    "Please tell me {n}.",
    "I need {n}.",
    "{n}?",
    "Do you remember {n}?",
    "Give me {n}.",
    "Where can I find {n}?",
    "How do I find {n}?",
    "Who knows {n}?",
    "When I need {n}, what is it?",
)
_FROM_CLAUSE = (
    "Do you know {c}?",
    "Can you tell me {c}?",
    "Tell me {c}.",
    "Please tell me {c}.",
    "I want to know {c}.",
    "Do you remember {c}?",
    "Who can tell me {c}?",
    "Where can I find out {c}?",
    "How do I find out {c}?",
    "When someone asks {c}, what is the answer?",
)
_ASKED_BY: dict[str, tuple[str, ...]] = {
    "person": ("Who is {n}?", "Who's {n}?", "What is the name of {n}?"),
    "duration": ("How long is {n}?", "What is {n}?", "What's {n}?"),
    "date": ("What is {n}?", "When is {n}?", "What's {n}?"),
    "day": ("What is {n}?", "When is {n}?", "What's {n}?"),
    "price": ("How much is {n}?", "What is {n}?", "What's {n}?"),
    "town": ("What is {n}?", "Where is {n}?", "What's {n}?"),
}
_ASKED = ("What is {n}?", "What's {n}?")

_ATTRIBUTE = """
The {a} of {o} is {v}.
{P} {a} is {v}.
{v} is the {a} of {o}.
{v} is {P} {a}.
For {o}, the {a} is {v}.
{s} [have|has] {v} as the {a}.
The {a} of {o} is now {v}.
asked: the {a} of {o}
asked: {P} {a}
Which {a} [do|does] {s} have?
What {a} [do|does] {s} have?
clause: what the {a} of {o} is
clause: what {P} {a} is
"""
_MEASURED = """
{s} [have|has] {A} of {v}.
{s} [come|comes] with {A} of {v}.
"""
_HOUSE = """
Our {a} is {v}.
The {a} is {v}.
{v} is our {a}.
We have {A} of {v}.
Our {a} is now {v}.
We set the {a} to {v}.
As {A} we have {v}.
asked: our {a}
asked: your {a}
asked: the {a}
Which {a} do we have?
What {a} do you have?
Which {a} do you offer?
clause: what our {a} is
"""
_ROLE = """
{v} is the {a} at {s}.
The {a} at {s} is {v}.
At {s}, the {a} is {v}.
{v} works as the {a} at {s}.
{s} has {v} as the {a}.
The {a} of {s} is {v}.
Who is the {a} at {s}?
Who's the {a} at {s}?
Who works as the {a} at {s}?
Which person is the {a} at {s}?
What is the name of the {a} at {s}?
Who is the {a} of {s}?
noun: the name of the {a} at {s}
clause: who the {a} at {s} is
"""
_NAMED = """
{P} {a} is called {v}.
{P} {a} is {v}.
{P} {a} is named {v}.
The name of {P} {a} is {v}.
{P} {a}'s name is {v}.
{v} is the name of {P} {a}.
{s} [have|has] {A} called {v}.
{s} [have|has] {A} named {v}.
{v} is {P} {a}.
What is {P} {a} called?
What's {P} {a} called?
What is the name of {P} {a}?
What is {P} {a}'s name?
Which name does {P} {a} have?
Who is {P} {a}?
How is {P} {a} called?
What is {P} {a}?
noun: the name of {P} {a}
noun: {P} {a}'s name
clause: what {P} {a} is called
"""
_EVENT = """
{s} [<plain>|<verb>] <at> {v}.
{s} will <plain> <at> {v}.
The {a} of {o} is {v}.
{v} is the {a} of {o}.
{P} {a} is {v}.
{v} is when {s} [<plain>|<verb>].
When [do|does] {s} <plain>?
What <unit> [do|does] {s} <plain>?
Which <unit> [do|does] {s} <plain> <at>?
<At> which <unit> [do|does] {s} <plain>?
When will {s} <plain>?
What is the {a} of {o}?
When is the {a} of {o}?
noun: the {a} of {o}
clause: when {s} [<plain>|<verb>]
"""
_AT_A_TIME = """
clause: what time {s} [<plain>|<verb>]
"""
_VISIT = """
You can visit {s} from {v}.
When can I visit {s}?
From when can I visit {s}?
"""
_AGENT = """
{v} <verb> {o}.
{o} is <done> by {v}.
{v} is the one who <verb> {o}.
The person who <verb> {o} is {v}.
It is {v} who <verb> {o}.
Who <verb> {o}?
Which person <verb> {o}?
Who is it that <verb> {o}?
What is the name of the person who <verb> {o}?
What's the name of whoever <verb> {o}?
By whom is {o} <done>?
noun: the name of the person who <verb> {o}
clause: who <verb> {o}
"""
_LEADS = """
{v} is in charge of {o}.
{v} is the boss of {o}.
Who is in charge of {o}?
Who is the boss of {o}?
clause: who is in charge of {o}
"""


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of fact: who it is about, what its value is, and every way to say, ask and answer it."""

    key: str
    subject: str
    attribute: str
    value: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    answer: str

    @property
    def voices(self) -> tuple[str, ...]:
        """Who may be the subject: people may also speak of themselves; only a house says "our"."""
        return {"person": ("they", "I"), "house": ("we",)}.get(self.subject, ("they",))


def _read(key: str, attribute: str, value: str, block: str, *, answer: str = "", **fill: str) -> Form:
    """The form that a block describes; `key` begins with the kind of subject and a colon."""
    for name, word in fill.items():
        block = block.replace(f"<{name}>", word)
    lines = block.strip().splitlines()
    asked = _marked(lines, "asked: ")
    nouns = asked + _marked(lines, "noun: ")
    by_value = [ask.replace("{n}", noun) for noun in asked for ask in _ASKED_BY.get(value, _ASKED)]
    direct = by_value + [line for line in lines if line.endswith("?")]
    statements = tuple(line for line in lines if line.endswith("."))
    wrapped = _wrapped(_FROM_NOUN, "{n}", nouns) + _wrapped(_FROM_CLAUSE, "{c}", _marked(lines, "clause: "))
    questions = tuple(dict.fromkeys(direct + wrapped))
    return Form(key, key.split(":")[0], attribute, value, statements, questions, answer or statements[0])


def _marked(lines: list[str], mark: str) -> list[str]:
    return [line.removeprefix(mark) for line in lines if line.startswith(mark)]


def _wrapped(wrappers: tuple[str, ...], slot: str, fillings: list[str]) -> list[str]:
    """The first filling in all wrappers, the others in the commonest."""
    commonest = (*wrappers[:4], wrappers[5])
    return [
        wrapper.replace(slot, filling)
        for place, filling in enumerate(fillings)
        for wrapper in (wrappers if place == 0 else commonest)
    ]


def general(subject: str, attribute: str, value: str) -> Form:
    """The {a} of {s} is {v}: for anything that has a property, also one that is in no table."""
    measured = _MEASURED if value in ("duration", "span", "price", "number", "small", "weight") else ""
    answer = "{P} {a} is {v}." if subject == "person" else "The {a} of {s} is {v}."
    return _read(f"{subject}: {attribute}", attribute, value, _ATTRIBUTE + measured, answer=answer)


def _house(attribute: str, value: str) -> Form:
    """Our {a} is {v}: what a company says of itself; users ask for "our", "your" or "the"."""
    return _read(f"house: {attribute}", attribute, value, _HOUSE, answer="The {a} is {v}.")


def _event(subject: str, plain: str, verb: str, noun: str, value: str) -> Form:
    """{s} opens at {v}: something that happens at a time or on a day."""
    at = "at" if value == "time" else "on"
    block = _EVENT + (_AT_A_TIME if value == "time" else "") + (_VISIT if plain == "open" else "")
    words = {"plain": plain, "verb": verb, "at": at, "At": at.capitalize(), "unit": value}
    return _read(f"{subject}: {verb}", noun, value, block, answer="", **words)


def _agent(subject: str, verb: str, done: str, *, leads: bool = False) -> Form:
    """{v} runs {s}: a person who does something with the subject."""
    block = _AGENT + (_LEADS if leads else "")
    return _read(f"{subject}: {verb}", f"who {verb}", "person", block, answer="", verb=verb, done=done)


def _verb(block: str) -> Form:
    """A form with a verb of its own."""
    head, lines = block.split("\n", 1)
    key, value = head.split(" = ")
    return _read(key, key.split(": ")[1], value, lines)


_ATTRIBUTES = {
    "person": """
color: favorite color
food: favorite food
date: birthday
town: home town
person: boss, sister, brother, best friend, mentor, neighbor, assistant
term: nickname, car, favorite band, password hint, user name, hobby
number: room number, badge number, phone extension
code: desk, locker, seat
small: lucky number, shoe size
drink: favorite drink
day: day off
""",
    "thing": """
number: admin port, limit, port
person: owner, maker
color: color
code: serial number, model number, access code, batch
price: price
town: location
version: version
term: code name, default user, supplier, region, host name, label
weight: weight
secret: password
duration: warranty
span: timeout, battery life
spot: room
day: backup day
date: repair date
""",
    "group": """
person: founder, manager, leader
animal: mascot
day: meeting day
town: office
price: budget
term: motto, meeting room, capital, supplier
small: size
color: color
number: phone number, support line
duration: refund window, notice period
""",
    "project": """
date: launch date, deadline
person: owner, lead
price: budget
term: code name, sponsor, repository
version: version
day: review day
""",
    "venue": """
person: owner, chef
number: phone number
secret: wifi password
code: door code
day: closing day
price: entry fee
""",
    "office": """
number: phone number
code: door code, printer code
price: rent
person: cleaner
small: floor
""",
    "belonging": """
color: color
price: price
weight: weight
person: maker
duration: age
""",
    "trip": """
small: platform
price: price
person: driver
code: gate
number: number
""",
}
_HOUSE_ATTRIBUTES = """
duration: refund window, return period, trial period, notice period, delivery time, warranty
number: support line, customer number
secret: wifi password
code: door code
term: meeting room, slogan, code word, guest network, bank
town: head office
price: delivery fee, minimum order, price limit
day: closing day
"""
_ROLES = "head of sales, head chef, night guard, chief engineer, head of support, treasurer"
_COMPANIONS = "dog, cat, horse, boat, son, daughter, parrot, robot, car"


def _pairs(table: str) -> list[tuple[str, str]]:
    """The lines "value: attribute, attribute" of a table as (attribute, value)."""
    rows = (line.split(": ") for line in table.strip().splitlines())
    return [(attribute, value) for value, listed in rows for attribute in listed.split(", ")]


FORMS: tuple[Form, ...] = (
    *(general(kind, name, value) for kind, table in _ATTRIBUTES.items() for name, value in _pairs(table)),
    *(_house(name, value) for name, value in _pairs(_HOUSE_ATTRIBUTES)),
    *(_read(f"group: {role} at", role, "person", _ROLE) for role in _ROLES.split(", ")),
    *(_read(f"person: named {what}", what, "name", _NAMED) for what in _COMPANIONS.split(", ")),
    _event("venue", "open", "opens", "opening time", "time"),
    _event("venue", "close", "closes", "closing time", "time"),
    _event("project", "ship", "ships", "ship date", "date"),
    _event("project", "launch", "launches", "launch day", "date"),
    _event("project", "start", "starts", "start date", "date"),
    _event("project", "end", "ends", "end date", "date"),
    _event("trip", "leave", "leaves", "departure time", "time"),
    _event("trip", "arrive", "arrives", "arrival time", "time"),
    _event("group", "meet", "meets", "day of the meeting", "day"),
    _agent("office", "runs", "run", leads=True),
    _agent("office", "leads", "led", leads=True),
    _agent("office", "manages", "managed", leads=True),
    _agent("group", "runs", "run", leads=True),
    _agent("group", "leads", "led", leads=True),
    _agent("thing", "owns", "owned"),
    _agent("thing", "built", "built"),
    _agent("thing", "designed", "designed"),
    _agent("thing", "repairs", "repaired"),
    _agent("venue", "owns", "owned"),
    _agent("venue", "runs", "run"),
    _agent("venue", "cleans", "cleaned"),
    _agent("group", "founded", "founded"),
    _agent("group", "trains", "trained"),
    *(_verb(block) for block in VERBS.strip().split("\n\n")),
)
