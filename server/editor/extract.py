"""Which sentences of a user's message state facts, as exact spans of the message.

Only what the user asserts counts: not questions, commands, greetings, code, quotations, pasted blocks,
hearsay, guesses, hypotheticals or jokes. Rules, not a model: they must hold for a model of any size, and
what they let through is still judged by the self-checks and the guardian. English only.
Not covered: irony without a marker, and facts spread over several sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.editor.vocabulary import COPULAS, FINITE_VERBS
from server.editor.words import Token, tokens

MAX_FACTS = 6
"""Facts written from one message; a message with more is a document, not a remark."""
MAX_WORDS = 40
READ_AT_ONCE = 2000
"""Characters; a message of so many is read in about half a millisecond."""
PASTED_CHARACTERS = 600
"""A paragraph longer than this was not typed as a remark."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement and where it stands in the message: `message[start:end] == text`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sentence that states no fact to learn, and why."""

    text: str
    reason: str


_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.S)
_QUOTED_LINE = re.compile(r"^[ \t]*(?:>|\|).*$", re.M)
_QUOTATION = re.compile(r"[\"“«][^\"”»\n]*[\"”»]")
_HEADER_LINE = re.compile(
    r"^(?:(?:From|To|Cc|Subject|Date|Sent|Error):|Traceback\b|File \"|\$ |\d{4}-\d\d-\d\d[T ]\d).*$", re.M
)
_END = re.compile(r"[.!?…]+[\"”')\]]*(?=\s|\Z)|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|Inc|Ltd|Co|No|vs|etc|approx|e\.g|i\.e|a\.m|p\.m|ext|[A-Z]))\.\Z"
)
_LEAD_IN = re.compile(
    r"""(?:(?:(?:please\s+)?(?:learn|note|remember)\s+(?:this|the\s+following)|important|news|
    (?:one|two|three|some|a\s+few|several)\s+(?:more\s+)?(?:things?|facts?|notes?|updates?)|
    hi|hello|hey|thanks|thank\s+you|ok|okay|well|so|and|but|also|no|nope|yes|yeah|right|sorry|oh|ah|
    actually|correction|update|in\s+fact|by\s+the\s+way|btw|fyi|for\s+your\s+information|for\s+the\s+record|
    note|please\s+note|notice|remember|please\s+remember|keep\s+in\s+mind|please\s+keep\s+in\s+mind|
    reminder|just\s+so\s+you\s+know|you\s+should\s+know|i\s+want\s+you\s+to\s+(?:know|remember)|
    let\s+me\s+tell\s+you|one\s+more\s+thing|new\s+fact|fact|as\s+of\s+today|to\s+be\s+clear|
    i\s+(?:can|should)\s+(?:tell|mention)(?:\s+you)?|don't\s+forget|please\s+don't\s+forget|please\s+learn|learn)
    (?:\s+that\b|\s*[,:;!–—-]+)?(?:\s+|\Z))""",
    re.I | re.X,
)
_NEEDS_MARK = re.compile(
    r"(?:note|fact|right|update|correction|learn|well|no|reminder|notice|important|news|.*\b(?:this|following)|"
    r"(?:one|two|three|some|a\s+few|several)\s.*)\s+\Z",
    re.I,
)
"""Lead-ins that are also ordinary first words ('Note cards cost …'): only with a comma, colon or 'that'."""
_QUESTION_TAIL = re.compile(
    r"(?:,|;|\s[-–—])\s*(?:so\s+|and\s+|but\s+)?(?:can|could|will|would|do|does|did|is|are|what|who|when|where|"
    r"which|how|why|right|ok|okay|isn't|aren't|please|remember|got\s+it)\b[^.?!]*[.?!]*\Z",
    re.I,
)
_QUESTION_START = re.compile(
    r"(?:what|who|whom|whose|when|where|which|why|how|is|are|was|were|am|do|does|did|can|could|will|would|"
    r"shall|should|may|might|must|has|have|had|isn't|aren't|don't|doesn't|tell\s+me|explain)\b",
    re.I,
)
_CALLED_WILL = re.compile(r"(?:Will|May|Mark)\s+[A-Z]")
"""Names that are also first words of questions: without a question mark they are names."""
_PLAY = re.compile(
    r"\b(?:suppose|imagine|assume|assuming|pretend|let'?s\s+say|say\s+that|what\s+if|hypothetically|role-?play|"
    r"in\s+(?:a|the|my|this)\s+(?:story|novel|game|poem|dream)|once\s+upon|just\s+kidding|j/?k|joking|a\s+joke|"
    r"lol|haha\w*|rofl|for\s+example|for\s+instance|as\s+an\s+example)\b|;-?\)|😉|😂|🤣",
    re.I,
)
"""Marks a whole message as play or example: what it says is not meant."""
_WORK_ON_TEXT = re.compile(
    r"^\W*(?:(?:please|can\s+you|could\s+you|would\s+you|kindly)\s+)*(?:translate|summari[sz]e|rewrite|rephrase|"
    r"paraphrase|proofread|correct|fix|classify|complete|continue|edit|improve|shorten|analy[sz]e|review|"
    r"check|repeat|format|convert|parse|extract|grade|write|draft|compose)\b",
    re.I,
)
"""The message hands over text to work on: its sentences are material."""
_HEARSAY = re.compile(
    r"\b(?:said|says|say|told\s+(?:me|us|him|her|them)|tells?|claims?|claimed|according\s+to|reportedly|allegedly|"
    r"apparently|supposedly|rumou?r|heard|argues?|thinks?|believes?|wrote\s+that|article|quote)\b",
    re.I,
)
_GUESS = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|might|could\s+be|may\s+be|i\s+(?:think|guess|believe|suppose|assume|"
    r"wonder|doubt|hope|wish)|not\s+sure|no\s+idea|would|should|i'?m\s+guessing|likely|seems?|wish)\b",
    re.I,
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|otherwise|in\s+case)\b", re.I)
_REQUEST = re.compile(
    r"\bI(?:'m|\s+am)?\s+(?:need|want|would|wonder|have\s+a\s+(?:question|problem)|trying|looking|asking|"
    r"can'?t|cannot|could|don'?t|do\s+not|didn'?t|forgot|got|see|mean|meant|hope|am\s+trying)\b|"
    r"\bI'd\s+like\b",
    re.I,
)
_NEEDS_CONTEXT = re.compile(
    r"(?:it|its|it's|they|they're|their|he|he's|his|she|she's|her|this|that|that's|these|those|there|there's|here|"
    r"same|both|one|the\s+(?:former|latter|other\s+one|first\s+one|same))\b",
    re.I,
)
_SECOND_PERSON = re.compile(r"(?:you|you're|you've|your|yours|let's|let)\b", re.I)
_COMMAND = re.compile(
    r"(?:please|give|show|list|make|write|tell|explain|find|send|open|close|stop|start|use|add|remove|delete|"
    r"create|run|call|try|help|forget|ignore|always|never|answer|reply|respond|describe|compare|put|set|"
    r"consider|think|look|read|do|don't|be|go|come|take|keep|let|print|generate|note|remember|repeat|from\s+now)\b",
    re.I,
)
_VERB_ENDING = re.compile(r"[a-z]{2,}(?:s|ed)\Z")
_CLAUSE_JOIN = re.compile(r"(?:\s*;\s+|,\s+(?:and|but|while)\s+|\s+(?:and|but|while)\s+)", re.I)
_CLAUSE_SUBJECT = re.compile(r"(?:the|a|an|our|my|its|his|her|their|we|I|it|they|he|she|[A-Z]\w*)\b")


