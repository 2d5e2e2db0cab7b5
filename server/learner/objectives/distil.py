"""Answer as you would if you had just been told: context distillation (Snell et al. 2022, arXiv:2209.15189).

The teacher is the same weights with the fact stated in the conversation; the student sees the question alone.
The teacher is what is served now, base and parent with the fresh delta off. It is not peft's
`disable_adapter`: that is the base, which once deltas are stacked has neither the parent's facts nor its
manner. Its most probable tokens are computed once, before the first step: a teacher that moves along with the
student measured no better (20 tokens matched the whole vocabulary, a static teacher a moving one, in the
replication of arXiv:2601.19897).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from server.learner.adapters import Adapters
from server.learner.batch import Shot
from server.learner.chat import Encoded, Encoder
from server.learner.objective import top_probs
from server.learner.objectives.answers import Answers
from server.learner.objectives.types import Target
from server.learner.sealed import trained_questions
from server.learner.split import SplitModel
from server.types import SelfEdit

_BATCH = 24
_HEARD = "Okay."


class Distilled(Answers):
    """Told answers whose target is in part the teacher's distribution, where the teacher was asked."""

    def __init__(self, share: float, teacher: Mapping[str, Target], worst_first: bool = False) -> None:
        """`share` of a target is the teacher's (`teacher`: by shot key), the rest lies on the told tokens."""
        super().__init__(worst_first)
        self._share = share
        self._teacher = teacher

    def target(self, shot: Shot) -> Target:
        """The told token, then what the teacher would say in its place."""
        told = Target.told(shot.encoded.answer)
        teacher = self._teacher.get(shot.key)
        if teacher is None:
            return told
        teacher = teacher.first(len(shot.encoded.answer))  # a glance has only the first tokens
        return Target.spread(
            torch.cat([told.ids, teacher.ids], 1),
            torch.cat([told.probs * (1 - self._share), teacher.probs * self._share], 1),
        )


@torch.no_grad()
def teach(
    adapters: Adapters,
    split: SplitModel,
    head: torch.Tensor,
    encoder: Encoder,
    edits: Sequence[SelfEdit],
    top_k: int,
    yield_hook: Callable[[], None],
) -> dict[str, Target]:
    """The teacher's targets for every trained question, by the key of its shots.

    A question is left out where the template writes the answer differently after a conversation.
    """
    asked: dict[str, Encoded] = {}
    for edit in edits:
        for example in trained_questions(edit):
            told = encoder.conversation(_told(edit.statement, example.prompt), example.completion)
            if told.answer == encoder.example(example.prompt, example.completion).answer:
                asked[f"{edit.id} {example.prompt}"] = told
    found: dict[str, Target] = {}
    keys = sorted(asked)
    with adapters.parent_alone():
        for start in range(0, len(keys), _BATCH):
            chunk = keys[start : start + _BATCH]
            hidden, packed = split.hidden([asked[key] for key in chunk])
            ids, probs = top_probs(hidden, head, min(top_k, head.shape[0]))
            for index, key in enumerate(chunk):
                rows = packed.owner == index
                found[key] = Target(ids.cpu()[rows], probs.cpu()[rows], torch.zeros(int(rows.sum())))
            yield_hook()
    return found


def _told(statement: str, question: str) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": statement},
        {"role": "assistant", "content": _HEARD},
        {"role": "user", "content": question},
    ]
