"""Preferences in an update: their tokens, their place in a step, and whether they took."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from server.learner.batch import Batches, Shot
from server.learner.chat import Encoded, Encoder
from server.learner.errors import ExampleTooLong
from server.learner.objective import token_losses
from server.learner.objectives.preference import CHOSEN, REJECTED, Preferred
from server.learner.profiles import Profile
from server.learner.split import SplitModel
from server.learner.types import CheckCount, GateReport, Preference
from server.types import Message

GROWN_SHARE = 0.8
"""Of the preferences, how many must be stronger than with the parent."""
_AT_ONCE = 8


def log_probs(split: SplitModel, head: torch.Tensor, examples: Sequence[Encoded]) -> list[float]:
    """Each answer's summed log-probability in nats, as the model stands."""
    found: list[float] = []
    with torch.no_grad():
        for start in range(0, len(examples), _AT_ONCE):
            some = examples[start : start + _AT_ONCE]
            hidden, packed = split.hidden(some)
            ids = packed.targets.to(head.device)[:, None]
            losses = token_losses(hidden, head, ids, torch.ones(ids.shape, device=head.device)).cpu()
            found += [-float(losses[packed.owner == index].sum()) for index in range(len(some))]
    return found


@dataclass(frozen=True, slots=True)
class _Side:
    """One answer of a preference, as a shot, and its log-probability under the parent."""

    shot: Shot
    parent: float


class Preferences:
    """What users preferred, encoded, with the parent's log-probabilities. Made while it acts alone."""

    def __init__(
        self,
        wanted: Sequence[Preference],
        encoder: Encoder,
        log_prob: Callable[[Sequence[Encoded]], list[float]],
    ) -> None:
        """Raises ExampleTooLong."""
        self._log_prob = log_prob
        shots = [shot for preference in wanted for shot in shots_of(preference, encoder)]
        parent = log_prob([shot.encoded for shot in shots])
        self._sides = [_Side(shot, before) for shot, before in zip(shots, parent, strict=True)]
        thumbs = [shot for shot in shots if not shot.group]
        strange = [
            Encoded(shot.encoded.prompt, other.encoded.answer)
            for shot, other in zip(thumbs, thumbs[1:] + thumbs[:1], strict=True)
        ]
        known = zip(strange, log_prob(strange), strict=True)
        self._strangers = dict(zip((shot.key for shot in thumbs), known, strict=True))

    def __len__(self) -> int:
        return len({side.shot.key.rpartition(" ")[0] for side in self._sides})

    def objective(self, beta: float) -> Preferred:
        """The loss on them."""
        parent = {side.shot.key: side.parent for side in self._sides}
        return Preferred(beta, parent, self._strangers, self._log_prob)

    def pairs(self) -> list[list[Shot]]:
        """The two shots of each correction."""
        found: dict[str, list[Shot]] = {}
        for side in self._sides:
            if side.shot.group:
                found.setdefault(side.shot.group, []).append(side.shot)
        return list(found.values())

    def thumbs(self, kind: str) -> list[Shot]:
        """The shots of the liked (`chosen`) or disliked (`rejected`) answers."""
        shots = [side.shot for side in self._sides]
        return [shot for shot in shots if not shot.group and shot.key.endswith(kind)]

    def stronger(self) -> tuple[str, ...]:
        """Ids of those that the model, as it stands now, holds more firmly than the parent did."""
        now = self._log_prob([side.shot.encoded for side in self._sides])
        gains: dict[str, float] = {}
        for side, after in zip(self._sides, now, strict=True):
            name, _, kind = side.shot.key.rpartition(" ")
            gain = after - side.parent
            gains[name] = gains.get(name, 0.0) + (gain if kind == CHOSEN else -gain)
        return tuple(name for name, gain in gains.items() if gain > 0)


class PreferenceBatches:
    """Steps of past facts, reading and anchors as always, with some preferences in each."""

    def __init__(self, batches: Batches, preferences: Preferences, profile: Profile, seed: int) -> None:
        self._batches = batches
        self._profile = profile
        self._rng = random.Random(f"preferences {seed}")
        self._pairs = preferences.pairs()
        self._liked = [[shot] for shot in preferences.thumbs(CHOSEN)]
        self._disliked = [[shot] for shot in preferences.thumbs(REJECTED)]

    @property
    def facts(self) -> int:
        """All preferences count as one fact for the limits of steps and time."""
        return 1

    def step(self, number: int) -> list[Shot]:
        """The shots of one step: so many pairs, and as many liked as disliked answers."""
        drawn: list[Shot] = []
        for some in (self._pairs, self._liked, self._disliked):
            for shots in self._rng.sample(some, min(self._profile.preferences, len(some))):
                drawn += shots
        return drawn + self._batches.step(number)

    def observe(self, shots: Sequence[Shot], worst_loss: Sequence[float]) -> None:
        """How the step went."""
        self._batches.observe(shots, worst_loss)


def examined(report: GateReport, stronger: Sequence[str], asked: int) -> GateReport:
    """The gate's report with its line on preferences: it refuses what did not take."""
    needed = max(1, math.ceil(GROWN_SHARE * asked))
    detail = "held more firmly than by the parent, of those trained"
    line = CheckCount(len(stronger), asked, needed, len(stronger) >= needed, detail)
    checks = {"preference": line, **{k: v for k, v in report.checks.items() if k != "acquisition"}}
    reason = report.reason
    if not line.ok:
        ours = f"preference {line.passed} of {line.asked}, {line.needed} needed"
        reason = ours if report.accepted else f"{ours}; {reason}"
    learned = (*report.edits_learned, *stronger)
    return replace(
        report, accepted=report.accepted and line.ok, reason=reason, checks=checks, edits_learned=learned
    )


def shots_of(preference: Preference, encoder: Encoder) -> list[Shot]:
    """One shot for each answer that was judged. Raises ExampleTooLong."""
    texts = {CHOSEN: preference.chosen, REJECTED: preference.rejected}
    said = {kind: text for kind, text in texts.items() if text}
    group = preference.id if len(said) == 2 else ""
    return [
        Shot(
            "preference",
            _encode(preference.messages, text, encoder),
            1.0,
            f"{preference.id} {kind}",
            preference.user,
            group,
        )
        for kind, text in said.items()
    ]


def _encode(messages: Sequence[Message], answer: str, encoder: Encoder) -> Encoded:
    """The conversation and the answer. Rows share the template's own beginning (server.learner.pack), so a
    conversation under another system message is trained without it. Raises ExampleTooLong."""
    said = [{"role": m.role, "content": m.content} for m in messages]
    encoded = encoder.conversation(said, answer)
    if encoded.prompt[: len(encoder.prefix)] != encoder.prefix:
        encoded = encoder.conversation([m for m in said if m["role"] != "system"], answer)
    if len(encoded.ids) > encoder.max_model_len:
        raise ExampleTooLong(
            f"an answer that was judged has {len(encoded.ids)} tokens with its conversation and the context "
            f"of the model is {encoder.max_model_len}: {answer[:60]!r}"
        )
    return encoded
