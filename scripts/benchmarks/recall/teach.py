"""Teaching by chat: groups of facts are told by users of their own, each group in one update."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scripts.benchmarks.common import Server, all_shown, settled, written
from scripts.benchmarks.recall.material import Taught
from scripts.benchmarks.recall.progress import Progress

AT_ONCE = (
    "--learning.batch-window-seconds=0",
    "--rollout.promote-after-seconds=0",
    "--rollout.poll-seconds=0.1",
)
"""Settings with which a fact's way to everybody takes no longer than its training: no canary is watched."""


def groups(facts: int, per_update: int, later: int) -> list[list[int]]:
    """Numbers of the facts told together: the first `facts` in groups, then `later` of one each."""
    first = [list(range(at, min(at + per_update, facts))) for at in range(0, facts, per_update)]
    return [*first, *([facts + n] for n in range(later))]


def teach(
    server: Server, facts: Sequence[Taught], group: Sequence[int], progress: Progress, seconds: float
) -> None:
    """Tell the group's facts and wait until what was learned of them is stable. Raises TimeoutError.

    The learner pauses until the editor has written them all, so that they are trained together.
    """
    begin = time.monotonic()
    server.post("/v1/learner/pause")
    for index in group:
        if str(index) not in progress.turns:
            user = f"teller-{index}-{progress.starts}"
            progress.turns[str(index)] = server.tell(facts[index].sentence, user)
            progress.save()
    turns = [progress.turns[str(index)] for index in group]
    server.wait_for("writing the self-edits", lambda: written(server, turns), seconds)
    server.post("/v1/learner/resume")
    server.wait_for("the end of learning", lambda: settled(server, turns), seconds)
    server.wait_for("the learned version on stable", lambda: all_shown(server), seconds)
    took = round(time.monotonic() - begin, 1)
    progress.groups.append({"facts": list(group), "seconds": took})
    progress.save()
    states = Counter(state for _, state, _ in fates(server, facts, progress.turns, group))
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    progress.say(f"facts {group[0] + 1}-{group[-1] + 1}: {told}; {took:.0f} s")


def fates(
    server: Server, facts: Sequence[Taught], turns: dict[str, str], group: Sequence[int]
) -> list[tuple[str, str, str]]:
    """(sentence, learned | memory only | not learned | …, the server's words) for each told fact."""
    found = []
    for index in group:
        turn = server.get(f"/v1/turns/{turns[str(index)]}")
        found.append((facts[index].sentence, _fate(turn), str(turn["state"])))
    return found


def _fate(turn: dict[str, Any]) -> str:
    states = {edit["state"] for edit in turn["self_edits"]}
    if "trained" in states:
        return "learned"
    return next(iter(sorted(states)), "no self-edit").replace("_", " ")


def update_counts(server: Server) -> dict[str, int]:
    """Runs of the learner by what they were for and how they ended; in `learn` also those of one fact."""
    updates = server.get("/v1/learner?limit=1000")["updates"]
    return dict(Counter(f"{update.get('kind', 'learn')} {update['state']}" for update in updates))


def trained_questions(server: Server, turn: str) -> list[str]:
    """Every question that the self-edits of a turn hold, those that are trained first."""
    examples = [
        example
        for edit in server.get(f"/v1/turns/{turn}")["self_edits"]
        for example in edit["examples"]
        if example["prompt"] and example["kind"] == "question"
    ]
    return [example["prompt"] for example in sorted(examples, key=lambda example: example["held_out"])]
