"""The engine's numbers are those of transformers and peft, alone and beside other versions."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, MistralForCausalLM

from server.engine.embedded import EmbeddedEngine
from server.engine.embedded.adapter_files import Adapter, read_adapter
from server.engine.embedded.loading import Loaded, load_model
from server.engine.types import GenerationRequest, Sampling
from server.types import Message

PROMPTS = ["Tell me about rivers.", "Hi", "What is the port of the Zephyr router in the long hall? " * 3]
VERSIONS = ("v0", "v1", "v2", "v3")
# peft 0.21 asks transformers 5.23 by a name that is deprecated there
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def reference(model: Path, adapter: Path | None, dtype: torch.dtype = torch.float32) -> Any:
    base = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    return (PeftModel.from_pretrained(base, adapter) if adapter else base).eval()


def encode(model: Path, prompt: str) -> list[int]:
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
    )
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


@pytest.fixture(scope="module")
def greedy(tiny_model: Path, adapters: dict[str, Path]) -> dict[tuple[str, str], list[int]]:
    """What `generate` of transformers says to each prompt, on each version, through peft."""
    said = {}
    for version in VERSIONS:
        model = reference(tiny_model, adapters.get(version))
        for prompt in PROMPTS:
            ids = torch.tensor([encode(tiny_model, prompt)])
            out = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False
            )
            said[version, prompt] = [t for t in out[0, ids.shape[1] :].tolist() if t != 2]
    return said


@pytest.fixture
def loaded(tiny_model: Path) -> Loaded:
    return load_model(tiny_model, "tiny", "cpu", 2**20)


def logits(loaded: Loaded, ids: list[int], key: str | None) -> torch.Tensor:
    with torch.inference_mode():
        return loaded.forward.whole(ids, key)[0]


def test_logits_of_base_and_versions_equal_those_of_peft(
    loaded: Loaded, tiny_model: Path, adapters: dict[str, Path]
) -> None:
    grafts = loaded.forward.grafts
    for name, path in adapters.items():
        grafts.add(name, read_adapter(path, grafts.shapes))
    for prompt in PROMPTS:
        ids = encode(tiny_model, prompt)
        for version in VERSIONS:
            with torch.inference_mode():
                wanted = reference(tiny_model, adapters.get(version))(torch.tensor([ids])).logits[0, -1]
            key = version if version in adapters else None
            torch.testing.assert_close(logits(loaded, ids, key), wanted, rtol=1e-4, atol=1e-4)


def test_logits_in_bfloat16_equal_those_of_peft(
    tiny_model: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    half = tmp_path / "half"
    shutil.copytree(tiny_model, half)
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    model.save_pretrained(half)
    loaded = load_model(half, "half", "cpu", 2**20)
    grafts = loaded.forward.grafts
    grafts.add("v1", read_adapter(adapters["v1"], grafts.shapes))
    ids = encode(tiny_model, PROMPTS[0])
    for key, adapter in ((None, None), ("v1", adapters["v1"])):
        with torch.inference_mode():
            wanted = reference(half, adapter, torch.bfloat16)(torch.tensor([ids])).logits[0, -1]
        assert wanted.dtype == logits(loaded, ids, key).dtype == torch.bfloat16
        spread = float(wanted.float().std())
        torch.testing.assert_close(
            logits(loaded, ids, key).float(), wanted.float(), rtol=0.02, atol=0.05 * spread
        )


def test_an_adapter_of_few_modules_with_another_scale_equals_peft(
    loaded: Loaded, tiny_model: Path, make_adapter: Callable[..., Path]
) -> None:
    path = make_adapter("few", 9, 5, ("self_attn.v_proj", "mlp.down_proj"))
    config = json.loads((path / "adapter_config.json").read_text())
    (path / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 3, "use_rslora": True}))
    grafts = loaded.forward.grafts
    grafts.add("few", read_adapter(path, grafts.shapes))
    ids = encode(tiny_model, PROMPTS[0])
    with torch.inference_mode():
        wanted = reference(tiny_model, path)(torch.tensor([ids])).logits[0, -1]
    torch.testing.assert_close(logits(loaded, ids, "few"), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", [["v1", "v2", "v3"], ["v3", "v1", "v2"]])
def test_versions_that_begin_alike_share_their_ranks_in_a_mixed_step_and_nothing_else(
    loaded: Loaded, adapters: dict[str, Path], order: list[str]
) -> None:
    grafts, routing = loaded.forward.grafts, loaded.forward.grafts.routing
    whole = read_adapter(adapters["v3"], grafts.shapes)
    other = read_adapter(adapters["v1"], grafts.shapes)
    first = {path: (a[:2], b[:, :2]) for path, (a, b) in whole.factors.items()}
    parts = {"v1": Adapter(2, first), "v2": other, "v3": whole}
    for name in order:
        grafts.add(name, parts[name])
    layer = next(iter(grafts._layers.values()))
    x = torch.randn(4, layer.in_features)
    keys = ["v1", "v3", None, "v1"]
    with torch.inference_mode():
        alone = []
        for key, row in zip(keys, x, strict=True):
            grafts.route([key], [1])
            alone.append(layer(row[None])[0])
        grafts.route(keys, [1] * 4)
        assert routing.high - routing.low == whole.rank
        torch.testing.assert_close(layer(x), torch.stack(alone))
        grafts.route(["v1", "v2"], [1, 1])
        assert routing.high - routing.low > other.rank, "those begin differently"
        grafts.remove("v3")
        grafts.route(["v1", None], [1, 1])
        assert routing.high - routing.low == 2


def test_a_version_gives_the_same_bits_whatever_is_loaded_before_it(
    loaded: Loaded, adapters: dict[str, Path]
) -> None:
    grafts = loaded.forward.grafts
    parts = {name: read_adapter(path, grafts.shapes) for name, path in adapters.items()}
    ids = list(range(3, 40))
    seen = set()
    for order in (["v1"], ["v2", "v1"], ["v3", "v2", "v1"]):
        for name in order:
            grafts.add(name, parts[name])
        with torch.inference_mode():
            seen.add(loaded.logit_bytes(ids, "v1"))
        for name in order:
            grafts.remove(name)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="plain"),
        pytest.param({"step_tokens": 16}, id="prompts read in small parts"),
        pytest.param({"kv_cache_bytes": 512 * 600}, id="a cache that holds few answers at once"),
        pytest.param({"max_batch": 3}, id="fewer rows than requests"),
    ],
)
async def test_greedy_tokens_equal_generate_alone_and_in_mixed_batches(
    tiny_model: Path,
    adapters: dict[str, Path],
    greedy: dict[tuple[str, str], list[int]],
    settings: dict[str, int],
) -> None:
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1, **settings)  # type: ignore[arg-type]
    await engine.start()
    for version, path in adapters.items():
        await engine.load(version, path)

    async def say(version: str, prompt: str) -> list[int]:
        request = GenerationRequest("r", (Message("user", prompt),), version, Sampling(40))
        return [t async for chunk in engine.generate(request) for t in chunk.token_ids]

    for asked, wanted in greedy.items():
        assert await say(*asked) == wanted
    together = await asyncio.gather(*[say(*asked) for asked in greedy])
    assert together == list(greedy.values())
    await engine.close()


async def test_a_model_that_transformers_runs_and_whose_layers_see_a_window_equals_generate(
    tiny_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "windowed"
    shutil.copytree(tiny_model, path)
    torch.manual_seed(11)
    config = MistralConfig(
        vocab_size=259,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        sliding_window=12,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    MistralForCausalLM(config).save_pretrained(path)
    assert load_model(path, "windowed", "cpu", 2**20).forward.direct is None
    model = reference(path, None)
    wanted = []
    for prompt in PROMPTS:
        ids = torch.tensor([encode(path, prompt)])
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=30, do_sample=False
        )
        wanted.append([t for t in out[0, ids.shape[1] :].tolist() if t != 2])
    engine = EmbeddedEngine(path, "windowed", threads=1, step_tokens=40)
    await engine.start()

    async def say(prompt: str) -> list[int]:
        request = GenerationRequest("r", (Message("user", prompt),), sampling=Sampling(30))
        return [t async for chunk in engine.generate(request) for t in chunk.token_ids]

    assert [await say(prompt) for prompt in PROMPTS] == wanted
    assert await asyncio.gather(*[say(prompt) for prompt in PROMPTS]) == wanted
    await engine.close()


@pytest.mark.seedling
def test_seedling_runs_directly_with_the_logits_of_transformers() -> None:
    path = Path(__file__).parents[4] / "server" / "engine" / "seedling"
    loaded = load_model(path, "seedling", "cpu", 2**24)
    assert loaded.forward.direct is not None
    ids = loaded.chat.encode([Message("user", "Who are you?")])
    with torch.inference_mode():
        wanted = reference(path, None)(torch.tensor([ids])).logits[0, -1]
    torch.testing.assert_close(logits(loaded, ids, None), wanted, rtol=1e-4, atol=1e-4)
