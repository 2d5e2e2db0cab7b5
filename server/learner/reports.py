"""What is made of a gate's report besides reading it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from server.learner.gate import verdict
from server.learner.types import CheckCount, GateReport
from server.types import SelfEdit


def waved_through(report: GateReport, new: Sequence[SelfEdit]) -> GateReport:
    """The report of a gate that decides nothing: every trained fact counts as learned."""
    verdict = "accept" if report.accepted else "refuse"
    return dataclasses.replace(
        report,
        accepted=True,
        reason=f"the gate was switched off (gate=false); it would {verdict}: {report.reason}",
        edits_learned=tuple(edit.id for edit in new),
    )


def with_checks(report: GateReport, checks: dict[str, CheckCount]) -> GateReport:
    """The report with further checks, refused when one of them fails."""
    every = {**report.checks, **checks}
    accepted, reason = verdict(every)
    return dataclasses.replace(report, accepted=accepted, reason=reason, checks=every)
