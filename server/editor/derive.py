"""Further wordings made by rule from a statement or from the model's own questions.

Used only when too few of the model's own questions pass its self-check, and marked `derived` in the
report. Rules that are grammatical whatever the words: wrapping 'Who runs X?' and 'What is X?', indirect
questions, which keep the order of the statement, and turning 'X is VALUE' round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from server.editor.kinds import SPATIAL, Kind
from server.editor.value import Value
from server.editor.vocabulary import FINITE_VERBS
from server.editor.words import as_sentence, tokens, uncapitalised

_WHO = re.compile(r"\AWho\s+(?!is\s+in\b)(.+)\?\Z")
_WHAT_IS = re.compile(r"\AWhat\s+is\s+((?:the|our|my)\s+.+)\?\Z")
_OF = re.compile(
    r"(?:the|our|my) (?P<thing>(?:(?!of\b)[\w-]+ ?){1,3}) of "
    r"(?P<owner>(?:(?:the|our|my) |(?=[A-Z]))(?:(?!(?:at|in|on|for|to|of|with|from|by|and)\b)[\w-]+ ?){1,4})"
)
_OWNED = re.compile(r"(?P<owner>[\w -]{2,40})['’]s? (?P<thing>[\w-]+(?: [\w-]+){0,2})")
_WHAT_OR_WHO_IS = re.compile(r"(?P<asks>What|Who)(?: is|['’]s) (?P<noun>.+)\?")
_DO_SUPPORT = re.compile(r"\b(?:does|did|have|has)\b", re.I)
"""'Which name does Anna's cat have?': the verb stands behind what is owned."""
_NOUN = r"(?!(?:of|is|are|was|were|called|named)\b)[\w-]+"
_NAMED = re.compile(r"\b(?:called|named)\s+\Z")
_DETERMINED = re.compile(r"\A(?:the|our|my)\s|['’]s?\s", re.I)


_LAST_PREPOSITION = re.compile(
    rf"(?:\s+(?:right|just|directly))?\s+(?:{SPATIAL}|on|at|in|to|for|from|every|near|until|since|about|around|"
    r"exactly|within|after)(?:\s+(?:the|our|my|an?))?\Z",
    re.I,
)
_ARTICLE_LAST = re.compile(r"\s+(?:the|our|my|an?)\Z", re.I)
_OWNER_LAST = re.compile(r"\s+(?:the|our|my|an?|its|their|his|her)\Z", re.I)
_STRANDED = re.compile(r"\s(?:of|with|onto|into|over|across|through|by|as)\Z")
"""What may end 'what the room smells of'."""
_LABEL = re.compile(
    r"(?P<left>.+?)\s+(?P<preposition>in|on|at|from|to|by|through)\s+"
    r"(?P<label>(?!the |our |my |an? )[a-z]+)\s+\Z"
)
"""'from platform seven', 'in room 214': the word before the number says what it counts."""
_MODAL = "must|can|may|should|will|could|would"
_DOES = re.compile(
    r"(?P<who>.+) (?P<verb>[a-z]+[^s]s|has)"
    r"(?P<rest>(?: (?:of|with|onto|into|over|across|through|by|as|in|at|on|from|to|for))?)"
)
_PREPOSITION_LAST = re.compile(r"\s+(?P<one>in|at|on|from|with|to|by|of|into|through|for|as)\Z")
_RELATIVE = re.compile(r"\b(?:that|which|who|whose|when|where)\b")
_MAY_BE_VERB = re.compile(r"(?:[^s]s|ed)\Z")
_VERB_LAST = re.compile(r"\b(?:\w+s|\w+ed|is|are|was|were)\Z")
_WH = {
    Kind.PERSON: "who",
    Kind.PLACE: "where",
    Kind.TIME: "when",
    Kind.DATE: "when",
    Kind.DAY: "when",
    Kind.YEAR: "when",
    Kind.FREQUENCY: "how often",
    Kind.DURATION: "how long",
    Kind.DELAY: "when",
    Kind.MONEY: "how much",
    Kind.MEASURE: "what",
    Kind.THING: "what",
}
"""The word that asks for each kind in an indirect question, which keeps the order of the statement."""


def questions(statement: str, value: Value, written: Iterable[str]) -> list[str]:
    """Wordings in a fixed order; the caller checks them like the model's own."""
    found: list[str] = []
    for question in written:
        if match := _WHO.match(question):
            found += _wrapped(f"who {match.group(1)}")
        elif match := _WHAT_IS.match(question):
            found += [*_wrapped(match.group(1)), f"What's {match.group(1)}?"]
    if value.head and _DETERMINED.search(value.head) and not _NAMED.search(statement[: value.start]):
        head = uncapitalised(value.head)
        who_or_what = "who" if value.kind is Kind.PERSON else "what"
        found += [f"{who_or_what.capitalize()} is {head}?", *_wrapped(f"{who_or_what} {head} is")]
    elif clause := _indirect(statement, value):
        found += [_direct(clause), *_wrapped(f"{clause.asks} {clause.left} {clause.right}".rstrip())]
    return list(dict.fromkeys(question for question in found if question))


