"""What is broken is refused with a reason, and a broken engine leaves nobody waiting."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from server.engine.embedded import EmbeddedEngine
from server.engine.embedded.adapter_files import read_adapter
from server.engine.types import BadAdapter, EngineDead, EngineError, GenerationRequest, Sampling
from server.types import Message

SHAPES = {
    f"model.layers.{layer}.{module}": shape
    for layer in range(2)
    for module, shape in {
        "self_attn.q_proj": (64, 32),
        "self_attn.k_proj": (32, 32),
        "self_attn.v_proj": (32, 32),
        "self_attn.o_proj": (32, 64),
        "mlp.gate_proj": (48, 32),
        "mlp.up_proj": (48, 32),
        "mlp.down_proj": (32, 48),
    }.items()
}
FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


def with_config(**changes: object) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        config = json.loads((path / "adapter_config.json").read_text())
        (path / "adapter_config.json").write_text(json.dumps({**config, **changes}))

    return damage


def with_tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        tensors = load_file(path / "adapter_model.safetensors")
        change(tensors)
        save_file(tensors, path / "adapter_model.safetensors")

    return damage


def truncated(path: Path) -> None:
    file = path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: (path / "adapter_config.json").unlink(), "adapter_config.json"),
        (lambda path: (path / "adapter_config.json").write_text("{"), "adapter folder"),
        (lambda path: (path / "adapter_model.safetensors").unlink(), "cannot be read"),
        (truncated, "cannot be read"),
        (with_config(peft_type="IA3"), "LORA"),
        (with_config(use_dora=True), "use_dora"),
        (with_config(bias="all"), "biases"),
        (with_config(modules_to_save=["lm_head"]), "modules_to_save"),
        (with_config(init_lora_weights="pissa"), "base weights"),
        (with_config(r=3), "another base model"),
        (with_config(r=0), "rank"),
        (with_tensors(lambda t: t.pop(FIRST + "B.weight")), "one of its two factors"),
        (with_tensors(lambda t: t[FIRST + "A.weight"].fill_(float("nan"))), "finite"),
        (with_tensors(lambda t: t.update({FIRST + "A.weight": torch.zeros(4, 31)})), "another base model"),
        (with_tensors(lambda t: t.update({"lm_head.weight": torch.zeros(3)})), "unexpected tensor"),
        (
            with_tensors(
                lambda t: t.update(
                    {f"base_model.model.model.layers.7.x.lora_{f}.weight": torch.zeros(4, 4) for f in "AB"}
                )
            ),
            "no linear layer",
        ),
        (with_tensors(lambda t: t.clear()), "no LoRA factors"),
    ],
)
def test_a_damaged_or_foreign_adapter_is_refused_with_what_is_wrong(
    damage: Callable[[Path], None], reason: str, adapters: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "adapter"
    shutil.copytree(adapters["v1"], path)
    assert read_adapter(path, SHAPES).rank == 4
    damage(path)
    with pytest.raises(BadAdapter, match=reason):
        read_adapter(path, SHAPES)


async def test_a_missing_model_folder_is_an_engine_error_and_the_engine_stays_dead(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "nowhere", "gone")
    with pytest.raises(EngineError, match="nowhere"):
        await engine.start()
    assert not engine.health().alive


async def test_a_truncated_weights_file_is_an_engine_error(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "broken")
    file = tmp_path / "broken" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(EngineError, match="broken"):
        await EmbeddedEngine(tmp_path / "broken", "broken").start()


async def test_when_the_loop_breaks_every_request_ends_with_engine_dead(tiny_model: Path) -> None:
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1, max_batch=2)
    await engine.start()

    async def ask() -> None:
        request = GenerationRequest("r", (Message("user", "Hi"),), sampling=Sampling(400))
        async for _ in engine.generate(request):
            pass

    running = [asyncio.create_task(ask()) for _ in range(4)]
    while engine.health().running < 2:  # noqa: ASYNC110 (health is polled by design)
        await asyncio.sleep(0.001)

    def break_down() -> None:
        raise RuntimeError("the ground opened")

    engine._worker.post(break_down)
    for outcome in await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 10):
        assert isinstance(outcome, EngineDead)
        assert "the ground opened" in str(outcome)
    with pytest.raises(EngineDead):
        await ask()
    with pytest.raises(EngineDead):
        await engine.score("v0", ["Hi"])
    assert not engine.health().alive
    assert "the ground opened" in engine.health().detail
    await engine.close()


async def test_a_background_answer_gives_its_row_to_chat_and_goes_on_later(tiny_model: Path) -> None:
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1, max_batch=1)
    await engine.start()

    async def say(prompt: str, tokens: int, background: bool) -> list[int]:
        request = GenerationRequest(
            "r", (Message("user", prompt),), sampling=Sampling(tokens), background=background
        )
        return [t async for chunk in engine.generate(request) for t in chunk.token_ids]

    alone = await say("Write it down.", 200, False)
    writing = asyncio.create_task(say("Write it down.", 200, True))
    while engine.health().running < 1:  # noqa: ASYNC110 (health is polled by design)
        await asyncio.sleep(0.001)
    assert len(await say("Hi", 5, False)) == 5
    assert not writing.done()
    assert await writing == alone
    await engine.close()


async def test_a_version_whose_numbers_overflow_fails_alone(
    tiny_model: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    wild = tmp_path / "wild"
    shutil.copytree(adapters["v1"], wild)
    with_tensors(lambda tensors: [t.mul_(1e25) for t in tensors.values()])(wild)
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1, max_batch=3)
    await engine.start()
    await engine.load("wild", wild)

    async def say(version: str) -> list[int]:
        request = GenerationRequest("r", (Message("user", "Hi"),), version, Sampling(30))
        return [t async for chunk in engine.generate(request) for t in chunk.token_ids]

    alone = await say("v0")
    for _ in range(3):
        outcomes = await asyncio.gather(*[say(v) for v in ("v0", "wild", "v0")], return_exceptions=True)
        assert outcomes[0] == outcomes[2] == alone
        assert isinstance(outcomes[1], EngineError)
        assert "wild" in str(outcomes[1])
    await engine.close()


async def test_a_crowd_that_comes_at_once_while_background_work_runs_is_answered(tiny_model: Path) -> None:
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1, max_batch=8)
    await engine.start()

    async def say(asked: GenerationRequest) -> str:
        return "".join([chunk.text async for chunk in engine.generate(asked)])

    def request(text: str, tokens: int, background: bool) -> GenerationRequest:
        sampling = Sampling(max_tokens=tokens)
        return GenerationRequest(text, (Message("user", text),), sampling=sampling, background=background)

    try:
        writing = asyncio.create_task(say(request("Write.", 400, True)))
        while not engine.health().running:  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.01)
        engine._worker.post(lambda: time.sleep(0.2))  # what comes meanwhile is admitted in one step
        said = await asyncio.gather(*(say(request(f"What is {n}?", 4, False)) for n in range(12)))
        assert all(said)
        assert await writing
    finally:
        await engine.close()