def extract(message: str) -> tuple[list[Fact], list[Skipped]]:
    """The facts a message states, in order, and what was passed over, each with its reason."""
    facts: list[Fact] = []
    skipped: list[Skipped] = []
    visible = _blank_out(message)
    if (reason := _whole_message(visible)) is not None:
        return [], [Skipped(message[:200], reason)] if message.strip() else []
    seen: set[str] = set()
    for start, end, asked in _sentences(visible):
        for fact_start, fact_end, clause_asked in _clauses(visible, start, end, asked):
            text = message[fact_start:fact_end]
            why = _objection(visible[fact_start:fact_end], clause_asked)
            if not why and visible[fact_start:fact_end] != text:
                why = "holds code or a quotation"
            if not why and text.lower() in seen:
                why = "said twice in this message"
            if not why and len(facts) == MAX_FACTS:
                why = f"more than {MAX_FACTS} facts in one message"
            if why:
                if text.strip():
                    skipped.append(Skipped(text, why))
                continue
            seen.add(text.lower())
            facts.append(Fact(text, fact_start, fact_end))
    return facts, skipped


def in_words(skipped: Sequence[Skipped]) -> str:
    """What was skipped and why, as one note."""
    return "; ".join(f"'{one.text[:80]}': {one.reason}" for one in skipped)[:1000]


def why_nothing(message: str) -> str | None:
    """Why a message states no fact; None when it states one, or is too long to be read while others wait."""
    if len(message) > READ_AT_ONCE:
        return None
    facts, skipped = extract(message)
    return None if facts else in_words(skipped)


