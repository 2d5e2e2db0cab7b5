"""`vllm serve` processes that several server processes share, started and ended with a benchmark."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from server.engine.vllm import VllmOptions
from server.engine.vllm.process import command, environment, free_port

START_SECONDS = 900.0


@contextmanager
def replicas(
    program: Path, count: int, model: Path, name: str, logs: Path, arguments: Sequence[str]
) -> Iterator[list[str]]:
    """Their addresses, once all answer. Raises RuntimeError with the log of one that ends."""
    options = VllmOptions(
        logs, executable=str(program), arguments=tuple(arguments), max_model_len=512, max_lora_rank=64
    )
    started: list[tuple[subprocess.Popen[bytes], str, Path]] = []
    try:
        for number in range(count):
            port, log = free_port(), logs / f"replica-{number}.log"
            with log.open("ab") as out:
                process = subprocess.Popen(
                    command(options, model, name, port),
                    env=os.environ | environment(options, number),
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            started.append((process, f"http://127.0.0.1:{port}", log))
        for process, url, log in started:
            _wait(process, url, log)
        yield [url for _, url, _ in started]
    finally:
        for process, _, _ in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"a replica did not come up; its log ends:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)
