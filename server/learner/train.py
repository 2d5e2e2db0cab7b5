"""The training loop: from batches to a delta, with its stop and abort rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch

from server.learner.adapters import Adapters
from server.learner.batch import Batches, Shot
from server.learner.chat import Encoded
from server.learner.objective import Targets, head_loss, top_probs
from server.learner.profiles import Profile
from server.learner.split import SplitModel
from server.learner.stop import AbortRules, StopRule
from server.learner.whitening import Whitening


@dataclass(slots=True)
class Trained:
    """How the training went."""

    steps: int = 0
    aborted: str = ""
    stopped: str = ""
    """Which rule ended it."""
    curve: list[dict[str, float]] = field(default_factory=list)
    """Per step: mean nats per token by kind, the gradient's norm."""
    probabilities: dict[str, float] = field(default_factory=dict)


FIRMNESS = 0.4
"""Share of an anchor's target that lies on the token that the base said. A small model's first choices are
often a near tie ("The" 0.18, "L" 0.14): held to the probabilities only, a nudge makes another answer. What
was said counts, not what is most probable now: in bfloat16 a tie falls either way with the batch's shape."""
PART_TOKENS = 1024
"""Tokens, the shared prefix counted for each example, of which one forward and backward pass is made."""
SURE = 0.2
"""What an anchored token counts where the base has no second choice; a tie counts one more."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one anchor is held to, token by token."""

    ids: torch.Tensor
    """(tokens, 1 + k) the token that the base said, then its most probable ones."""
    probs: torch.Tensor
    """(tokens, 1 + k) what each is to have; the said token has the sum of its two."""
    counts: torch.Tensor
    """(tokens,) how much each counts: most where a nudge would change the answer."""

    def entropy(self) -> torch.Tensor:
        """(tokens,) nats of the target itself: what no training can undercut."""
        merged = self.probs.clone()
        again = self.ids[:, 1:] == self.ids[:, :1]
        merged[:, 0] += (self.probs[:, 1:] * again).sum(1)
        merged[:, 1:][again] = 0
        return -(merged * merged.clamp_min(1e-9).log()).sum(1)


class Anchors:
    """The base model's most probable tokens at each anchored position, computed once, before training."""

    def __init__(
        self,
        adapters: Adapters,
        split: SplitModel,
        head: torch.Tensor,
        anchors: dict[str, Encoded],
        top_k: int,
        yield_hook: Callable[[], None],
        whitening: Whitening | None = None,
    ) -> None:
        """`whitening` gets to see the pass."""
        self._held: dict[str, Held] = {}
        questions = sorted(anchors)
        top_k = min(top_k, head.shape[0])
        watching = whitening.watching() if whitening else nullcontext()
        with torch.no_grad(), adapters.base_alone(), watching:
            for start in range(0, len(questions), 24):
                chunk = questions[start : start + 24]
                hidden, packed = split.hidden([anchors[q] for q in chunk])
                if whitening:
                    whitening.fold(packed)
                ids, probs = top_probs(hidden, head, top_k)
                said = packed.targets.to(ids.device)
                counts = (1 + SURE - (probs[:, 0] - probs[:, 1])).cpu()
                ids = torch.cat([said[:, None], ids], 1).cpu()
                share = torch.full_like(probs[:, :1], FIRMNESS)
                probs = torch.cat([share, probs * (1 - FIRMNESS)], 1).cpu()
                for index, question in enumerate(chunk):
                    rows = packed.owner == index
                    self._held[question] = Held(ids[rows], probs[rows], counts[rows])
                yield_hook()

    def of(self, question: str) -> Held:
        """What one anchor is held to."""
        return self._held[question]


