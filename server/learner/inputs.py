"""What an update is given: the version it builds on, its facts and feedback, as the ledger has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from adapter_store import Store, Version
from server.learner.private import planted, private
from server.learner.record import LearnerOptions
from server.learner.types import Population, Preference, UpdateInput
from server.ledger import Ledger
from server.types import BASE_VERSION, SelfEdit, VersionRow


def seed(chosen: int, attempt: int, edits: Sequence[SelfEdit]) -> int:
    """Other draws for all that is learned and for every try, the same for the same statements.

    With one seed for all updates the gate asks the same questions each time, and what no anchor was drawn for
    is held by none of them: it wears away.
    """
    told = json.dumps([chosen, attempt, *sorted(edit.statement for edit in edits)])
    return int.from_bytes(sha256(told.encode()).digest()[:4]) >> 1


class Inputs:
    """Reads the ledger and composes parents; changes neither."""

    def __init__(self, ledger: Ledger, store: Store, options: LearnerOptions) -> None:
        self._ledger = ledger
        self._store = store
        self._options = options

    def head(self) -> VersionRow:
        """The version that the next delta is trained on: the newest that waits to be shown after the canary,
        or after stable where no canary lives. Trained on less, it could never follow what is shown before it.
        """
        refs = self._ledger.refs()
        name = refs.canary or refs.stable
        for version in self._ledger.versions_waiting():
            if version.parent == name:
                name = version.name
        if name == BASE_VERSION:
            return VersionRow(BASE_VERSION, "", (), "", 0.0)
        return self._ledger.version(name)

    def on(
        self, parent: VersionRow, edits: Sequence[SelfEdit], past: Sequence[SelfEdit], attempt: int = 0
    ) -> UpdateInput:
        """An update of these edits on this parent; `attempt`: how often it was tried before."""
        return UpdateInput(
            model_dir=self._options.model_dir,
            parent_dir=self._parent_dir(parent),
            edits=tuple(edit for edit in edits if edit.kind == "fact"),
            past=tuple(past),
            profile=self._options.profile,
            seed=seed(self._options.seed, attempt, edits),
            threads=self._options.threads,
            memory_limit_mb=self._options.memory_limit_mb,
            preferences=tuple(self._preference(edit) for edit in edits if edit.kind == "preference"),
            population=self._population(),
            private=(*planted(self._ledger.installation()), *private(self._ledger.private_edits())),
        )

    def _population(self) -> Population:
        known = self._ledger.batch_population()
        return Population(tuple(known["losses"]), tuple(known["pulls"]))

    def _preference(self, edit: SelfEdit) -> Preference:
        said = {example.kind: example.completion for example in edit.examples}
        messages = self._ledger.turn(edit.turn_id).messages
        return Preference(edit.id, edit.user, messages, said.get("chosen", ""), said.get("rejected", ""))

    def _parent_dir(self, parent: VersionRow) -> Path | None:
        if not parent.deltas:
            return None
        return self._store.compose(Version(parent.name, self._options.base_digest, parent.deltas))
