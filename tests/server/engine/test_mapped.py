import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from server.engine.mapped import BadModelFolder, load_mapped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A random Llama of 34 MB with a one-word tokenizer."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=512,
        intermediate_size=2048,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        tie_word_embeddings=True,
    )
    model: Any = LlamaForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    wrapper: Any = PreTrainedTokenizerFast
    wrapper(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(tmp_path)
    return tmp_path


def anonymous_bytes() -> int:
    """Memory that is no file's page. (A just written file's pages are dirty too: dirt is no measure.)"""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("smaps_rollup has no Anonymous line")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/smaps_rollup")
def test_a_mapped_model_costs_no_private_copy_of_its_weights(folder: Path) -> None:
    load_mapped(folder)  # imports and first-use buffers are not what is measured
    before = anonymous_bytes()
    model, _ = load_mapped(folder)
    with torch.no_grad():
        model(torch.zeros(1, 4, dtype=torch.long))
    weights_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    assert weights_bytes > 30e6
    assert anonymous_bytes() - before < weights_bytes / 4


def test_weights_keep_the_dtype_of_the_file_and_are_frozen(folder: Path) -> None:
    model, _ = load_mapped(folder)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert not any(p.requires_grad for p in model.parameters())
    assert not model.training


def test_a_folder_without_a_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadModelFolder, match=r"config\.json"):
        load_mapped(tmp_path)


def test_a_truncated_weight_file_is_refused(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BadModelFolder, match="convert it again"):
        load_mapped(folder)


def test_a_missing_weight_is_refused_by_name(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = dict(load_file(file))
    del tensors["model.norm.weight"]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(BadModelFolder, match=r"model\.norm\.weight"):
        load_mapped(folder)