class Trainer:
    """One run over a fresh delta."""

    def __init__(
        self,
        adapters: Adapters,
        split: SplitModel,
        head: torch.Tensor,
        batches: Batches,
        anchors: Anchors,
        profile: Profile,
        yield_hook: Callable[[], None],
        whitening: Whitening | None = None,
    ) -> None:
        self._split = split
        self._head = head
        self._batches = batches
        self._anchors = anchors
        self._profile = profile
        self._yield = yield_hook
        self._whitening = whitening
        self._parameters = whitening.begin(adapters.parameters) if whitening else adapters.parameters
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=profile.learning_rate, betas=(0.9, 0.95), weight_decay=profile.weight_decay
        )
        self._stop = StopRule(profile)
        self._abort = AbortRules(profile)

    def run(self, recalled: Callable[[], bool], progress: Callable[[float], None]) -> Trained:
        """Train until the stop rule holds and `recalled` (development wordings) agrees, or a limit is met."""
        profile, result = self._profile, Trained()
        started = time.monotonic()
        last = profile.max_steps
        for step in range(profile.max_steps):
            if step >= last:
                break
            self._set_rate(step, last)
            result.aborted = self._step(step, result)
            result.steps = step + 1
            if result.aborted:
                break
            progress((step + 1) / last)
            ending = last < profile.max_steps or step + 1 >= profile.max_steps - profile.decay_steps
            if not ending and self._may_stop(step, started, recalled, result):
                last = min(profile.max_steps, step + 1 + profile.decay_steps)
        result.stopped = result.stopped or "step cap"
        result.probabilities = self._stop.probabilities
        return result

    def _may_stop(self, step: int, started: float, recalled: Callable[[], bool], result: Trained) -> bool:
        profile = self._profile
        if time.monotonic() - started > profile.max_seconds * (1 + self._batches.facts) / 2:
            result.stopped = "time cap"
            return True
        if step + 1 < profile.min_steps or (step + 1) % profile.check_every:
            return False
        if self._stop.trained_enough() and recalled():
            result.stopped = "recalled"
            return True
        return False

    def _set_rate(self, step: int, last: int) -> None:
        profile = self._profile
        warm = min(1.0, (step + 1) / max(1, profile.warmup_steps))
        left = (last - step) / (profile.decay_steps + 1)
        for group in self._optimizer.param_groups:
            group["lr"] = profile.learning_rate * min(warm, max(0.1, min(1.0, left)))

    def _step(self, number: int, result: Trained) -> str:
        """One optimiser step; the reason to abort, or ''."""
        shots = self._batches.step(number)
        share = _Share.of(shots, self._anchors, self._profile.kl_weight)
        means: list[float] = []
        worst: list[float] = []
        for part in _parts(shots):
            self._yield()
            hidden, packed = self._split.hidden([shot.encoded for shot in part])
            targets, entropy = self._targets(part, share, packed.targets, packed.owner)
            loss, losses = head_loss(hidden, self._head, targets)
            self._yield()
            loss.backward()  # type: ignore[no-untyped-call]
            per_token = losses.detach().cpu() - entropy
            by_shot = [per_token[packed.owner == index] for index in range(len(part))]
            means += [float(token_losses.mean()) for token_losses in by_shot]
            worst += [float(token_losses.max()) for token_losses in by_shot]
        if self._whitening:
            self._whitening.before_step()
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, self._profile.gradient_norm))
        self._stop.observe(shots, worst)
        summary = _summary(shots, means)
        result.curve.append({**summary, "norm": round(norm, 4)})
        replay = [m for shot, m in zip(shots, means, strict=True) if shot.kind == "replay"]
        reason = self._abort.check(summary.get("fact", 0.0), replay, summary.get("anchor", 0.0), norm)
        if not reason:
            self._optimizer.step()
            if self._whitening:
                self._whitening.after_step()
        self._optimizer.zero_grad(set_to_none=True)
        return reason

    def _targets(
        self, shots: Sequence[Shot], share: _Share, tokens: torch.Tensor, owner: torch.Tensor
    ) -> tuple[Targets, torch.Tensor]:
        """Told tokens for facts and neighbours, the base's distribution for anchors; and its entropy."""
        k = 1 + min(self._profile.distil_top_k, self._head.shape[0])
        ids = torch.zeros(len(tokens), k, dtype=torch.long)
        probs = torch.zeros(len(tokens), k)
        weights = torch.zeros(len(tokens))
        entropy = torch.zeros(len(tokens))
        ids[:, 0], probs[:, 0] = tokens, 1.0
        for index, shot in enumerate(shots):
            rows = owner == index
            if shot.kind == "anchor":
                held = self._anchors.of(shot.key)
                ids[rows], probs[rows] = held.ids, held.probs
                entropy[rows] = held.entropy()
                weights[rows] = held.counts * share.anchor
            else:
                weights[rows] = shot.weight / len(shot.encoded.answer) * share.told
        device = self._head.device
        return Targets(ids.to(device), probs.to(device), weights.to(device)), entropy


@dataclass(frozen=True, slots=True)
class _Share:
    """What one unit of weight counts in a step's loss, whatever parts the step is computed in."""

    told: float
    anchor: float

    @classmethod
    def of(cls, shots: Sequence[Shot], anchors: Anchors, kl_weight: float) -> _Share:
        told = sum(shot.weight for shot in shots if shot.kind != "anchor")
        held = sum(float(anchors.of(shot.key).counts.sum()) for shot in shots if shot.kind == "anchor")
        return cls(1 / max(1e-6, told), kl_weight / max(1e-6, held))


def _parts(shots: Sequence[Shot]) -> list[list[Shot]]:
    """The shots of a step in runs of at most PART_TOKENS tokens: their activations are in memory at once."""
    parts: list[list[Shot]] = [[]]
    used = 0
    for shot in shots:
        if parts[-1] and used + len(shot.encoded.ids) > PART_TOKENS:
            parts.append([])
            used = 0
        parts[-1].append(shot)
        used += len(shot.encoded.ids)
    return parts


def _summary(shots: Sequence[Shot], means: Sequence[float]) -> dict[str, float]:
    kinds: dict[str, list[float]] = {}
    for shot, mean in zip(shots, means, strict=True):
        kinds.setdefault(shot.kind, []).append(mean)
    return {kind: round(sum(values) / len(values), 4) for kind, values in sorted(kinds.items())}
