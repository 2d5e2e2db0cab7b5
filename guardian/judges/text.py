"""Untrusted text as a judge is shown it: on one line, without anything that could end its own message.

Chat templates of judges mark turns by control tokens, by tags such as <END CONVERSATION>, or by a word at the
start of a line ('Agent:'). So control tokens are taken out, angle brackets become ‹ and ›, and all white
space, line ends too, becomes single blanks.
Not covered: text that argues with the judge in plain words. That is why a judge settles only what is
undecided.
"""

from __future__ import annotations

import hashlib

from guardian.checks.canonical import without_markup
from guardian.judges.types import Case
from guardian.types import Candidate, Source, Topic
from guardian.unicode import canonical

_BRACKETS = str.maketrans("<>", "‹›")
NOTHING_ASKED = "(nothing was asked)"


def shown(text: str) -> str:
    """`text` as a judge may see it."""
    plain = without_markup(canonical(text).text).translate(_BRACKETS)
    printable = "".join(c if c.isprintable() else " " for c in plain)
    return " ".join(printable.split())


def case_of(candidate: Candidate, source: Source, topic: Topic) -> Case:
    """What of an example is shown when a judge is asked about `topic`: the user's message only for grounding,
    verified facts only for contradiction."""
    return Case(
        topic,
        shown(candidate.prompt) or NOTHING_ASKED,
        shown(candidate.completion),
        shown(source.text) if topic == "grounding" else "",
        tuple(shown(fact.text) for fact in source.known.verified) if topic == "contradiction" else (),
    )


def marker_for(text: str) -> str:
    """A line that delimits `text`. It holds the text's hash, and no text can hold its own hash."""
    return f"=== {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:24]} ==="
