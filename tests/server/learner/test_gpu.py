"""What only a GPU can show: reserved memory, the cap, and pauses that wait for queued work."""

from __future__ import annotations

import pytest
import torch

from server.learner import gpu
from server.learner.errors import DoesNotFit
from server.learner.estimate import Free

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


def test_reserved_memory_is_kept_and_more_is_not_taken() -> None:
    settle = gpu.begin(reserve_mb=512)
    assert torch.cuda.memory_reserved() >= 500 << 20
    assert torch.cuda.memory_allocated() < 16 << 20
    kept = torch.empty(400 << 20, dtype=torch.uint8, device="cuda")
    assert Free.of("cuda", 0).size < 120 << 20
    with pytest.raises(torch.cuda.OutOfMemoryError):
        torch.empty(400 << 20, dtype=torch.uint8, device="cuda")
    del kept
    settle()


def test_the_learners_stream_is_the_least_urgent_and_settle_waits_for_it() -> None:
    settle = gpu.begin(reserve_mb=0)
    assert torch.cuda.current_stream().priority == gpu.LEAST_URGENT
    square = torch.randn(2048, 2048, device="cuda")
    for _ in range(50):
        square = square @ square
    settle()
    assert torch.cuda.current_stream().query()


def test_more_than_the_card_has_is_refused_with_the_numbers() -> None:
    with pytest.raises(DoesNotFit, match="are to be kept for learning"):
        gpu.begin(reserve_mb=10_000_000)
