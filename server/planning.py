"""The memory plan at start, in the log. On a GPU what does not fit is refused before anything is loaded."""

from __future__ import annotations

import logging
from typing import Literal

from server.config import Settings
from server.engine.models import config_of
from server.engine.types import EngineError
from server.learner.architecture import Architecture
from server.learner.devices import here
from server.learner.errors import CannotLearn
from server.learner.plan import Device, Plan, Serving, lines, make

log = logging.getLogger("livegraft")


class DoesNotFit(EngineError):
    """Serving and learning together need more than the GPU has."""


def announce(settings: Settings) -> Plan | None:
    """Reckon the plan and log it; None where nothing is trained or the model cannot be reckoned.

    Raises DoesNotFit for a GPU. On CPU memory is not set aside but shared with all that runs there, so a plan
    that does not fit is a warning, and each update looks for itself at what is free.
    """
    if not settings.learning.enabled or settings.engine.kind == "fake":
        return None
    try:
        model = Architecture.read(settings.model, config_of(settings.model, settings.home))
    except CannotLearn as error:
        log.warning("no memory plan: %s", error)
        return None
    device = here()
    learning = settings.learning
    plan = make(model, device, _serving(settings, device), learning.profile, learning.max_edits_per_update)
    for line in lines(plan):
        log.info("%s", line)
    if plan.why_not and device.gpu:
        raise DoesNotFit(plan.why_not)
    if plan.why_not:
        log.warning("%s", plan.why_not)
    return plan


def vllm_cache_bytes(plan: Plan | None) -> int:
    """The cache that a vLLM process started here may hold; 0 leaves it to vLLM."""
    planned = plan is not None and plan.device.gpu and plan.serving.engine == "vllm"
    return plan.cache_bytes if plan is not None and planned else 0


def reserve_mb(plan: Plan | None) -> int:
    """What the trainer takes of a GPU at its start; 0 on CPU."""
    return plan.trainer_bytes >> 20 if plan is not None and plan.device.gpu else 0


def _serving(settings: Settings, device: Device) -> Serving:
    """What generates beside the trainer, unless it is on another device or machine."""
    engine = settings.engine
    where: Literal["embedded", "vllm", "elsewhere"] = "embedded"
    if engine.kind == "vllm":
        where = "elsewhere" if settings.vllm.urls else "vllm"
    elif device.gpu and engine.device == "cpu":
        where = "elsewhere"
    return Serving(
        engine=where,
        max_batch=engine.max_batch,
        max_model_len=engine.max_model_len,
        max_rank=settings.learning.max_rank,
        cache_bytes=engine.kv_cache_mb << 20,
    )