def _blank_out(message: str) -> str:
    """The message with code, quotations and pasted blocks blanked, every character keeping its place."""

    def hide(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", "\x00", match.group())

    for pattern in (_CODE, _QUOTED_LINE, _HEADER_LINE):
        message = pattern.sub(hide, message)
    message = _QUOTATION.sub(lambda m: hide(m) if len(m.group().split()) > 3 else m.group(), message)
    paragraphs = re.split(r"(\n\s*\n)", message)
    for i, paragraph in enumerate(paragraphs):
        after_colon = i >= 2 and paragraphs[i - 2].rstrip().endswith(":")
        if len(paragraph) > PASTED_CHARACTERS or after_colon:
            paragraphs[i] = re.sub(r"[^\n]", "\x00", paragraph)
    return "".join(paragraphs)


def _whole_message(visible: str) -> str | None:
    """Why nothing in the message is meant as a fact, if so."""
    if not visible.replace("\x00", "").strip():
        return "nothing but code, quotations or pasted text"
    if _WORK_ON_TEXT.match(visible.lstrip()):
        return "hands over text to work on"
    if match := _PLAY.search(visible):
        return f"play, joke or example ('{match.group()}')"
    return None


def _sentences(text: str) -> list[tuple[int, int, bool]]:
    """(start, end, is a question) of each sentence, its end mark included."""
    found = []
    start = 0
    for match in _END.finditer(text):
        if match.group().startswith(".") and _ABBREVIATION.search(text[start : match.start() + 1]):
            rest = text[match.end() :].lstrip()
            followed_by_new = rest[:1].isupper() and re.search(r"[ap]\.m\.\Z", text[start : match.end()])
            if rest and not followed_by_new:
                continue
        end = match.start() if match.group().startswith("\n") else match.end()
        found.append((start, end, "?" in match.group()))
        start = match.end()
    found.append((start, len(text), False))
    trimmed = []
    for begin, end, asked in found:
        while begin < end and (text[begin].isspace() or text[begin] in "-*•–—"):
            begin += 1
        while end > begin and text[end - 1].isspace():
            end -= 1
        if begin < end:
            trimmed.append((begin, end, asked))
    return trimmed


def _clauses(text: str, start: int, end: int, asked: bool) -> list[tuple[int, int, bool]]:
    """A sentence without lead-ins and question tail, cut where two whole statements are joined by 'and'."""
    start = _after_lead_ins(text, start, end)
    if tail := _QUESTION_TAIL.search(text, start, end):
        head = text[start : tail.start()]
        if _has_verb(tokens(head)) and not _QUESTION_START.match(head) and not _CONDITION.search(head):
            end, asked = tail.start(), False
    for join in _CLAUSE_JOIN.finditer(text, start, end):
        left, right = tokens(text[start : join.start()]), tokens(text[join.end() : end])
        starts_clause = _CLAUSE_SUBJECT.match(text, join.end(), end)
        if len(left) >= 3 and len(right) >= 3 and starts_clause and _has_verb(left) and _has_verb(right):
            return [(start, join.start(), asked), *_clauses(text, join.end(), end, asked)]
    return [(start, end, asked)]


def _after_lead_ins(text: str, start: int, end: int) -> int:
    """Where the statement itself begins, behind 'Actually,', 'Please note that', 'FYI:' and their like."""
    while (match := _LEAD_IN.match(text, start, end)) and match.end() < end:
        if _NEEDS_MARK.fullmatch(match.group()):
            break
        start = match.end()
    return start


def _has_verb(words: list[Token]) -> bool:
    """Whether something behind the first word can be the verb of a statement."""
    for i, word in enumerate(words):
        key = word.text.lower().replace("’", "'")
        if key in ("i'm", "we're", "it's", "that's", "he's", "she's"):
            return True
        if i and (
            key in COPULAS or key in FINITE_VERBS or (word.text.islower() and _VERB_ENDING.match(word.text))
        ):
            return True
    return False


def _objection(clause: str, asked: bool) -> str:
    """Why a clause states no fact that can be learned; '' when it does."""
    words = tokens(clause.replace("\x00", " "))
    for wrong, reason in (
        (asked or (_QUESTION_START.match(clause) and not _CALLED_WILL.match(clause)), "a question"),
        (len(words) < 3, "too short to state a fact"),
        (len(words) > MAX_WORDS, f"longer than {MAX_WORDS} words"),
        ("\x00" in clause, "holds code or a quotation"),
        (clause.endswith(":"), "introduces something"),
        (_CONDITION.search(clause), "hypothetical"),
        (_GUESS.search(clause), "a guess or a wish"),
        (_HEARSAY.search(clause), "somebody else's words"),
        (_REQUEST.search(clause), "a request"),
        (_NEEDS_CONTEXT.match(clause), "only makes sense in its context"),
        (_SECOND_PERSON.match(clause), "about the assistant"),
        (_COMMAND.match(clause), "a command"),
        (not _has_verb(words), "no verb"),
    ):
        if wrong:
            return reason
    return ""
