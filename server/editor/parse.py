"""Strict reading of what the model wrote: one clean line, or a reason why it is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.editor.words import is_first_person, tokens


@dataclass(frozen=True, slots=True)
class Line:
    """One line of writing. With a reason it is dropped, and `text` is what the model wrote."""

    text: str
    reason: str = ""


_LABEL = re.compile(
    r"\A(?:[-*•]\s+|\d+[.)]\s+|(?:question|rewrite|rewritten|answer|a|q|sentence)(?:\s*\d+)?\s*:\s*)+", re.I
)
_ASKS_TO_TELL = re.compile(
    r"\A(?:please\s+)?(?:tell\s+me|let\s+me\s+know|i\s+(?:would\s+like|want|need)\s+to\s+know)\b", re.I
)
_ADDRESSING = re.compile(
    r"\A(?:do\s+you\s+know|can\s+you\s+(?:tell\s+me|say)|could\s+you\s+tell\s+me|i\s+would\s+like\s+to"
    r"\s+know|i\s+want\s+to\s+know)\b",
    re.I,
)
_STARTS_QUESTION = re.compile(
    r"\A(?:(?:in|on|at|for|from|by|to|since|until)\s+)?(?:who|whose|whom|what|what's|when|where|which|how)\b",
    re.I,
)
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St|No|Prof|[A-Z]|[ap]\.m)\.\Z")
_MARKUP = re.compile(r"<\|.*?\|>|</?\w+>|\*\*|__|\x00")


def line(text: str) -> str:
    """The first line that holds anything, without labels, markup and surrounding quotes."""
    first = next((part for part in text.splitlines() if part.strip()), "")
    first = " ".join(_MARKUP.sub(" ", first).split())
    first = _LABEL.sub("", first).strip()
    if len(first) > 1 and first[0] in "\"'“" and first[-1] in "\"'”":
        first = first[1:-1].strip()
    return first


def question(written: str, cut_off: bool, first_person: str) -> Line:
    """A question from the model's words (prefill included).

    `first_person` is 'I', 'we' or '': what 'you' in the question means, seen from the one who will ask it.
    `cut_off` says that the token limit ended it.
    """
    text = line(written)
    if "?" in text:
        text = text[: text.index("?") + 1]
    elif cut_off:
        return Line(text, "cut off")
    if not text:
        return Line(text, "empty")
    if _ASKS_TO_TELL.match(text):
        text = text.rstrip("?.! ") + "."
    elif _ADDRESSING.match(text) or _STARTS_QUESTION.match(text):
        text = text.rstrip("?.! ") + "?"
    else:
        return Line(text, "no question")
    if len(tokens(text)) < 4:
        return Line(text, "too short")
    return Line(_as_asker(text[:1].upper() + text[1:], first_person))


def plain(question: str) -> str:
    """'Do you know when it opens?' → 'When it opens?': small models answer the polite form with 'no'."""
    match = _ADDRESSING.match(question)
    if not match or not (rest := question[match.end() :].strip(" ?.")):
        return question
    return (rest[:1].upper() + rest[1:] if _STARTS_QUESTION.match(rest) else f"What is {rest}") + "?"


def _as_asker(text: str, first_person: str) -> str:
    """'What is your dog called?' → 'What is my dog called?' when the statement is the user's own."""
    if not first_person:
        return text
    head = match.end() if (match := _ADDRESSING.match(text)) else 0
    head = max(head, len("Tell me") if text.lower().startswith("tell me") else 0)
    body = text[head:]
    own = "my" if first_person == "I" else "our"
    body = re.sub(r"\byour\b", own, body)
    body = re.sub(r"\b(are|do|did|have|can|will)\s+you\b", lambda m: f"{m.group(1)} {first_person}", body)
    body = re.sub(r"\byou\b", first_person, body)
    return text[:head] + body.replace("are I", "am I")


def sentence(written: str, cut_off: bool) -> Line:
    """A statement from the model's words: one sentence, closed with a full stop."""
    text = line(written)
    if not text:
        return Line(text, "empty")
    if "?" in text:
        return Line(text, "a question")
    for end in re.finditer(r"[.!](?=\s+[A-Z])", text):
        if not _ABBREVIATION.search(text[: end.end()]):
            text, cut_off = text[: end.end()], False
            break
    if cut_off and not text.endswith((".", "!")):
        return Line(text, "cut off")
    text = text[:1].upper() + text[1:]
    return Line(text if text.endswith((".", "!")) else text + ".")


def speaker(statement: str) -> str:
    """'I' for a statement about the user alone, 'we' for a team's, '' for one about the world."""
    if is_first_person(statement):
        return "I"
    ours = {"we", "our", "ours", "us", "we're", "we've"}
    return "we" if any(t.text.lower().replace("’", "'") in ours for t in tokens(statement)) else ""
