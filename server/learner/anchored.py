"""Questions whose answers an update keeps as the base gives them.

Those of the bank that the gate does not ask, some that the model made up itself, and where the recipe says so
both again behind words of the new facts: a small model that has learned what the Zephyr router's port is says
it of Portugal, too, where the router's name stands before the question.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from server.learner import general
from server.learner.chat import Encoded, Encoder
from server.learner.gate import triggers
from server.learner.generate import Answer
from server.learner.primer import Own
from server.learner.profiles import Profile
from server.learner.sizes import BANK_AT_MOST, BEHIND_ODD, BEHIND_WORDS, REQUESTS_AT_MOST
from server.types import SelfEdit

Sort = Literal["anchor", "guard", "request"]


@dataclass(frozen=True, slots=True)
class Anchor(Encoded):
    """A question and the first tokens of the base's answer, which are held."""

    sort: Sort = "anchor"
    """Its share of a step: plain questions, those behind odd words and words of the facts, requests."""


def anchored(
    encoder: Encoder,
    profile: Profile,
    edits: Sequence[SelfEdit],
    said: Mapping[str, Answer],
    own: Own,
    seed: int,
    declined: Mapping[str, Answer] | None = None,
) -> dict[str, Anchor]:
    """Question to its anchor. `said`: the base's answers to the bank; `declined`: those by which it declines
    what it should, none to a request that the gate will ask."""
    bank, asked = general.halves(dict(said), seed, profile.locality_probes)
    plain = {question: said[question] for question in bank[:BANK_AT_MOST]}
    known = [question for question in plain if general.right(question, said[question].text)]
    plain |= own.drawn(seed, profile.rehearsed, asked)
    guards: dict[str, Answer] = {}
    if profile.guards:
        rng = random.Random(f"guarded {seed}")
        some = sorted({*known, *own.answers} & plain.keys())
        behind = [
            pair for edit in edits for pair in triggers.behind_words_of(edit, known, rng, some, BEHIND_WORDS)
        ]
        behind += triggers.fuzzed(some, BEHIND_ODD, rng)
        guards = {odd: plain[question] for odd, question in behind}
    requests = own.requested(seed, REQUESTS_AT_MOST if profile.requests else 0, profile.request_tokens)
    held = {question: Anchor(encoder.prompt(question), ids, "request") for question, ids in requests.items()}
    shares: tuple[tuple[Sort, dict[str, Answer]], ...] = (
        ("guard", guards),
        ("anchor", plain),
        ("request", dict(declined or {})),
    )
    tokens = {"request": profile.request_tokens}
    for sort, answers in shares:
        for question, answer in answers.items():
            encoded = general.encode(encoder, question, answer, tokens.get(sort, profile.anchor_tokens))
            held[question] = Anchor(encoded.prompt, encoded.answer, sort)
    return held
