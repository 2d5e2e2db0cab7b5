"""The memory plan at the server's start, and what the learner is told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from server import planning
from server.app import Livegraft
from server.config import Settings, read_settings
from server.learner.plan import Device


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return read_settings(["--model", "seedling", "--home", "home", "--engine.device", "cuda"])


def on(monkeypatch: pytest.MonkeyPatch, size_mb: int, gpu: bool) -> None:
    """As if this machine had such a device."""
    monkeypatch.setattr(planning, "here", lambda: Device("a device", size_mb << 20, gpu))


def test_a_gpu_that_is_too_small_is_refused_before_anything_is_loaded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, 1024, gpu=True)
    with pytest.raises(planning.DoesNotFit, match=r"seedling does not fit on a device .* GiB are there"):
        planning.announce(settings)


def test_on_cpu_too_little_memory_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    on(monkeypatch, 512, gpu=False)
    plan = planning.announce(settings)
    assert plan is not None
    assert "does not fit" in caplog.records[-1].message
    assert caplog.records[-1].levelno == logging.WARNING
    assert planning.reserve_mb(plan) == 0


def test_what_fits_is_logged_and_the_trainer_is_to_keep_its_part(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    on(monkeypatch, 24 << 10, gpu=True)
    plan = planning.announce(settings)
    assert plan is not None
    assert "together" in caplog.text
    assert planning.reserve_mb(plan) == plan.trainer_bytes >> 20 > 0


def test_replicas_started_here_are_told_the_planned_cache_and_those_elsewhere_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, 24 << 10, gpu=True)
    flags = ["--model", "seedling", "--home", str(tmp_path), "--engine.kind", "vllm"]
    here = planning.announce(read_settings(flags))
    assert here is not None
    assert planning.vllm_cache_bytes(here) == here.cache_bytes > 0
    elsewhere = planning.announce(read_settings([*flags, "--vllm.urls", "http://gpu-1:8001"]))
    assert planning.vllm_cache_bytes(elsewhere) == planning.vllm_cache_bytes(None) == 0


def test_where_nothing_is_trained_nothing_is_planned(tmp_path: Path) -> None:
    for flags in (["--learning.enabled", "false"], ["--engine.kind", "fake"]):
        assert planning.announce(read_settings(["--home", str(tmp_path), *flags])) is None


async def test_the_learner_is_told_the_operators_budget(tmp_path: Path) -> None:
    flags = ["--engine.kind", "fake", "--guardian.process", "false", "--home", str(tmp_path)]
    livegraft = Livegraft(
        read_settings([*flags, "--learning.latency-budget-ms", "40", "--learning.least-share", "0.1"])
    )
    try:
        told = livegraft._child_options()
    finally:
        livegraft.ledger.close()
    assert (told.latency_budget_ms, told.least_share, told.gpu_reserve_mb) == (40.0, 0.1, 0)
