"""Who meets a new version, and when it becomes everybody's: the only code that moves refs."""

from server.rollout.fleet import Fleet, OtherBase
from server.rollout.forget import Forget, Forgotten
from server.rollout.loop import RolloutLoop
from server.rollout.moves import Moves, NothingToMove
from server.rollout.rule import decide
from server.rollout.types import Action, Decision, Evidence, RolloutPolicy

__all__ = [
    "Action",
    "Decision",
    "Evidence",
    "Fleet",
    "Forget",
    "Forgotten",
    "Moves",
    "NothingToMove",
    "OtherBase",
    "RolloutLoop",
    "RolloutPolicy",
    "decide",
]
