"""The examination of a version without training: what it still answers since a delta was taken out of it.

The gate's own questions, put to the version and, beside it, to the base alone: what the base answered it must
still answer, what its deltas taught it must still know.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

from server.engine.mapped import load_mapped
from server.learner import general
from server.learner.adapters import Adapters
from server.learner.asker import Asker
from server.learner.chat import Encoder
from server.learner.gate import Gate, verdict
from server.learner.memory import release
from server.learner.profiles import choose
from server.learner.sealed import told
from server.learner.types import GateReport, UpdateInput
from server.learner.update import device

OF_ONE_UPDATE = ("moved", "priming", "text")
"""Checks that measure the step from one version to the next; here several lie between."""
Yield = Callable[[], None]


def run(
    given: UpdateInput,
    yield_hook: Yield | None = None,
    progress: Callable[[str, float], None] | None = None,
    cache_dir: Path | None = None,
) -> GateReport:
    """Ask the version in `given.parent_dir` about `given.edits`, which it carries.

    The report's `edits_learned` are those that it answers. Raises LearnerError when it does not fit the base.
    """
    hook = yield_hook or (lambda: None)
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    try:
        return _examine(given, hook, progress or (lambda phase, fraction: None), cache_dir)
    finally:
        release()


def _examine(
    given: UpdateInput, hook: Yield, progress: Callable[[str, float], None], cache_dir: Path | None
) -> GateReport:
    model, tokenizer = load_mapped(given.model_dir, device())
    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
    profile = choose(given.profile, sum(p.numel() for p in model.parameters()))
    adapters = Adapters(model, given.parent_dir, profile)

    progress("probe", 0.0)
    with adapters.base_alone():
        said = general.base_answers(model, encoder, cache_dir, hook, device())
        _, asked = general.halves(said, given.seed, profile.locality_probes)
        voice = Asker(model, encoder, said, hook, device(), expected=told(given.edits)).voice
        gate = Gate(given.edits, (), asked, profile, given.seed, voice, given.private)
    progress("gate", 0.0)
    with adapters.parent_alone():
        report = gate.report(given.edits, voice, 1.0)
    checks = {name: count for name, count in report.checks.items() if name not in OF_ONE_UPDATE}
    accepted, reason = verdict(checks)
    return dataclasses.replace(report, accepted=accepted, reason=reason, checks=checks)
