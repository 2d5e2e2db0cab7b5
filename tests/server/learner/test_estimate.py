"""The estimate made before an update: near what is then measured, and what follows when it does not fit."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from server.learner import profiles
from server.learner.adapters import Adapters
from server.learner.chat import Encoder
from server.learner.errors import DoesNotFit
from server.learner.estimate import Free, Shape, Work, estimate, fit
from server.learner.objective import Targets, head_loss
from server.learner.split import SplitModel
from server.learner.types import UpdateInput
from server.learner.update import run
from server.types import SelfEdit
from tests.server.learner.conftest import byte_tokenizer

SEEDLING = Path("server/engine/seedling")
LLAMA_8B = Shape(32, 11, 4096, 14336, 4096, 1024, 128256, 2, 16_060_000_000)
SOME = Work(prefix=20, example=50, answers=14, shots=60, distinct=2000)


def quick(name: str, **changes: Any) -> profiles.Profile:
    changes = {"min_steps": 2, "max_steps": 2, "averaged_steps": 1, "kl_cap_nats": 9.0} | changes
    return dataclasses.replace(profiles.PROFILES[name], name="quick", **changes)


@pytest.fixture(scope="module")
def wide_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama whose activations outweigh what every process takes anyway."""
    path = tmp_path_factory.mktemp("wide")
    tokenizer = byte_tokenizer()
    make: Any = LlamaForCausalLM
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=3,
        max_position_embeddings=512,
        eos_token_id=2,
        pad_token_id=0,
    )
    make(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def test_the_estimate_is_near_the_measured_peak(wide_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.measured", str(SEEDLING), "seedling", str(wide_dir), "small"],
        capture_output=True,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        memory = json.loads(line)
        assert 0.7 <= memory["needed_mb"] / memory["peak_mb"] <= 1.5, memory


def test_an_update_that_does_not_fit_is_computed_in_smaller_pieces_before_it_is_refused() -> None:
    profile = profiles.LARGE
    whole = estimate(LLAMA_8B, profile, SOME, 1024)
    leaner = estimate(LLAMA_8B, profile, SOME, 1024, checkpointing=True)
    smaller = estimate(LLAMA_8B, profile, SOME, 256, checkpointing=True, rows=16)
    assert whole.needed > leaner.needed > smaller.needed

    def chosen(room: int) -> tuple[bool, int]:
        found = fit(LLAMA_8B, profile, SOME, Free(room, "free here"), 1024, copied=False)
        return found.checkpointing, found.part_tokens

    assert chosen(whole.needed) == (False, 1024)
    assert chosen(whole.needed - 1) == (True, 1024)
    assert chosen(leaner.needed - 1) == (True, 512)
    with pytest.raises(DoesNotFit, match=r"needs \d+ MB \(.*activations \d+.*; \d+ MB are free here"):
        chosen(smaller.needed - 1)


def test_a_base_that_must_be_copied_counts_against_what_is_free() -> None:
    free = Free(LLAMA_8B.base_bytes, "free on the GPU")
    fit(LLAMA_8B, profiles.LARGE, SOME, free, 1024, copied=False)
    with pytest.raises(DoesNotFit, match="15316 MB for a copy of the base"):
        fit(LLAMA_8B, profiles.LARGE, SOME, free, 1024, copied=True)


def test_layers_computed_twice_give_the_same_gradients_to_the_bit(tiny_dir: Path) -> None:
    from server.engine.mapped import load_mapped

    def gradients(checkpointing: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        model, tokenizer = load_mapped(tiny_dir)
        encoder = Encoder(tokenizer, 512)
        adapters = Adapters(model, None, quick("seedling", layers=0.5))
        for parameter in adapters.parameters:
            torch.nn.init.normal_(parameter, std=0.05)
        split = SplitModel(model.model, 2, encoder.prefix, checkpointing=checkpointing)
        examples = [encoder.example(q, a) for q, a in (("What is it?", "A cat."), ("Who runs it?", "Anna."))]
        hidden, packed = split.hidden(examples)
        ones = torch.ones(len(packed.targets))
        loss, _ = head_loss(
            hidden, model.lm_head.weight, Targets(packed.targets[:, None], ones[:, None], ones)
        )
        loss.backward()  # type: ignore[no-untyped-call]
        return [p.grad for p in adapters.parameters if p.grad is not None]

    kept, recomputed = gradients(False), gradients(True)
    assert len(kept) == 2 * 7 * 2
    assert all(torch.equal(a, b) for a, b in zip(kept, recomputed, strict=True))


def test_an_update_refused_for_memory_has_trained_nothing(tiny_dir: Path, router_edit: SelfEdit) -> None:
    with pytest.raises(DoesNotFit, match=r"1 MB are allowed by learning\.memory_limit_mb"):
        run(UpdateInput(tiny_dir, None, (router_edit,), (), "seedling", memory_limit_mb=1))
