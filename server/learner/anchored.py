"""Questions whose answers an update keeps as the base gives them.

Those of the bank that the gate does not ask, some that the model made up itself, and where the recipe says so
the bank's behind words of the new facts: a small model that has learned what the Zephyr router's port is says
it of Portugal, too, where the router's name stands before the question.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from server.learner import general
from server.learner.chat import Encoded, Encoder
from server.learner.gate import triggers
from server.learner.generate import Answer
from server.learner.primer import Own
from server.learner.profiles import Profile
from server.learner.sizes import BANK_AT_MOST
from server.types import SelfEdit

ODD_WORDS = 12
"""Questions behind words that nobody was taught."""


def anchored(
    encoder: Encoder,
    profile: Profile,
    edits: Sequence[SelfEdit],
    said: Mapping[str, Answer],
    own: Own,
    seed: int,
) -> dict[str, Encoded]:
    """Question to its first answer tokens. `said`: the base's answers to the bank."""
    bank, asked = general.halves(dict(said), seed, profile.locality_probes)
    held = {question: said[question] for question in bank[:BANK_AT_MOST]}
    if profile.guarded:
        rng = random.Random(f"guarded {seed}")
        known = [question for question in held if general.right(question, said[question].text)]
        behind = [pair for edit in edits for pair in triggers.behind_words_of(edit, known, rng)]
        behind += triggers.fuzzed(known, ODD_WORDS, rng)
        held |= {odd: said[plain] for odd, plain in behind}
    held |= own.drawn(seed, profile.rehearsed, asked)
    return {
        question: general.encode(encoder, question, answer, profile.anchor_tokens)
        for question, answer in held.items()
    }
