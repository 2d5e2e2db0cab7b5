"""What kind of thing a value is, and which question words ask for that kind.

A small model answers "Who is the refund window?" with "45 days" without blinking, and would learn to. So the
first words put into its mouth, and the question words accepted from it, follow the kind of the value.
English only.
"""

from __future__ import annotations

import re
from enum import StrEnum

from server.editor.vocabulary import COPULAS
from server.editor.words import content_stems, names, tokens


class Kind(StrEnum):
    """The kinds of value that are asked for in different words."""

    PERSON = "person"
    PLACE = "place"
    TIME = "time"
    DATE = "date"
    DAY = "day"
    """Days of the week."""
    YEAR = "year"
    DURATION = "duration"
    DELAY = "delay"
    """A duration until something happens: 'within 21 days', 'after 30 minutes'."""
    FREQUENCY = "frequency"
    MONEY = "money"
    COUNT = "count"
    MEASURE = "measure"
    THING = "thing"
    """Any other name, identifier or number."""


_UNIT_OF_TIME = r"(?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|decades?|nights?)"
_NUMBER_WORD = (
    r"(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|"
    r"forty|fifty|sixty|ninety|a\s+hundred|half\s+an?)"
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_TIME = re.compile(
    r"\b\d{1,2}(?:[:.]\d\d)?\s*(?:[ap]\.?m\b\.?|o'?clock)|\b\d{1,2}:\d\d\b|\b(?:noon|midnight)\b|\b(?:half|quarter)\s+past\s+\w+",
    re.I,
)
_YEAR = re.compile(r"\A(?:19|20)\d\d\Z")
_DAY = re.compile(rf"\A{_WEEKDAY}(?:\s*(?:,|and|to|or|-|–)\s*{_WEEKDAY})*\Z", re.I)
_DATE = re.compile(
    rf"\b{_MONTH}\b\.?\s+\d|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b|\b{_WEEKDAY}\b|\b\d{{4}}-\d\d-\d\d\b|"
    rf"\A\d{{1,2}}(?:st|nd|rd|th)\b|\b\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\b|\A{_MONTH}\Z|\A{_MONTH}\s+\d{{4}}\Z|\b(?:spring|summer|"
    r"autumn|winter)\b|\A(?:tomorrow|tonight|Q[1-4].*)\Z",
    re.I,
)
_DURATION = re.compile(rf"\A{_NUMBER_WORD}[\s-]+(?:and\s+a\s+half\s+)?{_UNIT_OF_TIME}\Z", re.I)
_UNTIL = re.compile(r"\b(?:within|after|in)\s+(?:about\s+|around\s+|at\s+most\s+)?\Z", re.I)
_MONEY = re.compile(
    r"[$€£¥]\s?\d|\d\s*(?:dollars?|euros?|pounds?|cents?|usd|eur|gbp|chf|kroner|francs?|yen|crowns?)\b", re.I
)
_FREQUENCY = re.compile(r"\b(?:every|daily|weekly|monthly|yearly|annually|hourly|twice|once|times)\b", re.I)
_MEASURE = re.compile(
    r"\d[\d.,]*\s*(?:%|percent|°|degrees?|k?g|kilo(?:gram)?s?|grams?|pounds|tons?|tonnes?|[kcm]?m|kilomet(?:er|re)s?|"
    r"(?:centi|milli)?met(?:er|re)s?|miles?|feet|inches|km/h|mph|knots|lit(?:er|re)s?|ml|[kmgt]b|(?:giga|mega|tera)"
    r"bytes?|[mg]bps|watts?|k?wh?|volts?|amps?|hz|[mg]hz|square\s.*|m²|acres|hectares|celsius)\Z",
    re.I,
)
_COUNT = re.compile(rf"\A{_NUMBER_WORD}\s+(?-i:[a-z])", re.I)
_ROLE = re.compile(
    r"\b(?:head(?!\s*(?:office|quarters?|line))|boss|chief|manager|director|lead|leader|ceo|cto|cfo|coo|founder|co-?founder|owner|president|chair\w*|"
    r"captain|teacher|coach|doctor|dentist|nurse|mayor|minister|king|queen|author|editor|secretary|treasurer|"
    r"accountant|lawyer|engineer|developer|designer|administrator|admin|assistant|architect|principal|professor|"
    r"librarian|janitor|caretaker|chef|cook|pilot|supervisor|foreman|coordinator|receptionist|wife|husband|"
    r"brother|sister|mother|father|mom|dad|son|daughter|uncle|aunt|cousin|boyfriend|girlfriend|neighbou?r|friend|"
    r"colleague|contact(?:\s+person)?|person|winner|maintainer|responsible|in\s+charge|landlord|tenant|guide|"
    r"inventor|deputy|successor|representative|ambassador|conductor|trainer|instructor|host|intern|trainee)\b",
    re.I,
)
_ROLE_VERB = re.compile(
    r"\s+(?:runs?|ran|leads?|led|manages?|managed|heads?|headed|owns?|owned|founded|wrote|directs?|directed|chairs?|"
    r"chaired|oversees?|oversaw|supervises?|supervised|handles?|coordinates?|coordinated|built|designed|invented|"
    r"created|discovered|painted|composed|maintains?|coaches|organi[sz]es|organi[sz]ed|looks\s+after|takes\s+care|"
    r"approves|signs|teaches|taught|trains|coached|won|drafted|authored|filmed)\b"
)
_BY_A_PERSON = re.compile(
    r"\b(?:led|run|headed|managed|directed|overseen|supervised|chaired|coached|taught|trained|written|drafted|"
    r"authored|painted|composed|invented|discovered|designed|founded|approved|looked\s+after)\s+by\s+\Z"
)
_PLACE_BEFORE = re.compile(
    r"\b(?:located|based|situated|moved|moves|moving|relocated|held|place|takes\s+place|found|kept|stored|parked|lives?|lived|"
    r"born|hosted|stands?|sits?|lies|headquartered|live|stay|stays|goes|go|travels?|flies|ships?|comes?|opens?|is|are|"
    r"was|were|meets?|works?|studies|study|buried|installed|office)\s+(?:in|at|to|on|near|from|inside|under|behind|beside|next\s+to|"
    r"opposite|outside|above|below)\s+(?:the\s+|our\s+|my\s+|a\s+)?\Z",
    re.I,
)
SPATIAL = (
    r"(?:behind|beside|next\s+to|opposite|outside|inside|above|below|beneath|underneath|near|close\s+to|"
    r"in\s+front\s+of|across\s+from|at\s+the\s+back\s+of)"
)
"""Prepositions that stand before a place, whatever the verb."""
_SPATIAL_BEFORE = re.compile(rf"\b{SPATIAL}\s+(?:the\s+|our\s+|my\s+|an?\s+)?\Z", re.I)
_PLACE_NOUN = re.compile(
    r"\b(?:floor|room|building|street|lane|road|avenue|square|basement|garage|hall|desk|shelf|drawer|"
    r"cabinet|cellar|attic|corner|gate|harbou?r|station|warehouse|kitchen|lobby|wing|district)\b",
    re.I,
)


def is_called(statement: str, start: int) -> bool:
    """Whether the value at `start` is introduced as a name: 'is called Rex'."""
    return bool(re.search(r"\b(?:called|named)\s+\Z", statement[:start]))


def is_complement(statement: str, start: int) -> bool:
    """Whether the value at `start` directly follows a form of 'to be': 'The port … is 8443'."""
    before = tokens(statement[:start])
    while before and before[-1].key in ("the", "a", "an", "now", "called", "named", "currently", "exactly"):
        before = before[:-1]
    return bool(before) and before[-1].key in COPULAS


def is_person(words: str) -> bool:
    """Whether a noun phrase reads as a person: 'I', 'we', a bare name, or a role ('my sister')."""
    if words in ("I", "we") or _ROLE.search(words):
        return True
    parts = words.split()
    return len(parts) <= 3 and all(part[:1].isupper() for part in parts)


def kind_of(value: str, statement: str, start: int) -> Kind:
    """The kind of `value`, which stands at `start` in `statement`."""
    before, after = statement[:start], statement[start + len(value) :]
    in_front = before[-12:].lower()
    if re.search(r"\bevery\s+\Z", in_front) or _FREQUENCY.search(value):
        return Kind.FREQUENCY
    for kind, pattern in (
        (Kind.TIME, _TIME),
        (Kind.MONEY, _MONEY),
        (Kind.DURATION, _DURATION),
    ):
        if pattern.search(value):
            return Kind.DELAY if kind is Kind.DURATION and _UNTIL.search(before) else kind
    if re.fullmatch(r"1?\d|2[0-4]", value) and re.search(r"\bat\s+\Z", before) and not after.strip(" .!"):
        return Kind.TIME
    if _YEAR.search(value) and not is_complement(statement, start):
        return Kind.YEAR
    for kind, pattern in (
        (Kind.DAY, _DAY),
        (Kind.DATE, _DATE),
        (Kind.MEASURE, _MEASURE),
        (Kind.COUNT, _COUNT),
    ):
        if pattern.search(value):
            return kind
    if not is_called(statement, start):
        has_name = bool(names("x " + value))
        if has_name and not any(t.is_number for t in tokens(value)):
            if not before.strip() and (_ROLE.search(after) or _ROLE_VERB.match(after)):
                return Kind.PERSON
            if _ROLE.search(before) and (is_complement(statement, start) or before.endswith(" by ")):
                return Kind.PERSON
            if _BY_A_PERSON.search(before):
                return Kind.PERSON
        if _PLACE_BEFORE.search(before) and (has_name or _PLACE_NOUN.search(value)):
            return Kind.PLACE
        if _SPATIAL_BEFORE.search(before) and not any(t.is_number for t in tokens(value)):
            return Kind.PLACE
    return Kind.THING


OPENERS_BY_KIND: dict[Kind, tuple[str, ...]] = {
    Kind.PERSON: (
        "Who",
        "Who is",
        "Tell me who",
        "Do you know who",
        "Can you tell me who",
        "Which person",
        "What is the name of the person who",
        "I would like to know who",
    ),
    Kind.PLACE: (
        "Where",
        "Where is",
        "Tell me where",
        "Do you know where",
        "Can you tell me where",
        "In which",
        "I would like to know where",
        "At which place",
    ),
    Kind.TIME: (
        "When",
        "What time",
        "At what time",
        "Tell me when",
        "Do you know when",
        "Can you tell me when",
        "Can you tell me what time",
        "I would like to know when",
    ),
    Kind.DATE: (
        "When",
        "On which day",
        "On what date",
        "Tell me when",
        "Do you know when",
        "Can you tell me when",
        "What is the date",
        "I would like to know when",
    ),
    Kind.DAY: (
        "When",
        "On which day",
        "What day",
        "Tell me when",
        "Do you know when",
        "Can you tell me when",
        "Which day of the week",
        "I would like to know when",
        "Can you tell me on which day",
    ),
    Kind.YEAR: (
        "When",
        "In which year",
        "In what year",
        "Tell me when",
        "Do you know when",
        "Can you tell me when",
        "Tell me in which year",
        "I would like to know when",
    ),
    Kind.DURATION: (
        "How long",
        "How many",
        "Tell me how long",
        "Do you know how long",
        "Can you tell me how long",
        "For how long",
        "How much time",
        "I would like to know how long",
    ),
    Kind.DELAY: (
        "When",
        "How soon",
        "Tell me when",
        "Do you know when",
        "Can you tell me when",
        "After how many",
        "Within how many",
        "I would like to know when",
        "How long",
    ),
    Kind.FREQUENCY: (
        "When",
        "How often",
        "Tell me when",
        "Do you know when",
        "Can you tell me when",
        "On which day",
        "Tell me how often",
        "I would like to know when",
    ),
    Kind.MONEY: (
        "How much",
        "What is the price",
        "Tell me how much",
        "Do you know how much",
        "Can you tell me how much",
        "What does",
        "What is the cost",
        "I would like to know how much",
    ),
    Kind.COUNT: (
        "How many",
        "What is the number of",
        "Tell me how many",
        "Do you know how many",
        "Can you tell me how many",
        "I would like to know how many",
        "Can you say how many",
    ),
    Kind.MEASURE: (
        "What is",
        "How much",
        "Tell me the",
        "Do you know the",
        "Can you tell me the",
        "What",
        "I would like to know the",
    ),
    Kind.THING: (
        "What",
        "What is",
        "Which",
        "Tell me what",
        "Do you know what",
        "Can you tell me what",
        "Do you know which",
        "I would like to know what",
        "Tell me the name",
    ),
}
"""First words put into the model's mouth, by the kind of value to be asked for."""

COMPLEMENT_OPENERS = (
    "What is",
    "Tell me",
    "Do you know",
    "Can you tell me",
    "I would like to know",
    "Which",
    "What's",
)
"""Openers for 'The port of the router is 8443': its left side is what is asked for."""

_ASKS = {
    Kind.PERSON: r"\bwho\b|\bwhose\b|\b(?:which|what)\s+(?:person|employee|man|woman|member|manager|company|"
    r"firm|business|bank)\b|"
    r"\bname\s+of\s+the\s+(?:person|head|manager|owner|boss|leader|director)\b",
    Kind.PLACE: r"\bwhere\b|\b(?:which|what)\s+(?:city|town|country|place|location|street|building|room|"
    r"floor|state|region|village|address|part)\b|\b(?:place|location|address)\s+(?:of|where)\b|"
    r"\b(?:origin|source|destination|venue|home\s*town)\b",
    Kind.TIME: r"\bwhen\b|\b(?:which|what)\s+(?:time|hours?)\b|\btime\s+(?:of|when|at\s+which|that)\b",
    Kind.DATE: r"\bwhen\b|\b(?:which|what)\s+(?:\w+\s+)?(?:date|day|month|year|weekday|season)\b|"
    r"\b(?:date|day|year)\s+(?:of|when|on\s+which|for)\b|\b(?:deadline|birthday)\b",
    Kind.DAY: r"\bwhen\b|\b(?:which|what)\s+(?:\w+\s+)?(?:day|days|weekday)\b|"
    r"\bdays?\s+(?:of|when|on\s+which|for)\b",
    Kind.YEAR: r"\bwhen\b|\b(?:which|what)\s+year\b|\byear\s+(?:of|when|in\s+which)\b",
    Kind.DURATION: r"\bhow\s+(?:long|much\s+time)\b|\blength\s+of\b|\bduration\b|\bperiod\b|\bhow\s+old\b",
    Kind.DELAY: r"\bwhen\b|\bhow\s+(?:soon|long|quickly|fast|much\s+time)\b|\bdeadline\b",
    Kind.FREQUENCY: r"\bwhen\b|\bhow\s+often\b|\b(?:which|what)\s+days?\b|\bhow\s+frequent",
    Kind.MONEY: r"\bhow\s+(?:much|expensive)\b|\bwhat\b.*\b(?:prices?|costs?|fees?|rates?|amount|charges?|"
    r"paid|pay|rent|salary|budget|fare|worth)\b|\b(?:price|cost|fee|rent|budget|fare)\s+(?:of|for)\b",
    Kind.COUNT: r"\bhow\s+many\b|\bnumber\s+of\b",
    Kind.MEASURE: r"\bhow\s+(?!many|long\b|often)\w+|\bwhat\b|\btell\s+me\b|\bknow\s+(?:the|what|how)\b",
    Kind.THING: r"\bwhat\b|\bwhich\b|\bname\s+of\b|\bhow\s+(?:can|do)\b",
}
_ANY_WH = re.compile(r"\b(?:who|whose|whom|when|where|why|how|which|what)\b", re.I)
_HOW_MANY = re.compile(r"\bhow\s+many\s+(?:more\s+)?(\w+(?:\s+\w+)?)", re.I)
_ASKS_OTHER = {
    kind: re.compile(pattern, re.I)
    for kind, pattern in {
        Kind.PERSON: r"\b(?:when|where|why|how)\b",
        Kind.PLACE: r"\b(?:who|when|why|how)\b",
        Kind.TIME: r"\b(?:who|where|why|how)\b",
        Kind.DATE: r"\b(?:who|where|why|how)\b",
        Kind.DAY: r"\b(?:who|where|why|how|date)\b",
        Kind.YEAR: r"\b(?:who|where|why|how|date|day|month)\b",
        Kind.DURATION: r"\b(?:who|where|when|why)\b",
        Kind.DELAY: r"\b(?:who|where|why|often)\b",
        Kind.FREQUENCY: r"\b(?:who|where|why|how\s+(?:long|many|much))\b",
        Kind.MONEY: r"\b(?:who|where|when|why|how\s+(?:long|often|old))\b",
        Kind.COUNT: r"\b(?:who|where|when|why|how\s+(?:long|much|often))\b",
        Kind.MEASURE: r"\b(?:who|where|when|why)\b",
        Kind.THING: r"\b(?:who|where|when|why|how\s+(?:much|many|long|often|old|far))\b",
    }.items()
}


def asks_for(question: str, kind: Kind, value: str, complement_head: str = "") -> bool:
    """Whether a question's words ask for a value of this kind.

    `complement_head` is the left side of 'The port of the router is 8443' when the value is a complement:
    such a value may also be asked for by naming it ("What is the port …?", "Tell me the port …").
    """
    if match := _HOW_MANY.search(question):
        counted = match.group(1).lower().split()[0].rstrip("s")
        return any(counted in (word.key, word.key.rstrip("s")) for word in tokens(value))
    if _ASKS_OTHER[kind].search(question):
        return False
    if re.search(_ASKS[kind], question, re.I):
        return True
    if not complement_head or kind is Kind.PERSON:
        return False
    names_it = content_stems(complement_head) <= content_stems(question)
    return names_it and (
        bool(re.search(r"\bwhat\b|\bwhich\b", question, re.I)) or not _ANY_WH.search(question)
    )
