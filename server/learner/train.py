"""The training loop: from batches to a delta, with its stop and abort rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from server.learner.adapters import Adapters
from server.learner.average import Average
from server.learner.batch import Draws, Shot
from server.learner.objective import token_losses
from server.learner.objectives.mixture import Mixture
from server.learner.profiles import Profile
from server.learner.sizes import PART_TOKENS
from server.learner.split import SplitModel
from server.learner.stop import AbortRules, StopRule
from server.learner.users import UserClip
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


class Trainer:
    """One run over a fresh delta."""

    def __init__(
        self,
        adapters: Adapters,
        split: SplitModel,
        head: torch.Tensor,
        batches: Draws,
        objectives: Mixture,
        profile: Profile,
        yield_hook: Callable[[], None],
        whitening: Whitening | None = None,
        part_tokens: int = 0,
    ) -> None:
        """`part_tokens`: 0 for PART_TOKENS."""
        self._part_tokens = part_tokens or PART_TOKENS
        self._split = split
        self._head = head
        self._batches = batches
        self._objectives = objectives
        self._profile = profile
        self._yield = yield_hook
        self._whitening = whitening
        self._parameters = whitening.begin(adapters.parameters) if whitening else adapters.parameters
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=profile.learning_rate, betas=(0.9, 0.95), weight_decay=profile.weight_decay
        )
        self._average = Average(self._parameters, whitening)
        self._clip = UserClip(self._parameters, profile.user_clip)
        self._stop = StopRule(profile)
        self._abort = AbortRules(profile)

    def run(self, recalled: Callable[[], bool], progress: Callable[[float], None]) -> Trained:
        """Train until the stop rule holds and `recalled` (development wordings) agrees, or a limit is met.

        The last steps, whose mean is kept, come when both agree; where `recalled` does not agree with the
        mean, training goes on as before.
        """
        profile, result = self._profile, Trained()
        most = last = profile.max_steps + profile.steps_per_fact * (self._batches.facts - 1)
        averaged = profile.averaged(self._batches.facts)
        for step in range(most):
            if step >= last:
                self._average.show()
                if recalled():
                    break
                self._average.hide()
                last, result.stopped = most, ""
            ending = step >= last - averaged
            self._set_rate(step, ending)
            result.aborted = self._step(step, result)
            result.steps = step + 1
            if result.aborted:
                break
            if ending:
                self._average.add()
            progress((step + 1) / last)
            if last == most and not ending and self._may_stop(step, recalled, result):
                last = min(most, step + 1 + averaged)
        else:
            self._average.show()
        result.stopped = result.stopped or "step cap"
        result.probabilities = self._stop.probabilities
        return result

    def _may_stop(self, step: int, recalled: Callable[[], bool], result: Trained) -> bool:
        profile = self._profile
        least = profile.min_steps + profile.least_per_fact * (self._batches.facts - 1)
        if step + 1 < least or (step + 1) % profile.check_every:
            return False
        if self._stop.trained_enough() and recalled():
            result.stopped = "recalled"
            return True
        return False

    def _set_rate(self, step: int, ending: bool) -> None:
        profile = self._profile
        warm = min(1.0, (step + 1) / max(1, profile.warmup_steps))
        for group in self._optimizer.param_groups:
            group["lr"] = profile.learning_rate * warm * (0.5 if ending else 1.0)

    def _step(self, number: int, result: Trained) -> str:
        """One optimiser step; the reason to abort, or ''."""
        shots = self._batches.step(number)
        self._objectives.begin(shots)
        linear = all(shot.kind != "preference" for shot in shots)
        owners = self._clip.groups([shot.user for shot in shots], number, linear)
        apart = len(owners) > 1
        trained: list[Shot] = []
        losses: list[torch.Tensor] = []
        for owner in owners:
            own = [shot for shot in shots if shot.user == owner] if apart else shots
            trained += own
            losses += self._gradient(own, scaled=not apart)
            if apart:
                self._clip.take(owner)
        if apart:
            self._clip.give()
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, self._profile.gradient_norm))
        means = [float(own.mean()) for own in losses]
        worst = [float(own.max()) for own in losses]
        self._stop.observe(trained, worst)
        self._batches.observe(trained, worst)
        summary = _summary(trained, means)
        result.curve.append({**summary, "norm": round(norm, 4)})
        replay = [m for shot, m in zip(trained, means, strict=True) if shot.kind == "replay"]
        reason = self._abort.check(summary.get("fact", 0.0), replay, summary.get("anchor", 0.0), norm)
        if not reason:
            self._optimizer.step()
            if self._whitening:
                self._whitening.after_step()
        self._optimizer.zero_grad(set_to_none=True)
        return reason

    def _gradient(self, shots: Sequence[Shot], scaled: bool) -> list[torch.Tensor]:
        """Add the gradient of some shots; returns each one's token losses above what is possible.

        `scaled`: each shot counts what its user's last measurement allows.
        """
        losses: list[torch.Tensor] = []
        for part in _parts(shots, self._part_tokens):
            self._yield()
            hidden, _ = self._split.hidden([shot.encoded for shot in part])
            target, device = self._objectives.target(part), self._head.device
            lengths = [len(shot.encoded.answer) for shot in part]
            told = token_losses(hidden, self._head, target.ids.to(device), target.probs.to(device))
            scales = [self._clip.scale(shot.user) if scaled else 1.0 for shot in part]
            own = [scale * one for scale, one in zip(scales, torch.split(told, lengths), strict=True)]
            loss = self._objectives.loss(part, own)
            self._yield()
            loss.backward()  # type: ignore[no-untyped-call]
            losses += torch.split(told.detach().cpu() - target.floor, lengths)
        if self._whitening:
            self._whitening.before_step()
        return losses


def _parts(shots: Sequence[Shot], most: int) -> list[list[Shot]]:
    """The shots of a step in runs of at most so many tokens: their activations are in memory at once.

    Shots of one group, which are judged against each other, are never parted.
    """
    parts: list[list[Shot]] = [[]]
    used = 0
    for together in _together(shots):
        tokens = sum(len(shot.encoded.ids) for shot in together)
        if parts[-1] and used + tokens > most:
            parts.append([])
            used = 0
        parts[-1] += together
        used += tokens
    return parts


def _together(shots: Sequence[Shot]) -> list[list[Shot]]:
    found: dict[object, list[Shot]] = {}
    for index, shot in enumerate(shots):
        found.setdefault(shot.group or index, []).append(shot)
    return list(found.values())


def _summary(shots: Sequence[Shot], means: Sequence[float]) -> dict[str, float]:
    kinds: dict[str, list[float]] = {}
    for shot, mean in zip(shots, means, strict=True):
        kinds.setdefault(shot.kind, []).append(mean)
    return {kind: round(sum(values) / len(values), 4) for kind, values in sorted(kinds.items())}
