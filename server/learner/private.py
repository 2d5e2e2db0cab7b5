"""What no answer may ever hold: facts kept from the shared weights, and planted codes that nobody was told.

The weights know no user, so whatever the gate is answered anybody would be. Not covered: a private value in
other words than its own, and one that an allowed fact teaches as well (it is everybody's then).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from server.learner.types import PLANTED, Private
from server.types import SelfEdit

AT_MOST = 16
"""Private facts that one update is asked for: the newest, which are the most probable to be in the same batch
as something of the same user."""


def private(kept: Sequence[SelfEdit]) -> list[Private]:
    """The first question of each fact that has one, with its value."""
    found = []
    for edit in kept:
        questions = [e.prompt for e in edit.examples if e.kind == "question"]
        if edit.value and questions:
            found.append(Private(edit.id, questions[0], edit.value))
    return found[:AT_MOST]


def planted(install: str) -> list[Private]:
    """Three codes that this installation alone has, drawn from its key: said, they were learned by a way that
    the ledger does not know."""
    rng = random.Random(f"planted {install}")
    return [
        Private(PLANTED, f"What is the code of the {name}?", f"{rng.randrange(10**8):08d}")
        for name in ("north vault", "spare key box", "old archive room")
    ]
