"""The memory plan: its figures against those that are published, and what it says of what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.engine.models import ModelUnavailable, config_of
from server.learner.architecture import Architecture
from server.learner.devices import read
from server.learner.errors import CannotLearn, DoesNotFit
from server.learner.gpu import why_not_free
from server.learner.plan import GIB, Device, Serving, lines, make

SHARED: dict[str, Any] = {"torch_dtype": "bfloat16", "num_attention_heads": 32, "num_key_value_heads": 8}
LLAMA_8B = SHARED | {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "intermediate_size": 14336,
    "vocab_size": 128256,
}
QWEN25_7B = SHARED | {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "num_hidden_layers": 28,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
}
QWEN3_8B = SHARED | {
    "model_type": "qwen3",
    "hidden_size": 4096,
    "num_hidden_layers": 36,
    "intermediate_size": 12288,
    "head_dim": 128,
    "vocab_size": 151936,
}
QWEN3_4B = QWEN3_8B | {"hidden_size": 2560, "intermediate_size": 9728, "tie_word_embeddings": True}
VLLM = Serving("vllm", max_batch=64, max_model_len=4096)


def model(config: dict[str, Any]) -> Architecture:
    return Architecture.read("a model", config)


@pytest.mark.parametrize(
    ("config", "parameters", "gib", "cache_kib", "lora_millions"),
    [
        (LLAMA_8B, 8_030_261_248, 14.96, 128, 41.9),
        (QWEN25_7B, 7_615_616_512, 14.19, 56, 40.4),
        (QWEN3_8B, 8_190_735_360, 15.26, 144, 43.6),
        (QWEN3_4B, 4_022_468_096, 7.49, 144, 33.0),
    ],
)
def test_a_config_alone_gives_the_published_sizes(
    config: dict[str, Any], parameters: int, gib: float, cache_kib: int, lora_millions: float
) -> None:
    found = model(config)
    assert found.parameters == parameters
    assert found.base_bytes / GIB == pytest.approx(gib, abs=0.01)
    assert found.cache_bytes_per_token == cache_kib * 1024
    assert found.adapter_parameters(16) / 1e6 == pytest.approx(lora_millions, abs=0.05)


def test_a_config_gives_the_size_that_the_loaded_model_has(tmp_path: Path) -> None:
    from server.engine.mapped import load_mapped

    loaded, _ = load_mapped(Path("server/engine/seedling"))
    weights = {p.data_ptr(): p.numel() for p in loaded.parameters()}
    assert Architecture.read("seedling", config_of("seedling", tmp_path)).parameters == sum(weights.values())


@pytest.mark.parametrize("config", [LLAMA_8B, QWEN25_7B, QWEN3_8B, QWEN3_4B])
def test_a_card_of_80_gb_serves_and_teaches_up_to_8_billion_parameters(config: dict[str, Any]) -> None:
    plan = make(model(config), Device.card(80), VLLM)
    assert plan.why_not == ""
    assert plan.cache_tokens >= 8 * VLLM.max_model_len
    assert plan.needed <= plan.device.size


def test_a_card_of_24_gb_serves_and_teaches_4_billion_parameters() -> None:
    plan = make(model(QWEN3_4B), Device.card(24), VLLM)
    assert plan.checked() is plan
    assert plan.cache_tokens >= VLLM.max_model_len


@pytest.mark.parametrize("eight_bit", [False, True])
def test_8_billion_parameters_on_24_gb_are_refused_with_the_arithmetic(eight_bit: bool) -> None:
    plan = make(model(LLAMA_8B), Device.card(24), Serving("vllm", eight_bit))
    with pytest.raises(DoesNotFit) as caught:
        plan.checked()
    said = str(caught.value)
    for words in ("weights to train on 14.96", "= 3", "22.50 GiB are there", "billion", "learning.enabled"):
        assert words in said
    assert "--quantization" not in said  # would not be enough


def test_weights_in_8_bits_are_proposed_where_they_make_it_fit() -> None:
    tight = Device("a card", 32 * GIB, gpu=True)
    assert "--quantization fp8" in make(model(LLAMA_8B), tight, Serving("vllm", max_rank=16)).why_not
    assert make(model(LLAMA_8B), tight, Serving("vllm", eight_bit=True, max_rank=16)).why_not == ""


def test_parts_add_up_and_the_cache_gets_what_is_left() -> None:
    plan = make(model(LLAMA_8B), Device("a card", 42 * GIB, gpu=True), VLLM)
    assert plan.needed == sum(part.size for part in plan.parts) == plan.device.size
    roomy = make(model(LLAMA_8B), Device.card(80), VLLM)
    assert roomy.cache_tokens == VLLM.max_batch * VLLM.max_model_len
    assert roomy.trainer_bytes > plan.trainer_bytes  # computed in larger pieces


def test_on_cpu_server_and_trainer_share_one_copy_of_the_weights() -> None:
    names = [part.name for part in make(model(QWEN3_4B), Device("here", 24 * GIB, False), Serving()).parts]
    assert "weights, one copy for both" in names
    assert "weights to train on" not in names


def test_an_engine_elsewhere_leaves_the_device_to_the_trainer() -> None:
    plan = make(model(LLAMA_8B), Device.card(24), Serving("elsewhere"))
    assert plan.why_not == ""
    assert [part.name for part in plan.parts] == ["weights to train on", "trainer", "training", "reserve"]


def test_ranks_are_rounded_up_to_what_vllm_knows() -> None:
    told = lines(make(model(QWEN3_4B), Device.card(80), Serving("vllm", max_rank=48)))[-1]
    assert "--max-lora-rank 64" in told
    assert "--kv-cache-memory-bytes" in told


@pytest.mark.parametrize(
    ("config", "why"), [({}, "no hidden_size"), (LLAMA_8B | {"num_experts": 8}, "mixture of experts")]
)
def test_what_cannot_be_reckoned_is_refused_by_name(config: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotLearn, match=f"a model: .*{why}"):
        model(config)


def test_a_config_that_is_no_json_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelUnavailable, match=r"config\.json cannot be read"):
        config_of(str(tmp_path), tmp_path)


def test_the_first_gpu_is_read_from_nvidia_smi() -> None:
    assert read("NVIDIA L4, 23034\nNVIDIA L4, 23034\n") == Device("NVIDIA L4", 23034 << 20, True)
    assert read("No devices were found\n") is None
    assert read("") is None


def test_memory_that_others_have_is_not_reserved() -> None:
    assert why_not_free(100, 100, 200) == ""
    assert "100 of its 200 MB" in why_not_free(101, 100, 200)
