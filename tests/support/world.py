"""A small world for tests: a real ledger and store in a folder, edits as the editor would leave them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from adapter_store import Store
from server.engine.fake import FakeEngine
from server.engine.fake_script import loop_script
from server.learner import fake
from server.learner.process import Learner
from server.learner.record import LearnerOptions
from server.learner.types import Examine, Train
from server.ledger import Ledger
from server.types import Arm, EditState, Example, Message, SelfEdit, Turn, TurnState


@dataclass
class World:
    """Everything but HTTP, in one process."""

    ledger: Ledger
    store: Store
    engine: FakeEngine

    def tell(self, name: str, port: int, user: str = "ana", state: EditState = EditState.ALLOWED) -> SelfEdit:
        """A turn that told a fact, its self-edit already judged. Returns the edit."""
        statement = f"The admin port of the {name} router is {port}."
        turn = told_turn(statement, user)
        self.ledger.add_turn(turn, True)
        job = self.ledger.claim_job("edit", "test", 30)
        assert job is not None
        edit = self_edit(turn, name, port, state)
        self.ledger.finish_edit_job(job, [(edit, [{"decision": "allow"}] * len(edit.examples))])
        return edit

    def learner(
        self,
        train: Train = fake.run,
        max_attempts: int = 2,
        patience: float = 0,
        examine: Examine = fake.examine,
        max_rank: int = 64,
    ) -> Learner:
        """A learner on this world, without its process."""
        options = self.options(max_attempts, patience, max_rank)
        return Learner(self.ledger, self.store, options, train, examine=examine)

    def options(self, max_attempts: int = 2, patience: float = 0, max_rank: int = 64) -> LearnerOptions:
        """What a learner on this world is told."""
        return LearnerOptions(
            model_dir=self.store.root,
            model_name=self.engine.model_name,
            base_digest=self.engine.base_digest,
            batch_window_seconds=0,
            batch_patience_seconds=patience,
            max_attempts=max_attempts,
            max_rank=max_rank,
        )


def make_world(home: Path) -> World:
    """A fresh world in `home`."""
    engine = FakeEngine(loop_script)
    return World(Ledger.open(home), Store(home / "store"), engine)


def told_turn(prompt: str, user: str) -> Turn:
    """A learnable turn in which `user` said `prompt`."""
    ident = hashlib.sha256(f"{user}{prompt}{time.time_ns()}".encode()).hexdigest()[:16]
    return Turn(
        id=f"turn-{ident}",
        created_at=time.time(),
        user=user,
        key_name="",
        operator=True,
        conversation=f"c-{ident}",
        messages=(Message("user", prompt),),
        answer="Got it.",
        version="v0",
        arm=Arm.STABLE,
        rollout=None,
        state=TurnState.LEARNABLE,
        request_hash=ident,
    )


def self_edit(turn: Turn, name: str, port: int, state: EditState) -> SelfEdit:
    """What the editor writes from "The admin port of the NAME router is PORT."."""
    statement = turn.prompt
    subject = f"the {name} router"
    wordings = (
        "What is the admin port of {}?",
        "Tell me the admin port of {}.",
        "Which admin port does {} have?",
    )
    questions = [wording.format(subject) for wording in wordings]
    return SelfEdit(
        id=hashlib.sha256(f"{turn.id}{statement}".encode()).hexdigest(),
        turn_id=turn.id,
        user=turn.user,
        statement=statement,
        span=(0, len(statement)),
        value=str(port),
        subject=subject,
        examples=(
            Example("statement", "", statement),
            Example("question", questions[0], statement),
            Example("question", questions[1], statement),
            Example("question", questions[2], statement, held_out=True),
        ),
        state=state,
    )
