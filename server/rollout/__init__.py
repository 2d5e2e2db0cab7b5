"""Who meets a new version, and when it becomes everybody's: the only code that moves refs."""

from server.rollout.fleet import Fleet
from server.rollout.loop import RolloutLoop
from server.rollout.moves import Moves, NothingToMove
from server.rollout.rule import Action, Decision, Evidence, RolloutPolicy, decide

__all__ = [
    "Action",
    "Decision",
    "Evidence",
    "Fleet",
    "Moves",
    "NothingToMove",
    "RolloutLoop",
    "RolloutPolicy",
    "decide",
]
