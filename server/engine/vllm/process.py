"""A `vllm serve` process of our own: in an environment of its own, ended with everything it started."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from server.engine.vllm.errors import Misconfigured, ReplicaFailed
from server.engine.vllm.options import MAX_CPU_LORAS, VllmOptions

END_SECONDS = 10.0
_TAIL_BYTES = 4096


class ServeProcess:
    """One process group. A record beside its log lets the next server end what a killed one left behind."""

    def __init__(self, name: str, run_dir: Path, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.log = run_dir / f"{name}.log"
        self._record = run_dir / f"{name}.json"
        self._command = tuple(command)
        self._env = dict(env)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it lives."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process is not None else None

    async def start(self) -> None:
        """Start it anew; what an earlier server or an earlier start left is ended first."""
        await self.stop()
        self._end_leftover()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    env=os.environ | self._env,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise Misconfigured(
                f"{self._command[0]} cannot be run ({error.strerror or error}): vllm.executable must name "
                "the `vllm` program of an environment that has it"
            ) from error
        pid = self._process.pid
        with contextlib.suppress(psutil.Error):
            started = psutil.Process(pid).create_time()
            self._record.write_text(json.dumps({"pid": pid, "started": started}))

    def check(self) -> None:
        """Raise ReplicaFailed, with the last line of the log, when the process has ended."""
        if self._process is None or self._process.returncode is not None:
            code = self._process.returncode if self._process is not None else "none"
            raise ReplicaFailed(f"its process ended with code {code}: {self._last_line()} (see {self.log})")

    async def stop(self) -> None:
        """End the process and its children; those that do not listen are killed."""
        if self._process is None:
            return
        _signal(self._process.pid, signal.SIGTERM)
        # Not `asyncio.wait_for`: before Python 3.12 it forgets a cancellation that meets the process's end.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        _signal(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._process = None
        self._record.unlink(missing_ok=True)

    def _end_leftover(self) -> None:
        try:
            record = json.loads(self._record.read_text())
            left = psutil.Process(record["pid"])
            if left.create_time() == record["started"]:
                _signal(left.pid, signal.SIGKILL)
                left.wait(END_SECONDS)
        except (OSError, ValueError, KeyError, psutil.Error):
            return

    def _last_line(self) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return "no log"
        errors = [line for line in lines if "Error" in line]
        return (errors or lines or ["nothing in its log"])[-1].strip()[:300]


def _signal(pid: int, number: signal.Signals) -> None:
    """To the whole group: vLLM's engine is a child of its HTTP server and may outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def command(options: VllmOptions, model: Path, name: str, port: int) -> list[str]:
    """What starts a replica. Arguments of the operator come last, so they win."""
    told = {
        "--served-model-name": name,
        "--host": "127.0.0.1",
        "--port": port,
        "--max-loras": options.max_loras + options.base_as_adapter,
        "--max-cpu-loras": max(MAX_CPU_LORAS, options.max_loras),
        "--max-lora-rank": options.served_rank,
        "--max-model-len": options.max_model_len,
        "--max-num-seqs": options.max_batch,
    }
    if options.cache_bytes:
        told["--kv-cache-memory-bytes"] = options.cache_bytes
    flags = [part for flag, value in told.items() for part in (flag, str(value))]
    return [
        options.executable,
        "serve",
        str(model),
        *flags,
        "--enable-lora",
        "--disable-uvicorn-access-log",
        *options.arguments,
    ]


def environment(options: VllmOptions, index: int) -> dict[str, str]:
    """Variables of a replica. The key keeps others on the machine from loading adapters into it."""
    env = {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    if options.api_key:
        env["VLLM_API_KEY"] = options.api_key
    if options.devices:
        env["CUDA_VISIBLE_DEVICES"] = options.devices[index]
    return env
