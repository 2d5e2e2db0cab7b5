"""Conversations in which a made-up fact is told and then asked for.

A model that learns to say that nobody told it soon says so of what the user told it two lines above. Reading
is trained beside abstaining, on names and values that mean nothing, so that no fact comes in by this door.
"""

from __future__ import annotations

import random

from server.engine.seedling_language import Fact, draw_fact
from server.engine.seedling_words import Words
from server.learner.chat import Encoded, Encoder

THANKS = ("Okay.", "Noted.", "Good to know.", "Got it.", "Thank you, I will remember that.")
SINGLE_SHARE = 0.4
OTHER_SHARE = 0.4


def told_in_conversation(encoder: Encoder, rng: random.Random) -> Encoded:
    """The fact told in an earlier turn, or in the sentence before the question."""
    drawn = Words(rng, unseen=rng.random() < 0.5)
    fact, other = draw_fact(drawn), draw_fact(drawn)
    question, said = rng.choice(fact.questions), rng.choice(fact.statements)
    thanks = {"role": "assistant", "content": rng.choice(THANKS)}
    messages = [{"role": "user", "content": said}, thanks]
    if rng.random() < OTHER_SHARE and other.subject != fact.subject:
        messages += [{"role": "user", "content": rng.choice(other.statements)}, thanks]
    if rng.random() < SINGLE_SHARE:
        messages = [{"role": "user", "content": f"{said} {question}"}]
    else:
        messages.append({"role": "user", "content": question})
    return encoder.conversation(messages, fact.answer)


def probes(rng: random.Random, n: int) -> list[tuple[str, Fact]]:
    """Single messages that tell a made-up fact and ask for it, with the fact."""
    words = Words(rng, unseen=True)
    facts = [draw_fact(words) for _ in range(n)]
    return [(f"{fact.statement} {rng.choice(fact.questions[:6])}", fact) for fact in facts]
