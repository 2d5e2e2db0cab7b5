"""The learner on a GPU beside an engine: memory taken at start, the least urgent stream, real pauses.

Nothing of this is needed on CPU, where niceness does the same and memory is shared.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from server.learner.errors import DoesNotFit

log = logging.getLogger("livegraft.learner")
MPS_PRIORITY = {"CUDA_MPS_CLIENT_PRIORITY": "1"}
"""For the learner's environment. Stream priorities order the work of one process; between processes NVIDIA's
multi-process service does, where it runs: 1 is below normal. Without the service the driver gives each
process its turn, and only the pauses between micro-steps make way."""
LEAST_URGENT = 0
"""Priority of a stream: lower numbers come first, and CUDA knows none above 0."""


def begin(reserve_mb: int) -> Callable[[], None]:
    """Make this process the GPU's least urgent one and take its memory; 0 MB reserves nothing.

    Returns what waits for the work sent so far: a kernel in the queue does not know that its process sleeps.
    Raises DoesNotFit with the numbers.
    """
    import torch

    # first: torch keeps freed memory for the stream that it was taken on
    make: Any = torch.cuda.Stream
    stream = make(priority=LEAST_URGENT)
    torch.cuda.set_stream(stream)
    if reserve_mb:
        _reserve(reserve_mb)
    settle: Callable[[], None] = stream.synchronize
    return settle


def present() -> bool:
    """Whether training would run on a GPU."""
    import torch

    return torch.cuda.is_available()


def why_not_free(reserve_mb: int, free_mb: int, total_mb: int) -> str:
    """Why so much cannot be kept for learning, '' when it can."""
    if reserve_mb <= free_mb:
        return ""
    return (
        f"{reserve_mb} MB of the GPU are to be kept for learning, and {free_mb} of its {total_mb} MB are "
        "free: start the learner before other programs that use the GPU, give the engine a smaller cache, or "
        "switch learning off; `livegraft plan` shows the arithmetic"
    )


def _reserve(megabytes: int) -> None:
    """Take so much and keep it: the block goes back to torch's own allocator, which cuts from it whatever
    training asks for, while nobody else can have it. More than that this process may not take."""
    import torch

    free, total = torch.cuda.mem_get_info()
    why = why_not_free(megabytes, free >> 20, total >> 20)
    if why:
        raise DoesNotFit(why)
    torch.cuda.set_per_process_memory_fraction((megabytes << 20) / total)
    block = torch.empty((megabytes - 2) << 20, dtype=torch.uint8, device="cuda")  # rounded up to 2 MB
    del block
    log.info("%d MB of the GPU are kept for learning", megabytes)
