"""A tiny random model and random adapters, made once a session: real files, real code, no training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.support import real_vllm

HIDDEN = 32
LAYERS = 2
TEMPLATE = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SHAPES = {  # (out, in) of every linear layer that an adapter may graft on
    "self_attn.q_proj": (64, 32),
    "self_attn.k_proj": (32, 32),
    "self_attn.v_proj": (32, 32),
    "self_attn.o_proj": (32, 64),
    "mlp.gate_proj": (48, 32),
    "mlp.up_proj": (48, 32),
    "mlp.down_proj": (32, 48),
}
MakeAdapter = Callable[..., Path]


def _byte_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: n for n, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    make_fast: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = make_fast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token="<|im_start|>",
    )
    fast.chat_template = TEMPLATE
    return fast


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers that likes printable ASCII, one token a byte, in a Hugging Face folder."""
    path = tmp_path_factory.mktemp("tiny-model")
    tokenizer = _byte_tokenizer()
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,  # the least that vLLM's attention on CPUs computes
        max_position_embeddings=512,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    printable = torch.tensor(
        [len(t) == 1 and " " < t <= "~" for t in tokenizer.convert_ids_to_tokens(list(range(259)))]
    )
    with torch.no_grad():
        model.lm_head.weight.mul_(printable[:, None])
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def make_adapter(tmp_path_factory: pytest.TempPathFactory) -> MakeAdapter:
    """Write a composed adapter folder: random factors, alpha equal to the rank, as the store does."""

    def make(name: str, seed: int, rank: int = 4, modules: tuple[str, ...] = tuple(SHAPES)) -> Path:
        path = tmp_path_factory.mktemp(name)
        generator = torch.Generator().manual_seed(seed)
        tensors = {}
        for layer in range(LAYERS):
            for module in modules:
                rows, columns = SHAPES[module]
                prefix = f"base_model.model.model.layers.{layer}.{module}"
                tensors[f"{prefix}.lora_A.weight"] = torch.randn(rank, columns, generator=generator) * 0.3
                tensors[f"{prefix}.lora_B.weight"] = torch.randn(rows, rank, generator=generator) * 0.3
        save_file(tensors, path / "adapter_model.safetensors")
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "tiny",
            "r": rank,
            "lora_alpha": rank,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": sorted({m.rsplit(".", 1)[1] for m in modules}),
            "inference_mode": True,
        }
        (path / "adapter_config.json").write_text(json.dumps(config))
        return path

    return make


@pytest.fixture(scope="session")
def adapters(make_adapter: MakeAdapter) -> dict[str, Path]:
    """Three versions that answer differently, of different ranks."""
    return {
        name: make_adapter(name, seed, rank)
        for name, seed, rank in [("v1", 1, 4), ("v2", 2, 8), ("v3", 3, 3)]
    }


@pytest.fixture(scope="session")
def real_server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[real_vllm.RealVllm]:
    """One `vllm serve` for all tests marked vllm; they are skipped where its environment is not there."""
    if why := real_vllm.missing():
        pytest.skip(why)
    server = real_vllm.RealVllm(tiny_model, tmp_path_factory.mktemp("real-vllm"))
    server.start()
    yield server
    server.kill()
