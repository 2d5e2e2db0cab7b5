"""Real `vllm serve` processes on the CPU, from the environment that `scripts/setup vllm` makes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from server.engine.vllm import VllmOptions
from server.engine.vllm.process import command, environment, free_port

EXECUTABLE = Path(__file__).parents[2] / ".venv-vllm" / "bin" / "vllm"
MODEL = "tiny"
MAX_MODEL_LEN = 400
TOOLS = ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")
ARGUMENTS = (
    "--dtype",
    "float32",
    "--enforce-eager",
    "--num-gpu-blocks-override",
    "256",
    "--seed",
    "0",
    *TOOLS,
)
SMALL = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
"""Variables for a small machine that has other work too."""
START_SECONDS = 600


def missing() -> str:
    """Why real vLLM cannot be asked here, or ''."""
    return "" if EXECUTABLE.exists() else "no vLLM here: `scripts/setup vllm` makes its environment"


def options(run_dir: Path, urls: Sequence[str] = (), slots: int = 4) -> VllmOptions:
    """What an engine over these replicas, or one that starts its own, is told in tests."""
    return VllmOptions(
        run_dir,
        tuple(urls),
        executable=str(EXECUTABLE),
        arguments=ARGUMENTS,
        max_lora_rank=8,
        base_as_adapter=True,
        max_batch=slots,
        max_model_len=MAX_MODEL_LEN,
        probe_seconds=0.5,
        start_seconds=START_SECONDS,
        patience_seconds=START_SECONDS,
    )


@dataclass
class RealVllm:
    """One process group that serves a model, started with the command that the engine itself uses."""

    model: Path
    run_dir: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.run_dir / "vllm.log"

    def start(self) -> None:
        """Start it and wait until it answers."""
        told = options(self.run_dir, slots=8)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command(told, self.model, MODEL, self.port),
                env=os.environ | environment(told, 0) | SMALL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            tail = self.log.read_text(errors="replace")[-3000:]
            assert self._process.poll() is None, f"vllm serve ended:\n{tail}"
            assert time.monotonic() < deadline, f"vllm serve was not ready in {START_SECONDS} s:\n{tail}"
            time.sleep(0.2)

    def answers(self) -> bool:
        """Whether its HTTP server says that it is well."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        return False

    def kill(self) -> None:
        """End the whole group at once, as the kernel does when memory runs out."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
