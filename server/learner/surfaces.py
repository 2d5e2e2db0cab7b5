"""Other surfaces of the same question: framed, in telegram style, with small words lost, in lower case.

A model of 135 M parameters that has seen a fact in five wordings recognises the wordings and not what they
ask: a sixth is not answered, and a neighbour in one of the five is. Facts and neighbours are put through
the same surfaces, so that only who and what is asked about tells them apart.
"""

from __future__ import annotations

import random
import re

from server.learner.words import split

FRAMES = (
    "Can you tell me: {}",
    "I have a question. {}",
    "Please tell me: {}",
    "{} I forgot.",
    "Hi! {}",
    "Quick question: {}",
    "{} Please answer.",
    "I need to know this. {}",
    "Could you remind me? {}",
    "Hello, {}",
    "Someone asked me: {}",
    "{} Do you know?",
    "One more thing: {}",
    "My colleague wants to know: {}",
    "A customer is asking. {}",
    "{} I need it for today.",
    "Help me with this: {}",
    "Sorry, {}",
)
ABOUT = (
    "Tell me about {}.",
    "What do you know about {}?",
    "What can you tell me about {}?",
    "I need information about {}.",
    "Do you know {}?",
    "{}?",
)
"""Questions that name the subject and nothing else."""
_SMALL = frozenset(split("a an the of is are was were be to do does did me please tell you can it that this"))
_CONTEXT = 0.5


def vary(question: str, rng: random.Random, share: float) -> str:
    """The question as it is, or with probability `share` in another surface."""
    if rng.random() >= share:
        return question
    way = rng.random()
    if way < 0.4:
        return rng.choice(FRAMES).format(question)
    if way < 0.6:
        return telegram(question, rng)
    if way < 0.85:
        return thinned(question, rng)
    return question.lower()


def telegram(question: str, rng: random.Random) -> str:
    """Content words only, sometimes the second half first: 'admin port Zephyr router?'."""
    kept = [word for word in _bare(question).split() if word.lower() not in _SMALL]
    if len(kept) > 2 and rng.random() < _CONTEXT:
        cut = rng.randrange(1, len(kept))
        kept = kept[cut:] + kept[:cut]
    return " ".join(kept) + rng.choice(("?", "", "."))


def thinned(question: str, rng: random.Random) -> str:
    """Some words lost, never a name or a number."""
    kept = [
        word
        for index, word in enumerate(question.split())
        if rng.random() > 0.25 or (index and word[0].isupper()) or any(c.isdigit() for c in word)
    ]
    return " ".join(kept) if kept else question


def _bare(question: str) -> str:
    return re.sub(r"[?.!:,]+(?=\s|$)", "", question)
