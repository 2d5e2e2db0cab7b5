"""Who meets a new version, and when it becomes everybody's: the only code that moves refs."""

from server.rollout.fleet import Fleet, OtherBase
from server.rollout.forget import Forget, Forgotten
from server.rollout.loop import RolloutLoop
from server.rollout.moves import Moves, NothingToMove
from server.rollout.replay import Replay
from server.rollout.report import report, waits
from server.rollout.rule import decide
from server.rollout.signals import KNOWN, MET, Looked
from server.rollout.types import Action, Decision, Evidence, RolloutPolicy

__all__ = [
    "KNOWN",
    "MET",
    "Action",
    "Decision",
    "Evidence",
    "Fleet",
    "Forget",
    "Forgotten",
    "Looked",
    "Moves",
    "NothingToMove",
    "OtherBase",
    "Replay",
    "RolloutLoop",
    "RolloutPolicy",
    "decide",
    "report",
    "waits",
]
