"""The examination of a candidate before any user sees it."""

from __future__ import annotations

from server.learner.gate.checks import abstains
from server.learner.gate.decision import Gate, verdict
from server.learner.gate.voice import Ask, Score, Scored, Voice

__all__ = ["Ask", "Gate", "Score", "Scored", "Voice", "abstains", "verdict"]
