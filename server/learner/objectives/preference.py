"""Prefer what the user preferred: DPO on corrections, KTO on thumbs.

A correction is a pair, and its loss -log σ(β·m) of the margin m by which the wanted answer has gained on the
rejected one since the parent (Rafailov et al. 2023, arXiv:2305.18290, eq. 7). A thumb has no counterpart: its
answer's own gain r is held against z, how much answers gain that belong to other questions: 1 - σ(β(r - z))
for a liked one, 1 - σ(β(z - r)) for a disliked one (Ethayarajh et al. 2024, arXiv:2402.01306, eq. 8, with the
same weight for both, since a step draws as many of each). Gains are of summed log-probabilities over the
parent's, computed once before the first step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn.functional import logsigmoid

from server.learner.batch import Shot
from server.learner.chat import Encoded
from server.learner.objectives.types import Target

CHOSEN, REJECTED = "chosen", "rejected"
LogProb = Callable[[Sequence[Encoded]], list[float]]
"""Summed log-probabilities, in nats, of answers as the model stands now."""


class Preferred:
    """Shots of kind `preference`. A pair's two shots share their `group`; a thumb's has none.

    Their keys end in `chosen` or `rejected`.
    """

    def __init__(
        self,
        beta: float,
        parent: Mapping[str, float],
        strangers: Mapping[str, tuple[Encoded, float]] | None = None,
        now: LogProb | None = None,
    ) -> None:
        """`parent`: by shot key, the answer's log-probability under the parent. `strangers`: by a thumb's key
        its question with another one's answer, and that answer's log-probability under the parent; `now`
        computes the same as the model stands. Both are needed where there are thumbs.
        """
        self._beta = beta
        self.weight = 1 / beta
        """The pull at the start is then the same for every β, which only says how far is far enough."""
        self._parent = dict(parent)
        self._strangers = dict(strangers or {})
        self._now = now
        self._drift = 0.0

    def begin(self, shots: Sequence[Shot]) -> float:
        """How many pairs and thumbs; takes the measure z of the step."""
        thumbs = [shot for shot in shots if not shot.group]
        if thumbs and self._now is not None:
            strange = [self._strangers[shot.key] for shot in thumbs]
            now = self._now([encoded for encoded, _ in strange])
            gains = [after - before for after, (_, before) in zip(now, strange, strict=True)]
            self._drift = max(0.0, sum(gains) / len(gains))
        return len(thumbs) + len({shot.group for shot in shots if shot.group})

    def target(self, shot: Shot) -> Target:
        """The answer's own tokens: the loss is made of their log-probability."""
        return Target.told(shot.encoded.answer)

    def loss(self, shots: Sequence[Shot], losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """Sum over pairs and thumbs. A pair must come whole."""
        margins: dict[str, torch.Tensor] = {}
        thumbs: list[torch.Tensor] = []
        for shot, own in zip(shots, losses, strict=True):
            gain = -own.sum() - self._parent[shot.key]
            sign = 1.0 if shot.key.endswith(CHOSEN) else -1.0
            if shot.group:
                margins[shot.group] = margins.get(shot.group, 0.0) + sign * gain
            else:
                thumbs.append(torch.sigmoid(-self._beta * sign * (gain - self._drift)))
        pairs = [-logsigmoid(self._beta * margin) for margin in margins.values()]
        return torch.stack(pairs + thumbs).sum()
