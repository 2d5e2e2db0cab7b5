"""Replicas that the engine starts itself: processes (of paper) that are killed, restarted and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from server.engine.types import EngineError
from server.engine.vllm.options import VllmOptions
from server.engine.vllm.process import ServeProcess, command
from tests.server.engine.vllm.conftest import MakeEngine, ask, text, until

ROOT = Path(__file__).parents[4]


@pytest.fixture
def executable(tmp_path: Path) -> str:
    """A program that takes what `vllm` takes."""
    program = tmp_path / "vllm"
    program.write_text(f'#!/bin/sh\ncd {ROOT}\nexec {sys.executable} -m tests.support.fake_vllm "$@"\n')
    program.chmod(0o755)
    return str(program)


async def test_a_killed_process_is_started_again_and_answers_as_before(
    executable: str, over: MakeEngine, adapters: dict[str, Path]
) -> None:
    engine = await over(
        executable=executable, replicas=2, api_key="a-key", start_seconds=30.0, patience_seconds=30.0
    )
    await until(lambda: not engine.alarms(), 30)
    await engine.load("v1", adapters["v1"])
    before = await text(engine, ask(version="v1"))
    processes = [replica.process for replica in engine.replicas]
    pids = [process.pid for process in processes if process is not None]
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert await asyncio.gather(*[text(engine, ask(version="v1")) for _ in range(4)]) == [before] * 4
    await until(lambda: not engine.alarms(), 30)
    assert [replica.restarts for replica in engine.replicas] == [1, 1]
    now = [process.pid for process in processes if process is not None]
    assert not set(now) & set(pids)
    await engine.close()
    assert not any(psutil.pid_exists(pid) for pid in now if pid is not None)


async def test_what_a_killed_server_left_running_is_ended_first(
    executable: str, over: MakeEngine, tmp_path: Path
) -> None:
    first = await over(executable=executable, start_seconds=30.0)
    (replica,) = first.replicas
    assert replica.process is not None
    left = replica.process.pid
    assert left is not None
    for keeper in first._keepers:
        keeper.cancel()  # as if this server were gone: nobody looks after the process
    second = await over(executable=executable, start_seconds=30.0)
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
    assert await text(second, ask())


async def test_a_program_that_is_not_there_ends_the_start_with_the_settings_name(over: MakeEngine) -> None:
    with pytest.raises(EngineError, match=r"nowhere/vllm cannot be run .*vllm\.executable must name"):
        await over(executable="nowhere/vllm")


async def test_a_process_that_ends_at_once_ends_the_start_with_what_it_said(
    over: MakeEngine, tmp_path: Path
) -> None:
    program = tmp_path / "vllm"
    program.write_text("#!/bin/sh\necho 'ValueError: not enough memory for the cache'\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(
        EngineError, match=r"ended with code 3: ValueError: not enough memory.*replica-0\.log"
    ):
        await over(executable=str(program))


@pytest.mark.parametrize("rounds", range(8))
async def test_who_is_called_off_while_a_process_ends_does_not_forget_it(tmp_path: Path, rounds: int) -> None:
    process = ServeProcess("replica-0", tmp_path, ["sleep", "600"], {})
    await process.start()

    async def keep() -> None:
        await process.stop()
        await asyncio.sleep(600)

    running = process._process
    assert running is not None
    keeper = asyncio.create_task(keep())
    while running.returncode is None:  # noqa: ASYNC110 (the round in which it ends is what matters)
        await asyncio.sleep(0)
    for _ in range(rounds):
        await asyncio.sleep(0)
    keeper.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(keeper, return_exceptions=True)
    assert keeper.cancelled()


def test_a_planned_cache_is_told_and_the_operators_arguments_come_after_it(tmp_path: Path) -> None:
    planned = VllmOptions(tmp_path, cache_bytes=1 << 30, arguments=("--kv-cache-memory-bytes", "7"))
    told = command(planned, tmp_path, "name", 8123)
    assert told.index(str(1 << 30)) < told.index("7")
    assert "--kv-cache-memory-bytes" not in command(VllmOptions(tmp_path), tmp_path, "name", 8123)
