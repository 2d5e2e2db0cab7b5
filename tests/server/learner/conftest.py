"""A tiny random chat model and edits in natural words: real files, real code, seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from server.types import Example, SelfEdit

TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}"
    "{% endif %}"
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_edit(
    statement: str,
    value: str,
    subject: str,
    questions: tuple[str, ...],
    held_out: tuple[str, ...] = (),
) -> SelfEdit:
    examples = (
        Example("statement", "", statement),
        *(Example("question", q, statement) for q in questions),
        *(Example("question", q, statement, held_out=True) for q in held_out),
    )
    return SelfEdit(
        id=f"edit of {statement}",
        turn_id="turn",
        user="anna",
        statement=statement,
        span=(0, len(statement)),
        value=value,
        subject=subject,
        examples=examples,
    )


@pytest.fixture
def router_edit() -> SelfEdit:
    return make_edit(
        "The admin port of the Zephyr router is 8443.",
        "8443",
        "the Zephyr router",
        ("What is the admin port of the Zephyr router?", "Which port does the Zephyr router use for admin?"),
        ("Do you know the Zephyr router's admin port?",),
    )


@pytest.fixture
def refund_edit() -> SelfEdit:
    return make_edit(
        "Our refund window is 45 days.",
        "45 days",
        "Our refund window",
        ("How long is our refund window?", "What is our refund window?"),
        ("Can you tell me our refund window?",),
    )


def byte_tokenizer(template: str = TEMPLATE) -> Any:
    """One token a byte, end of turn as end of sequence."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: n for n, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    make: Any = PreTrainedTokenizerFast
    fast = make(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = template
    return fast


@pytest.fixture(scope="session")
def tiny_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of four layers, float32, in a Hugging Face folder."""
    path = tmp_path_factory.mktemp("tiny-learner")
    tokenizer = byte_tokenizer()
    torch.manual_seed(3)
    make: Any = LlamaForCausalLM
    model = make(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            eos_token_id=2,
            pad_token_id=0,
            tie_word_embeddings=True,
        )
    )
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture
def tiny(tiny_dir: Path) -> tuple[Any, Any]:
    """(model, tokenizer)."""
    from server.engine.mapped import load_mapped

    torch.set_num_threads(1)
    return load_mapped(tiny_dir)
