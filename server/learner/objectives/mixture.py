"""All objectives of an update together: which one each kind of shot is for, and a step's loss in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from server.learner.batch import Kind, Shot
from server.learner.objectives.types import Objective, Target


class Mixture:
    """One objective for each kind of shot; the same object may serve several kinds."""

    def __init__(self, by_kind: Mapping[Kind, Objective]) -> None:
        self._by_kind = dict(by_kind)
        self._share: dict[int, float] = {}

    def begin(self, shots: Sequence[Shot]) -> None:
        """Take the measure of a whole step: what a unit of each objective counts in it."""
        self._share = {
            id(objective): objective.weight / max(1e-6, objective.begin(its))
            for objective, its in self._sorted(shots)
        }

    def target(self, shots: Sequence[Shot]) -> Target:
        """What the answer tokens of these shots should be, one shot after another, on the processor."""
        targets = [self._by_kind[shot.kind].target(shot) for shot in shots]
        width = max(target.ids.shape[1] for target in targets)
        pad = torch.nn.functional.pad
        return Target(
            torch.cat([pad(t.ids, (0, width - t.ids.shape[1])) for t in targets]),
            torch.cat([pad(t.probs, (0, width - t.probs.shape[1])) for t in targets]),
            torch.cat([t.floor for t in targets]),
        )

    def loss(self, shots: Sequence[Shot], losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """What these shots add to the step's loss, from the token losses of each."""
        by_shot = {id(shot): own for shot, own in zip(shots, losses, strict=True)}
        return torch.stack(
            [
                self._share[id(objective)] * objective.loss(its, [by_shot[id(shot)] for shot in its])
                for objective, its in self._sorted(shots)
            ]
        ).sum()

    def _sorted(self, shots: Sequence[Shot]) -> list[tuple[Objective, list[Shot]]]:
        """Each objective with its shots, in order."""
        found: dict[int, tuple[Objective, list[Shot]]] = {}
        for shot in shots:
            objective = self._by_kind[shot.kind]
            found.setdefault(id(objective), (objective, []))[1].append(shot)
        return list(found.values())
