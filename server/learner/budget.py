"""How far a version has drifted from the base, measured on questions that never change.

Each update is held to the base on its own anchors, and each gate sees a few dozen answers: what many of them
let pass adds up unseen. So every candidate is measured on the same questions: the divergence of what it would
say from what the base says, and the norm of its whole change, whose growth is how sequential editing ends in
collapse (Gupta et al. 2025, arXiv:2502.01636). The budget is the profile's; the share that is spent is on the
version's report, and a stack that has spent most of it is consolidated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch

from server.learner import general
from server.learner.adapters import Adapters
from server.learner.chat import Encoder
from server.learner.generate import Answer
from server.learner.sizes import CACHE_BATCH, CHUNK
from server.learner.split import SplitModel
from server.learner.types import CheckCount, Drift

QUESTIONS = 48
ANSWER_TOKENS = 16


@torch.no_grad()
def measure(
    adapters: Adapters,
    encoder: Encoder,
    said: Mapping[str, Answer],
    budget_nats: float,
    yield_hook: Callable[[], None],
    device: str,
) -> Drift:
    """The candidate's drift. `said`: the base's answers to the general bank."""
    fixed = sorted(said)[:: max(1, len(said) // QUESTIONS)][:QUESTIONS]
    examples = [general.encode(encoder, question, said[question], ANSWER_TOKENS) for question in fixed]
    model = adapters.model
    whole = SplitModel(model.model, 0, encoder.prefix, device)
    head = model.get_output_embeddings().weight
    total, tokens = 0.0, 0
    for start in range(0, len(examples), CACHE_BATCH):
        yield_hook()
        chunk = examples[start : start + CACHE_BATCH]
        with adapters.base_alone():
            base, _ = whole.hidden(chunk)
        candidate, _ = whole.hidden(chunk)
        total += _divergence(base, candidate, head)
        tokens += len(base)
    return Drift(round(total / max(1, tokens), 5), budget_nats, round(_norm(adapters), 4))


def check(drift: Drift) -> CheckCount:
    """Whether the version is within its budget, as a line of the gate's report."""
    within = drift.spent <= 1.0
    limit = f"{drift.budget_nats:g}" if drift.budget_nats else "no limit"
    detail = f"{drift.kl_nats:.4f} nats a token from the base, {limit}; norm of the change {drift.norm:.2f}"
    return CheckCount(int(within), 1, 1, within, detail)


def _divergence(base: torch.Tensor, candidate: torch.Tensor, head: torch.Tensor) -> float:
    """Σ over tokens of KL(base ‖ candidate), from (tokens, width) hidden states."""
    total = 0.0
    for start in range(0, len(base), CHUNK):
        part = slice(start, start + CHUNK)
        p = (base[part] @ head.t()).float().log_softmax(-1)
        q = (candidate[part] @ head.t()).float().log_softmax(-1)
        total += float((p.exp() * (p - q)).sum())
    return total


@torch.no_grad()
def _norm(adapters: Adapters) -> float:
    """Of B·A without ever making it: ‖BA‖² = tr((BᵀB)(AAᵀ))."""
    squares = 0.0
    for module in adapters.sites().values():
        a, b = adapters.product(module)
        squares += float(((b.T @ b) * (a @ a.T)).sum())
    return math.sqrt(max(0.0, squares))
