"""When training has done enough, and when it must be given up."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence

from server.learner.batch import Shot
from server.learner.profiles import Profile

_MEDIAN_OF = 20
_RUNAWAY = 10.0
_IN_A_ROW = 3
"""Steps that a loss, a norm or the anchors must be out of bounds: one hard example does no harm."""
_REPLAY_WINDOW = 8


class StopRule:
    """Watches the answers that pass through training: each is held when all its tokens are probable enough.

    A token is said by greedy decoding when its probability is above one half, so a loss says nothing here and
    the smallest probability everything.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._facts: dict[str, float] = {}
        self._neighbours: deque[bool] = deque(maxlen=24)
        self.probabilities: dict[str, float] = {}
        """Smallest token probability of every wording when it was last trained."""

    def observe(self, shots: Sequence[Shot], worst_loss: Sequence[float]) -> None:
        """`worst_loss` is the largest token loss of each shot, in nats."""
        for shot, loss in zip(shots, worst_loss, strict=True):
            probability = math.exp(-loss)
            if shot.kind == "fact":
                self._facts[shot.key] = probability
                self.probabilities[shot.key] = round(probability, 4)
            elif shot.kind == "neighbour" and not shot.again:
                self._neighbours.append(probability >= 0.5)

    def trained_enough(self) -> bool:
        """Whether enough of the new wordings are held, and of the neighbours that came by lately."""
        held = [p >= self._profile.stop_probability for p in self._facts.values()]
        near = list(self._neighbours) or [True]
        share = self._profile.stop_share
        return bool(held) and sum(held) >= share * len(held) and sum(near) >= share * len(near)


class AbortRules:
    """Reasons to discard the delta and keep the parent. `check` gives the reason, or ''."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._start: float | None = None
        self._bad_steps = 0
        self._wild_steps = 0
        self._far_steps = 0
        self._norms: deque[float] = deque(maxlen=_MEDIAN_OF)
        self._replay_start: list[float] = []
        self._replay: deque[float] = deque(maxlen=_REPLAY_WINDOW)

    def check(self, fact_loss: float, replay_losses: Sequence[float], anchor_kl: float, norm: float) -> str:
        """One step's numbers: mean nats per token of new facts and of each past one, KL, gradient norm."""
        if not math.isfinite(fact_loss) or not math.isfinite(norm) or not math.isfinite(anchor_kl):
            return f"non-finite numbers: loss {fact_loss}, gradient norm {norm}, anchor KL {anchor_kl}"
        return (
            self._loss_doubled(fact_loss)
            or self._norm_ran_away(norm)
            or self._anchors_moved(anchor_kl)
            or self._replay_rose(replay_losses)
        )

    def _loss_doubled(self, loss: float) -> str:
        self._start = loss if self._start is None else self._start
        self._bad_steps = self._bad_steps + 1 if loss > 2 * self._start + 0.5 else 0
        return (
            f"the loss of the new facts doubled, {self._start:.2f} to {loss:.2f}"
            if self._bad_steps >= _IN_A_ROW
            else ""
        )

    def _norm_ran_away(self, norm: float) -> str:
        median = statistics.median(self._norms) if len(self._norms) >= 5 else None
        self._norms.append(norm)
        wild = median is not None and norm > _RUNAWAY * max(median, 0.5)
        self._wild_steps = self._wild_steps + 1 if wild else 0
        if self._wild_steps >= _IN_A_ROW:
            return f"the gradient's norm ran away, {norm:.1f} against a median of {median:.2f}"
        return ""

    def _anchors_moved(self, anchor_kl: float) -> str:
        """Anchors that moved most are drawn most: a step past the cap may be a hard draw."""
        cap = 2 * self._profile.kl_cap_nats
        self._far_steps = self._far_steps + 1 if anchor_kl > cap else 0
        if self._far_steps >= _IN_A_ROW:
            return f"general answers moved by {anchor_kl:.3f} nats a token, more than {cap:.3f}"
        return ""

    def _replay_rose(self, losses: Sequence[float]) -> str:
        if not losses:
            return ""
        if len(self._replay_start) < _REPLAY_WINDOW:
            self._replay_start += losses
            return ""
        self._replay.extend(losses)
        start, now = statistics.mean(self._replay_start), statistics.mean(self._replay)
        if len(self._replay) == _REPLAY_WINDOW and now > 2 * start + 1.0:
            return f"past facts are being lost: {start:.2f} to {now:.2f} nats a token"
        return ""