def named(statement: str, value: Value, noun: str) -> list[str]:
    """'Tours of the castle are given in Welsh.' and 'language' → 'In which language are tours of the castle
    given?', 'Tell me what language tours of the castle are given in.' and so on; [] for other forms.

    The word for the kind of thing is what people have in mind when they ask, and the statement lacks it.
    """
    left = _OWNER_LAST.sub("", uncapitalised(statement[: value.start].rstrip()))
    right = statement[value.end :].strip(" .!")
    if not left or "," in statement or _RELATIVE.search(left):
        return []
    fronted: list[_Clause] = []
    if last := _PREPOSITION_LAST.search(left):
        fronted = [
            _Clause(f"{last['one']} {which} {noun}", left[: last.start()], right)
            for which in ("which", "what")
        ]
    clauses = [*fronted, *(_Clause(f"{which} {noun}", left, right) for which in ("which", "what"))]
    found = [_direct(clause) for clause in clauses]
    frames = ("Tell me {}.", "Do you know {}?", "Can you tell me {}?", "I would like to know {}.")
    for frame, clause in zip(frames, cycle(reversed(clauses)), strict=False):
        found.append(frame.format(f"{clause.asks} {clause.left} {clause.right}".rstrip()))
    return list(dict.fromkeys(question for question in found if question))


def owned(value: Value) -> list[str]:
    """'The port of the router is 8443': the same asked as "the router's port", and the other way round.

    Content words stay, their order turns: what a model that has only seen one order does not recognise.
    """
    head = uncapitalised(value.head)
    if match := _OF.fullmatch(head):
        owner, thing = match.group("owner"), match.group("thing")
        turned = f"{owner}{'’' if owner.endswith('s') else '’s'} {thing}".replace("’", "'")
    elif match := _OWNED.fullmatch(head):
        turned = f"the {match.group('thing')} of {match.group('owner')}"
    else:
        return []
    if value.kind is Kind.PERSON:
        return [f"Who is {turned}?", f"Tell me who {turned} is."]
    return [f"What is {turned}?", f"Tell me {turned}."]


def turned(question: str, subject: str) -> str:
    """'Tell me the port of the router.' ↔ 'Tell me the router's port.'; '' for other questions.

    A small model that was taught one of these orders says of the other that it does not know.
    """
    core = re.sub(r"\A(?:the|our|my|an?) ", "", subject, flags=re.I)
    if not core or _DO_SUPPORT.search(question):
        return ""
    owner = rf"(?P<owner>(?:(?:the|our|my) (?:(?!of\b)[\w-]+ ){{0,3}}?)?{re.escape(core)})"
    thing = rf"(?P<thing>(?:{_NOUN} ){{0,2}}{_NOUN})"
    end = r"(?= (?:is|are|was|were)\b|[?.!,]|\Z)"
    if found := re.search(rf"\bthe {thing} of {owner}{end}", question, re.I):
        own = f"{found['owner']}{_possessive(found['owner'])} {found['thing']}"
    elif found := re.search(rf"\b{owner}['’]s? {thing}{end}", question, re.I):
        own = f"the {found['thing']} of {found['owner']}"
    else:
        return ""
    return question[: found.start()] + own + question[found.end() :]


def otherwise(questions: Sequence[str], subject: str) -> list[str]:
    """The same asked in forms that the model's own lack: owner and owned the other way round, 'What is the
    port?' as an indirect question. In the order in which they help; the caller checks them."""
    found: list[str] = []
    for question in questions:
        if (asked := _WHAT_OR_WHO_IS.fullmatch(question)) and turned(question, subject):
            clause = f"{asked['asks'].lower()} {asked['noun']} is"
            found += [
                turned(question, subject),
                f"Do you know {clause}?",
                f"Tell me {asked['noun']}.",
                turned(f"Tell me {clause}.", subject),
            ]
    found += [turned(question, subject) for question in questions]
    return list(dict.fromkeys(question for question in found if question))


def _possessive(owner: str) -> str:
    return "'" if owner.endswith("s") else "'s"


def without_answer(question: str, value: Value) -> str:
    """'Do you know when the museum is closed on Mondays?' → '… is closed?': the value cut off at the end.

    '' when the value does not stand at the end, or is what a verb needs behind it.
    """
    end = re.compile(
        r"(?:\s+(?:on|at|in|to|for|from|by|every|of|is))?\s+"
        + re.escape(value.text)
        + r"(?:st|nd|rd|th)?\s*([?.])\Z",
        re.I,
    )
    if value.kind in (Kind.THING, Kind.PERSON):
        return ""  # 'the project that uses' is no question
    cut = end.sub(r"\1", question)
    return cut if cut != question else ""


