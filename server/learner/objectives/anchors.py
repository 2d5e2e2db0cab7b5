"""Stay as you were: general answers are held to the base model's own, by the Kullback-Leibler divergence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from server.learner.adapters import Adapters
from server.learner.batch import Shot
from server.learner.chat import Encoded
from server.learner.objective import token_losses, top_probs
from server.learner.objectives.types import Target
from server.learner.split import SplitModel
from server.learner.whitening import Whitening

SURE = 0.2
"""What an anchored token counts where the base has no second choice; a tie counts one more."""
_BATCH = 24


@dataclass(frozen=True, slots=True)
class Held:
    """What one anchor is held to, token by token."""

    target: Target
    """The token that the base said, then its most probable ones."""
    counts: torch.Tensor
    """(tokens,) how much each counts: most where a nudge would change the answer."""


class Anchors:
    """The base model's most probable tokens at each anchored position, computed once, before training."""

    def __init__(
        self,
        adapters: Adapters,
        split: SplitModel,
        head: torch.Tensor,
        anchors: Mapping[str, Encoded],
        top_k: int,
        yield_hook: Callable[[], None],
        whitening: Whitening | None = None,
        weight: float = 1.0,
        firmness: float = 0.4,
    ) -> None:
        """`whitening` gets to see the pass; `weight` is what a nat counts beside the answers'.

        `firmness`: the share of a target that lies on the token that the base said. A small model's first
        choices are often a near tie ("The" 0.18, "L" 0.14), and held to the probabilities alone a nudge makes
        another answer. But a token that is said more firmly than by the base has moved, too, and with it
        answers that no anchor is near. What was said counts, not what is most probable now: in bfloat16 a
        tie falls either way with the batch's shape.
        """
        self.weight = weight
        self._held: dict[str, Held] = {}
        self._anchors, self._split, self._head, self._yield = anchors, split, head, yield_hook
        questions = sorted(anchors)
        top_k = min(top_k, head.shape[0])
        watching = whitening.watching() if whitening else nullcontext()
        with torch.no_grad(), adapters.base_alone(), watching:
            for start in range(0, len(questions), _BATCH):
                chunk = questions[start : start + _BATCH]
                hidden, packed = split.hidden([anchors[q] for q in chunk])
                if whitening:
                    whitening.fold(packed)
                ids, probs = top_probs(hidden, head, top_k)
                said = packed.targets.to(ids.device)
                counts = (1 + SURE - (probs[:, 0] - probs[:, 1])).cpu()
                ids = torch.cat([said[:, None], ids], 1).cpu()
                share = torch.full_like(probs[:, :1], firmness)
                probs = torch.cat([share, probs * (1 - firmness)], 1).cpu()
                for index, question in enumerate(chunk):
                    rows = packed.owner == index
                    self._held[question] = Held(Target.spread(ids[rows], probs[rows]), counts[rows])
                yield_hook()

    def of(self, question: str) -> Held:
        """What one anchor is held to."""
        return self._held[question]

    @torch.no_grad()
    def moved(self) -> dict[str, float]:
        """How far each anchor is from the base with the adapters that are active now: the largest loss of its
        tokens above what is possible, in nats."""
        found: dict[str, float] = {}
        questions = sorted(self._anchors)
        for start in range(0, len(questions), _BATCH):
            chunk = questions[start : start + _BATCH]
            hidden, packed = self._split.hidden([self._anchors[q] for q in chunk])
            targets = [self.of(question).target for question in chunk]
            ids = torch.cat([target.ids for target in targets]).to(hidden.device)
            probs = torch.cat([target.probs for target in targets]).to(hidden.device)
            losses = token_losses(hidden, self._head, ids, probs).cpu()
            above = losses - torch.cat([target.floor for target in targets])
            found |= {q: float(above[packed.owner == n].max()) for n, q in enumerate(chunk)}
            self._yield()
        return found

    def begin(self, shots: Sequence[Shot]) -> float:
        """Sum of what the tokens count."""
        return sum(float(self.of(shot.key).counts.sum()) for shot in shots)

    def target(self, shot: Shot) -> Target:
        """The base's own distribution, firm on what it said."""
        return self.of(shot.key).target

    def loss(self, shots: Sequence[Shot], losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """Sum over the tokens, near ties most."""
        counted = [(self.of(s.key).counts.to(x) * x).sum() for s, x in zip(shots, losses, strict=True)]
        return torch.stack(counted).sum()