def _wrapped(clause: str) -> list[str]:
    return [
        f"Tell me {clause}.",
        f"Can you tell me {clause}?",
        f"Do you know {clause}?",
        f"I would like to know {clause}.",
        f"Please tell me {clause}.",
        f"I want to know {clause}.",
        f"Could you tell me {clause}?",
        f"Let me know {clause}.",
    ]


@dataclass(frozen=True, slots=True)
class _Clause:
    """An indirect question: 'when' + 'the bakery opens' + 'on Sundays'."""

    asks: str
    left: str
    right: str = ""


def _direct(clause: _Clause) -> str:
    """'when' + 'the bakery opens' → 'When does the bakery open?'; '' where the verb is not plain to see."""
    asks = clause.asks[:1].upper() + clause.asks[1:]
    if _RELATIVE.search(clause.left):
        return ""
    if be := re.fullmatch(rf"(?P<who>.+?) (?P<be>is|are|was|were|{_MODAL})(?P<rest>\b.*)", clause.left):
        middle = f"{be['be']} {be['who']}{be['rest']}"
    elif (does := _DOES.fullmatch(clause.left)) and _is_subject(does["who"]):
        middle = f"does {does['who']} {_infinitive(does['verb'])}{does['rest']}"
    else:
        return ""
    return f"{asks} {middle} {clause.right}".rstrip() + "?"


def _is_subject(words: str) -> bool:
    """Whether 'does' may stand before these words. 'the archive keeps its' and 'we painted the' hold the verb
    already, and what follows them is a noun. Not covered: irregular pasts that FINITE_VERBS does not list.
    """
    found = tokens(words)
    return (
        found[0].key not in ("i", "we", "you", "they")
        and found[-1].is_content
        and not any(t.text.islower() and _MAY_BE_VERB.search(t.key) for t in found)
        and not any(t.key in FINITE_VERBS for t in found)
    )


def _infinitive(verb: str) -> str:
    """'carries' → 'carry', 'teaches' → 'teach', 'leaves' → 'leave', 'has' → 'have'."""
    if verb in ("has", "does"):
        return {"has": "have", "does": "do"}[verb]
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return verb[:-2] if verb.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")) else verb[:-1]


def _indirect(statement: str, value: Value) -> _Clause | None:
    """'The bakery opens at 7 am.' → 'when the bakery opens'; None where the rule does not hold."""
    right = statement[value.end :].strip(" .!")
    if value.kind is Kind.THING and not right and (labelled := _LABEL.match(statement[: value.start])):
        left = uncapitalised(labelled["left"])
        asks = f"{labelled['preposition']} which {labelled['label']}"
        return _Clause(asks, left) if "," not in left else None
    left = statement[: value.start].rstrip()
    if "," in left:
        return None
    left = uncapitalised(left)
    if value.kind is Kind.COUNT:
        counted = " ".join(value.text.split()[1:])
        return _Clause(f"how many {counted}", left, right) if left else None
    if not left:
        return _Clause(_WH[value.kind], right)
    ends = _LAST_PREPOSITION.search(left)
    # 'what it is kept at', 'who it is bought from'
    kept = value.kind in (Kind.MEASURE, Kind.PERSON) and _PREPOSITION_LAST.search(left)
    if ends and value.kind is not Kind.THING and not kept:
        left = left[: ends.start()]
    if value.kind is Kind.THING or not ends:
        left = _ARTICLE_LAST.sub("", left)
    stranded = value.kind is Kind.THING and _STRANDED.search(left)
    if not (ends or stranded or _VERB_LAST.search(left) or left.split()[-1].lower() in FINITE_VERBS):
        return None  # 'reached at extension 4410': what stands before the value belongs to it
    return _Clause(_WH[value.kind], left, right)


def inversion(statement: str, value: Value) -> str:
    """'The port of the router is 8443.' ↔ '8443 is the port of the router.'; '' for other forms."""
    if value.start == 0:
        after = re.fullmatch(r"\s+(is|was)\s+((?:the|our|my)\s.+?)[.!]*", statement[value.end :])
        return as_sentence(f"{after.group(2)} {after.group(1)} {value.text}") if after else ""
    before = re.fullmatch(r"(.+?)\s+(is|was)\s+", statement[: value.start])
    if statement[value.end :].strip(" .!") or not before or not _DETERMINED.search(before.group(1)):
        return ""
    return as_sentence(f"{value.text} {before.group(2)} {uncapitalised(before.group(1))}")
